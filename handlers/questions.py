"""Questions the bot asks and the answers it waits for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from generation import repeats
from handlers import orders
from handlers.replies.outcomes import SendError
from handlers.wish import SentPicture, Wish
from storage import cards
from storage.cards import CardKind, Draft

if TYPE_CHECKING:
    from telegram import Message

    from handlers.context import Context
    from handlers.identity import Asker
    from storage.cards import Card
    from storage.generations import Generation

FRESH_SECONDS = 900.0
"""How long a question waits for an answer that is not marked as one."""
JUST_NOW_SECONDS = 10.0
"""How long before a picture its words may come."""


async def ask_for_idea(context: Context, asker: Asker, message: Message) -> None:
    """Ask what the video should show; the answer is the order."""
    await _ask(context, asker, message, asker.speech.gettext("What should we see?"),
               asker.speech.gettext("a cat on a sailing boat"))  # fmt: skip


async def ask_for_picture(context: Context, asker: Asker, message: Message) -> None:
    """Ask for the picture to bring to life; the answer is the order."""
    await _ask(context, asker, message,
               asker.speech.gettext("Which photo? Send it here, with words on what should happen."),
               asker.speech.gettext("attach a photo"))  # fmt: skip


async def ask_anew(context: Context, asker: Asker, video: Generation, *, cause: str) -> None:
    """Ask for other words for a video; all else stays as it was, unless the words say so."""
    draft = Draft(
        cause=cause,
        kind=CardKind.QUESTION,
        chat=asker.chat.id,
        thread_id=asker.thread_id,
        account=asker.account,
        message_id=None,
        prompt=" ".join([f"--model {video.family}", *repeats.options(video)]),
        picture=video.picture,
        picture_by=video.picture_by,
    )
    await _show(
        context,
        asker,
        draft,
        asker.speech.gettext("What should be different? Write it anew:\n\n{prompt}").format(
            prompt=video.prompt
        ),
        asker.speech.gettext("write the idea anew"),
    )


async def _ask(context: Context, asker: Asker, message: Message, text: str, hint: str) -> None:
    draft = Draft(
        cause=f"message:{asker.chat.telegram_id}:{message.message_id}",
        kind=CardKind.QUESTION,
        chat=asker.chat.id,
        thread_id=asker.thread_id,
        account=asker.account,
        message_id=message.message_id,
        prompt="",
    )
    await _show(context, asker, draft, text, hint)


async def _show(context: Context, asker: Asker, draft: Draft, text: str, hint: str) -> None:
    services = context.services
    if await orders.is_hindered(context, asker, draft.message_id):
        return
    async with services.db.transaction() as tx:
        card = await cards.ask(tx, draft, now=services.clock())
    if card.card_message is not None:
        return
    shown = await services.outbox.say(
        asker.chat, text, reply_to=draft.message_id, thread_id=asker.thread_id, ask=hint
    )
    async with services.db.transaction() as tx:
        await cards.shown(tx, card.id, shown)


async def answered(
    context: Context, asker: Asker, message: Message, picture: SentPicture | None = None
) -> bool:
    """Take a message as the answer to an open question of its author; tell whether it was one."""
    card = await _open_question(context, asker, message)
    if card is None:
        return False
    # a question about a video asked before comes with its options; the words may change them
    words = f"{card.prompt} {message.text or message.caption or ''}".strip()
    if picture is None and card.picture is not None:
        picture = SentPicture(
            card.picture, card.picture_width, card.picture_height, card.picture_by
        )
    wish = Wish(
        text=words,
        picture=picture,
        origin="card",
        cause=f"card:{card.id}",
        # an answer to the bot's question is answered itself; words for a photo, with the photo
        message_id=message.message_id if card.kind is CardKind.QUESTION else card.message_id,
        card=card.id,
    )
    if await orders.place(context, asker, wish):
        await _clear(context, asker, card)
    return True


async def make_room(context: Context, asker: Asker) -> Card | None:
    """Drop the card that a new message replaces; returns it where its words came just now."""
    services = context.services
    async with services.db.transaction() as tx:
        card = await cards.newest_open(tx, asker.chat.id, asker.account)
        if card is None or not await cards.close(tx, card.id, "dropped"):
            return None
    await _clear(context, asker, card)
    recent = services.clock() - card.created_at < JUST_NOW_SECONDS
    return card if recent and card.kind is CardKind.PROMPT else None


async def _open_question(context: Context, asker: Asker, message: Message) -> Card | None:
    services = context.services
    reply = message.reply_to_message
    async with services.db.reading() as connection:
        if reply is not None:
            card = await cards.by_message(connection, asker.chat.id, reply.message_id)
        elif asker.chat.is_private:
            card = await cards.newest_open(connection, asker.chat.id, asker.account)
            if card is not None and services.clock() - card.created_at > FRESH_SECONDS:
                card = None
        else:
            card = None
    if card is None or card.state != "open" or card.account != asker.account:
        return None
    waits_for_words = card.kind is CardKind.PICTURE and not card.prompt
    return card if card.kind is CardKind.QUESTION or waits_for_words else None


async def _clear(context: Context, asker: Asker, card: Card) -> None:
    if card.card_message is None:
        return
    try:
        await context.services.outbox.delete(asker.chat, card.card_message)
    except SendError:
        return  # an old card that stays is answered as old when it is pressed
