"""/quota: what is left to spend, what is set aside, and when the allowance renews."""

from __future__ import annotations

from typing import TYPE_CHECKING

from generation.models.pricing import Period
from generation.orders import balances
from handlers.replies.texts import videos, worth
from handlers.routing import Router
from storage import generations

if TYPE_CHECKING:
    from telegram import Message

    from generation.orders.balances import Balance, Pool, Terms
    from handlers.context import Services
    from handlers.replies.texts import Translator
    from handlers.senders import Sender

router = Router()


def text(
    balance: Balance, *, pending: int, cost: int, terms: Terms, translator: Translator, now: float
) -> str:
    """Write a balance.

    Args:
        balance: what is left.
        pending: how many videos are being made.
        cost: the credits of a usual video.
        terms: what the operator gives.
        translator: the language.
        now: seconds since 1970, UTC.
    """
    _ = translator.gettext
    lines = [_left(balance, cost, translator)]
    if balance.kept > 0:
        lines.append(
            _("{kept} of them do not expire.").format(kept=translator.number(balance.kept))
            if balance.allowance > 0
            else _("They do not expire.")
        )
    if balance.held > 0:
        lines.append(
            translator.ngettext(
                "{held} credit is set aside for {videos} being made.",
                "{held} credits are set aside for {videos} being made.",
                balance.held,
            ).format(
                held=translator.number(balance.held), videos=videos(translator, max(1, pending))
            )
        )
    if balance.renews_at is not None and terms.free_credits > 0:
        lines.append(
            _("Your free allowance renews {when}: {all}.").format(
                when=translator.until(balance.renews_at - now),
                all=worth(translator, terms.free_credits, cost),
            )
        )
    elif terms.period is Period.LIFETIME and terms.free_credits > 0:
        lines.append(_("The free allowance is given once."))
    if balance.total < cost and cost > terms.free_credits:
        lines.append(
            _(
                "One video costs more than your whole allowance. Ask the owner of this bot "
                "for credits."
            )
        )
    return "\n".join(lines)


def _left(balance: Balance, cost: int, translator: Translator) -> str:
    """Write what is left, as videos or as what is missing for one."""
    if balance.total >= cost:
        return translator.gettext("You have {left}.").format(
            left=worth(translator, balance.total, cost)
        )
    return translator.gettext("You have {left}. A usual video costs {cost}.").format(
        left=translator.credits(balance.total), cost=translator.number(cost)
    )


def pool_text(pool: Pool, renews: str | None, cost: int, translator: Translator) -> str:
    """Write what a group has left to share; `renews` says when there will be more."""
    left = (
        translator.gettext("This group has {left} of {all} left, about {videos}.")
        if pool.left >= cost
        else translator.gettext("This group has {left} of {all} left.")
    )
    lines = [
        left.format(
            left=translator.credits(pool.left),
            all=translator.number(pool.all),
            videos=videos(translator, pool.left // cost),
        )
    ]
    if pool.share is not None:
        lines.append(
            translator.gettext("Each member may use {share} of them.").format(
                share=translator.number(pool.share)
            )
        )
    if renews is not None:
        lines.append(translator.gettext("They renew {when}.").format(when=renews))
    return " ".join(lines)


@router.command("quota")
async def quota(sender: Sender, message: Message, services: Services) -> None:
    """Tell people what they can spend, in private."""
    if not sender.chat.is_private:
        await sender.invite("quota", message.message_id, await _pool(services, sender))
        return
    now = services.clock()
    async with services.db.reading() as connection:
        balance = await balances.balance(connection, sender.account, services.terms, now)
        pending = await generations.pending_of(connection, sender.account)
    await sender.reply(
        text(
            balance,
            pending=len(pending),
            cost=services.usual_cost,
            terms=services.terms,
            translator=sender.translator,
            now=now,
        )
    )


async def _pool(services: Services, sender: Sender) -> str:
    """Write the group's pool; empty where it has none."""
    now = services.clock()
    async with services.db.reading() as connection:
        pool = await balances.pool(connection, sender.chat.id, sender.account, services.terms, now)
    if pool is None:
        return ""
    cost = services.usual_cost
    when = sender.translator.until(pool.renews_at - now) if pool.renews_at else None
    return pool_text(pool, when, cost, sender.translator)
