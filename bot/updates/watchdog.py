"""The watchdog: restarts the polling when no answers come, and ends the process as a last resort.

There are two causes. If the network is down, a restart of the process would change nothing. If
Telegram answers other calls, something in this process is stuck: it ends, and the service manager
starts it again.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import TYPE_CHECKING

from telegram.error import InvalidToken, TelegramError

from bot.process import ExitCode
from handlers.replies.sending import UNREADABLE

if TYPE_CHECKING:
    from collections.abc import Callable

    from telegram.ext import ExtBot

    from bot.updates.listening import Listening, TelegramRequest
    from handlers.replies.sending import Urgency

MAX_DOUBLINGS = 20
"""Keeps the exponent small: the wait has long reached its maximum."""
MIN_ANSWERS = 2
"""How many other calls in a row Telegram answers before the process counts as stuck."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchdogTimes:
    """Times in seconds: between two checks, until polling counts as stuck, until a second restart.

    Each further restart waits twice as long, at most `longest`; after `restarts` of them other
    calls are tried. A token counts as refused after `refusals` over at least `refused` seconds,
    because a failing gateway may also answer 404 for a while.
    """

    look: float = 5.0
    deaf: float = 60.0
    restart: float = 15.0
    longest: float = 300.0
    restarts: int = 3
    refused: float = 60.0
    refusals: int = 3


class Step(Enum):
    """What the watchdog does next."""

    NOTHING = auto()
    RESTART = auto()
    """Restart the polling, over new connections."""
    ASK = auto()
    """Restart it, and find out whether Telegram answers another call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """What the watchdog knows; times in seconds since 1970, `heard_at` is at first the start."""

    heard_at: float
    restarts: int = 0
    restarted_at: float = 0.0
    refusals: int = 0
    refused_since: float = 0.0
    answers: int = 0

    def heard(self, at: float | None) -> Watch:
        """Note when polling last succeeded: if that is news, restarts are counted from 0."""
        return self if at is None or at <= self.heard_at else Watch(heard_at=at)

    def restarted(self, at: float) -> Watch:
        """Count a restart."""
        return replace(self, restarts=self.restarts + 1, restarted_at=at)

    def refused(self, at: float) -> Watch:
        """Count that Telegram refused the token."""
        since = self.refused_since if self.refusals else at
        return replace(self, refusals=self.refusals + 1, refused_since=since)

    def answered(self, patience: WatchdogTimes) -> Watch:
        """Note that Telegram accepts the token; count this if restarts have brought no updates."""
        in_vain = self.restarts >= patience.restarts
        return replace(self, refusals=0, answers=self.answers + in_vain)

    def unanswered(self) -> Watch:
        """Note that Telegram did not answer."""
        return replace(self, answers=0)

    def is_revoked(self, now: float, patience: WatchdogTimes) -> bool:
        """Return whether the token was refused often enough and long enough to be revoked."""
        return self.refusals >= patience.refusals and now - self.refused_since >= patience.refused


def next_step(watch: Watch, *, now: float, ended: bool, patience: WatchdogTimes) -> Step:
    """Decide what to do; `ended` is whether polling ended because the token was refused."""
    if now - watch.heard_at < patience.deaf and not ended:
        return Step.NOTHING
    wait = min(patience.longest, patience.restart * 2 ** min(watch.restarts - 1, MAX_DOUBLINGS))
    if watch.restarts and now - watch.restarted_at < wait:
        return Step.NOTHING
    return Step.ASK if ended or watch.restarts >= patience.restarts else Step.RESTART


@dataclass(frozen=True, slots=True, kw_only=True)
class Watchdog:
    """Keeps the polling running, and decides when to end the process."""

    bot: ExtBot[Urgency]
    listening: Listening
    request: TelegramRequest
    patience: WatchdogTimes
    clock: Callable[[], float]

    async def keep_listening(self) -> ExitCode:
        """Poll until cancelled; return the exit code if the process is to end."""
        watch = Watch(heard_at=self.clock())
        task = asyncio.create_task(self.listening.listen())
        try:
            while True:
                await asyncio.wait({task}, timeout=self.patience.look)
                if task.done() and not isinstance(task.exception(), InvalidToken):
                    task.result()  # a bug of ours: let it be seen
                watch, now = watch.heard(self.listening.heard_at), self.clock()
                step = next_step(watch, now=now, ended=task.done(), patience=self.patience)
                if step is Step.ASK:
                    watch, verdict = await self._ask(watch)
                    if verdict is not None:
                        return verdict
                if step is not Step.NOTHING:
                    logger.warning("asking for updates afresh")
                    await self._end(task)
                    await self.request.drop_connections()
                    task = asyncio.create_task(self.listening.listen())
                    watch = watch.restarted(now)
                elif task.done():
                    await asyncio.sleep(self.patience.look)
        finally:
            await self._end(task)

    async def _ask(self, watch: Watch) -> tuple[Watch, ExitCode | None]:
        """Call another method of Telegram; return an exit code, or None to go on."""
        try:
            await self.bot.get_me()
        except InvalidToken:
            watch = watch.refused(now := self.clock())
            if watch.is_revoked(now, self.patience):
                return watch, ExitCode.WRONG_SETTINGS
            logger.warning("Telegram refuses the token, or seems to: asking again")
            return watch, None
        except TelegramError as error:
            logger.warning("Telegram does not answer: %s", error.message)
            return watch.unanswered(), None
        except UNREADABLE as error:
            logger.warning("Telegram's answer cannot be read: %s", type(error).__name__)
            return watch.unanswered(), None
        watch = watch.answered(self.patience)
        # the network may just have come back: then the restarted polling succeeds
        if watch.answers < MIN_ANSWERS:
            return watch, None
        logger.critical("Telegram answers, but no updates arrive any more: ending the process")
        return watch, ExitCode.UPDATES_LOST

    @staticmethod
    async def _end(task: asyncio.Task[None]) -> None:
        task.cancel()
        await asyncio.wait({task})
