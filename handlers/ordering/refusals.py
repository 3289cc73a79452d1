"""What is said to an order that is not accepted: always why, and what to do next."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from generation.orders.acceptance import OverBudget, ProviderRefuses, TooFewCredits, TooManyPending
from handlers.replies.cards import Start
from handlers.replies.keyboards import Button
from handlers.replies.texts import described, usual_cost, worth

if TYPE_CHECKING:
    from collections.abc import Sequence

    from generation.models.offer import Offer
    from generation.orders.acceptance import Refused
    from generation.orders.balances import Terms
    from generation.orders.options import Problem
    from generation.orders.quotes import Instead, Quote
    from handlers.identity import Sender
    from handlers.replies.language import Translator

Reply: TypeAlias = tuple[str, list[list[Button]]]


def problems(found: Sequence[Problem], translator: Translator) -> str:
    """Say what in a prompt cannot be had, and what can."""
    return "\n".join(_problem(problem, translator) for problem in found)


def proposals(
    card: int, nearest: Sequence[tuple[Instead, Quote]], translator: Translator
) -> list[list[Button]]:
    """Offer the nearest that can be had; each starts what is remembered on the card."""
    return [
        [
            Button(
                f"{_difference(instead, quote, translator)} · {translator.number(quote.credits)}",
                Start.with_instead(card, instead, quote.credits),
            )
        ]
        for instead, quote in nearest
    ]


def _difference(instead: Instead, quote: Quote, translator: Translator) -> str:
    """Name what a proposal has instead of what was asked for."""
    if instead.family:
        return described(translator, quote)
    return (
        translator.lasts(instead.seconds)
        if instead.seconds
        else (instead.aspect_ratio or instead.resolution)
    )


def _problem(problem: Problem, translator: Translator) -> str:
    say, offered = translator.gettext, ", ".join(problem.offered)
    if problem.option == "prompt" and problem.offered:
        return say("That is {count} characters; {model} takes {most}. Make it shorter.").format(
            count=translator.number(int(problem.given)),
            most=translator.number(int(problem.offered[0])),
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


def refused(answer: Refused, translator: Translator, now: float) -> str:
    """Say why an order was not accepted; it cost nothing."""
    match answer:
        case TooManyPending(pending):
            return translator.ngettext(
                "{count} video of yours is on the way. One more once it is done, or /cancel it.",
                "{count} videos of yours are on the way. One more once one is done, "
                "or /cancel one.",
                pending,
            ).format(count=translator.number(pending))
        case OverBudget(renews_at):
            if renews_at is None:
                return translator.gettext("The bot has given all it had to give.")
            return translator.gettext(
                "The bot has given all it can for now. It goes on {when}; your credits stay."
            ).format(when=translator.until(renews_at - now))
        case ProviderRefuses():
            return translator.gettext(
                "The video service is closed to us right now; its owner knows. Try again later."
            )
        case TooFewCredits(cost):
            return translator.gettext("This one needs {cost}, you have {left}.").format(
                cost=translator.credits(cost), left=translator.number(answer.available)
            )


def too_few_credits(
    quote: Quote,
    answer: TooFewCredits,
    affordable: Sequence[tuple[Instead, Quote]],
    *,
    card: int,
    offer: Offer,
    terms: Terms,
    translator: Translator,
    now: float,
) -> Reply:
    """Say what is missing, when there will be more, and offer what can be paid."""
    balance = answer.balance
    lines = [refused(answer, translator, now)]
    if quote.credits > terms.free_credits:
        lines.append(
            translator.gettext("That is more than a whole allowance: {all}.").format(
                all=worth(translator, terms.free_credits, usual_cost(offer, terms))
            )
        )
    elif balance.renews_at is not None:
        lines.append(
            translator.gettext("Your allowance renews {when}.").format(
                when=translator.until(balance.renews_at - now)
            )
        )
    row = [
        Button(
            f"{one.choice.family.title if instead.family else translator.lasts(instead.seconds)}"
            f" · {one.credits}",
            Start.with_instead(card, instead, one.credits),
        )
        for instead, one in affordable
    ]
    return " ".join(lines), [row] if row else []


def without_pool(quote: Quote, sender: Sender) -> str:
    """Say to one who writes as a group or a channel where its credits come from."""
    return sender.translator.gettext(
        "{name}, that one costs {cost}, more than you have left. A group or channel has what my "
        "owner gives it; write as yourself to use your own credits."
    ).format(name=sender.name, cost=sender.translator.credits(quote.credits))


def publicly(quote: Quote, reply: Reply, sender: Sender, link: str) -> Reply:
    """Say in a group that credits are missing; how many somebody has is for them alone."""
    say = sender.translator.gettext
    text = say("{name}, that one costs {cost}, more than you have left.").format(
        name=sender.name, cost=sender.translator.credits(quote.credits)
    )
    return text, [*reply[1], [Button(say("Open in private"), url=f"{link}?start=quota")]]
