"""Start, run and stop. `run_polling` is not used: it skips the shutdown after a refused token."""

from __future__ import annotations

import asyncio
import logging
import signal
import sqlite3
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from telegram.error import InvalidToken, TelegramError

from bot import process
from bot.app import build
from bot.jobs import every_day
from bot.operations.checks import first_words
from bot.operations.doctor import look, look_quietly
from bot.operations.heartbeat import Heartbeat
from bot.process import ExitCode
from bot.times import Times
from generation.media.videos import clean_up, drop_outdated
from generation.provider.errors import HeldBack, HoldReason, ProviderError
from handlers.account import introduction
from storage import people
from storage.database import Database, DatabaseInTrouble
from storage.migrations import UnusableDatabase

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from bot.app import Parts
    from bot.settings.definition import Settings
    from handlers.replies.language import Languages

BEAT_SECONDS = 15.0
DEAF_SECONDS = 60.0
"""How long no update may be taken in, or none come, before the heart stops beating."""
STOP_SECONDS = 4.0
"""How long the parts may take to stop; whoever stops us allows five."""
RETRY_SECONDS = 5.0
"""How long to wait when Telegram cannot be reached at the start."""

logger = logging.getLogger(__name__)


async def run(
    settings: Settings,
    *,
    times: Times | None = None,
    opened: Callable[[], Awaitable[None]] | None = None,
) -> ExitCode:
    """Run the bot until a signal or a failure ends it; `opened` is told that the data are ours."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)
    try:
        with process.held(settings.data_dir):
            db = await Database.open(settings.data_dir / "bot.sqlite3")
            try:
                if opened is not None:
                    await opened()
                return await Bot(settings, db, stopping, times=times).serve()
            finally:
                await db.close()
    except process.Held as held:
        sys.stderr.write(f"{held}\n")
        return ExitCode.LOCKED
    except process.Unusable as unusable:
        sys.stderr.write(f"{unusable}\n")
        return ExitCode.WRONG_SETTINGS
    except UnusableDatabase as unusable:
        # nothing that is started again would mend it
        sys.stderr.write(f"DATA_DIR cannot be used: {unusable}\n")
        return ExitCode.WRONG_SETTINGS
    except DatabaseInTrouble as trouble:
        sys.stderr.write(f"DATA_DIR cannot be used now: {trouble}\n")
        return ExitCode.FAILURE


class Bot:
    """One life of the bot: from the first getUpdates to the last."""

    def __init__(
        self,
        settings: Settings,
        db: Database,
        stopping: asyncio.Event,
        languages: Languages | None = None,
        *,
        times: Times | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._settings = settings
        self._db = db
        self._stopping = stopping
        self._clock = clock
        self._exit = ExitCode.STOPPED
        self._times = times or Times()
        self.parts: Parts = build(settings, db, clock=clock, times=self._times, languages=languages)
        self._background: set[asyncio.Task[None]] = set()

    async def serve(self) -> ExitCode:
        """Start, wait for the stop, stop."""
        try:
            await self._until_stopped(self._start())
            await self._stopping.wait()
        finally:
            await self._stop()
        return self._exit

    async def ended(self) -> None:
        """Wait until the bot is to end, whoever wants that."""
        await self._stopping.wait()

    async def _until_stopped(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something that must not hold up a stop: Telegram may take its time."""
        working = asyncio.create_task(work)
        stopped = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait({working, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                working.result()
        finally:
            working.cancel()
            stopped.cancel()
            await asyncio.wait({working, stopped})

    async def _start(self) -> None:
        parts = self.parts
        if not await self._greet_telegram():
            return
        folder = self._settings.data_dir
        await clean_up(self._db, videos=folder / "videos", pictures=folder / "pictures")
        await parts.services.catalogue.restore()
        # before the chats are counted: what is set aside owes the admins a message
        await parts.intake.restore(parts.app.bot)
        chats = await parts.workers.recover()
        await parts.app.start()
        for chat in chats:
            parts.clocks.wake(chat)
        self._in_background(self._listen())
        self._in_background(self._beat())
        self._in_background(parts.workers.watch())
        self._in_background(self._look_around())
        self._in_background(self._check_up())
        every_day(
            parts.clocks.queue,
            "kept videos",
            lambda: self._in_background(
                drop_outdated(self._db, self._settings.data_dir / "videos", now=self._clock())
            ),
        )
        every_day(
            parts.clocks.queue,
            "handled updates",
            lambda: self._in_background(parts.intake.forget()),
        )
        every_day(
            parts.clocks.queue,
            "catalogue",
            lambda: self._in_background(parts.services.catalogue.refresh()),
        )

    async def _greet_telegram(self) -> bool:
        """Ask Telegram who we are, until it answers; False where it refuses the token."""
        while True:
            try:
                await self.parts.app.initialize()
            except InvalidToken:
                self._refuse_token()
                return False
            except TelegramError as error:
                logger.warning("Telegram cannot be reached: %s", error.message)
                await asyncio.sleep(RETRY_SECONDS)
            else:
                return True

    async def _listen(self) -> None:
        """Take updates; where that is in vain, end the process and say so by its exit code."""
        code = await self.parts.watchdog.keep_listening()
        if code is ExitCode.WRONG_SETTINGS:
            self._refuse_token()
        self._end(code)

    def _refuse_token(self) -> None:
        sys.stderr.write("TELEGRAM_BOT_TOKEN is refused by Telegram\n")
        self._end(ExitCode.WRONG_SETTINGS)

    def _end(self, code: ExitCode) -> None:
        self._exit = code
        self._stopping.set()

    async def _look_around(self) -> None:
        """What a start does not wait for: the operator's first words, the menu, the key."""
        parts = self.parts
        async with self._db.reading() as connection:
            admins = self._settings.admin_ids | set(await people.admins(connection))
        invitation = "" if admins else parts.services.first_admin.invite()
        first_words(self._settings, parts.app.bot.username, invitation)
        await introduction.publish(parts.app.bot, parts.services)
        try:
            await parts.api.balance()
        except HeldBack as refusal:
            if refusal.reason is HoldReason.KEY:
                sys.stderr.write("AIMLAPI_KEY is refused by the AI/ML API\n")
                self._end(ExitCode.WRONG_SETTINGS)
        except ProviderError as error:
            logger.warning("the AI/ML API does not tell its balance: %s", error)

    async def _check_up(self) -> None:
        """Log what `doctor` would warn of."""
        parts = self.parts
        await asyncio.sleep(self._times.checkup)
        await look_quietly(
            look(
                self._settings,
                get_me=parts.app.bot.get_me,
                api=parts.api,
                http=parts.http,
                media=parts.media,
                clock=self._clock,
            )
        )

    async def _beat(self) -> None:
        """Let the heart beat as long as what arrives is taken in."""
        heartbeat = Heartbeat(self._settings.data_dir / "heartbeat")
        while True:
            taken_at = self.parts.listening.taken_at
            if taken_at is not None and self._clock() - taken_at < DEAF_SECONDS:
                heartbeat.beat()
            await asyncio.sleep(BEAT_SECONDS)

    def _in_background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background_done)

    def _background_done(self, task: asyncio.Task[None]) -> None:
        self._background.discard(task)
        if not task.cancelled() and task.exception() is not None:
            logger.error("something in the background broke", exc_info=task.exception())

    async def _stop(self) -> None:
        parts = self.parts
        background = set(self._background)
        for task in background:
            task.cancel()
        try:
            async with asyncio.timeout(STOP_SECONDS):
                # first of all nothing new comes in
                await asyncio.gather(*background, return_exceptions=True)
                await asyncio.gather(parts.workers.stop(), self._stop_handling())
        except TimeoutError:
            logger.warning("not everything stopped in time; what is open goes on at the next start")
        parts.intake.close()
        with suppress(sqlite3.Error):
            await parts.intake.give_back()
        with suppress(Exception):
            await parts.app.shutdown()
        await parts.http.aclose()
        await parts.posts.aclose()
        await parts.media.close()

    async def _stop_handling(self) -> None:
        if self.parts.app.running:
            await self.parts.app.stop()
