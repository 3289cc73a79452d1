"""What lies in DATA_DIR, looked at without touching it, also while a bot works there."""

from __future__ import annotations

import sqlite3
import stat
from contextlib import closing
from typing import TYPE_CHECKING

from bot import lock
from bot.operations.checks import failure, ok, warning
from storage.migrations import steps

if TYPE_CHECKING:
    from pathlib import Path

    from bot.operations.checks import Finding

ABOUT = "bot.sqlite3"


def check_database(path: Path) -> list[Finding]:
    """Look whether the database is whole, known to this version, and nobody else's to read."""
    try:
        mode = path.stat().st_mode
        address = f"{path.resolve().as_uri()}?mode=ro"
        with closing(sqlite3.connect(address, uri=True)) as connection:
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    except FileNotFoundError:
        return ok(ABOUT, "not made yet")
    except (OSError, sqlite3.Error) as error:
        return failure(ABOUT, f"{path}: {error}", "restore a backup, or name another DATA_DIR")
    if verdict != "ok":
        return failure(ABOUT, f"damaged: {verdict}", "stop the bot and restore a backup")
    if version > len(steps()):
        found = f"at version {version}, this program knows {len(steps())}"
        return failure(ABOUT, found, "start the newer program, or restore a backup")
    if stat.S_IMODE(mode) & 0o077:
        found = "others on this machine can read what people wrote"
        return warning(ABOUT, found, f"chmod -R go= {path.parent}")
    return ok(ABOUT, f"whole, at version {version}")


def check_holder(folder: Path) -> list[Finding]:
    """Say whether a bot works there now: both is fine."""
    held = lock.holder(folder)
    return ok("running", "no bot runs on DATA_DIR" if held is None else str(held))
