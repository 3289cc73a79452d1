"""What runs side by side: the clocks of the chats, tasks one at a time per thing, slots."""

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

MOST_CHATS = 10_000
"""How many may wait to be served, or for Telegram's silence to be over: more than there are."""
CHATS_AT_ONCE = 128
"""How many chats are served at a time: of Telegram's answers, most take 50 ms."""
CRASHED_SECONDS = 30.0
"""How long work is left alone that broke for a reason nobody foresaw."""
AT_ONCE = 8
"""How many tasks of a kind run side by side, and how many chats are looked at."""

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
        self._looking = asyncio.Semaphore(AT_ONCE)
        self._is_open = False

    def start(self, look: Callable[[int], Awaitable[float | None]]) -> None:
        """Let the clocks ring; `look` returns in how many seconds to look again, None for never.

        Chats that were woken before are looked at now.
        """
        self._look = look
        self._is_open = True
        for chat in [*self._woken]:
            self.wake(chat)

    def wake(self, chat: int) -> None:
        """Look at a chat now; while that is being done, once more right after."""
        if chat in self._looks or not self._is_open:
            self._woken.add(chat)
        else:
            self._unset(chat)
            self._looks[chat] = asyncio.create_task(self._look_at(chat), name=f"chat {chat}")

    def wake_all(self) -> None:
        """Look now at every chat that is to be looked at later."""
        for chat in [*self._jobs]:
            self.wake(chat)

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

    def lateness(self) -> float:
        """Return for how many seconds the first clock that should ring has not."""
        now = asyncio.get_running_loop().time()
        return now - min((at for at, _ in self._jobs.values()), default=now)

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
                    # of a crowd whose clocks ring at once, few stand before who asks something
                    async with self._looking:
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
        self._again: dict[str, Callable[[], None]] = {}
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
            again: whether it is done after what is under way by this key, instead of its `then`.
        """
        if key in self._tasks:
            if again:
                self._again[key] = partial(self.run, key, work, then, kind=kind)
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
            again()
        else:
            then(error or task.result())


@dataclass(slots=True, eq=False)
class _Slot:
    """A handler's slot: whether others have it for now, and whether its handler is done."""

    lent: bool = False
    ended: bool = False

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


class OneAtATimePerChat(BaseUpdateProcessor):
    """Handles updates of different chats side by side, and tells the intake when each is done."""

    def __init__(self, intake: Intake, slots: Slots | None = None) -> None:
        # all that were handed out wait for one of our slots
        super().__init__(MOST_CHATS)
        self._intake = intake
        self._slots = slots or Slots(CHATS_AT_ONCE)

    async def do_process_update(self, update: object, coroutine: Awaitable[Any]) -> None:
        """Handle one update; one that is interrupted by a stop stays in the inbox."""
        if isinstance(update, Update) and update.pre_checkout_query is not None:
            # Telegram waits ten seconds for its answer, and no longer for a slot
            await coroutine
            return
        async with self._slots.taken():
            await self._intake.begin(update)
            try:
                await coroutine
            except Exception:
                # only what is interrupted comes again: what breaks would break again
                await self._intake.finish(update)
                raise
            await self._intake.finish(update)

    async def initialize(self) -> None:
        """Nothing to prepare."""

    async def shutdown(self) -> None:
        """Nothing to close."""
