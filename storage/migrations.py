"""What opening a file takes: its errors, and the steps that bring an older file to this version."""

from __future__ import annotations

import sqlite3
from contextlib import closing, contextmanager
from importlib import resources
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from aiosqlite import Connection

BUSY_SECONDS = 5.0
"""How long to wait for whoever else works on the file, such as a backup."""

HOPELESS = frozenset(
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
PASSING = frozenset(
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


async def migrate(connection: Connection, scripts: Sequence[str] | None = None) -> int:
    """Apply the steps that are missing; returns the version reached.

    Raises:
        NewerDatabase: the file knows steps that this program does not.
    """
    scripts = steps() if scripts is None else scripts
    [(version,)] = await connection.execute_fetchall("PRAGMA user_version")
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
            await connection.execute("ROLLBACK")
            raise
    return len(scripts)


def code(error: Exception) -> int:
    """Return what SQLite says went wrong, 0 where it says nothing."""
    # the low byte says what it is, the others say more of where
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def look_into(path: Path) -> None:
    """Open the file and read its head: whether it is a database at all shows here."""
    with closing(sqlite3.connect(path, timeout=BUSY_SECONDS)) as connection:
        connection.execute("PRAGMA schema_version")


@contextmanager
def usable(path: Path) -> Iterator[None]:
    """Raise ours for what SQLite says of the file; what it says of a statement is a bug of ours."""
    try:
        yield
    except sqlite3.Error as error:
        if code(error) in HOPELESS:
            raise UnusableDatabase(f"{path}: {error}") from error
        if code(error) in PASSING:
            raise DatabaseInTrouble(f"{path}: {error}") from error
        raise
