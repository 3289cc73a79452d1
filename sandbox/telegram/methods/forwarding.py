"""Methods that copy and forward messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.telegram.errors import bad_request
from sandbox.telegram.formatting import read_caption
from sandbox.telegram.methods.posting import Params, find_chat, post_message

if TYPE_CHECKING:
    from sandbox.telegram.messages import Json, Message
    from sandbox.telegram.world import World


async def copy_message(world: World, params: Params) -> Json:
    """Serve copyMessage; a caption may be replaced."""
    message = _source(world, params, "copy")
    content = message.copied()
    if "caption" in params:
        content["caption"], content["entities"] = read_caption(params)
    return {"message_id": post_message(world, params, "text messages", **content).message_id}


async def forward_message(world: World, params: Params) -> Json:
    """Serve forwardMessage."""
    message = _source(world, params, "forward")
    return post_message(world, params, "text messages", **message.forwarded()).as_json()


def _source(world: World, params: Params, what: str) -> Message:
    message = find_chat(world, params, "from_chat_id").find(params["message_id"])
    if message is None:
        raise bad_request(f"message to {what} not found")
    if message.is_service or message.protected or "invoice" in message.extra:
        raise bad_request("message can't be copied" if what == "copy" else "MESSAGE_PROTECTED")
    return message


METHODS = {
    "copyMessage": copy_message,
    "forwardMessage": forward_message,
}
