"""Words that become a video: /video, plain text in private, a mention in a group."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telegram.ext import BaseHandler, MessageHandler, filters

from handlers.commands import on
from handlers.identity import meet
from handlers.ordering import asking, placing, questions
from handlers.ordering.addressed import ANSWERS_THE_BOT, MENTIONED, command_in, mention_in
from handlers.ordering.drafts import cause_of, wish_of
from handlers.ordering.pictures import any_picture_of, is_too_large, no_picture, picture_of

if TYPE_CHECKING:
    from telegram import Message, Update

    from handlers.context import Context
    from handlers.ordering.drafts import SentPicture


async def video(update: Update, context: Context) -> None:
    """Make a video of the words after the command, or of the picture it answers."""
    message = update.effective_message
    sender = await meet(update, context.services)
    if message is None or sender is None:
        return
    command = command_in(message)
    answered = message.reply_to_message
    picture, words = _meant(answered, command[1] if command else "")
    if picture is None and answered is not None and is_too_large(answered):
        await context.services.outbox.say(
            sender.chat,
            no_picture(answered, sender.translator),
            reply_to=message.message_id,
            thread_id=sender.thread_id,
        )
    elif not words and picture is None:
        await questions.ask_for_idea(context, sender, message)
    else:
        await placing.place(context, sender, wish_of(sender, message, words, picture))


def _meant(answered: Message | None, words: str) -> tuple[SentPicture | None, str]:
    """Return the picture /video means: one it answers; a frame only where nothing else is said."""
    still = picture_of(answered)
    if still is not None:
        return still, words
    frame, left = any_picture_of(answered, words)
    return (frame, left) if not words or left != words else (None, words)


async def private_text(update: Update, context: Context) -> None:
    """Take plain words as the answer to an open question, else as an idea to confirm."""
    message = update.effective_message
    sender = await meet(update, context.services)
    if message is None or sender is None or message.text is None:
        return
    reply = message.reply_to_message
    if message.forward_origin is None:
        card = await questions.open_to(context, sender, message)
        if card is not None and (reply is not None or not card.wants_picture):
            await questions.take(context, sender, message, card, message.text)
            return
    await asking.make_room(context.services, sender, cause_of(sender.chat, message))
    by_bot = reply is not None and reply.from_user is not None and reply.from_user.is_bot
    picture, words = any_picture_of(None if by_bot else reply, message.text)
    await placing.place(context, sender, wish_of(sender, message, words, picture, asks=True))


async def mentioned(update: Update, context: Context) -> None:
    """Make a video of what stands beside a mention, or of the picture it answers."""
    message = update.effective_message
    sender = await meet(update, context.services)
    if message is None or sender is None:
        return
    picture, words = any_picture_of(message, mention_in(message) or "")
    if picture is None:
        picture, words = any_picture_of(message.reply_to_message, words)
    if not words and picture is None:
        await questions.ask_for_idea(context, sender, message)
    else:
        await placing.place(context, sender, wish_of(sender, message, words, picture))


async def group_answer(update: Update, context: Context) -> None:
    """Take an answer to a question the bot asked in a group; any other answer is talk."""
    message = update.effective_message
    sender = await meet(update, context.services)
    if message is None or sender is None:
        return
    card = await questions.open_to(context, sender, message)
    if card is not None:
        await questions.take(context, sender, message, card, message.text or "")


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
