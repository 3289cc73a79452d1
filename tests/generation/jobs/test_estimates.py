"""How long a video takes, learned from those that were made here."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from generation.jobs.outcomes import VideoOnDisk
from generation.jobs.schedule import MAX_DURATIONS, TYPICAL_SECONDS, DurationEstimates
from generation.models.offer import Offer
from tests.storage.requests import NOW, ask, request

if TYPE_CHECKING:
    from storage.database import Database
    from tests.generation.steps import Steps

OFFER = Offer.load()


async def estimate(db: Database, **changes: Any) -> float:
    """How long such a request takes, as known after a start."""
    return await DurationEstimates(db, OFFER).of(request(**changes))


async def made(db: Database, number: int, took: float, **changes: Any) -> None:
    """Have a video made that took so many seconds."""
    generation = await ask(db, f"message:{number}", **changes)
    ready = NOW + number
    async with db.transaction() as tx:
        await tx.execute(
            "UPDATE generations SET accepted_at = ?, ready_at = ? WHERE id = ?",
            (ready - took, ready, generation.id),
        )


async def test_before_the_first_video_the_offers_figure_counts(db: Database) -> None:
    assert await estimate(db) == 75


async def test_then_the_median_of_our_own_counts(db: Database) -> None:
    for number, took in enumerate((40, 50, 600)):
        await made(db, number, took)
    assert await estimate(db) == 50
    assert await estimate(db, seconds=8) == 75, "of the same kind of video only"


async def test_what_was_long_ago_is_forgotten(db: Database) -> None:
    for number in range(MAX_DURATIONS):
        await made(db, number, 500)
    for number in range(MAX_DURATIONS):
        await made(db, 100 + number, 30)
    assert await estimate(db) == 30


async def test_a_model_that_left_the_offer_takes_as_long_as_models_do(db: Database) -> None:
    assert await estimate(db, family="gone", model="nobody/gone") == TYPICAL_SECONDS


async def test_what_was_read_once_is_not_asked_for_again(db: Database) -> None:
    estimates = DurationEstimates(db, OFFER)
    await estimates.of(request())
    before = db.usage.lock_acquisitions
    assert await estimates.of(request()) == 75
    assert db.usage.lock_acquisitions == before


async def test_each_of_the_first_and_some_of_the_later_are_learned_from(steps: Steps) -> None:
    known, planned = [], list[tuple[float, ...]]()
    for number in range(12):
        generation = await steps.taken(f"message:{number}", ended=False)
        steps.clock.now += 10.0 * (number + 1)
        made = await steps.advance(generation, VideoOnDisk())
        known.append(await steps.estimates.of(made))
        async with steps.db.reading() as connection:
            planned.append((await steps.estimates.within(connection, made)).durations)
    assert known[:3] == [10, 15, 20]
    assert len({*planned[3:]}) < 7, "its cost does not grow with what is made"
    assert known[-1] >= 50


async def test_one_model_of_a_maker_tells_how_busy_it_is_with_the_others(db: Database) -> None:
    for number in range(10):
        await made(db, number, 60)
        await made(db, 20 + number, 100, seconds=8)
    estimates = DurationEstimates(db, OFFER)
    assert (await estimates.of(request()), await estimates.of(request(seconds=8))) == (60, 100)
    for number in range(3):
        generation = replace(await ask(db, f"message:now {number}"), accepted_at=10, ready_at=100)
        estimates.learn(generation)
    assert await estimates.of(request(seconds=8)) == pytest.approx(150)
    elsewhere = request(family="kling-3", model="klingai/kling-3")
    assert await estimates.of(elsewhere) == TYPICAL_SECONDS
