"""Runs the bot in processes that kill themselves, and checks what they leave behind."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
import sys
import time
from contextlib import AsyncExitStack, asynccontextmanager, closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from sandbox.aimlapi import AimlApiSandbox
from sandbox.telegram import TelegramSandbox
from tests.harness import ADMIN
from tests.reliability import invariants

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import AsyncIterator

ROOT = Path(__file__).parents[2]
KILLED = -signal.SIGKILL
PATIENCE = 20.0
"""Seconds for a run to finish open work; it takes one or two."""
BEFORE_WORK = ("intake.restore", "lifecycle._prune", "POST getUpdates")
"""Points every start reaches before it works on requests."""


class BotLauncher:
    """Starts the bot, one process at a time, by `crashing_bot`."""

    def __init__(self, process: Process) -> None:
        self._process = process

    @classmethod
    @asynccontextmanager
    async def open(cls) -> AsyncIterator[Self]:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.reliability.crashing_bot",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, cwd=ROOT,
        )  # fmt: skip
        try:
            yield cls(process)
        finally:
            assert process.stdin is not None
            process.stdin.close()
            await process.wait()

    async def begin(self, environment: dict[str, str]) -> int:
        """Start the bot; return the process's id."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(environment).encode() + b"\n")
        return await self._number()

    async def ended(self) -> int:
        """Wait for the end of the process; return its exit code, a signal as a negative number."""
        return await self._number()

    async def _number(self) -> int:
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        assert line, "the launcher failed; its output is above"
        return int(line)


@dataclass(frozen=True)
class Point:
    """A point that a process reached, in seconds after its start."""

    at: float
    name: str


class CrashSetup:
    """Both sandboxes and the data folder of a crash test, which outlive the bot's processes."""

    def __init__(
        self,
        telegram: TelegramSandbox,
        provider: AimlApiSandbox,
        folder: Path,
        launcher: BotLauncher,
    ) -> None:
        self.telegram = telegram
        self.provider = provider
        self.folder = folder
        self._launcher = launcher
        self.settings = dict[str, str]()
        """Additional settings of later processes."""
        self._processes = 0
        self._resumed: dict[int, float] = {}
        self.unknown_sends = 0
        """Processes that ended after a video was sent and before its arrival was stored."""

    @classmethod
    @asynccontextmanager
    async def open(cls, folder: Path, launcher: BotLauncher) -> AsyncIterator[Self]:
        """Start the sandboxes and create the folder, with one for temporary files in it."""
        (folder / "tmp").mkdir(parents=True)
        async with AsyncExitStack() as stack:
            telegram = await stack.enter_async_context(TelegramSandbox())
            provider = await stack.enter_async_context(AimlApiSandbox(key="sandbox-key-0123456789"))
            provider.render_seconds = 0.05
            yield cls(telegram, provider, folder, launcher)

    async def run_process(
        self, crash_at: str = "", *, until: asyncio.Task[None] | None = None
    ) -> bool:
        """Run the bot until no work is open or the point is reached; return whether it was reached.

        `until` is a task with the actions of people; the bot runs at least until it ends.
        """
        sent = len(self.telegram.calls_of("sendVideo"))
        had_work = bool(self._processes and self.open_work())
        self._processes += 1
        began = time.monotonic()
        pid = await self._launcher.begin(
            {
                "PATH": os.environ["PATH"],
                "TELEGRAM_BOT_TOKEN": self.telegram.token,
                "TELEGRAM_API_URL": self.telegram.url,
                "AIMLAPI_KEY": self.provider.key,
                "AIMLAPI_URL": self.provider.url,
                "ADMIN_IDS": str(ADMIN),
                "TMPDIR": str(self.folder / "tmp"),
                "DATA_DIR": str(self.folder),
                "POLL_INTERVAL_SECONDS": "0.1",
                "UNDO_SECONDS": "0",
                "UNKNOWN_GRACE_SECONDS": "1",
                "CRASH_AT": crash_at,
                "TRACE": str(self._trace(self._processes)),
                "LOG": str(self.folder / "log"),
                **self.settings,
            }
        )
        ending = asyncio.create_task(self._launcher.ended())
        done = asyncio.create_task(self._until_done(until))
        try:
            await asyncio.wait({ending, done}, return_when=asyncio.FIRST_COMPLETED)
            if not ending.done():
                _kill(pid)
                done.result()  # raises with the work left after a timeout
                if had_work:
                    self._resumed[self._processes] = time.monotonic() - began
                await ending
                return False
            assert ending.result() == KILLED, f"the bot ended by itself:\n{self.log()}"
            if len(self.telegram.calls_of("sendVideo")) > sent and self._is_sending():
                self.unknown_sends += 1
            return True
        finally:
            done.cancel()
            if not ending.done():
                _kill(pid)
            await ending

    def _is_sending(self) -> bool:
        with closing(self.database()) as database:
            begun = database.execute("SELECT 1 FROM generations WHERE send_started_at IS NOT NULL")
            return begun.fetchone() is not None

    def points(self, process: int = -1) -> list[Point]:
        """Return the points that a process reached, by default the last one."""
        lines = self._trace(process if process > 0 else self._processes).read_text().splitlines()
        return [Point(float(at), name) for at, _, name in (line.partition(" ") for line in lines)]

    def delays(self) -> dict[int, float]:
        """Return, by process, the seconds until it resumed the open work that it finished.

        Deleting files at the start is no point: a process with only that to do has no such point.
        """
        return {process: self._first_work(process, done) for process, done in self._resumed.items()}

    def _first_work(self, process: int, otherwise: float) -> float:
        works = (p.at for p in self.points(process) if not p.name.startswith(BEFORE_WORK))
        return next(works, otherwise)

    def files(self) -> list[Path]:
        """Return the temporary files, videos and pictures."""
        found: list[Path] = []
        for folder in (self.folder / "tmp", self.folder / "videos", self.folder / "pictures"):
            with suppress(FileNotFoundError):  # the bot may delete it meanwhile
                found += folder.iterdir()
        return found

    def log(self) -> str:
        """Return the end of the log of all processes."""
        return (self.folder / "log").read_text()[-6000:]

    def database(self) -> sqlite3.Connection:
        """Open the bot's database for reading."""
        return sqlite3.connect(f"file:{self.folder / 'bot.sqlite3'}?mode=ro", uri=True)

    def open_work(self) -> list[str]:
        """Return the open work: in the database, on the disk, and unconfirmed updates."""
        if self.telegram.world.updates:
            return ["an update Telegram was not told is received"]
        try:
            with closing(self.database()) as database:
                kept = database.execute("SELECT 1 FROM generations WHERE state = 'undeliverable'")
                lying = [] if kept.fetchone() else [f"on the disk: {one}" for one in self.files()]
                return invariants.unfinished(database) + lying
        except sqlite3.OperationalError as error:
            return [f"there is no database yet: {error}"]

    async def _until_done(self, people: asyncio.Task[None] | None) -> None:
        left: list[str] = []
        try:
            async with asyncio.timeout(PATIENCE):
                while (people is not None and not people.done()) or (left := self.open_work()):
                    await asyncio.sleep(0.03)
        except TimeoutError:
            raise AssertionError(f"not done after {PATIENCE:g} s: {left}\n{self.log()}") from None

    def _trace(self, process: int) -> Path:
        return self.folder / f"trace-{process}"


def _kill(pid: int) -> None:
    """Kill a process, which may have ended already."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
