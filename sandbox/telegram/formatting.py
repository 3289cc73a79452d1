"""Turns the text and caption parameters of a call into text and entities, within the limits.

Lengths are counted in UTF-16 units: the stricter reading of the reference's "characters".
"""

from __future__ import annotations

from typing import Any

from sandbox.telegram.errors import bad_request
from sandbox.telegram.markup import (
    Entity,
    add_detected,
    check_dates,
    parse_html,
    strip_text,
    utf16_length,
)

TEXT_LIMIT = 4096
CAPTION_LIMIT = 1024


def read_text(params: dict[str, Any]) -> tuple[str, list[Entity]]:
    """Return the text of a message, 1-4096 characters after parsing, and its entities.

    Raises:
        ApiError: 400 for an empty or too long text and for bad HTML.
    """
    text, entities = _formatted(params["text"], params.get("parse_mode"), params.get("entities"))
    if not text:
        raise bad_request("message text is empty")
    if utf16_length(text) > TEXT_LIMIT:
        raise bad_request("message is too long")
    return text, entities


def read_inline_text(content: dict[str, Any]) -> tuple[str, list[Entity]]:
    """Return the text of an inline result's message and its entities.

    Raises:
        ApiError: as ``read_text``.
    """
    renamed = {"text": content["message_text"], "parse_mode": content.get("parse_mode")}
    return read_text(renamed | {"entities": content.get("entities")})


def read_caption(params: dict[str, Any]) -> tuple[str | None, list[Entity]]:
    """Return the caption of a file, up to 1024 characters after parsing or None, and its entities.

    Raises:
        ApiError: 400 for a too long caption and for bad HTML.
    """
    text, entities = _formatted(
        params.get("caption", ""), params.get("parse_mode"), params.get("caption_entities")
    )
    if utf16_length(text) > CAPTION_LIMIT:
        raise bad_request("message caption is too long")
    return text or None, entities


def _formatted(
    source: str, parse_mode: str | None, given: list[Entity] | None
) -> tuple[str, list[Entity]]:
    if not parse_mode:
        text, entities = source, list(given or [])
    elif parse_mode.lower() == "html":
        text, entities = parse_html(source)
    else:
        raise bad_request(f"unsupported parse_mode {parse_mode!r}: this server reads HTML only")
    check_dates(entities)
    text, entities = strip_text(text, entities)
    return text, add_detected(text, entities)
