"""A DATA_DIR nobody can work with ends the start: one line, an exit code, no call to Telegram.

The code is 2 where somebody has to mend it, and 1 where another start may find it well.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from storage import database
from storage.database import Database, DatabaseInTrouble
from tests.flows.process import process

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sandbox.aimlapi import AimlApiSandbox
    from sandbox.telegram import TelegramSandbox


def a_file_in_its_place(folder: Path) -> None:
    folder.write_text("not a folder")


def no_database(folder: Path) -> None:
    folder.mkdir()
    (folder / "bot.sqlite3").write_text("not a database " * 100)


def a_folder_for_a_database(folder: Path) -> None:
    (folder / "bot.sqlite3").mkdir(parents=True)


def a_newer_database(folder: Path) -> None:
    folder.mkdir()
    with closing(sqlite3.connect(folder / "bot.sqlite3")) as database:
        database.execute("PRAGMA user_version = 999")


def a_file_for_videos(folder: Path) -> None:
    folder.mkdir()
    (folder / "videos").write_text("not a folder")


def a_file_for_pictures(folder: Path) -> None:
    folder.mkdir()
    (folder / "pictures").write_text("not a folder")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (a_file_in_its_place, "{folder}: File exists"),
        (no_database, "{folder}/bot.sqlite3: file is not a database"),
        (a_folder_for_a_database, "{folder}/bot.sqlite3: unable to open database file"),
        (a_file_for_videos, "{folder}/videos: File exists"),
        (a_file_for_pictures, "{folder}/pictures: File exists"),
        (a_newer_database, "the database is at version 999, this program knows "),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
async def test_it_is_said_in_one_line_and_the_start_ends_with_2(
    spoil: Callable[[Path], None],
    said: str,
    telegram: TelegramSandbox,
    provider: AimlApiSandbox,
    tmp_path: Path,
) -> None:
    folder = tmp_path / "data"
    spoil(folder)
    async with process(telegram, provider, folder) as run:
        _, errors = await run.communicate()
    (line,) = errors.decode().splitlines()
    assert line.startswith("DATA_DIR cannot be used: " + said.format(folder=folder))
    assert run.returncode == 2
    assert telegram.calls == []


async def test_a_disk_that_takes_no_more_is_said_in_one_line_and_the_start_ends_with_1(
    telegram: TelegramSandbox, provider: AimlApiSandbox, tmp_path: Path
) -> None:
    nothing = "ulimit -f 0"
    async with process(telegram, provider, tmp_path / "data", before=nothing) as run:
        _, errors = await run.communicate()
    (line,) = errors.decode().splitlines()
    assert line == f"DATA_DIR cannot be used now: {tmp_path}/data/bot.sqlite3: disk I/O error"
    assert run.returncode == 1
    assert telegram.calls == []


async def test_a_database_somebody_else_works_on_is_another_starts_business(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "bot.sqlite3"
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.01)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(DatabaseInTrouble, match="locked"):
            await Database.open(path)
    await (await Database.open(path)).close()
