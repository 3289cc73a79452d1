"""When to look again, and how long a generation takes: decisions over clocks, without their own."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from storage import generations

if TYPE_CHECKING:
    from aiosqlite import Connection

    from generation.models.offer import Offer
    from storage.database import Database
    from storage.generations import Generation, Request

FIRST_LOOK = 0.6
"""The share of the expected time before which nothing is ready, so nothing is asked."""
SHORTEST, LONGEST = 2.0, 60.0
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


class DurationEstimates:
    """How long requests take at the provider, learned from those that were made here.

    What was read once is kept and goes on learning: a poll asks the database for nothing.
    """

    def __init__(self, db: Database, offer: Offer) -> None:
        self._db = db
        self._offer = offer
        self._seen: dict[tuple[str, int, str | None], deque[float]] = {}

    async def of(self, request: Request) -> float:
        """Return how long such a request takes, in seconds."""
        if _alike(request) not in self._seen:
            async with self._db.reading() as connection:
                return await self.within(connection, request)
        return self._estimate(request)

    async def within(self, tx: Connection, request: Request) -> float:
        """Return the same within a transaction."""
        if _alike(request) not in self._seen:
            newest_first = await generations.durations(
                tx,
                model=request.model,
                seconds=request.seconds,
                resolution=request.resolution,
                limit=LEARNS_FROM,
            )
            self._seen[_alike(request)] = deque(reversed(newest_first), LEARNS_FROM)
        return self._estimate(request)

    def learn(self, generation: Generation) -> None:
        """Take one into account that was finished just now."""
        seen = self._seen.get(_alike(generation))
        if seen is not None and generation.ready_at and generation.accepted_at:
            seen.append(generation.ready_at - generation.accepted_at)

    def _estimate(self, request: Request) -> float:
        seen = self._seen[_alike(request)]
        if seen:
            return median(seen)
        mode = self._offer.mode(request.model, request.kind)
        return mode.typical_seconds if mode is not None else TYPICAL_SECONDS


def _alike(request: Request) -> tuple[str, int, str | None]:
    return request.model, request.seconds, request.resolution


def next_poll(*, now: float, accepted_at: float, estimate: float, fixed: float | None) -> float:
    """Return when to poll next: rarely before anything can be ready, closely around it, then less.

    Args:
        now: seconds since 1970, UTC.
        accepted_at: when the provider took the request.
        estimate: how long such a request takes, in seconds.
        fixed: the operator's own interval in seconds, or None.
    """
    if fixed is not None:
        return now + fixed
    first = accepted_at + FIRST_LOOK * estimate
    if now < first:
        return max(first, now + SHORTEST)
    closely = estimate / 12
    late = max(0.0, now - accepted_at - 1.5 * estimate)
    return now + min(LONGEST, max(SHORTEST, closely + late / 4))


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
