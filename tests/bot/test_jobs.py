"""One clock per chat: rings when something is due, never twice at a time, never forgets a call."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import defaultdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from telegram.ext import ApplicationBuilder, ContextTypes, JobQueue

from bot.jobs import ChatClocks
from bot.workers import CRASHED_SECONDS
from handlers.context import BotData, Context

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.house import Breakage

PATIENCE = 20
"""Seconds until a ring is missed: a busy machine is late."""


class Chats:
    """Stands for the workers: notes each look, and says in how many seconds to look again."""

    def __init__(self) -> None:
        self.looks: dict[int, int] = defaultdict(int)
        self.waits: dict[int, list[float | None]] = defaultdict(list)
        self.at_once = 0
        self.most_at_once = 0
        self.looked = asyncio.Condition()
        self.gate: asyncio.Event | None = None
        self.breaks = 0

    async def start_due(self, chat: int) -> float | None:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        async with self.looked:
            self.looks[chat] += 1
            self.looked.notify_all()
        if self.gate is not None:
            await self.gate.wait()
        self.at_once -= 1
        if self.breaks:
            self.breaks -= 1
            raise sqlite3.OperationalError("disk I/O error")
        return self.waits[chat].pop(0) if self.waits[chat] else None

    async def until(self, chat: int, looks: int) -> None:
        async with asyncio.timeout(PATIENCE), self.looked:
            await self.looked.wait_for(lambda: self.looks[chat] >= looks)


@pytest.fixture
async def queue() -> AsyncIterator[JobQueue[Context]]:
    jobs = JobQueue[Context]()
    app = (
        ApplicationBuilder()
        .token("7000000001:AAsandbox-telegram-token-for-this-machine")
        .context_types(ContextTypes(context=Context, bot_data=BotData))
        .job_queue(jobs)
        .updater(None)
        .build()
    )
    assert app.job_queue is jobs
    await jobs.start()
    yield jobs
    await jobs.stop(wait=False)


async def test_a_woken_chat_is_looked_at(queue: JobQueue[Context]) -> None:
    chats = Chats()
    ChatClocks(queue, chats.start_due).wake(7)
    await chats.until(7, looks=1)


async def test_a_chat_is_looked_at_again_when_the_next_step_is_due(
    queue: JobQueue[Context],
) -> None:
    chats = Chats()
    chats.waits[7] = [0.05, 0.05, None]
    ChatClocks(queue, chats.start_due).wake(7)
    await chats.until(7, looks=3)


async def test_a_chat_without_work_has_no_job(queue: JobQueue[Context]) -> None:
    chats = Chats()
    clocks = ChatClocks(queue, chats.start_due)
    clocks.wake(7)
    await chats.until(7, looks=1)
    async with asyncio.timeout(PATIENCE):
        while queue.jobs():
            await asyncio.sleep(0.01)


async def test_a_chat_woken_while_its_clock_rings_is_looked_at_once_more(
    queue: JobQueue[Context],
) -> None:
    chats = Chats()
    chats.gate = asyncio.Event()
    clocks = ChatClocks(queue, chats.start_due)
    clocks.wake(7)
    await chats.until(7, looks=1)
    for _ in range(5):
        clocks.wake(7)
    chats.gate.set()
    await chats.until(7, looks=2)
    assert chats.most_at_once == 1


async def test_a_wake_goes_before_a_later_ring(queue: JobQueue[Context]) -> None:
    chats = Chats()
    chats.waits[7] = [3600.0, None]
    clocks = ChatClocks(queue, chats.start_due)
    clocks.wake(7)
    await chats.until(7, looks=1)
    async with asyncio.timeout(PATIENCE):
        while not queue.jobs():
            await asyncio.sleep(0.01)
    clocks.wake(7)
    await chats.until(7, looks=2)


async def test_many_wakes_at_once_ring_one_clock_at_a_time(queue: JobQueue[Context]) -> None:
    chats = Chats()
    clocks = ChatClocks(queue, chats.start_due)
    for _ in range(20):
        clocks.wake(7)
        await asyncio.sleep(0)
    await chats.until(7, looks=1)
    assert chats.most_at_once == 1


async def test_a_ring_that_is_late_is_not_dropped(queue: JobQueue[Context]) -> None:
    """APScheduler drops jobs a second late unless told otherwise."""
    chats = Chats()
    clocks = ChatClocks(queue, chats.start_due)
    clocks.wake(7)
    [job] = queue.jobs()
    assert job.job.misfire_grace_time is None
    await chats.until(7, looks=1)


async def test_a_clock_that_broke_rings_again(queue: JobQueue[Context], errors: Breakage) -> None:
    errors.expect("the clock of chat 7 broke")
    chats = Chats()
    chats.breaks = 1
    clocks = ChatClocks(queue, chats.start_due)
    clocks.wake(7)
    await chats.until(7, looks=1)
    async with asyncio.timeout(5):
        while not (jobs := queue.jobs()):
            await asyncio.sleep(0.01)
    assert jobs[0].next_t is not None
    wait = (jobs[0].next_t - datetime.now(UTC)).total_seconds()
    assert CRASHED_SECONDS / 2 < wait <= CRASHED_SECONDS


async def test_a_chat_woken_while_its_clock_breaks_is_looked_at_at_once(
    queue: JobQueue[Context], errors: Breakage
) -> None:
    errors.expect("the clock of chat 7 broke")
    chats = Chats()
    chats.breaks, chats.gate = 1, asyncio.Event()
    clocks = ChatClocks(queue, chats.start_due)
    clocks.wake(7)
    await chats.until(7, looks=1)
    clocks.wake(7)
    chats.gate.set()
    await chats.until(7, looks=2)
