"""Whose turn it is at the provider: fairly across people and chats."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from heapq import heapify, heappop, heapreplace
from typing import TYPE_CHECKING

from storage.fairness import Served

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from storage.accounts import Account
    from storage.generations import Generation

    _Person = tuple[int, float, int, deque[Generation]]
    """What decides about somebody in a chat: requests at the provider, last turn, first request."""
    _Chat = tuple[int, int, float, float, int, int]
    """The same of whoever is next in a chat, with what its chat has, and the chat."""


LATELY_SECONDS = 3600.0
"""How long a turn one had counts against the next."""

_NOBODY = Served()


class _Line:
    """Who waits, in heaps: of the people in each chat, and of the chats.

    What a choice changes makes others wait longer, never shorter. So an entry that is out of date
    stands too far in front, and is put right when it comes up.
    """

    def __init__(
        self, waiting: Iterable[Generation], running: Collection[Generation], served: Served
    ) -> None:
        self._by_account = Counter(generation.account for generation in running)
        self._by_chat = Counter(generation.chat for generation in running)
        self._served = served
        queues: dict[tuple[int, Account], deque[Generation]] = defaultdict(deque)
        for generation in sorted(waiting, key=lambda generation: generation.id):
            queues[generation.chat, generation.account].append(generation)
        self._people: dict[int, list[_Person]] = defaultdict(list)
        for (chat, _), queue in queues.items():
            self._people[chat].append(self._person(queue))
        for people in self._people.values():
            heapify(people)
        self._chats = [self._chat(chat) for chat in self._people]
        heapify(self._chats)

    def next(self) -> Generation:
        """Take out whoever is next."""
        while (present := self._chat(self._chats[0][-1])) != self._chats[0]:
            heapreplace(self._chats, present)
        chat = self._chats[0][-1]
        people = self._people[chat]
        queue = people[0][-1]
        turn = queue.popleft()
        self._by_account[turn.account] += 1
        self._by_chat[chat] += 1
        if queue:
            heapreplace(people, self._person(queue))
        else:
            heappop(people)
        if people:
            heapreplace(self._chats, self._chat(chat))
        else:
            heappop(self._chats)
        return turn

    def _person(self, queue: deque[Generation]) -> _Person:
        first = queue[0]
        last_turn = self._served.accounts.get(first.account, 0.0)
        return self._by_account[first.account], last_turn, first.id, queue

    def _chat(self, chat: int) -> _Chat:
        people = self._people[chat]
        while (present := self._person(people[0][-1])) != people[0]:
            heapreplace(people, present)
        has, last_turn, number, _ = people[0]
        chats_last = self._served.chats.get(chat, 0.0)
        return has, self._by_chat[chat], last_turn, chats_last, number, chat


def next_turns(
    waiting: Sequence[Generation],
    running: Collection[Generation],
    slots: int,
    served: Served = _NOBODY,
) -> list[Generation]:
    """Choose who goes next, at most as many as there are free slots.

    Whoever has least at the provider goes first, then the chat that has least; where that
    is even, whoever's last turn, and whose chat's, is longest ago; then who asked first.
    Each choice counts at once, so one person cannot fill the slots.
    """
    line = _Line(waiting, running, served)
    return [line.next() for _ in range(min(slots - len(running), len(waiting)))]


def in_line(
    waiting: Sequence[Generation], running: Collection[Generation], served: Served = _NOBODY
) -> list[Generation]:
    """Return who waits in the order in which they will have their turns, as it looks now."""
    return next_turns(waiting, running, len(running) + len(waiting), served)


def wait_seconds(place: int, slots: int, takes: float) -> float:
    """Return how long somebody at this place in the line (1 is next) waits for a slot.

    `takes` is how long one video takes; as many as there are slots are made side by side.
    """
    return takes * place / slots
