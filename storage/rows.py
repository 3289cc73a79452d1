"""Read what a statement returns: one row, all rows, or one number."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from aiosqlite import Connection


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
