"""/stats: what an admin reads of videos, people and money."""

from __future__ import annotations

from typing import TYPE_CHECKING

from generation.models import pricing
from generation.orders import balances
from generation.orders.balances import Period
from handlers.routing import Router
from storage import statistics

if TYPE_CHECKING:
    from generation.orders.balances import Terms
    from handlers.context import Sender, Services
    from handlers.replies.texts import Translator
    from storage.statistics import Statistics

router = Router()


def counted(totals: Statistics, translator: Translator) -> str:
    """Write what happened in some time, in a line."""
    return translator.gettext(
        "{asked} asked for, {delivered} delivered, {failed} failed or cancelled, "
        "{in_work} in work. People: {people}. Spent: {money}"
    ).format(
        asked=translator.number(totals.asked),
        people=translator.number(totals.people),
        delivered=translator.number(totals.delivered),
        failed=translator.number(totals.failed),
        in_work=translator.number(totals.in_work),
        money=translator.money(pricing.from_micros(totals.spent_micros)),
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
    of_today = await statistics.collect(services.db, since=today)
    of_all = await statistics.collect(services.db)
    async with services.db.reading() as connection:
        left = await balances.budget_left(connection, services.terms, now)
    text = "\n\n".join(
        (
            say("Today: {counted}").format(counted=counted(of_today, sender.translator)),
            say("In all: {counted}").format(counted=counted(of_all, sender.translator)),
            budget(left, services.terms, sender.translator, now),
        )
    )
    await sender.reply(text)
