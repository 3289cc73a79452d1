"""Parsing, validation and recording of requests for videos."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox.aimlapi import pictures, schemas, shapes
from sandbox.aimlapi.pictures import BadPictureError, Picture
from sandbox.aimlapi.refusals import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

BODY_LENGTH = 32 << 20  # maximum bytes of a request
_TOKEN = re.compile(r"bot\d{5,}(:|%3[Aa])[A-Za-z0-9_-]{20,}")
_CLIENT_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}\Z")


@dataclass(frozen=True, slots=True)
class Submission:
    """A request for a video as received; `body` holds descriptions instead of pictures.

    `id` is the generation's, if there is one; `status` is the HTTP status of the answer, None until
    it is sent.
    """

    model: str
    body: dict[str, Any]
    client_request_id: str | None
    at: float
    id: str | None = None
    accepted: bool = False
    status: int | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """A valid request."""

    model: schemas.Model
    body: dict[str, Any]
    picture: Picture | None
    size: shapes.Size
    seconds: int


def parse(raw: bytes, content_type: str) -> dict[str, Any]:
    """Return the JSON object of a request; raises Refusal."""
    if content_type.partition(";")[0].strip().lower() != "application/json":
        raise Refusal(415, "Unsupported content type: expected application/json")
    try:
        body = json.loads(raw)
    except ValueError as error:
        raise Refusal(400, "Unexpected token in JSON") from error
    if not isinstance(body, dict):
        raise invalid(["body: Expected object"])
    return body


def check(body: dict[str, Any], serves: Callable[[str], bool]) -> Order:
    """Check a body against its model's schema and the further rules; raises Refusal."""
    model = schemas.find(body.get("model"))
    if model is None:
        raise invalid([f"model: Invalid enum value. Received {str(body.get('model'))[:100]!r}"])
    if not serves(model.id):
        raise Refusal(404, f"Model {model.id} is not found", name="NotFoundException")
    if problems := model.problems(body):
        raise invalid(problems)
    picture = _first_picture(body)
    size = shapes.size_of(model, body, (picture.width, picture.height) if picture else None)
    if model.is_sora and picture and (picture.width, picture.height) != size:
        message = "Inpaint image must match the requested width and height"
        raise Refusal(400, message, name="invalid_request_error")
    return Order(model, body, picture, size, shapes.seconds_of(model, body))


def invalid(problems: list[str]) -> Refusal:
    """Return the API's error for a body that does not match the schema."""
    message = "Body validation error! " + "; ".join(problems)
    return Refusal(400, message, details={"errors": problems})


def leaks_token(text: str) -> bool:
    """Whether a text holds something like a Telegram bot's token."""
    return _TOKEN.search(text) is not None


def client_request_id(header: str | None) -> str | None:
    """Return the caller's correlation id; None if it is missing or malformed."""
    return header if header and _CLIENT_REQUEST_ID.match(header) else None


def without_pictures(body: dict[str, Any]) -> dict[str, Any]:
    """Return the body with descriptions of its pictures instead of their bytes."""
    return {name: _without_bytes(value) for name, value in body.items()}


def _without_bytes(value: Any) -> Any:
    if isinstance(value, str) and value.startswith("data:"):
        try:
            return pictures.read_data_uri(value).record()
        except BadPictureError as error:
            return {"unreadable": str(error), "length": len(value)}
    if isinstance(value, list):
        return [_without_bytes(inner) for inner in value]
    return value


def _first_picture(body: dict[str, Any]) -> Picture | None:
    """Return the first frame if it is a data URI; raises Refusal if any picture is unreadable."""
    found = [
        (path, _readable(path, url))
        for path, url in schemas.addresses(body)
        if url.startswith("data:image/")
    ]
    return next((picture for path, picture in found if not path.startswith(("last", "tail"))), None)


def _readable(path: str, uri: str) -> Picture:
    try:
        return pictures.read_data_uri(uri)
    except BadPictureError as error:
        raise invalid([f"{path}: {error}"]) from error
