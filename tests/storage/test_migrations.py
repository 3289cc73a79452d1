"""From any file an earlier version wrote to the schema of this one, or not at all."""

from __future__ import annotations

import os
import sqlite3
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

import aiosqlite
import pytest

from storage import cards, chats, generations, inbox, ledger, notices, outages, people, statistics
from storage.database import Connection, Database
from storage.generations import PENDING, Reason, State
from storage.ledger import Account, Pot
from storage.migrations import (
    DatabaseUnavailable,
    NewerDatabase,
    UnusableDatabase,
    drop_old_copies,
    is_copy,
    migrate,
    steps,
)
from storage.notices import NoticeKind
from tests.storage.old_files import GROUP, rows_of
from tests.storage.requests import ANN, BOB, NOW, steps_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@dataclass(frozen=True)
class Old:
    """A file opened by this version, and how many rows its tables had before."""

    db: Database
    before: dict[str, int]


FIRST = "CREATE TABLE a (x INTEGER) STRICT;\nINSERT INTO a VALUES (1);\n"
SECOND = "ALTER TABLE a ADD COLUMN y TEXT;\nUPDATE a SET y = 'old';\n"
BROKEN = (
    "CREATE TABLE b (x INTEGER) STRICT;\nINSERT INTO a VALUES (2);\nINSERT INTO missing VALUES (1);"
)


@pytest.fixture
async def file(tmp_path: Path) -> AsyncIterator[aiosqlite.Connection]:
    """An empty database."""
    async with aiosqlite.connect(tmp_path / "file.sqlite3", isolation_level=None) as connection:
        yield connection


async def schema(connection: aiosqlite.Connection) -> list[tuple[str, ...]]:
    """Every table, index and trigger, in its own words."""
    async with connection.execute(
        "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name"
    ) as cursor:
        return [tuple(row) for row in await cursor.fetchall()]


def version(path: Path) -> int:
    """The version a file says it has, read without our code."""
    with sqlite3.connect(path) as connection:
        found = int(connection.execute("PRAGMA user_version").fetchone()[0])
    connection.close()
    return found


WITH_A_TRIGGER = (
    "-- a remark; with a semicolon\n"
    "CREATE TRIGGER t AFTER INSERT ON a BEGIN\n"
    "    UPDATE a SET y = ';';\n"
    "    DELETE FROM a WHERE x = 1;\n"
    "END;\n"
    "INSERT INTO a (x) VALUES (2); -- the end"
)


async def test_every_statement_of_every_step_is_applied(file: aiosqlite.Connection) -> None:
    assert await migrate(file, [FIRST, SECOND]) == 2
    async with file.execute("SELECT x, y FROM a") as cursor:
        assert [tuple(row) for row in await cursor.fetchall()] == [(1, "old")]
    assert await Connection(file).fetch_int("PRAGMA user_version") == 2
    assert await migrate(file, [FIRST, SECOND, WITH_A_TRIGGER]) == 3
    async with file.execute("SELECT x, y FROM a") as cursor:
        assert [tuple(row) for row in await cursor.fetchall()] == [(2, ";")]


async def test_a_step_is_applied_once(file: aiosqlite.Connection) -> None:
    await migrate(file, [FIRST])
    await migrate(file, [FIRST])
    assert await Connection(file).fetch_int("SELECT count(*) FROM a") == 1


@pytest.mark.parametrize("known", range(len(steps()) + 1))
async def test_a_file_of_any_version_ends_with_the_schema_of_a_new_one(
    known: int, tmp_path: Path, file: aiosqlite.Connection
) -> None:
    await migrate(file, steps()[:known])
    await migrate(file)
    async with aiosqlite.connect(tmp_path / "new.sqlite3", isolation_level=None) as new:
        await migrate(new)
        assert await schema(file) == await schema(new)


@pytest.mark.parametrize(
    ("broken", "what"), [(BROKEN, "missing"), (BROKEN[:-20], "syntax|incomplete")]
)
async def test_a_step_that_fails_leaves_the_version_before_it_intact(
    broken: str, what: str, file: aiosqlite.Connection
) -> None:
    await migrate(file, [FIRST])
    before = await schema(file)
    with pytest.raises(sqlite3.OperationalError, match=what):
        await migrate(file, [FIRST, broken])
    assert await schema(file) == before
    assert await Connection(file).fetch_int("PRAGMA user_version") == 1
    assert await Connection(file).fetch_int("SELECT count(*) FROM a") == 1
    assert not file.in_transaction
    assert await migrate(file, [FIRST, SECOND]) == 2, "the next program can go on from there"


async def test_steps_before_the_failing_one_stay(file: aiosqlite.Connection) -> None:
    with pytest.raises(sqlite3.OperationalError):
        await migrate(file, [FIRST, SECOND, BROKEN])
    assert await Connection(file).fetch_int("PRAGMA user_version") == 2


async def test_a_file_of_a_newer_program_is_refused_untouched(tmp_path: Path) -> None:
    path = tmp_path / "bot.sqlite3"
    db = await Database.open(path)
    async with db.transaction() as tx:
        await tx.execute(f"PRAGMA user_version = {len(steps()) + 1}")
    await db.close()
    with pytest.raises(NewerDatabase, match="restore a backup"):
        await Database.open(path)
    assert version(path) == len(steps()) + 1


async def test_a_file_is_copied_before_the_first_step_and_as_it_was(tmp_path: Path) -> None:
    path, kept = tmp_path / "bot.sqlite3", tmp_path / "before-update-6.sqlite3"
    async with aiosqlite.connect(path, isolation_level=None) as connection:
        await migrate(connection, steps()[:6])
        for statement, values in rows_of(6):
            await connection.execute(statement, values)
        before = await schema(connection)
    kept.write_text("left by an update that was broken off")
    await (await Database.open(path)).close()
    assert (version(path), version(kept)) == (len(steps()), 6)
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600, "it holds what people wrote"
    async with aiosqlite.connect(kept) as connection:
        assert await schema(connection) == before
        assert await Connection(connection).fetch_int("SELECT count(*) FROM generations") == len(
            State
        )
        assert await is_copy(Connection(connection)), "whoever goes back to it orders nothing twice"
    kept.unlink()
    await (await Database.open(path)).close()
    assert not kept.exists(), "a file that needs no step needs no copy"
    kept.write_text("")
    os.utime(kept, (0.0, 0.0))
    drop_old_copies(tmp_path)
    assert not kept.exists(), "what was erased since is in it"


@pytest.mark.parametrize("breaks_first", [False, True])
async def test_what_an_older_version_erased_is_in_no_page_after_the_update(
    tmp_path: Path, *, breaks_first: bool
) -> None:
    path = tmp_path / "bot.sqlite3"
    async with aiosqlite.connect(path, isolation_level=None) as connection:
        await connection.execute("PRAGMA secure_delete = OFF")
        await migrate(connection, steps()[:6])
        words = ("quokka" * 2_000, 7, NOW)
        await connection.execute(
            "INSERT INTO inbox (body, lane, received_at) VALUES (?, ?, ?)", words
        )
        await connection.execute("UPDATE inbox SET body = NULL")
    assert b"quokka" in path.read_bytes(), "it was left out, and not overwritten"
    if breaks_first:
        async with aiosqlite.connect(path, isolation_level=None) as connection:
            with pytest.raises(sqlite3.OperationalError):
                await migrate(connection, (*steps()[:-1], BROKEN))
    await (await Database.open(path)).close()
    assert b"quokka" not in path.read_bytes()


async def test_where_no_copy_can_be_made_nothing_is_changed(tmp_path: Path) -> None:
    path = tmp_path / "bot.sqlite3"
    async with aiosqlite.connect(path, isolation_level=None) as connection:
        await migrate(connection, steps()[:6])
    (tmp_path / "before-update-6.sqlite3").mkdir()
    with pytest.raises(DatabaseUnavailable, match=r"before-update-6\.sqlite3"):
        await Database.open(path)
    assert version(path) == 6


async def test_what_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bot.sqlite3"
    path.write_bytes(b"not a database, by far" * 100)
    with pytest.raises(UnusableDatabase, match="not a database"):
        await Database.open(path)


async def test_of_questions_left_open_by_an_older_version_the_last_stays_open(
    file: aiosqlite.Connection,
) -> None:
    scripts = steps()
    known = next(n for n, script in enumerate(scripts) if "one_open_card" in script)
    await migrate(file, scripts[:known])
    await file.execute(
        "INSERT INTO chats (id, telegram_id, kind, created_at) VALUES (1, 5, 'private', 0)"
    )
    for cause, kind, shown in (
        ("a", "question", 10), ("b", "question", 11), ("c", "prompt", None), ("d", "prompt", 12),
    ):  # fmt: skip
        await file.execute(
            "INSERT INTO cards (cause, kind, state, chat, account_kind, account_id, card_message,"
            " prompt, created_at) VALUES (?, ?, 'open', 1, 'person', 5, ?, 'words', 0)",
            (cause, kind, shown),
        )
    await migrate(file)
    async with file.execute("SELECT cause, state, kept FROM cards ORDER BY id") as cursor:
        assert [tuple(row) for row in await cursor.fetchall()] == [
            ("a", "dropped", 0), ("b", "dropped", 0), ("c", "open", 1), ("d", "open", 0),
        ]  # fmt: skip


RENAMED = {"rests": "cooldowns", "strikes": "model_failures"}
FILLED_BY_HAND = range(1, 7)
"""The versions whose rows `rows_of` writes: those after are reached by migrating."""


async def counts(connection: Connection) -> dict[str, int]:
    """How many rows each table has, by its present name."""
    tables = await connection.fetch_all("SELECT name FROM sqlite_schema WHERE type = 'table'")
    return {
        RENAMED.get(name, name): await connection.fetch_int(f"SELECT count(*) FROM {name}")  # noqa: S608 - names of the schema
        for (name,) in tables
    }


@pytest.fixture(params=FILLED_BY_HAND)
async def old(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Old]:
    """A file of an earlier version with rows in all its tables, opened by this one."""
    async with aiosqlite.connect(tmp_path / "bot.sqlite3", isolation_level=None) as connection:
        await migrate(connection, steps()[: request.param])
        for statement, values in rows_of(request.param):
            await connection.execute(statement, values)
        before = await counts(Connection(connection))
    db = await Database.open(tmp_path / "bot.sqlite3")
    yield Old(db, before)
    await db.close()


async def test_each_row_of_each_table_is_there_after_the_migration(old: Old) -> None:
    assert min(old.before.values()) > 0, "each table had some"
    async with old.db.reading() as connection:
        after = await counts(connection)
        assert {name: after[name] for name in old.before} == old.before
        assert await connection.fetch_all("PRAGMA foreign_key_check") == []
        assert [tuple(row) for row in await connection.fetch_all("PRAGMA integrity_check")] == [
            ("ok",)
        ]


async def test_each_request_is_in_its_state_with_what_it_holds(old: Old) -> None:
    account = Account.person(ANN)
    async with old.db.reading() as connection:
        found = await generations.in_states(connection, set(State))
        assert {one.state: one.prompt for one in found} == {
            state: f"a cat, {state}" for state in State
        }
        assert [one.state for one in await generations.in_work(connection, 1)] == [*State]
        for one in found:
            held = await ledger.open_holds(connection, one.id)
            assert sum(hold.credits for hold in held) == (9 if one.state in PENDING else 0)
        assert await ledger.held(connection, account) == 9 * len(PENDING)
        assert await ledger.stored(connection, account, Pot.GRANTED) == 100
        assert await statistics.budget_used(connection, since=NOW - NOW % 900) == 840_000 * len(
            State
        )


async def test_a_request_goes_on_from_where_it_was(old: Old) -> None:
    async with old.db.transaction() as tx:
        [queued] = await generations.in_states(tx, {State.QUEUED})
        moved = await generations.change_state(
            tx, queued.id, State.QUEUED, State.SUBMITTING, reason=Reason.TURN_CAME, now=NOW + 1
        )
        assert moved is not None
        assert moved.refusals == 2, "what it had behind it counts"
        await ledger.end_holds(tx, queued.id, ledger.EntryKind.RELEASE, now=NOW + 1)
        assert await ledger.open_holds(tx, queued.id) == []
        steps = await steps_of(tx, queued.id)
    assert [step.state for step in steps] == ["queued", "submitting"]


async def test_everything_else_can_be_read(old: Old) -> None:
    async with old.db.reading() as connection:
        [stored] = await inbox.waiting(connection)
        assert (stored.update_id, stored.queue_key) == (1, ANN)
        card = await cards.find(connection, 1)
        assert card is not None
        assert card.state == "open"
        [notice] = await notices.owed(connection, 1)
        assert notice.kind is NoticeKind.FAILED_BROKEN
        assert await outages.current(connection) is not None
        [cooldown] = await outages.cooldowns(connection, now=NOW)
        assert cooldown.model == "openai/sora-2-t2v"
        assert await people.any_allowed(connection, [GROUP])
        assert await people.admins(connection) == [BOB]
        group = await chats.group_of(connection, 2)
        assert group.pool == (50 if "groups" in old.before else 0)
        assert await people.any_banned(connection, [777]) == ("bans" in old.before)
