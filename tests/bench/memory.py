"""How much memory a process and its children hold, as Linux counts it."""

from __future__ import annotations

import asyncio
import re
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

MEGABYTE = 1_000_000
INTERVAL_SECONDS = 0.02


def resident(pid: int) -> int:
    """Return the bytes of a process in memory, 0 once it is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return 0
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    return int(found[1]) * 1024 if found else 0


def children(pid: int) -> list[int]:
    """Return the processes a process started, and theirs."""
    found: list[int] = []
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text(encoding="ascii").split():
                found += [int(child), *children(int(child))]
    return found


@dataclass(slots=True)
class Peak:
    """The most that was seen, in bytes: of the process alone, and with its children."""

    own: int = 0
    family: int = 0


@asynccontextmanager
async def watched(pid: int) -> AsyncIterator[Peak]:
    """Watch a process's memory for a while."""
    peak = Peak()

    async def watch() -> None:
        while True:
            own = resident(pid)
            peak.own = max(peak.own, own)
            peak.family = max(peak.family, own + sum(map(resident, children(pid))))
            await asyncio.sleep(INTERVAL_SECONDS)

    watching = asyncio.create_task(watch())
    try:
        yield peak
    finally:
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching
