"""Replies to orders that are not accepted: the reason, and what to do next."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

from telegram.constants import CallbackQueryLimit

from generation.orders.balances import (
    BudgetHeld,
    OverBudget,
    ProviderRefuses,
    TooFewCredits,
    TooManyPending,
)
from generation.orders.quotes import Alternative, Quote, suggest_alternatives
from handlers.ordering.drafts import new_card, quote_draft
from handlers.ordering.order_card import Drop, Start, record_shown
from handlers.replies.keyboards import Button
from handlers.replies.more_credits import AskOwner, RemindMe, buy_buttons
from handlers.replies.texts import content_brake_text, pause_text, sanitize, video_summary, worth
from handlers.routing import claim_answer
from storage import cards, people
from storage.outages import ContentBrake, Pause

if TYPE_CHECKING:
    from collections.abc import Sequence

    from generation.orders.balances import Balance, OrderRefusal
    from generation.orders.options import Problem
    from handlers.context import Context, Services
    from handlers.ordering.drafts import OrderDraft
    from handlers.replies.texts import Translator
    from handlers.senders import Sender

_PlainRefusal: TypeAlias = (
    TooManyPending | OverBudget | BudgetHeld | ProviderRefuses | TooFewCredits
)
"""Refusals other than a pause, and a brake on a sender's refused prompts."""

MAX_PROPOSED = 3
"""How many alternatives are proposed for an order with a wrong option."""


async def refuse(
    context: Context,
    sender: Sender,
    draft: OrderDraft,
    text: str,
    buttons: Sequence[Sequence[Button]] = (),
    *,
    keeps: int | None = None,
) -> None:
    """Reply why an order is refused: in the pop-up of a press if it fits, else in the chat.

    An album gets one reply. If the draft answers a question, the reply asks it again. `keeps` is
    the id of the card that the buttons start.
    """
    if sender.press:
        in_pop_up = (
            not buttons and len(text) <= CallbackQueryLimit.ANSWER_CALLBACK_QUERY_TEXT_LENGTH
        )
        await sender.answer(text if in_pop_up else "", alert=in_pop_up)
        if in_pop_up:
            return
    if sender.edited is not None:
        keeps = sender.edited.card.id
    elif not claim_answer(context, draft.cause):
        return
    if draft.answers is not None and sender.chat.is_private:
        cancel = Button(sender.translator.gettext("Cancel"), Drop(draft.answers))
        buttons = [*buttons, [cancel]]
    said = await sender.reply_about_order(text, buttons=buttons, reply_to=draft.message_id)
    if keeps is None and draft.answers is None:
        return
    services = context.services
    async with services.db.transaction() as tx:
        if keeps is not None:
            await record_shown(tx, sender, keeps, said)
        if draft.answers is not None:
            await cards.reopen(tx, draft.answers, said.message_id, now=services.clock())
            await record_shown(tx, sender, draft.answers, said)


async def propose_corrections(
    context: Context, sender: Sender, draft: OrderDraft, found: Sequence[Problem]
) -> None:
    """Reply which options are wrong, with buttons that start the nearest valid alternatives."""
    services, nearest = context.services, []
    # anonymous admins and channels press buttons as a different user
    if len(found) == 1 and sender.account.is_person:
        for instead in suggest_alternatives(found[0], services.offer):
            quote = await quote_draft(services, sender, replace(draft, instead=instead))
            if isinstance(quote, Quote) and quote.instead_of is None:
                nearest.append((instead, quote))
    nearest = nearest[:MAX_PROPOSED]
    # without buttons too: an edit of the message may correct it
    keeps = draft.card is None and (nearest or draft.origin == "message")
    kept = await _keep_on_card(services, sender, draft) if keeps else None
    buttons = [
        [_start_button(kept or draft.card or 0, instead, quote, sender.translator)]
        for instead, quote in nearest
    ]
    text = "\n".join(_problem_text(problem, services, sender.translator) for problem in found)
    await refuse(context, sender, draft, text, buttons, keeps=kept)


async def decline(
    context: Context, sender: Sender, draft: OrderDraft, quote: Quote, answer: OrderRefusal
) -> None:
    """Reply why an order was not accepted, with what can be ordered instead."""
    services, translator = context.services, sender.translator
    if not isinstance(answer, TooFewCredits):
        now, in_private = services.clock(), sender.chat.is_private
        name = None if in_private or sender.press else sender.name
        text = (
            content_brake_text(answer, name, translator, now)
            if isinstance(answer, ContentBrake)
            else pause_text(answer, translator, now)
            if isinstance(answer, Pause)
            else _refusal_text(answer, translator, now, in_private=in_private)
        )
        # a pop-up has no buttons
        leads = not in_private and not sender.press and _waits_elsewhere(answer)
        opens = [[sender.private_button("cancel")]] if leads else []
        await refuse(context, sender, draft, text, opens)
        return
    sells = buy_buttons(services.policy.stars_per_credit, translator)
    if not sender.account.is_person:
        text = translator.gettext(
            "{name}, this costs {cost}, more than is left. You wrote anonymously, so "
            "your own credits do not count. Write as yourself to use them."
        ).format(name=sender.name, cost=translator.credits(quote.credits))
        await refuse(context, sender, draft, text, [sells])
        return
    affordable = await _affordable_videos(services, sender, draft, quote, answer.available)
    kept = (
        await _keep_on_card(services, sender, draft) if affordable and draft.card is None else None
    )
    # side by side, so the labels are brief
    row = [
        _start_button(kept or draft.card or 0, *one, translator, is_brief=True)
        for one in affordable
    ]
    buttons = [row] if row else []
    if sender.chat.is_private:
        text = _too_few_credits_text(services, sender, quote, answer)
        buttons.append(await more_credits_buttons(services, sender, answer.balance, quote.credits))
    else:
        # balances are shown in private only
        text = translator.gettext("{name}, this costs {cost}, more than you have left.").format(
            name=sender.name, cost=translator.credits(quote.credits)
        )
        buttons.append([sender.private_button("quota"), *sells])
    await refuse(context, sender, draft, text, buttons, keeps=kept)


async def more_credits_buttons(
    services: Services, sender: Sender, balance: Balance, cost: int
) -> list[Button]:
    """Return the buttons to get more credits, if the sender's balance is below the cost."""
    renews = balance.renews_at is not None and cost <= services.terms_of(sender.person).free_credits
    async with services.db.reading() as connection:
        admins = services.policy.admin_ids or await people.admins(connection)
    asks, _ = bool(admins) and not sender.is_admin, sender.translator.gettext
    return [
        *[Button(_("🔔 Remind me"), RemindMe())][:renews],
        *[Button(_("🙋 Ask the owner"), AskOwner())][:asks],
        *buy_buttons(services.policy.stars_per_credit, sender.translator),
    ]


def _waits_elsewhere(answer: OrderRefusal) -> bool:
    """Return whether the videos that block the order can be cancelled only in private."""
    if isinstance(answer, TooManyPending):
        return answer.elsewhere > 0
    return isinstance(answer, BudgetHeld) and answer.own


async def _keep_on_card(services: Services, sender: Sender, draft: OrderDraft) -> int:
    """Keep a refused order on a card, for the buttons that offer alternatives to it."""
    async with services.db.transaction() as tx:
        card, _ = await cards.ask(tx, new_card(sender, draft, kept=True), now=services.clock())
    return card.id


async def _affordable_videos(
    services: Services, sender: Sender, draft: OrderDraft, quote: Quote, available: int
) -> list[tuple[Alternative, Quote]]:
    """Return the family's shortest video, and the cheapest of the others, if affordable."""
    shorter: list[tuple[Alternative, Quote]] = []
    others: list[tuple[Alternative, Quote]] = []
    for family in services.offer:
        mode = family.mode(quote.choice.kind)
        if mode is None:
            continue
        same = family == quote.choice.family
        instead = Alternative(seconds=mode.seconds[0], family="" if same else family.name)
        other = await quote_draft(services, sender, replace(draft, instead=instead))
        most = min(available, quote.credits - 1)
        if isinstance(other, Quote) and other.credits <= most:
            (shorter if same else others).append((instead, other))
    return shorter + sorted(others, key=lambda one: one[1].credits)[:1]


def _start_button(
    card: int, instead: Alternative, quote: Quote, translator: Translator, *, is_brief: bool = False
) -> Button:
    """Return a button that starts an alternative to what the card says, at its price.

    Its label is what differs; for another family, everything, or its title only if `is_brief`.
    """
    if instead.family:
        label = quote.choice.family.title if is_brief else video_summary(translator, quote)
    elif instead.seconds:
        label = translator.duration(instead.seconds)
    else:
        label = instead.aspect_ratio or instead.resolution
    return Button(
        f"{label} · {translator.number(quote.credits)}",
        Start.with_alternative(card, instead, quote.credits),
    )


def _problem_text(problem: Problem, services: Services, translator: Translator) -> str:
    _, known, offered = translator.gettext, services.catalogue.known, problem.offered
    model = known[problem.family].title if problem.family in known else problem.family
    if problem.option in {"silent", "pro"}:
        offered = tuple(known[name].title for name in offered)
    if problem.option == "prompt" and offered:
        return _("That is {count} characters; {model} takes {most}. Make it shorter.").format(
            count=translator.number(int(problem.given)),
            most=translator.number(int(offered[0])),
            model=model,
        )
    if problem.option == "prompt":
        return _("What should we see? Add a few words.")
    if not offered:
        return _("No model can do that right now. Please try again later.")
    words = {
        "option": _("I don't know {given}. You can write: {offered}"),
        "model": _("There is no model “{given}”. You can choose: {offered}")
        if problem.given
        else _("Which model? You can choose: {offered}"),
        "silent": _("{model} always makes sound. Without it: {offered}"),
        "pro": _("{model} has no pro version. With one: {offered}"),
    }.get(problem.option, _("After --{option} you can write: {offered}"))
    return words.format(
        option=problem.option, given=sanitize(problem.given), offered=", ".join(offered),
        model=model,
    )  # fmt: skip


def _refusal_text(
    answer: _PlainRefusal, translator: Translator, now: float, *, in_private: bool = True
) -> str:
    match answer:
        case TooManyPending(pending, elsewhere) if elsewhere and not in_private:
            return translator.ngettext(
                "{count} video of yours is on the way in another chat. One more once it is done; "
                "you can cancel it in private.",
                "{count} videos of yours are on the way, {elsewhere} in other chats. One more once "
                "one is done; you can cancel them in private.",
                pending, elsewhere=translator.number(elsewhere),
            )  # fmt: skip
        case TooManyPending(pending):
            return translator.ngettext(
                "{count} video of yours is on the way. One more once it is done, or /cancel it.",
                "{count} videos of yours are on the way. One more once one is done, "
                "or /cancel one.",
                pending,
            )
        case OverBudget(renews_at):
            text = (
                translator.gettext("There are no more free videos. Ask the owner of this bot.")
                if renews_at is None
                else translator.gettext(
                    "There are no more free videos for now. You can order again {when}. Your "
                    "credits stay."
                )
            )
            return text.format(when=translator.time_until((renews_at or now) - now))
        case BudgetHeld(own):
            return (
                translator.gettext(
                    "You have as many videos waiting as one person may have. Try again in a few "
                    "minutes, or cancel one in private. Nothing was charged."
                )
                if own and not in_private
                else translator.gettext(
                    "You have as many videos waiting as one person may have. Try again in a few "
                    "minutes, or /cancel one. Nothing was charged."
                )
                if own
                else translator.gettext(
                    "Too many free videos are being made right now. Try again in a few minutes. "
                    "Your credits stay."
                )
            )
        case ProviderRefuses():
            return translator.gettext(
                "The video service is not taking orders right now. The owner of this bot "
                "has been told. Nothing was charged. Try again later."
            )
        case TooFewCredits(cost):
            return translator.gettext("This one needs {cost}, you have {left}.").format(
                cost=translator.credits(cost), left=translator.number(answer.available)
            )


def _too_few_credits_text(
    services: Services, sender: Sender, quote: Quote, answer: TooFewCredits
) -> str:
    """Return how many credits are missing, and when the allowance renews."""
    terms, translator = services.terms_of(sender.person), sender.translator
    now, renews_at = services.clock(), answer.balance.renews_at
    text = _refusal_text(answer, translator, now)
    if quote.credits > terms.free_credits:
        more = translator.gettext("That is more than your whole allowance of {all}.").format(
            all=worth(translator, terms.free_credits, services.usual_cost)
        )
    elif renews_at is not None:
        more = translator.gettext("Your allowance renews {when}.").format(
            when=translator.time_until(renews_at - now)
        )
    else:
        return text
    return f"{text} {more}"
