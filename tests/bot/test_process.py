"""One process per DATA_DIR."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import signal
import sys
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

import pytest

from bot.process import (
    CannotStart,
    ExitCode,
    call_on_stop_signals,
    find_lock,
    lock_folder,
    set_on_stop_signals,
)
from tests.flows.process import process

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sandbox.aimlapi import AimlApiSandbox
    from sandbox.telegram import TelegramSandbox


@pytest.fixture
def _own_signals() -> Iterator[None]:
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in numbers}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def test_a_second_holder_is_refused_and_learns_who_is_first(tmp_path: Path) -> None:
    with (
        lock_folder(tmp_path),
        pytest.raises(CannotStart, match=f"process {os.getpid()} ") as refused,
        lock_folder(tmp_path),
    ):
        pass
    assert refused.value.code is ExitCode.LOCKED


def test_what_one_lets_go_of_another_may_hold(tmp_path: Path) -> None:
    for _ in range(2):
        with lock_folder(tmp_path / "not there yet"):
            pass


def test_a_file_left_behind_or_made_up_holds_nothing(tmp_path: Path) -> None:
    (tmp_path / "lock").write_text("no number at all " * 100)
    with lock_folder(tmp_path):
        pass


@pytest.mark.parametrize(("number", "passes"), [(errno.ENOLCK, True), (errno.EOPNOTSUPP, False)])
def test_a_disk_that_locks_nothing_is_told_from_one_that_cannot_now(
    number: int, passes: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(CannotStart, match=f"{tmp_path}/lock") as refused, lock_folder(tmp_path):
        pass
    assert refused.value.code is (ExitCode.FAILURE if passes else ExitCode.WRONG_SETTINGS)
    assert find_lock(tmp_path) is None


async def test_a_second_run_says_so_in_one_line_ends_with_3_and_touches_nothing(
    telegram: TelegramSandbox, provider: AimlApiSandbox, tmp_path: Path
) -> None:
    with lock_folder(tmp_path):
        async with process(telegram, provider, tmp_path) as second:
            _, said = await second.communicate()
    assert second.returncode == 3
    assert said.decode().splitlines() == [
        f"DATA_DIR is in use: process {os.getpid()} already runs the bot on {tmp_path}"
    ]
    assert not (tmp_path / "bot.sqlite3").exists()
    assert telegram.calls == []


@pytest.mark.usefixtures("_own_signals")
async def test_a_stop_is_heard_among_a_thousand_clocks_that_are_set() -> None:
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        set_on_stop_signals(stopping)
        for _ in range(1000):
            asyncio.get_running_loop().call_soon_threadsafe(int)
        os.kill(os.getpid(), number)
        await asyncio.wait_for(stopping.wait(), 20)
        stopping.clear()


@pytest.mark.usefixtures("_own_signals")
def test_a_stop_before_anything_is_begun_ends_with_0_and_without_a_traceback() -> None:
    call_on_stop_signals(partial(sys.exit, ExitCode.STOPPED))
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        with pytest.raises(SystemExit) as ended:
            signal.raise_signal(number)
        assert ended.value.code == 0


@pytest.mark.usefixtures("_own_signals")
def test_what_is_started_to_outlive_its_terminal_does() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    call_on_stop_signals(partial(sys.exit, ExitCode.STOPPED))
    signal.raise_signal(signal.SIGHUP)


@pytest.mark.slow
@pytest.mark.parametrize("before", ["exec 2>/dev/full", "exec 0<&- 1>&- 2>&-"])
async def test_a_bot_whose_words_nobody_takes_works_until_its_terminal_is_closed(
    before: str, telegram: TelegramSandbox, provider: AimlApiSandbox, tmp_path: Path
) -> None:
    async with process(telegram, provider, tmp_path, before=before) as running:
        while running.returncode is None and not telegram.calls_of("getUpdates"):
            await asyncio.sleep(0.01)
        with suppress(ProcessLookupError):
            running.send_signal(signal.SIGHUP)
        assert await running.wait() == 0
