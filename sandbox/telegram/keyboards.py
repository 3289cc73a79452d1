"""Checks the keyboard of a message as Telegram does."""

from __future__ import annotations

import re
from typing import Any

from sandbox.telegram.errors import bad_request
from sandbox.telegram.markup import utf16_length

DATA_BYTES = 64
_ROW_LIMIT = 8
_BUTTON_LIMIT = 100
_COPY_TEXT_LIMIT = 256
_QUERY_LIMIT = 256
_STYLES = ("primary", "success", "danger")
_URL = re.compile(r"(?:https?://|tg://|ton://)?[^\s/]+\.\S+|tg://\S+|https?://\S+")


def read_keyboard(params: dict[str, Any]) -> dict[str, Any] | None:
    """Return the reply_markup of a call; None if there is none or it has no buttons.

    Raises:
        ApiError: 400 for a keyboard that Telegram refuses.
    """
    markup: dict[str, Any] | None = params.get("reply_markup")
    if markup is None or "inline_keyboard" not in markup:
        return markup
    rows = [row for row in markup["inline_keyboard"] if row]
    if sum(len(row) for row in rows) > _BUTTON_LIMIT:
        raise bad_request("REPLY_MARKUP_TOO_LONG")
    for row in rows:
        if len(row) > _ROW_LIMIT:
            raise bad_request("REPLY_MARKUP_TOO_LONG")
        for button in row:
            _check(button)
    return {"inline_keyboard": rows} if rows else None


def _check(button: dict[str, Any]) -> None:
    if not button["text"].strip():
        raise bad_request("can't parse inline keyboard button: Text must be non-empty")
    actions = button.keys() - {"text", "icon_custom_emoji_id", "style"}
    if not actions:
        raise bad_request(
            "can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard"
        )
    if len(actions) > 1:
        raise bad_request(f"a button does one thing, this one {sorted(actions)}")
    if button.get("style", "primary") not in _STYLES:
        raise bad_request("can't parse inline keyboard button: invalid button style specified")
    data = button.get("callback_data")
    if data is not None and not 1 <= len(data.encode()) <= DATA_BYTES:
        raise bad_request("BUTTON_DATA_INVALID")
    copied = (button.get("copy_text") or {}).get("text", "x")
    if not 1 <= utf16_length(copied) <= _COPY_TEXT_LIMIT:
        raise bad_request("BUTTON_COPY_TEXT_INVALID")
    if utf16_length(button.get("switch_inline_query_current_chat") or "") > _QUERY_LIMIT:
        raise bad_request("BUTTON_INLINE_QUERY_INVALID")
    url = button.get("url")
    if url is not None and not _URL.fullmatch(url):
        raise bad_request(f"inline keyboard button URL '{url}' is invalid: Wrong HTTP URL")
