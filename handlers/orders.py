"""Turn what somebody wants into a request: quote it, ask where it is dear, accept, answer."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from generation import acceptance, prices, quotes
from generation import credits as purse
from generation.acceptance import Accepted, Repeated
from generation.corrections import corrections
from generation.options import Defaults
from generation.quotes import Quote
from handlers import away, groupsettings, refusals
from handlers.identity import may_ask
from handlers.replies import cards as card_replies
from handlers.replies.outcomes import SendError
from handlers.replies.words import gone
from handlers.wish import draft
from storage import cards
from storage.generations import PENDING, Request

if TYPE_CHECKING:
    from collections.abc import Sequence

    from generation.acceptance import Answer
    from generation.options import Problem
    from handlers.context import Context, Services
    from handlers.identity import Asker
    from handlers.wish import Wish
    from storage.cards import Card

MOST_PROPOSED = 3
"""How many nearest right videos are proposed for a wrong one."""

logger = logging.getLogger(__name__)


async def place(context: Context, asker: Asker, wish: Wish) -> bool:
    """Order a video, or ask first where that is wanted or due, or say what stands in the way.

    Returns whether the video is on its way now.
    """
    services = context.services
    if not await may_ask(asker, services):
        await _say(services, asker, wish, refusals.stranger(asker))
        return False
    if await is_hindered(context, asker, wish.message_id):
        return False
    quote = await quoted(services, asker, wish)
    if not isinstance(quote, Quote):
        await _propose(services, asker, wish, quote)
        return False
    late = away.came_late(asker, services.clock())
    if late or _needs_a_tap(wish, quote, services.house.confirm_credits):
        if late:
            await away.make_room(services, asker)
        await ask(services, asker, wish, quote, late=late)
        return False
    answer = await _accept(services, asker, wish, quote)
    if isinstance(answer, Accepted):
        services.wake(answer.generation.chat)
        try:
            await services.status.show(
                answer.generation, note=gone(quote, asker.speech) if quote.instead_of else ""
            )
        except SendError as error:
            logger.info("generation %d has no status: %s", answer.generation.id, error)
        services.wake(answer.generation.chat)
    elif isinstance(answer, Repeated):
        await _again(services, asker, wish, answer)
    else:
        text, buttons = await _refusal(services, asker, wish, quote, answer)
        await services.outbox.say(
            asker.chat, text, buttons=buttons, reply_to=wish.message_id, thread_id=asker.thread_id
        )
    return isinstance(answer, Accepted)


def _needs_a_tap(wish: Wish, quote: Quote, confirm_credits: int) -> bool:
    """Whether to ask first: on a wish, for more than was tapped for, or where it is dear."""
    if wish.asks:
        return True
    if wish.agreed:
        return quote.credits > wish.agreed
    dear = quote.is_dearer or quote.credits > confirm_credits
    return dear and wish.card is None


async def is_hindered(context: Context, asker: Asker, message_id: int | None) -> bool:
    """Say so where the group's admins do not want what is asked; silently where it is off."""
    why = await groupsettings.hindrance(context, asker)
    if why:
        await context.services.outbox.say(
            asker.chat, why, reply_to=message_id, thread_id=asker.thread_id
        )
    return why is not None


async def _propose(services: Services, asker: Asker, wish: Wish, found: Sequence[Problem]) -> None:
    """Say what cannot be had, with the nearest that can as buttons."""
    nearest = []
    if len(found) == 1:
        for instead in corrections(found[0], services.offer):
            quote = await quoted(services, asker, replace(wish, instead=instead))
            if isinstance(quote, Quote) and quote.instead_of is None:
                nearest.append((instead, quote))
    nearest = nearest[:MOST_PROPOSED]
    card = wish.card
    if nearest and card is None:
        card = await _remember(services, asker, wish)
    await services.outbox.say(
        asker.chat,
        refusals.problems(found, asker.speech),
        buttons=refusals.proposals(card or 0, nearest, asker.speech),
        reply_to=wish.message_id,
        thread_id=asker.thread_id,
    )


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


async def ask(
    services: Services, asker: Asker, wish: Wish, quote: Quote, *, late: bool = False
) -> Card:
    """Put the wish on a card that one tap starts; an older card of theirs makes room."""
    now = services.clock()
    async with services.db.transaction() as tx:
        card = await cards.ask(tx, draft(asker, wish), now=now)
        worded = None
        if wish.text and not card.prompt:
            # the words of an album may come with its second picture
            worded = await cards.write(tx, card.id, draft(asker, wish))
        card = worded or card
        balance = await purse.balance(tx, asker.account, services.terms, now)
    text = card_replies.text(card, quote, balance, asker.speech)
    if late:
        text = asker.speech.gettext("I was away. Still want this?") + "\n\n" + text
    buttons = card_replies.buttons(card, quote, asker.speech)
    if card.card_message is not None and worded is not None:
        await services.outbox.edit(asker.chat, card.card_message, text, buttons)
    elif card.card_message is None and card.state == "open":
        message = await services.outbox.say(
            asker.chat,
            text,
            buttons=buttons,
            reply_to=wish.message_id,
            thread_id=asker.thread_id,
        )
        async with services.db.transaction() as tx:
            await cards.shown(tx, card.id, message)
    return card


async def _accept(services: Services, asker: Asker, wish: Wish, quote: Quote) -> Answer:
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
    async with services.db.transaction() as tx:
        answer = await acceptance.accept(tx, request, services.terms, now=services.clock())
        if wish.card is not None and isinstance(answer, Accepted):
            await cards.close(tx, wish.card, "started")
    return answer


async def _again(services: Services, asker: Asker, wish: Wish, answer: Repeated) -> None:
    """Answer what was asked before: the same message twice is silent, a press is told."""
    generation = answer.generation
    if generation.state in PENDING and generation.status_message is None:
        await services.status.show(generation)
    elif wish.origin != "message":
        await _say(services, asker, wish, asker.speech.gettext("That one is already on its way."))
    services.wake(generation.chat)


async def _refusal(
    services: Services, asker: Asker, wish: Wish, quote: Quote, answer: acceptance.Refused
) -> refusals.Reply:
    if not isinstance(answer, acceptance.TooFewCredits):
        return refusals.refused(answer, asker.speech, services.clock()), []
    cheaper = refusals.cheaper(quote, answer.balance, services.offer, services.terms)
    card = wish.card
    if cheaper and card is None:
        card = await _remember(services, asker, wish)
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


async def _remember(services: Services, asker: Asker, wish: Wish) -> int:
    """Keep a wish that cannot be paid, for the buttons that offer something cheaper."""
    async with services.db.transaction() as tx:
        return (await cards.ask(tx, draft(asker, wish), now=services.clock())).id


async def _say(services: Services, asker: Asker, wish: Wish, text: str) -> None:
    await services.outbox.say(asker.chat, text, reply_to=wish.message_id, thread_id=asker.thread_id)
