"""Look for submissions whose answer was lost, by the id we gave them in the provider's log."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from generation import experience, lifecycle, schedule
from generation.aimlapi import Failed
from generation.errors import ProviderError
from generation.parking import fail_unbilled, give_up, park
from storage import generations
from storage.generations import State

if TYPE_CHECKING:
    from collections.abc import Callable

    from generation.aimlapi import AimlApi, Logged
    from generation.detours import Detours
    from generation.models import Offer
    from generation.schedule import Patience
    from storage.database import Database
    from storage.generations import Generation

LOOKUP_SECONDS = 15.0
"""How often the log is searched for a lost submission."""
CLOCK_SKEW = 60.0
"""How far the provider's clock may be from ours, in seconds."""


class Lookups:
    """Resolves what is `unknown`: found, or parked when its grace is over."""

    def __init__(
        self,
        *,
        db: Database,
        api: AimlApi,
        offer: Offer,
        detours: Detours,
        patience: Patience,
        clock: Callable[[], float],
    ) -> None:
        self._db = db
        self._api = api
        self._offer = offer
        self._detours = detours
        self._patience = patience
        self._clock = clock

    async def look_up(self, generation: Generation) -> None:
        """Search the log once for a generation without an id at the provider."""
        found = await self._search(generation)
        if found is None:
            await self._still_missing(generation)
        elif found.failed:
            failed = Failed("failed", "", moderation=False, people=False)
            await fail_unbilled(self._db, generation, failed, self._detours, now=self._clock())
        else:
            await self._found(generation, found.id)

    async def _search(self, generation: Generation) -> Logged | None:
        if generation.request_id is None:
            raise ValueError(f"generation {generation.id} was never submitted")
        since = _submitted_at(generation) - CLOCK_SKEW
        try:
            return await self._api.find(
                generation.request_id, since=datetime.fromtimestamp(since, UTC)
            )
        except ProviderError:
            return None  # the log is out of reach: as if it were not there yet

    async def _found(self, generation: Generation, provider_id: str) -> None:
        now = self._clock()
        async with self._db.transaction() as tx:
            if generation.state is State.PARKED:
                await generations.note(
                    tx, generation.id, State.PARKED, provider_id=provider_id, due_at=now
                )
                return
            await lifecycle.advance(
                tx,
                generation,
                State.GENERATING,
                reason="found in the log",
                now=now,
                provider_id=provider_id,
                accepted_at=_submitted_at(generation),
            )

    async def _still_missing(self, generation: Generation) -> None:
        now = self._clock()
        expects = await experience.expects(self._db, self._offer, generation)
        grace = schedule.grace(self._patience.grace, expects)
        async with self._db.transaction() as tx:
            if generation.state is State.PARKED:
                if await give_up(tx, generation, now=now):
                    return
                wait = schedule.PARKED_SECONDS
            elif now - _submitted_at(generation) > grace:
                await park(tx, generation, "never answered", "parked_unknown", now=now)
                return
            else:
                wait = LOOKUP_SECONDS
            await generations.note(tx, generation.id, generation.state, due_at=now + wait)


def _submitted_at(generation: Generation) -> float:
    return generation.submitted_at or generation.changed_at
