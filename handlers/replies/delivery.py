"""Bring a finished video to whoever asked: here, or in the next best place.

Telegram takes no idempotency key: the intent is committed right before each upload,
and after an answer that was lost the video is sent once more. A second copy is better
than a lost video. What surely did not arrive does not count.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from generation.jobs import schedule
from generation.media.failures import MediaError
from generation.media.videos import NotAVideo
from handlers.replies import quiet
from handlers.replies.delivery_log import Sends
from handlers.replies.outcomes import (
    Moved,
    NotSent,
    Refused,
    SendError,
    SentPerhaps,
    TooLarge,
    Unreachable,
)
from handlers.replies.pacing import PATIENCE_SECONDS
from handlers.replies.places import Place, places_for
from storage import chats, generations, groups
from storage.generations import State

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from zoneinfo import ZoneInfo

    from handlers.replies.outbox import Outbox, Sent
    from handlers.replies.prepared_upload import Packing, Parcel
    from handlers.replies.uploads import Upload
    from handlers.replies.video_buttons import ResultButtons
    from storage.chats import Chat
    from storage.database import Database
    from storage.generations import Generation

MOST_SENDS = 2
"""How often a video is sent whose arrival nobody can tell."""
MOST_SETBACKS = 20
"""How often in a row a video is tried that cannot be prepared: well over an hour."""
MOST_TRIES = 5
"""How often a kept video is tried that surely did not arrive, while somebody waits for it."""
RESEND_SECONDS = 10.0
"""How long to wait before it is sent again."""

logger = logging.getLogger(__name__)


class Deliveries:
    """Sends what is ready, one video at a time per call."""

    def __init__(
        self,
        *,
        db: Database,
        outbox: Outbox,
        packing: Packing,
        layout: Callable[[], ResultButtons],
        zone: ZoneInfo,
        clock: Callable[[], float],
        wake: Callable[[int], None],
    ) -> None:
        self._db = db
        self._outbox = outbox
        self._packing = packing
        self._layout = layout
        self._zone = zone
        self._clock = clock
        self._sends = Sends(db=db, clock=clock, wake=wake)

    async def deliver(self, generation: Generation) -> None:
        """Send a ready video once, or note when to try again."""
        if generation.send_started_at is not None and generation.sends >= MOST_SENDS:
            await self._sends.keep(generation, "nobody knows whether it arrived")
            return
        try:
            parcel = await self._packing.pack(generation)
            places = await self._places(generation)
            if not await self._send(places, parcel):
                refused = {place.chat.id for place in places}
                await self._sends.keep(generation, "nobody can receive it", refused)
        except NotSent as error:
            wait = schedule.backoff(generation.setbacks, error.retry_after)
            await self._sends.later(generation, wait, surely=True)
        except SentPerhaps:
            await self._sends.later(generation, RESEND_SECONDS, surely=False)
        except (MediaError, NotAVideo) as error:
            logger.warning("generation %d cannot be prepared: %s", generation.id, error)
            if generation.setbacks < MOST_SETBACKS:
                await self._sends.later(
                    generation, schedule.backoff(generation.setbacks), surely=True
                )
            else:
                await self._sends.keep(generation, "cannot be prepared")
        finally:
            self._packing.tidy(generation, keep_source=True)

    async def bring(self, generation: Generation, chat: Chat) -> None:
        """Send a kept video to somebody who came back; what fails stays kept for the next time."""
        async with self._db.reading() as connection:
            kept = await generations.find(connection, generation.id)
        if kept is None or kept.state is not State.UNDELIVERABLE:
            return  # it was brought while this was being asked for
        try:
            parcel = await self._packing.pack(kept)
            places = [one for one in await self._places(kept) if one.chat.id == chat.id]
            if not await self._insist(places or [Place(chat)], parcel):
                logger.info("generation %d stays kept: refused", kept.id)
        except (MediaError, NotAVideo, SendError) as error:
            logger.info("generation %d stays kept: %r", kept.id, error)
        finally:
            self._packing.tidy(kept, keep_source=True)

    async def _insist(self, places: Sequence[Place], parcel: Parcel) -> bool:
        """Send, and again while it surely did not arrive: it was promised a moment ago."""
        for setbacks in range(MOST_TRIES):
            try:
                return await self._send(places, parcel)
            except NotSent as error:
                await self._sends.undo(parcel.generation)
                wait = schedule.backoff(setbacks, error.retry_after)
                if wait > PATIENCE_SECONDS:
                    raise
                await asyncio.sleep(wait)
        return False

    async def _send(self, places: Sequence[Place], parcel: Parcel) -> bool:
        """Try one place after the other; False where nobody could receive it.

        Raises:
            NotSent: it is to be tried later.
            SentPerhaps: nobody can tell whether it is somewhere.
        """
        generation = parcel.generation
        while places:
            try:
                async with self._attempt(generation, places[0]) as upload:
                    if not await self._sends.intend(generation):
                        return True  # it is no longer as it was read: nothing is left to do here
                    sent = await self._hand_over(places[0], parcel, upload)
            except (NotSent, SentPerhaps):
                raise
            except SendError as error:
                logger.info("generation %d cannot go there: %r", generation.id, error)
                await self._sends.undo(generation)
                places, parcel = await self._otherwise(places, parcel, error)
            else:
                await self._sends.arrived(generation, places[0], sent)
                self._packing.tidy(generation, keep_source=False)
                return True
        return False

    @asynccontextmanager
    async def _attempt(self, generation: Generation, place: Place) -> AsyncIterator[Upload]:
        """Wait for all a send needs, and only then let it begin; a stop before that leaves nothing.

        Where it is stopped, whether the file had left tells whether somebody may have it.
        """
        async with self._outbox.uploading(place.chat) as upload:
            try:
                yield upload
            except asyncio.CancelledError:
                if not upload.is_gone:
                    await asyncio.shield(self._sends.undo(generation))
                raise

    async def _hand_over(self, place: Place, parcel: Parcel, upload: Upload) -> Sent:
        async with self._db.reading() as connection:
            # its admins may have chosen otherwise since the video was asked for
            group = await groups.find(connection, place.chat.id)
        return await self._outbox.send_file(
            place.chat,
            parcel.video,
            parcel.caption,
            upload,
            as_document=parcel.as_document,
            spoiler=group.blurred,
            silent=quiet.is_quiet(group, self._zone, self._clock()),
            buttons=self._layout().under(
                parcel.generation, parcel.translator, in_private=place.chat.is_private
            ),
            reply_to=place.reply_to,
            thread_id=place.thread_id,
        )

    async def _otherwise(
        self, places: Sequence[Place], parcel: Parcel, error: SendError
    ) -> tuple[Sequence[Place], Parcel]:
        """Say what is left to try after a place or a form was surely refused."""
        here, others = places[0], places[1:]
        match error:
            case Moved():
                return [await self._moved(here, error), *others], parcel
            case TooLarge():
                # the server's limit is lower than we believed
                smaller = await self._packing.prepared(
                    parcel.generation, int(parcel.video.size * 0.8)
                )
                return places, replace(parcel, video=smaller)
            case Refused() if not parcel.as_document:
                return places, replace(parcel, as_document=True)
            case Unreachable():
                async with self._db.transaction() as tx:
                    await chats.set_reachable(tx, here.chat.id, reachable=False)
        return others, replace(parcel, as_document=False)

    async def _places(self, generation: Generation) -> list[Place]:
        async with self._db.reading() as connection:
            return await places_for(connection, generation)

    async def _moved(self, place: Place, moved: Moved) -> Place:
        async with self._db.transaction() as tx:
            chat = await chats.move(tx, place.chat.id, moved.telegram_id)
        logger.info("chat %d is a supergroup now", place.chat.id)
        # the old group's message ids mean other messages in the new one
        return Place(chat)
