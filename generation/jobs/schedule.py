"""Timeouts and back-off of jobs, estimates of their duration, and the circuit breaker."""

from __future__ import annotations

import asyncio
import logging
import math
from bisect import bisect_left, bisect_right
from collections import deque
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from itertools import accumulate
from statistics import median
from typing import TYPE_CHECKING

from generation.jobs.polling import MAX_POLL_SECONDS, MIN_POLL_SECONDS, poll_times
from generation.provider.errors import AccountError, ProviderError
from storage import DAY_SECONDS, HOUR_SECONDS, generations, outages
from storage.notices import NoticeKind

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Collection, Sequence

    from generation.models.offer import Offer
    from generation.provider.client import AimlApi
    from storage.database import Connection, Database
    from storage.generations import Generation, Request
    from storage.notices import Admins
    from storage.outages import Outage

PROBE_SECONDS = 300.0
ONE_BY_ONE_SECONDS = 60.0
"""How long submissions leave one at a time after a rate limit."""
OUTAGE_CHECK_SECONDS = 30.0
"""How often to check whether a probe is due."""
PARKED_POLL_SECONDS = 600.0
PARKED_TIMEOUT = DAY_SECONDS
MAX_BACKOFF = 300.0
"""The longest wait after a failure."""
FIRST_LINK_WAIT = 5.0
"""Wait after the first link without a video; each further wait is three times as long."""
LINK_TIMEOUT = 900.0
"""How long a finished video is asked for if its link leads to no video."""
ADDRESS_TIMEOUT = 300.0
"""How long a generation that is said to be finished may lack a link."""
OUTAGE_TIMEOUT = 900.0
"""How long a queued request waits for an outage to end."""
QUEUE_TIMEOUT = 6 * HOUR_SECONDS
MAX_ABSENCE = 900.0
"""Downtime after which queued requests are not paid for without asking their senders first."""
BUDGET_RETRY_SECONDS = 60.0
"""How often a queued request that is over the operator's budget is tried again."""
PICTURE_RETRY_SECONDS = 5.0
"""Wait before a picture is fetched again, if there was no answer."""
MAX_PICTURE_RETRIES = 6
"""Times in a row that fetching a picture is tried again after a refusal: for about a minute."""
RESEND_SECONDS = 10.0
"""Wait before a video is sent once more, if the answer to the upload was lost."""
MAX_PREPARATIONS = 20
"""Failed preparations in a row before a video is undeliverable: well over an hour."""
MAX_RESTORATIONS = 10
"""Times a video whose file is gone is fetched again: about a quarter of an hour."""

MAX_DURATIONS = 100
"""Durations of alike generations, newest ones, from which polls are planned."""
USUAL_SAMPLES = 40
"""Newest of these whose median is the usual duration."""
PACE_SAMPLES = 20
"""Newest generations of all models of one maker from which its present pace is derived."""
PACE_DECAY = 0.75
"""Weight of one of these, relative to the next newer one."""
PACE_PRIOR = 0.6
"""Weight of the assumption that the maker is as fast as usual."""
TYPICAL_SECONDS = 120.0
"""Duration assumed for a model that is no longer in the catalogue."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobPolicy:
    """The operator's times, in seconds.

    `interval` is a fixed time between polls, `deadline` how long a generation may take, `grace`
    how long an unknown submission is searched for. None: derived from durations.
    """

    interval: float | None = None
    deadline: float = 1800.0
    grace: float | None = None


@dataclass(frozen=True, slots=True)
class Estimate:
    """How long a request takes at the provider, and the durations this is derived from.

    `seconds` is the estimate, `durations` are those of alike requests, newest last, and `typical`
    is the duration in the offer, used while there are hardly any.
    """

    seconds: float
    durations: tuple[float, ...] = ()
    typical: float = TYPICAL_SECONDS


@dataclass(slots=True)
class _Known:
    """Durations of alike requests, their usual one, and the estimate last made from them.

    `learned` counts the durations since that estimate.
    """

    seen: deque[float]
    usual: float
    estimate: Estimate
    learned: int = 0


class DurationEstimates:
    """Estimates of how long requests take at the provider, learned from finished ones.

    An estimate is the usual duration of alike requests times the present pace of the model's
    maker, whose load changes by the hour. Durations are read from the database once and then kept
    up to date in memory, so that a poll needs no query.
    """

    def __init__(self, db: Database, offer: Offer) -> None:
        self._db = db
        self._offer = offer
        self._known: dict[tuple[str, int, str | None], _Known] = {}
        # by maker: the newest durations, and what is known of alike requests
        self._recent: dict[str, deque[tuple[float, _Known]]] = {}

    async def of(self, request: Request) -> float:
        """Return how long a request takes, in seconds."""
        if (known := self._known.get(_alike(request))) is not None:
            return known.usual * self._pace(request)
        async with self._db.reading() as connection:
            return (await self.within(connection, request)).seconds

    async def within(self, tx: Connection, request: Request) -> Estimate:
        """Return the estimate for a request and its durations, within a transaction."""
        if (known := self._known.get(_alike(request))) is None:
            newest_first = await generations.durations(tx, request, limit=MAX_DURATIONS)
            seen = deque(reversed(newest_first), MAX_DURATIONS)
            estimate = self._estimate(request, seen)
            known = self._known[_alike(request)] = _Known(seen, estimate.seconds, estimate)
            if _maker(request) not in self._recent:
                newest = ((took, known) for took in seen)
                self._recent[_maker(request)] = deque(newest, PACE_SAMPLES)
        return replace(known.estimate, seconds=known.usual * self._pace(request))

    def learn(self, generation: Generation) -> None:
        """Add the duration of a finished generation.

        While few durations are known each one makes a new estimate, later every tenth.
        """
        known = self._known.get(_alike(generation))
        if known is not None and generation.ready_at and generation.accepted_at:
            took = generation.ready_at - generation.accepted_at
            known.seen.append(took)
            known.usual = _usual(known.seen)
            self._recent[_maker(generation)].append((took, known))
            known.learned += 1
            if known.learned > min(len(known.seen) // 4, 10):
                known.learned, known.estimate = 0, self._estimate(generation, known.seen)

    def _pace(self, request: Request) -> float:
        """Return how many times as long as usual the maker takes now.

        This is a weighted median in which newer durations count more.
        """
        newest_first = enumerate(reversed(self._recent[_maker(request)]))
        paces = [(took / known.usual, PACE_DECAY**age) for age, (took, known) in newest_first]
        weighted = sorted([(1.0, PACE_PRIOR), *paces])
        reached = [*accumulate(weight for _, weight in weighted)]
        return weighted[bisect_left(reached, reached[-1] / 2)][0]

    def _estimate(self, request: Request, seen: Collection[float]) -> Estimate:
        mode = self._offer.mode(request.model, request.kind)
        typical = mode.typical_seconds if mode is not None else TYPICAL_SECONDS
        return Estimate(_usual(seen) if seen else typical, tuple(seen), typical)


def _usual(seen: Collection[float]) -> float:
    return max(0.1, median([*seen][-USUAL_SAMPLES:]))


def _maker(request: Request) -> str:
    return request.model.partition("/")[0]


def _alike(request: Request) -> tuple[str, int, str | None]:
    return request.model, request.seconds, request.resolution


def next_poll(
    *,
    now: float,
    accepted_at: float,
    durations: Sequence[float],
    typical: float,
    fixed: float | None,
) -> float:
    """Return when to poll next: after the operator's interval `fixed`, or at the next planned poll.

    `durations` are the seconds that finished alike requests took, newest last; `typical` is the
    duration in the offer, used while there are hardly any.
    """
    if fixed is not None:
        return now + fixed
    times = poll_times(tuple(durations)[-MAX_DURATIONS:], typical)
    passed = max(0.0, now - accepted_at)
    later = bisect_right(times, passed + MIN_POLL_SECONDS / 2)
    wait = times[later] - passed if later < len(times) else MAX_POLL_SECONDS
    return now + max(MIN_POLL_SECONDS, wait)


def queue_deadline(request: Generation, outage_since: float | None) -> float:
    """Return until when a request stays queued, given that an outage began at `outage_since`."""
    if request.cancel_wanted:
        return 0.0
    ends = request.created_at + QUEUE_TIMEOUT
    if outage_since is not None:
        ends = min(ends, max(outage_since, request.created_at) + OUTAGE_TIMEOUT)
    return ends


def backoff(setbacks: int, retry_after: float | None = None) -> float:
    """Return how long to wait after failures in a row, in seconds: at least `retry_after`."""
    own = min(MAX_BACKOFF, 2.0 ** min(setbacks, 16))
    return max(own, retry_after or 0.0)


def link_backoff(dead_links: int, left: float) -> float:
    """Return how long to wait after so many links without a video, in seconds, at most `left`."""
    return min(FIRST_LINK_WAIT * 3.0 ** min(dead_links, 8), MAX_BACKOFF, left)


def grace(configured: float | None, estimate: float) -> float:
    """Return how long a lost submission is searched for before it is parked, in seconds."""
    return configured if configured is not None else max(120.0, 2 * estimate)


@dataclass(slots=True, eq=False)
class CircuitBreaker:
    """Lets submissions through: all while closed, one at a time while half open, none while open.

    It opens during an outage, during an admin's pause, and for a while after a rate limit.

    A change written in a transaction takes effect when `adopt` is called after the commit.
    """

    db: Database
    api: AimlApi
    admins: Admins
    clock: Callable[[], float]
    probe_seconds: float = PROBE_SECONDS
    paused_until: float = field(init=False, default=0.0)
    _outage: Outage | None = field(init=False, default=None)
    _one_by_one: asyncio.Lock = field(init=False, default_factory=asyncio.Lock)
    _rate_limits: int = field(init=False, default=0)
    _limited_until: float = field(init=False, default=0.0)
    _slow_until: float = field(init=False, default=0.0)

    @property
    def outage(self) -> Outage | None:
        """The present outage; None also while the breaker is half open."""
        return None if self._is_half_open else self._outage

    @property
    def is_open(self) -> bool:
        """Whether no submission may leave."""
        return self.outage is not None or self.clock() < max(self._limited_until, self.paused_until)

    @property
    def _is_half_open(self) -> bool:
        return self._outage is not None and self._outage.half_open

    @property
    def _is_one_by_one(self) -> bool:
        return self._is_half_open or self.clock() < self._slow_until

    async def restore(self, connection: Connection) -> None:
        """Load the outage and the pause that began before the start."""
        self._outage = await outages.current(connection)
        if (pause := await outages.paused(connection, now=self.clock())) is not None:
            self.paused_until = math.inf if pause.ends_at is None else pause.ends_at

    def adopt(self, outage: Outage | None) -> None:
        """Apply a committed change: the present outage, if any."""
        self._outage = outage

    def shift_times(self, seconds: float) -> None:
        """Shift the end of a rate limit after the clock was set."""
        self._limited_until += seconds
        self._slow_until += seconds

    def back_off(self, retry_after: float | None) -> None:
        """Open after a rate limit, longer each time; then be half open for a minute."""
        wait = backoff(self._rate_limits, retry_after)
        self._rate_limits += 1
        self._limited_until = max(self._limited_until, self.clock() + wait)
        self._slow_until = self._limited_until + ONE_BY_ONE_SECONDS

    async def open(self, tx: Connection, reason: str, explanation: str, *, now: float) -> Outage:
        """Record an outage; the admins are told each reason once per outage."""
        outage = await outages.begin(tx, reason, probe_at=now + self.probe_seconds, now=now)
        known = self._outage
        if known is None or (known.id, known.reason) != (outage.id, reason):
            logger.error("the provider refuses everything: %s", explanation)
            await self.admins.notify(
                tx,
                NoticeKind.OUTAGE,
                cause=f"outage:{outage.id}:{reason}",
                now=now,
                reason=reason,
                explanation=explanation,
            )
        return outage

    async def close(self, tx: Connection, *, now: float) -> Outage | None:
        """Record that a submission was accepted, which ends an outage that is half open."""
        self._rate_limits = 0
        outage = self._outage
        if outage is None or not outage.half_open:
            return outage
        if await outages.end(tx, outage.id, now=now):
            logger.info("the provider accepts requests again")
            await self.admins.notify(
                tx, NoticeKind.OUTAGE_OVER, cause=f"outage:{outage.id}:over", now=now
            )
        return None

    @asynccontextmanager
    async def guard(self) -> AsyncIterator[bool]:
        """Yield whether a submission may leave; while half open, after all others have ended."""
        if self._is_one_by_one:
            async with self._one_by_one:
                if self._is_one_by_one:
                    yield not self.is_open
                    return
        yield not self.is_open

    async def present(self) -> Outage | None:
        """Return the present outage, after a probe if one is due."""
        outage, now = self._outage, self.clock()
        # no probe is planned further ahead, unless the clock was set back since
        if outage is None or outage.half_open or now < outage.probe_at <= now + self.probe_seconds:
            return outage
        is_served = await self._is_served()
        probe_at = self.clock() + self.probe_seconds
        async with self.db.transaction() as tx:
            outage = await outages.probed(tx, outage.id, half_open=is_served, probe_at=probe_at)
        self._outage = outage
        return outage

    async def _is_served(self) -> bool:
        try:
            return await self.api.balance() > 0
        except AccountError as refusal:
            # the key may lack the scope for the balance: then only a real submission can tell
            return refusal.may_lack_scope
        except ProviderError:
            return False
