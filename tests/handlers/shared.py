"""The operator's choices and people that tests of texts are about."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from generation.models.offer import Offer
from handlers.replies.texts import Languages
from storage import generations
from storage.generations import UNFINISHED
from storage.people import Person

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from storage.database import Connection
    from tests.harness import Harness

SPEECH = Languages().translator("en")
OFFER = Offer.load().only(["sora-2", "sora-2-pro", "veo-3.1-fast", "veo-3.1"])


def person(**saved: Any) -> Person:
    """Return somebody who saved these defaults and no others."""
    defaults = {"family": None, "seconds": None, "aspect_ratio": None, "resolution": None}
    return Person(
        id=7, name="Ann", username="ann", language="en", is_admin=False, **(defaults | saved)
    )


async def until(
    harness: Harness, look: Callable[[Connection], Awaitable[object]], seconds: float = 20
) -> None:
    """Wait until something is found in the database."""
    async with asyncio.timeout(seconds):
        while True:
            async with harness.db.reading() as connection:
                if await look(connection):
                    return
            await asyncio.sleep(0.01)


async def settled(harness: Harness, seconds: float = 10) -> None:
    """Wait until nothing is in work: a video is in the chat a moment before that is written."""

    async def is_settled(connection: Connection) -> bool:
        return not await generations.in_states(connection, UNFINISHED)

    await until(harness, is_settled, seconds)
