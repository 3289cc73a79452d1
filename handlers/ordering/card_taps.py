"""Taps on a card: start the video, or leave it."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from handlers.ordering import placing
from handlers.ordering.drafts import SentPicture, Wish
from handlers.replies.cards import Drop, Start
from handlers.replies.outcomes import SendError
from handlers.routing import Router, not_yours
from storage import cards

if TYPE_CHECKING:
    from telegram import CallbackQuery

    from handlers.context import Context, Services
    from handlers.identity import Sender
    from storage.cards import Card

router = Router()


@router.button(Start, orders=True)
async def start(sender: Sender, press: Start, query: CallbackQuery, context: Context) -> None:
    """Make the video of a card its owner tapped."""
    async with context.services.db.reading() as connection:
        card = await cards.find(connection, press.card)
    if card is None or card.chat != sender.chat.id:
        await sender.answer(sender.translator.gettext("This card is gone."))
    elif hindrance := _hindrance(card, sender):
        await sender.answer(hindrance)
    elif await placing.place(context, sender, _wish(card, press, query)) and not card.card_message:
        # what was proposed below a refusal stands in a message that is no card
        await _take_away(sender, query, card)


@router.button(Drop)
async def drop(sender: Sender, press: Drop, query: CallbackQuery, services: Services) -> None:
    """Take a card away its owner does not want."""
    async with services.db.transaction() as tx:
        card = await cards.find(tx, press.card)
        own = card is not None and (card.account, card.chat) == (sender.account, sender.chat.id)
        if card is not None and own and await cards.close(tx, card.id, "dropped"):
            card = await cards.find(tx, card.id)
    say = sender.translator.gettext
    if card is None:
        await sender.answer(say("This card is gone."))
    elif not own or card.state != "dropped":
        await sender.answer(_hindrance(card, sender))
    else:
        await sender.answer(say("All right, nothing was spent."))
        await _take_away(sender, query, card)


def _hindrance(card: Card, sender: Sender) -> str:
    """Say why a card cannot be started by this presser; empty where it can."""
    say = sender.translator.gettext
    if card.account != sender.account:
        return not_yours(card.account, sender.translator)
    return {
        "open": "",
        "started": say("That one is already on its way."),
        "dropped": say("This card is gone."),
    }[card.state]


def _wish(card: Card, press: Start, query: CallbackQuery) -> Wish:
    picture = None
    if card.picture is not None:
        picture = SentPicture(
            card.picture, card.picture_width, card.picture_height, card.picture_by
        )
    return Wish(
        text=card.prompt,
        picture=picture,
        origin="card",
        cause=f"card:{card.id}",
        message_id=card.message_id,
        card=card.id,
        instead=press.instead,
        agreed=press.credits,
        answers=card.id,
        tap=query.id,
    )


async def _take_away(sender: Sender, query: CallbackQuery, card: Card) -> None:
    """Delete the message whose button was pressed; one that stays is harmless.

    A made-up press may name any message of a group, so there it must be the card's own.
    """
    if query.message is None:
        return
    shown = query.message.message_id
    if sender.chat.is_private or shown == card.card_message:
        with suppress(SendError):
            await sender.outbox.delete(sender.chat, shown)
