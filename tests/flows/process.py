"""The bot as an operator runs it: a process of its own, ended by signals."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import AsyncIterator
    from pathlib import Path

    from sandbox.aimlapi import AimlApiSandbox
    from sandbox.telegram import TelegramSandbox


TICK = 0.01


@asynccontextmanager
async def process(
    telegram: TelegramSandbox,
    provider: AimlApiSandbox,
    data: Path,
    *,
    before: str = "",
    **settings: str,
) -> AsyncIterator[Process]:
    """Run `python -m bot` as an operator would; it is killed if it outlives the test.

    `before` is what its shell is told first, such as a limit on what it may use.
    """
    running = await asyncio.create_subprocess_exec(
        "sh", "-c", f'{before or ":"}; exec "$0" -m bot run', sys.executable,
        env={
            "PATH": os.environ["PATH"],
            "TELEGRAM_BOT_TOKEN": telegram.token,
            "TELEGRAM_API_URL": telegram.url,
            "AIMLAPI_KEY": provider.key,
            "AIMLAPI_URL": provider.url,
            "DATA_DIR": str(data),
            "POLL_INTERVAL_SECONDS": "0.2",
            "UNDO_SECONDS": "0",
        }
        | settings,
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        yield running
    finally:
        if running.returncode is None:
            running.kill()
        await running.communicate()


async def terminate(running: Process) -> tuple[int, float]:
    """Send SIGTERM; return the exit code and how long the process took, in seconds.

    What a busy machine keeps this process itself waiting meanwhile is not held against the other.
    """
    lag = Lag()
    measuring = asyncio.create_task(lag.measure())
    began = time.monotonic()
    running.send_signal(signal.SIGTERM)
    code = await asyncio.wait_for(running.wait(), 30)
    took = time.monotonic() - began
    measuring.cancel()
    return code, took - lag.seconds


class Lag:
    """Adds up how much later than it should a task of this process comes to its turn."""

    def __init__(self) -> None:
        self.seconds = 0.0

    async def measure(self) -> None:
        while True:
            began = time.monotonic()
            await asyncio.sleep(TICK)
            self.seconds += max(0.0, time.monotonic() - began - 2 * TICK)
