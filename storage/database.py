"""The one connection to the one SQLite file, and the lock every use of it holds.

A second connection in another thread could corrupt a WAL database on SQLite
before 3.51.3, and a statement of one task would join the open transaction of
another; so there is one connection, and whoever uses it holds the lock.

A statement runs at once, on the event loop: it takes some 10 microseconds, and to
hand it to a thread and take up the answer takes ten times as much. What waits for
the disk, which is a commit, and what reads long (`aside`) is handed to aiosqlite's
thread. Transactions of tasks that wait while a commit is under way share the next
one; each returns only when what it wrote is on the disk.

Writes whose loss is harmless need no commit of their own: `later` keeps them in
memory, in order, and the next transaction of anybody carries them as its first
statements. A read that depends on one of them belongs into `transaction()`,
which sees them; `reading()` need not.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import aiosqlite

from storage.migrations import (
    BUSY_SECONDS,
    PASSING,
    code,
    look_into,
    migrate,
    save_before_update,
    usable,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
    from pathlib import Path

    from _typeshed import DataclassInstance

    Write = Callable[["Connection"], Awaitable[object]]
    "What is done with an open transaction; done twice, it leaves the same."

T = TypeVar("T")
V = TypeVar("V", bound="DataclassInstance")


class DirectConnection:
    """A connection whose statements run at once; `thread` runs what waits, on the same file."""

    def __init__(self, file: sqlite3.Connection, thread: aiosqlite.Connection) -> None:
        self._file = file
        self.thread = thread

    @classmethod
    async def open(cls, path: Path) -> DirectConnection:
        """Open a file. Raises sqlite3.Error."""
        files = list[sqlite3.Connection]()

        def connect() -> sqlite3.Connection:
            # whoever holds the lock has it alone: two threads never use it at a time
            file = sqlite3.connect(
                path, isolation_level=None, timeout=BUSY_SECONDS, check_same_thread=False
            )
            file.row_factory = sqlite3.Row
            files.append(file)
            return file

        thread = await aiosqlite.Connection(connect, iter_chunk_size=64)
        return cls(files[0], thread)

    async def execute(self, statement: str, values: Iterable[Any] = (), /) -> sqlite3.Cursor:
        """Run a statement."""
        return self._file.execute(statement, tuple(values))

    async def execute_fetchall(
        self, statement: str, values: Iterable[Any] = (), /
    ) -> list[sqlite3.Row]:
        """Run a statement and return its rows."""
        return self._file.execute(statement, tuple(values)).fetchall()

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open."""
        return self._file.in_transaction

    async def begin(self) -> None:
        """Begin to write. Raises sqlite3.OperationalError where another process does for long."""
        ends = monotonic() + BUSY_SECONDS
        while True:
            try:
                self._file.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                if code(error) != sqlite3.SQLITE_BUSY or monotonic() > ends:
                    raise
            else:
                return
            await asyncio.sleep(BUSY_INTERVAL_SECONDS)

    async def commit(self) -> None:
        """Wait until the transaction is on the disk."""
        await self.thread.execute("COMMIT")

    async def rollback(self) -> None:
        """Take the transaction back, where one is open."""
        self._file.rollback()

    async def close(self) -> None:
        """Close the file."""
        await self.thread.close()


Connection: TypeAlias = DirectConnection | aiosqlite.Connection
"""What statements are given to."""


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


async def one_as(
    connection: Connection,
    read: Callable[[sqlite3.Row], T],
    statement: str,
    values: Iterable[Any] = (),
) -> T | None:
    """Return the first row, read; None where there is none."""
    row = await one(connection, statement, values)
    return None if row is None else read(row)


async def every_as(
    connection: Connection,
    read: Callable[[sqlite3.Row], T],
    statement: str,
    values: Iterable[Any] = (),
) -> list[T]:
    """Return all rows, each of them read."""
    return [read(row) for row in await every(connection, statement, values)]


async def insert(connection: Connection, table: str, /, **values: Any) -> sqlite3.Row:
    """Add a row and return it. Raises sqlite3.IntegrityError where there is one like it."""
    [row] = await every(connection, f"INSERT {_into(table, values)} RETURNING *", values.values())
    return row


async def added(connection: Connection, table: str, /, **values: Any) -> sqlite3.Row | None:
    """Add a row and return it; None where there is one already that is to be there once."""
    statement = f"INSERT {_into(table, values)} ON CONFLICT DO NOTHING RETURNING *"
    return await one(connection, statement, values.values())


async def put(connection: Connection, table: str, /, **values: Any) -> None:
    """Add a row, in the place of one that is to be there once."""
    await connection.execute(f"REPLACE {_into(table, values)}", values.values())


def _into(table: str, values: Mapping[str, Any]) -> str:
    return f"INTO {table} ({', '.join(values)}) VALUES ({', '.join('?' * len(values))})"


def columns(kind: type[V], one: V, /) -> dict[str, Any]:
    """Return what a value has of this kind, by the columns it stands in: an account in two."""
    found = {name: getattr(one, name) for name in kind.__dataclass_fields__}
    if (account := found.pop("account", None)) is not None:
        found |= account.columns
    return found


def value(kind: type[V], row: sqlite3.Row, /, **parts: object) -> V:
    """Return a row as a value; `parts` of it are no column, or read otherwise than as they are."""
    names = (name for name in kind.__dataclass_fields__ if name not in parts)
    return kind(**{name: row[name] for name in names}, **parts)


async def exists(connection: Connection, statement: str, values: Iterable[Any] = ()) -> bool:
    """Whether there is a row."""
    return await one(connection, statement, values) is not None


async def number(connection: Connection, statement: str, values: Iterable[Any] = ()) -> int:
    """Return the first column of the first row, 0 where it is NULL or there is no row."""
    row = await one(connection, statement, values)
    return int(row[0]) if row is not None and row[0] is not None else 0


async def changed(connection: Connection, statement: str, values: Iterable[Any] = ()) -> bool:
    """Run a write; tell whether it touched a row."""
    return (await connection.execute(statement, values)).rowcount > 0


_PRAGMAS = (
    "PRAGMA journal_mode = WAL",
    # a row that authorises spending must survive a power cut
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    # what was erased is overwritten, and not only left out
    "PRAGMA secure_delete = ON",
    # whoever commits copies the pages of so many into the file, and all others wait
    "PRAGMA wal_autocheckpoint = 250",
)

_SAME_AS_BEFORE = "UPDATE settled SET id = 1 WHERE id = 1"
"""A write that changes nothing."""

logger = logging.getLogger(__name__)

BUSY_INTERVAL_SECONDS = 0.02
"""How often to try meanwhile: SQLite's own waiting would hold up the event loop."""
FLUSH_SECONDS = 5.0
"""How long a deferred write waits for a transaction that carries it.

An order that can still be cancelled soon has one.
"""


@dataclass(slots=True)
class Usage:
    """How often a database was asked for since it was opened."""

    lock_takings: int = 0
    commits: int = 0


class _Shared:
    """A transaction that tasks share: how many have a part in it, and what became of it."""

    __slots__ = ("carried", "outcome", "parts")

    def __init__(self) -> None:
        self.parts = 0
        self.carried = 0
        self.outcome: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def fail(self, error: BaseException) -> None:
        """Tell all that nothing of it is on the disk."""
        self.outcome.set_exception(error)
        # the one whose part failed alone has an error of its own
        self.outcome.exception()


class Database:
    """An open database; use `Database.open`, and `close` it or the process cannot end."""

    def __init__(
        self, connection: DirectConnection, *, flush_seconds: float = FLUSH_SECONDS
    ) -> None:
        self.usage = Usage()
        self._connection = connection
        self._lock = asyncio.Lock()
        self._shared: _Shared | None = None
        self._committing: asyncio.Task[None] | None = None
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
        with usable(path):
            # aiosqlite's own thread does not survive a file it cannot open in silence
            await asyncio.to_thread(look_into, path)
            await asyncio.to_thread(save_before_update, path)
            connection = await DirectConnection.open(path)
        try:
            with usable(path):
                for pragma in _PRAGMAS:
                    await connection.thread.execute(pragma)
                await migrate(connection.thread)
                # one that may only be read is opened without a word, and begins to write so too
                await connection.thread.execute(_SAME_AS_BEFORE)
                await connection.thread.execute("PRAGMA busy_timeout = 0")
        except BaseException:
            await connection.close()
            raise
        return cls(connection, flush_seconds=flush_seconds)

    async def close(self) -> None:
        """Close the file once no transaction runs and what was deferred is written."""
        async with self._lock:
            try:
                if self._shared is not None:
                    await self._commit(self._shared)
                if self._deferred:
                    shared = await self._begin()
                    await self._commit(shared)
                    await shared.outcome
            except sqlite3.Error:
                logger.exception("%d deferred writes are lost", len(self._deferred))
                self._deferred.clear()
            finally:
                self._closed = True
                self._stop_timer()
                await self._connection.close()

    async def empty_log(self) -> None:
        """Move the write-ahead log into the file: what was erased stands in neither."""
        async with self._lock:
            if self._shared is not None:
                await self._commit(self._shared)
            await self._connection.thread.execute_fetchall("PRAGMA wal_checkpoint(TRUNCATE)")

    async def trace(self, callback: Callable[[str], None]) -> None:
        """Hand every statement to the callback from now on, in the thread that runs it."""
        await self._connection.thread.set_trace_callback(callback)

    @asynccontextmanager
    async def transaction(self, *, aside: bool = False) -> AsyncIterator[Connection]:
        """All of the block or none of it, on the disk when this ends; nothing of the network.

        `aside` is for what takes milliseconds: its statements run in the thread. A task cancelled
        at the very end may find its work committed: what runs here must be safe to run again.
        """
        self.usage.lock_takings += 1
        async with self._lock:
            shared = self._shared or await self._begin()
            is_first = not shared.parts
            try:
                if not is_first:
                    await self._connection.execute("SAVEPOINT part")
                yield self._connection.thread if aside else self._connection
                if not is_first:
                    await self._connection.execute("RELEASE part")
            except BaseException as error:
                if aside:
                    await self._until_idle()
                await self._take_back(shared, error)
                raise
            shared.parts += 1
        await asyncio.shield(shared.outcome)

    @asynccontextmanager
    async def reading(self, *, aside: bool = False) -> AsyncIterator[Connection]:
        """A stable view for reading, `aside` or not; what it shows is on the disk at its end."""
        self.usage.lock_takings += 1
        async with self._lock:
            shared = self._shared
            try:
                yield self._connection.thread if aside else self._connection
            except BaseException:
                if aside:
                    await self._until_idle()
                raise
        if shared is not None:
            await asyncio.shield(shared.outcome)

    async def rows_aside(self, statement: str, values: Iterable[Any] = ()) -> list[sqlite3.Row]:
        """Return all rows of one of several long readings, which lets others between."""
        async with self.reading(aside=True) as connection:
            return await every(connection, statement, values)

    async def in_parts(self, write: Callable[[Connection], Awaitable[bool]]) -> None:
        """Write in parts that let others between, until one finds nothing left to do."""
        are_left = True
        while are_left:
            async with self.transaction(aside=True) as tx:
                are_left = await write(tx)

    async def prove_writable(self) -> None:
        """Write something that changes nothing. Raises sqlite3.Error."""
        async with self.transaction() as tx:
            await tx.execute(_SAME_AS_BEFORE)

    def later(self, write: Write) -> None:
        """Write with the next transaction, or soon: only what may be lost if the process dies.

        A transaction that is rolled back keeps it for the next one; a write that
        fails by itself is logged and dropped, and harms nobody else's.
        """
        if self._closed:
            raise ValueError("the database is closed")
        self._deferred.append(write)
        self._start_timer()

    async def _until_idle(self) -> None:
        """Wait for the thread: a statement goes on when its task is cancelled, and is alone."""
        idle = asyncio.ensure_future(self._connection.thread.execute_fetchall("SELECT 1"))
        while not idle.done():
            with suppress(asyncio.CancelledError):
                await asyncio.shield(idle)

    async def _begin(self) -> _Shared:
        """Begin a transaction with what was deferred; those who wait for the lock share it."""
        shared = _Shared()
        while True:
            await self._connection.begin()
            writes = tuple(self._deferred)
            try:
                failed = await self._carried_out(writes)
            except BaseException:
                await self._connection.rollback()
                raise
            if failed is None:
                break
            # it may have written half of it: the others begin anew
            self._deferred.remove(failed)
            await self._connection.rollback()
        shared.carried = len(writes)
        self._shared = shared
        # the lock is had in the order in which it is asked for
        self._committing = asyncio.create_task(self._commit_in_turn(shared))
        return shared

    async def _carried_out(self, writes: Iterable[Write]) -> Write | None:
        """Carry out what was deferred; return one that fails by itself."""
        for write in writes:
            try:
                await write(self._connection)
            except Exception as error:
                if code(error) in PASSING:
                    raise
                logger.exception("a deferred write failed and is dropped")
                return write
        return None

    async def _take_back(self, shared: _Shared, error: BaseException) -> None:
        """Take back one's own part, or the whole where there is no other or SQLite did so."""
        if shared.parts and self._connection.in_transaction:
            await self._connection.execute("ROLLBACK TO part")
            await self._connection.execute("RELEASE part")
            return
        await self._connection.rollback()
        self._shared = None
        told = sqlite3.OperationalError("the transaction was taken back")
        # a full disk is one for all who had a part
        told.sqlite_errorcode = getattr(error, "sqlite_errorcode", 0)
        shared.fail(told)

    async def _commit_in_turn(self, shared: _Shared) -> None:
        async with self._lock:
            if shared is self._shared:
                await self._commit(shared)

    async def _commit(self, shared: _Shared) -> None:
        """Write a transaction to the disk, and tell all who have a part in it."""
        self._shared = None
        try:
            await self._connection.commit()
        except BaseException as error:
            await self._connection.rollback()
            shared.fail(error)
            if not isinstance(error, Exception):
                raise
            return
        self.usage.commits += 1
        del self._deferred[: shared.carried]
        if not self._deferred:
            self._stop_timer()
        shared.outcome.set_result(None)

    async def _flush_in_time(self) -> None:
        try:
            async with self.transaction():
                pass
        except sqlite3.Error as error:
            if self._closed:
                return
            logger.exception("deferred writes wait for another transaction")
            if code(error) in PASSING:
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
        if self._deferred:
            self._flushing = asyncio.create_task(self._flush_in_time())
