"""Pictures that come alive: /animate, a photo with words, a photo without."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telegram.ext import BaseHandler, MessageHandler, filters

from handlers import albums, asking, orders, questions
from handlers.addressed import ANSWERS_THE_BOT, MENTIONED, begins_with_command, command_in
from handlers.commands import on
from handlers.identity import meet
from handlers.pictures import any_picture_of, is_image, no_picture
from handlers.prompt import mentioned
from handlers.wish import cause_of, is_own, wish_of

if TYPE_CHECKING:
    from telegram import Message, Update

    from handlers.context import Context
    from handlers.identity import Asker

ORDERS = frozenset({"animate", "video"})
"""The commands a picture's caption may begin with."""


class _Picture(filters.MessageFilter):
    """Messages that show a picture, a file that claims to be one, or a video with frames."""

    def filter(self, message: Message) -> bool:
        if message.photo or message.video or message.video_note:
            return True
        return message.document is not None and is_image(message.document)


class _Ordered(filters.MessageFilter):
    """Captions that begin with one of our commands."""

    def filter(self, message: Message) -> bool:
        command = command_in(message)
        return command is not None and command[0] in ORDERS


PICTURE = _Picture()
MEDIA = (
    filters.PHOTO | filters.VIDEO | filters.VIDEO_NOTE | filters.ANIMATION
    | filters.Sticker.ALL | filters.Document.ALL
)  # fmt: skip


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
        await orders.place(context, asker, wish_of(asker, message, words, picture))
        return
    if answered is not None and not _is_topic_start(answered):
        await _explain(context, asker, message, answered)
        return
    card = await questions.open_to(context, asker, message)
    if card is not None and card.picture is not None:
        # a photo that waits for its words
        await questions.take(context, asker, message, card, words)
    else:
        await questions.ask_for_picture(context, asker, message, words)


async def picture(update: Update, context: Context) -> None:
    """Start a picture that came with words, ask about one without."""
    message = update.effective_message
    asker = await meet(update, context.services)
    if message is None or asker is None:
        return
    command = command_in(message)
    if begins_with_command(message) and (command is None or command[0] not in ORDERS):
        await _other_command(context, asker, message)
        return
    sent, words = any_picture_of(message, command[1] if command else (message.caption or ""))
    if sent is None:
        await _explain(context, asker, message, message)
        return
    own = is_own(message)
    card = await questions.open_to(context, asker, message) if own else None
    if card is not None and card.picture is None:
        await questions.take(context, asker, message, card, words, picture=sent)
        return
    asks = asker.chat.is_private and not words and command is None and own
    if asks:
        before = await asking.make_room(
            context.services, asker, cause_of(asker.chat, message), for_picture=True
        )
        words = before.prompt if before else ""
    await orders.place(context, asker, wish_of(asker, message, words, sent, asks=asks))


async def group_answer(update: Update, context: Context) -> None:
    """Take a picture that answers a question of the bot's; any other is talk."""
    message = update.effective_message
    asker = await meet(update, context.services)
    if message is None or asker is None:
        return
    card = await questions.open_to(context, asker, message)
    if card is None or card.picture is not None:
        return
    sent, words = any_picture_of(message, message.caption or "")
    if sent is None:
        await _explain(context, asker, message, message)
    else:
        await questions.take(context, asker, message, card, words, picture=sent)


async def _explain(context: Context, asker: Asker, message: Message, seen: Message) -> None:
    """Say why nothing of what was seen can come alive; once per album, silently where off."""
    if albums.is_answered(context, cause_of(asker.chat, message)):
        return
    if not await orders.is_hindered(context, asker, message.message_id):
        await context.services.outbox.say(
            asker.chat,
            no_picture(seen, asker.speech),
            reply_to=message.message_id,
            thread_id=asker.thread_id,
        )


async def _other_command(context: Context, asker: Asker, message: Message) -> None:
    """Charge nothing for a caption that means something else."""
    await context.services.outbox.say(
        asker.chat,
        asker.speech.gettext(
            "Below a photo I know /animate and /video only. Write there what should happen, "
            "or send the command by itself."
        ),
        reply_to=message.message_id,
        thread_id=asker.thread_id,
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
        MessageHandler(new & filters.CAPTION & _Ordered(), picture),
        MessageHandler(new & group & PICTURE & MENTIONED, mentioned),
        MessageHandler(new & group & MEDIA & ANSWERS_THE_BOT, group_answer),
        MessageHandler(new & filters.ChatType.PRIVATE & PICTURE, picture),
    ]
