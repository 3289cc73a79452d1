"""Look for submissions whose answer was lost, by the id we gave them in the provider's log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from generation.jobs import durations, schedule, transitions
from generation.jobs.deadlines import fail_unbilled, give_up, park
from generation.provider.client import Failed
from generation.provider.log import LogReadings, submitted_at
from storage import generations
from storage.generations import State

if TYPE_CHECKING:
    from collections.abc import Callable

    from generation.jobs.failover import Detours
    from generation.jobs.schedule import Patience
    from generation.models.offer import Offer
    from generation.provider.client import AimlApi
    from storage.database import Database
    from storage.generations import Generation


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
        self._log = LogReadings(api, clock)
        self._offer = offer
        self._detours = detours
        self._patience = patience
        self._clock = clock

    async def look_up(self, generation: Generation) -> None:
        """Search the log once for a generation without an id at the provider."""
        if generation.request_id is None:
            raise ValueError(f"generation {generation.id} was never submitted")
        found = await self._log.find(generation, generation.request_id)
        if found is None:
            await self._still_missing(generation)
        elif found.failed:
            failed = Failed("failed", "", moderation=False, people=False)
            await fail_unbilled(self._db, generation, failed, self._detours, now=self._clock())
        else:
            await self._found(generation, found.id)

    async def _found(self, generation: Generation, provider_id: str) -> None:
        now = self._clock()
        async with self._db.transaction() as tx:
            if generation.state is State.PARKED:
                await generations.note(
                    tx, generation.id, State.PARKED, provider_id=provider_id, due_at=now
                )
                return
            await transitions.advance(
                tx,
                generation,
                State.GENERATING,
                reason="found in the log",
                now=now,
                provider_id=provider_id,
                accepted_at=submitted_at(generation),
            )

    async def _still_missing(self, generation: Generation) -> None:
        now = self._clock()
        expects = await durations.expects(self._db, self._offer, generation)
        grace = schedule.grace(self._patience.grace, expects)
        async with self._db.transaction() as tx:
            if generation.state is State.PARKED:
                if await give_up(tx, generation, now=now):
                    return
                wait = schedule.PARKED_SECONDS
            elif now - submitted_at(generation) > grace:
                await park(tx, generation, "never answered", "parked_unknown", now=now)
                return
            else:
                wait = 0.0
            wait = max(wait, self._log.wait)
            await generations.note(tx, generation.id, generation.state, due_at=now + wait)
