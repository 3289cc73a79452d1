"""The scheduler's clocks, one per chat, and its tasks, one at a time for each thing to be done."""

from __future__ import annotations

import asyncio
import logging
from contextlib import nullcontext, suppress
from functools import partial
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from apscheduler.jobstores.base import JobLookupError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection

    from telegram.ext import Job, JobQueue

    from handlers.context import Context

    Work = Callable[[], Awaitable[object]]

CRASHED_SECONDS = 30.0
"""How long work is left alone that broke for a reason nobody foresaw."""
AT_ONCE = 8
"""How many tasks of a kind run side by side."""

logger = logging.getLogger(__name__)


class ChatClocks:
    """Clocks that have a chat looked at when it is time or it is woken, once at a time.

    The JobQueue's jobs are kept here and not by APScheduler's ids.
    """

    def __init__(self, queue: JobQueue[Context]) -> None:
        self._queue = queue
        self._look: Callable[[int], Awaitable[float | None]] = _never
        self._jobs: dict[int, tuple[float, Job[Context]]] = {}
        self._looks: dict[int, asyncio.Task[None]] = {}
        self._woken: set[int] = set()
        self._is_open = False

    def start(self, look: Callable[[int], Awaitable[float | None]]) -> None:
        """Let the clocks ring; `look` returns in how many seconds to look again, None for never.

        Chats that are woken before are not looked at: whoever starts the clocks wakes them all.
        """
        self._look = look
        self._is_open = True

    def wake(self, chat: int) -> None:
        """Look at a chat now; while that is being done, once more right after."""
        if chat in self._looks:
            self._woken.add(chat)
        elif self._is_open:
            self._unset(chat)
            self._looks[chat] = asyncio.create_task(self._look_at(chat), name=f"chat {chat}")

    def seen(self, chat: int) -> None:
        """Note that a look sees all that a chat was woken for until now."""
        self._woken.discard(chat)

    def set(self, chat: int, wait: float) -> None:
        """Look at a chat in so many seconds, unless that is to be done earlier."""
        if chat in self._looks:
            self._woken.add(chat)
            return
        at = asyncio.get_running_loop().time() + wait
        if chat in self._jobs and self._jobs[chat][0] <= at:
            return
        self._unset(chat)
        job = self._queue.run_once(
            self._ring,
            wait,
            data=chat,
            name=f"chat {chat}",
            # APScheduler would drop a ring that is a second late
            job_kwargs={"misfire_grace_time": None},
        )
        self._jobs[chat] = at, job

    async def stop(self) -> None:
        """Break off the looks, and begin no other."""
        self._is_open = False
        looks = [*self._looks.values()]
        for look in looks:
            look.cancel()
        await asyncio.gather(*looks, return_exceptions=True)

    async def _ring(self, context: Context) -> None:
        if context.job is None or not isinstance(context.job.data, int):
            raise TypeError("a chat's clock rings with its number")
        self.wake(context.job.data)

    async def _look_at(self, chat: int) -> None:
        try:
            while True:
                self.seen(chat)
                try:
                    wait = await self._look(chat)
                except Exception:
                    # without another look, the chat's work would wait for the next start
                    logger.exception("the clock of chat %d broke", chat)
                    wait = CRASHED_SECONDS
                if chat not in self._woken:
                    break
        finally:
            del self._looks[chat]
        if wait is not None and self._is_open:
            self.set(chat, wait)

    def _unset(self, chat: int) -> None:
        if chat in self._jobs:
            _, job = self._jobs.pop(chat)
            # one that rings just now has left the scheduler already
            with suppress(JobLookupError):
                job.schedule_removal()


async def _never(_chat: int) -> float | None:
    return None


class Tasks:
    """Tasks by key; what broke is logged, and known to be left alone for a while."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._tasks: dict[str, asyncio.Task[object]] = {}
        self._again: dict[str, Work] = {}
        self._left_alone: dict[str, float] = {}
        self._bounds = WeakValueDictionary[str, asyncio.Semaphore]()
        self._is_open = True

    def __contains__(self, key: str) -> bool:
        """Whether this is being done."""
        return key in self._tasks

    def run(
        self,
        key: str,
        work: Work,
        then: Callable[[object], None] = lambda _: None,
        *,
        kind: str | None = None,
        again: bool = False,
    ) -> None:
        """Do something, unless it is being done.

        Args:
            key: names it, in the log too.
            work: is called when it is its turn.
            then: is told what came of it: what was returned or raised.
            kind: bounds it together with its like.
            again: whether it is to be done once more after one under way.
        """
        if key in self._tasks:
            if again:
                self._again[key] = work
        elif self._is_open:
            task = self._tasks[key] = asyncio.create_task(self._bounded(kind, work), name=key)
            task.add_done_callback(partial(self._done, then))

    def leave_alone(self, key: str) -> None:
        """Note that something broke."""
        self._left_alone[key] = self._clock() + CRASHED_SECONDS

    def left_alone(self, key: str) -> float:
        """Return until when something is left alone."""
        return self._left_alone.get(key, 0.0)

    async def stop(self, keys: Collection[str] | None = None, *, within: float) -> None:
        """Begin nothing more, and cancel all but `keys`, which may end by themselves for a while.

        Without `keys`, all may.
        """
        self._is_open = False
        tasks = {*self._tasks.values()}
        kept = {one for one in tasks if keys is None or one.get_name() in keys}
        for task in tasks - kept:
            task.cancel()
        if kept:
            await asyncio.wait(kept, timeout=within)
        for task in kept:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _bounded(self, kind: str | None, work: Work) -> object:
        bound = self._bounds.setdefault(kind or "", asyncio.Semaphore(AT_ONCE))
        async with bound if kind else nullcontext():
            return await work()

    def _done(self, then: Callable[[object], None], task: asyncio.Task[object]) -> None:
        key = task.get_name()
        del self._tasks[key]
        again = self._again.pop(key, None)
        if task.cancelled():
            return
        self._left_alone.pop(key, None)
        if (error := task.exception()) is not None:
            # what became of it may not be written down: at once again it would be done again
            logger.error("%s broke", key, exc_info=error)
            self.leave_alone(key)
        if not self._is_open:
            return
        if again is not None:
            self.run(key, again, then)
        else:
            then(error or task.result())
