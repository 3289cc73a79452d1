"""How long a generation takes, learned from those that were made here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from generation.jobs import schedule
from storage import statistics

if TYPE_CHECKING:
    from generation.models.offer import Offer
    from storage.database import Database
    from storage.generations import Request

LEARNS_FROM = 20
"""How many finished generations the expected time is taken from."""


async def expects(db: Database, offer: Offer, request: Request) -> float:
    """Return how long such a request takes at the provider, in seconds."""
    async with db.reading() as connection:
        took = await statistics.durations(
            connection,
            model=request.model,
            seconds=request.seconds,
            resolution=request.resolution,
            limit=LEARNS_FROM,
        )
    return schedule.expected(took, offer.mode(request.model, request.kind).typical_seconds)
