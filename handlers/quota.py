"""/quota: what is left to spend, what is set aside, and when the allowance renews."""

from __future__ import annotations

from typing import TYPE_CHECKING

from generation import credits as purse
from generation.periods import Period
from handlers import privately
from handlers.commands import on
from handlers.identity import meet
from handlers.replies.words import usual_cost, videos, worth
from storage import generations

if TYPE_CHECKING:
    from telegram import Update
    from telegram.ext import BaseHandler

    from generation.credits import Balance, Pool, Terms
    from handlers.context import Context, Services
    from handlers.identity import Asker
    from handlers.replies.language import Speech


def text(
    balance: Balance, *, pending: int, cost: int, terms: Terms, speech: Speech, now: float
) -> str:
    """Write a balance.

    Args:
        balance: what is left.
        pending: how many videos are being made.
        cost: the credits of a usual video.
        terms: what the operator gives.
        speech: the language.
        now: seconds since 1970, UTC.
    """
    say = speech.gettext
    lines = [_left(balance, cost, speech)]
    if balance.bought > 0:
        lines.append(
            say("{kept} of them are yours to keep, the rest is free.").format(
                kept=speech.number(balance.bought)
            )
            if balance.allowance > 0
            else say("They are yours to keep.")
        )
    if balance.held > 0:
        lines.append(
            say("{held} more are set aside for {videos} being made.").format(
                held=speech.number(balance.held), videos=videos(speech, max(1, pending))
            )
        )
    if balance.renews_at is not None and terms.free_credits > 0:
        lines.append(
            say("Your free allowance renews {when}: {all}.").format(
                when=speech.until(balance.renews_at - now),
                all=worth(speech, terms.free_credits, cost),
            )
        )
    elif terms.period is Period.LIFETIME and terms.free_credits > 0:
        lines.append(say("The free allowance is given once."))
    if balance.total < cost and cost > terms.free_credits:
        lines.append(
            say("One video costs more than a whole allowance: ask the bot's owner for credits.")
        )
    return "\n".join(lines)


def _left(balance: Balance, cost: int, speech: Speech) -> str:
    """Write what is left, as videos or as what is missing for one."""
    if balance.total >= cost:
        return speech.gettext("You have {left}.").format(left=worth(speech, balance.total, cost))
    return speech.gettext("You have {left}; a usual video costs {cost}.").format(
        left=speech.credits(balance.total), cost=speech.number(cost)
    )


def pool_text(pool: Pool, renews: str | None, cost: int, speech: Speech) -> str:
    """Write what a group has left to share; `renews` says when there will be more."""
    lines = [
        speech.gettext("This group has {left} of {all} left.").format(
            left=worth(speech, pool.left, cost), all=speech.number(pool.all)
        )
    ]
    if pool.share is not None:
        lines.append(
            speech.gettext("Each member may use {share} of them.").format(
                share=speech.number(pool.share)
            )
        )
    if renews is not None:
        lines.append(speech.gettext("They renew {when}.").format(when=renews))
    return " ".join(lines)


async def quota(update: Update, context: Context) -> None:
    """Tell people what they can spend, in private."""
    services = context.services
    asker = await meet(update, services)
    if asker is None:
        return
    if not asker.chat.is_private:
        await privately.show_the_way(
            asker, update, context, "quota", before=await _pool(services, asker)
        )
        return
    now = services.clock()
    async with services.db.reading() as connection:
        balance = await purse.balance(connection, asker.account, services.terms, now)
        pending = await generations.pending_of(connection, asker.account)
    await services.outbox.say(
        asker.chat,
        text(
            balance,
            pending=len(pending),
            cost=usual_cost(services.offer, services.terms),
            terms=services.terms,
            speech=asker.speech,
            now=now,
        ),
        thread_id=asker.thread_id,
    )


async def _pool(services: Services, asker: Asker) -> str:
    """Write the group's pool; empty where it has none."""
    now = services.clock()
    async with services.db.reading() as connection:
        pool = await purse.pool(connection, asker.chat.id, asker.account, services.terms, now)
    if pool is None:
        return ""
    cost = usual_cost(services.offer, services.terms)
    when = asker.speech.until(pool.renews_at - now) if pool.renews_at else None
    return pool_text(pool, when, cost, asker.speech)


def handlers() -> list[BaseHandler[Update, Context, None]]:
    """Return what answers /quota and /credits."""
    return [on("quota", quota)]
