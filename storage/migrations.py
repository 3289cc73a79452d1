"""What opening a file takes: its errors, the steps from an older version to this one, copies."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing, contextmanager
from importlib import resources
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from storage import DAY_SECONDS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterable, Iterator, Sequence
    from pathlib import Path

    from aiosqlite import Connection


class Fetching(Protocol):
    """What statements that return rows are given to."""

    def execute_fetchall(
        self, statement: str, values: Iterable[Any] = ..., /
    ) -> Awaitable[Iterable[sqlite3.Row]]:
        """Run a statement and return its rows."""
        ...


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


class DatabaseUnavailable(Exception):
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


ERASES = "CREATE TABLE erasures"
"""What stands in the step since which a file holds nothing that was erased."""


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
    if version and any(ERASES in script for script in scripts[version:]):
        # before, what was erased was left out, and not overwritten; done first, it is done again
        # where it or a step does not come to its end
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


def code(error: Exception) -> int:
    """Return what SQLite says went wrong, 0 where it says nothing."""
    # the low byte says what it is, the others say more of where
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def check_header(path: Path) -> None:
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
            # SQLite does not say why it cannot
            may = not path.exists() or os.access(path, os.R_OK | os.W_OK)
            why = "" if may else ", for this user may not read and write it"
            raise UnusableDatabase(f"{path}: {error}{why}") from error
        if code(error) in PASSING:
            raise DatabaseUnavailable(f"{path}: {error}") from error
        raise


COPY = int.from_bytes(b"copy")
"""What stands in the head of a file that is a copy: SQLite keeps a number there for the program."""


async def is_copy(connection: Fetching) -> bool:
    """Whether others may have gone on from where this file is."""
    [(mark,)] = await connection.execute_fetchall("PRAGMA application_id")
    return bool(mark == COPY)


def mark_as_copy(path: Path) -> None:
    """Mark a file as a copy, whatever its version. Raises as `Database.open` does."""
    with usable(path), closing(sqlite3.connect(path, timeout=BUSY_SECONDS)) as connection:
        connection.execute(f"PRAGMA application_id = {COPY}")


async def unmark_copy(connection: Fetching) -> None:
    """Take the mark of a copy away."""
    await connection.execute_fetchall("PRAGMA application_id = 0")


class RestoreGap(NamedTuple):
    """The time from the last that a restored copy tells until it was restored."""

    since: float
    until: float


async def record_restore(tx: Fetching, *, now: float) -> None:
    """Write down that a copy is run on, and what is the last it tells."""
    await tx.execute_fetchall(
        "INSERT INTO restores (known_until, restored_at) SELECT coalesce(max(at), 0.0), ? FROM ("
        "SELECT max(received_at) AS at FROM inbox UNION ALL SELECT max(at) FROM events"
        " UNION ALL SELECT max(sent_at) FROM notices)",
        (now,),
    )


async def restore_gaps(connection: Fetching) -> list[RestoreGap]:
    """Return the times of which nobody knows any more what was given which number."""
    query = "SELECT known_until, restored_at FROM restores"
    return [RestoreGap(*row) for row in await connection.execute_fetchall(query)]


BEFORE_UPDATE = "before-update-{version}.sqlite3"
"""How the copies are called that are made before the first step of an update."""
BACKUP_KEPT_SECONDS = 30 * DAY_SECONDS
"""How long they are kept: what was erased since is in them."""


def save_before_update(path: Path) -> None:
    """Copy a file beside itself where steps are missing.

    Raises:
        DatabaseUnavailable: it cannot be copied now, so it is not to be changed.
    """
    with closing(sqlite3.connect(path, timeout=BUSY_SECONDS)) as connection:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
    if 0 < version < len(steps()):
        target = path.with_name(BEFORE_UPDATE.format(version=version))
        try:
            # left by an update that did not come to its end
            target.unlink(missing_ok=True)
            back_up(path, target)
        except (BackupFailed, OSError) as failure:
            raise DatabaseUnavailable(f"no copy before the update: {failure}") from failure


def drop_old_copies(folder: Path) -> None:
    """Delete the copies that were made before updates of long ago."""
    for copy in folder.glob(BEFORE_UPDATE.format(version="*")):
        if time.time() - copy.stat().st_mtime > BACKUP_KEPT_SECONDS:
            copy.unlink(missing_ok=True)


class BackupFailed(Exception):
    """No backup was made; the message says why, and nothing of it is left behind."""


def back_up(database: Path, target: Path) -> None:
    """Copy the database with SQLite's own backup, read it back, and leave one file at target.

    It bears the mark of a copy: whoever runs on it does not know what happened since.

    Raises BackupFailed, also when there is something at target already: a backup is overwritten
    by nobody but its owner.
    """
    try:
        if not database.is_file():
            raise BackupFailed(f"there is no database at {database}")
    except OSError as error:
        raise BackupFailed(f"{database} cannot be read: {error.strerror}") from None
    # under another name while it is half of one: whoever is killed clears nothing away
    part = target.with_name(f"{target.name}.part")
    try:
        if os.path.lexists(target):
            raise BackupFailed(f"{target} exists already")
        part.unlink(missing_ok=True)
        # Only its owner may read it: it holds what people wrote.
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
        # a journal would be left beside what a kill leaves
        copy.execute("PRAGMA journal_mode = OFF")
        source.backup(copy)
        # One file to carry away, instead of one that grows a journal beside it when it is read.
        copy.execute("PRAGMA journal_mode = DELETE")
        copy.execute(f"PRAGMA application_id = {COPY}")
        (verdict,) = copy.execute("PRAGMA quick_check(1)").fetchone()
    if verdict != "ok":
        raise sqlite3.DatabaseError(f"the copy is damaged: {verdict}")
