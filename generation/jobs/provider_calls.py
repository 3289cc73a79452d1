"""Calls to the provider for one generation: submission, polls, and lookups in its log."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from generation.jobs import outcomes as on
from generation.media.fetch import DeadLink, FetchFailed, TooLarge, UnsafeLink
from generation.media.formats import MediaFailed, PictureDelayed, PictureFault, PictureGone
from generation.media.pictures import BadPicture, Fitted
from generation.media.videos import NotAVideo
from generation.models.pricing import to_micros
from generation.provider.errors import (
    AccountError,
    ModelGone,
    NotAccepted,
    OutcomeUnknown,
    ProviderError,
    RateLimited,
    Rejected,
    ServerError,
    Unavailable,
)
from generation.provider.protocol import Completed, CompletedWithoutUrl, Failed
from storage import generations
from storage.generations import Reason, State
from storage.migrations import is_copy

if TYPE_CHECKING:
    from collections.abc import Callable

    from generation.jobs.lifecycle import Lifecycle
    from generation.jobs.outcomes import Outcome
    from generation.jobs.schedule import CircuitBreaker
    from generation.media.fetch import Downloads
    from generation.media.pictures import Pictures
    from generation.models.catalogue import Catalogue
    from generation.models.offer import Mode
    from generation.orders.substitutes import Substitutes
    from generation.provider.client import AimlApi, LogSearch
    from generation.provider.protocol import RemoteGeneration
    from storage.database import Database
    from storage.generations import Generation

MAX_CONCURRENT_POLLS = 8

logger = logging.getLogger(__name__)


@dataclass(slots=True, eq=False, kw_only=True)
class Submissions:
    """Submits queued requests to the provider, with one paid POST each."""

    db: Database
    api: AimlApi
    catalogue: Catalogue
    pictures: Pictures
    lifecycle: Lifecycle
    breaker: CircuitBreaker
    substitutes: Substitutes
    new_request_id: Callable[[], str]
    _in_flight: set[int] = field(init=False, default_factory=set)
    _is_closed: bool = field(init=False, default=False)

    def close(self) -> frozenset[int]:
        """Start no more submissions; return the generations that are being submitted."""
        self._is_closed = True
        return frozenset(self._in_flight)

    async def recover(self) -> None:
        """Restore the circuit breaker and settle what the last process left.

        The outcome of requests in `submitting` is unknown. Queued requests fail if the bot was away
        too long, or if the database is a copy: they may have been made elsewhere.
        """
        async with self.db.reading() as connection:
            await self.breaker.restore(connection)
            last_step_at = await generations.last_step_at(connection)
            started = on.BotStarted(last_step_at, await is_copy(connection))
            found = await generations.in_states(connection, {State.QUEUED, State.SUBMITTING})
        for generation in found:
            is_lost = generation.state is State.SUBMITTING
            try:
                await self.lifecycle.advance(
                    generation, on.AnswerLost(reason=Reason.PROCESS_STOPPED) if is_lost else started
                )
            except Exception:
                # the scheduler tries it again; the others must not wait for that
                logger.exception("generation %d cannot be recovered", generation.id)

    async def submit(self, generation: Generation) -> Generation | None:
        """Submit a queued request, or its substitute; return None if nothing changed."""
        mode = self.catalogue.known.mode(generation.model, generation.kind)
        if mode is None or generation.model in self.catalogue.unserved:
            failover = self.substitutes.instead_of(generation)
            return await self.lifecycle.advance(generation, on.ModelNotServed(failover))
        picture = await self._picture(generation, mode)
        if not isinstance(picture, Fitted):
            return await self.lifecycle.advance(generation, picture)
        if self._is_closed:
            return None  # a shutdown waits only for submissions that were in flight
        self._in_flight.add(generation.id)
        try:
            async with self.breaker.guard() as may_submit:
                return await self._send(generation, mode, picture) if may_submit else None
        finally:
            self._in_flight.discard(generation.id)

    async def _send(self, generation: Generation, mode: Mode, picture: Fitted) -> Generation | None:
        request_id = self.new_request_id()
        turn = on.TurnCame(request_id, picture.aspect_ratio)
        submitting = await self.lifecycle.advance(generation, turn)
        if submitting is None or submitting.state is not State.SUBMITTING:
            return submitting  # cancelled meanwhile, or over the budget
        if self._is_closed:
            outcome: Outcome = on.SubmissionNotAccepted(None, "the process stops")
        else:
            outcome = await self._post(submitting, mode, picture, request_id)
        # the generation is paid for: a cancellation waits until its id is written
        writing = asyncio.ensure_future(self.lifecycle.advance(submitting, outcome))
        try:
            return await asyncio.shield(writing)
        except asyncio.CancelledError:
            await asyncio.wait({writing})
            raise

    async def _post(
        self, submitting: Generation, mode: Mode, picture: Fitted, request_id: str
    ) -> Outcome:
        body = mode.body(
            submitting.prompt,
            seconds=submitting.seconds,
            aspect_ratio=submitting.aspect_ratio,
            resolution=submitting.resolution,
            image=picture.data_uri or None,
            silent=submitting.silent,
        )
        try:
            remote = await self.api.submit(body, request_id=request_id)
        except ProviderError as error:
            return self._outcome_of_error(error, submitting)
        return on.SubmissionAccepted(remote.id)

    def _outcome_of_error(self, error: ProviderError, submitting: Generation) -> Outcome:
        """Return the outcome for an error; any other ProviderError is a bug and raised again."""
        said = str(error)
        match error:
            case NotAccepted():
                limited = isinstance(error, RateLimited)
                outcome: Outcome = on.SubmissionNotAccepted(error.retry_after, said, limited)
            case AccountError():
                outcome = on.AccountRefused(str(error.reason), said)
            case ModelGone():
                outcome = on.ModelNotServed(self.substitutes.instead_of(submitting), said)
            case Rejected(moderation=True):
                people = self.substitutes.for_people(submitting) if error.people else None
                outcome = on.ContentRefused(people, said)
            case Rejected():
                outcome = on.RequestRefused(said)
            case ServerError():
                outcome = on.ProviderFailed(said)
            case OutcomeUnknown():
                outcome = on.AnswerLost(said)
            case _:
                raise error
        return outcome

    async def _picture(self, generation: Generation, mode: Mode) -> Fitted | Outcome:
        """Return the picture fitted to the model, or the outcome if that fails."""
        if generation.kind == "t2v":
            return Fitted(generation.aspect_ratio, "")
        try:
            return await self.pictures.fetch_fitted(generation, mode)
        except PictureDelayed as late:
            return on.PictureFetchFailed(late.is_refused, late.retry_after)
        except PictureGone:
            return on.PictureLost()
        except BadPicture as bad:
            return on.PictureUnusable(str(bad.reason))
        except MediaFailed:
            return on.PictureUnusable(str(PictureFault.BROKEN))


@dataclass(slots=True, eq=False, kw_only=True)
class Polls:
    """Polls generations, downloads their videos, and finds lost submissions in the log."""

    api: AimlApi
    log: LogSearch
    downloads: Downloads
    lifecycle: Lifecycle
    substitutes: Substitutes
    _poll_limit: asyncio.Semaphore = field(
        init=False, default_factory=lambda: asyncio.Semaphore(MAX_CONCURRENT_POLLS)
    )

    async def poll(self, generation: Generation, *, send_begins: bool = False) -> Generation | None:
        """Poll a generation, download its video if it is finished, and return the generation.

        `send_begins` is whether a downloaded video is sent at once, which the same transaction
        records. Raises ValueError if the generation has no id at the provider.
        """
        if generation.provider_id is None:
            raise ValueError(f"generation {generation.id} has no id at the provider")
        try:
            outcome = await self._poll(generation, generation.provider_id)
        except OSError as error:
            # for instance a full disk: the deadline applies all the same
            logger.warning("generation %d cannot be stored: %s", generation.id, error)
            outcome = on.PollFailed()
        except Exception:
            logger.exception("generation %d broke at a poll", generation.id)
            outcome = on.PollFailed()
        if isinstance(outcome, on.VideoOnDisk):
            outcome = replace(outcome, send_begins=send_begins)
        return await self.lifecycle.advance(generation, outcome)

    async def _poll(self, generation: Generation, provider_id: str) -> Outcome:
        try:
            async with self._poll_limit:
                remote = await self.api.poll(provider_id)
        except Unavailable as error:
            return on.PollFailed(error.retry_after)
        except AccountError as refusal:
            return on.AccountRefused(str(refusal.reason), str(refusal))
        except ProviderError:
            return on.IdUnknown()
        return await self._outcome_of(generation, remote)

    async def _outcome_of(self, generation: Generation, remote: RemoteGeneration) -> Outcome:
        spent = None if remote.spent is None else to_micros(remote.spent)
        match remote.status:
            case Completed(url):
                return await self._download(generation, url, spent)
            case CompletedWithoutUrl():
                return on.AddressMissing(spent)
            case Failed(moderation=True) as refused:
                people = self.substitutes.for_people(generation) if refused.people else None
                return on.ContentRefused(people, refused.name)
            case Failed() as failed:
                return on.ProviderFailed(failed.name)
            case _:
                return on.StillRunning()

    async def _download(self, generation: Generation, url: str, spent: int | None) -> Outcome:
        try:
            await self.downloads.fetch(generation, url)
        except FetchFailed:
            return on.PollFailed()
        except DeadLink:
            return on.LinkDead(spent)
        except NotAVideo:
            return on.LinkDead(spent, Reason.NO_VIDEO_AT_LINK)
        except (UnsafeLink, TooLarge) as error:
            return on.ResultRefused(type(error).__name__, spent)
        return on.VideoOnDisk(spent)

    async def look_up(self, generation: Generation) -> Generation | None:
        """Search the log once for a generation without a provider id, and return the generation.

        Raises ValueError if the generation was never submitted.
        """
        if generation.request_id is None:
            raise ValueError(f"generation {generation.id} was never submitted")
        found = await self.log.find(generation, generation.request_id)
        if found is None:
            outcome: Outcome = on.NotInLog(self.log.wait)
        elif found.failed:
            outcome = on.ProviderFailed("failed in the log")
        else:
            outcome = on.FoundInLog(found.id)
        return await self.lifecycle.advance(generation, outcome)
