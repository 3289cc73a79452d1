"""The account at the provider: how long its money lasts, and what the admins are told of a day."""

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
"""How often the account is looked at."""
DAYS = 7
"""How many past days tell what is usual."""
LOW_DAYS, WELL_DAYS = 2.5, 4.0
"""For how many days the money lasts when the admins are warned, and when it is well again."""
SURGE, SURGE_MICROS, FEWEST_DAYS = 3, 1_000_000, 3
"""How many usual days in one are told, from how much on, and how many past days with use that
takes: before that nothing is usual."""
MORNING = range(8, 12)
"""Hours of the operator's day in which they are told of the one before."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Outlook:
    """What the last days cost, newest first, and what the account holds, in micro-dollars."""

    today: int
    days: Sequence[int]
    balance: int | None

    @property
    def a_day(self) -> float:
        """What a day costs on average, since the first with use; today counts where it is more."""
        used = [place for place, cost in enumerate(self.days, start=1) if cost]
        past = sum(self.days) / used[-1] if used else 0.0
        return max(past, float(self.today))

    @property
    def lasts(self) -> float | None:
        """For how many days the money lasts; None where that cannot be told."""
        if self.balance is None or not self.a_day:
            return None
        return max(0.0, self.balance / self.a_day)

    @property
    def usual(self) -> int | None:
        """What a day with use costs; None while too few are known."""
        used = [cost for cost in self.days if cost]
        return sum(used) // len(used) if len(used) >= FEWEST_DAYS else None

    @property
    def is_surge(self) -> bool:
        """Whether today costs far more than usual."""
        usual = self.usual
        return usual is not None and self.today >= max(SURGE * usual, SURGE_MICROS)

    def warns(self, known: ProviderBalance | None) -> bool:
        """Whether the admins are to be warned now: once until there is more money."""
        lasts = self.lasts
        return lasts is not None and lasts < LOW_DAYS and not (known and known.warned_at)

    def is_well(self, known: ProviderBalance) -> bool:
        """Whether a warning is over: there is enough more money, or what is left lasts long."""
        more = self.balance is not None and self.balance > known.micros
        return self.lasts is not None and self.lasts >= (LOW_DAYS if more else WELL_DAYS)


@dataclass(slots=True, eq=False)
class AccountWatch:
    """Looks after the money at the provider, and tells the admins."""

    db: Database
    api: AimlApi
    admins: Admins
    zone: ZoneInfo
    clock: Callable[[], float]
    _past: dict[float, Day] = field(init=False, default_factory=dict)

    async def look(self) -> Outlook:
        """Ask for the balance, and owe the admins what is to be told of it and of the day."""
        try:
            balance = pricing.to_micros(await self.api.balance())
        except ProviderError as error:
            logger.info("the balance is not told: %s", error)
            balance = None
        outlook, now = await self.outlook(balance), self.clock()
        today = pricing.began_at(Period.DAY, self.zone, now)
        async with self.db.transaction() as tx:
            known = await outages.provider_balance(tx)
            warned_at = known.warned_at if known else None
            if warned_at and known is not None and outlook.is_well(known):
                warned_at = None
            elif outlook.warns(known):
                warned_at = now
                await self.admins.notify(
                    tx, NoticeKind.BALANCE_LOW, cause=f"balance:{now:.0f}", now=now,
                    balance=balance, lasts=(outlook.lasts or 0.0) * DAY_SECONDS,
                )  # fmt: skip
            if balance is not None:
                heard = ProviderBalance(balance, now, warned_at)
                await outages.keep_balance(tx, heard)
            if outlook.is_surge:
                await self.admins.notify(
                    tx, NoticeKind.SPENDING_SURGE, cause=f"surge:{today:.0f}", now=now,
                    today=outlook.today, usual=outlook.usual,
                )  # fmt: skip
            yesterday = self._past[today - 1.0]
            if yesterday.asked and datetime.fromtimestamp(now, self.zone).hour in MORNING:
                lasts = outlook.lasts
                await self.admins.notify(
                    tx, NoticeKind.MORNING, cause=f"morning:{today:.0f}", now=now,
                    delivered=yesterday.delivered, spent=yesterday.spent_micros,
                    people=yesterday.new_people,
                    lasts=None if lasts is None else lasts * DAY_SECONDS,
                )  # fmt: skip
        return outlook

    async def outlook(self, balance: int | None) -> Outlook:
        """Return what the last days cost; past ones are read once."""
        ends = pricing.began_at(Period.DAY, self.zone, now := self.clock())
        async with self.db.reading(aside=True) as tx:
            today = await statistics.day(tx, since=ends, until=now + 1.0)
        days = dict[float, Day]()
        for _ in range(DAYS):
            # a second before it ends a day is that day, however long it lasts
            within = ends - 1.0
            begins = pricing.began_at(Period.DAY, self.zone, within)
            if (known := self._past.get(within)) is None:
                async with self.db.reading(aside=True) as tx:
                    known = await statistics.day(tx, since=begins, until=ends)
            days[within], ends = known, begins
        self._past = days
        costs = [one.spent_micros for one in days.values()]
        return Outlook(today.spent_micros, costs, balance)
