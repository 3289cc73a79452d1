"""Fair scheduling: who gets the next free slot at the provider, and when a video will be there."""

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

LATELY_SECONDS = HOUR_SECONDS
"""How long it counts that somebody was served."""
COUNTED_SECONDS = 5.0
"""How old positions may be where many wait: to count them, all are put in order."""
MANY = 100
LATE = 1.5
"""How many times the expected time may pass before it is said to take longer than usual."""
NEARLY_SAME = 0.02
"""A promise off by this share of the time that is left stays as it is."""
MOST_PROMISES = 10_000
"""Promises remembered; those of what is still made are the last ones."""

T = TypeVar("T", Account, int)


class QueueEntry(NamedTuple):
    """What of a request decides when it gets a slot."""

    id: int
    chat: int
    account: Account

    @classmethod
    def of(cls, generation: Generation) -> QueueEntry:
        """Return the entry of a request."""
        return cls(generation.id, generation.chat, generation.account)


class _Heap(Generic[T]):
    """Items by keys that change; an item without a key has left.

    One whose key grew is put right when it comes up; one whose key shrank is to be pushed again.
    """

    def __init__(self, key: Callable[[T], tuple[float, ...] | None]) -> None:
        self._key: Callable[[T], tuple[float, ...] | None] = key
        self._entries: list[tuple[tuple[float, ...], T]] = []
        self._known: dict[T, tuple[float, ...]] = {}

    def push(self, item: T) -> None:
        """Put an item where it belongs by now."""
        key, known = self._key(item), self._known.get(item)
        if key is not None and (known is None or key < known):
            self._known[item] = key
            heappush(self._entries, (key, item))
        if len(self._entries) > 2 * len(self._known) + MANY:
            self._entries = [(known, item) for item, known in self._known.items()]
            heapify(self._entries)

    def first(self) -> tuple[tuple[float, ...], T] | None:
        """Return the least key and its item, None where all have left."""
        while self._entries:
            known, item = self._entries[0]
            key = self._key(item)
            if key == known:
                return known, item
            if self._known.get(item) != known:
                heappop(self._entries)  # it was pushed again, further in front
            elif key is None:
                heappop(self._entries)
                del self._known[item]
            else:
                self._known[item] = key
                heapreplace(self._entries, (key, item))
        return None


class FairQueue:
    """Requests that wait for one of `slots` at the provider, and those that have one.

    Whoever has least at the provider goes first, then the chat that has least; where that
    is even, who was served longest ago, then whose chat was; then who asked first.
    """

    def __init__(self, slots: int, clock: Callable[[], float]) -> None:
        self.slots = slots
        self._clock = clock
        self._waiting: dict[int, QueueEntry] = {}
        self._running: dict[int, QueueEntry] = {}
        self._in_chat = defaultdict[int, set[int]](set)
        # by account and by chat: what they have at the provider, and when they were served
        self._has = Counter[Account | int]()
        self._last_served: dict[Account | int, float] = {}
        self._ids = defaultdict[tuple[int, Account], list[int]](list)
        self._people: dict[int, _Heap[Account]] = {}
        self._chats: _Heap[int] = _Heap(self._chat_key)
        self._chats_of = defaultdict[Account, set[int]](set)
        self._positions: Mapping[int, int] = {}
        self._counted_at = -COUNTED_SECONDS
        self._has_changed = False

    def __len__(self) -> int:
        """Return how many wait."""
        return len(self._waiting)

    @property
    def is_full(self) -> bool:
        """Whether every slot is taken."""
        return len(self._running) >= self.slots

    @property
    def running(self) -> Collection[int]:
        """The requests at the provider, or on their way there: those that have a slot."""
        return self._running.keys()

    @property
    def chats(self) -> set[int]:
        """The chats in which somebody waits."""
        return {entry.chat for entry in self._waiting.values()}

    async def restore(self, tx: Connection) -> None:
        """Take up who waits, who is at the provider, and who was served lately."""
        now = self._clock()
        for account, chat, at in await statistics.last_served(tx, since=now - LATELY_SECONDS):
            self._was_served(account, chat, at)
        for state, entry in await generations.queue_entries(tx, now=now):
            take = self.add if state is State.QUEUED else self.occupy
            take(QueueEntry(*entry))

    def reconcile(
        self, chat: int, waiting: Iterable[QueueEntry], running: Iterable[QueueEntry]
    ) -> None:
        """Take over how a chat stands in the database."""
        left = set(self._in_chat.get(chat, ()))
        for entries, take in ((running, self.occupy), (waiting, self.add)):
            for entry in entries:
                left.discard(entry.id)
                take(entry)
        for request in left:
            self.remove(request)

    def add(self, entry: QueueEntry) -> None:
        """Let a request wait for a slot, also one that has a slot and does not use it."""
        if self._waiting.get(entry.id) == entry:
            return
        self.remove(entry.id)
        self._waiting[entry.id] = entry
        self._in_chat[entry.chat].add(entry.id)
        self._has_changed = True
        heappush(self._ids[entry.chat, entry.account], entry.id)
        self._chats_of[entry.account].add(entry.chat)
        if entry.chat not in self._people:
            self._people[entry.chat] = _Heap(partial(self._person_key, entry.chat))
        self._came_nearer(entry.account)

    def occupy(self, entry: QueueEntry) -> None:
        """Note that a request has a slot, whoever was next."""
        if self._running.get(entry.id) == entry:
            return
        self.remove(entry.id)
        self._running[entry.id] = entry
        self._in_chat[entry.chat].add(entry.id)
        self._has.update((entry.account, entry.chat))

    def remove(self, request: int) -> None:
        """Forget a request that neither waits nor has a slot any more."""
        entry = self._waiting.pop(request, None) or self._running.get(request)
        if entry is None:
            return
        self._has_changed = True
        self._in_chat[entry.chat].discard(request)
        if not self._in_chat[entry.chat]:
            del self._in_chat[entry.chat]
        if self._running.pop(request, None) is not None:
            for holder in (entry.account, entry.chat):
                self._has[holder] -= 1
                if not self._has[holder]:
                    del self._has[holder]
                self._came_nearer(holder)

    def next(self) -> QueueEntry | None:
        """Give a free slot to whoever is next; None where there is no slot, or nobody waits."""
        found = None if self.is_full else self._chats.first()
        if found is None:
            return None
        (*_, request), _ = found
        entry = self._waiting[int(request)]
        self.occupy(entry)
        self._was_served(entry.account, entry.chat, self._clock())
        return entry

    def position(self, request: int) -> int | None:
        """Return about which position a request has (1 is next); None where it does not wait.

        Where many wait, it may be some seconds old.
        """
        if request not in self._waiting:
            return None
        now = self._clock()
        if self._has_changed and (
            len(self) <= MANY or abs(now - self._counted_at) >= COUNTED_SECONDS
        ):
            order = enumerate(self._in_order(), start=1)
            self._positions = {entry.id: position for position, entry in order}
            self._counted_at, self._has_changed = now, False
        return self._positions.get(request, len(self))

    def rounds_before(self, request: int) -> float:
        """Return how often all slots go to others before a request has one, about."""
        return (self.position(request) or 0) / self.slots

    def _in_order(self) -> list[QueueEntry]:
        """Put all who wait in order, about as they will be served."""
        last, has = self._last_served, self._has.copy()
        waiting = [
            (has[entry.chat], last.get(entry.chat, 0.0), entry) for entry in self._waiting.values()
        ]
        people, order = [], []
        for _, chat_served, entry in sorted(waiting):
            people.append((has[entry.account], last.get(entry.account, 0.0), entry, chat_served))
            has[entry.account] += 1
        for before, last_served, entry, chat_served in sorted(people):
            order.append((before, has[entry.chat], last_served, chat_served, entry))
            has[entry.chat] += 1
        return [entry for *_, entry in sorted(order)]

    def _was_served(self, account: Account, chat: int, at: float) -> None:
        for holder in (account, chat):
            self._last_served.pop(holder, None)
            self._last_served[holder] = at
        while (oldest := next(iter(self._last_served.items())))[1] < at - LATELY_SECONDS:
            del self._last_served[oldest[0]]
            self._came_nearer(oldest[0])

    def _came_nearer(self, holder: Account | int) -> None:
        """Put those in front who have less at the provider, or were served longer ago."""
        if not isinstance(holder, Account):
            self._chats.push(holder)
            return
        for chat in (*self._chats_of.get(holder, ()),):
            self._people[chat].push(holder)
            self._chats.push(chat)

    def _person_key(self, chat: int, account: Account) -> tuple[float, ...] | None:
        ids = self._ids[chat, account]
        while ids and self._waiting.get(ids[0]) != (ids[0], chat, account):
            heappop(ids)
        if not ids:
            del self._ids[chat, account]
            self._chats_of[account].discard(chat)
            if not self._chats_of[account]:
                del self._chats_of[account]
            return None
        return self._has[account], self._last_served.get(account, 0.0), ids[0]

    def _chat_key(self, chat: int) -> tuple[float, ...] | None:
        found = self._people[chat].first() if chat in self._people else None
        if found is None:
            self._people.pop(chat, None)
            return None
        (has, last_served, request), _ = found
        return has, self._has[chat], last_served, self._last_served.get(chat, 0.0), request


@dataclass(frozen=True, slots=True)
class Forecast:
    """When a video is expected, in seconds since 1970; None where that is over, or unknown.

    `place` is its place in the line, `done` the share of its making that is over.
    """

    at: float | None
    place: int | None = None
    done: float = 0.0
    is_late: bool = False


class _Promise(NamedTuple):
    """When a video was said to be there, and whether that was once its making had begun."""

    at: float
    begun: bool


@dataclass(kw_only=True, eq=False)
class Progress:
    """How far requests are: their places among those who wait, and when they will be there.

    What was promised in the line may only come nearer; when the making begins it is said anew, and
    stays.
    """

    estimates: DurationEstimates
    queue: FairQueue
    breaker: CircuitBreaker
    clock: Callable[[], float]

    def __post_init__(self) -> None:
        self._began_at = self.clock()
        self._promises: dict[int, _Promise] = {}

    @property
    def now(self) -> float:
        """The time, in seconds since 1970."""
        return self.clock()

    @property
    def is_paused(self) -> bool:
        """Whether an admin lets nobody have a slot at present."""
        return self.now < self.breaker.paused_until

    def place(self, generation: Generation) -> int | None:
        """Return which place a request has (1 is next); None where a slot is free or its own."""
        queue, number = self.queue, generation.id
        if generation.state is not State.QUEUED or not queue.is_full or number in queue.running:
            return None
        # one that was accepted just now joins the others at the end
        return queue.position(number) or len(queue) + 1

    async def forecast(self, generation: Generation) -> Forecast:
        """Return how far a request is by now."""
        estimate, now = await self.estimates.of(generation), self.clock()
        known = self._known(generation)
        if generation.state is State.QUEUED:
            place = self.place(generation)
            starts = (
                max(now, generation.due_at)
                if place is None
                else self._slot_at(place, now, estimate)
            )
            at = starts + estimate if known is None else min(known.at, starts + estimate)
            if known is None:
                self._promise(generation, _Promise(at, begun=False))
            is_late = now - generation.created_at >= LATE * estimate
            return Forecast(at if at > now else None, place, is_late=is_late)
        begun = generation.accepted_at or generation.changed_at
        if known is None or not known.begun:
            at = begun + estimate
            if known is not None and abs(at - known.at) < NEARLY_SAME * estimate:
                at = known.at
            known = _Promise(at, begun=generation.accepted_at is not None)
            self._promise(generation, known)
        at = known.at
        done = (now - begun) / max(1.0, at - begun)
        is_late = now >= max(at, begun + LATE * estimate)
        return Forecast(at if at > now else None, done=done, is_late=is_late)

    def said(self, generation: Generation, at: float) -> None:
        """Keep what somebody in the line was told: it may come nearer, and not go."""
        if generation.state is State.QUEUED:
            self._promise(generation, _Promise(at, begun=False))

    def _known(self, generation: Generation) -> _Promise | None:
        """Return what was promised, by an earlier process too."""
        known, began = self._promises.get(generation.id), generation.accepted_at
        if known is None and generation.promised_at is not None:
            begun = began is not None and began < self._began_at
            known = self._promises[generation.id] = _Promise(generation.promised_at, begun)
        return known

    def _promise(self, generation: Generation, promise: _Promise) -> None:
        if len(self._promises) >= MOST_PROMISES:
            del self._promises[next(iter(self._promises))]
        self._promises[generation.id] = promise

    def _slot_at(self, place: int, now: float, estimate: float) -> float:
        """Return when a slot comes free for a place in the line."""
        promises = map(self._promises.get, self.queue.running)
        ends = sorted(now + estimate if one is None else max(now, one.at) for one in promises)
        rounds, turn = divmod(place - 1, len(ends))
        return ends[turn] + rounds * estimate
