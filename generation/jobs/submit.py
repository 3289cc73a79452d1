"""Ask the provider for a video: once, unless it surely did not take the request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from generation.jobs import durations, schedule, transitions
from generation.jobs.queue import LONGEST_WAIT, waits_until
from generation.jobs.reactions import Reactions
from generation.jobs.transitions import told
from generation.media.formats import MediaFailed
from generation.media.pictures import BadPicture, Fitted, PictureDelayed, PictureGone
from generation.provider.errors import ProviderError
from storage import generations
from storage.generations import State

if TYPE_CHECKING:
    from collections.abc import Callable

    from generation.jobs.failover import Detours
    from generation.jobs.outages import Outages
    from generation.jobs.schedule import Patience
    from generation.media.pictures import Pictures
    from generation.models.offer import Offer
    from generation.provider.client import AimlApi, Remote
    from storage.database import Database
    from storage.generations import Generation
    from storage.outages import Outage


class Submissions:
    """Takes queued requests to the provider, one paid POST each."""

    def __init__(
        self,
        *,
        db: Database,
        api: AimlApi,
        offer: Offer,
        pictures: Pictures,
        outages: Outages,
        detours: Detours,
        patience: Patience,
        clock: Callable[[], float],
        new_request_id: Callable[[], str],
    ) -> None:
        self._db = db
        self._api = api
        self._offer = offer
        self._pictures = pictures
        self._outages = outages
        self._detours = detours
        self._reactions = Reactions(outages, detours)
        self._patience = patience
        self._clock = clock
        self._new_request_id = new_request_id
        self._leaving: set[int] = set()
        self._is_closed = False

    def close(self) -> frozenset[int]:
        """Let no further paid request leave; return the generations whose request is on its way."""
        self._is_closed = True
        return frozenset(self._leaving)

    async def expire(self, generation: Generation, outage: Outage | None) -> bool:
        """End a queued request that nobody will serve; tell whether it was ended.

        `outage` is the one that lasts now, if any.
        """
        now = self._clock()
        if generation.cancel_wanted:
            async with self._db.transaction() as tx:
                await transitions.call_back(tx, generation, now=now)
        elif now <= waits_until(generation, outage):
            return False
        elif outage is None or now - generation.created_at > LONGEST_WAIT:
            await self._fail(generation, "no turn", "failed_waited")
        else:
            await self._fail(generation, "provider refuses", "failed_closed")
        return True

    async def submit(self, generation: Generation) -> None:
        """Take a queued request to the provider; the answer is committed before returning.

        One whose model is not asked now becomes another video, or fails.
        """
        if self._detours.is_needed(generation):
            async with self._db.transaction() as tx:
                await self._detours.around(tx, generation, now=self._clock())
            return
        picture = await self._picture(generation)
        if picture is None:
            return  # failed, or to be tried later
        self._leaving.add(generation.id)
        try:
            await self._send(generation, picture)
        finally:
            self._leaving.discard(generation.id)

    async def _send(self, generation: Generation, picture: Fitted) -> None:
        request_id = self._new_request_id()
        submitting = await self._begin(generation, picture, request_id)
        if submitting is None:
            return  # called back meanwhile, or the process is to end
        body = self._offer.mode(submitting.model, submitting.kind).body(
            submitting.prompt,
            seconds=submitting.seconds,
            aspect_ratio=submitting.aspect_ratio,
            resolution=submitting.resolution,
            image=picture.data_uri or None,
            silent=submitting.silent,
        )
        try:
            remote = await self._api.submit(body, request_id=request_id)
        except ProviderError as error:
            async with self._db.transaction() as tx:
                await self._reactions.to(tx, submitting, error, now=self._clock())
        else:
            await self._taken(submitting, remote)

    async def recover(self) -> None:
        """At a start: whatever was being submitted has an unknown outcome."""
        async with self._db.reading() as connection:
            lost = await generations.in_states(connection, {State.SUBMITTING})
        for generation in lost:
            await self.abandon(generation)

    async def abandon(self, generation: Generation) -> None:
        """Note that nobody waits for a submission's answer any more."""
        async with self._db.transaction() as tx:
            await transitions.advance(
                tx, generation, State.UNKNOWN, reason="stopped meanwhile", now=self._clock()
            )

    async def _taken(self, generation: Generation, remote: Remote) -> None:
        now = self._clock()
        expects = await durations.expects(self._db, self._offer, generation)
        due = schedule.next_poll(
            now=now, accepted_at=now, expects=expects, fixed=self._patience.interval
        )
        async with self._db.transaction() as tx:
            await transitions.advance(
                tx, generation, State.GENERATING, reason="taken by the provider", now=now,
                provider_id=remote.id, accepted_at=now, due_at=due,
            )  # fmt: skip

    async def _picture(self, generation: Generation) -> Fitted | None:
        """Return the picture as the model takes it; None where that ended or delayed it."""
        if generation.kind == "t2v":
            return Fitted(generation.aspect_ratio, "")
        try:
            mode = self._offer.mode(generation.model, generation.kind)
            return await self._pictures.fitted(generation, mode)
        except PictureDelayed:
            await self._try_later(generation)
        except PictureGone:
            await self._fail(generation, "picture gone", "failed_picture_gone")
        except BadPicture as bad:
            reason = str(bad.reason)
            await self._fail(generation, f"picture: {reason}", "failed_picture", picture=reason)
        except MediaFailed:
            await self._fail(generation, "picture: broken", "failed_picture", picture="broken")
        return None

    async def _begin(
        self, generation: Generation, picture: Fitted, request_id: str
    ) -> Generation | None:
        """Commit that the paid request leaves now, and the id it can be found by."""
        async with self._db.transaction() as tx:
            if self._is_closed:
                return None
            now = self._clock()
            return await transitions.advance(
                tx, generation, State.SUBMITTING, reason="its turn", now=now,
                request_id=request_id, submissions=generation.submissions + 1,
                submitted_at=now, aspect_ratio=picture.aspect_ratio, setbacks=generation.setbacks,
            )  # fmt: skip

    async def _fail(self, generation: Generation, reason: str, kind: str, **facts: str) -> None:
        async with self._db.transaction() as tx:
            await transitions.advance(
                tx, generation, State.FAILED, reason=reason, now=self._clock(),
                owes=[told(generation, kind, **facts)], uncharged=True,
            )  # fmt: skip

    async def _try_later(self, generation: Generation) -> None:
        due = self._clock() + schedule.backoff(generation.setbacks)
        async with self._db.transaction() as tx:
            await generations.note(
                tx, generation.id, State.QUEUED, due_at=due, setbacks=generation.setbacks + 1
            )
