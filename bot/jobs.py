"""One clock per chat: a JobQueue job that rings when something in that chat is due.

The database is the truth and the JobQueue a clock: at a start the clocks are made
anew from it. The jobs are kept here and not by APScheduler's ids.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING

from apscheduler.jobstores.base import JobLookupError

from bot.workers import CRASHED_SECONDS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from telegram.ext import Job, JobQueue

    from handlers.context import Context

logger = logging.getLogger(__name__)


class ChatClocks:
    """Rings `start_due(chat)` when it is time, and once more whenever a chat is woken."""

    def __init__(
        self,
        queue: JobQueue[Context],
        start_due: Callable[[int], Awaitable[float | None]],
    ) -> None:
        """Make clocks that ring on `queue`; `start_due` returns in how many seconds again."""
        self.queue = queue
        self._start_due = start_due
        self._jobs: dict[int, Job[Context]] = {}
        self._ringing: set[int] = set()
        self._woken: set[int] = set()

    def wake(self, chat: int) -> None:
        """Look at a chat now; while its clock rings, once more right after."""
        if chat in self._ringing:
            self._woken.add(chat)
        else:
            self._set(chat, 0.0)

    async def _ring(self, context: Context) -> None:
        chat = _chat_of(context)
        if self._jobs.get(chat) is context.job:
            del self._jobs[chat]
        if chat in self._ringing:
            self._woken.add(chat)
            return
        self._ringing.add(chat)
        wait: float | None = None
        try:
            wait = await self._start_due(chat)
        except Exception:
            # without another ring, the chat's work would wait for the next start of the process
            logger.exception("the clock of chat %d broke", chat)
            wait = CRASHED_SECONDS
        finally:
            self._ringing.discard(chat)
            if chat in self._woken:
                self._woken.discard(chat)
                wait = 0.0
            if wait is not None:
                self._set(chat, wait)

    def _set(self, chat: int, wait: float) -> None:
        job = self._jobs.pop(chat, None)
        if job is not None:
            # one that is about to ring has left the scheduler already, and rings once more
            with suppress(JobLookupError):
                job.schedule_removal()
        self._jobs[chat] = self.queue.run_once(
            self._ring,
            wait,
            data=chat,
            name=f"chat {chat}",
            # APScheduler would drop a ring that is a second late
            job_kwargs={"misfire_grace_time": None},
        )


def every_day(queue: JobQueue[Context], name: str, start: Callable[[], None]) -> None:
    """Call `start` now and once a day; what it starts must not hold up the queue."""

    async def ring(_context: Context) -> None:
        start()

    start()
    # a first ring that is due at once would be a moment late, and a whole day later
    queue.run_repeating(ring, timedelta(days=1), name=name, job_kwargs={"misfire_grace_time": None})


def _chat_of(context: Context) -> int:
    if context.job is None or not isinstance(context.job.data, int):
        raise TypeError("a chat's clock rings with its number")
    return context.job.data
