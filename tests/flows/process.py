"""Runs the bot as an operator does: in its own process, stopped by signals."""

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
    """Run `python -m bot`; it is killed at the end of the test if it still runs.

    `before` is a shell command that runs first, such as a resource limit.
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
    """Send SIGTERM; return the exit code and the seconds until the process ended.

    The scheduling delay of this process during that time, as on a busy machine, is subtracted.
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
    """Measures the scheduling delay of this process, in seconds."""

    def __init__(self) -> None:
        self.seconds = 0.0

    async def measure(self) -> None:
        while True:
            began = time.monotonic()
            await asyncio.sleep(TICK)
            self.seconds += max(0.0, time.monotonic() - began - 2 * TICK)
