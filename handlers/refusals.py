"""What is said to an order that is not accepted: always why, and what to do next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from generation import prices
from generation.acceptance import OverBudget, ProviderRefuses, TooFewCredits, TooManyPending
from handlers.replies.buttons import Button
from handlers.replies.cards import Start
from handlers.replies.words import described, usual_cost, videos, worth

if TYPE_CHECKING:
    from collections.abc import Sequence

    from generation.acceptance import Refused
    from generation.credits import Balance, Terms
    from generation.models import Offer
    from generation.options import Problem
    from generation.quotes import Instead, Quote
    from handlers.identity import Asker
    from handlers.replies.language import Speech

Reply: TypeAlias = tuple[str, list[list[Button]]]


@dataclass(frozen=True, slots=True)
class Cheaper:
    """Something like it that can be paid: a shorter one, or another family's."""

    seconds: int
    family: str
    title: str
    credits: int


def stranger(asker: Asker) -> str:
    """Say that the operator named who may ask, and this one is not among them."""
    number = asker.person.id if asker.person else asker.chat.telegram_id
    return asker.speech.gettext(
        "This bot is private. Ask its owner to let you in: your number is {number}."
    ).format(number=number)


def problems(found: Sequence[Problem], speech: Speech) -> str:
    """Say what in a prompt cannot be had, and what can."""
    return "\n".join(_problem(problem, speech) for problem in found)


def proposals(
    card: int, nearest: Sequence[tuple[Instead, Quote]], speech: Speech
) -> list[list[Button]]:
    """Offer the nearest that can be had; each starts what is remembered on the card."""
    return [
        [
            Button(
                f"{_difference(instead, quote, speech)} · {speech.number(quote.credits)}",
                Start.with_instead(card, instead, quote.credits),
            )
        ]
        for instead, quote in nearest
    ]


def _difference(instead: Instead, quote: Quote, speech: Speech) -> str:
    """Name what a proposal has instead of what was asked for."""
    if instead.family:
        return described(speech, quote)
    return (
        speech.lasts(instead.seconds)
        if instead.seconds
        else (instead.aspect_ratio or instead.resolution)
    )


def _problem(problem: Problem, speech: Speech) -> str:
    offered = ", ".join(problem.offered)
    if problem.option == "prompt":
        if problem.offered:
            return speech.gettext(
                "That is {count} characters; {model} takes {most}. Make it shorter."
            ).format(
                count=speech.number(int(problem.given)),
                most=speech.number(int(problem.offered[0])),
                model=problem.family,
            )
        return speech.gettext("What should we see? Write it after the command.")
    if not problem.offered:
        return speech.gettext("No model can do that right now. Please try again later.")
    if problem.option == "option":
        return speech.gettext("I don't know {given}. There is: {offered}").format(
            given=problem.given, offered=offered
        )
    if problem.option == "model":
        return speech.gettext("There is no model “{given}”. There is: {offered}").format(
            given=problem.given, offered=offered
        )
    return speech.gettext("--{option} can be: {offered}").format(
        option=problem.option, offered=offered
    )


def refused(answer: Refused, speech: Speech, now: float) -> str:
    """Say why an order was not accepted; it cost nothing."""
    match answer:
        case TooManyPending(pending):
            return speech.gettext(
                "{videos} of yours are on the way. One more once one is done, or /cancel one."
            ).format(videos=videos(speech, pending))
        case OverBudget(renews_at):
            if renews_at is None:
                return speech.gettext("The bot has given all it had to give.")
            return speech.gettext(
                "The bot has given all it can for now. It goes on {when}; your credits stay."
            ).format(when=speech.until(renews_at - now))
        case ProviderRefuses():
            return speech.gettext(
                "The video service is closed to us right now; its keeper knows. Try again later."
            )
        case TooFewCredits(cost, balance):
            return speech.gettext("This one needs {cost}, you have {left}.").format(
                cost=speech.credits(cost), left=speech.number(balance.total)
            )


def cheaper(quote: Quote, balance: Balance, offer: Offer, terms: Terms) -> list[Cheaper]:
    """Return what could be paid: the family's shortest, and the cheapest of another family."""
    choice = quote.choice
    found = []
    for family in offer:
        mode = family.mode(choice.kind)
        if mode is None:
            continue
        same = family == choice.family
        resolution = choice.resolution if same else _plainest(mode.resolutions)
        usd = prices.price(mode, mode.seconds[0], resolution)
        cost = prices.credits_for(usd, terms.credit_usd)
        if cost < quote.credits and cost <= balance.total:
            found.append(Cheaper(mode.seconds[0], "" if same else family.name, family.title, cost))
    shorter = [one for one in found if not one.family]
    others = sorted((one for one in found if one.family), key=lambda one: one.credits)
    return shorter + others[:1]


def _plainest(resolutions: Sequence[str]) -> str | None:
    usual = [resolution for resolution in resolutions if resolution.lower() == "720p"]
    return next(iter(usual or resolutions), None)


def too_few_credits(
    quote: Quote,
    answer: TooFewCredits,
    offers: Sequence[Cheaper],
    *,
    card: int,
    offer: Offer,
    terms: Terms,
    speech: Speech,
    now: float,
) -> Reply:
    """Say what is missing, when there will be more, and offer what can be paid."""
    balance = answer.balance
    lines = [refused(answer, speech, now)]
    if quote.credits > terms.free_credits:
        lines.append(
            speech.gettext("That is more than a whole allowance: {all}.").format(
                all=worth(speech, terms.free_credits, usual_cost(offer, terms))
            )
        )
    elif balance.renews_at is not None:
        lines.append(
            speech.gettext("Your allowance renews {when}.").format(
                when=speech.until(balance.renews_at - now)
            )
        )
    row = [
        Button(
            f"{one.title if one.family else speech.lasts(one.seconds)} · {one.credits}",
            Start(card, one.seconds, one.family, credits=one.credits),
        )
        for one in offers
    ]
    return " ".join(lines), [row] if row else []


def publicly(quote: Quote, reply: Reply, asker: Asker, link: str) -> Reply:
    """Say in a group that credits are missing; how many somebody has is for them alone."""
    say = asker.speech.gettext
    text = say("{name}, that one costs {cost}, more than you have left.").format(
        name=asker.name, cost=asker.speech.credits(quote.credits)
    )
    return text, [*reply[1], [Button(say("Open in private"), url=f"{link}?start=quota")]]
