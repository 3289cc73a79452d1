"""Status messages: what stands in for a video while it is made, and goes when it comes."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from handlers.replies.keyboards import Button, Undo
from handlers.replies.sending import Refused, SendError, Unreachable, finished
from handlers.replies.texts import about
from storage import chats, generations, outages, people
from storage.generations import PENDING, State

if TYPE_CHECKING:
    from collections.abc import Callable

    from generation.jobs.queue import FairQueue
    from generation.jobs.schedule import DurationEstimates
    from generation.orders.balances import Accepted
    from handlers.replies.outbox import Outbox
    from handlers.replies.texts import Languages, Translator
    from storage.chats import Chat
    from storage.database import Connection, Database
    from storage.generations import Generation

LATE = 1.5
"""How many times the expected time may pass before the status says that it takes longer."""

SEEN = "👀"
"""The reaction under an order in a group."""
_REACTION = 0
"""What stands in the place of a status message's id where the status is a reaction."""

logger = logging.getLogger(__name__)


def making(translator: Translator, seconds: float, paid: str = "") -> str:
    """Say that a video is being made, what was paid, and when it will be there (in seconds)."""
    return _promise(translator, translator.gettext("🎬 On it!"), paid, seconds)


def waiting(translator: Translator, place: int, seconds: float, paid: str = "") -> str:
    """Say which place in the line a request has, and when its video will be there (in seconds)."""
    head = translator.gettext("🎬 Number {place} in line.").format(place=translator.number(place))
    return _promise(translator, head, paid, seconds)


def _promise(translator: Translator, head: str, paid: str, seconds: float) -> str:
    ready = translator.gettext(
        "Ready in about {time}. You can close Telegram, I'll send it."
    ).format(time=about(translator, seconds))
    return " ".join(sentence for sentence in (head, paid, ready) if sentence)


def payment(accepted: Accepted, translator: Translator, *, in_private: bool) -> str:
    """Say what an order takes and what is left; what somebody has left is told to them alone."""
    cost, pooled = accepted.generation.credits, accepted.pooled
    if pooled == cost:
        text, left = translator.ngettext(
            "The group pays {count} credit, {left} left.",
            "The group pays {count} credits, {left} left.",
            cost,
        ), accepted.pool_left  # fmt: skip
    elif in_private:
        text, left = translator.ngettext(
            "{count} credit, {left} left.", "{count} credits, {left} left.", cost
        ), accepted.left  # fmt: skip
    elif pooled:
        return translator.gettext("{cost}, {pooled} of them from the group.").format(
            cost=translator.credits(cost), pooled=translator.number(pooled)
        )
    else:
        return translator.gettext("{cost} of your own.").format(cost=translator.credits(cost))
    return text.format(count=translator.number(cost), left=translator.number(left))


def late(translator: Translator) -> str:
    """Say that it takes longer than it usually does."""
    return translator.gettext(
        "🎬 This takes longer than usual. If it fails, you get your credits back."
    )


def closed(translator: Translator) -> str:
    """Say that the service that makes videos takes no orders at the moment."""
    return translator.gettext(
        "🎬 The video service is not taking orders right now. I wait for it up to 15 "
        "minutes. After that you get your credits back."
    )


def sparsely(place: int) -> int:
    """Round a place in the line up so that few of its steps are worth an edit."""
    return next((step for step in (1, 2, 3, 5, 10, 20, 50, 100) if place <= step), place)


class Progress:
    """How far requests are: their places among those who wait, and how long they will take."""

    def __init__(
        self, *, estimates: DurationEstimates, queue: FairQueue, clock: Callable[[], float]
    ) -> None:
        self._estimates = estimates
        self._queue = queue
        self._clock = clock

    def place(self, generation: Generation) -> int | None:
        """Return which place a request has (1 is next); None where a slot is free or its own."""
        queue, number = self._queue, generation.id
        if generation.state is not State.QUEUED or not queue.is_full or queue.has_slot(number):
            return None
        # one that was accepted just now joins the others at the end
        return queue.position(number) or len(queue) + 1

    async def estimate(self, generation: Generation) -> float:
        """Return how long a request takes once it has a slot, in seconds."""
        return await self._estimates.of(generation)

    async def wait(self, generation: Generation, place: int) -> float:
        """Return in how many seconds a request at this place will be made."""
        return (place / self._queue.slots + 1) * await self.estimate(generation)

    async def left(self, generation: Generation) -> float:
        """Return in how many seconds a request with a slot is made; below 0 once it is late."""
        estimate = await self.estimate(generation)
        passed = self._clock() - (generation.accepted_at or generation.changed_at)
        return -1.0 if passed >= LATE * estimate else max(1.0, estimate - passed)

    async def is_overdue(self, generation: Generation) -> bool:
        """Whether what was promised at first is over."""
        estimate = await self.estimate(generation)
        return self._clock() - generation.created_at >= LATE * estimate


@dataclass(frozen=True, slots=True)
class _Shown:
    """A status message as it stands in a chat.

    `waits` is whether it says what is over once the video is made: a place in the line, or that
    the request can be cancelled.
    """

    chat: Chat
    message: int | None
    translator: Translator
    text: str = ""
    waits: bool = False


class StatusMessages:
    """Shows, corrects and removes status messages; none of it is worth a failure.

    `wake` tells the clocks of a chat in which a status came too late.
    """

    def __init__(
        self,
        *,
        db: Database,
        outbox: Outbox,
        progress: Progress,
        languages: Languages,
        wake: Callable[[int], None],
    ) -> None:
        self._db = db
        self._outbox = outbox
        self._progress = progress
        self._languages = languages
        self._wake = wake
        self._shown: dict[int, _Shown] = {}

    async def show(
        self,
        generation: Generation,
        chat: Chat,
        translator: Translator,
        *,
        note: str = "",
        paid: str = "",
        aloud: bool = False,
    ) -> None:
        """Say that a request was accepted and what was `paid`, silently: the video will ring.

        While it waits it can be cancelled. `note` is what the sender should know besides. In a
        group a reaction stands for it, unless it is to be said `aloud`.
        """
        if generation.status_message is not None or generation.id in self._shown:
            return
        aloud = aloud or chat.is_private
        if not aloud and await self._acknowledged(chat, generation, note):
            self._remember(generation.id, _Shown(chat, _REACTION, translator))
            return
        place = self._progress.place(generation)
        if place is None:
            text = making(translator, await self._progress.estimate(generation), paid)
        else:
            wait = await self._progress.wait(generation, place)
            text = waiting(translator, sparsely(place), wait, paid)
        # what leaves at once cannot be cancelled
        waits = generation.state is State.QUEUED and (
            place is not None or generation.due_at > generation.created_at
        )
        shown = _Shown(chat, None, translator, text, waits=waits)
        # alone with the bot it is the only sign that an order was understood
        await finished(self._put_up(generation, shown, note, cosmetic=not note and not aloud))

    async def _put_up(
        self, generation: Generation, shown: _Shown, note: str, *, cosmetic: bool
    ) -> None:
        message = await self._outbox.say(
            shown.chat,
            f"{note}\n{shown.text}".strip(),
            buttons=_buttons(generation, shown.translator) if shown.waits else (),
            reply_to=generation.message_id,
            thread_id=generation.thread_id,
            silent=True,
            cosmetic=cosmetic,
        )
        self._remember(generation.id, replace(shown, message=message))

    def _remember(self, generation: int, shown: _Shown) -> None:
        self._shown[generation] = shown

        async def write(tx: Connection) -> None:
            await generations.note(tx, generation, status_message=shown.message)
            found = await generations.find(tx, generation)
            if found is not None and found.state not in PENDING:
                self._wake(found.chat)

        self._db.later(write)

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

    async def correct(self, generation: Generation) -> None:
        """Say so where a request moves up the line, has its turn, or takes longer than usual."""
        if not generation.status_message or generation.state not in PENDING:
            return
        shown = self._shown.get(generation.id) or await self._found(generation)
        text = await self._text(generation, shown)
        if text is None or text == shown.text:
            return
        waits = generation.state is State.QUEUED
        buttons = _buttons(generation, shown.translator) if waits else ()
        message = generation.status_message
        try:
            await self._outbox.edit(shown.chat, message, text, buttons, cosmetic=True)
        except SendError as error:
            logger.info("the status of generation %d stays: %s", generation.id, error)
        else:
            self._shown[generation.id] = replace(shown, text=text, waits=waits)

    async def _text(self, generation: Generation, shown: _Shown) -> str | None:
        """Return what a status should say by now; None where it may stay as it is."""
        translator = shown.translator
        if generation.state is State.GENERATING:
            left = await self._progress.left(generation)
            if left < 0:
                return late(translator)
            return making(translator, left) if shown.waits else None
        if await self._is_held_back(generation):
            return closed(translator)
        place = self._progress.place(generation)
        if place is None:
            return None
        return waiting(translator, sparsely(place), await self._progress.wait(generation, place))

    async def _is_held_back(self, generation: Generation) -> bool:
        """Whether nothing is accepted just now, and what was promised at first is over."""
        if generation.state is not State.QUEUED or not await self._progress.is_overdue(generation):
            return False
        async with self._db.reading() as connection:
            return await outages.present(connection) is not None

    def leave(self, generation: Generation, chat: Chat, translator: Translator) -> None:
        """Leave the status in its chat, where whoever calls says in it what became of a request."""
        if generation.status_message is not None or generation.id in self._shown:
            self._shown[generation.id] = _Shown(chat, None, translator)

    async def remove(self, generation: Generation) -> None:
        """Take the status away once there is nothing to wait for."""
        if generation.status_message is None or generation.state in PENDING:
            return
        chat = (await self._found(generation)).chat
        if await self.take_away(generation, chat):
            async with self._db.transaction() as tx:
                await generations.note(tx, generation.id, status_message=None)

    async def take_away(self, generation: Generation, chat: Chat) -> bool:
        """Delete the message, or take the reaction back.

        False where that is to be tried once the bot can speak there.
        """
        shown = self._shown.pop(generation.id, None)
        message = shown.message if shown else generation.status_message
        if message is None or (shown and shown.chat.telegram_id != chat.telegram_id):
            return True  # in the chat that a group became, the number means another message
        try:
            if message != _REACTION:
                await self._outbox.delete(chat, message)
            elif generation.message_id is not None:
                await self._outbox.react(chat, generation.message_id, None)
        except SendError as error:
            logger.info("the status of generation %d stays: %s", generation.id, error)
            if isinstance(error, Unreachable) and generation.state is State.UNDELIVERABLE:
                # it goes when they are back, as the video comes
                async with self._db.transaction() as tx:
                    await chats.set_reachable(tx, chat.id, reachable=False)
                return False
        return True

    async def _found(self, generation: Generation) -> _Shown:
        """Return where a status stands that an earlier process put up."""
        async with self._db.reading() as connection:
            chat = await chats.find(connection, generation.chat)
            person = (
                await people.find(connection, generation.account.id)
                if generation.account.is_person
                else None
            )
        if chat is None:
            raise LookupError(f"generation {generation.id} belongs to no chat")
        translator = self._languages.translator(person.language if person else None)
        # nobody knows any more what it says
        return _Shown(chat, generation.status_message, translator, waits=True)


def _buttons(generation: Generation, translator: Translator) -> list[list[Button]]:
    """Return *Cancel*; whoever asked in the name of a chat presses as somebody else."""
    if not generation.account.is_person:
        return []
    return [[Button(translator.gettext("Cancel"), Undo(generation.id))]]
