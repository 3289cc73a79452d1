"""One clock per chat: rings when something is due, never twice at a time, never forgets a call."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections import defaultdict
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

import pytest
from telegram.ext import ApplicationBuilder, ContextTypes, JobQueue

from bot.tasks import CRASH_BACKOFF_SECONDS, ChatTimers, Tasks
from handlers.context import BotData, Context

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from tests.harness import LoggedErrors

PATIENCE = 20
"""Seconds until a ring is missed: a busy machine is late."""


class Chats:
    """Stands for the scheduler: notes each look, and says in how many seconds to look again."""

    def __init__(self) -> None:
        self.looks: dict[int, int] = defaultdict(int)
        self.waits: dict[int, list[float | None]] = defaultdict(list)
        self.at_once = 0
        self.most_at_once = 0
        self.looked = asyncio.Condition()
        self.gate: asyncio.Event | None = None
        self.breaks = 0

    async def look(self, chat: int) -> float | None:
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


def started(queue: JobQueue[Context], look: Callable[[int], Awaitable[float | None]]) -> ChatTimers:
    timers = ChatTimers(queue)
    timers.start(look)
    return timers


async def test_a_woken_chat_is_looked_at(queue: JobQueue[Context]) -> None:
    chats = Chats()
    started(queue, chats.look).wake(7)
    await chats.until(7, looks=1)


async def test_a_chat_woken_before_the_clocks_start_is_looked_at_then(
    queue: JobQueue[Context],
) -> None:
    chats, timers = Chats(), ChatTimers(queue)
    timers.wake(7)
    timers.start(chats.look)
    await chats.until(7, looks=1)


async def test_a_chat_is_looked_at_again_when_the_next_step_is_due(
    queue: JobQueue[Context],
) -> None:
    chats = Chats()
    chats.waits[7] = [0.05, 0.05, None]
    started(queue, chats.look).wake(7)
    await chats.until(7, looks=3)


async def test_a_chat_without_work_has_no_job(queue: JobQueue[Context]) -> None:
    chats = Chats()
    timers = started(queue, chats.look)
    timers.wake(7)
    await chats.until(7, looks=1)
    async with asyncio.timeout(PATIENCE):
        while queue.jobs():
            await asyncio.sleep(0.01)


async def test_a_chat_woken_while_its_clock_rings_is_looked_at_once_more(
    queue: JobQueue[Context],
) -> None:
    chats = Chats()
    chats.gate = asyncio.Event()
    timers = started(queue, chats.look)
    timers.wake(7)
    await chats.until(7, looks=1)
    for _ in range(5):
        timers.wake(7)
    chats.gate.set()
    await chats.until(7, looks=2)
    assert chats.most_at_once == 1


async def test_a_wake_goes_before_a_later_ring(queue: JobQueue[Context]) -> None:
    chats = Chats()
    chats.waits[7] = [3600.0, None]
    timers = started(queue, chats.look)
    timers.wake(7)
    await chats.until(7, looks=1)
    async with asyncio.timeout(PATIENCE):
        while not queue.jobs():
            await asyncio.sleep(0.01)
    timers.wake(7)
    await chats.until(7, looks=2)


async def test_many_wakes_at_once_ring_one_clock_at_a_time(queue: JobQueue[Context]) -> None:
    chats = Chats()
    timers = started(queue, chats.look)
    for _ in range(20):
        timers.wake(7)
        await asyncio.sleep(0)
    await chats.until(7, looks=1)
    assert chats.most_at_once == 1


async def test_a_ring_that_is_late_is_not_dropped(queue: JobQueue[Context]) -> None:
    """APScheduler drops jobs a second late unless told otherwise."""
    chats = Chats()
    started(queue, chats.look).schedule(7, 0.05)
    [job] = queue.jobs()
    assert job.job.misfire_grace_time is None
    await chats.until(7, looks=1)


async def test_the_earlier_of_two_times_counts_and_a_chat_has_one_job(
    queue: JobQueue[Context],
) -> None:
    chats = Chats()
    timers = started(queue, chats.look)
    for wait in (3600.0, 0.05, 7200.0):
        timers.schedule(7, wait)
        assert len(queue.jobs()) == 1
    await chats.until(7, looks=1)


async def test_what_a_chat_was_woken_for_before_it_is_read_needs_no_second_look(
    queue: JobQueue[Context],
) -> None:
    looks = 0

    async def look(chat: int) -> None:
        nonlocal looks
        looks += 1
        timers.wake(chat)
        timers.clear_wake(chat)

    timers = started(queue, look)
    timers.wake(7)
    for _ in range(5):
        await asyncio.sleep(0)
    assert looks == 1


async def test_after_a_stop_no_chat_is_looked_at(queue: JobQueue[Context]) -> None:
    chats = Chats()
    timers = started(queue, chats.look)
    timers.wake(7)
    await timers.stop()
    timers.wake(7)
    await asyncio.sleep(0)
    assert not chats.looks


async def test_a_clock_that_would_ring_in_the_midst_of_a_stop_breaks_nothing(
    queue: JobQueue[Context], errors: LoggedErrors
) -> None:
    chats = Chats()
    timers = started(queue, chats.look)
    timers.schedule(1, 0.05)
    await timers.stop()
    timers.schedule(2, 0.05)
    # both are due once the queue waits for what runs, and before it is shut down
    time.sleep(0.1)  # noqa: ASYNC251 - the loop is to be late
    await queue.stop()
    assert errors.records == []
    assert chats.looks == {}


async def test_a_clock_that_broke_rings_again(
    queue: JobQueue[Context], errors: LoggedErrors
) -> None:
    errors.expect("the clock of chat 7 broke")
    chats = Chats()
    chats.breaks = 1
    timers = started(queue, chats.look)
    timers.wake(7)
    await chats.until(7, looks=1)
    async with asyncio.timeout(5):
        while not (jobs := queue.jobs()):
            await asyncio.sleep(0.01)
    assert jobs[0].next_t is not None
    wait = (jobs[0].next_t - datetime.now(UTC)).total_seconds()
    assert CRASH_BACKOFF_SECONDS / 2 < wait <= CRASH_BACKOFF_SECONDS


async def test_a_chat_woken_while_its_clock_breaks_is_looked_at_at_once(
    queue: JobQueue[Context], errors: LoggedErrors
) -> None:
    errors.expect("the clock of chat 7 broke")
    chats = Chats()
    chats.breaks, chats.gate = 1, asyncio.Event()
    timers = started(queue, chats.look)
    timers.wake(7)
    await chats.until(7, looks=1)
    timers.wake(7)
    chats.gate.set()
    await chats.until(7, looks=2)


async def test_what_is_being_done_is_not_done_a_second_time_unless_it_is_to_be_done_again() -> None:
    tasks, gate, done = Tasks(lambda: 0.0), asyncio.Event(), list[str]()

    async def work(what: str) -> None:
        await gate.wait()
        done.append(what)

    tasks.run("a board", lambda: work("first"))
    tasks.run("a board", lambda: work("dropped"))
    tasks.run("a board", lambda: work("old"), again=True)
    tasks.run("a board", lambda: work("new"), again=True)
    gate.set()
    async with asyncio.timeout(PATIENCE):
        while "a board" in tasks:
            await asyncio.sleep(0)
    assert done == ["first", "new"]


async def test_what_is_asked_for_while_its_like_ends_is_done_and_tells_how_it_went() -> None:
    tasks, gate, told = Tasks(lambda: 0.0), asyncio.Event(), list[str]()

    async def work(what: str) -> str:
        await gate.wait()
        return what

    tasks.run("a video", lambda: work("kept"), lambda made: told.append(f"first: {made}"))
    tasks.run(
        "a video", lambda: work("brought"), lambda made: told.append(f"then: {made}"), again=True
    )
    gate.set()
    async with asyncio.timeout(PATIENCE):
        while "a video" in tasks:
            await asyncio.sleep(0)
    assert told == ["then: brought"]


async def test_what_broke_is_left_alone_for_a_while(errors: LoggedErrors) -> None:
    errors.expect("a step broke")
    tasks, told = Tasks(lambda: 1000.0), list[object]()

    async def work(error: Exception | None) -> str:
        if error is not None:
            raise error
        return "done"

    for error in (OSError("disk"), None):
        tasks.run("a step", partial(work, error), told.append)
        async with asyncio.timeout(PATIENCE):
            while "a step" in tasks:
                await asyncio.sleep(0)
        assert tasks.backoff_until("a step") == (1000.0 + CRASH_BACKOFF_SECONDS if error else 0.0)
    assert isinstance(told[0], OSError)
    assert told[1] == "done"


async def test_a_stop_cancels_all_but_what_may_end_by_itself() -> None:
    tasks, ended = Tasks(lambda: 0.0), list[str]()

    async def work(what: str, seconds: float) -> None:
        await asyncio.sleep(seconds)
        ended.append(what)

    tasks.run("a payment", lambda: work("payment", 0.01))
    tasks.run("a long payment", lambda: work("long payment", 3600))
    tasks.run("an upload", lambda: work("upload", 0.0))
    await tasks.stop({"a payment", "a long payment"}, within=0.2)
    tasks.run("a step", lambda: work("step", 0.0))
    assert "a step" not in tasks
    assert ended == ["payment"]
