"""One connection, one lock: all of a transaction or none of it, whatever happens to its task."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from storage.database import Database
from tests.storage.requests import rows

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
async def pairs(db: Database) -> Database:
    """A database with a table whose rows must come in pairs."""
    async with db.transaction() as tx:
        await tx.execute("CREATE TABLE pairs (task INTEGER NOT NULL, half TEXT NOT NULL) STRICT")
    return db


async def halves(db: Database) -> dict[int, int]:
    """How many rows each task has written."""
    return dict(await rows(db, "SELECT task, count(*) FROM pairs GROUP BY task"))


async def write_pair(db: Database, task: int) -> None:
    """Write two rows that belong together, giving way in between."""
    async with db.transaction() as tx:
        await tx.execute("INSERT INTO pairs VALUES (?, 'left')", (task,))
        await asyncio.sleep(0)
        await tx.execute("INSERT INTO pairs VALUES (?, 'right')", (task,))


async def test_the_file_survives_a_power_cut_and_keeps_its_references(db: Database) -> None:
    async with db.reading() as connection:
        assert await connection.fetch_int("PRAGMA synchronous") == 2, "FULL"
        assert await connection.fetch_int("PRAGMA foreign_keys") == 1
    assert await rows(db, "PRAGMA journal_mode") == [("wal",)]


async def test_the_folder_is_made_with_the_file(tmp_path: Path) -> None:
    db = await Database.open(tmp_path / "a" / "b" / "bot.sqlite3")
    await db.close()
    assert (tmp_path / "a" / "b" / "bot.sqlite3").exists()


async def test_what_was_committed_is_there_after_opening_again(tmp_path: Path) -> None:
    db = await Database.open(tmp_path / "bot.sqlite3")
    async with db.transaction() as tx:
        await tx.execute("CREATE TABLE pairs (task INTEGER NOT NULL, half TEXT NOT NULL) STRICT")
    await write_pair(db, 1)
    await db.close()
    db = await Database.open(tmp_path / "bot.sqlite3")
    assert await halves(db) == {1: 2}
    await db.close()


async def test_an_error_takes_everything_back(pairs: Database) -> None:
    async def write_and_break() -> None:
        async with pairs.transaction() as tx:
            await tx.execute("INSERT INTO pairs VALUES (1, 'left')")
            raise LookupError

    with pytest.raises(LookupError):
        await write_and_break()
    assert await halves(pairs) == {}


async def test_a_statement_that_fails_takes_the_ones_before_it_back(pairs: Database) -> None:
    async def write_and_break() -> None:
        async with pairs.transaction() as tx:
            await tx.execute("INSERT INTO pairs VALUES (1, 'left')")
            await tx.execute("INSERT INTO pairs VALUES (1, NULL)")

    with pytest.raises(sqlite3.IntegrityError):
        await write_and_break()
    assert await halves(pairs) == {}
    await write_pair(pairs, 2)
    assert await halves(pairs) == {2: 2}


async def test_nobodys_statement_joins_anothers_transaction(pairs: Database) -> None:
    inside, go_on = asyncio.Event(), asyncio.Event()

    async def slow_and_broken() -> None:
        async with pairs.transaction() as tx:
            await tx.execute("INSERT INTO pairs VALUES (1, 'left')")
            inside.set()
            await go_on.wait()
            raise LookupError

    async def look() -> int:
        async with pairs.reading() as connection:
            return await connection.fetch_int("SELECT count(*) FROM pairs")

    broken = asyncio.create_task(slow_and_broken())
    await asyncio.wait_for(inside.wait(), 5)
    written = asyncio.create_task(write_pair(pairs, 2))
    looked = asyncio.create_task(look())
    done, _ = await asyncio.wait({written, looked}, timeout=0.05)
    assert not done, "both wait until the first transaction is over"
    go_on.set()
    with pytest.raises(LookupError):
        await broken
    await written
    assert await looked == 2, "the reader sees the second task's rows and none of the first"
    assert await halves(pairs) == {2: 2}


@pytest.mark.parametrize("after", range(12))
async def test_a_task_cancelled_at_any_await_leaves_nothing_half_done(
    pairs: Database, after: int
) -> None:
    task = asyncio.create_task(write_pair(pairs, 1))
    for _ in range(after):
        await asyncio.sleep(0)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert set((await halves(pairs)).values()) <= {2}
    await write_pair(pairs, 2)
    assert (await halves(pairs))[2] == 2, "no transaction was left open"


@pytest.mark.parametrize("seed", range(8))
async def test_a_crowd_cancelled_at_random_writes_whole_pairs_only(
    pairs: Database, seed: int
) -> None:
    chance = random.Random(seed)
    tasks = [asyncio.create_task(write_pair(pairs, one)) for one in range(60)]
    spared = set(chance.sample(range(60), 20))
    for one in chance.sample(range(60), 60):
        for _ in range(chance.randrange(4)):
            await asyncio.sleep(0)
        if one not in spared:
            tasks[one].cancel()
            if chance.random() < 0.3:  # a stop may cancel again while the roll-back runs
                await asyncio.sleep(0)
                tasks[one].cancel()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    errors = [one for one in outcomes if isinstance(one, Exception)]
    assert errors == [], "cancellation is the only thing that happens"
    found = await halves(pairs)
    assert set(found.values()) <= {2}, "a pair was torn apart"
    assert spared <= found.keys(), "a task that nobody cancelled lost its rows"
    finished = {one for one, outcome in enumerate(outcomes) if outcome is None}
    assert finished <= found.keys(), "a task that came to its end lost its rows"
    await write_pair(pairs, 99)


async def test_a_reader_cancelled_midway_hinders_nobody(pairs: Database) -> None:
    await write_pair(pairs, 1)

    async def read() -> None:
        async with pairs.reading() as connection:
            while True:
                await connection.fetch_int("SELECT count(*) FROM pairs")
                await asyncio.sleep(0)

    for _ in range(5):
        reader = asyncio.create_task(read())
        await asyncio.sleep(0.001)
        reader.cancel()
        with suppress(asyncio.CancelledError):
            await reader
        await write_pair(pairs, 1)
    assert await halves(pairs) == {1: 12}


async def test_closing_waits_for_the_transaction_that_runs(tmp_path: Path) -> None:
    db = await Database.open(tmp_path / "bot.sqlite3")
    async with db.transaction() as tx:
        await tx.execute("CREATE TABLE pairs (task INTEGER NOT NULL, half TEXT NOT NULL) STRICT")
    writing = asyncio.create_task(write_pair(db, 1))
    await asyncio.sleep(0)
    await db.close()
    await writing
    db = await Database.open(tmp_path / "bot.sqlite3")
    assert await halves(db) == {1: 2}
    await db.close()


@pytest.mark.parametrize("after", range(10))
async def test_a_task_ends_that_is_cancelled_while_the_thread_works(
    db: Database, after: int
) -> None:
    async def look_and_rest() -> None:
        async with db.reading(in_thread=True) as connection:
            await connection.fetch_int("SELECT count(*) FROM generations")
        await asyncio.Event().wait()

    task = asyncio.create_task(look_and_rest())
    for _ in range(after):
        await asyncio.sleep(0.0005)
    task.cancel()
    done, _ = await asyncio.wait({task}, timeout=5)
    assert done, "the cancellation was swallowed"
    assert task.cancelled()
