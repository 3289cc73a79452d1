"""Turn what somebody wants into a request: quote it, ask where it is dear, accept, answer."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from generation import acceptance, prices, quotes
from generation.acceptance import Accepted, Repeated
from generation.corrections import corrections
from generation.options import Defaults
from generation.quotes import Quote
from handlers import albums, asking, away, groupsettings, refusals
from handlers.identity import may_ask
from handlers.replies.outcomes import SendError
from handlers.replies.words import gone
from storage import cards, generations
from storage.generations import PENDING, Request

if TYPE_CHECKING:
    from collections.abc import Sequence

    from generation.acceptance import Answer
    from generation.options import Problem
    from handlers.context import Context, Services
    from handlers.identity import Asker
    from handlers.replies.buttons import Button
    from handlers.wish import Wish
    from storage.cards import Card
    from storage.generations import Generation

MOST_PROPOSED = 3
"""How many nearest right videos are proposed for a wrong one."""
LONGEST_POP_UP = 200
"""Characters Telegram shows in the pop-up that answers a press."""

logger = logging.getLogger(__name__)


async def place(context: Context, asker: Asker, wish: Wish) -> bool:
    """Order a video, or ask first where that is wanted or due, or say what stands in the way.

    The press of a wish that came from one is answered here, once. Returns whether the video is on
    its way now.
    """
    services = context.services
    why = await hindrance(context, asker)
    if why is not None:
        await refuse(context, asker, wish, why)
        return False
    quote = await quoted(services, asker, wish)
    if not isinstance(quote, Quote):
        await _propose(context, asker, wish, quote)
        return False
    late = away.came_late(asker, services.clock())
    if late or _needs_a_tap(wish, quote, services.house.confirm_credits):
        said_before = await asking.said_before(services, asker, wish)
        if said_before is None:
            await _ask(services, asker, wish, quote, late=late)
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


async def quoted(services: Services, asker: Asker, wish: Wish) -> Quote | tuple[Problem, ...]:
    """Say what a wish would be and cost for this asker."""
    person = asker.person
    defaults = (
        Defaults(person.family, person.seconds, person.aspect_ratio, person.resolution)
        if person
        else Defaults()
    )
    return quotes.quote(
        wish.text,
        kind=wish.kind,
        offer=services.offer,
        named=services.catalogue.named,
        defaults=defaults,
        credit_usd=services.terms.credit_usd,
        picture_size=wish.picture.size if wish.picture else None,
        instead=wish.instead,
    )


async def hindrance(context: Context, asker: Asker) -> str | None:
    """Say why somebody may not ask here; "" where the bot keeps silent, None where they may."""
    if not await may_ask(asker, context.services):
        return refusals.stranger(asker)
    return await groupsettings.hindrance(context, asker)


def _needs_a_tap(wish: Wish, quote: Quote, confirm_credits: int) -> bool:
    """Whether to ask first: on a wish, for more than was tapped for, or where it is dear."""
    if wish.asks:
        return True
    if wish.agreed:
        return quote.credits > wish.agreed
    dear = quote.is_dearer or quote.credits > confirm_credits
    return dear and wish.card is None


async def refuse(
    context: Context,
    asker: Asker,
    wish: Wish,
    text: str,
    buttons: Sequence[Sequence[Button]] = (),
) -> None:
    """Say why not: in the pop-up of a press where it fits, else in the chat, once per album."""
    outbox = context.services.outbox
    if wish.tap:
        in_pop_up = not buttons and len(text) <= LONGEST_POP_UP
        text = text or asker.speech.gettext("I am switched off here.")
        await outbox.answer(wish.tap, text if in_pop_up else "", alert=in_pop_up)
        if in_pop_up:
            return
    if text and not (wish.cause.startswith("album:") and albums.is_answered(context, wish.cause)):
        await outbox.say(
            asker.chat, text, buttons=buttons, reply_to=wish.message_id, thread_id=asker.thread_id
        )


async def _propose(context: Context, asker: Asker, wish: Wish, found: Sequence[Problem]) -> None:
    """Say what cannot be had, with the nearest that can as buttons."""
    services, nearest = context.services, []
    if len(found) == 1:
        for instead in corrections(found[0], services.offer):
            quote = await quoted(services, asker, replace(wish, instead=instead))
            if isinstance(quote, Quote) and quote.instead_of is None:
                nearest.append((instead, quote))
    nearest = nearest[:MOST_PROPOSED]
    card = wish.card
    if nearest and card is None:
        card = await asking.remember(services, asker, wish)
    buttons = refusals.proposals(card or 0, nearest, asker.speech)
    await refuse(context, asker, wish, refusals.problems(found, asker.speech), buttons)


async def _ask(services: Services, asker: Asker, wish: Wish, quote: Quote, *, late: bool) -> None:
    """Ask first, unless the same update made a video already, before a crash."""
    async with services.db.reading() as connection:
        made = await generations.by_cause(connection, wish.cause)
    if made is not None and wish.origin == "message":
        await _again(services, asker, wish, made)
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
        text, buttons = await _refusal(services, asker, wish, quote, answer)
        await refuse(context, asker, wish, text, buttons)
        return False
    services.wake(answer.generation.chat)
    if wish.tap:
        # alone with the bot, the status message says so in a moment
        note = "" if asker.chat.is_private else asker.speech.gettext("On its way.")
        await services.outbox.answer(wish.tap, note)
    await asking.take_away(services, asker, *settled)
    try:
        await services.status.show(
            answer.generation, note=gone(quote, asker.speech) if quote.instead_of else ""
        )
    except SendError as error:
        logger.info("generation %d has no status: %s", answer.generation.id, error)
    services.wake(answer.generation.chat)
    return True


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
            if wish.card is not None:
                await cards.close(tx, wish.card, "started")
    return answer, settled


async def _again(services: Services, asker: Asker, wish: Wish, generation: Generation) -> None:
    """Answer what was asked before: the same message twice is silent, a press is told."""
    if wish.tap:
        await services.outbox.answer(
            wish.tap, asker.speech.gettext("That one is already on its way.")
        )
    if generation.state in PENDING and generation.status_message is None:
        await services.status.show(generation)
    services.wake(generation.chat)


async def _refusal(
    services: Services, asker: Asker, wish: Wish, quote: Quote, answer: acceptance.Refused
) -> refusals.Reply:
    if not isinstance(answer, acceptance.TooFewCredits):
        return refusals.refused(answer, asker.speech, services.clock()), []
    if not asker.account.is_person:
        return refusals.without_pool(quote, asker), []
    cheaper = refusals.cheaper(quote, answer.available, services.offer, services.terms)
    card = wish.card
    if cheaper and card is None:
        card = await asking.remember(services, asker, wish)
    reply = refusals.too_few_credits(
        quote,
        answer,
        cheaper,
        card=card or 0,
        offer=services.offer,
        terms=services.terms,
        speech=asker.speech,
        now=services.clock(),
    )
    if asker.chat.is_private:
        return reply
    return refusals.publicly(quote, reply, asker, services.outbox.link)
