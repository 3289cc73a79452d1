"""sendMessage and the methods that send a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.telegram.attachments import Attachment, read_attachment, read_photo
from sandbox.telegram.formatting import read_caption, read_text
from sandbox.telegram.methods.posting import Params, find_chat, post_message

if TYPE_CHECKING:
    from sandbox.telegram.messages import Json
    from sandbox.telegram.world import World

_RIGHTS = {
    "video": "videos",
    "animation": "GIFs",
    "document": "documents",
}


async def send_message(world: World, params: Params) -> Json:
    """Serve sendMessage."""
    find_chat(world, params)
    text, entities = read_text(params)
    return post_message(world, params, "text messages", text=text, entities=entities).as_json()


async def send_photo(world: World, params: Params) -> Json:
    """Serve sendPhoto."""
    find_chat(world, params)
    caption, entities = read_caption(params)
    sizes = await read_photo(world.files, params["photo"])
    content = {"photo": sizes, "caption": caption, "entities": entities}
    return post_message(world, params, "photos", **content).as_json()


async def send_video(world: World, params: Params) -> Json:
    """Serve sendVideo; a silent one becomes an animation, a file that is no mp4 a document."""
    return await _send_file(world, params, "video")


async def send_animation(world: World, params: Params) -> Json:
    """Serve sendAnimation."""
    return await _send_file(world, params, "animation")


async def send_document(world: World, params: Params) -> Json:
    """Serve sendDocument."""
    return await _send_file(world, params, "document")


async def _send_file(world: World, params: Params, kind: str) -> Json:
    find_chat(world, params).check_writable(_RIGHTS[kind])
    caption, entities = read_caption(params)
    file = await read_attachment(world.files, Attachment.of(kind, params))
    content: dict[str, Any] = {"media": file, "caption": caption, "entities": entities}
    sent = post_message(world, params, _RIGHTS[kind], **content)
    is_prepared = kind == "video" and sent.chat.prepares_videos
    return sent.as_json() | ({"message_id": 0} if is_prepared else {})


METHODS = {
    "sendMessage": send_message,
    "sendPhoto": send_photo,
    "sendVideo": send_video,
    "sendAnimation": send_animation,
    "sendDocument": send_document,
}
