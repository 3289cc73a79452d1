"""Bring a finished video to whoever asked: here, or in the next best place.

Telegram takes no idempotency key: the intent is committed right before each upload,
and after an answer that was lost the video is sent once more. A second copy is better
than a lost video. What surely did not arrive does not count.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from generation.jobs import schedule
from generation.jobs.outcomes import (
    ArrivalUnknown,
    Arrived,
    NobodyReceives,
    PreparationFailed,
    SendBegins,
    SendUndone,
    SurelyNotSent,
    VideoGone,
)
from generation.media import videos
from generation.media.fetch import FileGone
from generation.media.formats import MediaError
from generation.media.videos import NotAVideo
from handlers.replies.outcomes import (
    ChatMoved,
    NotSent,
    Refused,
    SendError,
    SentPerhaps,
    Unreachable,
    UploadTooLarge,
)
from handlers.replies.pacing import PATIENCE_SECONDS
from handlers.replies.texts import caption
from storage import chats, generations, groups, people
from storage.generations import Generation, Reason, State

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Collection, Sequence
    from zoneinfo import ZoneInfo

    from aiosqlite import Connection

    from generation.jobs.lifecycle import Lifecycle
    from generation.jobs.outcomes import Outcome
    from generation.media.fetch import Downloads
    from generation.media.pool import MediaProcesses
    from generation.media.videos import Deliverable
    from handlers.replies.keyboards import ResultButtons
    from handlers.replies.language import Languages, Translator
    from handlers.replies.outbox import Outbox, Sent, Upload
    from storage.chats import Chat
    from storage.database import Database

MOST_SENDS = 2
"""How often a video is sent whose arrival nobody can tell."""
MOST_TRIES = 5
"""How often a kept video is tried that surely did not arrive, while somebody waits for it."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a video can go: a chat, its topic, and the message it answers."""

    chat: Chat
    thread_id: int | None = None
    reply_to: int | None = None


async def places_for(connection: Connection, generation: Generation) -> list[Place]:
    """Return where a video may go, best first: as asked, without its topic, in private."""
    # its group may have moved meanwhile, where its messages have other numbers
    generation = await generations.find(connection, generation.id) or generation
    chat = await chats.find(connection, generation.chat)
    private = None
    if generation.account.is_person:
        private = await chats.by_telegram_id(connection, generation.account.id)
    places = []
    if chat is not None:
        places.append(Place(chat, generation.thread_id, generation.message_id))
        if generation.thread_id is not None:
            places.append(Place(chat))
    if private is not None and private != chat:
        places.append(Place(private))
    return places


@dataclass(frozen=True, slots=True)
class PreparedUpload:
    """A video as it is handed over: what Telegram refuses as a video goes as a document."""

    video: Deliverable
    caption: str
    generation: Generation
    translator: Translator
    as_document: bool = False


class UploadPreparation:
    """Brings videos on the disk into a form Telegram takes, and tidies up behind that."""

    def __init__(
        self,
        *,
        db: Database,
        downloads: Downloads,
        media: MediaProcesses,
        limit: int,
        languages: Languages,
        ai_label: bool,
    ) -> None:
        """`limit` is how many bytes Telegram is believed to take."""
        self._db = db
        self._downloads = downloads
        self._media = media
        self._limit = limit
        self._languages = languages
        self._ai_label = ai_label

    async def prepare(self, generation: Generation) -> PreparedUpload:
        """Prepare a video, fetched again where its file is gone.

        Raises:
            FileGone: it can no longer be had.
            MediaError: it cannot be made ready now.
            NotAVideo: the file holds none.
        """
        video = await self.file(generation)
        person = None
        if generation.account.is_person:
            async with self._db.reading() as connection:
                person = await people.find(connection, generation.account.id)
        translator = self._languages.translator(person.language if person else None)
        words = caption(generation, translator, ai_label=self._ai_label)
        return PreparedUpload(video, words, generation, translator)

    async def file(self, generation: Generation, limit: int | None = None) -> Deliverable:
        """Return the file to send, at most `limit` bytes; raises as `prepare` does."""
        source = self._downloads.path_of(generation)
        if not source.exists():
            await self._downloads.restore(generation)
        return await videos.prepare(self._media, source, source.parent, limit=limit or self._limit)

    def tidy(self, generation: Generation, *, keep_source: bool) -> None:
        """Remove what was made for sending, and the video itself once it arrived."""
        source = self._downloads.path_of(generation)
        for file in source.parent.glob(f"{source.stem}.*"):
            if file != source or not keep_source:
                file.unlink(missing_ok=True)


class Deliveries:
    """Sends what is ready, one video at a time per call."""

    def __init__(
        self,
        *,
        db: Database,
        outbox: Outbox,
        lifecycle: Lifecycle,
        preparation: UploadPreparation,
        layout: Callable[[], ResultButtons],
        zone: ZoneInfo,
        clock: Callable[[], float],
        wake: Callable[[int], None],
    ) -> None:
        self._db = db
        self._outbox = outbox
        self._lifecycle = lifecycle
        self._preparation = preparation
        self._layout = layout
        self._zone = zone
        self._clock = clock
        self._wake = wake

    async def deliver(self, generation: Generation) -> Generation | None:
        """Send a ready video once, or note when to try again; return it as it is then."""
        try:
            outcome = await self._try(generation)
        except NotSent as error:
            outcome = SurelyNotSent(generation.sends, error.retry_after)
        except SentPerhaps:
            outcome = ArrivalUnknown()
        except FileGone as error:
            logger.warning("the video of generation %d is gone: %s", generation.id, error)
            outcome = VideoGone()
        except (MediaError, NotAVideo) as error:
            logger.warning("generation %d cannot be prepared: %s", generation.id, error)
            outcome = PreparationFailed(await self._private_chat(generation))
        finally:
            self._preparation.tidy(generation, keep_source=True)
        if isinstance(outcome, Generation):
            return outcome
        after = await self._lifecycle.advance(generation, outcome)
        if isinstance(outcome, NobodyReceives | PreparationFailed) and outcome.tell_in is not None:
            self._wake(outcome.tell_in)
        return after

    async def _try(self, generation: Generation) -> Generation | Outcome:
        """Send a video, and return it; or what came of that."""
        if generation.sends >= MOST_SENDS:
            tell_in = await self._private_chat(generation)
            return NobodyReceives(Reason.ARRIVAL_UNKNOWN, tell_in)
        prepared = await self._preparation.prepare(generation)
        places = await self._places(generation)
        sent = await self._send(places, prepared)
        if sent is None:
            tell_in = await self._private_chat(generation, {place.chat.id for place in places})
            return NobodyReceives(Reason.NOBODY_RECEIVES, tell_in)
        return sent

    async def _private_chat(
        self, generation: Generation, refused: Collection[int] = ()
    ) -> int | None:
        """Return where a sender can be told something alone, unless it has just been refused."""
        if not generation.account.is_person:
            return None
        async with self._db.reading() as connection:
            chat = await chats.by_telegram_id(connection, generation.account.id)
        return chat.id if chat is not None and chat.reachable and chat.id not in refused else None

    async def _undo(self, generation: Generation) -> None:
        """Forget a send that surely did not arrive."""
        await self._lifecycle.advance(generation, SendUndone(generation.sends))

    async def bring(self, generation: Generation, chat: Chat) -> None:
        """Send a kept video to somebody who came back; what fails stays kept for the next time."""
        async with self._db.reading() as connection:
            kept = await generations.find(connection, generation.id)
        if kept is None or kept.state is not State.UNDELIVERABLE:
            return  # it was brought while this was being asked for
        try:
            prepared = await self._preparation.prepare(kept)
            places = [one for one in await self._places(kept) if one.chat.id == chat.id]
            if await self._insist(places or [Place(chat)], prepared) is None:
                logger.info("generation %d stays kept: refused", kept.id)
        except (MediaError, NotAVideo, SendError) as error:
            logger.info("generation %d stays kept: %r", kept.id, error)
        finally:
            self._preparation.tidy(kept, keep_source=True)

    async def _insist(self, places: Sequence[Place], prepared: PreparedUpload) -> Generation | None:
        """Send, and again while it surely did not arrive: it was promised a moment ago."""
        for setbacks in range(MOST_TRIES):
            try:
                return await self._send(places, prepared)
            except NotSent as error:
                await self._undo(prepared.generation)
                wait = schedule.backoff(setbacks, error.retry_after)
                if wait > PATIENCE_SECONDS:
                    raise
                await asyncio.sleep(wait)
        return None

    async def _send(self, places: Sequence[Place], prepared: PreparedUpload) -> Generation | None:
        """Try one place after the other; None where nobody could receive it.

        Raises:
            NotSent: it is to be tried later.
            SentPerhaps: nobody can tell whether it is somewhere.
        """
        generation = prepared.generation
        while places:
            try:
                async with self._attempt(generation, places[0]) as upload:
                    if await self._lifecycle.advance(generation, SendBegins()) is None:
                        return generation  # somebody else has sent it meanwhile
                    sent = await self._hand_over(places[0], prepared, upload)
            except (NotSent, SentPerhaps):
                raise
            except SendError as error:
                logger.info("generation %d cannot go there: %r", generation.id, error)
                await self._undo(generation)
                places, prepared = await self._otherwise(places, prepared, error)
            else:
                arrived = Arrived(places[0].chat.id, sent.message_id, sent.file_id, sent.file_kind)
                delivered = await self._lifecycle.advance(generation, arrived)
                self._preparation.tidy(generation, keep_source=False)
                return delivered or generation
        return None

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

    async def _hand_over(self, place: Place, prepared: PreparedUpload, upload: Upload) -> Sent:
        async with self._db.reading() as connection:
            # its admins may have chosen otherwise since the video was asked for
            group = await groups.find(connection, place.chat.id)
        return await self._outbox.send_file(
            place.chat,
            prepared.video,
            prepared.caption,
            upload,
            as_document=prepared.as_document,
            spoiler=group.blurred,
            silent=group.is_quiet(self._zone, self._clock()),
            buttons=self._layout().under(
                prepared.generation, prepared.translator, in_private=place.chat.is_private
            ),
            reply_to=place.reply_to,
            thread_id=place.thread_id,
        )

    async def _otherwise(
        self, places: Sequence[Place], prepared: PreparedUpload, error: SendError
    ) -> tuple[Sequence[Place], PreparedUpload]:
        """Say what is left to try after a place or a form was surely refused."""
        here, others = places[0], places[1:]
        match error:
            case ChatMoved():
                return [await self._moved(here, error), *others], prepared
            case UploadTooLarge():
                # the server's limit is lower than we believed
                smaller = await self._preparation.file(
                    prepared.generation, int(prepared.video.size * 0.8)
                )
                return places, replace(prepared, video=smaller)
            case Refused() if not prepared.as_document:
                return places, replace(prepared, as_document=True)
            case Unreachable():
                async with self._db.transaction() as tx:
                    await chats.set_reachable(tx, here.chat.id, reachable=False)
        return others, replace(prepared, as_document=False)

    async def _places(self, generation: Generation) -> list[Place]:
        async with self._db.reading() as connection:
            return await places_for(connection, generation)

    async def _moved(self, place: Place, moved: ChatMoved) -> Place:
        async with self._db.transaction() as tx:
            chat = await chats.move(tx, place.chat.id, moved.telegram_id)
        logger.info("chat %d is a supergroup now", place.chat.id)
        # the old group's message ids mean other messages in the new one
        return Place(chat)
