"""Pictures that come alive: /animate, a photo with words, a photo without."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telegram.ext import BaseHandler, MessageHandler, filters

from handlers import orders, questions
from handlers.addressed import ANSWERS_THE_BOT, MENTIONED, command_in
from handlers.commands import on
from handlers.identity import meet
from handlers.pictures import LARGEST, any_picture_of, is_image, picture_of
from handlers.prompt import cause_of, mentioned
from handlers.wish import SentPicture, Wish

if TYPE_CHECKING:
    from telegram import Message, Update

    from handlers.context import Context
    from handlers.identity import Asker
    from handlers.replies.language import Speech

ORDERS = frozenset({"animate", "video"})
"""The commands a picture's caption may begin with."""


class _Picture(filters.MessageFilter):
    """Messages that show a picture, a file that claims to be one, or a video with frames."""

    def filter(self, message: Message) -> bool:
        if message.photo or message.video or message.video_note:
            return True
        return message.document is not None and is_image(message.document.mime_type)


class _Ordered(filters.MessageFilter):
    """Captions that begin with one of our commands."""

    def filter(self, message: Message) -> bool:
        command = command_in(message)
        return command is not None and command[0] in ORDERS


PICTURE = _Picture()


async def animate(update: Update, context: Context) -> None:
    """Bring the picture to life that the command answers."""
    message = update.effective_message
    asker = await meet(update, context.services)
    if message is None or asker is None:
        return
    command = command_in(message)
    answered = message.reply_to_message
    picture, words = any_picture_of(answered, command[1] if command else "")
    if picture is not None:
        await orders.place(context, asker, _wish(asker, message, words, picture))
    elif answered is not None and not _is_topic_start(answered):
        await context.services.outbox.say(
            asker.chat,
            no_picture(answered, asker.speech),
            reply_to=message.message_id,
            thread_id=asker.thread_id,
        )
    else:
        await questions.ask_for_picture(context, asker, message)


def no_picture(message: Message, speech: Speech) -> str:
    """Say why nothing of a message can come alive."""
    file = message.document or message.video or message.animation
    if file is not None and (file.file_size or 0) > LARGEST:
        return speech.gettext("That file is over 20 MB, more than I can fetch. Send it as a photo.")
    if message.sticker is not None:
        return speech.gettext("I can't open that kind of sticker. Reply to a photo or a video.")
    return speech.gettext("I see no picture there. Reply /animate to a photo.")


async def picture(update: Update, context: Context) -> None:
    """Start a picture that came with words, ask about one without."""
    message = update.effective_message
    asker = await meet(update, context.services)
    if message is None or asker is None:
        return
    command = command_in(message)
    sent, words = any_picture_of(message, command[1] if command else (message.caption or ""))
    if sent is None:
        await context.services.outbox.say(
            asker.chat,
            no_picture(message, asker.speech),
            reply_to=message.message_id,
            thread_id=asker.thread_id,
        )
        return
    own = message.forward_origin is None and message.media_group_id is None
    if own and await questions.answered(context, asker, message, sent):
        return
    if asker.chat.is_private and not words and command is None and own:
        before = await questions.make_room(context, asker)
        words = before.prompt if before else ""
        await orders.place(context, asker, _wish(asker, message, words, sent, asks=True))
        return
    await orders.place(context, asker, _wish(asker, message, words, sent, asks=not own))


async def group_answer(update: Update, context: Context) -> None:
    """Take a picture that answers a question of the bot's; any other is talk."""
    message = update.effective_message
    asker = await meet(update, context.services)
    sent = picture_of(message)
    if message is not None and asker is not None and sent is not None:
        await questions.answered(context, asker, message, sent)


def _wish(
    asker: Asker,
    message: Message,
    words: str,
    sent: SentPicture,
    *,
    asks: bool | None = None,
) -> Wish:
    cause = cause_of(asker.chat, message)
    if message.media_group_id is not None:
        # ten pictures of an album are one order
        cause = f"album:{asker.chat.telegram_id}:{message.media_group_id}"
    return Wish(
        text=words,
        picture=sent,
        origin="message",
        cause=cause,
        message_id=message.message_id,
        asks=message.forward_origin is not None if asks is None else asks,
    )


def _is_topic_start(message: Message) -> bool:
    """Whether this is the service message every message of a topic seems to answer."""
    return message.forum_topic_created is not None


def handlers() -> list[BaseHandler[Update, Context, None]]:
    """Return what listens for pictures."""
    new = filters.UpdateType.MESSAGE
    group = filters.ChatType.GROUPS
    return [
        on("animate", animate),
        MessageHandler(new & PICTURE & _Ordered(), picture),
        MessageHandler(new & group & PICTURE & MENTIONED, mentioned),
        MessageHandler(new & group & PICTURE & ANSWERS_THE_BOT, group_answer),
        MessageHandler(new & filters.ChatType.PRIVATE & PICTURE, picture),
    ]
