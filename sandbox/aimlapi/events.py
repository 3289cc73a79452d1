"""Events of the sandbox: streams of them, and waiting for a condition."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable


@dataclass(frozen=True, slots=True)
class Event:
    """An event, its time by the sandbox's clock, and its details.

    Kinds: `submitted`, `accepted`, `answered`, `violation`, `polled`, `completed`, `failed`,
    `fetched`.
    """

    kind: str
    at: float
    about: dict[str, Any] = field(default_factory=dict)


class Events:
    """Passes every event to all listeners."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._listeners: set[asyncio.Queue[Event | None]] = set()

    def tell(self, kind: str, **about: Any) -> None:
        """Publish an event that happens now."""
        event = Event(kind, self._clock(), about)
        for listener in self._listeners:
            listener.put_nowait(event)

    def listen(self) -> AsyncIterator[Event]:
        """Return the events from now on, until the sandbox closes."""
        queue: asyncio.Queue[Event | None] = asyncio.Queue()
        self._listeners.add(queue)
        return self._stream(queue)

    async def _stream(self, queue: asyncio.Queue[Event | None]) -> AsyncIterator[Event]:
        try:
            while (event := await queue.get()) is not None:
                yield event
        finally:
            self._listeners.discard(queue)

    async def until(self, condition: Callable[[], bool], *, timeout: float, what: str) -> None:  # noqa: ASYNC109  # the message says what was missed
        """Wait until `condition()` holds, checked after each event; TimeoutError names `what`."""
        queue: asyncio.Queue[Event | None] = asyncio.Queue()
        self._listeners.add(queue)
        try:
            async with asyncio.timeout(timeout):
                while not condition():
                    await queue.get()
        except TimeoutError as error:
            raise TimeoutError(f"not within {timeout} s: {what}") from error
        finally:
            self._listeners.discard(queue)

    def close(self) -> None:
        """End every listener's stream."""
        for listener in self._listeners:
            listener.put_nowait(None)
