"""Keep updates coming: restart the listening when it is silent, end the process at last.

A silence has two causes that look alike from here, and only one is cured by a new process: the
network is gone (wait: a restart changes nothing), or something in this process is stuck although
Telegram answers (end: whoever started us starts us again).
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

MOST_DOUBLINGS = 20
"""Beyond them a wait is at its longest, whatever it was at first."""
ANSWERS = 2
"""So often in a row Telegram answers something else before the silence is the process's fault."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """Seconds: between two looks, until silence is deafness, and until the first second restart.

    Each further restart waits twice as long, at most `longest`; after `restarts` of them the
    fault may be the process's own. A token counts as refused after `refusals` over at least
    `refused`: a gateway on the way answers 404 to everything for a while, too.
    """

    look: float = 5.0
    deaf: float = 60.0
    restart: float = 15.0
    longest: float = 300.0
    restarts: int = 3
    refused: float = 60.0
    refusals: int = 3


class Step(Enum):
    """What to do about what was taken."""

    NOTHING = auto()
    RESTART = auto()
    """Ask for updates afresh, over new connections."""
    ASK = auto()
    """Find out whether Telegram answers anything: if so, this process is at fault."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """What is known, in seconds since 1970; `taken_at` is the start where nothing was taken yet."""

    taken_at: float
    restarts: int = 0
    restarted_at: float = 0.0
    refusals: int = 0
    refused_since: float = 0.0
    answers: int = 0

    def taken(self, at: float | None) -> Watch:
        """Note when updates were last taken: news ends the count of restarts."""
        return self if at is None or at <= self.taken_at else Watch(taken_at=at)

    def restarted(self, at: float) -> Watch:
        """Count a restart."""
        return replace(self, restarts=self.restarts + 1, restarted_at=at)

    def refused(self, at: float) -> Watch:
        """Count that Telegram refused the token."""
        since = self.refused_since if self.refusals else at
        return replace(self, refusals=self.refusals + 1, refused_since=since)

    def answered(self, patience: Patience) -> Watch:
        """Note that Telegram takes the token, and count where restarts brought no updates."""
        in_vain = self.restarts >= patience.restarts
        return replace(self, refusals=0, answers=self.answers + in_vain)

    def unanswered(self) -> Watch:
        """Note that Telegram did not answer."""
        return replace(self, answers=0)

    def is_revoked(self, now: float, patience: Patience) -> bool:
        """Whether the token was refused so often and for so long that it must be meant."""
        return self.refusals >= patience.refusals and now - self.refused_since >= patience.refused


def next_step(watch: Watch, *, now: float, ended: bool, patience: Patience) -> Step:
    """Decide what to do.

    Args:
        watch: what is known.
        now: seconds since 1970.
        ended: whether the listening ended by itself: Telegram refused the token, or seemed to.
        patience: how long to wait for what.
    """
    if now - watch.taken_at < patience.deaf and not ended:
        return Step.NOTHING
    wait = min(patience.longest, patience.restart * 2 ** min(watch.restarts - 1, MOST_DOUBLINGS))
    if watch.restarts and now - watch.restarted_at < wait:
        return Step.NOTHING
    return Step.ASK if ended or watch.restarts >= patience.restarts else Step.RESTART


@dataclass(frozen=True, slots=True, kw_only=True)
class Watchdog:
    """Keeps the listening going, and knows when that is in vain."""

    bot: ExtBot[Urgency]
    listening: Listening
    request: TelegramRequest
    patience: Patience
    clock: Callable[[], float]

    async def keep_listening(self) -> ExitCode:
        """Listen until cancelled, or until it is in vain; returns with what to end the process."""
        watch = Watch(taken_at=self.clock())
        task = asyncio.create_task(self.listening.listen())
        try:
            while True:
                await asyncio.wait({task}, timeout=self.patience.look)
                if task.done() and not isinstance(task.exception(), InvalidToken):
                    task.result()  # a bug of ours: let it be seen
                watch, now = watch.taken(self.listening.taken_at), self.clock()
                step = next_step(watch, now=now, ended=task.done(), patience=self.patience)
                if step is Step.ASK:
                    watch, verdict = await self._ask(watch)
                    if verdict is not None:
                        return verdict
                if step is not Step.NOTHING:
                    logger.warning("asking for updates afresh")
                    await self._end(task)
                    await self.request.start_afresh()
                    task = asyncio.create_task(self.listening.listen())
                    watch = watch.restarted(now)
                elif task.done():
                    await asyncio.sleep(self.patience.look)
        finally:
            await self._end(task)

    async def _ask(self, watch: Watch) -> tuple[Watch, ExitCode | None]:
        """Ask Telegram something else; returns how to end the process, None to go on."""
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
        # the first answer may be the end of a long silence: then updates come after a restart
        if watch.answers < ANSWERS:
            return watch, None
        logger.critical("Telegram answers, but no updates arrive any more: ending the process")
        return watch, ExitCode.UPDATES_LOST

    @staticmethod
    async def _end(task: asyncio.Task[None]) -> None:
        task.cancel()
        await asyncio.wait({task})
