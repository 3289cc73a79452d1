"""The real bot, run in the test's process against both sandboxes."""

from __future__ import annotations

import asyncio
import itertools
import logging
import math
import os
import random
import socket
import time
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from pydantic import SecretStr

from bot.app import Bot, Times
from bot.lifecycle import serve
from bot.settings.definition import Settings
from storage.database import Database
from tests.databases import begin

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from bot.process import ExitCode
    from handlers.context import Services
    from handlers.replies.texts import Languages
    from sandbox.aimlapi import AimlApiSandbox
    from sandbox.telegram import TelegramSandbox

ADMIN = 900_001
"""The user id of the operator in tests."""


QUICK = Times(limits_second=0.001, menus=math.inf)
"""The times of most tests: no waiting for Telegram's flood limits, and no menus."""
WITH_MENUS = replace(QUICK, menus=0.0)

HARMLESS = (
    # python-telegram-bot logs this for updates received during its stop, which are received again
    "Updater stopped unexpectedly",
)


def free_port() -> int:
    """Return a free port below the range from which the system assigns ports to connections."""
    numbers = random.Random(os.getpid() * 1000 + next(_calls))
    while True:
        port = numbers.randrange(20_000, 32_000)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


_calls = itertools.count()


def zone_at_noon() -> ZoneInfo:
    """Return a time zone where it is about noon now, so that no day ends during a test."""
    hour = int(time.time() % 86_400 // 3600)
    return ZoneInfo(f"Etc/GMT{hour - 12:+d}")


class LoggedErrors(logging.Handler):
    """Collects the errors the bot logs; those a test does not expect fail it."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.records: list[logging.LogRecord] = []
        self.expected: list[str] = list(HARMLESS)

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)

    def expect(self, words: str) -> None:
        """Allow errors whose text contains this."""
        self.expected.append(words)

    @property
    def unexpected(self) -> list[str]:
        """The unexpected errors with their tracebacks."""
        texts = [logging.Formatter("%(name)s: %(message)s").format(one) for one in self.records]
        return [text for text in texts if not any(words in text for words in self.expected)]


class Harness:
    """The sandboxes, the data folder and the running bot of a test of the whole bot.

    The bot may be run several times.
    """

    def __init__(
        self, telegram: TelegramSandbox, provider: AimlApiSandbox, data: Path, errors: LoggedErrors
    ) -> None:
        self.telegram = telegram
        self.provider = provider
        self.data = data
        self.errors = errors
        self.bot: Bot | None = None
        self.stopping = asyncio.Event()
        self.exit_code: ExitCode | None = None
        self.database: type[Database] = Database
        self.flush_seconds = 0.25
        self._polls_before = 0

    def settings(self, **changes: Any) -> Settings:
        """Return settings for the sandboxes, with shorter times than in production."""
        values: dict[str, Any] = {
            "telegram_bot_token": SecretStr(self.telegram.token),
            "telegram_api_url": self.telegram.url,
            "aimlapi_key": SecretStr(self.provider.key),
            "aimlapi_url": self.provider.url,
            "data_dir": self.data,
            "admin_ids": frozenset({ADMIN}),
            "poll_interval_seconds": 0.1,
            "timezone": zone_at_noon(),
            "budget_usd": None,
            "undo_seconds": 0,
        }
        return Settings(**(values | changes))

    @property
    def services(self) -> Services:
        """The services of the running bot."""
        if self.bot is None:
            raise RuntimeError("the bot is not running")
        return self.bot.services

    @property
    def db(self) -> Database:
        """The database of the running bot."""
        return self.services.db

    @asynccontextmanager
    async def running(
        self,
        *,
        languages: Languages | None = None,
        times: Times = QUICK,
        clock: Callable[[], float] = time.time,
        uptime: Callable[[], float] | None = None,
        **changes: Any,
    ) -> AsyncIterator[Bot]:
        """Run the bot as `python -m bot run` does, and stop it at the end as a signal does."""
        self._polls_before = self._count_polls()
        file = begin(self.data / "bot.sqlite3")
        db = await self.database.open(file, flush_seconds=self.flush_seconds)
        self.stopping = stopping = asyncio.Event()
        self.bot = Bot(
            self.settings(**changes), db, languages=languages, times=times, clock=clock,
            uptime=uptime,
        )  # fmt: skip
        life = asyncio.create_task(serve(self.bot, stopping))
        try:
            await self._wait_for_poll(life)
            yield self.bot
        finally:
            stopping.set()
            try:
                self.exit_code = await asyncio.wait_for(life, 10)
            finally:
                await db.close()
                self.bot = None

    async def _wait_for_poll(self, life: asyncio.Task[Any]) -> None:
        async with asyncio.timeout(10):
            while self._count_polls() <= self._polls_before:
                if life.done():
                    raise RuntimeError(f"the bot ended at once: {life.result()}")
                await asyncio.sleep(0.01)

    def _count_polls(self) -> int:
        """Count the bot's calls for updates, or for the state of its webhook."""
        return sum(
            len(self.telegram.calls_of(method)) for method in ("getUpdates", "getWebhookInfo")
        )
