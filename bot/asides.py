"""What is told beside the work, and holds up no step: boards, places in the line, late orders."""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import TYPE_CHECKING

from storage.generations import State

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence
    from typing import Any

    from handlers.replies.boards import Boards
    from handlers.replies.status import StatusMessages
    from storage.generations import Generation

SENDING_SECONDS = 1.0
"""How long a stop waits for a status on its way: what is not written down is never taken away."""

logger = logging.getLogger(__name__)


class Asides:
    """Brings boards and status messages up to date, each at most once at a time."""

    def __init__(self, boards: Boards, status: StatusMessages) -> None:
        self._boards = boards
        self._status = status
        self._tasks: set[asyncio.Task[None]] = set()
        self._correcting: set[int] = set()
        self._stopping = False

    def say_how_it_stands(self, chat: int, work: Sequence[Generation]) -> None:
        """Bring a group's board and the places in the line up to date."""
        self._begin(partial(self._boards.refresh, chat))
        for generation in work:
            if generation.state is State.QUEUED:
                self.correct(generation)

    def correct(self, generation: Generation) -> None:
        """Bring the status message of a request up to date, where it has one."""
        if generation.status_message is not None and generation.id not in self._correcting:
            self._correcting.add(generation.id)
            task = self._begin(partial(self._status.correct, generation))
            if task is not None:
                task.add_done_callback(lambda _: self._correcting.discard(generation.id))

    async def stop(self) -> None:
        """Begin nothing more; what is on its way gets a moment."""
        self._stopping = True
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=SENDING_SECONDS)
        left = [*self._tasks]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    def _begin(self, work: Callable[[], Coroutine[Any, Any, None]]) -> asyncio.Task[None] | None:
        if self._stopping:
            return None
        task = asyncio.create_task(work())
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            logger.error("a status broke", exc_info=task.exception())
