"""What a chat shows in its head while something comes: "sending a video …"."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from handlers.replies.outcomes import SendError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

EVERY_SECONDS = 4.5
"""How often it is shown anew: a client shows it for five seconds."""


@asynccontextmanager
async def shown(show: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """Show again and again that something comes, until it is there; nobody misses it."""
    showing = asyncio.create_task(_again_and_again(show))
    try:
        yield
    finally:
        showing.cancel()
        await asyncio.wait({showing})


async def _again_and_again(show: Callable[[], Awaitable[None]]) -> None:
    while True:
        with suppress(SendError):
            await show()
        await asyncio.sleep(EVERY_SECONDS)
