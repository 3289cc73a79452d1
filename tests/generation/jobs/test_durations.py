"""How long a video takes, learned from those that were made here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from generation.jobs.durations import LEARNS_FROM, expects
from generation.models.offer import Offer
from tests.storage.asked import NOW, ask, request

if TYPE_CHECKING:
    from storage.database import Database

OFFER = Offer.load()


async def made(db: Database, number: int, took: float) -> None:
    """Have a video made that took so many seconds."""
    generation = await ask(db, f"message:{number}")
    ready = NOW + number
    async with db.transaction() as tx:
        await tx.execute(
            "UPDATE generations SET accepted_at = ?, ready_at = ? WHERE id = ?",
            (ready - took, ready, generation.id),
        )


async def test_before_the_first_video_the_offers_figure_counts(db: Database) -> None:
    assert await expects(db, OFFER, request()) == 75


async def test_then_the_median_of_our_own_counts(db: Database) -> None:
    for number, took in enumerate((40, 50, 600)):
        await made(db, number, took)
    assert await expects(db, OFFER, request()) == 50
    assert await expects(db, OFFER, request(seconds=8)) == 75, "of the same kind of video only"


async def test_what_was_long_ago_is_forgotten(db: Database) -> None:
    for number in range(LEARNS_FROM):
        await made(db, number, 500)
    for number in range(LEARNS_FROM):
        await made(db, 100 + number, 30)
    assert await expects(db, OFFER, request()) == 30
