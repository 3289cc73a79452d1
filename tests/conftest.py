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
from tests.house import ADMIN, Breakage, House

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
"""Folders of long tests."""
QUICK = [HERE / "flows" / "test_first_video.py"]
"""What is quick in them."""
LONGEST = [HERE / "simulation" / "test_simulation.py", HERE / "reliability" / "test_crashes.py"]
"""What computes for a minute and more."""
WAITING = [
    HERE / "bot" / "test_watchdog.py",
    HERE / "demo" / "test_demo_command.py",
    HERE / "demo" / "test_panel.py",
    HERE / "flows" / "test_restart.py",
    HERE / "reliability" / "test_log_secrecy.py",
]
"""Where a single test waits for ten seconds and more."""


SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - where there is one, no test waits for a disk


def pytest_configure(config: pytest.Config) -> None:
    """Prepare the process: temporary files in memory, Ctrl-C heard, no garbage collection yet.

    A shell starts background jobs with SIGINT ignored, and each bot started here would inherit it.
    What is imported and collected stays, so nothing is garbage until then.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if SHARED_MEMORY.is_dir() and shutil.disk_usage(SHARED_MEMORY).free > 4 << 30:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(SHARED_MEMORY))
    gc.disable()
    worker = os.environ.get("PYTEST_XDIST_WORKER", "").removeprefix("gw")
    if worker and config.args == [HERE.name]:
        _begin_elsewhere(config, int(worker), int(os.environ["PYTEST_XDIST_WORKER_COUNT"]))


def _begin_elsewhere(config: pytest.Config, worker: int, workers: int) -> None:
    """Let each worker start to import at another file.

    In a fresh clone pytest rewrites the assertions of each file, and keeps the result: so each
    worker rewrites its share and loads the others'.
    """
    files = [str(path) for path in sorted(HERE.rglob("test_*.py"))]
    first = len(files) * worker // workers
    config.args = files[first:] + files[:first]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what `make test-quick` leaves out; deal several workers what lasts long first."""
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
        # each begins with the next part of the list, so all are dealt a share
        items[:] = [item for worker in range(workers) for item in items[worker::workers]]


def _spread(items: list[pytest.Item], workers: int) -> list[pytest.Item]:
    """Return rows of one test for each worker; the slow are spread over the others: they wait.

    What computes longest stands one below the other: two workers simulate and two kill, while the
    others do what waits.
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
    """Collect garbage from now on, of what the tests themselves leave."""
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)
    gc.enable()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what tests counted: points killed at, generations simulated, seconds taken."""
    for outcome in ("passed", "failed"):
        for report in terminalreporter.getreports(outcome):
            for name, value in report.user_properties:
                if name == "figures":
                    terminalreporter.write_line(str(value))


@pytest.fixture
def errors() -> Iterator[Breakage]:
    """What the bot logs as an error; an unexpected one fails the test."""
    breakage = Breakage()
    logging.getLogger().addHandler(breakage)
    yield breakage
    logging.getLogger().removeHandler(breakage)
    assert breakage.unexpected == [], "the bot logged errors that the test did not expect"


@pytest.fixture
async def telegram() -> AsyncIterator[TelegramSandbox]:
    """Telegram on this machine."""
    async with TelegramSandbox() as sandbox:
        yield sandbox


@pytest.fixture
async def provider() -> AsyncIterator[AimlApiSandbox]:
    """The AI/ML API on this machine, with quick clips shared by all runs."""
    async with AimlApiSandbox(key="sandbox-key-0123456789") as sandbox:
        sandbox.render_seconds = 0.05
        yield sandbox


@pytest.fixture
def house(
    telegram: TelegramSandbox, provider: AimlApiSandbox, tmp_path: Path, errors: Breakage
) -> House:
    """Everything but a running bot; `house.running()` runs it."""
    return House(telegram, provider, tmp_path / "data", errors)


@pytest.fixture
async def bot(house: House) -> AsyncIterator[Bot]:
    """The bot, running with the usual settings."""
    async with house.running() as running:
        yield running


@pytest.fixture
def ann(telegram: TelegramSandbox) -> Person:
    """Somebody with an allowance."""
    return telegram.person("Ann", username="ann")


@pytest.fixture
def bob(telegram: TelegramSandbox) -> Person:
    """Somebody else."""
    return telegram.person("Bob", username="bob")


@pytest.fixture
def chat(telegram: TelegramSandbox, ann: Person) -> PrivateChat:
    """Ann alone with the bot."""
    return telegram.private(ann)


@pytest.fixture
def club(telegram: TelegramSandbox, ann: Person, bob: Person) -> Group:
    """Ann's group with Bob in it."""
    return telegram.group("Film club", [ann, bob])


@pytest.fixture(params=["alone", "in a group"])
def place(request: pytest.FixtureRequest) -> PrivateChat | Group:
    """Where somebody buys: their own credits alone with the bot, or a group's there."""
    found: PrivateChat | Group = request.getfixturevalue(
        "chat" if request.param == "alone" else "club"
    )
    return found


@pytest.fixture
def owner(telegram: TelegramSandbox) -> Person:
    """Who runs the bot."""
    return telegram.person("Olga", user_id=ADMIN)


@pytest.fixture
def office(telegram: TelegramSandbox, owner: Person) -> PrivateChat:
    """The owner alone with the bot."""
    return telegram.private(owner)
