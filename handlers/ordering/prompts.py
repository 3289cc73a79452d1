"""Words that become a video: /video, plain text in private, a mention in a group."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telegram.ext import filters

from handlers.ordering import asking, placing, questions
from handlers.ordering.addressed import ANSWERS_THE_BOT, MENTIONED, command_in, mention_in
from handlers.ordering.drafts import wish_of
from handlers.ordering.pictures import any_picture_of, is_too_large, no_picture, picture_of
from handlers.routing import Router, cause_of

if TYPE_CHECKING:
    from telegram import Message

    from handlers.context import Context
    from handlers.identity import Sender
    from handlers.ordering.drafts import SentPicture

router = Router()
WORDS = filters.TEXT & ~filters.COMMAND


@router.command("video")
async def video(sender: Sender, message: Message, context: Context) -> None:
    """Make a video of the words after the command, or of the picture it answers."""
    command = command_in(message)
    answered = message.reply_to_message
    picture, words = _meant(answered, command[1] if command else "")
    if picture is None and answered is not None and is_too_large(answered):
        await sender.reply(no_picture(answered, sender.translator), reply_to=message.message_id)
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


@router.message(filters.ChatType.GROUPS & MENTIONED & ~filters.COMMAND, orders=True)
async def mentioned(sender: Sender, message: Message, context: Context) -> None:
    """Make a video of what stands beside a mention, or of the picture it answers."""
    picture, words = any_picture_of(message, mention_in(message) or "")
    if picture is None:
        picture, words = any_picture_of(message.reply_to_message, words)
    if not words and picture is None:
        await questions.ask_for_idea(context, sender, message)
    else:
        await placing.place(context, sender, wish_of(sender, message, words, picture))


@router.message(filters.ChatType.GROUPS & WORDS & ANSWERS_THE_BOT, orders=True, overheard=True)
async def group_answer(sender: Sender, message: Message, context: Context) -> None:
    """Take an answer to a question the bot asked in a group; any other answer is talk."""
    card = await questions.open_to(context, sender, message)
    if card is not None:
        await questions.take(context, sender, message, card, message.text or "")


@router.message(filters.ChatType.PRIVATE & WORDS, orders=True)
async def private_text(sender: Sender, message: Message, context: Context) -> None:
    """Take plain words as the answer to an open question, else as an idea to confirm."""
    reply, said = message.reply_to_message, message.text or ""
    if message.forward_origin is None:
        card = await questions.open_to(context, sender, message)
        if card is not None and (reply is not None or not card.wants_picture):
            await questions.take(context, sender, message, card, said)
            return
    await asking.make_room(context.services, sender, cause_of(sender.chat, message))
    by_bot = reply is not None and reply.from_user is not None and reply.from_user.is_bot
    picture, words = any_picture_of(None if by_bot else reply, said)
    await placing.place(context, sender, wish_of(sender, message, words, picture, asks=True))
