"""What a stop must not cut in two: something is said, and that it was said is written down."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Coroutine

FINISH_SECONDS = 1.0
"""How long a stop waits for it: a call to Telegram that takes longer is cut all the same."""


async def finished(work: Coroutine[Any, Any, None]) -> None:
    """Do something short to its end, even where this task is cancelled meanwhile."""
    task = asyncio.create_task(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        with suppress(Exception):
            await asyncio.wait_for(task, FINISH_SECONDS)
        raise
