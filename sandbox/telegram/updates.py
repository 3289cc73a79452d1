"""The queue of updates a bot has not confirmed yet, and the long poll on it."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox.telegram.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Callable

_ONLY_WHEN_ASKED = frozenset({"chat_member", "message_reaction", "message_reaction_count"})
_KEPT_SECONDS = {"callback_query": 150, "pre_checkout_query": 150, "inline_query": 30}
_KEPT_OTHERWISE = 24 * 3600
_LONGEST_POLL = 50
_IDS = 1 << 30  # ids begin with the time: a bot may remember those of an earlier sandbox


@dataclass(frozen=True, slots=True)
class Update:
    """One update: its kind (``message``, ``callback_query`` …) and its object."""

    update_id: int
    kind: str
    content: dict[str, Any]
    expires: float

    @property
    def queue(self) -> object:
        """What a webhook's order is kept by: the chat, or else the person."""
        return self.content.get("chat", self.content["from"])["id"]

    def as_json(self) -> dict[str, Any]:
        """The update as the bot gets it."""
        return {"update_id": self.update_id, self.kind: self.content}


class UpdateQueue:
    """Holds updates until an offset confirms them or they grow too old."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._pending: deque[Update] = deque()
        self.first_id = self._next_id = int(clock() * 100) % _IDS
        self._arrived = asyncio.Event()
        self._poller: asyncio.Future[None] | None = None
        self._stopping = False
        self.waits = True
        """Whether a poll waits for updates; some servers answer an empty one at once."""
        self.allowed: list[str] = []
        self.came: Callable[[], None] = lambda: None
        """Told of each update that comes."""

    def __len__(self) -> int:
        self._expire()
        return len(self._pending)

    def push(self, kind: str, content: dict[str, Any]) -> None:
        """Adds an update, unless the bot said that it does not want this kind."""
        if kind in self.allowed if self.allowed else kind not in _ONLY_WHEN_ASKED:
            self.keep(kind, content)

    def keep(self, kind: str, content: dict[str, Any]) -> None:
        """Adds an update, wanted or not: it was there before the bot said what it wants."""
        expires = self._clock() + _KEPT_SECONDS.get(kind, _KEPT_OTHERWISE)
        self._pending.append(Update(self._next_id, kind, content, expires))
        self._next_id += 1
        self._arrived.set()
        self.came()

    def clear(self) -> None:
        """Throws pending updates away."""
        self._pending.clear()

    @property
    def waiting(self) -> list[Update]:
        """What is not confirmed, oldest first."""
        self._expire()
        return list(self._pending)

    def confirm(self, update: Update) -> None:
        """Throws away one that a webhook took."""
        if update in self._pending:
            self._pending.remove(update)

    def release(self) -> None:
        """Lets polls return with nothing from now on: the server stops."""
        self._stopping = True
        self._arrived.set()

    async def poll(self, *, offset: int, limit: int, timeout: float) -> list[Update]:  # noqa: ASYNC109 - the Bot API's own parameter
        """Confirms what lies before ``offset`` and waits up to ``timeout`` seconds for more.

        Raises:
            ApiError: 409 when a later poll takes over.
        """
        if self._poller is not None and not self._poller.done():
            self._poller.set_result(None)
        mine = self._poller = asyncio.get_running_loop().create_future()
        self._confirm(offset)
        try:
            if not len(self) and self.waits and not self._stopping:
                await self._wait(mine, min(timeout, _LONGEST_POLL))
        finally:
            taken_over = mine.done()
            mine.cancel()
        if taken_over:
            raise ApiError(
                409,
                "Conflict: terminated by other getUpdates request; "
                "make sure that only one bot instance is running",
            )
        self._expire()
        return list(self._pending)[:limit]

    async def _wait(self, mine: asyncio.Future[None], seconds: float) -> None:
        self._arrived.clear()
        arrived = asyncio.create_task(self._arrived.wait())
        either: set[asyncio.Future[Any]] = {arrived, mine}
        try:
            await asyncio.wait(either, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            arrived.cancel()

    def _confirm(self, offset: int) -> None:
        if offset < 0:
            while len(self._pending) > -offset:
                self._pending.popleft()
        while self._pending and self._pending[0].update_id < offset:
            self._pending.popleft()

    def _expire(self) -> None:
        now = self._clock()
        if any(update.expires <= now for update in self._pending):
            self._pending = deque(u for u in self._pending if u.expires > now)
