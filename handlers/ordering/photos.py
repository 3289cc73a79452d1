"""Pictures that come alive: /animate, a photo with words, a photo without."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telegram.ext import filters

from handlers.ordering import asking, placing, questions
from handlers.ordering.addressed import ANSWERS_THE_BOT, begins_with_command, command_in
from handlers.ordering.drafts import is_own, wish_of
from handlers.ordering.pictures import any_picture_of, is_image, no_picture
from handlers.routing import Router, cause_of, is_answered

if TYPE_CHECKING:
    from telegram import Message

    from handlers.context import Context
    from handlers.identity import Sender

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


router = Router()
PICTURE = _Picture()
MEDIA = (
    filters.PHOTO | filters.VIDEO | filters.VIDEO_NOTE | filters.ANIMATION
    | filters.Sticker.ALL | filters.Document.ALL
)  # fmt: skip


@router.command("animate")
async def animate(sender: Sender, message: Message, context: Context) -> None:
    """Bring the picture to life that the command answers."""
    command = command_in(message)
    answered = message.reply_to_message
    picture, words = any_picture_of(answered, command[1] if command else "")
    if picture is not None:
        await placing.place(context, sender, wish_of(sender, message, words, picture))
        return
    if answered is not None and not _is_topic_start(answered):
        await _explain(context, sender, message, answered)
        return
    card = await questions.open_to(context, sender, message)
    if card is not None and card.picture is not None:
        # a photo that waits for its words
        await questions.take(context, sender, message, card, words)
    else:
        await questions.ask_for_picture(context, sender, message, words)


@router.message(filters.CAPTION & _Ordered(), orders=True)
@router.message(filters.ChatType.PRIVATE & PICTURE, orders=True)
async def picture(sender: Sender, message: Message, context: Context) -> None:
    """Start a picture that came with words, ask about one without."""
    command = command_in(message)
    if begins_with_command(message) and (command is None or command[0] not in ORDERS):
        await _other_command(sender, message)
        return
    sent, words = any_picture_of(message, command[1] if command else (message.caption or ""))
    if sent is None:
        await _explain(context, sender, message, message)
        return
    own = is_own(message)
    card = await questions.open_to(context, sender, message) if own else None
    if card is not None and card.picture is None:
        await questions.take(context, sender, message, card, words, picture=sent)
        return
    asks = sender.chat.is_private and not words and command is None and own
    if asks:
        before = await asking.make_room(
            context.services, sender, cause_of(sender.chat, message), for_picture=True
        )
        words = before.prompt if before else ""
    await placing.place(context, sender, wish_of(sender, message, words, sent, asks=asks))


@router.message(filters.ChatType.GROUPS & MEDIA & ANSWERS_THE_BOT, orders=True, overheard=True)
async def group_answer(sender: Sender, message: Message, context: Context) -> None:
    """Take a picture that answers a question of the bot's; any other is talk."""
    card = await questions.open_to(context, sender, message)
    if card is None or card.picture is not None:
        return
    sent, words = any_picture_of(message, message.caption or "")
    if sent is None:
        await _explain(context, sender, message, message)
    else:
        await questions.take(context, sender, message, card, words, picture=sent)


async def _explain(context: Context, sender: Sender, message: Message, seen: Message) -> None:
    """Say why nothing of what was seen can come alive; once per album."""
    if is_answered(context, cause_of(sender.chat, message)):
        return
    if not await placing.is_hindered(context, sender, message.message_id):
        await sender.reply(no_picture(seen, sender.translator), reply_to=message.message_id)


async def _other_command(sender: Sender, message: Message) -> None:
    """Charge nothing for a caption that means something else."""
    await sender.reply(
        sender.translator.gettext(
            "Below a photo I know /animate and /video only. Write there what should happen, "
            "or send the command by itself."
        ),
        reply_to=message.message_id,
    )


def _is_topic_start(message: Message) -> bool:
    """Whether this is the service message every message of a topic seems to answer."""
    return message.forum_topic_created is not None
