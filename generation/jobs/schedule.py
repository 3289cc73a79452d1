"""When to look again, how long a generation takes, and when a submission may leave."""

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

from generation.jobs.polling import LONGEST, SHORTEST, look_times
from generation.provider.errors import HeldBack, ProviderError
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
"""How often an outage is probed."""
SLOW_SECONDS = 60.0
"""How long after the account asked too often submissions leave one by one."""
LOOK_SECONDS = 30.0
"""How often to look whether a probe is due."""
PARKED_SECONDS = 600.0
"""How often a generation is looked for whose credits are back."""
PARKED_FOR = DAY_SECONDS
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
LONGEST_QUEUE = 6 * HOUR_SECONDS
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

LEARNS_FROM = 100
"""How many finished generations tell when to look for the next one."""
NEWEST = 40
"""How many of them tell how long it usually takes."""
LATELY = 20
"""How many of all that its maker's models made tell how busy they are."""
FADES = 0.75
"""What one of those counts beside the next newer one."""
AS_USUAL = 0.6
"""What it counts beside them that they may be as busy as usual."""
TYPICAL_SECONDS = 120.0
"""What a model takes that is not known any more."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobPolicy:
    """How long to wait, in seconds: a fixed poll interval, the deadline, the grace of `unknown`."""

    interval: float | None = None
    deadline: float = 1800.0
    grace: float | None = None


@dataclass(frozen=True, slots=True)
class Estimate:
    """How long a request takes at the provider, by what alike ones took and the offer says."""

    seconds: float
    durations: tuple[float, ...] = ()
    typical: float = TYPICAL_SECONDS


@dataclass(slots=True)
class _Known:
    """What was seen of alike requests, how long they usually take, and what was made of it when."""

    seen: deque[float]
    usual: float
    estimate: Estimate
    learned: int = 0


class DurationEstimates:
    """How long requests take at the provider, learned from those that were made here.

    That is what alike ones usually take, by as much more or less as whatever the maker of their
    model made lately took than usual: it is busy by the hour. What was read once is kept and goes
    on learning: a poll asks the database for nothing.
    """

    def __init__(self, db: Database, offer: Offer) -> None:
        self._db = db
        self._offer = offer
        self._known: dict[tuple[str, int, str | None], _Known] = {}
        # by maker: how long it took, and what is alike
        self._lately: dict[str, deque[tuple[float, _Known]]] = {}

    async def of(self, request: Request) -> float:
        """Return how long such a request takes, in seconds."""
        if (known := self._known.get(_alike(request))) is not None:
            return known.usual * self._pace(request)
        async with self._db.reading() as connection:
            return (await self.within(connection, request)).seconds

    async def within(self, tx: Connection, request: Request) -> Estimate:
        """Return that and what it is known by, within a transaction."""
        if (known := self._known.get(_alike(request))) is None:
            newest_first = await generations.durations(
                tx,
                model=request.model,
                seconds=request.seconds,
                resolution=request.resolution,
                limit=LEARNS_FROM,
            )
            seen = deque(reversed(newest_first), LEARNS_FROM)
            estimate = self._estimate(request, seen)
            known = self._known[_alike(request)] = _Known(seen, estimate.seconds, estimate)
            if _maker(request) not in self._lately:
                self._lately[_maker(request)] = deque(((took, known) for took in seen), LATELY)
        return replace(known.estimate, seconds=known.usual * self._pace(request))

    def learn(self, generation: Generation) -> None:
        """Take one into account that was finished just now: each of the first, then some."""
        known = self._known.get(_alike(generation))
        if known is not None and generation.ready_at and generation.accepted_at:
            took = generation.ready_at - generation.accepted_at
            known.seen.append(took)
            known.usual = _usual(known.seen)
            self._lately[_maker(generation)].append((took, known))
            known.learned += 1
            if known.learned > min(len(known.seen) // 4, 10):
                known.learned, known.estimate = 0, self._estimate(generation, known.seen)

    def _pace(self, request: Request) -> float:
        """Return how many times as long as usual its maker's models take now.

        That is a median, in which the newer counts more.
        """
        newest_first = enumerate(reversed(self._lately[_maker(request)]))
        paces = [(took / known.usual, FADES**age) for age, (took, known) in newest_first]
        weighted = sorted([(1.0, AS_USUAL), *paces])
        reached = [*accumulate(weight for _, weight in weighted)]
        return weighted[bisect_left(reached, reached[-1] / 2)][0]

    def _estimate(self, request: Request, seen: Collection[float]) -> Estimate:
        mode = self._offer.mode(request.model, request.kind)
        typical = mode.typical_seconds if mode is not None else TYPICAL_SECONDS
        return Estimate(_usual(seen) if seen else typical, tuple(seen), typical)


def _usual(seen: Collection[float]) -> float:
    return max(0.1, median([*seen][-NEWEST:]))


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
    """Return when to poll next: at the operator's own interval `fixed`, or at the next look.

    `durations` is what alike requests took, newest last; `typical` is what the offer says, for as
    long as nearly none was seen.
    """
    if fixed is not None:
        return now + fixed
    looks = look_times(tuple(durations)[-LEARNS_FROM:], typical)
    passed = max(0.0, now - accepted_at)
    later = bisect_right(looks, passed + SHORTEST / 2)
    wait = looks[later] - passed if later < len(looks) else LONGEST
    return now + max(SHORTEST, wait)


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


@dataclass(slots=True, eq=False)
class CircuitBreaker:
    """Lets submissions through: all while closed, one at a time while half open, else none.

    It is open for a while, and then half open, also where the account asked too often.

    What is written in a transaction counts once `adopt` is called, after its commit.
    """

    db: Database
    api: AimlApi
    admins: Admins
    clock: Callable[[], float]
    probe_seconds: float = PROBE_SECONDS
    paused_until: float = field(init=False, default=0.0)
    """Until when an admin lets nothing through."""
    _outage: Outage | None = field(init=False, default=None)
    _trial: asyncio.Lock = field(init=False, default_factory=asyncio.Lock)
    _rate_limits: int = field(init=False, default=0)
    _rests_until: float = field(init=False, default=0.0)
    _slow_until: float = field(init=False, default=0.0)

    @property
    def outage(self) -> Outage | None:
        """The outage in which nothing is let through; None while it is half open, too."""
        return None if self._is_half_open else self._outage

    @property
    def is_open(self) -> bool:
        """Whether nothing is let through."""
        return self.outage is not None or self.clock() < max(self._rests_until, self.paused_until)

    @property
    def _is_half_open(self) -> bool:
        return self._outage is not None and self._outage.half_open

    @property
    def _is_one_by_one(self) -> bool:
        return self._is_half_open or self.clock() < self._slow_until

    async def restore(self, connection: Connection) -> None:
        """Take up the outage, and the pause, that began before the start."""
        self._outage = await outages.present(connection)
        if (pause := await outages.paused(connection, now=self.clock())) is not None:
            self.paused_until = math.inf if pause.ends_at is None else pause.ends_at

    def adopt(self, outage: Outage | None) -> None:
        """Count what was committed: the outage that lasts, if any."""
        self._outage = outage

    def rest(self, retry_after: float | None) -> None:
        """Let nothing through for a while, longer each time; then one by one for a minute."""
        wait = backoff(self._rate_limits, retry_after)
        self._rate_limits += 1
        self._rests_until = max(self._rests_until, self.clock() + wait)
        self._slow_until = self._rests_until + SLOW_SECONDS

    async def open(self, tx: Connection, reason: str, explanation: str, *, now: float) -> Outage:
        """Note that the account is refused; the admins are told each reason once per outage."""
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
        """Note that an order was taken: that ends an outage which is half open."""
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
    async def passage(self) -> AsyncIterator[bool]:
        """Wait until a submission may leave, and tell whether it may.

        While it is half open the others wait until one has told whether that is over.
        """
        if self._is_one_by_one:
            async with self._trial:
                if self._is_one_by_one:
                    yield not self.is_open
                    return
        yield not self.is_open

    async def present(self) -> Outage | None:
        """Return the outage that lasts, after probing it where that is due."""
        outage = self._outage
        if outage is None or outage.half_open or self.clock() < outage.probe_at:
            return outage
        serves = await self._serves()
        probe_at = self.clock() + self.probe_seconds
        async with self.db.transaction() as tx:
            outage = await outages.probed(tx, outage.id, half_open=serves, probe_at=probe_at)
        self._outage = outage
        return outage

    async def _serves(self) -> bool:
        try:
            return await self.api.balance() > 0
        except HeldBack as refusal:
            # the balance may lie outside the key's scopes: then only a real order can tell
            return refusal.is_scope
        except ProviderError:
            return False
