"""Whatever else people send in private: one sentence that says what to send instead."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telegram.constants import FileSizeLimit
from telegram.ext import MessageHandler, filters

from handlers.identity import meet
from handlers.ordering import albums
from handlers.ordering.drafts import cause_of

if TYPE_CHECKING:
    from telegram import Message, Update
    from telegram.ext import BaseHandler

    from handlers.context import Context
    from handlers.replies.language import Translator

_LONGEST_NAME = 32
"""Characters of an unknown command that are said back; Telegram knows no longer one."""


def advice(message: Message, translator: Translator) -> str:
    """Say what to send instead of what was sent."""
    say = translator.gettext
    if message.document and (message.document.file_size or 0) > FileSizeLimit.FILESIZE_DOWNLOAD:
        return say("That file is over 20 MB. Send me a smaller picture, or send it as a photo.")
    # a GIF also fills the document field, so it stands before it
    for sent, answer in (
        (message.animation, say("It moves already! Send me a still picture to bring to life.")),
        (
            message.document,
            say("I can't use this file. Send me a JPEG, PNG, WEBP or HEIC picture, or an idea."),
        ),
        (message.voice, say("I can't listen. Write me what we should see.")),
        (message.audio, say("I can't hear music. Write me what we should see to it.")),
        (message.sticker, say("Nice one! But I need a photo, or a few words about what to film.")),
        (message.contact, say("I make no videos of contacts. Send me a photo or an idea.")),
        (
            message.location or message.venue,
            say("I can't see places on a map. Send me a photo of it, or describe it."),
        ),
        (message.poll, say("I don't vote. Write me one idea, and I film it.")),
        (message.dice, say("No luck needed here: send me an idea or a photo.")),
    ):
        if sent:
            return answer
    return say("I make short videos from an idea or a photo. Send me one of the two.")


async def unsupported(update: Update, context: Context) -> None:
    """Answer what nothing can be made of."""
    sender, message = await meet(update, context.services), update.message
    if sender is None or message is None:
        return
    if albums.is_answered(context, cause_of(sender.chat, message)):
        return
    await context.services.outbox.say(
        sender.chat,
        advice(message, sender.translator),
        reply_to=message.message_id,
        thread_id=sender.thread_id,
    )


async def unknown_command(update: Update, context: Context) -> None:
    """Answer a command that is not there, or not for this person."""
    sender, message = await meet(update, context.services), update.message
    if sender is None or message is None or not message.text:
        return
    name = message.text.split()[0].partition("@")[0][: _LONGEST_NAME + 1]
    await context.services.outbox.say(
        sender.chat,
        sender.translator.gettext("I don't know {command}. /help shows what I can do.").format(
            command=name
        ),
        reply_to=message.message_id,
        thread_id=sender.thread_id,
    )


def handlers() -> list[BaseHandler[Update, Context, None]]:
    """Return what takes the messages that are left; in groups they are not for the bot."""
    here = filters.UpdateType.MESSAGE & filters.ChatType.PRIVATE
    return [
        MessageHandler(here & filters.COMMAND, unknown_command),
        MessageHandler(here & ~filters.TEXT & ~filters.StatusUpdate.ALL, unsupported),
    ]
