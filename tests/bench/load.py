"""What the bot costs under load, beside a bare echo bot: `python -m tests.bench.load`.

Both run as processes of their own against the same stand-in servers, which check nothing (see
`tests.bench.servers`), one after the other in the same run. `--json FILE` writes the figures with
machine, versions and date; `--long` delivers for five minutes instead of one.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.bench.lag import lags
from tests.bench.memory import MEGABYTE, resident, watched
from tests.bench.setup import bot, cpu, servers
from tests.generation.media.videos.films import Film, append_free_space

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import AsyncIterator

    from tests.bench.setup import Servers

ECHO = "tests.bench.echo"
RUNS = 5
SETTLED_SECONDS = 3.0
"""How long after its first getUpdates a bot is at rest."""
QUOTA, ORDER = "/quota", "/video a cat on a boat"
CROWDS = (300, 1500, 2700)
PENDING = (100, 300, 1000, 2700, 5000)
PATIENCE_SECONDS = 300.0
"""How long a crowd may take to be accepted."""
PROBES = 100
"""How many ask /quota while many wait, five a second."""
SHARED_MEMORY = "/dev/shm"  # noqa: S108 - the disk of this machine is not what is measured


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure, and the limit it has to keep where there is one."""

    what: str
    value: float
    unit: str
    at_most: float | None = None
    at_least: float | None = None

    @property
    def verdict(self) -> str:
        """Whether the limit is kept; "" where there is none."""
        if self.at_most is not None:
            return f"at most {self.at_most:g}: {'kept' if self.value <= self.at_most else 'MISSED'}"
        if self.at_least is not None:
            is_kept = self.value >= self.at_least
            return f"at least {self.at_least:g}: {'kept' if is_kept else 'MISSED'}"
        return ""


@dataclass(frozen=True, slots=True)
class Rate:
    """How many updates a bot got through in a second, and its processor time for each, in ms."""

    per_second: float
    cpu_ms: float


@asynccontextmanager
async def at_rest(at: Servers, *command: str, **settings: str) -> AsyncIterator[Process]:
    """Run a bot that was started some seconds ago and has met somebody."""
    with tempfile.TemporaryDirectory(dir=SHARED_MEMORY) as data:
        await at.tell("reset")
        await at.tell("set", latency=0.0, render_seconds=1e9)
        async with bot(at, Path(data) / "data", *command, **settings) as running:
            await at.until("getUpdates", 1)
            await at.send("/help", 20)
            await at.until("sendMessage", 20)
            await asyncio.sleep(1.0)
            await at.tell("reset")
            yield running


async def rate(
    at: Servers, count: int, text: str, call: str, *command: str, latency: float = 0.0
) -> Rate:
    """Let a crowd say something all at once, and wait until each has the call made for them."""
    async with at_rest(at, *command) as running:
        await at.tell("set", latency=latency)
        before = cpu(running.pid)
        await at.send(text, count)
        figures = await at.until(call, count)
        used = cpu(running.pid) - before
        return Rate(count / (figures["last"][call] - figures["given"]), 1000 * used / count)


async def starts(at: Servers, *command: str) -> tuple[float, float]:
    """Return the seconds to the first getUpdates, and the megabytes at rest."""
    with tempfile.TemporaryDirectory() as data:
        await at.tell("reset")
        began = (await at.tell("look"))["now"]
        async with bot(at, Path(data) / "data", *command) as running:
            figures = await at.until("getUpdates", 1, every=0.01)
            took = figures["last"]["getUpdates"] - began
            await asyncio.sleep(SETTLED_SECONDS)
            return took, resident(running.pid) / MEGABYTE


async def measure_starts(at: Servers) -> list[Figure]:
    """Start both bots in turn."""
    ours, echos = [], []
    for _ in range(RUNS):
        echos.append(await starts(at, ECHO, "1"))
        ours.append(await starts(at))
    (start, rest), (echo_start, echo_rest) = (
        map(statistics.median, zip(*one, strict=True)) for one in (ours, echos)
    )
    return [
        Figure("start to first getUpdates", start, "s"),
        Figure("the same, echo bot", echo_start, "s"),
        Figure("ratio", start / echo_start, "x", at_most=1.5),
        Figure("memory at rest", rest, "MB"),
        Figure("the same, echo bot", echo_rest, "MB"),
        Figure("ratio", rest / echo_rest, "x", at_most=1.5),
    ]


async def measure_rates(at: Servers) -> list[Figure]:
    """Let crowds of several sizes ask and order, and echo as much."""
    found = list[Figure]()
    orders = list[float]()
    for crowd in CROWDS:
        echo = await rate(at, crowd, "hello", "sendMessage", ECHO, "1")
        quota = await rate(at, crowd, QUOTA, "sendMessage")
        order = await rate(at, crowd, ORDER, "submit")
        orders.append(order.per_second)
        found += [
            Figure(f"{crowd} chats: echo bot", echo.per_second, "/s"),
            Figure(f"{crowd} chats: echo bot, CPU of each", echo.cpu_ms, "ms"),
            Figure(f"{crowd} chats: /quota", quota.per_second, "/s"),
            Figure(f"{crowd} chats: /quota, CPU of each", quota.cpu_ms, "ms"),
            Figure("ratio", quota.per_second / echo.per_second, "x", at_least=0.6),
            Figure(f"{crowd} chats: /video", order.per_second, "/s"),
            Figure(f"{crowd} chats: /video, CPU of each", order.cpu_ms, "ms"),
            Figure("ratio", order.per_second / echo.per_second, "x", at_least=0.25),
        ]
    found.append(Figure("/video, most chats to fewest", orders[-1] / orders[0], "x", at_least=0.8))
    echo = await rate(at, CROWDS[0] * 5, "hello", "sendMessage", ECHO, "32", latency=0.05)
    quota = await rate(at, CROWDS[0] * 5, QUOTA, "sendMessage", latency=0.05)
    return [
        *found,
        Figure("echo bot, 32 at once, answers after 50 ms", echo.per_second, "/s"),
        Figure("/quota, answers after 50 ms", quota.per_second, "/s"),
        Figure("ratio", quota.per_second / echo.per_second, "x", at_least=1.3),
    ]


async def measure_pending(at: Servers, count: int) -> list[Figure]:
    """Have many wait for their videos, and others ask what they have left meanwhile."""
    with tempfile.NamedTemporaryFile(dir=SHARED_MEMORY) as file:
        return await _with_pending(at, count, Path(file.name))


async def _with_pending(at: Servers, count: int, lag_file: Path) -> list[Figure]:
    async with at_rest(at, "tests.bench.lag", LAG_FILE=str(lag_file)) as running:
        before = cpu(running.pid)
        await at.send(ORDER, count)
        try:
            figures = await at.until("submit", count, within=PATIENCE_SECONDS)
        except TimeoutError:
            figures = await at.tell("look")
            taken = figures["calls"].get("submit", 0)
            what = f"{count} pending: submitted in {PATIENCE_SECONDS:.0f} s"
            return [Figure(what, taken, f"of {count}", at_least=count)]
        accepted = figures["last"]["submit"] - figures["given"]
        accepting = cpu(running.pid) - before
        await at.tell("reset")
        before, began = cpu(running.pid), time.monotonic()
        first = await at.send(QUOTA, 1)
        for _ in range(PROBES - 1):
            await asyncio.sleep(0.2)
            await at.send(QUOTA, 1)
        await asyncio.sleep(1.0)
        figures = await at.tell("look")
        took = time.monotonic() - began
        waits = sorted(1000 * wait for chat, wait in figures["waits"] if chat >= first)
        core = 100 * (cpu(running.pid) - before) / took
        late = lags(lag_file, since=began)
        is_largest_asked = count == 2700
        return [
            Figure(f"{count} pending: accepted and submitted in", accepted, "s"),
            Figure("processor time of each", 1000 * accepting / count, "ms"),
            Figure("/quota meanwhile, median", statistics.median(waits), "ms"),
            Figure("/quota meanwhile, p99", waits[int(len(waits) * 0.99)], "ms",
                   at_most=200 if is_largest_asked else None),
            Figure("answered", len(waits), f"of {PROBES}", at_least=PROBES),
            Figure("lag of the event loop, p99", 1000 * late[int(len(late) * 0.99)], "ms"),
            Figure("the longest", 1000 * late[-1], "ms"),
            Figure("polls", figures["calls"].get("poll", 0) / took, "/s"),
            Figure("processor", core, "% of a core", at_most=100 if is_largest_asked else None),
            Figure("memory", resident(running.pid) / MEGABYTE, "MB",
                   at_most=250 if is_largest_asked else None),
        ]  # fmt: skip


async def measure_deliveries(at: Servers, seconds: float) -> list[Figure]:
    """Have 30 videos of 3 MB become ready each second."""
    rate_wanted, render = 30, 20.0
    with tempfile.TemporaryDirectory() as folder:
        film = Film(width=1280, height=720, frames=96).make(Path(folder))
        append_free_space(film, 3_000_000 - film.stat().st_size)
        async with at_rest(at) as running:
            await at.tell("set", video=str(film), render_seconds=render)
            for _ in range(round(seconds)):
                began = time.monotonic()
                await at.send(ORDER, rate_wanted)
                await asyncio.sleep(max(0.0, began + 1.0 - time.monotonic()))
            await at.tell("reset")
            before, began = cpu(running.pid), time.monotonic()
            window = min(seconds, 60.0)
            for _ in range(round(window)):
                if seconds > render:
                    await at.send(ORDER, rate_wanted)
                await asyncio.sleep(1.0)
            figures = await at.tell("look")
            took = time.monotonic() - began
            return [
                Figure(
                    "deliveries of 3 MB, 30 a second wanted",
                    figures["calls"].get("sendVideo", 0) / took, "/s", at_least=30,
                ),
                Figure("processor, the bot alone", 100 * (cpu(running.pid) - before) / took, "%"),
                Figure("memory then", resident(running.pid) / MEGABYTE, "MB"),
            ]  # fmt: skip


async def measure_large(at: Servers) -> list[Figure]:
    """Have ten videos of 45 MB uploaded at once."""
    with tempfile.TemporaryDirectory() as folder:
        film = Film(width=1280, height=720, frames=96).make(Path(folder))
        append_free_space(film, 45_000_000 - film.stat().st_size)
        async with at_rest(at) as running:
            await at.tell("set", video=str(film), render_seconds=2.0)
            rest = resident(running.pid)
            async with watched(running.pid) as peak:
                await at.send(ORDER, 10)
                await at.until("sendVideo", 10)
            growth = (peak.own - rest) / MEGABYTE
            return [Figure("ten uploads of 45 MB at once: memory", growth, "MB more", at_most=60)]


async def measure(*, long: bool) -> list[Figure]:
    """Return all figures, printing each part as soon as it is there."""
    found = list[Figure]()
    async with servers() as at:
        parts = [
            measure_starts(at),
            measure_rates(at),
            *(measure_pending(at, count) for count in PENDING),
            measure_deliveries(at, 300.0 if long else 60.0),
            measure_large(at),
        ]
        for part in parts:
            for one in await part:
                found.append(one)
                print(f"{one.what:48} {one.value:10.2f} {one.unit:12} {one.verdict}", flush=True)
    return found


def machine() -> dict[str, Any]:
    """Say where and with what this was measured."""
    load, cores = os.getloadavg()[0], os.cpu_count()
    libraries = ("python-telegram-bot", "httpx", "aiosqlite", "pydantic")
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{platform.machine()}, {cores} cores, load {load:.1f} at the end",
        "python": platform.python_version(),
        "versions": {name: version(name) for name in libraries},
    }


def main() -> int:
    """Print the table; 1 where a limit is not kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="write the figures there as well")
    parser.add_argument("--long", action="store_true", help="deliver for five minutes")
    chosen = parser.parse_args()
    found = asyncio.run(measure(long=chosen.long))
    about = machine()
    print(about)
    if chosen.json is not None:
        rows = [
            {"what": one.what, "value": one.value, "unit": one.unit, "verdict": one.verdict}
            for one in found
        ]
        chosen.json.write_text(json.dumps(about | {"figures": rows}, indent=2), encoding="utf-8")
    return int(any("MISSED" in one.verdict for one in found))


if __name__ == "__main__":
    sys.exit(main())
