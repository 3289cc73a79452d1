"""A new database: migrated once, and copied to wherever a test begins with one."""

from __future__ import annotations

import asyncio
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

from storage.database import Database


def begin(path: Path) -> Path:
    """Put a new database where there is none: its migration takes ten times as long as a start."""
    if not path.exists():
        path.parent.mkdir(0o700, parents=True, exist_ok=True)
        path.write_bytes(_migrated())
    return path


@cache
def _migrated() -> bytes:
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(1) as apart:
        path = Path(folder) / "new.sqlite3"
        # whoever asks has a loop of their own
        apart.submit(asyncio.run, _migrate(path)).result()
        return path.read_bytes()


async def _migrate(path: Path) -> None:
    db = await Database.open(path)
    await db.close()
