"""What `doctor` says of the data folder, in use or not, and that it only looks."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from bot import process
from bot.operations.checks import Verdict, check_database, check_folder, check_lock
from storage.database import Database
from storage.migrations import steps

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bot.operations.checks import Finding


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the database belongs."""
    return tmp_path / "bot.sqlite3"


def look(path: Path) -> Finding:
    (said,) = check_database(path)
    return said


def let_read(path: Path, mode: int) -> None:
    path.chmod(mode)


async def made(path: Path) -> None:
    await (await Database.open(path)).close()
    let_read(path, 0o600)


def test_a_database_that_is_not_made_yet_is_left_unmade(path: Path) -> None:
    said = look(path)
    assert (said.verdict, said.found) == (Verdict.OK, "not made yet")
    assert not path.exists()


async def test_a_whole_database_is_fine(path: Path) -> None:
    await made(path)
    said = look(path)
    assert (said.verdict, said.found) == (Verdict.OK, f"whole, at version {len(steps())}")


async def test_a_database_is_looked_at_while_it_is_written_to(path: Path) -> None:
    await made(path)
    db = await Database.open(path)
    async with db.transaction() as tx:
        await tx.execute("CREATE TABLE more (one TEXT) STRICT")
        assert look(path).verdict is Verdict.OK
    await db.close()


def a_newer_one(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA user_version = 999")


def no_database(path: Path) -> None:
    path.write_text("not a database " * 100)


def a_damaged_one(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE people (name TEXT)")
        database.executemany("INSERT INTO people VALUES (?)", [("Ann" * 100,)] * 100)
        database.commit()
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 4096)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (a_newer_one, "at version 999, this program knows "),
        (no_database, "file is not a database"),
        (a_damaged_one, "damaged: "),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_database_nobody_can_start_on_is_a_failure(
    path: Path, spoil: Callable[[Path], None], said: str
) -> None:
    spoil(path)
    let_read(path, 0o600)
    found = look(path)
    assert found.verdict is Verdict.FAILURE
    assert said in found.found
    assert "backup" in found.remedy


async def test_a_database_everybody_can_read_is_warned_of(path: Path) -> None:
    await made(path)
    let_read(path, 0o644)
    said = look(path)
    assert said.verdict is Verdict.WARNING
    assert said.remedy == f"chmod -R go= {path.parent}"


def test_whether_a_bot_runs_there_is_said(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    (idle,) = check_lock(folder)
    with process.lock_folder(folder):
        (busy,) = check_lock(folder)
    (over,) = check_lock(folder)
    assert [one.verdict for one in (idle, busy, over)] == [Verdict.OK] * 3
    assert idle.found == over.found == "no bot runs on DATA_DIR"
    assert f"process {os.getpid()}" in busy.found


def test_a_folder_that_leads_to_itself_is_a_finding(path: Path) -> None:
    path.parent.joinpath("loop").symlink_to("loop")
    assert look(path.parent / "loop" / path.name).verdict is Verdict.FAILURE


def test_what_lies_in_the_data_folder_is_looked_at_too(path: Path) -> None:
    videos = path.parent / "videos"
    videos.write_text("not a folder")
    (said,) = check_folder(path.parent)
    assert (said.verdict, said.found) == (
        Verdict.FAILURE, f"{videos} cannot be written to: Not a directory",
    )  # fmt: skip


@pytest.mark.parametrize("name", ["bot.sqlite3", "lock"])
def test_a_pipe_in_a_files_place_is_found_and_not_waited_for(path: Path, name: str) -> None:
    pipe = path.parent / name
    os.mkfifo(pipe)
    (said,) = check_folder(path.parent)
    assert (said.verdict, said.found) == (
        Verdict.FAILURE,
        f"{pipe} cannot be written to: Not a file",
    )
    assert look(path).verdict is (Verdict.FAILURE if pipe == path else Verdict.OK)
