"""Say yes or no to a request: one look at everything, one transaction."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from generation.orders import balances
from storage import generations, ledger, outages
from storage.accounts import Account
from storage.ledger import Pot

if TYPE_CHECKING:
    from aiosqlite import Connection

    from generation.orders.balances import Balance, Pool, Terms
    from storage.generations import Generation, Request


@dataclass(frozen=True, slots=True)
class Accepted:
    """The request is queued and its credits are held."""

    generation: Generation


@dataclass(frozen=True, slots=True)
class Repeated:
    """The same cause made this generation before; nothing was changed."""

    generation: Generation


@dataclass(frozen=True, slots=True)
class TooManyPending:
    """As many requests as one may have at a time are on their way."""

    pending: int


@dataclass(frozen=True, slots=True)
class TooFewCredits:
    """The request costs more than is left, and more than the group's pool gives besides."""

    cost: int
    balance: Balance
    pooled: int = 0

    @property
    def available(self) -> int:
        """The credits that could be spent on it."""
        return self.balance.total + self.pooled


@dataclass(frozen=True, slots=True)
class OverBudget:
    """The operator's ceiling for this period is reached; it renews then."""

    renews_at: float | None


@dataclass(frozen=True, slots=True)
class ProviderRefuses:
    """The provider accepts nothing at present (a bad key, an empty account)."""


Refused: TypeAlias = TooManyPending | TooFewCredits | OverBudget | ProviderRefuses
Answer: TypeAlias = Accepted | Repeated | Refused


async def accept(tx: Connection, request: Request, terms: Terms, *, now: float) -> Answer:
    """Queue a request and hold its credits, or say why not; refusing changes nothing."""
    before = await generations.by_cause(tx, request.cause)
    if before is not None and (request.origin != "press" or before.state in generations.UNFINISHED):
        return Repeated(before)
    pending = len(await generations.pending_of(tx, request.account))
    if pending >= terms.max_pending:
        return TooManyPending(pending)
    outage = await outages.present(tx)
    if outage is not None and not outage.half_open:
        return ProviderRefuses()
    balance, pooled = await _means(tx, request.account, request.chat, terms, now)
    draws = balances.draw(request.credits, balance, pooled)
    if draws is None:
        return TooFewCredits(request.credits, balance, pooled)
    given = balances.budget_share(request.price_micros, request.credits, draws)
    left = await balances.budget_left(tx, terms, now)
    if given and left is not None and given > left:
        # what the operator cannot give today, somebody may still have paid for
        draws, given = balances.draw_bought(request.credits, balance), 0
        if draws is None:
            return OverBudget(balances.ends_at(terms.budget_period, terms.zone, now))
    generation = await generations.insert(tx, replace(request, budget_micros=given), now=now)
    for part in draws:
        pooled = part.pot is Pot.POOL
        await ledger.hold(
            tx,
            Account.chat(request.chat) if pooled else request.account,
            part.pot,
            part.credits,
            generation=generation.id,
            member=balances.member(request.account) if pooled else None,
            now=now,
        )
    return Accepted(generation)


def shortfall(cost: int, balance: Balance, pool: Pool | None) -> TooFewCredits | None:
    """Say what a cost in credits lacks, before anything is ordered; None where it can be paid."""
    pooled = pool.available if pool else 0
    short = balances.draw(cost, balance, pooled) is None
    return TooFewCredits(cost, balance, pooled) if short else None


async def _means(
    tx: Connection, account: Account, chat: int, terms: Terms, now: float
) -> tuple[Balance, int]:
    """Return what an account has, and what the chat's pool gives it besides."""
    pool = await balances.pool(tx, chat, account, terms, now)
    return await balances.balance(tx, account, terms, now), pool.available if pool else 0
