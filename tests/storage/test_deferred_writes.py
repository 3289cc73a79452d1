"""Writes whose loss is harmless: another transaction carries them, or one of their own in time."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from storage import database
from storage.database import Database
from tests.databases import begin
from tests.storage.requests import rows

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from storage.database import Connection, Write

NEVER = 3600.0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "bot.sqlite3"


@pytest.fixture
async def db(path: Path) -> AsyncIterator[Database]:
    """A database with a table of marks, whose deferred writes wait for a transaction."""
    database = await Database.open(begin(path), flush_seconds=NEVER)
    async with database.transaction() as tx:
        await tx.execute("CREATE TABLE marks (mark TEXT NOT NULL UNIQUE) STRICT")
    yield database
    await database.close()


def mark(name: str | None) -> Write:
    """A write of one row; nobody's name is an error."""

    async def write(tx: Connection) -> None:
        await tx.execute("INSERT INTO marks VALUES (?)", (name,))

    return write


async def marks(db: Database) -> list[str]:
    return [name for (name,) in await rows(db, "SELECT mark FROM marks ORDER BY rowid")]


def committed(path: Path) -> list[str]:
    """What another process would find."""
    with sqlite3.connect(path) as file:
        return [name for (name,) in file.execute("SELECT mark FROM marks ORDER BY rowid")]


async def test_they_are_the_first_statements_of_the_next_transaction_in_their_order(
    db: Database,
) -> None:
    commits = db.usage.commits
    db.defer(mark("first"))
    db.defer(mark("second"))
    assert await marks(db) == [], "a reading does not carry them"
    async with db.transaction() as tx:
        await mark("its own")(tx)
    assert await marks(db) == ["first", "second", "its own"]
    assert db.usage.commits == commits + 1


async def test_each_is_written_once(db: Database) -> None:
    db.defer(mark("once"))
    for name in ("a", "b"):
        async with db.transaction() as tx:
            await mark(name)(tx)
    assert await marks(db) == ["once", "a", "b"]


async def test_what_is_deferred_within_a_transaction_goes_with_the_next(db: Database) -> None:
    async with db.transaction() as tx:
        db.defer(mark("deferred"))
        await mark("at once")(tx)
    assert await marks(db) == ["at once"]
    async with db.transaction():
        pass
    assert await marks(db) == ["at once", "deferred"]


async def test_a_transaction_rolled_back_leaves_them_to_the_next(db: Database) -> None:
    async def break_off() -> None:
        async with db.transaction() as tx:
            await mark("taken back")(tx)
            raise LookupError

    db.defer(mark("kept"))
    with pytest.raises(LookupError):
        await break_off()
    assert await marks(db) == []
    async with db.transaction() as tx:
        await mark("its own")(tx)
    assert await marks(db) == ["kept", "its own"]


@pytest.mark.parametrize("after", range(14))
async def test_none_is_lost_when_the_task_that_carries_them_is_cancelled(
    db: Database, after: int
) -> None:
    async def carry() -> None:
        async with db.transaction() as tx:
            await tx.execute("INSERT OR IGNORE INTO marks VALUES ('its own')")

    for name in ("first", "second"):

        async def write(tx: Connection, name: str = name) -> None:
            # a transaction cancelled at its very end may have been committed
            await tx.execute("INSERT OR IGNORE INTO marks VALUES (?)", (name,))

        db.defer(write)
    task = asyncio.create_task(carry())
    for _ in range(after):
        await asyncio.sleep(0)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    async with db.transaction():
        pass
    assert (await marks(db))[:2] == ["first", "second"]


async def test_one_that_fails_is_dropped_and_breaks_nobody_elses(
    db: Database, caplog: pytest.LogCaptureFixture
) -> None:
    async def half(tx: Connection) -> None:
        await mark("torn")(tx)
        await mark(None)(tx)

    db.defer(mark("before"))
    db.defer(half)
    db.defer(mark("after"))
    for name in ("its own", "the next one's"):
        async with db.transaction() as tx:
            await mark(name)(tx)
    assert await marks(db) == ["before", "after", "its own", "the next one's"]
    assert [record.getMessage() for record in caplog.records] == [
        "a deferred write failed and is dropped"
    ]


async def test_they_outlive_a_file_that_somebody_else_works_on(
    db: Database, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.0)
    db.defer(mark("kept"))
    with sqlite3.connect(path, isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            async with db.transaction():
                pass
        other.execute("ROLLBACK")
    async with db.transaction():
        pass
    assert await marks(db) == ["kept"]


async def test_one_that_nobody_carries_is_written_in_time(path: Path) -> None:
    db = await Database.open(path, flush_seconds=0.0)
    async with db.transaction() as tx:
        await tx.execute("CREATE TABLE marks (mark TEXT NOT NULL UNIQUE) STRICT")
    db.defer(mark("alone"))
    async with asyncio.timeout(5):
        while not committed(path):
            await asyncio.sleep(0)
    db.defer(mark("again"))
    async with asyncio.timeout(5):
        while len(committed(path)) < 2:
            await asyncio.sleep(0)
    assert db.usage.lock_acquisitions == 3, "each is written by itself"
    await db.close()


async def test_the_file_is_busy_when_it_is_time_and_they_are_written_after_that(
    path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.0)
    db = await Database.open(path, flush_seconds=0.0)
    async with db.transaction() as tx:
        await tx.execute("CREATE TABLE marks (mark TEXT NOT NULL UNIQUE) STRICT")
    with sqlite3.connect(path, isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        db.defer(mark("late"))
        async with asyncio.timeout(5):
            while not caplog.records:
                await asyncio.sleep(0)
        other.execute("ROLLBACK")
    async with asyncio.timeout(5):
        while not committed(path):
            await asyncio.sleep(0)
    assert committed(path) == ["late"]
    await db.close()


async def test_a_stop_writes_them_also_behind_a_transaction_that_runs(
    db: Database, path: Path
) -> None:
    inside, go_on = asyncio.Event(), asyncio.Event()

    async def slow() -> None:
        async with db.transaction() as tx:
            inside.set()
            await go_on.wait()
            await mark("slow")(tx)

    running = asyncio.create_task(slow())
    await inside.wait()
    db.defer(mark("deferred"))
    closing = asyncio.create_task(db.close())
    await asyncio.sleep(0)
    db.defer(mark("while it stops"))
    go_on.set()
    await asyncio.gather(running, closing)
    assert committed(path) == ["slow", "deferred", "while it stops"]


async def test_a_disk_that_is_full_for_one_leaves_them_to_a_later_time(path: Path) -> None:
    db = await Database.open(path, flush_seconds=0.01)
    async with db.transaction() as tx:
        await tx.execute("CREATE TABLE marks (mark TEXT NOT NULL UNIQUE) STRICT")
        [(pages,)] = await tx.fetch_all("PRAGMA page_count")
        await tx.fetch_all(f"PRAGMA max_page_count = {pages + 2}")

    async def fill() -> None:
        async with db.transaction() as tx:
            await tx.execute("INSERT INTO marks VALUES (hex(zeroblob(1000000)))")

    async with db.reading():
        db.defer(mark("kept"))
        await asyncio.sleep(0.05)
        filling = asyncio.create_task(fill())
        await asyncio.sleep(0)
    with pytest.raises(sqlite3.OperationalError, match="full"):
        await filling
    async with asyncio.timeout(5):
        while committed(path) != ["kept"]:
            await asyncio.sleep(0.01)
    await db.close()


async def test_a_closed_database_takes_none(path: Path) -> None:
    db = await Database.open(path)
    await db.close()
    with pytest.raises(ValueError, match="closed"):
        db.defer(mark("too late"))


async def test_the_lock_and_the_commits_are_counted_and_statements_can_be_traced(
    db: Database,
) -> None:
    seen: list[Any] = []
    before = db.usage.lock_acquisitions, db.usage.commits
    await db.trace(seen.append)
    async with db.transaction() as tx:
        await mark("counted")(tx)
    await marks(db)
    assert seen == [
        "BEGIN IMMEDIATE",
        "INSERT INTO marks VALUES ('counted')",
        "COMMIT",
        "SELECT mark FROM marks ORDER BY rowid",
    ]
    assert (db.usage.lock_acquisitions, db.usage.commits) == (before[0] + 2, before[1] + 1)


async def test_a_file_that_is_gone_for_good_is_not_asked_over_and_over(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    gone: Any = Gone()
    db = Database(gone, flush_seconds=0.0)
    db.defer(mark("lost"))
    async with asyncio.timeout(5):
        while not caplog.records:
            await asyncio.sleep(0)
    for _ in range(20):
        await asyncio.sleep(0)
    assert len(caplog.records) == 1


class Gone:
    """A connection that was closed by another hand."""

    thread = None

    async def begin(self) -> None:
        raise sqlite3.ProgrammingError("Cannot operate on a closed database.")
