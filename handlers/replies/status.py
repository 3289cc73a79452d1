"""The message that stands in for a video while it is made, and goes when it comes."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from handlers.replies.outbox import finished
from handlers.replies.outcomes import Refused, SendError, Unreachable
from storage import chats, generations, outages, people
from storage.generations import PENDING, State

if TYPE_CHECKING:
    from collections.abc import Callable

    from generation.jobs.queue import FairQueue
    from generation.jobs.schedule import DurationEstimates
    from handlers.replies.language import Languages, Translator
    from handlers.replies.outbox import Outbox
    from storage.chats import Chat
    from storage.database import Database
    from storage.generations import Generation

LATE = 1.5
"""How many times the expected time may pass before the status says that it takes longer."""

SEEN = "👀"
"""The reaction under an order in a group."""

logger = logging.getLogger(__name__)


def making(translator: Translator, seconds: float) -> str:
    """Say that a video is being made, and when it will be there (in seconds)."""
    return translator.gettext(
        "🎬 On it! Ready in about {time}. You can close Telegram, I'll send it."
    ).format(time=about(translator, seconds))


def waiting(translator: Translator, place: int, seconds: float) -> str:
    """Say which place in the line a request has, and when its video will be there (in seconds)."""
    return translator.gettext(
        "🎬 Number {place} in line. Ready in about {time}. You can close Telegram, I'll send it."
    ).format(place=translator.number(place), time=about(translator, seconds))


def late(translator: Translator) -> str:
    """Say that it takes longer than it usually does."""
    return translator.gettext(
        "🎬 Longer than usual. If it fails, your credits come back by themselves."
    )


def closed(translator: Translator) -> str:
    """Say that the service that makes videos takes no orders at the moment."""
    return translator.gettext(
        "🎬 The video service is closed right now. I wait for it, up to 15 minutes. "
        "If it stays closed, your credits come back by themselves."
    )


def about(translator: Translator, seconds: float) -> str:
    """Write an estimate the way one says it, in half minutes: "1½ minutes"."""
    halves = round(seconds / 30)
    if halves < 2:  # noqa: PLR2004 - below one minute, tens of seconds are said
        return translator.lasts(max(10.0, round(seconds / 10) * 10.0))
    if halves % 2 == 0 or halves > 10:  # noqa: PLR2004 - beyond five minutes, halves mean nothing
        return translator.lasts(round(halves / 2) * 60.0)
    return translator.gettext("{minutes}½ minutes").format(minutes=translator.number(halves // 2))


def sparsely(place: int) -> int:
    """Round a place in the line up so that few of its steps are worth an edit."""
    return next((step for step in (1, 2, 3, 5, 10, 20, 50, 100) if place <= step), place)


class StatusMessages:
    """Shows, corrects and removes status messages; none of it is worth a failure."""

    def __init__(
        self,
        *,
        db: Database,
        outbox: Outbox,
        estimates: DurationEstimates,
        languages: Languages,
        queue: FairQueue,
        clock: Callable[[], float],
    ) -> None:
        self._db = db
        self._outbox = outbox
        self._estimates = estimates
        self._languages = languages
        self._queue = queue
        self._clock = clock
        self._said: dict[int, str] = {}
        self._waited: set[int] = set()

    async def show(self, generation: Generation, *, note: str = "") -> None:
        """Say that a request was accepted, silently: the video will ring.

        `note` is what the sender should know besides.
        """
        if generation.status_message is not None:
            return
        chat, translator = await self._place(generation)
        if not chat.is_private and await self._acknowledged(chat, generation, note):
            return
        words = await self._waiting(generation, translator)
        if words is not None:
            self._waited.add(generation.id)
        else:
            expects = await self._estimates.of(generation)
            words = making(translator, expects)
        await finished(self._put_up(chat, generation, words, note))

    async def _put_up(self, chat: Chat, generation: Generation, words: str, note: str) -> None:
        message = await self._outbox.say(
            chat,
            f"{note}\n{words}".strip(),
            reply_to=generation.message_id,
            thread_id=generation.thread_id,
            silent=True,
            # alone with the bot it is the only sign that an order was understood
            cosmetic=not note and not chat.is_private,
        )
        self._said[generation.id] = words
        async with self._db.transaction() as tx:
            await generations.note(tx, generation.id, status_message=message)

    async def _acknowledged(self, chat: Chat, generation: Generation, note: str) -> bool:
        """Show in a group that an order was seen, by a reaction where the group allows it."""
        if generation.message_id is None:
            return False
        try:
            await self._outbox.react(chat, generation.message_id, SEEN)
        except Refused:
            return False
        if note:
            await self._outbox.say(
                chat, note, reply_to=generation.message_id, thread_id=generation.thread_id
            )
        return True

    async def _waiting(self, generation: Generation, translator: Translator) -> str | None:
        """Return what to say to somebody in the line; None where there is a free slot."""
        if generation.state is not State.QUEUED:
            return None
        place = self._queue.place(generation.id)
        if place is None or not self._queue.is_full:
            return None
        expects = await self._estimates.of(generation)
        wait = self._queue.rounds_before(generation.id) * expects
        return waiting(translator, sparsely(place), wait + expects)

    async def _is_held_back(self, generation: Generation) -> bool:
        """Whether nothing is accepted just now, and what was promised at first is over."""
        async with self._db.reading() as connection:
            if await outages.present(connection) is None:
                return False
        expects = await self._estimates.of(generation)
        return self._clock() - generation.created_at >= LATE * expects

    async def correct(self, generation: Generation) -> None:
        """Say so where a request moves up the line, has its turn, or takes longer than usual."""
        if generation.status_message is None or not self._may_change(generation):
            return
        chat, translator = await self._place(generation)
        words = await self._waiting(generation, translator)
        if generation.state is State.GENERATING:
            expects = await self._estimates.of(generation)
            passed = self._clock() - (generation.accepted_at or generation.changed_at)
            if passed >= LATE * expects:
                words = late(translator)
            elif generation.id in self._waited:
                words = making(translator, expects - passed)
        elif generation.state is State.QUEUED and await self._is_held_back(generation):
            words = closed(translator)
        if words is None or words == self._said.get(generation.id):
            return
        try:
            await self._outbox.edit(chat, generation.status_message, words, cosmetic=True)
        except SendError as error:
            logger.info("the status of generation %d stays: %s", generation.id, error)
        else:
            self._said[generation.id] = words
            if generation.state is State.QUEUED:
                self._waited.add(generation.id)
            else:
                self._waited.discard(generation.id)

    def _may_change(self, generation: Generation) -> bool:
        """Whether there may be something else to say: before the first poll, nothing is late."""
        if generation.state is State.GENERATING:
            return generation.polls > 0 or generation.id in self._waited
        return generation.state in PENDING

    async def remove(self, generation: Generation) -> None:
        """Take the status away once there is nothing to wait for."""
        if generation.status_message is None or generation.state in PENDING:
            return
        self._said.pop(generation.id, None)
        self._waited.discard(generation.id)
        chat, _ = await self._place(generation)
        try:
            await self._outbox.delete(chat, generation.status_message)
        except SendError as error:
            logger.info("the status of generation %d stays: %s", generation.id, error)
            if isinstance(error, Unreachable) and generation.state is State.UNDELIVERABLE:
                # it goes when they are back, as the video comes
                async with self._db.transaction() as tx:
                    await chats.set_reachable(tx, chat.id, reachable=False)
                return
        async with self._db.transaction() as tx:
            await generations.note(tx, generation.id, status_message=None)

    async def _place(self, generation: Generation) -> tuple[Chat, Translator]:
        async with self._db.reading() as connection:
            chat = await chats.find(connection, generation.chat)
            person = (
                await people.find(connection, generation.account.id)
                if generation.account.is_person
                else None
            )
        if chat is None:
            raise LookupError(f"generation {generation.id} belongs to no chat")
        return chat, self._languages.translator(person.language if person else None)
