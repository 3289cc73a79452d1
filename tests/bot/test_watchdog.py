"""Updates keep coming: what is decided about a silence, and what follows over HTTP."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from bot.app import Times
from bot.process import ExitCode
from bot.updates.listening import TelegramTimeouts
from bot.updates.watchdog import MIN_ANSWERS, Step, Watch, WatchdogTimes, next_step
from sandbox.telegram import Fault
from tests.flows.predicates import shows_video

if TYPE_CHECKING:
    from sandbox.telegram import Person, PrivateChat, TelegramSandbox
    from tests.harness import Harness, LoggedErrors

PATIENCE = WatchdogTimes(look=5, deaf=60, restart=15, longest=300, restarts=3)
HEARD = Watch(heard_at=1000)
QUICK = Times(
    telegram=TelegramTimeouts(connect=1.0, silence=1.0, poll=1, call_total=3.0),
    updates=WatchdogTimes(look=0.02, deaf=4.0, restart=1.0, longest=1.0, restarts=5, refused=1.0),
    limits_second=0.001,
)


def tried(times: int, at: float) -> Watch:
    return Watch(heard_at=1000, restarts=times, restarted_at=at)


@pytest.mark.parametrize(
    ("watch", "now", "ended", "step"),
    [
        pytest.param(HEARD, 1059, False, Step.NOTHING, id="a long poll is no silence"),
        pytest.param(HEARD, 1060, False, Step.RESTART, id="a minute is"),
        pytest.param(tried(1, 1060), 1074, False, Step.NOTHING, id="a restart gets its time"),
        pytest.param(tried(1, 1060), 1075, False, Step.RESTART, id="then another"),
        pytest.param(tried(2, 1075), 1104, False, Step.NOTHING, id="which gets twice as long"),
        pytest.param(tried(2, 1075), 1105, False, Step.RESTART, id="and a third"),
        pytest.param(tried(3, 1105), 1165, False, Step.ASK, id="after three, whose fault is it"),
        pytest.param(tried(9, 5000), 5299, False, Step.NOTHING, id="never less often than"),
        pytest.param(tried(9, 5000), 5300, False, Step.ASK, id="every five minutes"),
        pytest.param(HEARD, 1001, True, Step.ASK, id="a refused token is asked about at once"),
        pytest.param(tried(1, 1001), 1002, True, Step.NOTHING, id="but not in circles"),
    ],
)
def test_a_silence_leads_to(watch: Watch, now: float, ended: bool, step: Step) -> None:
    assert next_step(watch, now=now, ended=ended, patience=PATIENCE) is step


@pytest.mark.parametrize(
    ("refused_at", "revoked"),
    [
        pytest.param([1000], False, id="once"),
        pytest.param([1000, 1001, 1002], False, id="three times within a moment"),
        pytest.param([1000, 1100], False, id="twice"),
        pytest.param([1000, 1030, 1059], False, id="for almost a minute"),
        pytest.param([1000, 1030, 1060], True, id="three times over a minute"),
    ],
)
def test_a_token_is_revoked_where_it_is_refused(refused_at: list[float], revoked: bool) -> None:
    watch = HEARD
    for at in refused_at:
        watch = watch.refused(at)
    assert watch.is_revoked(refused_at[-1], PATIENCE) is revoked
    assert not watch.answered(PATIENCE).is_revoked(refused_at[-1], PATIENCE)


def test_an_answer_counts_only_where_restarts_were_in_vain_and_in_a_row() -> None:
    assert tried(2, 1075).answered(PATIENCE).answers == 0
    deaf = tried(3, 1105)
    assert deaf.answered(PATIENCE).answers == 1, "the network may be back just now"
    assert deaf.answered(PATIENCE).answered(PATIENCE).answers == MIN_ANSWERS
    assert deaf.answered(PATIENCE).unanswered().answered(PATIENCE).answers == 1


def test_news_forgets_the_restarts() -> None:
    assert tried(3, 1105).heard(1110) == Watch(heard_at=1110)
    assert tried(3, 1105).refused(1106).heard(1110) == Watch(heard_at=1110)
    assert tried(3, 1105).heard(None) == tried(3, 1105)


async def test_a_poll_that_hangs_is_asked_anew_over_another_connection(
    harness: Harness, telegram: TelegramSandbox, chat: PrivateChat, ann: Person
) -> None:
    async with harness.running(times=QUICK):
        telegram.faults.next("getUpdates", Fault.hang(), times=2)
        await chat.send(ann, "/video a cat on a sailing boat")
        await chat.wait(shows_video("a cat on a sailing boat"))


async def test_a_telegram_that_is_gone_for_long_does_not_end_the_process(
    harness: Harness, telegram: TelegramSandbox, chat: PrivateChat, ann: Person
) -> None:
    async with harness.running(times=QUICK):
        away = telegram.faults.always("*", Fault.dropped())
        asked = len(telegram.calls_of("getMe"))
        await telegram.wait_for_call("getMe", count=asked + 2, timeout=30)
        away.release()
        await chat.send(ann, "/video a cat on a sailing boat")
        await chat.wait(shows_video("a cat on a sailing boat"))


async def test_updates_that_never_come_although_telegram_answers_end_the_process_with_4(
    harness: Harness, telegram: TelegramSandbox, errors: LoggedErrors
) -> None:
    errors.expect("no updates arrive any more")
    async with harness.running(times=QUICK):
        telegram.faults.always("getUpdates", Fault.bad_gateway())
        await asyncio.wait_for(harness.stopping.wait(), 30)
    assert harness.exit_code is ExitCode.UPDATES_LOST


async def test_a_token_revoked_while_the_bot_runs_ends_the_process_with_2(
    harness: Harness, telegram: TelegramSandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    async with harness.running(times=QUICK):
        telegram.faults.always("*", Fault.error(401, "Unauthorized"))
        await asyncio.wait_for(harness.stopping.wait(), 30)
    assert harness.exit_code is ExitCode.WRONG_SETTINGS
    assert "TELEGRAM_BOT_TOKEN is refused by Telegram" in capsys.readouterr().err


async def test_a_token_that_seems_refused_once_is_asked_about_and_kept(
    harness: Harness, telegram: TelegramSandbox, chat: PrivateChat, ann: Person
) -> None:
    async with harness.running(times=QUICK):
        telegram.faults.next("getUpdates", Fault.error(404, "Not Found"))
        telegram.faults.next("getMe", Fault.error(404, "Not Found"), times=2)
        await chat.send(ann, "/video a cat on a sailing boat")
        await chat.wait(shows_video("a cat on a sailing boat"))


async def test_an_answer_nobody_can_read_ends_nothing(
    harness: Harness, telegram: TelegramSandbox, chat: PrivateChat, ann: Person
) -> None:
    async with harness.running(times=QUICK):
        strange = telegram.faults.always("getMe", Fault.unreadable())
        telegram.faults.next("getUpdates", Fault.error(404, "Not Found"))
        asked = len(telegram.calls_of("getMe"))
        await telegram.wait_for_call("getMe", count=asked + 2, timeout=30)
        strange.release()
        await chat.send(ann, "/video a cat on a sailing boat")
        await chat.wait(shows_video("a cat on a sailing boat"))
