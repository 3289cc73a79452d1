"""What floods cost: a person's many long messages, and a member's many commands."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, NamedTuple

from tests.bench.memory import resident, watched
from tests.flows.predicates import shows_video
from tests.flows.process import process

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox.aimlapi import AimlApiSandbox
    from sandbox.telegram import TelegramSandbox

MESSAGES = 20_000
LONG = "a very long story of a lighthouse and the sea " * 85
COMMANDS = 400
SETTLED_SECONDS = 3.0


class Flood(NamedTuple):
    """How many bytes more the bot held in memory at most and on the disk, and how long it took.

    `waited` is how many seconds passed until another's order was accepted.
    """

    memory: int
    disk: int
    taken: float
    waited: float


async def flood(telegram: TelegramSandbox, provider: AimlApiSandbox, data: Path) -> Flood:
    """Flood a bot of its own from both sides."""
    async with process(telegram, provider, data) as running:
        await telegram.wait_for_call("getUpdates", timeout=20)
        await asyncio.sleep(SETTLED_SECONDS)
        waited = await _of_commands(telegram)
        rest, began = resident(running.pid), time.perf_counter()
        before = _size(data)
        async with watched(running.pid) as peak:
            await _of_messages(telegram)
        took = time.perf_counter() - began
        return Flood(peak.own - rest, _size(data) - before, took, waited)


async def _of_messages(telegram: TelegramSandbox) -> None:
    ann = telegram.person("Ann")
    chat = telegram.private(ann)
    for number in range(MESSAGES):
        await chat.send(ann, f"{number} {LONG}")
        if number % 100 == 0:
            await asyncio.sleep(0)
    while len(telegram.world.updates):
        await asyncio.sleep(0.05)
    await asyncio.sleep(SETTLED_SECONDS)


async def _of_commands(telegram: TelegramSandbox) -> float:
    cat, bob = telegram.person("Cat"), telegram.person("Bob")
    club = telegram.group("Film club", [cat, bob])
    name = telegram.world.bot.username
    for number in range(COMMANDS):
        await club.send(cat, f"/help@{name}")
        if number == COMMANDS // 2:
            await asyncio.sleep(SETTLED_SECONDS)
    began = time.perf_counter()
    await club.send(bob, "/video a quiet boat")
    await telegram.wait_for_call("setMessageReaction", timeout=60)
    waited = time.perf_counter() - began
    await club.wait(shows_video("a quiet boat"), timeout=60)
    return waited


def _size(data: Path) -> int:
    return sum(path.stat().st_size for path in data.glob("bot.sqlite3*"))
