"""When to look again, and how long a generation takes: decisions over clocks, without their own."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import deque
from dataclasses import dataclass
from itertools import pairwise
from statistics import NormalDist, median, pstdev
from typing import TYPE_CHECKING

from storage import generations

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from aiosqlite import Connection

    from generation.models.offer import Offer
    from storage.database import Database
    from storage.generations import Generation, Request

LOOP_SECONDS = 10.0
"""A loop that polls so often is what the schedule is measured by: it polls as often in all."""
SHORTEST, LONGEST = 1.0, 60.0
"""Bounds of the time between two polls, in seconds."""
PARKED_SECONDS = 600.0
"""How often a generation is looked for whose credits are back."""
PARKED_FOR = 24 * 3600.0
"""How long it is looked for."""
LONGEST_BACKOFF = 300.0
"""The longest wait after a setback, in seconds."""
FIRST_LINK_WAIT = 5.0
"""How long after a link that led to no video it is asked for again; then three times as long."""
LINK_PATIENCE = 900.0
"""How long a finished video is asked for whose link leads to none."""
ADDRESS_PATIENCE = 300.0
"""How long an address may be missing of what is said to be finished."""
OUTAGE_PATIENCE = 900.0
"""How long an order in the queue waits for an outage to end."""
LONGEST_QUEUE = 6 * 3600.0
"""How long a request may wait for its turn."""
LONGEST_ABSENCE = 900.0
"""How long the bot may be away until what waited is asked about before it is paid for."""
BUDGET_SECONDS = 60.0
"""How often a request looks whether the operator's budget reaches for it again."""
PICTURE_SECONDS = 5.0
"""How long after nobody answered a picture is asked for again."""
MOST_PICTURE_REFUSALS = 6
"""How often in a row a picture may be refused for now: for about a minute."""
RESEND_SECONDS = 10.0
"""How long after an upload whose answer was lost the video is sent once more."""
MOST_PREPARATIONS = 20
"""How often in a row a video is prepared for sending in vain: well over an hour."""
MOST_RESTORATIONS = 10
"""How often in a row a video is asked for whose file is gone: about a quarter of an hour."""

LEARNS_FROM = 20
"""How many finished generations tell how long the next one takes."""
TYPICAL_SECONDS = 120.0
"""What a model takes that is not known any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobPolicy:
    """How long to wait, in seconds: a fixed poll interval, the deadline, the grace of `unknown`."""

    interval: float | None = None
    deadline: float = 1800.0
    grace: float | None = None


@dataclass(frozen=True, slots=True)
class Estimate:
    """How long a request takes at the provider, and when to look meanwhile, in seconds."""

    seconds: float
    looks: tuple[float, ...] = ()


@dataclass(slots=True)
class _Known:
    """What was seen of alike requests, and what was made of it when."""

    seen: deque[float]
    estimate: Estimate
    learned: int = 0


class DurationEstimates:
    """How long requests take at the provider, learned from those that were made here.

    What was read once is kept and goes on learning: a poll asks the database for nothing.
    """

    def __init__(self, db: Database, offer: Offer) -> None:
        self._db = db
        self._offer = offer
        self._known: dict[tuple[str, int, str | None], _Known] = {}

    async def of(self, request: Request) -> float:
        """Return how long such a request takes, in seconds."""
        if (known := self._known.get(_alike(request))) is not None:
            return known.estimate.seconds
        async with self._db.reading() as connection:
            return (await self.within(connection, request)).seconds

    async def within(self, tx: Connection, request: Request) -> Estimate:
        """Return that and when to look, within a transaction."""
        if (known := self._known.get(_alike(request))) is None:
            newest_first = await generations.durations(
                tx,
                model=request.model,
                seconds=request.seconds,
                resolution=request.resolution,
                limit=LEARNS_FROM,
            )
            seen = deque(reversed(newest_first), LEARNS_FROM)
            known = self._known[_alike(request)] = _Known(seen, self._estimate(request, seen))
        return known.estimate

    def learn(self, generation: Generation) -> None:
        """Take one into account that was finished just now: each of the first, then some."""
        known = self._known.get(_alike(generation))
        if known is not None and generation.ready_at and generation.accepted_at:
            known.seen.append(generation.ready_at - generation.accepted_at)
            known.learned += 1
            if known.learned > len(known.seen) // 4:
                known.learned, known.estimate = 0, self._estimate(generation, known.seen)

    def _estimate(self, request: Request, seen: Collection[float]) -> Estimate:
        mode = self._offer.mode(request.model, request.kind)
        typical = mode.typical_seconds if mode is not None else TYPICAL_SECONDS
        return Estimate(median(seen) if seen else typical, look_times(seen, typical))


def _alike(request: Request) -> tuple[str, int, str | None]:
    return request.model, request.seconds, request.resolution


def look_times(seen: Collection[float], typical: float) -> tuple[float, ...]:
    """Return when to look for a result, in seconds after the start, until nobody would wait for it.

    The looks are as dense as the square root of the hazard, the chance that what is not there yet
    comes now: no other times of as many looks notice it sooner on average.
    """
    logs = [math.log(max(1.0, seconds)) for seconds in seen]
    middle = median(logs) if logs else math.log(typical)
    # each that was seen comes again about so; it may all be otherwise; and some come very late
    spread = min(0.35, max(0.06, 0.5 * pstdev(logs) * len(logs) ** -0.2)) if logs else 1.0
    kernels = [(NormalDist(log, spread), 1.0) for log in logs]
    kernels += [(NormalDist(middle, 0.5 if logs else 0.35), 1.5)]
    kernels += [(NormalDist(middle + 1.0, 1.5), 0.03 * len(kernels))]
    weight = sum(share for _, share in kernels)
    edges = [middle - 4 + step / 20 for step in range(160)]
    made = [sum(share * kernel.cdf(edge) for kernel, share in kernels) / weight for edge in edges]
    cells = []
    for (begins, ends), (before, after) in zip(pairwise(edges), pairwise(made), strict=True):
        lasts, left = math.exp(ends) - math.exp(begins), max(1e-9, 1 - (before + after) / 2)
        cells.append((lasts, left, math.sqrt((after - before) / lasts / left)))
    budget = sum(lasts * left for lasts, left, _ in cells) / LOOP_SECONDS
    low, high = 1e-3, 1e3
    for _ in range(30):
        scale = math.sqrt(low * high)
        polls = sum(lasts * left * _rate(scale * root) for lasts, left, root in cells)
        low, high = (low, scale) if polls > budget else (scale, high)
    looks, at, due = list[float](), math.exp(edges[0]), 1.0
    for lasts, _, root in cells:
        rate, ends = _rate(low * root), at + lasts
        while (ends - at) * rate >= due:
            at, due = at + due / rate, 1.0
            looks.append(at)
        due, at = due - (ends - at) * rate, ends
    return tuple(looks)


def _rate(wanted: float) -> float:
    """Return how many looks there are in a second."""
    return min(1 / SHORTEST, max(1 / LONGEST, wanted))


def next_poll(
    *, now: float, accepted_at: float, looks: Sequence[float], fixed: float | None
) -> float:
    """Return when to poll next: at the operator's own interval, or at the next look."""
    if fixed is not None:
        return now + fixed
    later = bisect_right(looks, now - accepted_at + SHORTEST / 2)
    return accepted_at + looks[later] if later < len(looks) else now + LONGEST


def waits_until(request: Generation, outage_since: float | None) -> float:
    """Return until when a request waits for its turn, if the provider refuses all since then."""
    if request.cancel_wanted:
        return 0.0
    ends = request.created_at + LONGEST_QUEUE
    if outage_since is not None:
        ends = min(ends, max(outage_since, request.created_at) + OUTAGE_PATIENCE)
    return ends


def backoff(setbacks: int, retry_after: float | None = None) -> float:
    """Return how long to wait after so many failures in a row, in seconds.

    A wait the other side asked for is obeyed where it is longer.
    """
    own = min(LONGEST_BACKOFF, 2.0 ** min(setbacks, 16))
    return max(own, retry_after or 0.0)


def link_wait(dead_links: int, left: float) -> float:
    """Return how long to wait after so many links without a video, in seconds: `left` at most."""
    return min(FIRST_LINK_WAIT * 3.0 ** min(dead_links, 8), LONGEST_BACKOFF, left)


def grace(configured: float | None, estimate: float) -> float:
    """Return how long a lost submission is looked for before credits go back, in seconds."""
    return configured if configured is not None else max(120.0, 2 * estimate)
