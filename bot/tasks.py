"""Concurrency: a timer per chat, at most one task per key, slots for the updates handled."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager, nullcontext, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from apscheduler.jobstores.base import JobLookupError
from telegram import Update
from telegram.ext import BaseUpdateProcessor

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Collection

    from telegram.ext import Job, JobQueue

    from bot.updates.intake import Intake
    from handlers.context import Context

    Work = Callable[[], Awaitable[object]]

MAX_WAITING_CHATS = 10_000
"""How many updates may wait for a slot or for a flood limit: more than there ever are."""
MAX_CONCURRENT_CHATS = 128
"""In how many chats updates are handled at a time: a call to Telegram mostly takes 50 ms."""
CRASH_BACKOFF_SECONDS = 30.0
"""How long to wait before work that failed unexpectedly is tried again."""
MAX_CONCURRENT = 8
"""How many tasks of a kind run at a time, and how many chats are looked at."""

logger = logging.getLogger(__name__)


class ChatTimers:
    """Timers that look at a chat when it is due or woken, at most once at a time per chat.

    The JobQueue's jobs are kept in a dict of our own and not found by APScheduler's ids.
    """

    def __init__(self, queue: JobQueue[Context]) -> None:
        self._queue = queue
        self._look: Callable[[int], Awaitable[float | None]] = _never
        self._jobs: dict[int, tuple[float, Job[Context]]] = {}
        self._looks: dict[int, asyncio.Task[None]] = {}
        self._woken: set[int] = set()
        self._looking = asyncio.Semaphore(MAX_CONCURRENT)
        self._is_open = False

    def start(self, look: Callable[[int], Awaitable[float | None]]) -> None:
        """Begin; `look` returns in how many seconds to look again, None for never.

        Chats that were woken before are looked at now.
        """
        self._look = look
        self._is_open = True
        for chat in [*self._woken]:
            self.wake(chat)

    def wake(self, chat: int) -> None:
        """Look at a chat now, or once more after the look that is under way."""
        if chat in self._looks or not self._is_open:
            self._woken.add(chat)
        else:
            self._cancel(chat)
            self._looks[chat] = asyncio.create_task(self._look_at(chat), name=f"chat {chat}")

    def wake_all(self) -> None:
        """Look now at every chat that has a timer."""
        for chat in [*self._jobs]:
            self.wake(chat)

    def clear_wake(self, chat: int) -> None:
        """Forget earlier wakes of a chat: the look under way reads what they were about."""
        self._woken.discard(chat)

    def schedule(self, chat: int, wait: float) -> None:
        """Look at a chat in `wait` seconds, unless it is scheduled earlier."""
        if chat in self._looks or not self._is_open:
            self._woken.add(chat)
            return
        at = asyncio.get_running_loop().time() + wait
        if chat in self._jobs and self._jobs[chat][0] <= at:
            return
        self._cancel(chat)
        job = self._queue.run_once(
            self._on_timer,
            wait,
            data=chat,
            name=f"chat {chat}",
            # APScheduler would drop a job that is a second late
            job_kwargs={"misfire_grace_time": None},
        )
        self._jobs[chat] = at, job

    def lateness(self) -> float:
        """Return by how many seconds the earliest timer is late, 0 if none is."""
        now = asyncio.get_running_loop().time()
        return now - min((at for at, _ in self._jobs.values()), default=now)

    async def stop(self) -> None:
        """Cancel the looks under way, and begin no other.

        The JobQueue would cancel a timer that goes off while it stops, and log that as an error.
        """
        self._is_open = False
        for chat in [*self._jobs]:
            self._cancel(chat)
        looks = [*self._looks.values()]
        for look in looks:
            look.cancel()
        await asyncio.gather(*looks, return_exceptions=True)

    async def _on_timer(self, context: Context) -> None:
        if context.job is None or not isinstance(context.job.data, int):
            raise TypeError("the job has no chat")
        self.wake(context.job.data)

    async def _look_at(self, chat: int) -> None:
        try:
            while True:
                self.clear_wake(chat)
                try:
                    # bounded, so that many due chats do not delay an answer to a message
                    async with self._looking:
                        wait = await self._look(chat)
                except Exception:
                    # without another look, the chat's work would wait for a restart
                    logger.exception("the clock of chat %d broke", chat)
                    wait = CRASH_BACKOFF_SECONDS
                if chat not in self._woken:
                    break
        finally:
            del self._looks[chat]
        if wait is not None and self._is_open:
            self.schedule(chat, wait)

    def _cancel(self, chat: int) -> None:
        if chat in self._jobs:
            _, job = self._jobs.pop(chat)
            # a job that is just running has left APScheduler already
            with suppress(JobLookupError):
                job.schedule_removal()


async def _never(_chat: int) -> float | None:
    return None


class Tasks:
    """Tasks by key, at most one per key; a failure is logged and starts a back-off."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._tasks: dict[str, asyncio.Task[object]] = {}
        self._again: dict[str, Callable[[], None]] = {}
        self._left_alone: dict[str, float] = {}
        self._bounds = WeakValueDictionary[str, asyncio.Semaphore]()
        self._is_open = True

    def __contains__(self, key: str) -> bool:
        """Whether a task with this key is under way."""
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
        """Start a task, unless one with this key is under way.

        Args:
            key: identifies it, in the log too.
            work: makes the coroutine, when the task may begin.
            then: is called with its result or exception.
            kind: of tasks of the same kind, MAX_CONCURRENT run at a time; None is no limit.
            again: if one is under way, run this after it, instead of the first one's `then`.
        """
        if key in self._tasks:
            if again:
                self._again[key] = partial(self.run, key, work, then, kind=kind)
        elif self._is_open:
            task = self._tasks[key] = asyncio.create_task(self._run_bounded(kind, work), name=key)
            task.add_done_callback(partial(self._done, then))

    def back_off(self, key: str) -> None:
        """Start the back-off of a key."""
        self._left_alone[key] = self._clock() + CRASH_BACKOFF_SECONDS

    def backoff_until(self, key: str) -> float:
        """Return until when a key is in back-off, 0 if it never was."""
        return self._left_alone.get(key, 0.0)

    async def stop(self, keys: Collection[str] | None = None, *, within: float) -> None:
        """Start no more tasks; wait `within` seconds for those of `keys`, and cancel all others.

        Without `keys`, wait for all.
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

    async def _run_bounded(self, kind: str | None, work: Work) -> object:
        bound = self._bounds.setdefault(kind or "", asyncio.Semaphore(MAX_CONCURRENT))
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
            # its result may not be stored: tried again at once, it could be done twice
            logger.error("%s broke", key, exc_info=error)
            self.back_off(key)
        if not self._is_open:
            return
        if again is not None:
            again()
        else:
            then(error or task.result())


@dataclass(slots=True, eq=False)
class _Slot:
    """The slot of a handler, which may be released for a while."""

    is_held: bool = True
    is_done: bool = False

    @property
    def can_release(self) -> bool:
        return self.is_held and not self.is_done


_current: ContextVar[_Slot | None] = ContextVar("slot", default=None)


class Slots:
    """A semaphore of `count` slots, of which a holder can release its own while it waits."""

    def __init__(self, count: int) -> None:
        self._free = asyncio.Semaphore(count)

    @asynccontextmanager
    async def hold(self) -> AsyncIterator[None]:
        """Wait for a slot and hold it."""
        await self._free.acquire()
        slot = _Slot()
        token = _current.set(slot)
        try:
            yield
        finally:
            _current.reset(token)
            # tasks started in the block have inherited the variable
            slot.is_done = True
            if slot.is_held:
                self._free.release()

    @asynccontextmanager
    async def release_meanwhile(self) -> AsyncIterator[None]:
        """Release the current slot during the block, if one is held."""
        slot = _current.get()
        if slot is None or not slot.can_release:
            yield
            return
        slot.is_held = False
        self._free.release()
        yield
        # after a cancellation the slot is not needed any more: no `finally`
        await self._free.acquire()
        slot.is_held = True
        if slot.is_done:
            self._free.release()


class PerChatUpdateProcessor(BaseUpdateProcessor):
    """Handles updates of different chats concurrently, and reports each to the intake when done."""

    def __init__(self, intake: Intake, slots: Slots) -> None:
        # not its own limit but our slots decide how many run
        super().__init__(MAX_WAITING_CHATS)
        self._intake = intake
        self._slots = slots

    async def do_process_update(self, update: object, coroutine: Awaitable[Any]) -> None:
        """Handle one update; if a stop cancels that, it stays in the inbox."""
        if isinstance(update, Update) and update.pre_checkout_query is not None:
            # Telegram wants an answer within ten seconds: it waits for no slot
            await coroutine
            return
        async with self._slots.hold():
            await self._intake.begin(update)
            try:
                await coroutine
            except Exception:
                # an update whose handler fails is not tried again: it would fail again
                await self._intake.finish(update)
                raise
            await self._intake.finish(update)

    async def initialize(self) -> None:
        """Nothing to prepare."""

    async def shutdown(self) -> None:
        """Nothing to close."""
