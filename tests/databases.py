"""New databases for tests: migrated once and copied."""

from __future__ import annotations

import asyncio
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

from storage.database import Database


def begin(path: Path) -> Path:
    """Create a database unless it exists, by a copy, as a migration takes ten times as long."""
    if not path.exists():
        path.parent.mkdir(0o700, parents=True, exist_ok=True)
        path.write_bytes(_migrated())
    return path


@cache
def _migrated() -> bytes:
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(1) as thread:
        path = Path(folder) / "new.sqlite3"
        # in a thread, as the caller may run in an event loop
        thread.submit(asyncio.run, _migrate(path)).result()
        return path.read_bytes()


async def _migrate(path: Path) -> None:
    db = await Database.open(path)
    await db.close()
