"""So many handlers at a time; one that waits for its turn to speak gives its slot away."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class _Slot:
    """A handler's slot: whether others have it for now, and whether its handler is done."""

    __slots__ = ("ended", "lent")

    def __init__(self) -> None:
        self.lent = False
        self.ended = False

    @property
    def is_held(self) -> bool:
        return not self.lent and not self.ended


_mine: ContextVar[_Slot | None] = ContextVar("slot", default=None)


class Slots:
    """Hands out `count` slots, first come first served."""

    def __init__(self, count: int) -> None:
        self._free = asyncio.Semaphore(count)

    @asynccontextmanager
    async def taken(self) -> AsyncIterator[None]:
        """Wait for a slot and hold it."""
        await self._free.acquire()
        slot = _Slot()
        mark = _mine.set(slot)
        try:
            yield
        finally:
            _mine.reset(mark)
            # tasks begun meanwhile carry the mark on: it means nothing from here on
            slot.ended = True
            if not slot.lent:
                self._free.release()

    @asynccontextmanager
    async def lent(self) -> AsyncIterator[None]:
        """Let others have the slot meanwhile; nothing happens where none is held."""
        slot = _mine.get()
        if slot is None or not slot.is_held:
            yield
            return
        slot.lent = True
        self._free.release()
        yield
        # whoever is interrupted comes back to no slot, and needs none
        await self._free.acquire()
        slot.lent = False
        if slot.ended:
            self._free.release()
