"""Follow what the provider took: ask how far it is, fetch its video, search for what was lost."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from generation.jobs import outcomes as on
from generation.media.fetch import DeadLink, FetchFailed, TooLarge, UnsafeLink
from generation.media.videos import NotAVideo
from generation.models.pricing import to_micros
from generation.provider.client import Completed, Failed, LogReadings, Unaddressed
from generation.provider.errors import HeldBack, ProviderError, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from generation.jobs.lifecycle import Lifecycle
    from generation.jobs.outcomes import Outcome
    from generation.media.fetch import Downloads
    from generation.orders.substitutes import Substitutes
    from generation.provider.client import AimlApi, Remote
    from storage.generations import Generation

ASKED_AT_ONCE = 8
"""Questions to the provider side by side; each has its answer, or none, within seconds."""

logger = logging.getLogger(__name__)


class Polls:
    """Takes the steps between the paid request and the video on disk."""

    def __init__(
        self,
        *,
        api: AimlApi,
        downloads: Downloads,
        lifecycle: Lifecycle,
        substitutes: Substitutes,
    ) -> None:
        self._api = api
        self._downloads = downloads
        self._lifecycle = lifecycle
        self._substitutes = substitutes
        self._asking = asyncio.Semaphore(ASKED_AT_ONCE)

    async def poll(self, generation: Generation, *, sends: bool = False) -> Generation | None:
        """Take the next step of a generation whose id is known; return it as it is then.

        Whoever `sends` a video as soon as it is here has that noted in the same transaction.
        """
        if generation.provider_id is None:
            raise ValueError(f"generation {generation.id} has no id at the provider")
        try:
            outcome = await self._ask(generation, generation.provider_id)
        except Exception:
            # whatever broke, such as a disk that is full: the deadline holds all the same
            logger.exception("generation %d broke at a poll", generation.id)
            outcome = on.PollFailed()
        if isinstance(outcome, on.VideoOnDisk):
            outcome = replace(outcome, send_begins=sends)
        return await self._lifecycle.advance(generation, outcome)

    async def _ask(self, generation: Generation, provider_id: str) -> Outcome:
        try:
            async with self._asking:
                remote = await self._api.poll(provider_id)
        except Unavailable as error:
            return on.PollFailed(error.retry_after)
        except HeldBack as refusal:
            return on.AccountRefused(str(refusal.reason), str(refusal))
        except ProviderError:
            return on.IdUnknown()
        return await self._outcome_of(generation, remote)

    async def _outcome_of(self, generation: Generation, remote: Remote) -> Outcome:
        spent = None if remote.spent is None else to_micros(remote.spent)
        match remote.status:
            case Completed(url):
                return await self._fetched(generation, url, spent)
            case Unaddressed():
                return on.AddressMissing(spent)
            case Failed(moderation=True) as refused:
                people = self._substitutes.for_people(generation) if refused.people else None
                return on.ContentRefused(people, refused.name)
            case Failed() as failed:
                return on.ProviderBroke(failed.name)
            case _:
                return on.StillRunning()

    async def _fetched(self, generation: Generation, url: str, spent: int | None) -> Outcome:
        try:
            await self._downloads.fetch(generation, url)
        except FetchFailed:
            return on.PollFailed()
        except DeadLink:
            return on.LinkDead(spent)
        except NotAVideo:
            return on.NotAVideoThere(spent)
        except (UnsafeLink, TooLarge) as error:
            return on.ResultRefused(type(error).__name__, spent)
        return on.VideoOnDisk(spent)


class Lookups:
    """Finds submissions whose answer was lost, by the id we gave them in the provider's log."""

    def __init__(self, *, api: AimlApi, lifecycle: Lifecycle, clock: Callable[[], float]) -> None:
        self._log = LogReadings(api, clock)
        self._lifecycle = lifecycle

    async def look_up(self, generation: Generation) -> Generation | None:
        """Search the log once for a generation without an id there; return it as it is then."""
        if generation.request_id is None:
            raise ValueError(f"generation {generation.id} was never submitted")
        found = await self._log.find(generation, generation.request_id)
        outcome: Outcome
        if found is None:
            outcome = on.NotInLog(self._log.wait)
        elif found.failed:
            outcome = on.ProviderBroke("failed in the log")
        else:
            outcome = on.FoundInLog(found.id)
        return await self._lifecycle.advance(generation, outcome)
