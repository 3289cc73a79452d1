"""Taps on a card: start the video, or leave it."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from telegram.ext import BaseHandler, CallbackQueryHandler

from handlers.ordering import placing
from handlers.ordering.drafts import SentPicture, Wish
from handlers.replies.cards import Drop, Start
from handlers.replies.outcomes import SendError
from handlers.routing import not_yours, pressed
from storage import cards

if TYPE_CHECKING:
    from telegram import CallbackQuery, Update

    from handlers.context import Context, Services
    from handlers.identity import Sender
    from storage.cards import Card


async def start(update: Update, context: Context) -> None:
    """Make the video of a card its owner tapped."""
    services, found = context.services, await pressed(update, context, Start)
    if found is None:
        return
    query, press, sender = found
    async with services.db.reading() as connection:
        card = await cards.find(connection, press.card)
    if card is None or card.chat != sender.chat.id:
        await services.outbox.answer(query.id, sender.translator.gettext("This card is gone."))
        return
    if hindrance := _hindrance(card, sender):
        await services.outbox.answer(query.id, hindrance)
    elif await placing.place(context, sender, _wish(card, press, query)) and not card.card_message:
        # what was proposed below a refusal stands in a message that is no card
        await _take_away(services, sender, query, card)


async def drop(update: Update, context: Context) -> None:
    """Take a card away its owner does not want."""
    services, found = context.services, await pressed(update, context, Drop)
    if found is None:
        return
    query, press, sender = found
    async with services.db.transaction() as tx:
        card = await cards.find(tx, press.card)
        own = card is not None and (card.account, card.chat) == (sender.account, sender.chat.id)
        if card is not None and own and await cards.close(tx, card.id, "dropped"):
            card = await cards.find(tx, card.id)
    say = sender.translator.gettext
    if card is None:
        await services.outbox.answer(query.id, say("This card is gone."))
    elif not own or card.state != "dropped":
        await services.outbox.answer(query.id, _hindrance(card, sender))
    else:
        await services.outbox.answer(query.id, say("All right, nothing was spent."))
        await _take_away(services, sender, query, card)


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


async def _take_away(services: Services, sender: Sender, query: CallbackQuery, card: Card) -> None:
    """Delete the message whose button was pressed; one that stays is harmless.

    A made-up press may name any message of a group, so there it must be the card's own.
    """
    if query.message is None:
        return
    shown = query.message.message_id
    if sender.chat.is_private or shown == card.card_message:
        with suppress(SendError):
            await services.outbox.delete(sender.chat, shown)


def handlers() -> list[BaseHandler[Update, Context, None]]:
    """Return what listens for taps on cards."""
    return [
        CallbackQueryHandler(start, pattern=Start.matches),
        CallbackQueryHandler(drop, pattern=Drop.matches),
    ]
