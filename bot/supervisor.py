"""The supervisor of the bot's long-lived tasks, and its health checks."""

from __future__ import annotations

import asyncio
import logging
import math
import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bot.process import ExitCode
from generation.models.availability import FeedUnavailable
from handlers.replies.sending import SendError
from storage import HOUR_SECONDS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from bot.scheduler import Scheduler
    from bot.updates.listening import Listening
    from storage.database import Database

RETRY_SECONDS, MAX_RETRY_SECONDS = 5.0, HOUR_SECONDS
"""Back-off before an optional task that failed is started again: first, and at most."""
MAX_UPDATE_SILENCE_SECONDS = 60.0
"""How long after the last successful poll for updates the bot is reported as unhealthy."""
MAX_SCHEDULER_SILENCE_SECONDS = 90.0
"""How long the scheduler may do nothing: it looks at the queue three times as often."""
WRITE_SECONDS = 5.0
"""How long a write to the database may take."""
WRITE_CHECK_SECONDS = 2.0
"""How long the result of a successful write is reused: many requests cause one write."""

logger = logging.getLogger(__name__)


class Supervisor:
    """Tasks that live as long as the bot.

    If a vital one fails, the process ends with exit code 1. If an optional one fails, it is
    started again with back-off, and that is logged once.
    """

    def __init__(self, stopping: asyncio.Event) -> None:
        self.stopping = stopping
        self.exit_code = ExitCode.STOPPED
        self._tasks: set[asyncio.Task[None]] = set()

    def end(self, code: ExitCode) -> None:
        """End the process with this exit code, unless it is ending already."""
        if not self.stopping.is_set():
            self.exit_code = code
            self.stopping.set()

    def vital(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        """Run work without which the bot is useless."""
        self._begin(name, work).add_done_callback(self._on_vital_done)

    def optional(
        self,
        name: str,
        work: Callable[[], Awaitable[object]],
        *,
        after: float = 0.0,
        every: float | None = None,
    ) -> None:
        """Run work after `after` seconds, and then every `every` seconds."""
        self._begin(name, self._repeat(name, work, after, every))

    async def run_until_stopped(self, work: Coroutine[Any, Any, None]) -> None:
        """Run work, and cancel it if the bot is to stop meanwhile."""
        working = asyncio.create_task(work)
        stopped = asyncio.create_task(self.stopping.wait())
        try:
            await asyncio.wait({working, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                working.result()
        finally:
            working.cancel()
            stopped.cancel()
            await asyncio.wait({working, stopped})

    async def stop(self) -> None:
        """Cancel all tasks."""
        tasks = {*self._tasks}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _begin(self, name: str, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _on_vital_done(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.critical("%s died: the process ends", task.get_name(), exc_info=error)
            self.end(ExitCode.FAILURE)

    @staticmethod
    async def _repeat(
        name: str, work: Callable[[], Awaitable[object]], after: float, every: float | None
    ) -> None:
        await asyncio.sleep(after)
        longest = min(MAX_RETRY_SECONDS, every or MAX_RETRY_SECONDS)
        wait = 0.0
        while True:
            try:
                await work()
            except Exception as error:
                if not wait and isinstance(error, FeedUnavailable | OSError | SendError):
                    logger.warning("%s: %r; tried again until it is done", name, error)
                elif not wait:
                    logger.exception("%s broke, and is started again", name)
                wait = min(2 * wait or RETRY_SECONDS, longest)
                await asyncio.sleep(wait)
            else:
                if every is None:
                    return
                wait = 0.0
                await asyncio.sleep(every)


@dataclass(kw_only=True, eq=False)
class Health:
    """Checks updates, scheduler and database when asked."""

    db: Database
    listening: Listening
    scheduler: Scheduler
    clock: Callable[[], float]

    def __post_init__(self) -> None:
        self._began_at = self.clock()
        self._one_writes = asyncio.Lock()
        self._wrote_at = -math.inf

    async def problems(self) -> dict[str, str]:
        """Return the problems found, by part; empty if all is well."""
        database = ""
        async with self._one_writes:
            if not 0 <= self.clock() - self._wrote_at < WRITE_CHECK_SECONDS:
                database = await self._of_database()
                self._wrote_at = -math.inf if database else self.clock()
        return self.problems_without_writing() | ({"database": database} if database else {})

    def problems_without_writing(self) -> dict[str, str]:
        """Return the problems that are known without a write to the database."""
        found = dict[str, str]()
        silence = self.clock() - (self.listening.heard_at or self._began_at)
        if silence > MAX_UPDATE_SILENCE_SECONDS:
            found["updates"] = f"nothing came from Telegram for {silence:.0f} s"
        stalled = self.scheduler.stalled_seconds()
        if stalled is None:
            found["scheduler"] = "it has not started yet"
        elif stalled > MAX_SCHEDULER_SILENCE_SECONDS:
            found["scheduler"] = f"it looked after nothing for {stalled:.0f} s"
        return found

    async def _of_database(self) -> str:
        try:
            async with asyncio.timeout(WRITE_SECONDS):
                await self.db.check_writable()
        except TimeoutError:
            return f"it took nothing within {WRITE_SECONDS:.0f} s"
        except sqlite3.Error as error:
            return f"it cannot be written: {error}"
        return ""
