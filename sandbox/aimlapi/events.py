"""What just happened at the sandbox: a stream for whoever watches, and a way to wait for it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened, at a moment of the sandbox's clock, and what it is about.

    Kinds: `submitted`, `accepted`, `answered`, `violation`, `polled`, `completed`, `failed`,
    `fetched`.
    """

    kind: str
    at: float
    about: dict[str, Any] = field(default_factory=dict)


class Events:
    """Hands every event to everyone who listens."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._listeners: set[asyncio.Queue[Event | None]] = set()

    def tell(self, kind: str, **about: Any) -> None:
        """Something happened now."""
        event = Event(kind, self._clock(), about)
        for listener in self._listeners:
            listener.put_nowait(event)

    def listen(self) -> AsyncIterator[Event]:
        """Everything from this very moment on, until the sandbox closes."""
        queue: asyncio.Queue[Event | None] = asyncio.Queue()
        self._listeners.add(queue)
        return self._heard(queue)

    async def _heard(self, queue: asyncio.Queue[Event | None]) -> AsyncIterator[Event]:
        try:
            while (event := await queue.get()) is not None:
                yield event
        finally:
            self._listeners.discard(queue)

    async def until(self, true: Callable[[], bool], *, timeout: float, what: str) -> None:  # noqa: ASYNC109  # the message says what was missed
        """Return once `true()` holds, looked at after each event; TimeoutError names `what`."""
        queue: asyncio.Queue[Event | None] = asyncio.Queue()
        self._listeners.add(queue)
        try:
            async with asyncio.timeout(timeout):
                while not true():
                    await queue.get()
        except TimeoutError as error:
            raise TimeoutError(f"not within {timeout} s: {what}") from error
        finally:
            self._listeners.discard(queue)

    def close(self) -> None:
        """End every listener's stream."""
        for listener in self._listeners:
            listener.put_nowait(None)
