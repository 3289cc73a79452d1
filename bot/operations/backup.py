"""Copies the database into one file while the bot runs."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class BackupFailed(Exception):
    """No backup was made; the message says why, and nothing of it is left behind."""


def back_up(database: Path, target: Path) -> None:
    """Copy the database with SQLite's own backup, read it back, and leave one file at target.

    Raises BackupFailed, also when there is something at target already: a backup is overwritten
    by nobody but its owner.
    """
    if not database.is_file():
        raise BackupFailed(f"there is no database at {database}")
    try:
        # Only its owner may read it: it holds what people wrote.
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        raise BackupFailed(f"{target} exists already") from None
    except OSError as error:
        raise BackupFailed(f"{target} cannot be written: {error.strerror}") from None
    try:
        _copy(database, target)
    except sqlite3.Error as error:
        target.unlink()
        raise BackupFailed(f"SQLite says: {error}") from error
    except BaseException:
        target.unlink()
        raise


def _copy(database: Path, target: Path) -> None:
    address = f"{database.resolve().as_uri()}?mode=ro"
    with (
        closing(sqlite3.connect(address, uri=True)) as source,
        closing(sqlite3.connect(target)) as copy,
    ):
        source.backup(copy)
        # One file to carry away, instead of one that grows a journal beside it when it is read.
        copy.execute("PRAGMA journal_mode = DELETE")
        (verdict,) = copy.execute("PRAGMA quick_check(1)").fetchone()
    if verdict != "ok":
        raise sqlite3.DatabaseError(f"the copy is damaged: {verdict}")
