"""Words that become a video: /video, plain text in private, a mention in a group."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telegram.ext import BaseHandler, MessageHandler, filters

from handlers import orders, questions
from handlers.addressed import ANSWERS_THE_BOT, MENTIONED, command_in, mention_in
from handlers.commands import on
from handlers.identity import meet
from handlers.pictures import any_picture_of, picture_of
from handlers.wish import Wish

if TYPE_CHECKING:
    from telegram import Message, Update

    from handlers.context import Context
    from handlers.identity import Asker
    from handlers.wish import SentPicture
    from storage.chats import Chat


def cause_of(chat: Chat, message: Message) -> str:
    """Name a message as the cause of an order: Telegram repeats updates."""
    return f"message:{chat.telegram_id}:{message.message_id}"


async def video(update: Update, context: Context) -> None:
    """Make a video of the words after the command, or of the picture it answers."""
    message = update.effective_message
    asker = await meet(update, context.services)
    if message is None or asker is None:
        return
    command = command_in(message)
    words = command[1] if command else ""
    picture = picture_of(message.reply_to_message)
    if not words and picture is None:
        await questions.ask_for_idea(context, asker, message)
        return
    asks = message.forward_origin is not None
    await orders.place(context, asker, _wish(asker, message, words, picture, asks=asks))


async def private_text(update: Update, context: Context) -> None:
    """Take plain words as the answer to an open question, else as an idea to confirm."""
    message = update.effective_message
    asker = await meet(update, context.services)
    if message is None or asker is None or message.text is None:
        return
    if message.forward_origin is None and await questions.answered(context, asker, message):
        return
    await questions.make_room(context, asker)
    await orders.place(context, asker, _wish(asker, message, message.text, None, asks=True))


async def mentioned(update: Update, context: Context) -> None:
    """Make a video of what stands beside a mention, or of the picture it answers."""
    message = update.effective_message
    asker = await meet(update, context.services)
    if message is None or asker is None:
        return
    picture, words = any_picture_of(message, mention_in(message) or "")
    if picture is None:
        picture, words = any_picture_of(message.reply_to_message, words)
    if not words and picture is None:
        await questions.ask_for_idea(context, asker, message)
        return
    asks = message.forward_origin is not None
    await orders.place(context, asker, _wish(asker, message, words, picture, asks=asks))


async def group_answer(update: Update, context: Context) -> None:
    """Take an answer to a question the bot asked in a group; any other answer is talk."""
    message = update.effective_message
    asker = await meet(update, context.services)
    if message is not None and asker is not None:
        await questions.answered(context, asker, message)


def _wish(
    asker: Asker, message: Message, words: str, picture: SentPicture | None, *, asks: bool
) -> Wish:
    return Wish(
        text=words,
        picture=picture,
        origin="message",
        cause=cause_of(asker.chat, message),
        message_id=message.message_id,
        asks=asks,
    )


def handlers() -> list[BaseHandler[Update, Context, None]]:
    """Return what listens for words."""
    new = filters.UpdateType.MESSAGE
    words = filters.TEXT & ~filters.COMMAND
    group = filters.ChatType.GROUPS
    return [
        on("video", video),
        MessageHandler(new & group & MENTIONED & ~filters.COMMAND, mentioned),
        MessageHandler(new & group & words & ANSWERS_THE_BOT, group_answer),
        MessageHandler(new & filters.ChatType.PRIVATE & words, private_text),
    ]
