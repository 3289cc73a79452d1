"""What somebody can spend, and which of their pots a request draws on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from generation.models import pricing
from storage import groups, ledger, statistics
from storage.accounts import Account
from storage.ledger import Pot

if TYPE_CHECKING:
    from decimal import Decimal
    from zoneinfo import ZoneInfo

    from aiosqlite import Connection


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
