"""Checks the provider's charges and the holds against the operator's budget."""

from __future__ import annotations

import sqlite3
from collections import Counter
from heapq import heappop, heappush
from typing import TYPE_CHECKING

from generation.models import pricing
from generation.models.pricing import began_at

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from generation.orders.balances import Terms
    from tests.simulation.provider import Job

_PENDING = """
    SELECT id, prompt, price_micros, credits FROM generations
    WHERE state IN ('queued', 'submitting', 'unknown', 'generating')
"""
_GIVEN = """
    SELECT coalesce(sum(credits), 0) FROM ledger AS held
    WHERE generation = ? AND kind = 'hold' AND pot <> 'bought'
    AND NOT EXISTS (SELECT 1 FROM ledger WHERE ends = held.id)
"""
_REPORTED = """
    SELECT max(spent_micros) FROM (SELECT spent_micros FROM generations WHERE model = ?
        AND ready_at BETWEEN ? - 86400 AND ? ORDER BY ready_at DESC LIMIT 50)
"""
"""The highest price of a model that the provider reported recently, which the bot may rely on."""


class Spending:
    """Sums the charges and holds for all credits but bought ones, after each step.

    If the provider charges more than it had reported before the request, that is no fault of the
    bot: the price it assumed counts.
    """

    def __init__(self, path: Path, terms: Terms, clock: Callable[[], float]) -> None:
        assert terms.budget_usd is not None
        self._ceiling = pricing.to_micros(terms.budget_usd)
        self._path, self._terms, self._clock = path, terms, clock
        self._database: sqlite3.Connection | None = None
        self._shares: dict[str, tuple[int, int, int]] = {}
        self._to_come: list[tuple[float, int, str, int]] = []
        self._charged: set[str] = set()
        self._spent: Counter[float] = Counter()
        self.wrong: list[str] = []

    def close(self) -> None:
        """Close the database."""
        if self._database is not None:
            self._database.close()

    def taken(self, job: Job) -> None:
        """Record an accepted request and its price."""
        held = self._look()
        price = self._shares[job.prompt][0]
        assert self._database is not None
        values = (job.model, job.taken_at, job.taken_at)
        ((reported,),) = self._database.execute(_REPORTED, values).fetchall()
        counted = job.cost if (reported or 0) >= job.cost else min(job.cost, price)
        if job.charged_at is not None:
            heappush(self._to_come, (job.charged_at, job.number, job.prompt, counted))
        self._compare(held)

    def look(self) -> None:
        """Check the charges and holds against the budget."""
        self._compare(self._look())

    def _look(self) -> dict[str, int]:
        if self._database is None:
            self._database = sqlite3.connect(self._path)
        held = {}
        for number, prompt, price, credits_ in self._database.execute(_PENDING).fetchall():
            known = self._shares.get(prompt)
            if known is None or (known[0], known[2]) != (price, credits_):
                ((given,),) = self._database.execute(_GIVEN, (number,)).fetchall()
                known = self._shares[prompt] = price, given, credits_
            held[prompt] = price * known[1] // credits_
        return held

    def _compare(self, held: dict[str, int]) -> None:
        now = self._clock()
        while self._to_come and self._to_come[0][0] <= now:
            at, _, prompt, cost = heappop(self._to_come)
            _, given, credits_ = self._shares[prompt]
            self._charged.add(prompt)
            self._spent[self._period(at)] += cost * given // credits_
        spent = self._spent[self._period(now)]
        to_come = sum(micros for prompt, micros in held.items() if prompt not in self._charged)
        if spent + to_come > self._ceiling:
            self.wrong.append(f"at {now:.0f}: {spent} spent and {to_come} held are over the budget")

    def _period(self, at: float) -> float:
        return began_at(self._terms.budget_period, self._terms.zone, at)
