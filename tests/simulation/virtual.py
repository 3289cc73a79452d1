"""An event loop in virtual time, and a database connection without a thread."""

from __future__ import annotations

import asyncio
import selectors
import sqlite3
from itertools import count
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakKeyDictionary

from storage.database import Connection, Database
from storage.migrations import migrate

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterable
    from concurrent.futures import Executor
    from pathlib import Path

T = TypeVar("T")


class _Leap(selectors.SelectSelector):
    """A selector that advances the clock to the next timer instead of waiting."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise RuntimeError("all tasks wait, and none for a timer")
        self.now += max(0.0, timeout)
        return []  # there is no input from outside the loop


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock starts at 0 and never waits; work in threads takes no time.

    `numbers` holds the number of each task, in the order of creation.
    """

    def __init__(self) -> None:
        self._leap = _Leap()
        super().__init__(self._leap)
        self._count = count()
        self.numbers = WeakKeyDictionary[asyncio.Task[Any], int]()

    def time(self) -> float:
        return self._leap.now

    def create_task(self, *work: Any, **options: Any) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = super().create_task(*work, **options)
        self.numbers[task] = next(self._count)
        return task

    def run_in_executor(  # type: ignore[override] # the base types its variadic arguments differently
        self, _executor: Executor | None, func: Callable[..., T], *args: Any
    ) -> asyncio.Future[T]:
        done = self.create_future()
        try:
            done.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 - raised in the task that awaits it
            done.set_exception(error)
        return done


class DirectConnection(Connection):
    """The part of aiosqlite's connection the bot uses, without a thread.

    At random statements it lets other tasks run.
    """

    def __init__(self, path: Path, dice: random.Random) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None, cached_statements=512)
        self._connection.row_factory = sqlite3.Row
        thread: Any = self
        super().__init__(thread)
        self._dice = dice
        self._is_cut = False
        for pragma in ("journal_mode = WAL", "synchronous = OFF", "foreign_keys = ON"):
            self._connection.execute(f"PRAGMA {pragma}")

    @property
    def in_transaction(self) -> bool:
        return self._connection.in_transaction

    async def begin(self) -> None:
        await self.execute("BEGIN IMMEDIATE")

    async def commit(self) -> None:
        await self.execute("COMMIT")

    async def executescript(self, script: str) -> None:
        self._connection.executescript(script)

    async def execute(self, statement: str, values: Iterable[Any] = ()) -> sqlite3.Cursor:
        if self._is_cut:
            raise asyncio.CancelledError  # the process was killed
        cursor = self._connection.execute(statement, tuple(values))
        if self._dice.random() < 0.02:
            await asyncio.sleep(0)  # other tasks run first
        return cursor

    async def execute_fetchall(self, statement: str, values: Iterable[Any] = ()) -> list[Any]:
        return (await self.execute(statement, values)).fetchall()

    async def rollback(self) -> None:
        if not self._is_cut:
            self._connection.rollback()

    async def close(self) -> None:
        self._connection.close()

    def cut(self) -> None:
        """Close as a killed process does: open transactions are lost."""
        self._is_cut = True
        self._connection.close()


async def open_database(path: Path, dice: random.Random) -> tuple[Database, DirectConnection]:
    """Open the bot's database file on a direct connection."""
    connection: Any = DirectConnection(path, dice)
    await migrate(connection)
    return Database(connection), connection
