"""What admins ask and decide in private: /stats, /allow and /deny."""

from __future__ import annotations

from typing import TYPE_CHECKING

from generation.models import pricing
from generation.orders import balances
from generation.orders.balances import Period
from handlers.routing import Router
from storage import access, statistics

if TYPE_CHECKING:
    from collections.abc import Sequence

    from generation.orders.balances import Terms
    from handlers.context import Services
    from handlers.identity import Sender
    from handlers.replies.language import Translator
    from storage.people import Person
    from storage.statistics import Tally


router = Router()


def counted(tally: Tally, translator: Translator) -> str:
    """Write what happened in some time, in a line."""
    return translator.gettext(
        "{asked} asked for, {delivered} delivered, {failed} failed or cancelled, "
        "{in_work} in work. People: {people}. Spent: {money}"
    ).format(
        asked=translator.number(tally.asked),
        people=translator.number(tally.people),
        delivered=translator.number(tally.delivered),
        failed=translator.number(tally.failed),
        in_work=translator.number(tally.in_work),
        money=translator.money(pricing.from_micros(tally.spent_micros)),
    )


def budget(left: int | None, terms: Terms, translator: Translator, now: float) -> str:
    """Write what the operator still gives; `left` is in micro-dollars, None without a ceiling."""
    if left is None or terms.budget_usd is None:
        return translator.gettext("Budget: no ceiling. BUDGET_USD sets one.")
    ends_at = balances.ends_at(terms.budget_period, terms.zone, now)
    return translator.gettext("Budget: {left} of {all} left, whole again {when}.").format(
        left=translator.money(pricing.from_micros(max(0, left))),
        all=translator.money(terms.budget_usd),
        when=translator.until(ends_at - now) if ends_at else "",
    )


@router.command("stats")
async def stats(sender: Sender, services: Services) -> None:
    """Tell an admin what happened today and so far."""
    say, now = sender.translator.gettext, services.clock()
    today = balances.began_at(Period.DAY, services.terms.zone, now)
    async with services.db.reading() as connection:
        of_today = await statistics.tally(connection, since=today)
        of_all = await statistics.tally(connection, since=0.0)
        left = await balances.budget_left(connection, services.terms, now)
    text = "\n\n".join(
        (
            say("Today: {counted}").format(counted=counted(of_today, sender.translator)),
            say("In all: {counted}").format(counted=counted(of_all, sender.translator)),
            budget(left, services.terms, sender.translator, now),
        )
    )
    await sender.reply(text)


def read_id(words: Sequence[str]) -> int | None:
    """Read the id of a person or chat, a group's below zero; None for anything else."""
    digits = words[0].removeprefix("-") if len(words) == 1 else ""
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 18):  # noqa: PLR2004 - SQLite's integers
        return None
    return int(words[0]) or None


@router.command("allow")
async def allow(
    sender: Sender, words: Sequence[str], admin: Person, cause: str, services: Services
) -> None:
    """Let a person or chat in."""
    say, number = sender.translator.gettext, read_id(words)
    if number is None:
        text = say("Write /allow and the number of a person, or of a group (below zero).")
    elif number in services.policy.allowed_ids:
        text = say("{number} stands in ALLOWED_IDS already.").format(number=number)
    else:
        async with services.db.transaction() as tx:
            await access.allow(tx, number, cause=cause, by=admin.id, now=services.clock())
        text = say("{number} may use this bot.").format(number=number)
    await _decided(services, sender, text)


@router.command("deny")
async def deny(sender: Sender, words: Sequence[str], services: Services) -> None:
    """Undo an allow."""
    say, number = sender.translator.gettext, read_id(words)
    if number is None:
        text = say("Write /deny and the number that was allowed.")
    elif number in services.policy.allowed_ids:
        text = say("{number} stands in ALLOWED_IDS: take it out there and restart.").format(
            number=number
        )
    else:
        async with services.db.transaction() as tx:
            was_allowed = await access.deny(tx, number)
        text = (
            say("{number} may not use this bot any more.")
            if was_allowed
            else say("{number} was not allowed by /allow; nothing changed.")
        ).format(number=number)
    await _decided(services, sender, text)


async def _decided(services: Services, sender: Sender, text: str) -> None:
    """Say what was decided, and that it changes nothing where everyone is let in."""
    if not services.policy.allowed_ids:
        everyone = sender.translator.gettext(
            "While ALLOWED_IDS is empty, everyone may use this bot."
        )
        text = f"{text} {everyone}"
    await sender.reply(text)
