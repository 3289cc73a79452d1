"""Bring a database file to the schema this program knows.

Each step is one SQL file in `schema/`; it and the number that records it
(`PRAGMA user_version`) are committed together, so a step that fails leaves the
version before it intact.
"""

from __future__ import annotations

import sqlite3
from importlib import resources
from typing import TYPE_CHECKING

from storage.rows import number

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import aiosqlite


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
