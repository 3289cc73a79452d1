"""Ask the provider how far a generation is, and fetch its video when it is made."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from generation.jobs import durations, schedule, transitions
from generation.jobs.deadlines import fail_unbilled, overdue
from generation.jobs.transitions import told
from generation.media.fetch import DeadLink, FetchFailed, TooLarge, UnsafeLink
from generation.media.formats import MediaError
from generation.media.videos import NotAVideo
from generation.models.pricing import to_micros
from generation.provider.client import Completed, Failed
from generation.provider.errors import HeldBack, ProviderError, Unavailable
from storage import generations
from storage.generations import State

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from decimal import Decimal

    from generation.jobs.failover import Detours
    from generation.jobs.outages import Outages
    from generation.jobs.schedule import Patience
    from generation.media.fetch import Downloads
    from generation.models.offer import Offer
    from generation.provider.client import AimlApi, Remote
    from storage.admins import Admins
    from storage.database import Database
    from storage.generations import Generation

LINK_WAITS = (2.0, 600.0)
"""Seconds before a dead link is asked for anew: at once, then late in its quarter of an hour."""
PAGE_WAITS = (1.0, 4.0)
"""Seconds before a link is tried again at which something else than a video lay."""
ASKED_AT_ONCE = 8
"""Questions to the provider side by side; each has its answer, or none, within seconds."""

logger = logging.getLogger(__name__)


class Polls:
    """Takes the steps between the paid request and the video on disk."""

    def __init__(
        self,
        *,
        db: Database,
        api: AimlApi,
        downloads: Downloads,
        offer: Offer,
        detours: Detours,
        patience: Patience,
        outages: Outages,
        admins: Admins,
        clock: Callable[[], float],
    ) -> None:
        self._db = db
        self._api = api
        self._downloads = downloads
        self._offer = offer
        self._detours = detours
        self._patience = patience
        self._outages = outages
        self._admins = admins
        self._clock = clock
        self._asking = asyncio.Semaphore(ASKED_AT_ONCE)

    async def poll(self, generation: Generation) -> None:
        """Take the next step of a generation whose id at the provider is known."""
        if generation.provider_id is None:
            raise ValueError(f"generation {generation.id} has no id at the provider")
        try:
            await self._ask(generation, generation.provider_id)
        except Exception:
            # whatever broke, such as a disk that is full: the deadline holds all the same
            logger.exception("generation %d broke at a poll", generation.id)
            await self._set_back(generation, None)

    async def _ask(self, generation: Generation, provider_id: str) -> None:
        try:
            async with self._asking:
                remote = await self._api.poll(provider_id)
        except Unavailable as error:
            await self._set_back(generation, error.retry_after)
        except HeldBack as refusal:
            async with self._db.transaction() as tx:
                await self._outages.begin(tx, refusal)
            await self._set_back(generation, None)
        except ProviderError:
            # ids may become pollable late; the deadline ends this
            await self._set_back(generation, schedule.LONGEST)
        else:
            await self._take(generation, remote)

    async def _take(self, generation: Generation, remote: Remote) -> None:
        match remote.status:
            case Completed(url):
                await self._collect(generation, url, remote.spent)
            case Failed() as failed:
                await fail_unbilled(self._db, generation, failed, self._detours, now=self._clock())
            case _:
                await self._wait(generation)

    async def _wait(self, generation: Generation) -> None:
        now = self._clock()
        if generation.state is State.PARKED:
            due = now + schedule.PARKED_SECONDS
        else:
            due = schedule.next_poll(
                now=now,
                accepted_at=generation.accepted_at or generation.changed_at,
                expects=await durations.expects(self._db, self._offer, generation),
                fixed=self._patience.interval,
            )
        await self._later(generation, due, setbacks=0)

    async def _set_back(
        self, generation: Generation, retry_after: float | None, **changes: int
    ) -> None:
        wait = schedule.backoff(generation.setbacks, retry_after)
        if generation.state is State.PARKED:
            wait = max(wait, schedule.PARKED_SECONDS)
        setbacks = generation.setbacks + 1
        await self._later(generation, self._clock() + wait, setbacks=setbacks, **changes)

    async def _later(self, generation: Generation, due: float, **changes: int) -> None:
        """Ask again then, unless the time for this is over: what is late is looked at first."""
        async with self._db.transaction() as tx:
            if await overdue(tx, generation, self._patience.deadline, now=self._clock()):
                return
            await generations.note(
                tx, generation.id, generation.state,
                due_at=due, polls=generation.polls + 1, **changes,
            )  # fmt: skip

    async def _collect(self, generation: Generation, url: str, spent: Decimal | None) -> None:
        try:
            await self._downloads.fetch(generation, url)
        except (FetchFailed, MediaError):
            await self._set_back(generation, None)
        except DeadLink:
            if not await self._try_again(generation, LINK_WAITS):
                await self._lost(generation, "link dead", spent)
        except NotAVideo as error:
            # a gateway's page may stand in for a video that was paid for
            if not await self._try_again(generation, PAGE_WAITS):
                await self._unusable(generation, error, spent)
        except (UnsafeLink, TooLarge) as error:
            await self._unusable(generation, error, spent)
        else:
            await self._ready(generation, spent)

    async def _try_again(self, generation: Generation, waits: Sequence[float]) -> bool:
        """Ask for the video anew, a few times; tell whether it will be."""
        dead = generation.dead_links
        if dead >= len(waits):
            return False
        await self._set_back(generation, waits[dead], dead_links=dead + 1)
        return True

    async def _unusable(
        self, generation: Generation, error: Exception, spent: Decimal | None
    ) -> None:
        async with self._db.transaction() as tx:
            await self._admins.notify(
                tx, "bad_result", cause=f"result:{generation.id}", now=self._clock(),
                generation=generation.id, explanation=type(error).__name__,
            )  # fmt: skip
        await self._lost(generation, f"result: {type(error).__name__}", spent)

    async def _ready(self, generation: Generation, spent: Decimal | None) -> None:
        now = self._clock()
        reason = transitions.GIFT if generation.state is State.PARKED else "video on disk"
        async with self._db.transaction() as tx:
            await transitions.advance(
                tx, generation, State.READY, reason=reason, now=now, ready_at=now,
                **_bill(generation, spent),
            )  # fmt: skip

    async def _lost(self, generation: Generation, reason: str, spent: Decimal | None) -> None:
        """Give up a video that was made but cannot be had; the operator bears its price."""
        owes = [told(generation, "failed_broken")] if generation.state is State.GENERATING else []
        async with self._db.transaction() as tx:
            await transitions.advance(
                tx, generation, State.FAILED, reason=reason, now=self._clock(), owes=owes,
                **_bill(generation, spent),
            )  # fmt: skip


def _bill(generation: Generation, spent: Decimal | None) -> dict[str, Any]:
    """Return what is known of the real price: it replaces the expected one in the budget."""
    if spent is None:
        return {}
    micros = to_micros(spent)
    share = generation.budget_micros
    if generation.price_micros:
        share = generation.budget_micros * micros // generation.price_micros
    return {"spent_micros": micros, "budget_micros": share}
