"""Publishes what happens in the sandbox, to tests that wait for it and to streams."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

Found = TypeVar("Found")
Event = dict[str, Any]


class Changes:
    """Waiters and streams, notified of every change.

    Waiters check their condition during the change, so that they miss no short-lived state.
    """

    def __init__(self) -> None:
        self._waiters: list[Callable[[], None]] = []
        self._streams: list[asyncio.Queue[Event]] = []

    def tell(self, event: str, **fields: Any) -> None:
        """Publish an event with a name such as ``message`` and plain values."""
        for stream in self._streams:
            stream.put_nowait({"event": event, **fields})
        for ask in list(self._waiters):
            ask()

    async def until(self, look: Callable[[], Found | None], timeout: float) -> Found | None:  # noqa: ASYNC109 - callers give seconds, a late answer is None
        """Return the first result of ``look`` that is not None; None after ``timeout`` seconds.

        ``look`` is called now and after every change.
        """
        seen = look()
        if seen is not None:
            return seen
        waiting: asyncio.Future[Found] = asyncio.get_running_loop().create_future()

        def ask() -> None:
            if waiting.done():
                return
            try:
                seen = look()
            except Exception as error:  # noqa: BLE001 - raised in the waiter, not in the server
                waiting.set_exception(error)
            else:
                if seen is not None:
                    waiting.set_result(seen)

        self._waiters.append(ask)
        try:
            async with asyncio.timeout(timeout):
                return await waiting
        except TimeoutError:
            return None
        finally:
            self._waiters.remove(ask)

    async def stream(self) -> AsyncGenerator[Event, None]:
        """Yield every event from the first step of the iteration on."""
        queue: asyncio.Queue[Event] = asyncio.Queue()
        self._streams.append(queue)
        try:
            while True:
                yield await queue.get()
        finally:
            self._streams.remove(queue)
