"""Where everybody stands: counted once per change, and right after each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from generation.jobs.queue_position import FRESH_SECONDS, Line
from storage.generations import State

if TYPE_CHECKING:
    from tests.generation.steps import Steps
    from tests.storage.asked import Clock


async def test_places_are_counted_anew_only_when_something_changed(
    steps: Steps, clock: Clock
) -> None:
    line = Line(steps.db, clock)
    first, second = [await steps.ask(f"message:{number}") for number in range(2)]
    standing = await line.standing()
    assert (standing.places, standing.running) == ({first.id: 1, second.id: 2}, 0)
    assert await line.standing() is standing
    assert (await steps.submit(first)).state is State.GENERATING
    after = await line.standing()
    assert (after.places, after.running) == ({second.id: 1}, 1)
    clock.now += FRESH_SECONDS
    assert await line.standing() is not after, "turns one had are forgotten in time"
