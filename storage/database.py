"""The connection to the SQLite file, and the lock that every use of it holds.

There is one connection. A second one in another thread could corrupt a WAL database
on SQLite before 3.51.3, and without the lock a statement of one task would join the
open transaction of another.

A statement runs on the event loop: it takes some 10 microseconds, and ten times as
long if it is handed to a thread. Commits, which wait for the disk, and long reads
(`in_thread`) run in aiosqlite's thread. Tasks that wait for the lock during a commit
share the next transaction; each returns only when its writes are on the disk.

Writes that may be lost need no commit of their own: `defer` keeps them in memory, in
order, and the next transaction executes them first. A read that depends on one of
them belongs into `transaction()`, which sees them; `reading()` may not.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeVar

import aiosqlite

from storage.migrations import (
    BUSY_SECONDS,
    TRANSIENT_CODES,
    check_header,
    error_code,
    migrate,
    save_before_update,
    translate_sqlite_errors,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
    from pathlib import Path

    from _typeshed import DataclassInstance

    Write = Callable[["Connection"], Awaitable[object]]
    "A write in an open transaction; it is idempotent."

T = TypeVar("T")
V = TypeVar("V", bound="DataclassInstance")


class Connection:
    """A connection whose statements run in a thread."""

    def __init__(self, thread: aiosqlite.Connection) -> None:
        self.thread = thread

    async def execute(
        self, statement: str, values: Iterable[Any] = ()
    ) -> aiosqlite.Cursor | sqlite3.Cursor:
        """Run a statement."""
        return await self.thread.execute(statement, tuple(values))

    async def fetch_all(self, statement: str, values: Iterable[Any] = ()) -> list[sqlite3.Row]:
        """Return all rows."""
        return list(await self.thread.execute_fetchall(statement, tuple(values)))

    async def fetch_one(self, statement: str, values: Iterable[Any] = ()) -> sqlite3.Row | None:
        """Return the first row, or None."""
        return next(iter(await self.fetch_all(statement, values)), None)

    async def fetch_all_as(
        self, read: Callable[[sqlite3.Row], T], statement: str, values: Iterable[Any] = ()
    ) -> list[T]:
        """Return all rows, each converted by `read`."""
        return [read(row) for row in await self.fetch_all(statement, values)]

    async def fetch_one_as(
        self, read: Callable[[sqlite3.Row], T], statement: str, values: Iterable[Any] = ()
    ) -> T | None:
        """Return the first row, converted by `read`, or None."""
        return next(iter(await self.fetch_all_as(read, statement, values)), None)

    async def fetch_int(self, statement: str, values: Iterable[Any] = ()) -> int:
        """Return the first column of the first row, 0 if it is NULL or there is no row."""
        row = await self.fetch_one(statement, values)
        return int(row[0]) if row is not None and row[0] is not None else 0

    async def exists(self, statement: str, values: Iterable[Any] = ()) -> bool:
        """Return whether there is a row."""
        return await self.fetch_one(statement, values) is not None

    async def changed(self, statement: str, values: Iterable[Any] = ()) -> bool:
        """Run a write and return whether it changed a row."""
        return (await self.execute(statement, values)).rowcount > 0

    async def insert(self, table: str, /, **values: Any) -> sqlite3.Row:
        """Insert a row and return it. Raises sqlite3.IntegrityError if a constraint forbids it."""
        [row] = await self.fetch_all(f"INSERT {_into(table, values)} RETURNING *", values.values())
        return row

    async def insert_or_ignore(self, table: str, /, **values: Any) -> sqlite3.Row | None:
        """Insert a row and return it, or None if a UNIQUE constraint forbids it."""
        statement = f"INSERT {_into(table, values)} ON CONFLICT DO NOTHING RETURNING *"
        return await self.fetch_one(statement, values.values())

    async def insert_or_replace(self, table: str, /, **values: Any) -> None:
        """Insert a row, replacing one with the same key."""
        await self.execute(f"REPLACE {_into(table, values)}", values.values())


class DirectConnection(Connection):
    """A connection whose statements run on the event loop; those of its `thread` run there."""

    def __init__(self, file: sqlite3.Connection, thread: aiosqlite.Connection) -> None:
        super().__init__(thread)
        self._file = file

    @classmethod
    async def open(cls, path: Path) -> DirectConnection:
        """Open a file. Raises sqlite3.Error."""
        files = list[sqlite3.Connection]()

        def connect() -> sqlite3.Connection:
            # the lock keeps two threads from using it at the same time
            file = sqlite3.connect(
                path, isolation_level=None, timeout=BUSY_SECONDS, check_same_thread=False
            )
            file.row_factory = sqlite3.Row
            files.append(file)
            return file

        thread = await aiosqlite.Connection(connect, iter_chunk_size=64)
        return cls(files[0], thread)

    async def execute(self, statement: str, values: Iterable[Any] = ()) -> sqlite3.Cursor:
        """Run a statement."""
        return self._file.execute(statement, tuple(values))

    async def fetch_all(self, statement: str, values: Iterable[Any] = ()) -> list[sqlite3.Row]:
        """Return all rows."""
        return self._file.execute(statement, tuple(values)).fetchall()

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open."""
        return self._file.in_transaction

    async def begin(self) -> None:
        """Begin to write. Raises sqlite3.OperationalError if the file stays locked."""
        ends = monotonic() + BUSY_SECONDS
        while True:
            try:
                self._file.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                if error_code(error) != sqlite3.SQLITE_BUSY or monotonic() > ends:
                    raise
            else:
                return
            await asyncio.sleep(BUSY_INTERVAL_SECONDS)

    async def commit(self) -> None:
        """Commit, in the thread, and wait until it is on the disk."""
        await self.thread.execute("COMMIT")

    async def rollback(self) -> None:
        """Roll the transaction back, if one is open."""
        self._file.rollback()


def _into(table: str, values: Mapping[str, Any]) -> str:
    return f"INTO {table} ({', '.join(values)}) VALUES ({', '.join('?' * len(values))})"


def columns(kind: type[V], one: V, /) -> dict[str, Any]:
    """Return the fields of `kind` as columns and values; an account has two columns."""
    found = {name: getattr(one, name) for name in kind.__dataclass_fields__}
    if (account := found.pop("account", None)) is not None:
        found |= account.columns
    return found


def read_row(kind: type[V], row: sqlite3.Row, /, **parts: object) -> V:
    """Build a value from a row; `parts` are the fields that are not taken from it unchanged."""
    names = (name for name in kind.__dataclass_fields__ if name not in parts)
    return kind(**{name: row[name] for name in names}, **parts)


_PRAGMAS = (
    "PRAGMA journal_mode = WAL",
    # a row that authorises spending must survive a power cut
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    # deleted content is overwritten with zeros
    "PRAGMA secure_delete = ON",
    # a commit that reaches this many pages copies them into the file while all others wait
    "PRAGMA wal_autocheckpoint = 250",
)

_NO_OP_WRITE = "UPDATE settled SET id = 1 WHERE id = 1"

logger = logging.getLogger(__name__)

BUSY_INTERVAL_SECONDS = 0.02
"""How often to try to begin: SQLite's own waiting would block the event loop."""
FLUSH_SECONDS = 5.0
"""How long a deferred write waits for another transaction before it gets its own."""


@dataclass(slots=True)
class Usage:
    """Counters since the database was opened."""

    lock_acquisitions: int = 0
    commits: int = 0


@dataclass(slots=True, eq=False)
class _SharedTransaction:
    """A transaction that tasks share; `outcome` is set when it is committed or failed."""

    parts: int = 0
    deferred_count: int = 0
    outcome: asyncio.Future[None] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )

    def fail(self, error: BaseException) -> None:
        """Raise an error in all tasks that share this."""
        self.outcome.set_exception(error)
        # mark it as retrieved: a task whose part failed alone raises its own error instead
        self.outcome.exception()


class Database:
    """An open database, made by `Database.open`; its thread runs until `close`."""

    def __init__(
        self, connection: DirectConnection, *, flush_seconds: float = FLUSH_SECONDS
    ) -> None:
        self.usage = Usage()
        self._connection = connection
        self._in_thread = Connection(connection.thread)
        self._lock = asyncio.Lock()
        self._shared: _SharedTransaction | None = None
        self._committing: asyncio.Task[None] | None = None
        self._flush_seconds = flush_seconds
        self._deferred: list[Write] = []
        self._timer: asyncio.TimerHandle | None = None
        self._flushing: asyncio.Task[None] | None = None
        self._closed = False

    @classmethod
    async def open(cls, path: Path, *, flush_seconds: float = FLUSH_SECONDS) -> Database:
        """Open the file, making it and its folder if they are missing, and migrate it.

        Raises:
            UnusableDatabase: it is no database, cannot be opened, or a newer version wrote it.
            DatabaseUnavailable: its disk is full or fails, or another process has locked it.
        """
        path.parent.mkdir(0o700, parents=True, exist_ok=True)
        with translate_sqlite_errors(path):
            # checked first, because aiosqlite's thread prints a traceback if it cannot open a file
            await asyncio.to_thread(check_header, path)
            await asyncio.to_thread(save_before_update, path)
            connection = await DirectConnection.open(path)
        try:
            with translate_sqlite_errors(path):
                for pragma in _PRAGMAS:
                    await connection.thread.execute(pragma)
                await migrate(connection.thread)
                # a read-only file fails only here, when something is written
                await connection.thread.execute(_NO_OP_WRITE)
                await connection.thread.execute("PRAGMA busy_timeout = 0")
        except BaseException:
            await connection.thread.close()
            raise
        return cls(connection, flush_seconds=flush_seconds)

    async def close(self) -> None:
        """Run the deferred writes, commit, and close the file."""
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
                await self._connection.thread.close()

    async def truncate_wal(self) -> None:
        """Move the write-ahead log into the file, so that neither holds erased content."""
        async with self._lock:
            if self._shared is not None:
                await self._commit(self._shared)
            await self._in_thread.fetch_all("PRAGMA wal_checkpoint(TRUNCATE)")

    async def trace(self, callback: Callable[[str], None]) -> None:
        """Call back with every statement from now on, in the thread that runs it."""
        await self._connection.thread.set_trace_callback(callback)

    @asynccontextmanager
    async def transaction(self, *, in_thread: bool = False) -> AsyncIterator[Connection]:
        """Run the block as one transaction; at its end it is on the disk. No network inside.

        With `in_thread`, for work of milliseconds, its statements run in the thread. A task that is
        cancelled at the end may find its work committed: the block must be safe to run again.
        """
        self.usage.lock_acquisitions += 1
        async with self._lock:
            shared = self._shared or await self._begin()
            is_first = not shared.parts
            try:
                if not is_first:
                    await self._connection.execute("SAVEPOINT part")
                yield self._in_thread if in_thread else self._connection
                if not is_first:
                    await self._connection.execute("RELEASE part")
            except BaseException as error:
                if in_thread:
                    await self._wait_for_thread()
                await self._roll_back(shared, error)
                raise
            shared.parts += 1
        await asyncio.shield(shared.outcome)

    @asynccontextmanager
    async def reading(self, *, in_thread: bool = False) -> AsyncIterator[Connection]:
        """Give a stable view for reading; what it showed is on the disk when the block ends."""
        self.usage.lock_acquisitions += 1
        async with self._lock:
            shared = self._shared
            try:
                yield self._in_thread if in_thread else self._connection
            except BaseException:
                if in_thread:
                    await self._wait_for_thread()
                raise
        if shared is not None:
            await asyncio.shield(shared.outcome)

    async def fetch_in_thread(self, statement: str, values: Iterable[Any]) -> list[sqlite3.Row]:
        """Return all rows of a long query, run in the thread under a lock of its own."""
        async with self.reading(in_thread=True) as connection:
            return await connection.fetch_all(statement, values)

    async def write_in_batches(self, write: Callable[[Connection], Awaitable[bool]]) -> None:
        """Run a write, each time in its own transaction, until it returns False."""
        has_more = True
        while has_more:
            async with self.transaction(in_thread=True) as tx:
                has_more = await write(tx)

    async def check_writable(self) -> None:
        """Run a write that changes nothing. Raises sqlite3.Error."""
        async with self.transaction() as tx:
            await tx.execute(_NO_OP_WRITE)

    def defer(self, write: Write) -> None:
        """Write with the next transaction, within seconds; lost if the process dies before.

        It is kept if that transaction is rolled back, and logged and dropped if it fails itself.
        """
        if self._closed:
            raise ValueError("the database is closed")
        self._deferred.append(write)
        self._start_timer()

    async def _wait_for_thread(self) -> None:
        """Wait for the statement that runs in the thread: cancelling its task does not end it."""
        idle = asyncio.ensure_future(self._in_thread.fetch_all("SELECT 1"))
        while not idle.done():
            with suppress(asyncio.CancelledError):
                await asyncio.shield(idle)

    async def _begin(self) -> _SharedTransaction:
        """Begin a transaction that waiting tasks will share, and run the deferred writes in it."""
        shared = _SharedTransaction()
        while True:
            await self._connection.begin()
            writes = tuple(self._deferred)
            try:
                failed = await self._run_deferred(writes)
            except BaseException:
                await self._connection.rollback()
                raise
            if failed is None:
                break
            # it may have written a part: start again without it
            self._deferred.remove(failed)
            await self._connection.rollback()
        shared.deferred_count = len(writes)
        self._shared = shared
        # the lock is fair: tasks that wait for it now come before the commit
        self._committing = asyncio.create_task(self._commit_in_turn(shared))
        return shared

    async def _run_deferred(self, writes: Iterable[Write]) -> Write | None:
        """Run deferred writes; return the first that fails for a reason of its own, or None."""
        for write in writes:
            try:
                await write(self._connection)
            except Exception as error:
                if error_code(error) in TRANSIENT_CODES:
                    raise
                logger.exception("a deferred write failed and is dropped")
                return write
        return None

    async def _roll_back(self, shared: _SharedTransaction, error: BaseException) -> None:
        """Roll back one part, or all if there is no other or SQLite already rolled back all."""
        if shared.parts and self._connection.in_transaction:
            await self._connection.execute("ROLLBACK TO part")
            await self._connection.execute("RELEASE part")
            return
        await self._connection.rollback()
        self._shared = None
        failure = sqlite3.OperationalError("the transaction was rolled back")
        # so that all parts can tell a full disk from other failures
        failure.sqlite_errorcode = getattr(error, "sqlite_errorcode", 0)
        shared.fail(failure)

    async def _commit_in_turn(self, shared: _SharedTransaction) -> None:
        async with self._lock:
            if shared is self._shared:
                await self._commit(shared)

    async def _commit(self, shared: _SharedTransaction) -> None:
        """Commit, and wake all tasks that have a part in it."""
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
        del self._deferred[: shared.deferred_count]
        if not self._deferred:
            self._stop_timer()
        shared.outcome.set_result(None)

    async def _flush(self) -> None:
        try:
            async with self.transaction():
                pass
        except sqlite3.Error as error:
            if self._closed:
                return
            logger.exception("deferred writes wait for another transaction")
            if error_code(error) in TRANSIENT_CODES:
                self._start_timer()

    def _start_timer(self) -> None:
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._flush_seconds, self._on_timer)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _on_timer(self) -> None:
        self._timer = None
        if self._deferred:
            self._flushing = asyncio.create_task(self._flush())
