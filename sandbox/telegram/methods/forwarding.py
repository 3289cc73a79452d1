"""Copies and forwards: messages that are not simply written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.telegram.errors import bad_request
from sandbox.telegram.formatting import read_caption
from sandbox.telegram.methods.placing import Params, find_chat, place

if TYPE_CHECKING:
    from sandbox.telegram.messages import Json, Message
    from sandbox.telegram.world import World


async def copy_message(world: World, params: Params) -> Json:
    """Serves copyMessage: the content without its author; a caption may be replaced."""
    message = _source(world, params, "copy")
    content = _content(message)
    if "caption" in params:
        content["caption"], content["entities"] = read_caption(params)
    return {"message_id": place(world, params, "text messages", **content).message_id}


async def forward_message(world: World, params: Params) -> Json:
    """Serves forwardMessage."""
    message = _source(world, params, "forward")
    origin = {"type": "user", "date": message.date, "sender_user": message.sender.as_json()}
    origin = message.forward_origin or origin
    content = _content(message) | {"forward_origin": origin}
    return place(world, params, "text messages", **content).as_json()


def _source(world: World, params: Params, what: str) -> Message:
    message = find_chat(world, params, "from_chat_id").find(params["message_id"])
    if message is None:
        raise bad_request(f"message to {what} not found")
    if message.is_service or message.protected or "invoice" in message.extra:
        raise bad_request("message can't be copied" if what == "copy" else "MESSAGE_PROTECTED")
    return message


def _content(message: Message) -> dict[str, Any]:
    names = ("text", "caption", "entities", "media", "photo", "extra")
    return {name: getattr(message, name) for name in names}


METHODS = {
    "copyMessage": copy_message,
    "forwardMessage": forward_message,
}
