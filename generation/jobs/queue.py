"""Whose turn it is at the provider: fairly across people and chats, kept in memory by ids alone."""

from __future__ import annotations

from collections import Counter, defaultdict
from functools import partial
from heapq import heapify, heappop, heappush, heapreplace
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from storage import generations
from storage.generations import State
from storage.ledger import Account

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from aiosqlite import Connection

    from storage.generations import Generation

LATELY_SECONDS = 3600.0
"""How long a turn one had counts against the next."""
COUNTED_SECONDS = 5.0
"""How old places may be where many wait: to count them, all are put in order."""
MANY = 100

T = TypeVar("T", Account, int)


class Turn(NamedTuple):
    """What of a request decides when it goes to the provider."""

    id: int
    chat: int
    account: Account

    @classmethod
    def of(cls, generation: Generation) -> Turn:
        """Return the turn of a request."""
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
    is even, whoever's last turn, and whose chat's, is longest ago; then who asked first.
    """

    def __init__(self, slots: int, clock: Callable[[], float]) -> None:
        self.slots = slots
        self._clock = clock
        self._waiting: dict[int, Turn] = {}
        self._running: dict[int, Turn] = {}
        self._in_chat = defaultdict[int, set[int]](set)
        # both by account and by chat: what they have at the provider, and their last turns
        self._has = Counter[Account | int]()
        self._last_turns: dict[Account | int, float] = {}
        self._ids = defaultdict[tuple[int, Account], list[int]](list)
        self._people: dict[int, _Heap[Account]] = {}
        self._chats: _Heap[int] = _Heap(self._chat_key)
        self._chats_of = defaultdict[Account, set[int]](set)
        self._places: Mapping[int, int] = {}
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
    def chats(self) -> set[int]:
        """The chats in which somebody waits."""
        return {turn.chat for turn in self._waiting.values()}

    def has_slot(self, request: int) -> bool:
        """Whether a request is at the provider, or on its way there."""
        return request in self._running

    async def restore(self, tx: Connection) -> None:
        """Take up who waits, who is at the provider, and who had a turn lately."""
        now = self._clock()
        for account, chat, at in await generations.last_turns(tx, since=now - LATELY_SECONDS):
            self._had_turn(account, chat, at)
        for state, turn in await generations.turns(tx, now=now):
            take = self.add if state is State.QUEUED else self.occupy
            take(Turn(*turn))

    def reconcile(self, chat: int, waiting: Iterable[Turn], running: Iterable[Turn]) -> None:
        """Take over how a chat stands in the database."""
        left = set(self._in_chat.get(chat, ()))
        for turn in running:
            left.discard(turn.id)
            self.occupy(turn)
        for turn in waiting:
            left.discard(turn.id)
            self.add(turn)
        for request in left:
            self.remove(request)

    def add(self, turn: Turn) -> None:
        """Let a request wait for its turn, also one that has a slot and does not use it."""
        if self._waiting.get(turn.id) == turn:
            return
        self.remove(turn.id)
        self._waiting[turn.id] = turn
        self._in_chat[turn.chat].add(turn.id)
        self._has_changed = True
        heappush(self._ids[turn.chat, turn.account], turn.id)
        self._chats_of[turn.account].add(turn.chat)
        if turn.chat not in self._people:
            self._people[turn.chat] = _Heap(partial(self._person_key, turn.chat))
        self._came_nearer(turn.account)

    def occupy(self, turn: Turn) -> None:
        """Note that a request has a slot, whoever's turn it was."""
        if self._running.get(turn.id) == turn:
            return
        self.remove(turn.id)
        self._running[turn.id] = turn
        self._in_chat[turn.chat].add(turn.id)
        self._has.update((turn.account, turn.chat))

    def remove(self, request: int) -> None:
        """Forget a request that neither waits nor has a slot any more."""
        turn = self._waiting.pop(request, None) or self._running.get(request)
        if turn is None:
            return
        self._has_changed = True
        self._in_chat[turn.chat].discard(request)
        if not self._in_chat[turn.chat]:
            del self._in_chat[turn.chat]
        if self._running.pop(request, None) is not None:
            for holder in (turn.account, turn.chat):
                self._has[holder] -= 1
                if not self._has[holder]:
                    del self._has[holder]
                self._came_nearer(holder)

    def next(self) -> Turn | None:
        """Give a free slot to whoever is next; None where there is no slot, or nobody waits."""
        found = None if self.is_full else self._chats.first()
        if found is None:
            return None
        (*_, request), _ = found
        turn = self._waiting[int(request)]
        self.occupy(turn)
        self._had_turn(turn.account, turn.chat, self._clock())
        return turn

    def place(self, request: int) -> int | None:
        """Return about which place in the line a request has (1 is next); None where it has none.

        Where many wait, it may be some seconds old.
        """
        if request not in self._waiting:
            return None
        now = self._clock()
        if self._has_changed and (
            len(self) <= MANY or abs(now - self._counted_at) >= COUNTED_SECONDS
        ):
            order = enumerate(self._in_order(), start=1)
            self._places = {turn.id: place for place, turn in order}
            self._counted_at, self._has_changed = now, False
        return self._places.get(request, len(self))

    def rounds_before(self, request: int) -> float:
        """Return how often all slots go to others before a request has its turn, about."""
        return (self.place(request) or 0) / self.slots

    def _in_order(self) -> list[Turn]:
        """Put all who wait in order, about as they will have their turns."""
        last, has = self._last_turns, self._has.copy()
        waiting = [
            (has[turn.chat], last.get(turn.chat, 0.0), turn) for turn in self._waiting.values()
        ]
        people, order = [], []
        for _, chats_last, turn in sorted(waiting):
            people.append((has[turn.account], last.get(turn.account, 0.0), turn, chats_last))
            has[turn.account] += 1
        for before, last_turn, turn, chats_last in sorted(people):
            order.append((before, has[turn.chat], last_turn, chats_last, turn))
            has[turn.chat] += 1
        return [turn for *_, turn in sorted(order)]

    def _had_turn(self, account: Account, chat: int, at: float) -> None:
        for holder in (account, chat):
            self._last_turns.pop(holder, None)
            self._last_turns[holder] = at
        while (oldest := next(iter(self._last_turns.items())))[1] < at - LATELY_SECONDS:
            del self._last_turns[oldest[0]]
            self._came_nearer(oldest[0])

    def _came_nearer(self, holder: Account | int) -> None:
        """Put those in front who have less at the provider, or had their turn longer ago."""
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
        return self._has[account], self._last_turns.get(account, 0.0), ids[0]

    def _chat_key(self, chat: int) -> tuple[float, ...] | None:
        found = self._people[chat].first() if chat in self._people else None
        if found is None:
            self._people.pop(chat, None)
            return None
        (has, last_turn, request), _ = found
        return has, self._has[chat], last_turn, self._last_turns.get(chat, 0.0), request
