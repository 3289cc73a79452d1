"""Fair queue of requests for slots at the provider, and forecasts of when videos are ready."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from functools import partial
from heapq import heapify, heappop, heappush, heapreplace
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from storage import HOUR_SECONDS, generations, statistics
from storage.generations import State
from storage.ledger import Account

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from generation.jobs.schedule import CircuitBreaker, DurationEstimates
    from storage.database import Connection
    from storage.generations import Generation

FAIRNESS_SECONDS = HOUR_SECONDS
"""How long an account's and a chat's last turn counts against them."""
POSITIONS_MAX_AGE_SECONDS = 5.0
"""How long positions in a long queue are reused: to compute them, the whole queue is sorted."""
LONG_QUEUE = 100
"""Length up to which positions are computed anew after every change."""
HEAP_SLACK = 100
"""Outdated entries a heap may have, besides as many as it has items, before it is rebuilt."""
LATE_FACTOR = 1.5
"""A request that takes this many times its estimate is late."""
PROMISE_TOLERANCE = 0.02
"""A promise is kept if the new forecast differs by less than this share of the estimate."""
MAX_PROMISES = 10_000
"""Promises remembered; when there are more, the oldest are dropped."""

T = TypeVar("T", Account, int)


class QueueEntry(NamedTuple):
    """The part of a request that decides when it gets a slot."""

    id: int
    chat: int
    account: Account

    @classmethod
    def of(cls, generation: Generation) -> QueueEntry:
        """Return the queue entry of a request."""
        return cls(generation.id, generation.chat, generation.account)


class _Heap(Generic[T]):
    """Priority queue of items whose keys change; an item whose key is None has left.

    A key that grew is corrected when its item reaches the top. An item whose key shrank has to be
    pushed again.
    """

    def __init__(self, key: Callable[[T], tuple[float, ...] | None]) -> None:
        self._key: Callable[[T], tuple[float, ...] | None] = key
        self._entries: list[tuple[tuple[float, ...], T]] = []
        self._known: dict[T, tuple[float, ...]] = {}

    def push(self, item: T) -> None:
        """Add an item, or move it forward if its key shrank."""
        key, known = self._key(item), self._known.get(item)
        if key is not None and (known is None or key < known):
            self._known[item] = key
            heappush(self._entries, (key, item))
        if len(self._entries) > 2 * len(self._known) + HEAP_SLACK:
            self._entries = [(known, item) for item, known in self._known.items()]
            heapify(self._entries)

    def first(self) -> tuple[tuple[float, ...], T] | None:
        """Return the smallest key and its item, or None if the heap is empty."""
        while self._entries:
            known, item = self._entries[0]
            key = self._key(item)
            if key == known:
                return known, item
            if self._known.get(item) != known:
                heappop(self._entries)  # outdated: pushed again with a smaller key
            elif key is None:
                heappop(self._entries)
                del self._known[item]
            else:
                self._known[item] = key
                heapreplace(self._entries, (key, item))
        return None


class FairQueue:
    """Requests waiting for one of `slots` at the provider, and those holding one.

    The next request is the one whose account holds the fewest slots. Ties are broken by the
    fewest slots of its chat, the longest time since its account's last turn, then since its
    chat's, and the lowest id.
    """

    def __init__(self, slots: int, clock: Callable[[], float]) -> None:
        self.slots = slots
        self._clock = clock
        self._waiting: dict[int, QueueEntry] = {}
        self._running: dict[int, QueueEntry] = {}
        self._ids_in = defaultdict[int, set[int]](set)
        # by account and by chat: slots held, and the time of the last turn
        self._slots_held = Counter[Account | int]()
        self._last_served: dict[Account | int, float] = {}
        self._waiting_ids = defaultdict[tuple[int, Account], list[int]](list)
        self._accounts_in: dict[int, _Heap[Account]] = {}
        self._chats: _Heap[int] = _Heap(self._chat_key)
        self._chats_of = defaultdict[Account, set[int]](set)
        self._positions: Mapping[int, int] = {}
        self._positions_at = -POSITIONS_MAX_AGE_SECONDS
        self._has_changed = False

    def __len__(self) -> int:
        """Return the number of waiting requests."""
        return len(self._waiting)

    @property
    def is_full(self) -> bool:
        """Whether every slot is taken."""
        return len(self._running) >= self.slots

    @property
    def running(self) -> Collection[int]:
        """The ids of the requests that hold a slot: at the provider, or being submitted."""
        return self._running.keys()

    @property
    def chats(self) -> set[int]:
        """The chats with waiting requests."""
        return {entry.chat for entry in self._waiting.values()}

    async def restore(self, tx: Connection) -> None:
        """Load the waiting and the running requests, and the last turns, from the database."""
        now = self._clock()
        for account, chat, at in await statistics.last_served(tx, since=now - FAIRNESS_SECONDS):
            self._record_turn(account, chat, at)
        for state, entry in await generations.queue_entries(tx, now=now):
            take = self.add if state is State.QUEUED else self.occupy
            take(QueueEntry(*entry))

    def reconcile(
        self, chat: int, waiting: Iterable[QueueEntry], running: Iterable[QueueEntry]
    ) -> None:
        """Make the requests of a chat match the database."""
        left = set(self._ids_in.get(chat, ()))
        for entries, take in ((running, self.occupy), (waiting, self.add)):
            for entry in entries:
                left.discard(entry.id)
                take(entry)
        for request in left:
            self.remove(request)

    def add(self, entry: QueueEntry) -> None:
        """Add a request to the queue; a slot it holds becomes free."""
        if self._waiting.get(entry.id) == entry:
            return
        self.remove(entry.id)
        self._waiting[entry.id] = entry
        self._ids_in[entry.chat].add(entry.id)
        self._has_changed = True
        heappush(self._waiting_ids[entry.chat, entry.account], entry.id)
        self._chats_of[entry.account].add(entry.chat)
        if entry.chat not in self._accounts_in:
            self._accounts_in[entry.chat] = _Heap(partial(self._account_key, entry.chat))
        self._move_forward(entry.account)

    def occupy(self, entry: QueueEntry) -> None:
        """Give a request a slot, regardless of the order and of `slots`."""
        if self._running.get(entry.id) == entry:
            return
        self.remove(entry.id)
        self._running[entry.id] = entry
        self._ids_in[entry.chat].add(entry.id)
        self._slots_held.update((entry.account, entry.chat))

    def remove(self, request: int) -> None:
        """Remove a request that neither waits nor holds a slot any more."""
        entry = self._waiting.pop(request, None) or self._running.get(request)
        if entry is None:
            return
        self._has_changed = True
        self._ids_in[entry.chat].discard(request)
        if not self._ids_in[entry.chat]:
            del self._ids_in[entry.chat]
        if self._running.pop(request, None) is not None:
            for holder in (entry.account, entry.chat):
                self._slots_held[holder] -= 1
                if not self._slots_held[holder]:
                    del self._slots_held[holder]
                self._move_forward(holder)

    def next(self) -> QueueEntry | None:
        """Give a free slot to the next request; None if no slot is free or no request waits."""
        found = None if self.is_full else self._chats.first()
        if found is None:
            return None
        (*_, request), _ = found
        entry = self._waiting[int(request)]
        self.occupy(entry)
        self._record_turn(entry.account, entry.chat, self._clock())
        return entry

    def position(self, request: int) -> int | None:
        """Return the position of a waiting request (1 is next); in a long queue, seconds old."""
        if request not in self._waiting:
            return None
        now = self._clock()
        if self._has_changed and (
            len(self) <= LONG_QUEUE or abs(now - self._positions_at) >= POSITIONS_MAX_AGE_SECONDS
        ):
            order = enumerate(self._in_order(), start=1)
            self._positions = {entry.id: position for position, entry in order}
            self._positions_at, self._has_changed = now, False
        return self._positions.get(request, len(self))

    def rounds_before(self, request: int) -> float:
        """Return about how many times all slots are given away before a request gets one."""
        return (self.position(request) or 0) / self.slots

    def _in_order(self) -> list[QueueEntry]:
        """Return the waiting requests in about the order in which they will get slots."""
        last, held = self._last_served, self._slots_held.copy()
        waiting = [
            (held[entry.chat], last.get(entry.chat, 0.0), entry) for entry in self._waiting.values()
        ]
        ranked, order = [], []
        for _, chat_served, entry in sorted(waiting):
            ranked.append((held[entry.account], last.get(entry.account, 0.0), entry, chat_served))
            held[entry.account] += 1
        for before, last_served, entry, chat_served in sorted(ranked):
            order.append((before, held[entry.chat], last_served, chat_served, entry))
            held[entry.chat] += 1
        return [entry for *_, entry in sorted(order)]

    def _record_turn(self, account: Account, chat: int, at: float) -> None:
        for holder in (account, chat):
            self._last_served.pop(holder, None)
            self._last_served[holder] = at
        while (oldest := next(iter(self._last_served.items())))[1] < at - FAIRNESS_SECONDS:
            del self._last_served[oldest[0]]
            self._move_forward(oldest[0])

    def _move_forward(self, holder: Account | int) -> None:
        """Push an account or a chat again after its key shrank."""
        if not isinstance(holder, Account):
            self._chats.push(holder)
            return
        for chat in (*self._chats_of.get(holder, ()),):
            self._accounts_in[chat].push(holder)
            self._chats.push(chat)

    def _account_key(self, chat: int, account: Account) -> tuple[float, ...] | None:
        ids = self._waiting_ids[chat, account]
        while ids and self._waiting.get(ids[0]) != (ids[0], chat, account):
            heappop(ids)
        if not ids:
            del self._waiting_ids[chat, account]
            self._chats_of[account].discard(chat)
            if not self._chats_of[account]:
                del self._chats_of[account]
            return None
        return self._slots_held[account], self._last_served.get(account, 0.0), ids[0]

    def _chat_key(self, chat: int) -> tuple[float, ...] | None:
        found = self._accounts_in[chat].first() if chat in self._accounts_in else None
        if found is None:
            self._accounts_in.pop(chat, None)
            return None
        (held, last_served, request), _ = found
        return held, self._slots_held[chat], last_served, self._last_served.get(chat, 0.0), request


@dataclass(frozen=True, slots=True)
class Forecast:
    """When a video is expected (Unix time, None if overdue), its queue position, the share done."""

    at: float | None
    position: int | None = None
    done: float = 0.0
    is_late: bool = False


class _Promise(NamedTuple):
    """When a video was said to be ready, and whether it was already being made by then."""

    at: float
    begun: bool


@dataclass(kw_only=True, eq=False)
class Progress:
    """Positions of waiting requests, and forecasts of when videos are ready.

    While a request waits, its forecast can only move to an earlier time. It is made anew once when
    the provider starts, and then stays.
    """

    estimates: DurationEstimates
    queue: FairQueue
    breaker: CircuitBreaker
    clock: Callable[[], float]

    def __post_init__(self) -> None:
        self._began_at = self.clock()
        self._promises: dict[int, _Promise] = {}

    @property
    def is_paused(self) -> bool:
        """Whether an admin has paused submissions."""
        return self.clock() < self.breaker.paused_until

    def position(self, generation: Generation) -> int | None:
        """Return the position of a request (1 is next), or None if it need not wait for a slot."""
        queue, number = self.queue, generation.id
        if generation.state is not State.QUEUED or not queue.is_full or number in queue.running:
            return None
        # a request that was accepted just now is not in the queue yet: it joins at the end
        return queue.position(number) or len(queue) + 1

    async def forecast(self, generation: Generation) -> Forecast:
        """Return the forecast for a request, and remember it as a promise."""
        estimate, now = await self.estimates.of(generation), self.clock()
        known = self._promise_of(generation)
        if generation.state is State.QUEUED:
            position = self.position(generation)
            starts = (
                max(now, generation.due_at)
                if position is None
                else self._slot_at(position, now, estimate)
            )
            at = starts + estimate if known is None else min(known.at, starts + estimate)
            if known is None:
                self._remember(generation, _Promise(at, begun=False))
            is_late = now - generation.created_at >= LATE_FACTOR * estimate
            return Forecast(at if at > now else None, position, is_late=is_late)
        begun = generation.accepted_at or generation.changed_at
        if known is None or not known.begun:
            at = begun + estimate
            if known is not None and abs(at - known.at) < PROMISE_TOLERANCE * estimate:
                at = known.at
            known = _Promise(at, begun=generation.accepted_at is not None)
            self._remember(generation, known)
        at = known.at
        done = (now - begun) / max(1.0, at - begun)
        is_late = now >= max(at, begun + LATE_FACTOR * estimate)
        return Forecast(at if at > now else None, done=done, is_late=is_late)

    def record_shown(self, generation: Generation, at: float) -> None:
        """Remember the time shown to the sender of a waiting request: it never moves back.

        A request that is already being made keeps its promise.
        """
        if generation.state is State.QUEUED:
            self._remember(generation, _Promise(at, begun=False))

    def _promise_of(self, generation: Generation) -> _Promise | None:
        """Return the promise made for a request, also one made before this process started."""
        known, began = self._promises.get(generation.id), generation.accepted_at
        if known is None and generation.promised_at is not None:
            begun = began is not None and began < self._began_at
            known = self._promises[generation.id] = _Promise(generation.promised_at, begun)
        return known

    def _remember(self, generation: Generation, promise: _Promise) -> None:
        if len(self._promises) >= MAX_PROMISES:
            del self._promises[next(iter(self._promises))]
        self._promises[generation.id] = promise

    def _slot_at(self, position: int, now: float, estimate: float) -> float:
        promises = map(self._promises.get, self.queue.running)
        ends = sorted(now + estimate if one is None else max(now, one.at) for one in promises)
        rounds, turn = divmod(position - 1, len(ends))
        return ends[turn] + rounds * estimate
