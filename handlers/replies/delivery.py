"""Deliveries of finished videos to whoever asked: here, or in the next best place.

Telegram takes no idempotency key: the intent is committed right before each upload,
and after an answer that was lost the video is sent once more. A second copy is better
than a lost video. What surely did not arrive does not count.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, replace
from itertools import count
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
from handlers.replies.keyboards import ResultButtons
from handlers.replies.outbox import finished
from handlers.replies.sending import (
    PATIENCE_SECONDS,
    ChatMoved,
    NotSent,
    Refused,
    SendError,
    SentPerhaps,
    Unreachable,
    UploadTooLarge,
)
from handlers.replies.texts import caption
from storage import chats, generations, groups, people
from storage.generations import Reason, State
from storage.groups import Group

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from decimal import Decimal
    from zoneinfo import ZoneInfo

    from generation.jobs.lifecycle import Lifecycle
    from generation.jobs.outcomes import Outcome
    from generation.media.fetch import Downloads
    from generation.media.pool import MediaProcesses
    from generation.media.videos import Deliverable
    from generation.models.catalogue import Catalogue
    from handlers.replies.outbox import Outbox, Sent, Upload
    from handlers.replies.status import StatusMessages
    from handlers.replies.texts import Languages, Translator
    from storage.chats import Chat
    from storage.database import Database
    from storage.generations import Generation

MOST_SENDS = 2
"""How often a video is sent whose arrival nobody can tell."""
MOST_TRIES = 5
"""How often an undelivered video is tried that surely did not arrive, while somebody waits."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a video can go: a chat as its admins want it, a topic, and the message it answers."""

    chat: Chat
    group: Group
    thread_id: int | None = None
    reply_to: int | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """A video on its way: where it may still go, best first, and in which form.

    What Telegram refuses as a video goes as a document. `status_in` is where its status stands,
    `begun` is whether it is noted already that a send begins.
    """

    generation: Generation
    video: Deliverable
    places: tuple[Place, ...]
    translator: Translator
    status_in: Chat | None
    as_document: bool = False
    begun: bool = False


class Undeliverable(Exception):
    """A video is not sent any more; `refused` are the chats, by our numbers, that surely did."""

    def __init__(self, reason: Reason, refused: Collection[int] = ()) -> None:
        super().__init__(reason)
        self.reason = reason
        self.refused = refused


@dataclass(frozen=True, slots=True)
class UploadPreparation:
    """Brings videos on the disk into a form Telegram takes, and tidies up behind that.

    `limit` is how many bytes Telegram is believed to take.
    """

    downloads: Downloads
    media: MediaProcesses
    limit: int

    async def prepare(self, generation: Generation, limit: int | None = None) -> Deliverable:
        """Return the file to send, at most `limit` bytes, fetched again where it is gone.

        Raises:
            FileGone: it can no longer be had.
            MediaError: it cannot be made ready now.
            NotAVideo: the file holds none.
        """
        source = self.downloads.path_of(generation)
        if not source.exists():
            await self.downloads.restore(generation)
        return await videos.prepare(self.media, source, source.parent, limit=limit or self.limit)

    def tidy(self, generation: Generation, *, keep_source: bool) -> None:
        """Remove what was made for sending, and the video itself once it arrived."""
        source = self.downloads.path_of(generation)
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
        status: StatusMessages,
        languages: Languages,
        catalogue: Catalogue,
        credit_usd: Decimal,
        ai_label: bool,
        zone: ZoneInfo,
        clock: Callable[[], float],
        wake: Callable[[int], None],
    ) -> None:
        self._db = db
        self._outbox = outbox
        self._lifecycle = lifecycle
        self._preparation = preparation
        self._status = status
        self._languages = languages
        self._catalogue = catalogue
        self._credit_usd = credit_usd
        self._ai_label = ai_label
        self._zone = zone
        self._clock = clock
        self._wake = wake

    async def deliver(self, generation: Generation, *, begun: bool = False) -> Generation | None:
        """Send a ready video once, or note when to try again; return it as it is then.

        `begun` tells that this send was noted when the video became ready.
        """
        outcome: Outcome
        if begun:
            generation = replace(generation, sends=generation.sends - 1)
        try:
            return await self._send(await self._prepared(generation, begun=begun))
        except Undeliverable as error:
            tell_in = await self._private_chat(generation, error.refused)
            outcome = NobodyReceives(error.reason, tell_in)
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
        after = await self._lifecycle.advance(generation, outcome)
        if isinstance(outcome, NobodyReceives | PreparationFailed) and outcome.tell_in is not None:
            self._wake(outcome.tell_in)
        return after

    async def bring(self, generation: Generation, chat: Chat) -> Generation | None:
        """Send an undelivered video to somebody who is back; what fails waits for the next time."""
        async with self._db.reading() as connection:
            found = await generations.find(connection, generation.id)
        if found is None or found.state is not State.UNDELIVERABLE:
            return None  # it was brought while this was being asked for
        try:
            delivery = await self._delivery(found)
            here = tuple(place for place in delivery.places if place.chat.id == chat.id)
            places = here or (Place(chat, Group(chat.id)),)
            return await self._insist(replace(delivery, places=places))
        except (MediaError, NotAVideo, SendError, Undeliverable) as error:
            logger.info("generation %d stays undelivered: %r", found.id, error)
            return None
        finally:
            self._preparation.tidy(found, keep_source=True)

    async def _prepared(self, generation: Generation, *, begun: bool) -> Delivery:
        if generation.sends >= MOST_SENDS:
            raise Undeliverable(Reason.ARRIVAL_UNKNOWN)
        try:
            return replace(await self._delivery(generation), begun=begun)
        except BaseException:
            if begun:
                await asyncio.shield(self._undo(generation))
            raise

    async def _delivery(self, generation: Generation) -> Delivery:
        """Prepare a video, and find its places: as asked, then without its topic, then in private.

        It fails as `UploadPreparation.prepare` does.
        """
        video = await self._preparation.prepare(generation)
        private = person = None
        places = []
        async with self._db.reading() as connection:
            # its group may have moved meanwhile, where its messages have other numbers
            asked = await generations.find(connection, generation.id) or generation
            chat = await chats.find(connection, asked.chat)
            if asked.account.is_person:
                person = await people.find(connection, asked.account.id)
            if chat is not None:
                group = Group(chat.id)
                if not chat.is_private:
                    # its admins may have chosen otherwise since the video was asked for
                    group = await groups.find(connection, chat.id)
                places.append(Place(chat, group, asked.thread_id, asked.message_id))
                if asked.thread_id is not None:
                    places.append(Place(chat, group))
            if asked.account.is_person and (chat is None or not chat.is_private):
                private = await chats.by_telegram_id(connection, asked.account.id)
        if private is not None:
            places.append(Place(private, Group(private.id)))
        translator = self._languages.translator(person.language if person else None)
        return Delivery(
            replace(asked, sends=generation.sends), video, tuple(places), translator, chat
        )

    async def _insist(self, delivery: Delivery) -> Generation | None:
        """Send, and again while it surely did not arrive: it was promised a moment ago."""
        for setbacks in count():
            try:
                return await self._send(delivery)
            except NotSent as error:
                await self._undo(delivery.generation)
                wait = schedule.backoff(setbacks, error.retry_after)
                if setbacks + 1 == MOST_TRIES or wait > PATIENCE_SECONDS:
                    raise
                await asyncio.sleep(wait)
        return None

    async def _private_chat(
        self, generation: Generation, refused: Collection[int] = ()
    ) -> int | None:
        """Return where a sender can be told something alone."""
        if not generation.account.is_person:
            return None
        async with self._db.reading() as connection:
            chat = await chats.by_telegram_id(connection, generation.account.id)
        return chat.id if chat is not None and chat.reachable and chat.id not in refused else None

    async def _undo(self, generation: Generation) -> None:
        """Forget a send that surely did not arrive."""
        await self._lifecycle.advance(generation, SendUndone(generation.sends))

    async def _send(self, delivery: Delivery) -> Generation | None:
        """Try one place after the other; return what became of the generation.

        Raises:
            Undeliverable: it was surely refused everywhere.
            NotSent: it is to be tried later.
            SentPerhaps: nobody can tell whether it is somewhere.
        """
        refused = {place.chat.id for place in delivery.places}
        while delivery.places:
            try:
                return await self._attempt(delivery)
            except (NotSent, SentPerhaps):
                raise
            except SendError as error:
                logger.info("generation %d cannot go there: %r", delivery.generation.id, error)
                await self._undo(delivery.generation)
                delivery = replace(await self._otherwise(delivery, error), begun=False)
        raise Undeliverable(Reason.NOBODY_RECEIVES, refused)

    async def _attempt(self, delivery: Delivery) -> Generation | None:
        """Wait for all a send needs, and only then let it begin; None where it is not wanted now.

        Where it is stopped, whether the file had left tells whether somebody may have it.
        """
        generation, place = delivery.generation, delivery.places[0]
        upload: Upload | None = None
        try:
            async with self._outbox.uploading(place.chat) as upload:
                if not (delivery.begun or await self._lifecycle.advance(generation, SendBegins())):
                    return None
                sent = await self._hand_over(place, delivery, upload)
        except asyncio.CancelledError:
            if delivery.begun if upload is None else not upload.is_gone:
                await asyncio.shield(self._undo(generation))
            raise
        arrived = Arrived(place.chat.id, sent.message_id, sent.file_id, sent.file_kind)
        delivered = await self._lifecycle.advance(generation, arrived)
        self._preparation.tidy(generation, keep_source=False)
        if delivery.status_in is not None:
            await finished(self._status.take_away(generation, delivery.status_in))
        return delivered

    async def _hand_over(self, place: Place, delivery: Delivery, upload: Upload) -> Sent:
        generation, translator = delivery.generation, delivery.translator
        # whether there is inline mode is known once Telegram was asked
        buttons = ResultButtons(self._catalogue.offer, self._credit_usd, self._outbox.shares)
        return await self._outbox.send_file(
            place.chat,
            delivery.video,
            caption(generation, translator, ai_label=self._ai_label),
            upload,
            as_document=delivery.as_document,
            spoiler=place.group.blurred,
            silent=place.group.is_quiet(self._zone, self._clock()),
            buttons=buttons.under(generation, translator, in_private=place.chat.is_private),
            reply_to=place.reply_to,
            thread_id=place.thread_id,
        )

    async def _otherwise(self, delivery: Delivery, error: SendError) -> Delivery:
        """Return what is left to try after a place or a form was surely refused."""
        here, *others = delivery.places
        match error:
            case ChatMoved():
                chat = await chats.move(self._db, here.chat.id, error.telegram_id)
                logger.info("chat %d is a supergroup now", here.chat.id)
                # the old group's message ids mean other messages in the new one
                return replace(delivery, places=(Place(chat, here.group), *others))
            case UploadTooLarge():
                # the server's limit is lower than we believed
                limit = int(delivery.video.size * 0.8)
                smaller = await self._preparation.prepare(delivery.generation, limit)
                return replace(delivery, video=smaller)
            case Refused() if not delivery.as_document:
                return replace(delivery, as_document=True)
            case Unreachable():
                async with self._db.transaction() as tx:
                    await chats.set_reachable(tx, here.chat.id, reachable=False)
        return replace(delivery, places=tuple(others), as_document=False)
