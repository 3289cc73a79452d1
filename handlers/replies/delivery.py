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

from generation import lifecycle, schedule
from generation.mediaerrors import MediaError, MediaFailed
from generation.videos import NotAVideo, prepare
from handlers.replies import quiet
from handlers.replies.outcomes import (
    Moved,
    NotSent,
    Refused,
    SendError,
    SentPerhaps,
    TooLarge,
    Unreachable,
)
from handlers.replies.parcels import Parcel, Place, caption
from storage import chats, generations, groups, people
from storage.generations import State
from storage.notices import Notice

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Collection
    from pathlib import Path
    from zoneinfo import ZoneInfo

    from generation.media import MediaProcesses
    from generation.videos import Deliverable
    from handlers.replies.language import Languages, Speech
    from handlers.replies.outbox import Outbox, Sent
    from handlers.replies.results import ResultButtons
    from handlers.replies.uploads import Upload
    from storage.chats import Chat
    from storage.database import Database
    from storage.generations import Generation

MOST_SENDS = 2
"""How often a video is sent whose arrival nobody can tell."""
MOST_SETBACKS = 20
"""How often in a row a video is tried that cannot be prepared: well over an hour."""
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
        media: MediaProcesses,
        video_of: Callable[[int], Path],
        restore: Callable[[Generation], Awaitable[bool]],
        limit: int,
        layout: Callable[[], ResultButtons],
        languages: Languages,
        ai_label: bool,
        zone: ZoneInfo,
        clock: Callable[[], float],
        wake: Callable[[int], None],
    ) -> None:
        self._db = db
        self._outbox = outbox
        self._media = media
        self._video_of = video_of
        self._restore = restore
        self._limit = limit
        self._layout = layout
        self._languages = languages
        self._ai_label = ai_label
        self._zone = zone
        self._clock = clock
        self._wake = wake

    async def deliver(self, generation: Generation) -> None:
        """Send a ready video once, or note when to try again."""
        if generation.send_started_at is not None and generation.sends >= MOST_SENDS:
            await self._keep(generation, "nobody knows whether it arrived")
            return
        try:
            await self._send(generation, await self._prepared(generation, self._limit))
        except (MediaError, NotAVideo) as error:
            logger.warning("generation %d cannot be prepared: %s", generation.id, error)
            if generation.setbacks < MOST_SETBACKS:
                await self._later(generation, schedule.backoff(generation.setbacks), surely=True)
            else:
                await self._keep(generation, "cannot be prepared")
        finally:
            self._tidy(generation, keep_source=True)

    async def _send(self, generation: Generation, video: Deliverable) -> None:
        """Try one place after the other until the video is somewhere, or nobody can tell."""
        places, speech = await self._places(generation)
        refused = {place.chat.id for place in places}
        words = caption(generation, speech, ai_label=self._ai_label)
        parcel = Parcel(video, words, generation, speech)
        while places:
            try:
                async with self._attempt(generation, places[0]) as upload:
                    if not await self._intend(generation):
                        return
                    sent = await self._hand_over(places[0], parcel, upload)
            except NotSent as error:
                wait = max(error.retry_after, schedule.backoff(generation.setbacks))
                await self._later(generation, wait, surely=True)
                return
            except SentPerhaps:
                await self._later(generation, RESEND_SECONDS, surely=False)
                return
            except SendError as error:
                logger.info("generation %d cannot go there: %r", generation.id, error)
                await self._undo(generation)
                places, parcel = await self._otherwise(generation, places, parcel, error)
            else:
                await self._arrived(generation, places[0], sent)
                return
        await self._keep(generation, "nobody can receive it", refused)

    async def bring(self, generation: Generation, place: Chat) -> None:
        """Send a kept video to somebody who came back; what fails stays kept for the next time."""
        try:
            video = await self._prepared(generation, self._limit)
            _, speech = await self._places(generation)
            words = caption(generation, speech, ai_label=self._ai_label)
            parcel = Parcel(video, words, generation, speech)
            async with self._attempt(generation, Place(place)) as upload:
                if not await self._intend(generation):
                    return
                sent = await self._hand_over(Place(place), parcel, upload)
            await self._arrived(generation, Place(place), sent)
        except (MediaError, NotAVideo, SendError) as error:
            logger.info("generation %d stays kept: %r", generation.id, error)
        finally:
            self._tidy(generation, keep_source=True)

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
                    await asyncio.shield(self._undo(generation))
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
                parcel.generation, parcel.speech, in_private=place.chat.is_private
            ),
            reply_to=place.reply_to,
            thread_id=place.thread_id,
        )

    async def _otherwise(
        self, generation: Generation, places: list[Place], parcel: Parcel, error: SendError
    ) -> tuple[list[Place], Parcel]:
        """Say what is left to try after a place or a form was surely refused."""
        here, others = places[0], places[1:]
        match error:
            case Moved():
                return [await self._moved(here, error), *others], parcel
            case TooLarge():
                # the server's limit is lower than we believed
                smaller = await self._prepared(generation, int(parcel.video.size * 0.8))
                return places, replace(parcel, video=smaller)
            case Refused() if not parcel.as_document:
                return places, replace(parcel, as_document=True)
            case Unreachable():
                async with self._db.transaction() as tx:
                    await chats.set_reachable(tx, here.chat.id, reachable=False)
        return others, replace(parcel, as_document=False)

    async def _prepared(self, generation: Generation, limit: int) -> Deliverable:
        source = self._video_of(generation.id)
        if not source.exists() and not await self._restore(generation):
            raise MediaFailed("the file is gone, and cannot be fetched again")
        return await prepare(self._media, source, source.parent, limit=limit)

    async def _places(self, generation: Generation) -> tuple[list[Place], Speech]:
        """Return where it may go, best first: as asked, without its topic, in private."""
        async with self._db.reading() as connection:
            # its group may have moved meanwhile, where its messages have other numbers
            generation = await generations.find(connection, generation.id) or generation
            chat = await chats.find(connection, generation.chat)
            person = private = None
            if generation.account.is_person:
                person = await people.find(connection, generation.account.id)
                private = await chats.by_telegram_id(connection, generation.account.id)
        places = []
        if chat is not None:
            places.append(Place(chat, generation.thread_id, generation.message_id))
            if generation.thread_id is not None:
                places.append(Place(chat))
        if private is not None and private != chat:
            places.append(Place(private))
        return places, self._languages.speech(person.language if person else None)

    async def _intend(self, generation: Generation) -> bool:
        """Commit that a send begins; False where somebody else brought the video meanwhile."""
        async with self._db.transaction() as tx:
            return await generations.note(
                tx, generation.id, generation.state,
                send_started_at=self._clock(), sends=generation.sends + 1,
            )  # fmt: skip

    async def _undo(self, generation: Generation) -> None:
        """Forget a send that surely did not arrive."""
        async with self._db.transaction() as tx:
            await generations.note(
                tx, generation.id, generation.state,
                send_started_at=generation.send_started_at, sends=generation.sends,
            )  # fmt: skip

    async def _later(self, generation: Generation, wait: float, *, surely: bool) -> None:
        """Try again after `wait` seconds; an attempt that surely failed does not count."""
        undone = {"send_started_at": None, "sends": generation.sends} if surely else {}
        async with self._db.transaction() as tx:
            await generations.note(
                tx, generation.id, State.READY,
                due_at=self._clock() + wait, setbacks=generation.setbacks + 1, **undone,
            )  # fmt: skip

    async def _moved(self, place: Place, moved: Moved) -> Place:
        async with self._db.transaction() as tx:
            chat = await chats.move(tx, place.chat.id, moved.telegram_id)
        logger.info("chat %d is a supergroup now", place.chat.id)
        # the old group's message ids mean other messages in the new one
        return Place(chat)

    async def _arrived(self, generation: Generation, place: Place, sent: Sent) -> None:
        async with self._db.transaction() as tx:
            await lifecycle.advance(
                tx, generation, State.DELIVERED, reason="sent", now=self._clock(),
                delivered_chat=place.chat.id, delivered_message=sent.message_id,
                file_id=sent.file_id, file_kind=sent.file_kind, send_started_at=None,
            )  # fmt: skip
        self._tidy(generation, keep_source=False)

    async def _keep(
        self, generation: Generation, reason: str, refused: Collection[int] = ()
    ) -> None:
        """Keep a video, and say so alone with its asker, unless that place has just refused it."""
        now, told = self._clock(), None
        async with self._db.transaction() as tx:
            if generation.account.is_person:
                told = await chats.by_telegram_id(tx, generation.account.id)
            if told is not None and (not told.reachable or told.id in refused):
                told = None
            owes = [] if told is None else [_kept(generation, told)]
            await lifecycle.advance(
                tx, generation, State.UNDELIVERABLE, reason=reason, now=now, owes=owes
            )
        if told is not None:
            self._wake(told.id)

    def _tidy(self, generation: Generation, *, keep_source: bool) -> None:
        """Remove what was made for sending, and the video itself once it arrived."""
        source = self._video_of(generation.id)
        for file in source.parent.glob(f"{source.stem}.*"):
            if file != source or not keep_source:
                file.unlink(missing_ok=True)


def _kept(generation: Generation, told: Chat) -> Notice:
    """Say that somebody is owed the news of a video that waits for them."""
    return Notice(
        cause=f"generation:{generation.id}:undeliverable",
        chat=told.id,
        kind="undeliverable",
        facts={},
        person=generation.account.id,
        generation=generation.id,
    )
