"""One life of the bot in virtual time: the real rooms and workers over stand-ins."""

from __future__ import annotations

import asyncio
import logging
import traceback
from typing import TYPE_CHECKING, Any, cast

import httpx
from pydantic import SecretStr

from bot.rooms import Ground, furnish
from bot.settings.definition import Settings
from bot.times import Times
from bot.workers import Workers
from generation.media.videos import clean_up
from generation.models.availability import Feeds
from generation.models.catalogue import Catalogue
from generation.models.cooldowns import Rests
from generation.provider.client import AimlApi
from sandbox.telegram.sandbox import TOKEN
from storage.admins import Admins
from tests.simulation.media import StandInMedia
from tests.simulation.provider import URL
from tests.simulation.telegram import StandInBot, StandInOutbox
from tests.simulation.virtual import open_database

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from pathlib import Path

    from generation.models.offer import Offer
    from handlers.replies.language import Languages
    from tests.simulation.provider import Provider
    from tests.simulation.telegram import Telegram
    from tests.simulation.virtual import DirectConnection, VirtualLoop
    from tests.simulation.weather import Weather

ADMIN = 900_001
KEY = "stand-in-key-0123456789"


class Clocks:
    """Wakes chats as `bot.jobs.ChatClocks` does, on the loop's timers instead of APScheduler."""

    def __init__(
        self, life: Life, start_due: Callable[[int], Coroutine[Any, Any, float | None]]
    ) -> None:
        self._life = life
        self._start_due = start_due
        self._timers: dict[int, asyncio.TimerHandle] = {}
        self._ringing: set[int] = set()
        self._woken: set[int] = set()
        self._stopped = False

    def wake(self, chat: int) -> None:
        if chat in self._ringing:
            self._woken.add(chat)
        else:
            self._set(chat, 0.0)

    def stop(self) -> None:
        self._stopped = True
        for timer in self._timers.values():
            timer.cancel()

    def _set(self, chat: int, wait: float) -> None:
        if self._stopped:
            return  # what is dropped in the end wakes nobody any more
        timer = self._timers.pop(chat, None)
        if timer is not None:
            timer.cancel()
        loop = asyncio.get_running_loop()
        self._timers[chat] = loop.call_later(wait, lambda: self._life.do(self._ring(chat)))

    async def _ring(self, chat: int) -> None:
        self._timers.pop(chat, None)
        if chat in self._ringing:
            self._woken.add(chat)
            return
        self._ringing.add(chat)
        wait = None
        try:
            wait = await self._start_due(chat)
        finally:
            self._ringing.discard(chat)
        if chat in self._woken:
            self._woken.discard(chat)
            wait = 0.0
        if wait is not None:
            self._set(chat, wait)


class Life:
    """From one start to the kill that ends it."""

    def __init__(
        self, folder: Path, weather: Weather, provider: Provider, telegram: Telegram, *,
        offer: Offer, languages: Languages, clock: Callable[[], float],
    ) -> None:  # fmt: skip
        self._folder = folder
        self._weather = weather
        self._provider = provider
        self._telegram = telegram
        self.offer = offer
        self._languages = languages
        self.clock = clock
        self._before: set[asyncio.Task[Any]] = set()
        self._connection: DirectConnection
        self._tasks: set[asyncio.Task[None]] = set()
        self._killed = False
        self.broken: list[str] = []

    async def begin(self) -> None:
        """Start as `bot.lifecycle` does: clear up, recover, wake every chat that waits."""
        self._before = asyncio.all_tasks()
        self.db, self._connection = await open_database(
            self._folder / "bot.sqlite3", self._weather.dice
        )
        videos, pictures = self._folder / "videos", self._folder / "pictures"
        await clean_up(self.db, videos=videos, pictures=pictures)
        http = httpx.AsyncClient(transport=httpx.MockTransport(self._provider.answer))
        bot: Any = StandInBot(self._weather)
        self.outbox = StandInOutbox(self._telegram, bot)
        settings = Settings(
            telegram_bot_token=SecretStr(TOKEN),
            aimlapi_key=SecretStr(KEY),
            aimlapi_url=URL,
            data_dir=self._folder,
            admin_ids=frozenset({ADMIN}),
        )
        admins = Admins(settings.admin_ids, wake=lambda chat: self.wake(chat))  # noqa: PLW0108 - made further down
        rests = Rests(admins, self.clock)
        catalogue = Catalogue(
            db=self.db, feeds=Feeds(http, url=URL), known=self.offer, names=settings.models,
            rests=rests, admins=admins, clock=self.clock,
        )  # fmt: skip
        await catalogue.restore()
        rooms = furnish(
            Ground(
                admins=admins,
                rests=rests,
                catalogue=catalogue,
                settings=settings,
                db=self.db,
                bot=bot,
                outbox=self.outbox,
                api=AimlApi(http, url=URL, key=SecretStr(KEY)),
                http=http,
                media=StandInMedia(self._weather),
                offer=self.offer,
                languages=self._languages,
                times=Times(),
                clock=self.clock,
            )
        )
        self.status = rooms.status
        workers = Workers(db=self.db, rooms=rooms, slots=50, clock=self.clock)
        self._clocks = Clocks(self, workers.start_due)
        self.wake = workers.wake = self._clocks.wake
        for chat in await workers.recover():
            self.wake(chat)
        self.do(workers.watch())

    def do(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something in this life; it ends with it."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not self._killed and not task.cancelled() and (error := task.exception()):
            self.broken += traceback.format_exception(error)[-4:]

    async def kill(self) -> None:
        """End at once: nothing is written any more, whatever was under way is dropped."""
        self._killed = True
        self._clocks.stop()
        self._connection.cut()
        # a process that is killed tidies nothing up, and says nothing of what it could not
        logging.disable()
        ended = asyncio.all_tasks() - self._before - {asyncio.current_task()}
        numbers = cast("VirtualLoop", asyncio.get_running_loop()).numbers
        # a set's order is that of addresses, and no seed would bring it back
        for task in sorted(ended, key=numbers.__getitem__):
            task.cancel()
        await asyncio.gather(*ended, return_exceptions=True)
        logging.disable(logging.NOTSET)
