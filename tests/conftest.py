"""The fixtures of the tests that run the whole bot."""

from __future__ import annotations

import gc
import logging
import os
import shutil
import signal
from itertools import islice, zip_longest
from operator import attrgetter, itemgetter
from pathlib import Path

# as bot.__main__ does for the real process
os.environ.setdefault("PTB_TIMEDELTA", "1")

from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from sandbox.aimlapi import AimlApiSandbox
from sandbox.telegram import TelegramSandbox
from tests.harness import ADMIN, Harness, LoggedErrors

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from bot.app import Bot
    from sandbox.telegram import Group, Person, PrivateChat


# no deadline: machines are noisy
settings.register_profile("always the same", derandomize=True, deadline=None)
settings.register_profile("random", derandomize=False, deadline=None)
settings.load_profile("always the same")


HERE = Path(__file__).parent
SLOW = [HERE / name for name in ("demo", "flows", "groups", "reliability", "simulation")]
"""Folders of slow tests."""
QUICK = [HERE / "flows" / "test_first_video.py"]
"""Quick tests in them."""
LONGEST = [HERE / "simulation" / "test_simulation.py", HERE / "reliability" / "test_crashes.py"]
"""Tests that compute for a minute and more."""
WAITING = [
    HERE / "bot" / "test_watchdog.py",
    HERE / "demo" / "test_demo_command.py",
    HERE / "demo" / "test_panel.py",
    HERE / "flows" / "test_restart.py",
    HERE / "reliability" / "test_log_secrecy.py",
]
"""Files with a test that waits for ten seconds and more."""


SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - used if it exists, so that no test waits for a disk


def pytest_configure(config: pytest.Config) -> None:
    """Put temporary files in memory, handle SIGINT, and disable garbage collection for now.

    A shell starts background jobs with SIGINT ignored, which each bot started here would inherit.
    Until the tests run, there is no garbage: imported modules and collected tests stay.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if SHARED_MEMORY.is_dir() and shutil.disk_usage(SHARED_MEMORY).free > 4 << 30:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(SHARED_MEMORY))
    gc.disable()
    worker = os.environ.get("PYTEST_XDIST_WORKER", "").removeprefix("gw")
    if worker and config.args == [HERE.name]:
        _rotate_files(config, int(worker), int(os.environ["PYTEST_XDIST_WORKER_COUNT"]))


def _rotate_files(config: pytest.Config, worker: int, workers: int) -> None:
    """Let each worker import the test files from a different one on.

    In a new clone pytest rewrites the assertions of each file and caches the result; this way each
    worker rewrites a share and loads the others from the cache.
    """
    files = [str(path) for path in sorted(HERE.rglob("test_*.py"))]
    first = len(files) * worker // workers
    config.args = files[first:] + files[:first]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that `make test-quick` skips; with several workers, run long tests first."""
    slow = {
        path: path not in QUICK and any(path.is_relative_to(folder) for folder in SLOW)
        for path in {item.path for item in items}
    }
    for item in items:
        if slow[item.path]:
            item.add_marker(pytest.mark.slow)
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    if workers > 1:
        items.sort(key=attrgetter("path"))
        items[:] = _spread(items, workers)
        # xdist gives each worker a contiguous part of the list: here, one test of each row
        items[:] = [item for worker in range(workers) for item in items[worker::workers]]


def _spread(items: list[pytest.Item], workers: int) -> list[pytest.Item]:
    """Return rows of one test per worker, with slow tests spread evenly, as they mostly wait.

    The longest computations are in the same columns: two workers run simulations and two run crash
    tests, while the others run tests that wait.
    """
    long = [[item for item in items if item.path == path] for path in LONGEST]
    columns = [half for column in long for half in (column[::2], column[1::2])]
    parts: tuple[list[pytest.Item], list[pytest.Item]] = ([], [])
    for item in items:
        if item.path not in LONGEST:
            parts[item.get_closest_marker("slow") is not None].append(item)
    places = [
        (item.path not in WAITING, number / len(part), item)
        for part in parts
        for number, item in enumerate(part)
    ]
    others = (item for *_, item in sorted(places, key=itemgetter(0, 1)))
    rows = list[pytest.Item | None]()
    for row in zip_longest(*columns):
        rows += [item or next(others, None) for item in row]
        rows += islice(others, max(0, workers - len(row)))
    return [item for item in (*rows, *others) if item is not None]


def pytest_collection_finish() -> None:
    """Enable garbage collection for objects that are created from now on."""
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)
    gc.enable()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the figures of tests, such as crash points, simulated generations and seconds."""
    for outcome in ("passed", "failed"):
        for report in terminalreporter.getreports(outcome):
            for name, value in report.user_properties:
                if name == "figures":
                    terminalreporter.write_line(str(value))


@pytest.fixture
def errors() -> Iterator[LoggedErrors]:
    """Collect the errors the bot logs; an unexpected one fails the test."""
    breakage = LoggedErrors()
    logging.getLogger().addHandler(breakage)
    yield breakage
    logging.getLogger().removeHandler(breakage)
    assert breakage.unexpected == [], "the bot logged errors that the test did not expect"


@pytest.fixture
async def telegram() -> AsyncIterator[TelegramSandbox]:
    """Telegram's sandbox."""
    async with TelegramSandbox() as sandbox:
        yield sandbox


@pytest.fixture
async def provider() -> AsyncIterator[AimlApiSandbox]:
    """The AI/ML API's sandbox, with quick clips cached across runs."""
    async with AimlApiSandbox(key="sandbox-key-0123456789") as sandbox:
        sandbox.render_seconds = 0.05
        yield sandbox


@pytest.fixture
def harness(
    telegram: TelegramSandbox, provider: AimlApiSandbox, tmp_path: Path, errors: LoggedErrors
) -> Harness:
    """Both sandboxes and a data folder; `harness.running()` runs the bot."""
    return Harness(telegram, provider, tmp_path / "data", errors)


@pytest.fixture
async def bot(harness: Harness) -> AsyncIterator[Bot]:
    """The bot, running with the settings of most tests."""
    async with harness.running() as running:
        yield running


@pytest.fixture
def ann(telegram: TelegramSandbox) -> Person:
    """A person with an allowance."""
    return telegram.person("Ann", username="ann")


@pytest.fixture
def bob(telegram: TelegramSandbox) -> Person:
    """Another person."""
    return telegram.person("Bob", username="bob")


@pytest.fixture
def chat(telegram: TelegramSandbox, ann: Person) -> PrivateChat:
    """Ann's private chat."""
    return telegram.private(ann)


@pytest.fixture
def club(telegram: TelegramSandbox, ann: Person, bob: Person) -> Group:
    """Ann's group with Bob in it."""
    return telegram.group("Film club", [ann, bob])


@pytest.fixture(params=["alone", "in a group"])
def place(request: pytest.FixtureRequest) -> PrivateChat | Group:
    """A private chat, or a group: where credits are bought for the person or for the group."""
    found: PrivateChat | Group = request.getfixturevalue(
        "chat" if request.param == "alone" else "club"
    )
    return found


@pytest.fixture
def owner(telegram: TelegramSandbox) -> Person:
    """The operator."""
    return telegram.person("Olga", user_id=ADMIN)


@pytest.fixture
def office(telegram: TelegramSandbox, owner: Person) -> PrivateChat:
    """The operator's private chat."""
    return telegram.private(owner)
