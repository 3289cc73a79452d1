"""What lives as long as the process: what ends it, what is started again, and how it starts."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr

from bot import lifecycle
from bot import supervisor as supervisors
from bot.app import Bot, Times
from bot.lifecycle import serve
from bot.process import ExitCode
from bot.supervisor import Supervisor
from bot.updates.watchdog import WatchdogTimes
from sandbox.aimlapi import Fault as ProviderFault
from sandbox.telegram import Fault
from storage import outages
from storage.database import Database
from storage.outages import Cooldown, CooldownReason
from tests.flows.predicates import shows_video
from tests.handlers.shared import until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sandbox.aimlapi import AimlApiSandbox
    from sandbox.telegram import Person, PrivateChat, TelegramSandbox
    from tests.harness import Harness, LoggedErrors

QUICK = Times(updates=WatchdogTimes(look=0.05, refused=0.5), limits_second=0.001)
"""Three refusals over half a second are meant, where operators get a minute."""


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """What breaks is tried again within a moment."""
    monkeypatch.setattr(supervisors, "RETRY_SECONDS", 0.01)
    monkeypatch.setattr(lifecycle, "BEAT_SECONDS", 0.05)


async def whole_life(harness: Harness, **changes: object) -> ExitCode:
    """Run the bot until it ends by itself."""
    db = await Database.open(harness.data / "bot.sqlite3")
    try:
        bot = Bot(harness.settings(**changes), db, times=QUICK)
        return await asyncio.wait_for(serve(bot, asyncio.Event()), 20)
    finally:
        await db.close()


async def test_a_vital_task_that_dies_ends_the_process_with_1(errors: LoggedErrors) -> None:
    errors.expect("taking updates died")
    supervisor = Supervisor(asyncio.Event())

    async def dies() -> None:
        raise KeyError("first_name")

    supervisor.vital("taking updates", dies())
    await asyncio.wait_for(supervisor.stopping.wait(), 5)
    assert supervisor.exit_code is ExitCode.FAILURE
    supervisor.end(ExitCode.UPDATES_LOST)
    assert supervisor.exit_code is ExitCode.FAILURE, "the first cause counts"


async def test_an_optional_task_that_breaks_is_started_again_and_that_is_said_once(
    errors: LoggedErrors, soon: None
) -> None:
    errors.expect("pruning broke")
    supervisor, runs, done = Supervisor(asyncio.Event()), 0, asyncio.Event()

    async def prune() -> None:
        nonlocal runs
        runs += 1
        if runs < 4:
            raise LookupError
        if runs > 5:
            done.set()

    supervisor.optional("pruning", prune, every=0.01)
    await asyncio.wait_for(done.wait(), 10)
    await supervisor.stop()
    assert not supervisor.stopping.is_set()
    assert len(errors.records) == 1


async def test_one_gateways_404_at_the_start_is_no_refused_token(
    harness: Harness, telegram: TelegramSandbox, chat: PrivateChat, ann: Person
) -> None:
    telegram.faults.next("getMe", Fault.error(404, "Not Found"))
    async with harness.running(times=QUICK):
        await chat.send(ann, "/video a boat")
        await chat.wait(shows_video("a boat"))
    assert harness.exit_code is ExitCode.STOPPED


async def test_a_token_that_is_refused_from_the_start_on_ends_the_process_with_2(
    harness: Harness, telegram: TelegramSandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = SecretStr(f"{telegram.token[:-4]}abcd")
    assert await whole_life(harness, telegram_bot_token=wrong) is ExitCode.WRONG_SETTINGS
    assert capsys.readouterr().err.splitlines() == ["TELEGRAM_BOT_TOKEN is refused by Telegram"]


async def test_an_answer_of_telegrams_that_nobody_can_read_ends_no_start(
    harness: Harness, telegram: TelegramSandbox, chat: PrivateChat, ann: Person
) -> None:
    telegram.faults.next("getMe", Fault.unreadable(), times=2)
    async with harness.running(times=QUICK):
        await chat.send(ann, "/video a boat")
        await chat.wait(shows_video("a boat"))


async def test_a_key_that_is_refused_once_is_asked_about_and_kept(
    harness: Harness, provider: AimlApiSandbox, chat: PrivateChat, ann: Person
) -> None:
    provider.faults.next("billing", ProviderFault.http(401), times=2)
    async with harness.running(times=QUICK):
        await chat.send(ann, "/video a boat")
        await chat.wait(shows_video("a boat"))
        async with asyncio.timeout(20):
            while provider.faults.waiting():
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.2)
    assert harness.exit_code is ExitCode.STOPPED


async def test_a_key_that_is_refused_from_the_start_on_ends_the_process_with_2(
    harness: Harness, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = SecretStr("not-this-one")
    assert await whole_life(harness, aimlapi_key=wrong) is ExitCode.WRONG_SETTINGS
    assert capsys.readouterr().err.splitlines() == ["AIMLAPI_KEY is refused by the AI/ML API"]


def deleted(file: Path) -> None:
    file.unlink()


def replaced_by_another(file: Path) -> None:
    copy = file.with_name("copy")
    copy.write_bytes(file.read_bytes())
    copy.replace(file)


def without_its_log(file: Path) -> None:
    file.with_name(f"{file.name}-wal").unlink()


@pytest.mark.parametrize("spoil", [deleted, replaced_by_another, without_its_log])
async def test_a_database_that_is_not_there_any_more_ends_the_process_with_1(
    harness: Harness,
    errors: LoggedErrors,
    monkeypatch: pytest.MonkeyPatch,
    spoil: Callable[[Path], None],
) -> None:
    errors.expect("was deleted or replaced while the bot ran on it")
    monkeypatch.setattr(lifecycle, "FILE_SECONDS", 0.01)
    life = asyncio.create_task(whole_life(harness))
    async with asyncio.timeout(20):
        while not harness.telegram.calls_of("setMyCommands"):
            await asyncio.sleep(0.01)
    spoil(harness.data / "bot.sqlite3")
    assert await life == ExitCode.FAILURE


async def test_a_heartbeat_that_cannot_be_written_is_written_once_it_can(
    harness: Harness, chat: PrivateChat, ann: Person, soon: None
) -> None:
    in_its_way = harness.data / "heartbeat.new"
    in_its_way.mkdir(parents=True)
    async with harness.running():
        await chat.send(ann, "/help")
        await asyncio.sleep(0.3)
        assert not (harness.data / "heartbeat").exists()
        in_its_way.rmdir()
        async with asyncio.timeout(20):
            while not (harness.data / "heartbeat").exists():
                await asyncio.sleep(0.01)
    assert harness.exit_code is ExitCode.STOPPED


async def test_a_folder_among_the_videos_is_left_alone(harness: Harness) -> None:
    lost_and_found = harness.data / "videos" / "lost+found"
    lost_and_found.mkdir(parents=True)
    (harness.data / "videos" / "7.mp4").write_bytes(b"delivered long ago")
    async with harness.running():
        assert [path.name for path in (harness.data / "videos").iterdir()] == ["lost+found"]


async def test_a_first_refresh_of_the_catalogue_that_failed_is_tried_again_soon(
    harness: Harness, provider: AimlApiSandbox, soon: None
) -> None:
    provider.faults.next("models", ProviderFault.http(503), times=3)
    async with harness.running():
        kept = "SELECT count(*) FROM feeds WHERE name = 'models'"
        await until(harness, lambda tx: tx.fetch_int(kept))
    assert not provider.faults.waiting()


async def test_what_is_old_is_pruned_every_day(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lifecycle, "DAY_SECONDS", 0.05)
    async with harness.running():
        for _ in range(2):
            async with harness.db.transaction() as tx:
                await outages.cool_down(tx, Cooldown("long ago", CooldownReason.GONE, 1.0))
            await until(harness, lambda tx: tx.fetch_int("SELECT count(*) = 0 FROM cooldowns"))
