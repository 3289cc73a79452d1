"""The real bot, wired as for an operator, run against both sandboxes."""

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
"""Most tests keep no flood limits of Telegram's, so nobody waits for them, and look at no menu."""
WITH_MENUS = replace(QUICK, menus=0.0)

HARMLESS = (
    # python-telegram-bot's word for updates that came while it was being stopped: they come again
    "Updater stopped unexpectedly",
)


def free_port() -> int:
    """Return a port nobody listens at, of those that no connection is given by itself."""
    numbers = random.Random(os.getpid() * 1000 + next(_tries))
    while True:
        port = numbers.randrange(20_000, 32_000)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


_tries = itertools.count()


class Breakage(logging.Handler):
    """Collects what the bot logs as an error: a test that did not expect it fails."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.records: list[logging.LogRecord] = []
        self.expected: list[str] = list(HARMLESS)

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)

    def expect(self, words: str) -> None:
        """Allow errors whose text holds these words."""
        self.expected.append(words)

    @property
    def unexpected(self) -> list[str]:
        """What was logged and not expected, with its traceback."""
        texts = [logging.Formatter("%(name)s: %(message)s").format(one) for one in self.records]
        return [text for text in texts if not any(words in text for words in self.expected)]


class House:
    """Everything a test of the whole bot holds; the sandboxes outlive the bot's lives."""

    def __init__(
        self, telegram: TelegramSandbox, provider: AimlApiSandbox, data: Path, errors: Breakage
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
        self._asked = 0

    def settings(self, **changes: Any) -> Settings:
        """Return settings that point at the sandboxes, quick where production is patient."""
        values: dict[str, Any] = {
            "telegram_bot_token": SecretStr(self.telegram.token),
            "telegram_api_url": self.telegram.url,
            "aimlapi_key": SecretStr(self.provider.key),
            "aimlapi_url": self.provider.url,
            "data_dir": self.data,
            "admin_ids": frozenset({ADMIN}),
            "poll_interval_seconds": 0.1,
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
        """Run the bot for a while, as `python -m bot run` does, and stop it as a signal does."""
        self._asked = self._times_asked()
        file = begin(self.data / "bot.sqlite3")
        db = await self.database.open(file, flush_seconds=self.flush_seconds)
        self.stopping = stopping = asyncio.Event()
        self.bot = Bot(
            self.settings(**changes), db, languages=languages, times=times, clock=clock,
            uptime=uptime,
        )  # fmt: skip
        life = asyncio.create_task(serve(self.bot, stopping))
        try:
            await self._until_it_listens(life)
            yield self.bot
        finally:
            stopping.set()
            try:
                self.exit_code = await asyncio.wait_for(life, 10)
            finally:
                await db.close()
                self.bot = None

    async def _until_it_listens(self, life: asyncio.Task[Any]) -> None:
        async with asyncio.timeout(10):
            while self._times_asked() <= self._asked:
                if life.done():
                    raise RuntimeError(f"the bot ended at once: {life.result()}")
                await asyncio.sleep(0.01)

    def _times_asked(self) -> int:
        """Count how often the bot asked for updates, or how a webhook goes."""
        return sum(
            len(self.telegram.calls_of(method)) for method in ("getUpdates", "getWebhookInfo")
        )
