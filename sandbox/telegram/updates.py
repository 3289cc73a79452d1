"""The queue of updates that the bot has not confirmed, and the long poll on it."""

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
_MAX_POLL_SECONDS = 50
_IDS = 1 << 30  # the first id follows from the time: a bot may remember ids of an earlier sandbox


@dataclass(frozen=True, slots=True)
class Update:
    """One update: its kind (``message``, ``callback_query`` …) and its object."""

    update_id: int
    kind: str
    content: dict[str, Any]
    expires: float

    @property
    def queue(self) -> object:
        """The id of the chat, or else of the person: webhook calls keep the order within it."""
        return self.content.get("chat", self.content["from"])["id"]

    def as_json(self) -> dict[str, Any]:
        """Return the Update object of the Bot API."""
        return {"update_id": self.update_id, self.kind: self.content}


class UpdateQueue:
    """Updates in order, each held until an offset confirms it or it expires."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._pending: deque[Update] = deque()
        self.first_id = self._next_id = int(clock() * 100) % _IDS
        self._arrived = asyncio.Event()
        self._poller: asyncio.Future[None] | None = None
        self._stopping = False
        self.long_polls = True
        """Whether a poll waits for updates; some servers answer with none at once."""
        self.allowed: list[str] = []
        self.on_push: Callable[[], None] = lambda: None
        """Called after each update is added."""

    def __len__(self) -> int:
        self._expire()
        return len(self._pending)

    def push(self, kind: str, content: dict[str, Any]) -> None:
        """Add an update if the bot's allowed_updates include this kind."""
        if kind in self.allowed if self.allowed else kind not in _ONLY_WHEN_ASKED:
            self.push_unfiltered(kind, content)

    def push_unfiltered(self, kind: str, content: dict[str, Any]) -> None:
        """Add an update of any kind, as one from before the bot set allowed_updates."""
        expires = self._clock() + _KEPT_SECONDS.get(kind, _KEPT_OTHERWISE)
        self._pending.append(Update(self._next_id, kind, content, expires))
        self._next_id += 1
        self._arrived.set()
        self.on_push()

    def clear(self) -> None:
        """Drop all pending updates."""
        self._pending.clear()

    @property
    def waiting(self) -> list[Update]:
        """The updates not confirmed yet, oldest first."""
        self._expire()
        return list(self._pending)

    def confirm(self, update: Update) -> None:
        """Drop an update that the webhook accepted."""
        if update in self._pending:
            self._pending.remove(update)

    def release(self) -> None:
        """End running polls and answer later ones at once, because the server stops."""
        self._stopping = True
        self._arrived.set()

    async def poll(self, *, offset: int, limit: int, timeout: float) -> list[Update]:  # noqa: ASYNC109 - the Bot API's own parameter
        """Drop updates before ``offset`` and wait up to ``timeout`` seconds for others.

        Raises:
            ApiError: 409 if a later poll takes over.
        """
        if self._poller is not None and not self._poller.done():
            self._poller.set_result(None)
        mine = self._poller = asyncio.get_running_loop().create_future()
        self._confirm(offset)
        try:
            if not len(self) and self.long_polls and not self._stopping:
                await self._wait(mine, min(timeout, _MAX_POLL_SECONDS))
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
