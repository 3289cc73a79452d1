"""The steps that are due: what breaks is left alone for a while, and holds up nobody else."""

from __future__ import annotations

import asyncio
import gc
import inspect
import time
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from bot import scheduler
from bot.tasks import CRASH_BACKOFF_SECONDS, MAX_CONCURRENT
from generation.jobs.schedule import queue_deadline
from generation.media.fetch import MAX_CONCURRENT_FETCHES
from sandbox.aimlapi import Fault, Render
from sandbox.telegram import Fault as TelegramFault
from storage import HOUR_SECONDS, chats, generations, notices, outages
from storage.chats import ChatKind
from storage.generations import State
from storage.notices import Notice, NoticeKind
from tests.flows.media_files import photo
from tests.flows.predicates import says, shows_video
from tests.flows.test_told_while_waiting import is_closed
from tests.storage.requests import Clock, ask, meet

if TYPE_CHECKING:
    import pytest
    from starlette.requests import Request
    from starlette.responses import Response

    from bot.app import Bot
    from sandbox.aimlapi import AimlApiSandbox
    from sandbox.aimlapi.faults import Handler
    from sandbox.telegram import Person, PrivateChat, TelegramSandbox
    from storage.database import Database
    from storage.generations import Generation
    from tests.harness import Harness, LoggedErrors

SPOIL = "CREATE TRIGGER spoil BEFORE UPDATE ON {} BEGIN SELECT RAISE(ABORT, 'disk is full'); END"


async def test_a_step_that_a_stop_comes_before_is_closed(bot: Bot, harness: Harness) -> None:
    chat = await meet(harness.db)
    generation = await ask(harness.db, chat=chat.id)
    bot.scheduler.deliver_kept(generation, chat)
    await bot.scheduler.stop()
    unbegun = [
        one.__qualname__
        for one in gc.get_objects()
        if inspect.iscoroutine(one) and inspect.getcoroutinestate(one) == inspect.CORO_CREATED
    ]
    assert "Deliveries.deliver_kept" not in unbegun, (
        "Python would complain of it at some later time"
    )


async def spoil(db: Database, table: str) -> None:
    """Let nothing that is written of a table be changed any more, as on a full disk."""
    async with db.transaction() as tx:
        await tx.execute(SPOIL.format(table))


def granted(chat: int) -> Notice:
    return Notice(
        cause="a grant", chat=chat, kind=NoticeKind.GRANTED, facts={"credits": 9, "note": ""}
    )


async def rings_late(harness: Harness, broke: str) -> None:
    """Wait until something broke and every clock rings only after a while."""
    assert harness.bot is not None
    queue = harness.bot.app.job_queue
    assert queue is not None
    async with asyncio.timeout(20):
        while True:
            now = datetime.now(UTC)
            waits = [
                (job.next_t - now).total_seconds()
                for job in queue.jobs()
                if job.next_t is not None and (job.name or "").startswith("chat ")
            ]
            late = waits and min(waits) > CRASH_BACKOFF_SECONDS / 2
            if late and any(broke in text for text in harness.errors.unexpected):
                return
            await asyncio.sleep(0.01)


async def test_a_notice_that_cannot_be_marked_as_sent_is_not_sent_over_and_over(
    harness: Harness,
    telegram: TelegramSandbox,
    chat: PrivateChat,
    ann: Person,
    errors: LoggedErrors,
) -> None:
    async with harness.running() as bot:
        await spoil(harness.db, "notices")
        async with harness.db.transaction() as tx:
            here = await chats.private_chat(tx, ann.id, now=0.0)
            await notices.owe(tx, granted(here.id), now=0.0)
        bot.wake(here.id)
        await rings_late(harness, "notices")
        assert len(telegram.calls_of("sendMessage")) == 1
    errors.expect("broke")


async def test_a_step_that_cannot_be_written_down_is_not_taken_over_and_over(
    harness: Harness, provider: AimlApiSandbox, chat: PrivateChat, ann: Person, errors: LoggedErrors
) -> None:
    provider.render_seconds = 60
    async with harness.running(poll_interval_seconds=1.0):
        await chat.send(ann, "/video a boat")
        await provider.wait_for_submissions(1)
        await spoil(harness.db, "generations")
        await rings_late(harness, "generation")
        assert len(provider.polls) <= 1
    errors.expect("broke")


async def test_a_chat_that_becomes_another_during_a_step_is_looked_after_there(
    harness: Harness, telegram: TelegramSandbox, provider: AimlApiSandbox, ann: Person
) -> None:
    club, answered = telegram.group("Film club", [ann], kind="group"), asyncio.Event()
    provider.faults.next("poll", Fault.hang(answered))
    async with harness.running():
        await club.send(ann, "/video a boat")
        async with asyncio.timeout(20):
            while provider.faults.waiting():
                await asyncio.sleep(0.01)
        moved = club.migrate()
        async with harness.db.transaction() as tx:
            await chats.upsert(tx, moved.id, kind=ChatKind.SUPERGROUP, now=0.0)
            known = await chats.by_telegram_id(tx, club.id)
        assert known is not None
        await chats.move(harness.db, known.id, moved.id, now=0.0)
        answered.set()
        await moved.wait(shows_video("a boat"))


async def test_a_chat_that_becomes_part_of_another_during_a_step_is_looked_after_as_that_one(
    harness: Harness, telegram: TelegramSandbox, provider: AimlApiSandbox, ann: Person
) -> None:
    club, answered = telegram.group("Film club", [ann]), asyncio.Event()
    provider.faults.next("poll", Fault.hang(answered))
    async with harness.running():
        async with harness.db.transaction() as tx:
            was = await chats.upsert(tx, -77, kind=ChatKind.GROUP, now=0.0)
        await club.send(ann, "/video a boat")
        async with asyncio.timeout(20):
            while provider.faults.waiting():
                await asyncio.sleep(0.01)
        moved = await chats.move(harness.db, was.id, club.id, now=0.0)
        assert moved.id == was.id
        answered.set()
        video = await club.wait(shows_video("a boat"))
        assert video.reply_to is not None, "messages of the new chat are known"


async def test_a_notice_follows_a_chat_that_turns_out_to_be_another(
    harness: Harness, telegram: TelegramSandbox, ann: Person
) -> None:
    before, club = (telegram.group("Film club", [ann]) for _ in range(2))
    error = "Bad Request: group chat was upgraded to a supergroup chat"
    telegram.faults.always(
        "sendMessage",
        TelegramFault.error(400, error, migrate_to_chat_id=club.id),
        chat_id=before.id,
    )
    async with harness.running() as bot:
        async with harness.db.transaction() as tx:
            for one in (before, club):
                await chats.upsert(tx, one.id, kind=ChatKind.SUPERGROUP, now=0.0)
            here = await chats.by_telegram_id(tx, before.id)
            assert here is not None
            await notices.owe(tx, granted(here.id), now=0.0)
        bot.wake(here.id)
        await club.wait(says("You were given 9 credits"))


class Trickle:
    """Holds downloads back until they may go on."""

    def __init__(self) -> None:
        self.held = 0
        self.go_on = asyncio.Event()

    async def meet(self, request: Request, handler: Handler) -> Response:
        self.held += 1
        await self.go_on.wait()
        return await handler(request)


async def test_videos_that_trickle_in_hold_up_no_question_about_others(
    harness: Harness,
    telegram: TelegramSandbox,
    provider: AimlApiSandbox,
    chat: PrivateChat,
    ann: Person,
) -> None:
    trickle, people = (
        Trickle(),
        [telegram.person(f"Person {n}") for n in range(MAX_CONCURRENT_FETCHES)],
    )
    provider.faults.always("download", Fault("trickle", trickle.meet))
    async with harness.running():
        for person in people:
            await telegram.private(person).send(person, "/video a boat")
        async with asyncio.timeout(20):
            while trickle.held < MAX_CONCURRENT_FETCHES:
                await asyncio.sleep(0.01)
        provider.next_render = Render.refused()
        await chat.send(ann, "/video a train")
        await chat.wait(says("refused this one"))
        trickle.go_on.set()
        for person in people:
            await telegram.private(person).wait(shows_video("a boat"), timeout=30)


async def test_a_request_is_looked_at_once_its_time_is_over_and_not_over_and_over_at_its_end(
    harness: Harness, provider: AimlApiSandbox, chat: PrivateChat, ann: Person
) -> None:
    harness.errors.expect("the provider refuses everything")
    clock, provider.balance = Clock(), Decimal(0)
    async with harness.running(clock=clock) as bot:
        await chat.send(ann, "/video a boat")
        await is_closed(harness)
        async with harness.db.reading() as connection:
            [waiting] = await generations.in_states(connection, {State.QUEUED})
            outage = await outages.current(connection)
        assert outage is not None
        clock.now = queue_deadline(waiting, outage.began_at)
        looks = bot.db.usage.lock_acquisitions
        bot.wake(waiting.chat)
        await asyncio.sleep(0.3)
        assert bot.db.usage.lock_acquisitions - looks < 10
        clock.now += 1.0
        bot.wake(waiting.chat)
        await chat.wait(says("did not take orders"))


async def test_pictures_that_take_long_hold_up_no_text(
    harness: Harness, telegram: TelegramSandbox, chat: PrivateChat, ann: Person
) -> None:
    hanging = telegram.faults.always("getFile", TelegramFault.hang())
    async with harness.running():
        for person in [telegram.person(f"Person {n}") for n in range(MAX_CONCURRENT)]:
            await telegram.private(person).send_photo(person, photo(), caption="/animate it rains")
        async with asyncio.timeout(20):
            while hanging.hits < MAX_CONCURRENT:
                await asyncio.sleep(0.01)
        await chat.send(ann, "/video a boat")
        await chat.wait(shows_video("a boat"))
        hanging.release()


async def test_a_groups_video_that_is_ready_after_a_restart_is_sent_once(
    harness: Harness, telegram: TelegramSandbox, provider: AimlApiSandbox, ann: Person
) -> None:
    club, provider.render_seconds = telegram.group("Film club", [ann]), 1.0
    async with harness.running():
        await club.send(ann, "/video a boat")
        await provider.wait_for_submissions(1)
        async with asyncio.timeout(20):
            while not await in_state(harness.db, State.GENERATING):
                await asyncio.sleep(0.01)
    [made] = provider.generations.by_id.values()
    await provider.wait_until(lambda: made.ended, "the video is made")
    async with harness.running(clock=lambda: time.time() + 60.0):
        await club.wait(shows_video("a boat"))
        async with asyncio.timeout(20):
            while not (delivered := await in_state(harness.db, State.DELIVERED)):
                await asyncio.sleep(0.01)
    assert [one.sends for one in delivered] == [1]


async def in_state(db: Database, state: State) -> list[Generation]:
    async with db.reading() as connection:
        return await generations.in_states(connection, {state})


async def test_a_clock_that_is_set_back_by_hours_holds_nothing_up(
    harness: Harness, provider: AimlApiSandbox, chat: PrivateChat, ann: Person,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(scheduler, "OUTAGE_CHECK_SECONDS", 0.05)
    ahead, provider.render_seconds = 6.0, 0.5

    async def ordered(prompt: str) -> None:
        await chat.send(ann, f"/video {prompt}")
        async with asyncio.timeout(20):
            while not await in_state(harness.db, State.GENERATING):
                await asyncio.sleep(0.01)

    def clock() -> float:
        return time.time() + ahead * HOUR_SECONDS

    async with harness.running(clock=clock, uptime=time.monotonic):
        await ordered("a boat")
        ahead = 4.0
        await chat.wait(shows_video("a boat"))
        await ordered("a train")
    async with harness.running(clock=time.time):
        await chat.wait(shows_video("a train"))


async def test_a_clock_that_is_set_ahead_by_hours_parks_nothing(
    harness: Harness, provider: AimlApiSandbox, chat: PrivateChat, ann: Person
) -> None:
    ahead, provider.render_seconds = 0.0, 0.5
    async with harness.running(clock=lambda: time.time() + ahead, uptime=time.monotonic):
        await chat.send(ann, "/video a boat")
        async with asyncio.timeout(20):
            while not await in_state(harness.db, State.GENERATING):
                await asyncio.sleep(0.01)
        ahead = 6.0 * HOUR_SECONDS
        await chat.wait(shows_video("a boat"))
        async with asyncio.timeout(20):
            while not (made := await in_state(harness.db, State.DELIVERED)):
                await asyncio.sleep(0.01)
        assert [one.is_gift for one in made] == [False]
        async with harness.db.reading() as connection:
            kinds = await connection.fetch_all("SELECT kind FROM ledger ORDER BY id")
        assert [kind for (kind,) in kinds] == ["hold", "capture"]
