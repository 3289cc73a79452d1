"""What is said to an order that is not accepted: always why, and what to do next."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from generation.acceptance import OverBudget, ProviderRefuses, TooFewCredits, TooManyPending
from handlers.replies.buttons import Button
from handlers.replies.cards import Start
from handlers.replies.words import described, usual_cost, worth

if TYPE_CHECKING:
    from collections.abc import Sequence

    from generation.acceptance import Refused
    from generation.credits import Terms
    from generation.models import Offer
    from generation.options import Problem
    from generation.quotes import Instead, Quote
    from handlers.identity import Asker
    from handlers.replies.language import Speech

Reply: TypeAlias = tuple[str, list[list[Button]]]


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
    say, offered = speech.gettext, ", ".join(problem.offered)
    if problem.option == "prompt" and problem.offered:
        return say("That is {count} characters; {model} takes {most}. Make it shorter.").format(
            count=speech.number(int(problem.given)),
            most=speech.number(int(problem.offered[0])),
            model=problem.family,
        )
    if problem.option == "prompt":
        return say("What should we see? Add a few words on that.")
    if not problem.offered:
        return say("No model can do that right now. Please try again later.")
    words = {
        "option": say("I don't know {given}. There is: {offered}"),
        "model": say("There is no model “{given}”. There is: {offered}")
        if problem.given
        else say("Which model? There is: {offered}"),
        "silent": say("{model} always makes sound. Without it: {offered}"),
        "pro": say("{model} has no pro version. With one: {offered}"),
    }.get(problem.option, say("--{option} can be: {offered}"))
    return words.format(
        option=problem.option, given=problem.given, offered=offered, model=problem.family
    )


def refused(answer: Refused, speech: Speech, now: float) -> str:
    """Say why an order was not accepted; it cost nothing."""
    match answer:
        case TooManyPending(pending):
            return speech.ngettext(
                "{count} video of yours is on the way. One more once it is done, or /cancel it.",
                "{count} videos of yours are on the way. One more once one is done, "
                "or /cancel one.",
                pending,
            ).format(count=speech.number(pending))
        case OverBudget(renews_at):
            if renews_at is None:
                return speech.gettext("The bot has given all it had to give.")
            return speech.gettext(
                "The bot has given all it can for now. It goes on {when}; your credits stay."
            ).format(when=speech.until(renews_at - now))
        case ProviderRefuses():
            return speech.gettext(
                "The video service is closed to us right now; its owner knows. Try again later."
            )
        case TooFewCredits(cost):
            return speech.gettext("This one needs {cost}, you have {left}.").format(
                cost=speech.credits(cost), left=speech.number(answer.available)
            )


def too_few_credits(
    quote: Quote,
    answer: TooFewCredits,
    affordable: Sequence[tuple[Instead, Quote]],
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
            f"{one.choice.family.title if instead.family else speech.lasts(instead.seconds)}"
            f" · {one.credits}",
            Start.with_instead(card, instead, one.credits),
        )
        for instead, one in affordable
    ]
    return " ".join(lines), [row] if row else []


def without_pool(quote: Quote, asker: Asker) -> str:
    """Say to one who writes as a group or a channel where its credits come from."""
    return asker.speech.gettext(
        "{name}, that one costs {cost}, more than you have left. A group or channel has what my "
        "owner gives it; write as yourself to use your own credits."
    ).format(name=asker.name, cost=asker.speech.credits(quote.credits))


def publicly(quote: Quote, reply: Reply, asker: Asker, link: str) -> Reply:
    """Say in a group that credits are missing; how many somebody has is for them alone."""
    say = asker.speech.gettext
    text = say("{name}, that one costs {cost}, more than you have left.").format(
        name=asker.name, cost=asker.speech.credits(quote.credits)
    )
    return text, [*reply[1], [Button(say("Open in private"), url=f"{link}?start=quota")]]
