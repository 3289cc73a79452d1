"""Migrations, backups and restored copies of the database file, and errors on opening it."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing, contextmanager
from importlib import resources
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from storage import DAY_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from aiosqlite import Connection


class Fetching(Protocol):
    """A connection that can run a statement and return its rows."""

    async def fetch_all(self, statement: str, values: Iterable[Any] = ...) -> list[sqlite3.Row]:
        """Run a statement and return its rows."""
        ...


BUSY_SECONDS = 5.0
"""How long to wait for another process that locks the file, such as a backup."""

PERMANENT_CODES = frozenset(
    {
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_NOTADB,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_AUTH,
    }
)
"""Errors of SQLite that another start would meet again."""
TRANSIENT_CODES = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_FULL,
    }
)
"""Errors of SQLite that may be over by the next start."""


class DatabaseUnavailable(Exception):
    """The file cannot be used now, but maybe at another start."""


class UnusableDatabase(Exception):
    """The file cannot be used, and another start would not change that."""


class NewerDatabase(UnusableDatabase):
    """The database was written by a newer version of this program."""


def steps() -> tuple[str, ...]:
    """Return all migrations in order, as SQL scripts; the nth leads to version n."""
    folder = resources.files("storage") / "schema"
    files = sorted(
        (entry for entry in folder.iterdir() if entry.name.endswith(".sql")),
        key=lambda entry: entry.name,
    )
    return tuple(entry.read_text(encoding="utf-8") for entry in files)


ERASES = "CREATE TABLE erasures"
"""Marks the migration since which `secure_delete` is on."""


async def migrate(connection: Connection, scripts: Sequence[str] | None = None) -> int:
    """Apply the missing migrations; return the version reached. Raises NewerDatabase."""
    scripts = steps() if scripts is None else scripts
    [(version,)] = await connection.execute_fetchall("PRAGMA user_version")
    if version > len(scripts):
        raise NewerDatabase(
            f"the database is at version {version}, this program knows {len(scripts)}: "
            "start the newer program, or restore a backup"
        )
    if version and any(ERASES in script for script in scripts[version:]):
        # before that, deleted content stayed in free pages; this comes first, so that it is
        # repeated if a migration fails
        await connection.execute("VACUUM")
    for reached, script in enumerate(scripts[version:], start=version + 1):
        try:
            await connection.executescript(
                f"BEGIN IMMEDIATE;\n{script}\n;PRAGMA user_version = {reached}; COMMIT"
            )
        except BaseException:
            await connection.rollback()
            raise
    return len(scripts)


def error_code(error: Exception) -> int:
    """Return the primary error code of SQLite, 0 if there is none."""
    # the higher bytes are the extended code
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def check_header(path: Path) -> None:
    """Open the file and read its header. Raises sqlite3.Error if it is no database."""
    with closing(sqlite3.connect(path, timeout=BUSY_SECONDS)) as connection:
        connection.execute("PRAGMA schema_version")


@contextmanager
def translate_sqlite_errors(path: Path) -> Iterator[None]:
    """Translate errors that are about the file into our own, and let others through."""
    try:
        yield
    except sqlite3.Error as error:
        if error_code(error) in PERMANENT_CODES:
            # SQLite does not tell missing permissions apart
            is_permitted = not path.exists() or os.access(path, os.R_OK | os.W_OK)
            why = "" if is_permitted else ", for this user may not read and write it"
            raise UnusableDatabase(f"{path}: {error}{why}") from error
        if error_code(error) in TRANSIENT_CODES:
            raise DatabaseUnavailable(f"{path}: {error}") from error
        raise


COPY = int.from_bytes(b"copy")
"""The `application_id` in the header of a copy."""


async def is_copy(connection: Fetching) -> bool:
    """Return whether the file is a copy, so that another may have been used since."""
    [(mark,)] = await connection.fetch_all("PRAGMA application_id")
    return bool(mark == COPY)


def mark_as_copy(path: Path) -> None:
    """Mark a file as a copy, whatever its version. Raises as `Database.open` does."""
    with (
        translate_sqlite_errors(path),
        closing(sqlite3.connect(path, timeout=BUSY_SECONDS)) as connection,
    ):
        connection.execute(f"PRAGMA application_id = {COPY}")


async def unmark_copy(connection: Fetching) -> None:
    """Remove the mark of a copy."""
    await connection.fetch_all("PRAGMA application_id = 0")


class RestoreGap(NamedTuple):
    """The time between the last record in a restored copy and its restore."""

    since: float
    until: float


async def record_restore(tx: Fetching, *, now: float) -> None:
    """Store that a copy was restored, with the time of its last record."""
    await tx.fetch_all(
        "INSERT INTO restores (known_until, restored_at) SELECT coalesce(max(at), 0.0), ? FROM ("
        "SELECT max(received_at) AS at FROM inbox UNION ALL SELECT max(at) FROM events"
        " UNION ALL SELECT max(sent_at) FROM notices)",
        (now,),
    )


async def restore_gaps(connection: Fetching) -> list[RestoreGap]:
    """Return the times from which records, and the ids given to them, are lost."""
    query = "SELECT known_until, restored_at FROM restores"
    return [RestoreGap(*row) for row in await connection.fetch_all(query)]


BEFORE_UPDATE = "before-update-{version}.sqlite3"
"""The file name of the copy that is made before the migrations of an update."""
BACKUP_KEPT_SECONDS = 30 * DAY_SECONDS
"""How long these copies are kept; not longer, because they hold what was erased since."""


def save_before_update(path: Path) -> None:
    """Copy the database file beside itself if migrations are missing.

    Raises DatabaseUnavailable if it cannot be copied, and so must not be changed.
    """
    with closing(sqlite3.connect(path, timeout=BUSY_SECONDS)) as connection:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
    if 0 < version < len(steps()):
        target = path.with_name(BEFORE_UPDATE.format(version=version))
        try:
            # left by an update that failed
            target.unlink(missing_ok=True)
            back_up(path, target)
        except (BackupFailed, OSError) as failure:
            raise DatabaseUnavailable(f"no copy before the update: {failure}") from failure


def drop_old_copies(folder: Path) -> None:
    """Delete copies that were made before updates over a month ago."""
    for copy in folder.glob(BEFORE_UPDATE.format(version="*")):
        if time.time() - copy.stat().st_mtime > BACKUP_KEPT_SECONDS:
            copy.unlink(missing_ok=True)


class BackupFailed(Exception):
    """No backup was made; the message says why, and no file is left behind."""


def back_up(database: Path, target: Path) -> None:
    """Back the database up to `target` with SQLite's backup API, and check the copy.

    The copy is marked, so that a bot that runs on it knows that it may be outdated. Raises
    BackupFailed, also if there is a file at `target`, which is not overwritten.
    """
    try:
        if not database.is_file():
            raise BackupFailed(f"there is no database at {database}")
    except OSError as error:
        raise BackupFailed(f"{database} cannot be read: {error.strerror}") from None
    # under another name until it is complete, because a killed process leaves it behind
    part = target.with_name(f"{target.name}.part")
    try:
        if os.path.lexists(target):
            raise BackupFailed(f"{target} exists already")
        part.unlink(missing_ok=True)
        # only its owner may read it: it holds what people wrote
        os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except OSError as error:
        raise BackupFailed(f"{target} cannot be written: {error.strerror}") from None
    try:
        _copy(database, part)
        part.rename(target)
    except sqlite3.Error as error:
        part.unlink()
        raise BackupFailed(f"SQLite says: {error}") from error
    except BaseException:
        part.unlink()
        raise


def _copy(database: Path, target: Path) -> None:
    address = f"{database.absolute().as_uri()}?mode=ro"
    with (
        closing(sqlite3.connect(address, uri=True)) as source,
        closing(sqlite3.connect(target)) as copy,
    ):
        # without a journal, which a killed process would leave behind
        copy.execute("PRAGMA journal_mode = OFF")
        source.backup(copy)
        # not WAL, so that reading the copy makes no other files beside it
        copy.execute("PRAGMA journal_mode = DELETE")
        copy.execute(f"PRAGMA application_id = {COPY}")
        (verdict,) = copy.execute("PRAGMA quick_check(1)").fetchone()
    if verdict != "ok":
        raise sqlite3.DatabaseError(f"the copy is damaged: {verdict}")
