"""Turn what somebody wants into a request: quote it, ask where it is dear, accept, answer."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from generation import acceptance, prices
from generation.acceptance import Accepted, Repeated
from generation.quotes import Quote
from handlers import asking, away, bans, declining, grouprules, quoting, refusals
from handlers.identity import is_banned, is_let_in
from handlers.replies.outcomes import SendError
from handlers.replies.words import gone
from storage import generations
from storage.generations import PENDING, Request

if TYPE_CHECKING:
    from generation.acceptance import Answer
    from handlers.context import Context, Services
    from handlers.identity import Asker
    from handlers.wish import SentPicture, Wish
    from storage.cards import Card
    from storage.generations import Generation

logger = logging.getLogger(__name__)


async def place(context: Context, asker: Asker, wish: Wish) -> bool:
    """Order a video, or ask first where that is wanted or due, or say what stands in the way.

    The press of a wish that came from one is answered here, once. Returns whether the video is on
    its way now.
    """
    why = await hindrance(context, asker, wish.picture)
    if why is not None:
        await declining.refuse(context, asker, wish, why)
        return False
    quote = await quoting.quoted(context.services, asker, wish)
    if not isinstance(quote, Quote):
        await declining.propose(context, asker, wish, quote)
        return False
    return await place_quoted(context, asker, wish, quote)


async def place_quoted(context: Context, asker: Asker, wish: Wish, quote: Quote) -> bool:
    """Order what was quoted and may be asked for here, or ask first; returns as `place` does."""
    services = context.services
    late = away.came_late(asker, services.clock())
    if late or _needs_a_tap(wish, quote, services.house.confirm_credits):
        said_before = await asking.said_before(services, asker, wish)
        if said_before is None:
            await _ask(context, asker, wish, quote, late=late)
            return False
        wish = replace(wish, answers=said_before.id)
    return await _order(context, asker, wish, quote)


async def is_hindered(context: Context, asker: Asker, message_id: int | None) -> bool:
    """Say so where somebody may not ask for a video here; silently where the bot is off."""
    why = await hindrance(context, asker)
    if why:
        await context.services.outbox.say(
            asker.chat, why, reply_to=message_id, thread_id=asker.thread_id
        )
    return why is not None


async def exclusion(services: Services, asker: Asker) -> str | None:
    """Say to somebody who may not use the bot why; "" where others would read it."""
    if await is_banned(asker, services):
        return bans.refusal(asker, services)
    return None if await is_let_in(asker, services) else refusals.stranger(asker)


async def hindrance(
    context: Context, asker: Asker, picture: SentPicture | None = None
) -> str | None:
    """Say why somebody may not ask here; "" where the bot keeps silent, None where they may."""
    shut_out = await exclusion(context.services, asker)
    if shut_out is not None:
        return shut_out
    return await grouprules.hindrance(context, asker, picture)


def _needs_a_tap(wish: Wish, quote: Quote, confirm_credits: int) -> bool:
    """Whether to ask first: on a wish, for more than was tapped for, or where it is dear."""
    if wish.asks:
        return True
    if wish.agreed:
        return quote.credits > wish.agreed
    dear = quote.is_dearer or quote.credits > confirm_credits
    return dear and wish.card is None


async def _ask(context: Context, asker: Asker, wish: Wish, quote: Quote, *, late: bool) -> None:
    """Ask first, unless the same update made a video already, before a crash.

    What cannot be paid is not asked about; a picture without words is, for its words may change it.
    """
    services = context.services
    async with services.db.reading() as connection:
        made = await generations.by_cause(connection, wish.cause)
        short = await acceptance.shortfall(
            connection,
            asker.account,
            asker.chat.id,
            quote.credits,
            services.terms,
            now=services.clock(),
        )
    if made is not None and wish.origin == "message":
        await _again(services, asker, wish, made)
        return
    if short is not None and (wish.text or wish.picture is None):
        await declining.decline(context, asker, wish, quote, short)
        return
    if wish.tap:
        await services.outbox.answer(wish.tap)
    if late and not asker.chat.is_private:
        # whoever asked five times is asked back once
        await asking.make_room(services, asker, wish.cause)
    await asking.ask(services, asker, wish, quote, late=late)


async def _order(context: Context, asker: Asker, wish: Wish, quote: Quote) -> bool:
    """Accept a request or say why not; returns whether it is accepted."""
    services = context.services
    answer, settled = await _accept(services, asker, wish, quote)
    if isinstance(answer, Repeated):
        await _again(services, asker, wish, answer.generation)
        return False
    if not isinstance(answer, Accepted):
        await declining.decline(context, asker, wish, quote, answer)
        return False
    services.wake(answer.generation.chat)
    if wish.tap:
        # alone with the bot, the status message says so in a moment
        note = "" if asker.chat.is_private else asker.speech.gettext("On its way.")
        await services.outbox.answer(wish.tap, note)
    await asking.take_away(services, asker, *settled)
    note = gone(quote, asker.speech) if quote.instead_of else ""
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
    services: Services, asker: Asker, wish: Wish, quote: Quote
) -> tuple[Answer, list[Card]]:
    """Write the request down, with the cards it settles; returns those too."""
    choice = quote.choice
    request = Request(
        origin=wish.origin,
        cause=wish.cause,
        chat=asker.chat.id,
        thread_id=asker.thread_id,
        message_id=wish.message_id,
        account=asker.account,
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
        price_micros=prices.to_micros(quote.price),
        budget_micros=0,
    )
    settled = []
    async with services.db.transaction() as tx:
        answer = await acceptance.accept(tx, request, services.terms, now=services.clock())
        if isinstance(answer, Accepted):
            settled = await asking.settle(tx, asker, wish, "started")
    return answer, settled


async def _again(services: Services, asker: Asker, wish: Wish, generation: Generation) -> None:
    """Answer what was asked before: the same message twice is silent, a press is told."""
    if wish.tap:
        await services.outbox.answer(
            wish.tap, asker.speech.gettext("That one is already on its way.")
        )
    if generation.state in PENDING and generation.status_message is None:
        await _show_status(services, generation)
    services.wake(generation.chat)
