"""A DATA_DIR nobody can work with ends the start: one line, an exit code, and nothing is done.

The code is 2 where somebody has to mend it, and 1 where another start may find it well.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from storage import database
from storage.database import Database
from storage.migrations import DatabaseUnavailable, steps
from tests.flows.predicates import shows_video
from tests.flows.process import process

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sandbox.aimlapi import AimlApiSandbox
    from sandbox.telegram import Person, PrivateChat, TelegramSandbox
    from tests.harness import Harness, LoggedErrors


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


def a_damaged_table(folder: Path) -> None:
    folder.mkdir()
    with closing(sqlite3.connect(folder / "bot.sqlite3", isolation_level=None)) as rows:
        for script in steps():
            rows.executescript(script)
        rows.execute(f"PRAGMA user_version = {len(steps())}")
        (page,) = rows.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'inbox'").fetchone()
        (size,) = rows.execute("PRAGMA page_size").fetchone()
    with (folder / "bot.sqlite3").open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(bytes(size))


def a_folder_for_a_lock(folder: Path) -> None:
    (folder / "lock").mkdir(parents=True)


def a_pipe_for_a_database(folder: Path) -> None:
    folder.mkdir()
    os.mkfifo(folder / "bot.sqlite3")


def a_pipe_for_its_log(folder: Path) -> None:
    folder.mkdir()
    os.mkfifo(folder / "bot.sqlite3-wal")


def a_link_to_a_disk_that_is_away(folder: Path) -> None:
    folder.mkdir()
    (folder / "bot.sqlite3").symlink_to(folder.parent / "away.sqlite3")


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
        (a_folder_for_a_database, "{folder}/bot.sqlite3: Not a file"),
        (a_pipe_for_a_database, "{folder}/bot.sqlite3: Not a file"),
        (a_pipe_for_its_log, "{folder}/bot.sqlite3-wal: Not a file"),
        (a_link_to_a_disk_that_is_away, "{folder}/bot.sqlite3: Not a file"),
        (a_file_for_videos, "{folder}/videos: File exists"),
        (a_file_for_pictures, "{folder}/pictures: File exists"),
        (a_damaged_table, "{folder}/bot.sqlite3: database disk image is malformed"),
        (a_folder_for_a_lock, "{folder}/lock: Not a file"),
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
    assert {call.method for call in telegram.calls} <= {"getMe"}


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
        with pytest.raises(DatabaseUnavailable, match="locked"):
            await Database.open(path)
    await (await Database.open(path)).close()


SPOILT = """
UPDATE generations SET reason = 'of another version';
INSERT INTO notices (cause, chat, kind, facts, due_at, created_at)
    SELECT 'one', chat, 'of another version', '{}', 0, 2e9 FROM generations;
INSERT INTO notices (cause, chat, kind, facts, due_at, created_at)
    SELECT 'two', chat, 'granted', '{half of', 0, 2e9 FROM generations;
INSERT INTO notices (cause, chat, kind, facts, due_at, created_at)
    SELECT 'three', chat, 'model_gone', '[1]', 0, 2e9 FROM generations;
INSERT INTO inbox (update_id, queue_key, received_at, body)
    VALUES (1, 1, 2e9, '{half of'), (2, 1, 2e9, NULL), (3, 1, 2e9, '[]');
INSERT OR REPLACE INTO feeds (name, body, heard_at) VALUES ('models', '{half of', 0);
INSERT INTO cooldowns (model, reason, until) VALUES ('openai/sora-2-t2v', 'tired', 9e9);
"""
"""Rows as a damaged disk or another version may leave them."""


async def test_rows_that_cannot_be_read_are_set_aside_alone(
    harness: Harness,
    provider: AimlApiSandbox,
    chat: PrivateChat,
    ann: Person,
    errors: LoggedErrors,
) -> None:
    errors.expect("cannot be read: set aside")
    errors.expect("there are no words for notice")
    provider.render_seconds = 2.0
    async with harness.running():
        await chat.send(ann, "/video a cat")
        await provider.wait_for_submissions(1)
    with closing(sqlite3.connect(harness.data / "bot.sqlite3", isolation_level=None)) as rows:
        rows.executescript(SPOILT)
    (harness.data / "heartbeat").write_text("yesterday")
    provider.render_seconds = 0.0
    async with harness.running():
        await chat.wait(shows_video("a cat"))
        await chat.send(ann, "/video a dog")
        await chat.wait(shows_video("a dog"))
    with closing(sqlite3.connect(harness.data / "bot.sqlite3")) as rows:
        aside = rows.execute("SELECT update_id FROM inbox WHERE set_aside = 1").fetchall()
        given_up = rows.execute("SELECT cause FROM notices WHERE given_up = 1 AND created_at = 2e9")
        assert aside == [(1,), (2,), (3,)]
        assert {*given_up} == {("one",), ("two",), ("three",)}
