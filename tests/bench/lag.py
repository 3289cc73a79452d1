"""The bot, and the lag of its event loop in `LAG_FILE`: how late a task wakes that sleeps 10 ms.

A line for each time: when it was to wake, in seconds of the monotonic clock, and how much later
it did.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from bot import lifecycle
from bot.__main__ import main

if TYPE_CHECKING:
    from bot.app import Bot
    from bot.process import ExitCode

SLEEP = 0.01
serve = lifecycle.serve


async def serve_watched(bot: Bot, stopping: asyncio.Event) -> ExitCode:
    """Serve, and write the lag down meanwhile."""
    watching = asyncio.create_task(_watch(Path(os.environ["LAG_FILE"])))
    try:
        return await serve(bot, stopping)
    finally:
        watching.cancel()


async def _watch(path: Path) -> None:
    loop = asyncio.get_running_loop()
    with path.open("w", buffering=1) as lines:
        while True:
            due = loop.time() + SLEEP
            await asyncio.sleep(SLEEP)
            lines.write(f"{due} {loop.time() - due}\n")


def lags(path: Path, *, since: float) -> list[float]:
    """Return the seconds by which the loop was late since then, the shortest first."""
    known = (line.split() for line in path.read_text().splitlines())
    return sorted(float(lag) for due, lag in known if float(due) >= since)


if __name__ == "__main__":
    lifecycle.serve = serve_watched
    sys.exit(main(["run"]))
