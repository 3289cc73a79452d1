"""The supervisor of the tasks that live as long as the bot."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

import stamina

from bot.process import ExitCode
from generation.models.availability import NoFeed
from handlers.replies.sending import SendError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

RETRY_SECONDS, LONGEST_RETRY_SECONDS = 5.0, 3600.0
"""When a task that broke is started again: later each time."""

# whatever is tried again is said here, and once
stamina.instrumentation.set_on_retry_hooks(())

logger = logging.getLogger(__name__)


class Supervisor:
    """Tasks that live as long as the bot.

    A vital one that dies ends the process with exit code 1. An optional one that breaks is
    started again, later each time, and that is said once.
    """

    def __init__(self, stopping: asyncio.Event) -> None:
        self.stopping = stopping
        self.exit_code = ExitCode.STOPPED
        self._tasks: set[asyncio.Task[None]] = set()

    def end(self, code: ExitCode) -> None:
        """End the process, unless it ends already."""
        if not self.stopping.is_set():
            self.exit_code = code
            self.stopping.set()

    def vital(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        """Do something without which the bot is of no use."""
        self._begin(name, work).add_done_callback(self._died)

    def optional(
        self, name: str, work: Callable[[], Awaitable[None]], *, every: float | None = None
    ) -> None:
        """Do something now, and again `every` so many seconds."""
        self._begin(name, self._keep(name, work, every))

    async def until_stopped(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something that must not hold up a stop: Telegram may take its time."""
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

    def _died(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.critical("%s died: the process ends", task.get_name(), exc_info=error)
            self.end(ExitCode.FAILURE)

    @staticmethod
    async def _keep(name: str, work: Callable[[], Awaitable[None]], every: float | None) -> None:
        while True:
            async for attempt in stamina.retry_context(
                on=Exception,
                attempts=None,
                timeout=None,
                wait_initial=RETRY_SECONDS,
                wait_max=min(LONGEST_RETRY_SECONDS, every or LONGEST_RETRY_SECONDS),
            ):
                with attempt:
                    try:
                        await work()
                    except (NoFeed, OSError, SendError) as error:
                        if attempt.num == 1:
                            logger.warning("%s: %r; tried again until it is done", name, error)
                        raise
                    except Exception:
                        if attempt.num == 1:
                            logger.exception("%s broke, and is started again", name)
                        raise
            if every is None:
                return
            await asyncio.sleep(every)
