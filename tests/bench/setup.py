"""The stand-in servers and a bot beside them, as the benches start them."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.bench.servers import TOKEN

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import AsyncIterator

TICKS = os.sysconf("SC_CLK_TCK")
MAX_LINE_BYTES = 1 << 24


class Servers:
    """The stand-in servers."""

    def __init__(self, process: Process, telegram: str, provider: str) -> None:
        self._process = process
        self.telegram, self.provider = telegram, provider
        self._next = 1

    async def tell(self, do: str, **order: Any) -> dict[str, Any]:
        """Give an order; returns what was counted until then."""
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise RuntimeError("pipes were asked for")
        stdin.write(json.dumps({"do": do, **order}).encode() + b"\n")
        await stdin.drain()
        figures: dict[str, Any] = json.loads(await stdout.readline())
        return figures

    async def send(self, text: str, count: int) -> int:
        """Let as many people say something, each in a chat of their own; returns the first's."""
        first = self._next
        self._next += count
        await self.tell("send", text=text, first=first, count=count)
        return first

    async def until(
        self, call: str, count: int, within: float = 300.0, *, every: float = 0.1
    ) -> dict[str, Any]:
        """Wait until a call was made so often."""
        ends = time.monotonic() + within
        while True:
            figures = await self.tell("look")
            if figures["calls"].get(call, 0) >= count:
                return figures
            if time.monotonic() > ends:
                raise TimeoutError(f"{figures['calls']} after {within:.0f} s")
            await asyncio.sleep(every)


@asynccontextmanager
async def servers() -> AsyncIterator[Servers]:
    """Run the stand-in servers."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench.servers",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=MAX_LINE_BYTES,
    )  # fmt: skip
    if process.stdout is None:
        raise RuntimeError("a pipe was asked for")
    ports = json.loads(await process.stdout.readline())
    telegram, provider = (f"http://127.0.0.1:{ports[one]}" for one in ("telegram", "provider"))
    try:
        yield Servers(process, telegram, provider)
    finally:
        process.kill()
        await process.wait()


@asynccontextmanager
async def bot(at: Servers, data: Path, *command: str, **settings: str) -> AsyncIterator[Process]:
    """Run a bot: ours, or what the command says."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", *(command or ("bot", "run")),
        env={
            "PATH": os.environ["PATH"],
            "TELEGRAM_BOT_TOKEN": TOKEN,
            "TELEGRAM_API_URL": at.telegram,
            "AIMLAPI_KEY": "bench-key-0123456789",
            "AIMLAPI_URL": at.provider,
            "DATA_DIR": str(data),
            "UNDO_SECONDS": "0",
            "BUDGET_USD": "1000000",
            "PROVIDER_SLOTS": "10000",
            "LOG_LEVEL": "WARNING",
        }
        | settings,
        stderr=sys.stderr if os.environ.get("BENCH_STDERR") else asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


def cpu(pid: int) -> float:
    """Return the seconds of processor time a process has used, as the system counts them."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS
