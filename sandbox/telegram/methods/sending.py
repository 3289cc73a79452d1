"""sendMessage and the methods that send a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.telegram.attachments import Attachment, read_attachment, read_photo
from sandbox.telegram.formatting import read_caption, read_text
from sandbox.telegram.methods.placing import Params, find_chat, place

if TYPE_CHECKING:
    from sandbox.telegram.messages import Json
    from sandbox.telegram.world import World

_RIGHTS = {
    "video": "videos",
    "animation": "GIFs",
    "document": "documents",
}


async def send_message(world: World, params: Params) -> Json:
    """Serves sendMessage."""
    find_chat(world, params)
    text, entities = read_text(params)
    return place(world, params, "text messages", text=text, entities=entities).as_json()


async def send_photo(world: World, params: Params) -> Json:
    """Serves sendPhoto."""
    find_chat(world, params)
    caption, entities = read_caption(params)
    sizes = await read_photo(world.files, params["photo"])
    content = {"photo": sizes, "caption": caption, "entities": entities}
    return place(world, params, "photos", **content).as_json()


async def send_video(world: World, params: Params) -> Json:
    """Serves sendVideo: without a sound track it becomes an animation, as no mp4 a document."""
    return await _send_file(world, params, "video")


async def send_animation(world: World, params: Params) -> Json:
    """Serves sendAnimation."""
    return await _send_file(world, params, "animation")


async def send_document(world: World, params: Params) -> Json:
    """Serves sendDocument."""
    return await _send_file(world, params, "document")


async def _send_file(world: World, params: Params, kind: str) -> Json:
    find_chat(world, params).check_writable(_RIGHTS[kind])
    caption, entities = read_caption(params)
    file = await read_attachment(world.files, Attachment.of(kind, params))
    content: dict[str, Any] = {"media": file, "caption": caption, "entities": entities}
    sent = place(world, params, _RIGHTS[kind], **content)
    is_prepared = kind == "video" and sent.chat.prepares_videos
    return sent.as_json() | ({"message_id": 0} if is_prepared else {})


METHODS = {
    "sendMessage": send_message,
    "sendPhoto": send_photo,
    "sendVideo": send_video,
    "sendAnimation": send_animation,
    "sendDocument": send_document,
}
