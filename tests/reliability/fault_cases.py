"""One case of the fault tests: one person, one video, one fault, and its outcome."""

from __future__ import annotations

import asyncio
import math
import sqlite3
import time
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from bot.app import Times
from bot.updates.listening import TelegramTimeouts
from bot.updates.watchdog import WatchdogTimes
from generation.provider.client import ProviderTimeouts
from sandbox.aimlapi import AimlApiSandbox
from sandbox.telegram import TelegramSandbox
from tests.harness import ADMIN, Harness
from tests.reliability import invariants
from tests.reliability.fault_proxy import (
    Fault,
    FaultProxy,
    provider_name,
    provider_refusal,
    telegram_name,
    telegram_refusal,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from sandbox.telegram import Group, Message, Person, PrivateChat
    from tests.harness import LoggedErrors

KEY = "sandbox-key-0123456789"
FREE = 54
QUICK = Times(
    telegram=TelegramTimeouts(
        connect=1.0, silence=1.0, upload=2.0, poll=1, call_total=3.0, upload_total=3.0
    ),
    provider=ProviderTimeouts(
        submit=1.0, submit_total=2.0, ask=1.0, ask_total=2.0, fetch_total=2.0
    ),
    # skipping time makes the watchdog restart polling: a poll takes up to a second before that
    updates=WatchdogTimes(look=0.02, deaf=4, restart=1.5, longest=1.5, restarts=5),
    limits_second=0.001,
    menus=math.inf,
)
"""Short timeouts, for faults without an answer."""
UNHURRIED = replace(
    QUICK,
    telegram=replace(
        QUICK.telegram,
        connect=20.0,
        silence=20.0,
        upload=20.0,
        call_total=30.0,
        upload_total=30.0,
    ),
    provider=ProviderTimeouts(),
)
"""Long timeouts for all other faults, as a slow machine may delay answers."""


SOON = 0.2
"""Seconds for which no time is skipped."""
PATIENT_LOOKS = 15
"""Checks (one per 20 ms) after which time is skipped although something is due."""


MAX_ROW_SECONDS = 30.0
"""Seconds a case may take."""


class Clock:
    """The real time, plus the time that was skipped."""

    def __init__(self) -> None:
        self._ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self._ahead

    def skip(self, seconds: float) -> None:
        """Skip some seconds."""
        self._ahead += seconds


@dataclass(frozen=True)
class End:
    """The outcome: the last state, credits charged, accepted submissions, videos received."""

    state: str | None
    charged: int
    submissions: int
    copies: int


class Scene:
    """A person with the bot, whose calls to both servers pass fault proxies."""

    def __init__(
        self, harness: Harness, proxies: tuple[FaultProxy, FaultProxy], clock: Clock
    ) -> None:
        self.harness = harness
        self.to_telegram, self.to_provider = proxies
        self.clock = clock
        self.looks = 1
        self.ann: Person = harness.telegram.person("Ann", username="ann")
        self.chat: PrivateChat | Group = harness.telegram.private(self.ann)

    async def started(self) -> None:
        """Wait for the balance request of the start, as cases have faults of that call too."""
        async with asyncio.timeout(20):
            while not self.to_provider.calls["billing"]:
                await asyncio.sleep(0.01)

    def press(self, message: Message, text: str) -> None:
        """Press a button without waiting for the answer, which may not come."""
        pressing = asyncio.ensure_future(message.press(text, timeout=0.1))
        pressing.add_done_callback(lambda done: done.cancelled() or done.exception())

    async def settle(self) -> End:
        """Skip time until no work is left, except for generations parked for a day."""
        # one connection, as opening the file at each check takes as long as the bot's own work
        with closing(sqlite3.connect(self.harness.data / "bot.sqlite3")) as database:
            async with asyncio.timeout(MAX_ROW_SECONDS):
                while not self._is_done(database):
                    await asyncio.sleep(0.02)
                    self._go_on(database)
        return self._end()

    def _is_done(self, database: sqlite3.Connection) -> bool:
        if self.to_telegram.is_armed or self.to_provider.is_armed:
            return False
        return not invariants.unfinished(database)

    def _go_on(self, database: sqlite3.Connection) -> None:
        """Skip time to the next due work, and wake the bot."""
        now = self.clock()
        dues = [
            row[0]
            for row in database.execute(
                "SELECT due_at FROM generations WHERE state IN"
                " ('queued', 'submitting', 'unknown', 'generating', 'ready')"
                " UNION ALL SELECT due_at FROM notices WHERE sent_at IS NULL AND NOT given_up"
                " UNION ALL SELECT probe_at FROM outages WHERE ended_at IS NULL"
            )
        ]
        later = [due for due in dues if due > now + SOON]
        if later and (len(later) == len(dues) or self.looks % PATIENT_LOOKS == 0):
            # due work that does not proceed waits for something else, such as the end of an outage
            self.clock.skip(min(later) - now)
        self.looks += 1
        if self.harness.bot is not None:
            self.harness.bot.wake(1)

    def _end(self) -> End:
        with closing(sqlite3.connect(self.harness.data / "bot.sqlite3")) as database:
            wrong = [
                *invariants.wrong_always(database),
                *invariants.unfinished(database),
                *invariants.overdrawn(database, FREE),
                *invariants.damaged(database),
            ]
            assert wrong == []
            for was, state, reason in database.execute("SELECT was, state, reason FROM events"):
                print(f"{was} → {state}: {reason}")  # noqa: T201 - shown by pytest if a case fails
            states = [row[0] for row in database.execute("SELECT state FROM generations")]
            charged = sum(
                row[0]
                for row in database.execute("SELECT credits FROM ledger WHERE kind = 'capture'")
            )
        assert len(states) <= 1
        return End(
            states[0] if states else None,
            charged,
            len([one for one in self.harness.provider.submissions if one.accepted]),
            len([m for m in self.chat.from_bot if m.video or m.document]),
        )


@asynccontextmanager
async def scene(
    data: Path, errors: LoggedErrors, fault: Fault | None = None
) -> AsyncIterator[Scene]:
    """Run the bot with both sandboxes behind fault proxies, with timeouts suited to the fault."""
    times = QUICK if fault in {Fault.HANG, Fault.ENDLESS} else UNHURRIED
    clock = Clock()
    async with (
        TelegramSandbox(clock=clock) as telegram,
        AimlApiSandbox(key=KEY, render_seconds=0.0, clock=clock) as provider,
        FaultProxy(telegram.url, telegram_name, telegram_refusal) as to_telegram,
        FaultProxy(provider.url, provider_name, provider_refusal) as to_provider,
    ):
        provider.url = to_provider.url  # so that its links lead through the proxy
        telegram.private(telegram.person("Olga", user_id=ADMIN))
        harness = Harness(telegram, provider, data, errors)
        settings: dict[str, Any] = {
            "telegram_api_url": to_telegram.url,
            "aimlapi_url": to_provider.url,
            "poll_interval_seconds": 0.1,
            "unknown_grace_seconds": 30,
        }
        async with harness.running(times=times, clock=clock, **settings):
            here = Scene(harness, (to_telegram, to_provider), clock)
            await here.started()
            yield here
