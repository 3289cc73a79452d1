"""Cards that ask before a video is started: put up, replaced, remembered, taken away."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from generation.orders import balances
from handlers.ordering.drafts import draft
from handlers.replies import cards as card_replies
from handlers.replies.outcomes import SendError
from storage import cards
from storage.cards import CardKind

if TYPE_CHECKING:
    from aiosqlite import Connection

    from generation.orders.quotes import Quote
    from handlers.context import Services
    from handlers.identity import Sender
    from handlers.ordering.drafts import Wish
    from storage.cards import Card

SAID_BEFORE_SECONDS = 900.0
"""How long saying the same once more starts it."""
JUST_NOW_SECONDS = 10.0
"""How long before a picture its words may come."""


async def ask(
    services: Services, sender: Sender, wish: Wish, quote: Quote, *, late: bool = False
) -> None:
    """Put a wish on a card that one tap starts; the question it answers is settled by it."""
    now = services.clock()
    async with services.db.transaction() as tx:
        card = await cards.ask(tx, draft(sender, wish), now=now)
        worded = None
        if wish.text and not card.prompt:
            # the words of an album may come with its second picture
            worded = await cards.write(tx, card.id, draft(sender, wish))
        card = worded or card
        balance = await balances.balance(tx, sender.account, services.terms, now)
        pool = await balances.pool(tx, sender.chat.id, sender.account, services.terms, now)
        settled = await settle(tx, sender, wish, "dropped")
    await take_away(services, sender, *settled)
    price = card_replies.price(
        quote, balance, pool, sender.translator, in_private=sender.chat.is_private
    )
    text = card_replies.text(card, quote, price, sender.translator)
    if late:
        text = sender.translator.gettext("I was away. Still want this?") + "\n\n" + text
    if not sender.account.is_person:
        # whoever writes as a group or a channel presses as somebody else
        text += "\n" + sender.translator.gettext("Send the command again to start it.")
    buttons = card_replies.buttons(card, quote, sender.translator)
    if card.card_message is not None and worded is not None:
        await services.outbox.edit(sender.chat, card.card_message, text, buttons)
    elif card.card_message is None and card.state == "open":
        message = await services.outbox.say(
            sender.chat,
            text,
            buttons=buttons,
            reply_to=wish.message_id,
            thread_id=sender.thread_id,
        )
        async with services.db.transaction() as tx:
            await cards.shown(tx, card.id, message)


async def settle(tx: Connection, sender: Sender, wish: Wish, state: str) -> list[Card]:
    """Close the cards that a wish settles; returns them, for their messages to be taken away.

    That is the question it answers; and where a card was tapped, the question that led to it.
    """
    picture = wish.picture.file_id if wish.picture else None
    settled = [
        card
        for card in await cards.open_of(tx, sender.chat.id, sender.account)
        if card.id == wish.answers
        or (wish.card is not None and card.is_question and card.picture in {None, picture})
    ]
    for card in settled:
        await cards.close(tx, card.id, state)
    return settled


async def remember(services: Services, sender: Sender, wish: Wish) -> int:
    """Keep a wish that cannot be met, for the buttons that offer something like it."""
    async with services.db.transaction() as tx:
        return (await cards.ask(tx, draft(sender, wish), now=services.clock())).id


async def said_before(services: Services, sender: Sender, wish: Wish) -> Card | None:
    """Return the card of the same wish of one who cannot press it: saying it again is the tap.

    Whoever writes as a group or a channel presses buttons as somebody else.
    """
    if sender.account.is_person:
        return None
    async with services.db.reading() as connection:
        waiting = await cards.open_of(connection, sender.chat.id, sender.account)
    picture = wish.picture.file_id if wish.picture else None
    same = (
        card
        for card in waiting
        if (card.prompt, card.picture) == (wish.text, picture)
        and card.cause != wish.cause
        and services.clock() - card.created_at <= SAID_BEFORE_SECONDS
    )
    return next(same, None)


async def make_room(
    services: Services, sender: Sender, cause: str, *, for_picture: bool = False
) -> Card | None:
    """Drop the card that a new message replaces; returns it where its words came just now.

    A picture replaces a card of words only: two pictures are two videos. `cause` is the message's,
    whose own card stays where it is handled once more after a crash.
    """
    async with services.db.transaction() as tx:
        replaced = (
            card
            for card in await cards.open_of(tx, sender.chat.id, sender.account)
            if card.cause != cause and not (for_picture and card.kind is CardKind.PICTURE)
        )
        card = next(replaced, None)
        if card is None:
            return None
        await cards.close(tx, card.id, "dropped")
    await take_away(services, sender, card)
    recent = services.clock() - card.created_at < JUST_NOW_SECONDS
    return card if recent and card.kind is CardKind.PROMPT else None


async def take_away(services: Services, sender: Sender, *gone: Card) -> None:
    """Delete the messages that show cards; one that stays is answered as old when pressed."""
    for card in gone:
        if card.card_message is not None:
            with suppress(SendError):
                await services.outbox.delete(sender.chat, card.card_message)
