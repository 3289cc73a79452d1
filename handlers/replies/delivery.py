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

from generation.jobs import schedule, transitions
from generation.media import videos
from generation.media.formats import MediaError, MediaFailed
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
from storage.generations import State
from storage.notices import Notice

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Collection, Sequence
    from zoneinfo import ZoneInfo

    from aiosqlite import Connection

    from generation.media.fetch import Downloads
    from generation.media.pool import MediaProcesses
    from generation.media.videos import Deliverable
    from handlers.replies.keyboards import ResultButtons
    from handlers.replies.language import Languages, Translator
    from handlers.replies.outbox import Outbox, Sent, Upload
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
        if not source.exists() and not await self._downloads.restore(generation):
            raise MediaFailed("the file is gone, and cannot be fetched again")
        return await videos.prepare(self._media, source, source.parent, limit=limit or self._limit)

    def tidy(self, generation: Generation, *, keep_source: bool) -> None:
        """Remove what was made for sending, and the video itself once it arrived."""
        source = self._downloads.path_of(generation)
        for file in source.parent.glob(f"{source.stem}.*"):
            if file != source or not keep_source:
                file.unlink(missing_ok=True)


class DeliveryLog:
    """Keeps the books of deliveries; `wake` is told the chats in which somebody is owed a word."""

    def __init__(
        self, *, db: Database, clock: Callable[[], float], wake: Callable[[int], None]
    ) -> None:
        self._db = db
        self._clock = clock
        self._wake = wake

    async def intend(self, generation: Generation) -> bool:
        """Commit that a send begins; False where somebody else brought the video meanwhile."""
        async with self._db.transaction() as tx:
            return await generations.note(
                tx, generation.id, generation.state,
                send_started_at=self._clock(), sends=generation.sends + 1,
            )  # fmt: skip

    async def undo(self, generation: Generation) -> None:
        """Forget a send that surely did not arrive."""
        async with self._db.transaction() as tx:
            await generations.note(
                tx, generation.id, generation.state,
                send_started_at=generation.send_started_at, sends=generation.sends,
            )  # fmt: skip

    async def later(self, generation: Generation, wait: float, *, surely: bool) -> None:
        """Try again after `wait` seconds; an attempt that surely failed does not count."""
        undone = {"send_started_at": None, "sends": generation.sends} if surely else {}
        async with self._db.transaction() as tx:
            await generations.note(
                tx, generation.id, State.READY,
                due_at=self._clock() + wait, setbacks=generation.setbacks + 1, **undone,
            )  # fmt: skip

    async def arrived(self, generation: Generation, place: Place, sent: Sent) -> None:
        """Write down where a video stands, and what Telegram knows it by."""
        async with self._db.transaction() as tx:
            await transitions.advance(
                tx, generation, State.DELIVERED, reason="sent", now=self._clock(),
                delivered_chat=place.chat.id, delivered_message=sent.message_id,
                file_id=sent.file_id, file_kind=sent.file_kind, send_started_at=None,
            )  # fmt: skip

    async def keep(
        self, generation: Generation, reason: str, refused: Collection[int] = ()
    ) -> None:
        """Keep a video, and say so alone with its sender, unless that place has just refused it."""
        now, told = self._clock(), None
        async with self._db.transaction() as tx:
            if generation.account.is_person:
                told = await chats.by_telegram_id(tx, generation.account.id)
            if told is not None and (not told.reachable or told.id in refused):
                told = None
            owes = [] if told is None else [_kept(generation, told)]
            await transitions.advance(
                tx, generation, State.UNDELIVERABLE, reason=reason, now=now, owes=owes
            )
        if told is not None:
            self._wake(told.id)


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


class Deliveries:
    """Sends what is ready, one video at a time per call."""

    def __init__(
        self,
        *,
        db: Database,
        outbox: Outbox,
        preparation: UploadPreparation,
        layout: Callable[[], ResultButtons],
        zone: ZoneInfo,
        clock: Callable[[], float],
        wake: Callable[[int], None],
    ) -> None:
        self._db = db
        self._outbox = outbox
        self._preparation = preparation
        self._layout = layout
        self._zone = zone
        self._clock = clock
        self._log = DeliveryLog(db=db, clock=clock, wake=wake)

    async def deliver(self, generation: Generation) -> None:
        """Send a ready video once, or note when to try again."""
        if generation.send_started_at is not None and generation.sends >= MOST_SENDS:
            await self._log.keep(generation, "nobody knows whether it arrived")
            return
        try:
            prepared = await self._preparation.prepare(generation)
            places = await self._places(generation)
            if not await self._send(places, prepared):
                refused = {place.chat.id for place in places}
                await self._log.keep(generation, "nobody can receive it", refused)
        except NotSent as error:
            wait = schedule.backoff(generation.setbacks, error.retry_after)
            await self._log.later(generation, wait, surely=True)
        except SentPerhaps:
            await self._log.later(generation, RESEND_SECONDS, surely=False)
        except (MediaError, NotAVideo) as error:
            logger.warning("generation %d cannot be prepared: %s", generation.id, error)
            if generation.setbacks < MOST_SETBACKS:
                await self._log.later(
                    generation, schedule.backoff(generation.setbacks), surely=True
                )
            else:
                await self._log.keep(generation, "cannot be prepared")
        finally:
            self._preparation.tidy(generation, keep_source=True)

    async def bring(self, generation: Generation, chat: Chat) -> None:
        """Send a kept video to somebody who came back; what fails stays kept for the next time."""
        async with self._db.reading() as connection:
            kept = await generations.find(connection, generation.id)
        if kept is None or kept.state is not State.UNDELIVERABLE:
            return  # it was brought while this was being asked for
        try:
            prepared = await self._preparation.prepare(kept)
            places = [one for one in await self._places(kept) if one.chat.id == chat.id]
            if not await self._insist(places or [Place(chat)], prepared):
                logger.info("generation %d stays kept: refused", kept.id)
        except (MediaError, NotAVideo, SendError) as error:
            logger.info("generation %d stays kept: %r", kept.id, error)
        finally:
            self._preparation.tidy(kept, keep_source=True)

    async def _insist(self, places: Sequence[Place], prepared: PreparedUpload) -> bool:
        """Send, and again while it surely did not arrive: it was promised a moment ago."""
        for setbacks in range(MOST_TRIES):
            try:
                return await self._send(places, prepared)
            except NotSent as error:
                await self._log.undo(prepared.generation)
                wait = schedule.backoff(setbacks, error.retry_after)
                if wait > PATIENCE_SECONDS:
                    raise
                await asyncio.sleep(wait)
        return False

    async def _send(self, places: Sequence[Place], prepared: PreparedUpload) -> bool:
        """Try one place after the other; False where nobody could receive it.

        Raises:
            NotSent: it is to be tried later.
            SentPerhaps: nobody can tell whether it is somewhere.
        """
        generation = prepared.generation
        while places:
            try:
                async with self._attempt(generation, places[0]) as upload:
                    if not await self._log.intend(generation):
                        return True  # it is no longer as it was read: nothing is left to do here
                    sent = await self._hand_over(places[0], prepared, upload)
            except (NotSent, SentPerhaps):
                raise
            except SendError as error:
                logger.info("generation %d cannot go there: %r", generation.id, error)
                await self._log.undo(generation)
                places, prepared = await self._otherwise(places, prepared, error)
            else:
                await self._log.arrived(generation, places[0], sent)
                self._preparation.tidy(generation, keep_source=False)
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
                    await asyncio.shield(self._log.undo(generation))
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
