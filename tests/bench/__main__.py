"""`make bench`: the start, the memory at rest, and what a large video and floods cost."""

from __future__ import annotations

import asyncio
import io
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from sandbox.aimlapi import AimlApiSandbox, Render
from sandbox.telegram import TelegramSandbox
from tests.bench.floods import COMMANDS, MESSAGES, Flood, flood
from tests.bench.memory import MEGABYTE, resident, watched
from tests.flows.predicates import shows_video
from tests.flows.process import process
from tests.generation.media.test_sent_media import repeated
from tests.generation.media.videos.films import Film

RUNS = 5
SETTLED_SECONDS = 3.0
"""How long after its first getUpdates a bot is at rest."""
LARGE = 45_000_000
LIBRARIES = "import telegram.ext, httpx, aiosqlite, pydantic.main, babel.dates"
"""What any such bot loads: the yardstick for the start and for the memory."""


class Row(NamedTuple):
    """A figure, beside its yardstick and its limit where it has one."""

    what: str
    figure: str
    yardstick: str
    limit: str = ""
    kept: bool = True


async def libraries_alone() -> tuple[float, int]:
    """Return how long an interpreter takes to load the libraries, and what it holds then."""
    began = time.perf_counter()
    running = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        f"{LIBRARIES}; print(flush=True); input()",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    if running.stdout is None:
        raise RuntimeError("a pipe was asked for")
    await running.stdout.readline()
    took, held = time.perf_counter() - began, resident(running.pid)
    await running.communicate(b"\n")
    return took, held


async def first_updates(telegram: TelegramSandbox, began: float) -> float:
    """Return how long after its start the bot asked for updates, in seconds."""
    before = len(telegram.calls_of("getUpdates"))
    await telegram.wait_for_call("getUpdates", count=before + 1, timeout=20)
    return time.perf_counter() - began


async def measure() -> list[Row]:
    """Return the table."""
    yardsticks = [await libraries_alone() for _ in range(RUNS)]
    loads = statistics.median(took for took, _ in yardsticks)
    plain = statistics.median(held for _, held in yardsticks)
    starts, rests = [], []
    large = growth = family = 0
    order = video = 0.0
    async with TelegramSandbox() as telegram, AimlApiSandbox() as provider:
        for run in range(RUNS):
            with tempfile.TemporaryDirectory() as data:
                began = time.perf_counter()
                async with process(telegram, provider, Path(data)) as running:
                    starts.append(await first_updates(telegram, began))
                    await asyncio.sleep(SETTLED_SECONDS)
                    rests.append(resident(running.pid))
                    if run == 0:
                        growth, family = await send_large(telegram, provider, running.pid)
                        large = rests[0]
                    if run == 1:
                        order, video = await beside_the_worst(telegram, provider)
        with tempfile.TemporaryDirectory() as data:
            flooded = await flood(telegram, provider, Path(data))
    start, rest = statistics.median(starts), statistics.median(rests)
    return [
        Row(
            "start to first getUpdates",
            f"{start:.2f} s",
            f"{start / loads:.2f} × loading the libraries",
            "under 1 s",
            kept=start < 1,
        ),
        Row(
            "memory at rest",
            _megabytes(rest),
            f"{rest / plain:.2f} × the libraries",
            "under 75 MB",
            kept=rest < 75 * MEGABYTE,
        ),
        Row(
            "more while sending 45 MB",
            _megabytes(growth),
            f"{growth / large:.2f} × at rest",
            "at most 40 MB",
            kept=growth <= 40 * MEGABYTE,
        ),
        Row(
            "the same, with media processes", _megabytes(family), f"{family / large:.2f} × at rest"
        ),
        *_of_the_worst(order, video),
        *_of_floods(flooded),
    ]


def _of_the_worst(order: float, video: float) -> list[Row]:
    return [
        Row(
            "an order beside the worst media",
            f"{order:.2f} s",
            "to the provider, while three send it",
            "under 5 s",
            kept=order < 5,
        ),
        Row(
            "a made video beside it",
            f"{video:.2f} s",
            "from made to the chat",
            "under 10 s",
            kept=video < 10,
        ),
    ]


def _of_floods(flooded: Flood) -> list[Row]:
    messages = f"{MESSAGES} long messages in {flooded.taken:.0f} s"
    return [
        Row(
            "more in a flood of one person",
            _megabytes(flooded.memory),
            messages,
            "under 40 MB",
            kept=flooded.memory < 40 * MEGABYTE,
        ),
        Row(
            "more on the disk by then",
            _megabytes(flooded.disk),
            messages,
            "under 20 MB",
            kept=flooded.disk < 20 * MEGABYTE,
        ),
        Row(
            "an order in a flooded group",
            f"{flooded.waited:.2f} s",
            f"{COMMANDS} commands of another",
            "under 5 s",
            kept=flooded.waited < 5,
        ),
    ]


def _megabytes(size: float) -> str:
    return f"{size / MEGABYTE:.0f} MB"


def worst_pictures() -> list[tuple[bytes, str, str]]:
    """Make a JPEG of endless scans, and a PNG of as many pixels as are taken."""
    scans, pixels = io.BytesIO(), io.BytesIO()
    Image.new("L", (7000, 7000), 120).save(scans, "JPEG", progressive=True)
    whole = scans.getvalue()
    scan = whole[whole.rindex(b"\xff\xda") : -2]
    Image.new("RGBA", (7070, 7070), (1, 2, 3, 4)).save(pixels, "PNG")
    return [
        (whole[:-2] + scan * 10_000 + b"\xff\xd9", "scans.jpg", "image/jpeg"),
        (pixels.getvalue(), "pixels.png", "image/png"),
    ]


def worst_film() -> bytes:
    """Make a film of half a megabyte that names one frame of 4K 100,000 times."""
    with tempfile.TemporaryDirectory() as folder:
        film = Film(sound=None, width=3840, height=2160, frames=1, index_first=False)
        return repeated(film.make(Path(folder)).read_bytes(), 100_000)


async def beside_the_worst(
    telegram: TelegramSandbox, provider: AimlApiSandbox
) -> tuple[float, float]:
    """Return how long a stranger's order takes to the provider, and the made video to the chat.

    Meanwhile three accounts send the worst media there is, one after the other.
    """
    film, stills = worst_film(), worst_pictures()

    async def send_all(number: int) -> None:
        person = telegram.person(f"Attacker {number}")
        chat = telegram.private(person)
        while True:
            await chat.send_video(person, film, width=1000, height=1000, caption="/animate --last")
            for data, name, kind in stills:
                await chat.send_document(person, data, name, kind, caption="/animate it moves")
            await asyncio.sleep(1)

    ann = telegram.person("Ann")
    chat = telegram.private(ann)
    sending = [asyncio.create_task(send_all(number)) for number in range(3)]
    orders, videos = [], []
    try:
        await asyncio.sleep(SETTLED_SECONDS)
        for number in range(RUNS):
            words, began = f"a boat no. {number}", time.perf_counter()
            await chat.send(ann, f"/video {words}")
            while not (found := [one for one in provider.submissions if words in str(one.body)]):
                await asyncio.sleep(0.02)
            orders.append(time.perf_counter() - began)
            while found[0].id is None or not provider.generations.by_id[found[0].id].ended:
                await asyncio.sleep(0.02)
            began = time.perf_counter()
            await chat.wait(shows_video(words), timeout=60)
            videos.append(time.perf_counter() - began)
    finally:
        for task in sending:
            task.cancel()
        await asyncio.gather(*sending, return_exceptions=True)
    return max(orders), max(videos)


async def send_large(
    telegram: TelegramSandbox, provider: AimlApiSandbox, pid: int
) -> tuple[int, int]:
    """Return what the bot holds more while a video of 45 MB comes and goes, alone and in all."""
    ann = telegram.person("Ann")
    chat = telegram.private(ann)
    provider.next_render = Render.works(padding=LARGE)
    rest = resident(pid)
    async with watched(pid) as peak:
        await chat.send(ann, "/video a very large boat")
        await chat.wait(lambda message: message.video is not None, timeout=60)
    return peak.own - rest, peak.family - rest


def main() -> int:
    """Print the table; 1 where a limit is not kept."""
    table = asyncio.run(measure())
    for row in table:
        verdict = f"{row.limit}: {'kept' if row.kept else 'MISSED'}" if row.limit else ""
        print(f"{row.what:32} {row.figure:>8}   {row.yardstick:32} {verdict}")
    return 0 if all(row.kept for row in table) else 1


if __name__ == "__main__":
    sys.exit(main())
