"""Turn what somebody wants into a request: quote it, ask where it is dear, accept, answer."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from generation.models import pricing
from generation.orders import acceptance
from generation.orders.acceptance import Accepted, Repeated
from generation.orders.quotes import Quote
from handlers.ordering import asking, declining, group_rules, quoting
from handlers.replies.outcomes import SendError
from handlers.replies.texts import gone
from storage import generations
from storage.generations import PENDING, Request

if TYPE_CHECKING:
    from generation.orders.acceptance import Answer
    from handlers.context import Context, Services
    from handlers.identity import Sender
    from handlers.ordering.drafts import Wish
    from storage.cards import Card
    from storage.generations import Generation

logger = logging.getLogger(__name__)


async def place(context: Context, sender: Sender, wish: Wish) -> bool:
    """Order a video, or ask first where that is wanted or due, or say what stands in the way.

    The press of a wish that came from one is answered here, once. Returns whether the video is on
    its way now.
    """
    why = await group_rules.hindrance(context, sender, wish.picture)
    if why is not None:
        await declining.refuse(context, sender, wish, why)
        return False
    quote = await quoting.quoted(context.services, sender, wish)
    if not isinstance(quote, Quote):
        await declining.propose(context, sender, wish, quote)
        return False
    return await place_quoted(context, sender, wish, quote)


async def place_quoted(context: Context, sender: Sender, wish: Wish, quote: Quote) -> bool:
    """Order what was quoted and may be asked for here, or ask first; returns as `place` does."""
    services = context.services
    if sender.is_late or _needs_a_tap(wish, quote, services.policy.confirm_credits):
        said_before = await asking.said_before(services, sender, wish)
        if said_before is None:
            await _ask(context, sender, wish, quote)
            return False
        wish = replace(wish, answers=said_before.id)
    return await _order(context, sender, wish, quote)


async def is_hindered(context: Context, sender: Sender, message_id: int | None) -> bool:
    """Say so where somebody may not ask for a video here; silently where the bot is off."""
    why = await group_rules.hindrance(context, sender)
    if why:
        await sender.reply(why, reply_to=message_id)
    return why is not None


def _needs_a_tap(wish: Wish, quote: Quote, confirm_credits: int) -> bool:
    """Whether to ask first: on a wish, for more than was tapped for, or where it is dear."""
    if wish.asks:
        return True
    if wish.agreed:
        return quote.credits > wish.agreed
    dear = quote.is_dearer or quote.credits > confirm_credits
    return dear and wish.card is None


async def _ask(context: Context, sender: Sender, wish: Wish, quote: Quote) -> None:
    """Ask first, unless the same update made a video already, before a crash.

    What cannot be paid is not asked about; a picture without words is, for its words may change it.
    """
    services = context.services
    async with services.db.reading() as connection:
        made = await generations.by_cause(connection, wish.cause)
        short = await acceptance.shortfall(
            connection,
            sender.account,
            sender.chat.id,
            quote.credits,
            services.terms,
            now=services.clock(),
        )
    if made is not None and wish.origin == "message":
        await _again(services, sender, made)
        return
    if short is not None and (wish.text or wish.picture is None):
        await declining.decline(context, sender, wish, quote, short)
        return
    await sender.answer()
    if sender.is_late and not sender.chat.is_private:
        # whoever asked five times is asked back once
        await asking.make_room(services, sender, wish.cause)
    await asking.ask(services, sender, wish, quote, late=sender.is_late)


async def _order(context: Context, sender: Sender, wish: Wish, quote: Quote) -> bool:
    """Accept a request or say why not; returns whether it is accepted."""
    services = context.services
    answer, settled = await _accept(services, sender, wish, quote)
    if isinstance(answer, Repeated):
        await _again(services, sender, answer.generation)
        return False
    if not isinstance(answer, Accepted):
        await declining.decline(context, sender, wish, quote, answer)
        return False
    services.wake(answer.generation.chat)
    # alone with the bot, the status message says so in a moment
    await sender.answer("" if sender.chat.is_private else sender.translator.gettext("On its way."))
    await asking.take_away(services, sender, *settled)
    note = gone(quote, sender.translator) if quote.instead_of else ""
    await _show_status(services, answer.generation, note)
    services.wake(answer.generation.chat)
    return True


async def _show_status(services: Services, generation: Generation, note: str = "") -> None:
    """Say that a request was accepted; it is made all the same where that cannot be said."""
    try:
        await services.status.show(generation, note=note)
    except SendError as error:
        logger.info("generation %d has no status: %s", generation.id, error)


async def _accept(
    services: Services, sender: Sender, wish: Wish, quote: Quote
) -> tuple[Answer, list[Card]]:
    """Write the request down, with the cards it settles; returns those too."""
    choice = quote.choice
    request = Request(
        origin=wish.origin,
        cause=wish.cause,
        chat=sender.chat.id,
        thread_id=sender.thread_id,
        message_id=wish.message_id,
        account=sender.account,
        kind=choice.kind,
        family=choice.family.name,
        model=choice.mode.model,
        prompt=quote.prompt,
        seconds=choice.seconds,
        aspect_ratio=quote.aspect_ratio,
        resolution=choice.resolution,
        fit=choice.fit,
        silent=choice.silent,
        picture=wish.picture.file_id if wish.picture else None,
        picture_by=wish.picture.by if wish.picture else None,
        credits=quote.credits,
        price_micros=pricing.to_micros(quote.price),
        budget_micros=0,
    )
    settled = []
    async with services.db.transaction() as tx:
        answer = await acceptance.accept(tx, request, services.terms, now=services.clock())
        if isinstance(answer, Accepted):
            settled = await asking.settle(tx, sender, wish, "started")
    return answer, settled


async def _again(services: Services, sender: Sender, generation: Generation) -> None:
    """Answer what was asked before: the same message twice is silent, a press is told."""
    await sender.answer(sender.translator.gettext("That one is already on its way."))
    if generation.state in PENDING and generation.status_message is None:
        await _show_status(services, generation)
    services.wake(generation.chat)
