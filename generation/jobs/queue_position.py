"""Where everybody stands who waits for a slot: asked for often, counted when something changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from generation.jobs.queue import LATELY_SECONDS, in_line
from storage import events, fairness, generations
from storage.generations import AT_PROVIDER, State

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from storage.database import Database

FRESH_SECONDS = 60.0
"""How long a count holds at most: turns one had are forgotten without a change of state."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Places in the line by generation (1 is next), and how many are at the provider."""

    places: Mapping[int, int]
    running: int


class Line:
    """Knows the places of all who wait."""

    def __init__(self, db: Database, clock: Callable[[], float]) -> None:
        self._db = db
        self._clock = clock
        self._counted: tuple[tuple[int, int], Standing] | None = None

    async def standing(self) -> Standing:
        """Return how everybody stands now."""
        now = self._clock()
        async with self._db.reading() as connection:
            # each change of a state writes an event, so the newest tells whether there was one
            version = (await events.newest(connection), int(now // FRESH_SECONDS))
            if self._counted is not None and self._counted[0] == version:
                return self._counted[1]
            waiting = await generations.in_states(connection, {State.QUEUED})
            running = await generations.in_states(connection, AT_PROVIDER)
            served = await fairness.served(connection, since=now - LATELY_SECONDS)
        line = in_line(waiting, running, served)
        places = {one.id: place for place, one in enumerate(line, start=1)}
        standing = Standing(places, len(running))
        self._counted = (version, standing)
        return standing
