"""Deliveries of finished videos to the chat of the order, or else to its sender in private.

Telegram takes no idempotency key: the intent is committed right before each upload, and if an
answer is lost the video is sent once more, since a second copy is better than a lost video. Sends
that certainly failed are not counted.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, replace
from itertools import count
from typing import TYPE_CHECKING

from generation.jobs import outcomes as on
from generation.jobs import schedule
from generation.media.fetch import FileGone
from generation.media.formats import MediaError
from generation.media.videos import NotAVideo
from handlers.replies.keyboards import ResultButtons
from handlers.replies.sending import (
    MAX_WAIT_SECONDS,
    ChatMoved,
    MaybeSent,
    Misplaced,
    NotPermitted,
    NotSent,
    Refused,
    SendError,
    Unreachable,
    Unreadable,
    UploadTooLarge,
    run_to_completion,
)
from handlers.replies.texts import caption
from storage import chats, generations, people
from storage.chats import Group
from storage.generations import Reason, State

if TYPE_CHECKING:
    from collections.abc import Callable
    from zoneinfo import ZoneInfo

    from generation.jobs.lifecycle import Lifecycle
    from generation.jobs.outcomes import Outcome
    from generation.media.videos import Deliverable, Upload, UploadPreparation
    from generation.models.catalogue import Catalogue
    from handlers.replies.outbox import Outbox
    from handlers.replies.status import StatusMessages
    from handlers.replies.texts import Languages, Translator
    from storage.chats import Chat
    from storage.database import Database
    from storage.generations import Generation

MAX_UNCERTAIN_SENDS = 2
"""Sends of a video whose arrival is unknown."""
MAX_ATTEMPTS = 5
"""Attempts to send a kept video while its recipient waits, if each certainly failed."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Place:
    """A destination: a chat with its group settings, a topic, and the message to reply to."""

    chat: Chat
    group: Group
    thread_id: int | None = None
    reply_to: int | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """The plan of a send: the next `place` to try, None if none is left, and the form.

    A file refused as a video is sent as a document. `alone` is the Telegram id of the person whose
    private chat comes next; `is_refused` is whether the order's chat refused only this kind of
    message. `status_in` is the chat of the status; `begun` is whether SendStarted is stored.
    """

    generation: Generation
    video: Deliverable
    place: Place | None
    translator: Translator
    status_in: Chat | None
    alone: int | None = None
    is_refused: bool = False
    as_document: bool = False
    begun: bool = False


@dataclass(eq=False)
class Undeliverable(Exception):
    """No attempt is left; for `is_refused` see `Delivery`."""

    reason: Reason
    is_refused: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Deliveries:
    """Sends videos that are ready; `wake` schedules a chat."""

    db: Database
    outbox: Outbox
    lifecycle: Lifecycle
    preparation: UploadPreparation
    status: StatusMessages
    languages: Languages
    catalogue: Catalogue
    ai_label: bool
    zone: ZoneInfo
    clock: Callable[[], float]
    wake: Callable[[int], None]

    async def deliver(self, generation: Generation, *, begun: bool = False) -> Generation | None:
        """Send a ready video once, or store when to try again; return the updated generation.

        `begun` tells whether the start of this send was stored when the video became ready.
        """
        outcome: Outcome
        if begun:
            generation = replace(generation, sends=generation.sends - 1)
        try:
            return await self._send(await self._prepare(generation, begun=begun))
        except Undeliverable as error:
            tell_in = await self._private_chat(generation)
            outcome = on.DeliveryFailed(error.reason, tell_in, is_missed=error.is_refused)
        except NotSent as error:
            outcome = on.SendFailed(generation.sends, error.retry_after)
        except Unreadable as error:
            # it was sent, but its id is unknown; a sender who does not see it can have it again
            logger.warning("nobody knows where generation %d is: %s", generation.id, error)
            outcome = on.DeliveryFailed(Reason.ARRIVAL_UNKNOWN, None)
        except MaybeSent:
            outcome = on.ArrivalUnknown()
        except FileGone as error:
            logger.warning("the video of generation %d is gone: %s", generation.id, error)
            outcome = on.VideoGone()
        except (MediaError, NotAVideo) as error:
            logger.warning("generation %d cannot be prepared: %s", generation.id, error)
            outcome = on.PreparationFailed(await self._private_chat(generation))
        finally:
            self.preparation.tidy(generation, keep_source=True)
        return await self._record_outcome(generation, outcome)

    async def deliver_kept(self, generation: Generation, chat: Chat) -> Generation | None:
        """Send an undelivered video to a chat that is back; keep it if that fails."""
        async with self.db.reading() as connection:
            found = await generations.find(connection, generation.id)
        if found is None or found.state is not State.UNDELIVERABLE:
            return None  # it was delivered meanwhile
        try:
            delivery = await self._plan_delivery(found)
            if delivery.place is None or delivery.place.chat.id != chat.id:
                delivery = replace(delivery, place=Place(chat, Group(chat.id)))
            return await self._send_with_retries(replace(delivery, alone=None))
        except MaybeSent as error:
            logger.info("generation %d was brought, perhaps: %r", found.id, error)
        except (MediaError, NotAVideo, SendError, Undeliverable) as error:
            logger.info("generation %d stays undelivered: %r", found.id, error)
            tell_in = await self._private_chat(found)
            await self._record_outcome(found, on.DeliveryFailed(found.reason, tell_in))
        finally:
            self.preparation.tidy(found, keep_source=True)
        return None

    async def _record_outcome(self, generation: Generation, outcome: Outcome) -> Generation | None:
        """Store the outcome of a send, and schedule the private chat in which it is to be told."""
        after = await self.lifecycle.advance(generation, outcome)
        tell_in: int | None = getattr(outcome, "tell_in", None)
        if tell_in is not None:
            self.wake(tell_in)
        return after

    async def _prepare(self, generation: Generation, *, begun: bool) -> Delivery:
        if generation.sends >= MAX_UNCERTAIN_SENDS:
            raise Undeliverable(Reason.ARRIVAL_UNKNOWN)
        try:
            return replace(await self._plan_delivery(generation), begun=begun)
        except BaseException:
            if begun:
                await asyncio.shield(self._undo_send(generation))
            raise

    async def _plan_delivery(self, generation: Generation) -> Delivery:
        """Prepare a video, and return the plan to send it to the chat of its order.

        Raises what `UploadPreparation.prepare` raises.
        """
        video = await self.preparation.prepare(generation)
        place = None
        async with self.db.reading() as connection:
            # the group may have become a supergroup meanwhile, with other message ids
            asked = await generations.find(connection, generation.id) or generation
            chat = await chats.find(connection, asked.chat)
            person = await people.of_account(connection, asked.account)
            if chat is not None:
                # read now: the settings may have changed since the order
                group = await chats.group_of(connection, chat.id)
                place = Place(chat, group, asked.thread_id, asked.message_id)
        translator = self.languages.translator(person.language if person else None)
        in_private = chat is not None and chat.is_private
        alone = asked.account.id if asked.account.is_person and not in_private else None
        return Delivery(
            replace(asked, sends=generation.sends), video, place, translator, chat, alone
        )

    async def _send_with_retries(self, delivery: Delivery) -> Generation | None:
        """Send, and retry while it certainly failed, since the recipient waits for it."""
        for setbacks in count():
            try:
                return await self._send(delivery)
            except NotSent as error:
                await self._undo_send(delivery.generation)
                wait = schedule.backoff(setbacks, error.retry_after)
                if setbacks + 1 == MAX_ATTEMPTS or wait > MAX_WAIT_SECONDS:
                    raise
                await asyncio.sleep(wait)
        return None

    async def _private_chat(self, generation: Generation) -> int | None:
        """Return the id of the sender's private chat, or None if the bot cannot write to it."""
        account = generation.account
        async with self.db.reading() as connection:
            chat = await chats.by_telegram_id(connection, account.id) if account.is_person else None
        return chat.id if chat is not None and chat.reachable else None

    async def _undo_send(self, generation: Generation) -> None:
        """Uncount a send that certainly failed."""
        await self.lifecycle.advance(generation, on.SendReverted(generation.sends))

    async def _send(self, delivery: Delivery) -> Generation | None:
        """Try one place after the other; return the updated generation.

        Raises:
            Undeliverable: every place certainly refused it.
            NotSent: it is to be tried later.
            MaybeSent: it may have been sent.
        """
        while True:
            place = delivery.place
            if place is None:
                delivery = await self._redirect_to_private(delivery)
                continue
            try:
                return await self._attempt(delivery, place)
            except (NotSent, MaybeSent):
                raise
            except SendError as error:
                logger.info("generation %d cannot go there: %r", delivery.generation.id, error)
                await self._undo_send(delivery.generation)
                delivery = replace(await self._next_attempt(delivery, place, error), begun=False)

    async def _redirect_to_private(self, delivery: Delivery) -> Delivery:
        """Return the plan to send it to the private chat of a sender in a group."""
        if delivery.alone is None:
            raise Undeliverable(Reason.NO_RECIPIENT, is_refused=delivery.is_refused)
        async with self.db.transaction() as tx:
            chat = await chats.private_chat(tx, delivery.alone, now=self.clock())
        return replace(delivery, place=Place(chat, Group(chat.id)), alone=None)

    async def _attempt(self, delivery: Delivery, place: Place) -> Generation | None:
        """Wait for an upload slot, store that the send begins, and send.

        Return None if the video is no longer to be sent. A cancelled send is counted only if the
        whole file had left, since only then the video may arrive.
        """
        generation, translator = delivery.generation, delivery.translator
        upload: Upload | None = None
        try:
            await self.status.wait_until_shown(generation)
            async with self.outbox.upload_slot(place.chat) as upload:
                begins = delivery.begun or await self.lifecycle.advance(
                    generation, on.SendStarted()
                )
                if not begins:
                    return None
                # inline mode is known only after the first request to Telegram
                buttons = ResultButtons(
                    self.catalogue.offer, self.outbox.supports_inline, self.outbox.max_fetch_bytes
                )
                sent = await self.outbox.send_file(
                    place.chat,
                    delivery.video,
                    caption(generation, translator, ai_label=self.ai_label),
                    upload,
                    as_document=delivery.as_document,
                    spoiler=place.group.blurred,
                    silent=place.group.is_quiet(self.zone, self.clock()),
                    buttons=buttons.under(
                        generation,
                        translator,
                        in_private=place.chat.is_private,
                        size=delivery.video.size,
                    ),
                    reply_to=place.reply_to,
                    thread_id=place.thread_id,
                )
        except asyncio.CancelledError:
            if delivery.begun if upload is None else not upload.is_gone:
                await asyncio.shield(self._undo_send(generation))
            raise
        arrived = on.Delivered(
            place.chat.id, sent.message_id, sent.file_id, sent.file_kind,
            is_missed=delivery.is_refused, file_unique_id=sent.file_unique_id,
            thumbnail=sent.thumbnail,
        )  # fmt: skip
        delivered = await self.lifecycle.advance(generation, arrived)
        self.preparation.tidy(generation, keep_source=False)
        if delivery.status_in is not None:
            await run_to_completion(self.status.remove_from(generation, delivery.status_in))
        return delivered

    async def _next_attempt(self, delivery: Delivery, here: Place, error: SendError) -> Delivery:
        """Return the plan after a place or a form was certainly refused."""
        match error:
            case ChatMoved():
                now = self.clock()
                chat = await chats.move(self.db, here.chat.id, error.telegram_id, now=now)
                logger.info("chat %d is a supergroup now", here.chat.id)
                # the old group's message ids mean other messages in the new one
                return replace(delivery, place=Place(chat, here.group))
            case UploadTooLarge():
                # the server's limit is lower than assumed
                limit = int(delivery.video.size * 0.8)
                smaller = await self.preparation.prepare(delivery.generation, limit)
                return replace(delivery, video=smaller)
            case Misplaced():
                if left := error.elsewhere(here.thread_id, here.reply_to):
                    return replace(delivery, place=Place(here.chat, here.group, *left))
            case Refused() if not (delivery.as_document or isinstance(error, NotPermitted)):
                return replace(delivery, as_document=True)
            case Unreachable():
                async with self.db.transaction() as tx:
                    await chats.set_reachable(tx, here.chat.id, reachable=False)
        is_refused = isinstance(error, Refused) and not isinstance(error, Misplaced)
        is_refused = delivery.is_refused or (is_refused and not here.chat.is_private)
        return replace(delivery, place=None, as_document=False, is_refused=is_refused)
