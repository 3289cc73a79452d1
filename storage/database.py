"""The one connection to the one SQLite file, and the lock every use of it holds.

A second connection in another thread could corrupt a WAL database on SQLite
before 3.51.3, and a statement of one task would join the open transaction of
another; so there is one connection, and whoever uses it holds the lock.
"""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import asynccontextmanager, closing, contextmanager
from typing import TYPE_CHECKING

import aiosqlite

from storage.migrations import UnusableDatabase, migrate

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

_PRAGMAS = (
    "PRAGMA journal_mode = WAL",
    # a row that authorises spending must survive a power cut
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
)

BUSY_SECONDS = 5.0
"""How long to wait for whoever else works on the file, such as a backup."""

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


class Database:
    """An open database; use `Database.open`, and `close` it or the process cannot end."""

    def __init__(self, connection: aiosqlite.Connection) -> None:
        self._connection = connection
        self._lock = asyncio.Lock()

    @classmethod
    async def open(cls, path: Path) -> Database:
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
        return cls(connection)

    async def close(self) -> None:
        """Close the file once no transaction runs."""
        async with self._lock:
            await self._connection.close()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[aiosqlite.Connection]:
        """All of the block or none of it; nothing of the network may happen within.

        A task cancelled at the very end may find its work committed: what runs
        here must be safe to run again.
        """
        async with self._lock:
            try:
                await self._connection.execute("BEGIN IMMEDIATE")
                yield self._connection
                await self._connection.execute("COMMIT")
            except BaseException:
                # A cancelled statement still runs in aiosqlite's thread; the
                # roll-back queues behind it, before anybody else's BEGIN.
                await asyncio.shield(self._connection.rollback())
                raise

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[aiosqlite.Connection]:
        """A stable view for reading: no transaction of another task is open meanwhile."""
        async with self._lock:
            yield self._connection


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
        # the low byte says what it is, the others say more of where
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        if code in _HOPELESS:
            raise UnusableDatabase(f"{path}: {error}") from error
        if code in _PASSING:
            raise DatabaseInTrouble(f"{path}: {error}") from error
        raise
