"""The steps of a generation, wired as in the bot, and what a test asks of them."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import httpx
from pydantic import SecretStr

from generation.jobs.lifecycle import Lifecycle
from generation.jobs.outcomes import StillQueued
from generation.jobs.provider_calls import Polls, Submissions
from generation.jobs.schedule import CircuitBreaker, DurationEstimates, JobPolicy
from generation.media.fetch import Downloads
from generation.media.formats import PictureDelayed, PictureGone
from generation.media.pictures import Pictures
from generation.models.availability import Feeds
from generation.models.catalogue import Catalogue, Cooldowns
from generation.models.offer import Offer
from generation.orders.substitutes import Substitutes
from generation.provider.client import AimlApi, LogSearch
from storage import chats, generations, notices, people
from storage.generations import State
from storage.notices import Admins
from tests.storage.requests import ANN, ask, found, rows, steps_of

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Unpack

    from generation.jobs.outcomes import Outcome
    from generation.media.pool import MediaProcesses
    from generation.provider.connections import Connections
    from sandbox.aimlapi import AimlApiSandbox
    from storage.database import Database
    from storage.generations import Changes, Generation
    from tests.storage.requests import Clock

NAMES = ("sora-2", "sora-2-pro")
"""The families on offer."""
ADMIN = 900
"""The operator's user id."""
DEADLINE, GRACE = 1800.0, 120.0
"""Seconds until a generation is parked, and until a lost submission is."""


class Album:
    """Where pictures are fetched from: files by their ids, or what is wrong with them."""

    def __init__(self) -> None:
        self.pictures: dict[str, bytes] = {}
        self.delayed = False

    async def __call__(self, file_id: str, target: Path) -> None:
        """Write the picture, as `FetchFile` says."""
        if self.delayed:
            raise PictureDelayed
        if file_id not in self.pictures:
            raise PictureGone
        target.write_bytes(self.pictures[file_id])  # noqa: ASYNC240 - small


class Steps:
    """Everything that takes steps, and the questions tests put afterwards."""

    def __init__(
        self,
        db: Database,
        provider: AimlApiSandbox,
        clock: Clock,
        *,
        connections: Connections,
        media: MediaProcesses,
        folder: Path,
    ) -> None:
        self.db, self.provider, self.clock = db, provider, clock
        self.album = Album()
        self.videos = folder / "videos"
        offer = Offer.load()
        admins = Admins(frozenset({ADMIN}))
        http = httpx.AsyncClient(transport=connections)
        api = AimlApi(connections, url=provider.url, key=SecretStr(provider.key))
        ids = itertools.count(1)
        self.cooldowns = Cooldowns(admins, clock)
        self.catalogue = Catalogue(
            db=db, feeds=Feeds(http, url=provider.url), bundled=offer, names=NAMES,
            cooldowns=self.cooldowns, admins=admins, clock=clock,
        )  # fmt: skip
        self.substitutes = Substitutes(self.catalogue)
        self.breaker = CircuitBreaker(db, api, admins, clock)
        self.estimates = DurationEstimates(db, offer)
        self.lifecycle = Lifecycle(
            db=db, policy=JobPolicy(deadline=DEADLINE, grace=GRACE), estimates=self.estimates,
            breaker=self.breaker, cooldowns=self.cooldowns, admins=admins, clock=clock,
        )  # fmt: skip
        self.submissions = Submissions(
            db=db, api=api, catalogue=self.catalogue, pictures=Pictures(media, self.album),
            lifecycle=self.lifecycle, breaker=self.breaker, substitutes=self.substitutes,
            new_request_id=lambda: f"request-{next(ids)}",
        )  # fmt: skip
        self.downloads = Downloads(
            api=api, http=http, origin=provider.url, folder=self.videos, media=media, seconds=30.0
        )
        self.polls = Polls(
            api=api, log=LogSearch(api, clock), downloads=self.downloads, lifecycle=self.lifecycle,
            substitutes=self.substitutes,
        )  # fmt: skip

    async def ask(self, cause: str = "message:1", **changes: Any) -> Generation:
        """Queue a request now."""
        async with self.db.transaction() as tx:
            person = changes.get("person", ANN)
            await people.upsert(
                tx, person, name="Ann", username=None, language="en", now=self.clock.now
            )
        return await ask(self.db, cause, now=self.clock.now, **changes)

    async def again(self, generation: Generation) -> Generation:
        """Read a generation anew."""
        return await found(self.db, generation)

    async def submit(self, generation: Generation) -> Generation:
        """Take a request to the provider."""
        await self.submissions.submit(generation)
        return await self.again(generation)

    async def expire(self, generation: Generation) -> bool:
        """End a queued request that nobody will serve."""
        outage = await self.breaker.present()
        since = outage.began_at if outage is not None and self.breaker.is_open else None
        return await self.lifecycle.advance(generation, StillQueued(since)) is not None

    async def poll(self, generation: Generation) -> Generation:
        """Ask once how far it is."""
        await self.polls.poll(generation)
        return await self.again(generation)

    async def look_up(self, generation: Generation) -> Generation:
        """Search once for a lost submission."""
        await self.polls.look_up(generation)
        return await self.again(generation)

    async def taken(
        self, cause: str = "message:1", *, ended: bool = True, **changes: Any
    ) -> Generation:
        """Return a generation the provider took, and has finished with if `ended`."""
        generation = await self.submit(await self.ask(cause, **changes))
        assert generation.state is State.GENERATING, generation.reason
        return await self.made(generation) if ended else generation

    async def made(self, generation: Generation) -> Generation:
        """Wait until the provider has finished with a generation."""
        await self.provider.wait_until(
            lambda: self.provider.generations.by_id[generation.provider_id or ""].ended,
            "the video is made",
        )
        return generation

    async def advance(self, generation: Generation, outcome: Outcome) -> Generation:
        """Let something happen."""
        await self.lifecycle.advance(generation, outcome)
        return await self.again(generation)

    async def note(self, generation: Generation, **changes: Unpack[Changes]) -> Generation:
        """Change facts of a generation."""
        async with self.db.transaction() as tx:
            await generations.update(tx, generation.id, **changes)
        return await self.again(generation)

    async def ledger(self) -> list[str]:
        """What happened to credits, in order."""
        return [kind for (kind,) in await rows(self.db, "SELECT kind FROM ledger ORDER BY id")]

    async def told(self) -> list[str]:
        """What the person who asked was told."""
        return [one.kind for one in await self._owed() if one.chat == 1]

    async def admins(self) -> list[str]:
        """What the admin was told."""
        return [one.kind for one in await self._owed() if one.chat != 1]

    async def history(self, generation: Generation) -> list[str]:
        """The states it went through."""
        async with self.db.reading() as connection:
            return [event.state for event in await steps_of(connection, generation.id)]

    async def uncharged(self, generation: Generation) -> bool:
        """Whether the budget leaves it out."""
        found = await rows(self.db, "SELECT uncharged FROM generations WHERE id = ?", generation.id)
        return found == [(1,)]

    async def _owed(self) -> list[notices.Owed]:
        async with self.db.reading() as connection:
            waiting = await chats.in_work(connection)
            return [one for chat in waiting for one in await notices.owed(connection, chat)]
