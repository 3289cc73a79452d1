"""Balances: what somebody can spend, which pots a request draws on, and whether it is accepted."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

from generation.models import pricing
from storage import generations, groups, ledger, outages, statistics
from storage.ledger import Account, Pot

if TYPE_CHECKING:
    from decimal import Decimal
    from zoneinfo import ZoneInfo

    from aiosqlite import Connection

    from storage.generations import Generation, Request


class Period(StrEnum):
    """How often something renews."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    LIFETIME = "lifetime"


def began_at(period: Period, zone: ZoneInfo, now: float) -> float:
    """Return when the present period began, in seconds since 1970, UTC."""
    if period is Period.LIFETIME:
        return 0.0
    return _midnight(_first_day(period, datetime.fromtimestamp(now, zone)), zone)


def ends_at(period: Period, zone: ZoneInfo, now: float) -> float | None:
    """Return when the next period begins; None where there is none."""
    if period is Period.LIFETIME:
        return None
    first = _first_day(period, datetime.fromtimestamp(now, zone))
    if period is Period.DAY:
        following = first + timedelta(days=1)
    elif period is Period.WEEK:
        following = first + timedelta(weeks=1)
    else:
        following = (first + timedelta(days=31)).replace(day=1)
    return _midnight(following, zone)


def _first_day(period: Period, today: datetime) -> datetime:
    if period is Period.WEEK:
        return today - timedelta(days=today.weekday())
    if period is Period.MONTH:
        return today.replace(day=1)
    return today


def _midnight(day: datetime, zone: ZoneInfo) -> float:
    # combined anew, so that a day of 23 or 25 hours keeps its own offset
    return datetime.combine(day.date(), time.min, zone).timestamp()


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What the operator gives: credits per person and period, dollars for all together.

    `budget_usd` None means no ceiling; `max_pending` is in requests.
    """

    credit_usd: Decimal
    free_credits: int
    period: Period
    zone: ZoneInfo
    budget_usd: Decimal | None
    budget_period: Period
    max_pending: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """Credits left in each pot, credits set aside, and when the allowance renews."""

    allowance: int
    bought: int
    held: int
    renews_at: float | None

    @property
    def total(self) -> int:
        """What can be spent now; a debt in one pot takes from the other."""
        return max(0, self.allowance + self.bought)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """A group's credits per period: in all, left for all, and left of one member's share."""

    all: int
    share: int | None
    left: int
    share_left: int | None
    renews_at: float | None

    @property
    def available(self) -> int:
        """What this member can draw on."""
        return self.left if self.share_left is None else min(self.left, self.share_left)


@dataclass(frozen=True, slots=True)
class Draw:
    """Credits taken from one pot."""

    pot: Pot
    credits: int


def draw(cost: int, balance: Balance, pooled: int = 0) -> tuple[Draw, ...] | None:
    """Choose the pots for a cost in credits; None where they do not suffice.

    What the group's pool gives this member goes first, then their allowance.
    """
    if cost > balance.total + pooled:
        return None
    shared = min(cost, pooled)
    given = min(cost - shared, balance.allowance)
    parts = (
        Draw(Pot.POOL, shared),
        Draw(Pot.ALLOWANCE, given),
        Draw(Pot.BOUGHT, cost - shared - given),
    )
    return tuple(part for part in parts if part.credits > 0)


def draw_bought(cost: int, balance: Balance) -> tuple[Draw, ...] | None:
    """Take a cost in credits from what was bought alone; None where that does not suffice."""
    return (Draw(Pot.BOUGHT, cost),) if cost <= balance.bought else None


def budget_share(price_micros: int, cost: int, draws: tuple[Draw, ...]) -> int:
    """Return the part of a price the operator gives, in micro-dollars: all but bought credits."""
    given = sum(part.credits for part in draws if part.pot is not Pot.BOUGHT)
    return price_micros * given // cost


async def balance(tx: Connection, account: Account, terms: Terms, now: float) -> Balance:
    """Add up an account; chats (anonymous admins, channels) have no allowance."""
    began = began_at(terms.period, terms.zone, now)
    free = terms.free_credits if account.is_person else 0
    used = await ledger.drawn(tx, account, Pot.ALLOWANCE, since=began)
    return Balance(
        allowance=max(0, free - used),
        bought=await ledger.stored(tx, account, Pot.BOUGHT),
        held=await ledger.held(tx, account),
        renews_at=ends_at(terms.period, terms.zone, now) if account.is_person else None,
    )


async def pool(
    tx: Connection, chat: int, account: Account, terms: Terms, now: float
) -> Pool | None:
    """Add up a group's pool for one who asks there; None where it has none."""
    group = await groups.find(tx, chat)
    if not group.pool:
        return None
    began = began_at(terms.period, terms.zone, now)
    used = await ledger.drawn(tx, Account.chat(chat), Pot.POOL, since=began)
    share_left = None
    if group.share is not None:
        drawn = await ledger.drawn_by(
            tx, Account.chat(chat), Pot.POOL, member(account), since=began
        )
        share_left = max(0, group.share - drawn)
    return Pool(
        all=group.pool,
        share=group.share,
        left=max(0, group.pool - used),
        share_left=share_left,
        renews_at=ends_at(terms.period, terms.zone, now),
    )


def member(account: Account) -> int | None:
    """Return the person who draws on a pool; anonymous admins and channels share one share."""
    return account.id if account.is_person else None


async def budget_left(tx: Connection, terms: Terms, now: float) -> int | None:
    """Return what the operator still gives in this period, in micro-dollars; None = no ceiling."""
    if terms.budget_usd is None:
        return None
    began = began_at(terms.budget_period, terms.zone, now)
    return pricing.to_micros(terms.budget_usd) - await statistics.budget_used(tx, since=began)


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
    draws = draw(request.credits, balance, pooled)
    if draws is None:
        return TooFewCredits(request.credits, balance, pooled)
    given = budget_share(request.price_micros, request.credits, draws)
    left = await budget_left(tx, terms, now)
    if given and left is not None and given > left:
        # what the operator cannot give today, somebody may still have paid for
        draws, given = draw_bought(request.credits, balance), 0
        if draws is None:
            return OverBudget(ends_at(terms.budget_period, terms.zone, now))
    generation = await generations.insert(tx, replace(request, budget_micros=given), now=now)
    for part in draws:
        pooled = part.pot is Pot.POOL
        await ledger.hold(
            tx,
            Account.chat(request.chat) if pooled else request.account,
            part.pot,
            part.credits,
            generation=generation.id,
            member=member(request.account) if pooled else None,
            now=now,
        )
    return Accepted(generation)


def shortfall(cost: int, balance: Balance, pool: Pool | None) -> TooFewCredits | None:
    """Say what a cost in credits lacks, before anything is ordered; None where it can be paid."""
    pooled = pool.available if pool else 0
    short = draw(cost, balance, pooled) is None
    return TooFewCredits(cost, balance, pooled) if short else None


async def _means(
    tx: Connection, account: Account, chat: int, terms: Terms, now: float
) -> tuple[Balance, int]:
    """Return what an account has, and what the chat's pool gives it besides."""
    shared = await pool(tx, chat, account, terms, now)
    return await balance(tx, account, terms, now), shared.available if shared else 0
