"""The account at the provider: how long its balance lasts, and notices to the admins."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from generation.models import pricing
from generation.models.pricing import Period
from generation.provider.errors import ProviderError
from storage import DAY_SECONDS, outages, statistics
from storage.notices import NoticeKind
from storage.outages import ProviderBalance
from storage.statistics import Day

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from zoneinfo import ZoneInfo

    from generation.provider.client import AimlApi
    from storage.database import Database
    from storage.notices import Admins

WATCH_SECONDS = 1800.0
PAST_DAYS = 7
"""Number of past days from which the usual cost is derived."""
LOW_DAYS, RECOVERED_DAYS = 2.5, 4.0
"""The admins are warned if the balance lasts fewer days; the warning ends if it lasts more."""
SURGE_FACTOR, SURGE_MICROS = 3, 1_000_000
"""Multiple of the usual cost, and least cost, of a day that is reported as a surge."""
MIN_USED_DAYS = 3
"""Past days with use that are needed to tell a usual cost."""
MORNING = range(8, 12)
"""Hours of the operator's time zone in which the report of the day before is sent."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Outlook:
    """Costs of today and of the past days, newest first, and the balance, in micro-dollars."""

    today: int
    days: Sequence[int]
    balance: int | None

    @property
    def daily_cost(self) -> float:
        """Average cost of a day since the first one with use; at least the cost of today."""
        used = [place for place, cost in enumerate(self.days, start=1) if cost]
        past = sum(self.days) / used[-1] if used else 0.0
        return max(past, float(self.today))

    @property
    def days_left(self) -> float | None:
        """The number of days for which the balance lasts, or None if unknown."""
        if self.balance is None or not self.daily_cost:
            return None
        return max(0.0, self.balance / self.daily_cost)

    @property
    def usual_cost(self) -> int | None:
        """Average cost of a day with use, or None if there are too few."""
        used = [cost for cost in self.days if cost]
        return sum(used) // len(used) if len(used) >= MIN_USED_DAYS else None

    @property
    def is_surge(self) -> bool:
        """Whether today costs far more than usual."""
        usual = self.usual_cost
        return usual is not None and self.today >= max(SURGE_FACTOR * usual, SURGE_MICROS)

    def should_warn(self, known: ProviderBalance | None) -> bool:
        """Whether to warn the admins now: the balance is low, and they were not warned of it."""
        left = self.days_left
        return left is not None and left < LOW_DAYS and not (known and known.warned_at)

    def has_recovered(self, known: ProviderBalance) -> bool:
        """Whether a warning is over: RECOVERED_DAYS are left, or LOW_DAYS after a top-up."""
        has_grown = self.balance is not None and self.balance > known.micros
        left = self.days_left
        return left is not None and left >= (LOW_DAYS if has_grown else RECOVERED_DAYS)


@dataclass(slots=True, eq=False)
class AccountWatch:
    """Checks the balance and the costs regularly, and notifies the admins."""

    db: Database
    api: AimlApi
    admins: Admins
    zone: ZoneInfo
    clock: Callable[[], float]
    _past: dict[float, Day] = field(init=False, default_factory=dict)

    async def check(self) -> None:
        """Fetch the balance, and queue notices to the admins about it and about the day."""
        try:
            balance = pricing.to_micros(await self.api.balance())
        except ProviderError as error:
            logger.info("the balance is unknown: %s", error)
            balance = None
        outlook, now = await self.outlook(balance), self.clock()
        today = pricing.began_at(Period.DAY, self.zone, now)
        async with self.db.transaction() as tx:
            known = await outages.provider_balance(tx)
            warned_at = known.warned_at if known else None
            if warned_at and known is not None and outlook.has_recovered(known):
                warned_at = None
            elif outlook.should_warn(known):
                warned_at = now
                await self.admins.notify(
                    tx, NoticeKind.BALANCE_LOW, cause=f"balance:{now:.0f}", now=now,
                    balance=balance, lasts=(outlook.days_left or 0.0) * DAY_SECONDS,
                )  # fmt: skip
            if balance is not None:
                await outages.keep_balance(tx, ProviderBalance(balance, now, warned_at))
            if outlook.is_surge:
                await self.admins.notify(
                    tx, NoticeKind.SPENDING_SURGE, cause=f"surge:{today:.0f}", now=now,
                    today=outlook.today, usual=outlook.usual_cost,
                )  # fmt: skip
            yesterday = self._past[today - 1.0]
            if yesterday.asked and datetime.fromtimestamp(now, self.zone).hour in MORNING:
                left = outlook.days_left
                await self.admins.notify(
                    tx, NoticeKind.MORNING, cause=f"morning:{today:.0f}", now=now,
                    delivered=yesterday.delivered, spent=yesterday.spent_micros,
                    people=yesterday.new_people,
                    lasts=None if left is None else left * DAY_SECONDS,
                )  # fmt: skip

    async def outlook(self, balance: int | None) -> Outlook:
        """Return the costs of the last days; those of past days are read only once."""
        ends = pricing.began_at(Period.DAY, self.zone, now := self.clock())
        async with self.db.reading(in_thread=True) as tx:
            today = await statistics.day(tx, since=ends, until=now + 1.0)
        days = dict[float, Day]()
        for _ in range(PAST_DAYS):
            # one second before its end is within the day, however long the day is
            within = ends - 1.0
            begins = pricing.began_at(Period.DAY, self.zone, within)
            if (known := self._past.get(within)) is None:
                async with self.db.reading(in_thread=True) as tx:
                    known = await statistics.day(tx, since=begins, until=ends)
            days[within], ends = known, begins
        self._past = days
        costs = [one.spent_micros for one in days.values()]
        return Outlook(today.spent_micros, costs, balance)
