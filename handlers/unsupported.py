"""Whatever else people send in private: answered in a sentence that says what to send instead."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telegram.constants import FileSizeLimit
from telegram.ext import filters

from handlers.context import cause_of
from handlers.routing import COMMANDED, Router, is_answered, unknown_command

if TYPE_CHECKING:
    from telegram import Message

    from handlers.context import Context, Sender
    from handlers.replies.texts import Translator

router = Router()


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
