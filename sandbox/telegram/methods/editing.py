"""Methods that edit and delete messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.telegram.attachments import Attachment, read_attachment, read_photo
from sandbox.telegram.errors import bad_request
from sandbox.telegram.formatting import read_caption, read_text
from sandbox.telegram.keyboards import read_keyboard
from sandbox.telegram.methods.posting import Params, find_chat, find_message, message_to_edit
from sandbox.telegram.schema import Uploaded

if TYPE_CHECKING:
    from sandbox.telegram.messages import Json, Message
    from sandbox.telegram.world import Chat, World

_DELETABLE_SECONDS = 48 * 3600
_DELETED_AT_ONCE = 100
_NOT_MODIFIED = (
    "message is not modified: specified new message content and reply markup are exactly "
    "the same as a current content and reply markup of the message"
)


async def edit_message_text(world: World, params: Params) -> Json | bool:
    """Serve editMessageText."""
    message = message_to_edit(world, params)
    text, entities = read_text(params)
    if message.text is None:
        raise bad_request("there is no text in the message to edit")
    return _edit(world, message, params, text=text, entities=entities)


async def edit_message_caption(world: World, params: Params) -> Json | bool:
    """Serve editMessageCaption."""
    message = message_to_edit(world, params)
    caption, entities = read_caption(params)
    if message.media is None and not message.photo:
        raise bad_request("there is no caption in the message to edit")
    return _edit(world, message, params, caption=caption, entities=entities)


async def edit_message_reply_markup(world: World, params: Params) -> Json | bool:
    """Serve editMessageReplyMarkup."""
    return _edit(world, message_to_edit(world, params), params)


async def edit_message_media(world: World, params: Params) -> Json | bool:
    """Serve editMessageMedia; an inline message allows no upload."""
    message = message_to_edit(world, params)
    media = params["media"]
    if message.inline_message_id is not None and isinstance(media["media"], Uploaded):
        raise bad_request("can't upload a file through an inline message")
    caption, entities = read_caption(media)
    changed: dict[str, Any] = {"text": None, "caption": caption, "entities": entities}
    if media["type"] == "photo":
        changed |= {"photo": await read_photo(world.files, media["media"]), "media": None}
    else:
        attachment = Attachment.of(media["type"], media, "media")
        changed |= {"photo": [], "media": await read_attachment(world.files, attachment)}
    return _edit(world, message, params, **changed)


def _edit(world: World, message: Message, params: Params, **changed: Any) -> Json | bool:
    """Change a message; a keyboard that is not given again is removed."""
    changed["reply_markup"] = read_keyboard(params)
    if all(getattr(message, name) == value for name, value in changed.items()):
        raise bad_request(_NOT_MODIFIED)
    # an edit of the keyboard alone is not marked as an edit
    if any(getattr(message, name) != changed[name] for name in changed.keys() - {"reply_markup"}):
        message.edited_at = int(world.clock())
    for name, value in changed.items():
        setattr(message, name, value)
    world.edited(message)
    return True if "inline_message_id" in params else message.as_json()


async def delete_message(world: World, params: Params) -> bool:
    """Serve deleteMessage."""
    chat, message = find_message(world, params, "delete")
    if not _deletable(world, chat, message):
        raise bad_request("message can't be deleted")
    world.delete(message)
    return True


async def delete_messages(world: World, params: Params) -> bool:
    """Serve deleteMessages, skipping messages that cannot be deleted."""
    chat = find_chat(world, params)
    chat.check_open()
    if not 1 <= len(params["message_ids"]) <= _DELETED_AT_ONCE:
        raise bad_request(f"1-{_DELETED_AT_ONCE} message identifiers are expected")
    for message_id in params["message_ids"]:
        message = chat.find(message_id)
        if message is not None and _deletable(world, chat, message):
            world.delete(message)
    return True


def _deletable(world: World, chat: Chat, message: Message) -> bool:
    """Whether the bot may delete it: for 48 hours its own, in private chats and as admin all."""
    if world.clock() - message.date > _DELETABLE_SECONDS:
        return False
    own = message.sender is world.bot
    return own or chat.type == "private" or chat.bot_status == "administrator"


METHODS = {
    "editMessageText": edit_message_text,
    "editMessageCaption": edit_message_caption,
    "editMessageReplyMarkup": edit_message_reply_markup,
    "editMessageMedia": edit_message_media,
    "deleteMessage": delete_message,
    "deleteMessages": delete_messages,
}
