"""Say no to an order, where it was made, with what can be had instead as buttons."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from generation.orders import acceptance
from generation.orders.quotes import Instead, Quote, corrections
from handlers.ordering import asking, quoting, refusals
from handlers.routing import is_answered

if TYPE_CHECKING:
    from collections.abc import Sequence

    from generation.orders.options import Problem
    from handlers.context import Context, Services
    from handlers.identity import Sender
    from handlers.ordering.drafts import Wish
    from handlers.replies.keyboards import Button

MOST_PROPOSED = 3
"""How many nearest right videos are proposed for a wrong one."""
LONGEST_POP_UP = 200
"""Characters Telegram shows in the pop-up that answers a press."""


async def refuse(
    context: Context,
    sender: Sender,
    wish: Wish,
    text: str,
    buttons: Sequence[Sequence[Button]] = (),
) -> None:
    """Say why not: in the pop-up of a press where it fits, else in the chat, once per album."""
    if sender.press:
        in_pop_up = not buttons and len(text) <= LONGEST_POP_UP
        await sender.answer(text if in_pop_up else "", alert=in_pop_up)
        if in_pop_up:
            return
    if text and not is_answered(context, wish.cause):
        await sender.reply(text, buttons=buttons, reply_to=wish.message_id)


async def propose(context: Context, sender: Sender, wish: Wish, found: Sequence[Problem]) -> None:
    """Say what cannot be had, with the nearest that can as buttons."""
    services, nearest = context.services, []
    if len(found) == 1:
        for instead in corrections(found[0], services.offer):
            quote = await quoting.quoted(services, sender, replace(wish, instead=instead))
            if isinstance(quote, Quote) and quote.instead_of is None:
                nearest.append((instead, quote))
    nearest = nearest[:MOST_PROPOSED]
    card = wish.card
    if nearest and card is None:
        card = await asking.remember(services, sender, wish)
    buttons = refusals.proposals(card or 0, nearest, sender.translator)
    await refuse(context, sender, wish, refusals.problems(found, sender.translator), buttons)


async def decline(
    context: Context, sender: Sender, wish: Wish, quote: Quote, answer: acceptance.Refused
) -> None:
    """Say why a request was not accepted, and what would be."""
    text, buttons = await _worded(context.services, sender, wish, quote, answer)
    await refuse(context, sender, wish, text, buttons)


async def _worded(
    services: Services, sender: Sender, wish: Wish, quote: Quote, answer: acceptance.Refused
) -> refusals.Reply:
    if not isinstance(answer, acceptance.TooFewCredits):
        return refusals.refused(answer, sender.translator, services.clock()), []
    if not sender.account.is_person:
        return refusals.without_pool(quote, sender), []
    affordable = await _affordable(services, sender, wish, quote, answer.available)
    card = wish.card
    if affordable and card is None:
        card = await asking.remember(services, sender, wish)
    reply = refusals.too_few_credits(
        quote,
        answer,
        affordable,
        card=card or 0,
        offer=services.offer,
        terms=services.terms,
        translator=sender.translator,
        now=services.clock(),
    )
    if sender.chat.is_private:
        return reply
    return refusals.publicly(quote, reply, sender, services.outbox.link)


async def _affordable(
    services: Services, sender: Sender, wish: Wish, quote: Quote, available: int
) -> list[tuple[Instead, Quote]]:
    """Find what so many credits pay: the family's shortest, and the cheapest of another one.

    Each is quoted as its tap would order it: a shape that was typed is not everywhere to be had.
    """
    shorter: list[tuple[Instead, Quote]] = []
    others: list[tuple[Instead, Quote]] = []
    for family in services.offer:
        mode = family.mode(quote.choice.kind)
        if mode is None:
            continue
        same = family == quote.choice.family
        instead = Instead(seconds=mode.seconds[0], family="" if same else family.name)
        other = await quoting.quoted(services, sender, replace(wish, instead=instead))
        most = min(available, quote.credits - 1)
        if isinstance(other, Quote) and other.credits <= most:
            (shorter if same else others).append((instead, other))
    return shorter + sorted(others, key=lambda one: one[1].credits)[:1]
