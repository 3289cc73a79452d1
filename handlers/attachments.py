"""What people send beside words: which of it shows something, and what is said of the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from telegram.constants import FileSizeLimit
from telegram.ext import filters

from handlers.replies.keyboards import MOST_FETCHED
from handlers.routing import COMMANDED, Router, is_answered, unknown_command
from handlers.senders import cause_of

if TYPE_CHECKING:
    from telegram import Animation, Document, ExternalReplyInfo, Message, Video, VideoNote

    from handlers.context import Context
    from handlers.replies.texts import Translator
    from handlers.senders import Sender

router = Router()

_NOT_PICTURES = frozenset({"image/gif", "image/svg+xml"})
_UNNAMED = frozenset({"", "application/octet-stream"})
"""What some phones call every file."""
_ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".heic", ".heif")


Seen: TypeAlias = "Message | ExternalReplyInfo"
"""A message, or what Telegram tells of one in another chat."""


def moving_in(message: Seen) -> Video | Animation | VideoNote | Document | None:
    """Return what moves in a message: a video, also one sent as a file, or a GIF."""
    file = message.document if is_video(message.document) else None
    return message.video or message.animation or message.video_note or file


def is_too_large(message: Seen) -> bool:
    """Whether a message's picture is more than a bot may fetch."""
    document = message.document
    return document is not None and is_image(document) and not is_fetchable(document.file_size)


def no_picture(message: Seen, translator: Translator) -> str:
    """Say why nothing of a message can come alive, and what can."""
    moving = moving_in(message)
    if moving is not None and not is_fetchable(moving.file_size):
        return translator.gettext(
            "That is over 20 MB, more than I can fetch. Send a shorter video."
        )
    if message.document is not None and not is_fetchable(message.document.file_size):
        return translator.gettext(
            "That file is over 20 MB, more than I can fetch. Send it as a photo."
        )
    if message.sticker is not None:
        return translator.gettext("I can't open that kind of sticker. Reply to a photo or a video.")
    return translator.gettext("I see no picture there. Reply /animate to a photo.")


def is_image(file: Document) -> bool:
    """Whether a file claims to be a still picture; its bytes are looked at later."""
    claimed = (file.mime_type or "").lower()
    if claimed in _UNNAMED:
        return (file.file_name or "").lower().endswith(_ENDINGS)
    return claimed.startswith("image/") and claimed not in _NOT_PICTURES


def is_video(file: Document | None) -> bool:
    """Whether a file claims to be a video."""
    return file is not None and (file.mime_type or "").lower().startswith("video/")


def is_fetchable(size: int | None) -> bool:
    """Whether a bot may fetch a file of this size; what Telegram does not tell is tried."""
    return not isinstance(size, int) or size <= MOST_FETCHED


def advice(message: Message, translator: Translator) -> str:
    """Say what to send instead of what was sent."""
    _ = translator.gettext
    if message.document and (message.document.file_size or 0) > FileSizeLimit.FILESIZE_DOWNLOAD:
        return _("That file is over 20 MB. Send me a smaller picture, or send it as a photo.")
    # a GIF also fills the document field, so it stands before it
    for sent, answer in (
        (message.animation, _("It moves already! Send me a still picture to bring to life.")),
        (
            message.document,
            _("I can't use this file. Send me a JPEG, PNG, WEBP or HEIC picture, or an idea."),
        ),
        (message.voice, _("I can't listen. Write me what we should see.")),
        (message.audio, _("I can't hear music. Write me what we should see to it.")),
        (message.sticker, _("Nice one! But I need a photo, or a few words about what to film.")),
        (message.contact, _("I make no videos of contacts. Send me a photo or an idea.")),
        (
            message.location or message.venue,
            _("I can't see places on a map. Send me a photo of it, or describe it."),
        ),
        (message.poll, _("I don't vote. Write me one idea, and I film it.")),
        (message.dice, _("I can't play games. Send me an idea or a photo.")),
    ):
        if sent:
            return answer
    return _("I make short videos from an idea or a photo. Send me one of the two.")


@router.message(filters.ChatType.PRIVATE & COMMANDED)
async def unknown(sender: Sender, message: Message) -> None:
    """Answer a command that is not there."""
    await sender.reply(unknown_command(message, sender.translator), reply_to=message.message_id)


@router.message(filters.ChatType.PRIVATE & ~filters.TEXT & ~filters.StatusUpdate.ALL)
async def unsupported(sender: Sender, message: Message, context: Context) -> None:
    """Answer what nothing can be made of."""
    if not is_answered(context, cause_of(message)):
        await sender.reply(advice(message, sender.translator), reply_to=message.message_id)
