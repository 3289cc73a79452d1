"""The one connection to the one SQLite file, and the lock every use of it holds.

A second connection in another thread could corrupt a WAL database on SQLite
before 3.51.3, and a statement of one task would join the open transaction of
another; so there is one connection, and whoever uses it holds the lock.

Writes whose loss is harmless need no commit of their own: `later` keeps them in
memory, in order, and the next transaction of anybody carries them as its first
statements. A read that depends on one of them belongs into `transaction()`,
which sees them; `reading()` need not.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any

import aiosqlite

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from aiosqlite import Connection

    Write = Callable[[aiosqlite.Connection], Awaitable[object]]
    "What is done with an open transaction; done twice, it leaves the same."

MONTH_SECONDS = 30 * 24 * 3600.0
"""How long is kept what only explains the past."""
FORGOTTEN_AT_ONCE = 1000
"""How many rows a transaction forgets: others wait for it."""

# One hand-over to aiosqlite's thread each: a cursor would take one to be made, one to be read
# and one to be closed.


async def every(
    connection: Connection, statement: str, values: Iterable[Any] = ()
) -> list[sqlite3.Row]:
    """Return all rows."""
    return list(await connection.execute_fetchall(statement, values))


async def one(
    connection: Connection, statement: str, values: Iterable[Any] = ()
) -> sqlite3.Row | None:
    """Return the first row, or None where there is none."""
    return next(iter(await every(connection, statement, values)), None)


async def number(connection: Connection, statement: str, values: Iterable[Any] = ()) -> int:
    """Return the first column of the first row, 0 where it is NULL or there is no row."""
    row = await one(connection, statement, values)
    return int(row[0]) if row is not None and row[0] is not None else 0


async def changed(connection: Connection, statement: str, values: Iterable[Any] = ()) -> bool:
    """Run a write; tell whether it touched a row."""
    return (await connection.execute(statement, values)).rowcount > 0


class UnusableDatabase(Exception):
    """The file cannot be used, however often that is tried."""


class NewerDatabase(UnusableDatabase):
    """The database was written by a newer version of this program."""


def steps() -> tuple[str, ...]:
    """All SQL scripts in the order in which they apply; step n leads to version n."""
    folder = resources.files("storage") / "schema"
    files = sorted(
        (entry for entry in folder.iterdir() if entry.name.endswith(".sql")),
        key=lambda entry: entry.name,
    )
    return tuple(entry.read_text(encoding="utf-8") for entry in files)


def statements(script: str) -> Iterator[str]:
    """Split a script into its statements, keeping triggers whole."""
    pending = ""
    for line in script.splitlines(keepends=True):
        pending += line
        if sqlite3.complete_statement(pending):
            yield pending.strip()
            pending = ""
    if pending.strip():
        raise ValueError(f"the script ends within a statement: {pending.strip()[:80]}")


async def migrate(connection: aiosqlite.Connection, scripts: Sequence[str] | None = None) -> int:
    """Apply the steps that are missing; returns the version reached.

    Raises:
        NewerDatabase: the file knows steps that this program does not.
    """
    scripts = steps() if scripts is None else scripts
    version = await number(connection, "PRAGMA user_version")
    if version > len(scripts):
        raise NewerDatabase(
            f"the database is at version {version}, this program knows {len(scripts)}: "
            "start the newer program, or restore a backup"
        )
    for reached, script in enumerate(scripts[version:], start=version + 1):
        await connection.execute("BEGIN IMMEDIATE")
        try:
            for statement in statements(script):
                await connection.execute(statement)
            await connection.execute(f"PRAGMA user_version = {reached}")
            await connection.execute("COMMIT")
        except BaseException:
            await connection.rollback()
            raise
    return len(scripts)


_PRAGMAS = (
    "PRAGMA journal_mode = WAL",
    # a row that authorises spending must survive a power cut
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
)

logger = logging.getLogger(__name__)

BUSY_SECONDS = 5.0
"""How long to wait for whoever else works on the file, such as a backup."""
FLUSH_SECONDS = 5.0
"""How long a deferred write waits for a transaction that carries it.

An order that can still be cancelled soon has one.
"""

_HOPELESS = frozenset(
    {
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_NOTADB,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_AUTH,
    }
)
"""What another start finds as it was."""
_PASSING = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_FULL,
    }
)
"""What may be over by the next start."""


class DatabaseInTrouble(Exception):
    """The file cannot be used now; another start may find it well again."""


@dataclass(slots=True)
class Usage:
    """How often a database was asked for since it was opened."""

    lock_takings: int = 0
    commits: int = 0


class Database:
    """An open database; use `Database.open`, and `close` it or the process cannot end."""

    def __init__(
        self, connection: aiosqlite.Connection, *, flush_seconds: float = FLUSH_SECONDS
    ) -> None:
        self.usage = Usage()
        self._connection = connection
        self._lock = asyncio.Lock()
        self._flush_seconds = flush_seconds
        self._deferred: list[Write] = []
        self._timer: asyncio.TimerHandle | None = None
        self._flushing: asyncio.Task[None] | None = None
        self._closed = False

    @classmethod
    async def open(cls, path: Path, *, flush_seconds: float = FLUSH_SECONDS) -> Database:
        """Open the file, making it and its folder where missing, and migrate it.

        Raises:
            UnusableDatabase: it is no database, cannot be opened, or a newer version wrote it.
            DatabaseInTrouble: its disk is full or fails, or somebody else works on it.
        """
        path.parent.mkdir(0o700, parents=True, exist_ok=True)
        with _usable(path):
            # aiosqlite's own thread does not survive a file it cannot open in silence
            await asyncio.to_thread(_try, path)
            connection = await aiosqlite.connect(path, isolation_level=None, timeout=BUSY_SECONDS)
        try:
            connection.row_factory = sqlite3.Row
            with _usable(path):
                for pragma in _PRAGMAS:
                    await connection.execute(pragma)
                await migrate(connection)
        except BaseException:
            await connection.close()
            raise
        return cls(connection, flush_seconds=flush_seconds)

    async def close(self) -> None:
        """Close the file once no transaction runs and what was deferred is written."""
        async with self._lock:
            try:
                await self._flush()
            except sqlite3.Error:
                logger.exception("%d deferred writes are lost", len(self._deferred))
                self._deferred.clear()
            finally:
                self._closed = True
                self._stop_timer()
                await self._connection.close()

    async def trace(self, callback: Callable[[str], None]) -> None:
        """Hand every statement to the callback from now on, in SQLite's own thread."""
        await self._connection.set_trace_callback(callback)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[aiosqlite.Connection]:
        """All of the block or none of it; nothing of the network may happen within.

        A task cancelled at the very end may find its work committed: what runs
        here must be safe to run again.
        """
        async with self._lock:
            self.usage.lock_takings += 1
            async with self._begun():
                yield self._connection

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[aiosqlite.Connection]:
        """A stable view for reading: no transaction of another task is open meanwhile."""
        async with self._lock:
            self.usage.lock_takings += 1
            yield self._connection

    def later(self, write: Write) -> None:
        """Write with the next transaction, or soon: only what may be lost if the process dies.

        A transaction that is rolled back keeps it for the next one; a write that
        fails by itself is logged and dropped, and harms nobody else's.
        """
        if self._closed:
            raise ValueError("the database is closed")
        self._deferred.append(write)
        self._start_timer()

    @asynccontextmanager
    async def _begun(self) -> AsyncIterator[None]:
        """Run what was deferred and a block in one transaction; whoever calls holds the lock."""
        try:
            carried = await self._begin()
            yield
            await self._connection.execute("COMMIT")
        except BaseException:
            # A cancelled statement still runs in aiosqlite's thread; the
            # roll-back queues behind it, before anybody else's BEGIN.
            await asyncio.shield(self._connection.rollback())
            raise
        self.usage.commits += 1
        del self._deferred[:carried]
        if not self._deferred:
            self._stop_timer()

    async def _begin(self) -> int:
        """Begin a transaction with what was deferred, and return how many writes that were."""
        while True:
            await self._connection.execute("BEGIN IMMEDIATE")
            writes = tuple(self._deferred)
            for write in writes:
                try:
                    await write(self._connection)
                except Exception as error:
                    if _code(error) in _PASSING:
                        raise
                    logger.exception("a deferred write failed and is dropped")
                    self._deferred.remove(write)
                    break
            else:
                return len(writes)
            # the failed one may have written half of it: the others begin anew
            await self._connection.rollback()

    async def _flush(self) -> None:
        """Write what was deferred in a transaction of its own; whoever calls holds the lock."""
        if self._deferred:
            async with self._begun():
                pass

    async def _flush_in_time(self) -> None:
        try:
            async with self._lock:
                await self._flush()
        except sqlite3.Error as error:
            logger.exception("deferred writes wait for another transaction")
            if _code(error) in _PASSING:
                self._start_timer()

    def _start_timer(self) -> None:
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._flush_seconds, self._timer_rang)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _timer_rang(self) -> None:
        self._timer = None
        self._flushing = asyncio.create_task(self._flush_in_time())


def _code(error: Exception) -> int:
    """Return what SQLite says went wrong, 0 where it says nothing."""
    # the low byte says what it is, the others say more of where
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _try(path: Path) -> None:
    """Open the file and read its head: whether it is a database at all shows here."""
    with closing(sqlite3.connect(path, timeout=BUSY_SECONDS)) as connection:
        connection.execute("PRAGMA schema_version")


@contextmanager
def _usable(path: Path) -> Iterator[None]:
    """Raise ours for what SQLite says of the file; what it says of a statement is a bug of ours."""
    try:
        yield
    except sqlite3.Error as error:
        if _code(error) in _HOPELESS:
            raise UnusableDatabase(f"{path}: {error}") from error
        if _code(error) in _PASSING:
            raise DatabaseInTrouble(f"{path}: {error}") from error
        raise
