"""Status messages: tell the progress of a video until it is delivered."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from telegram.constants import ChatAction

from handlers.replies.keyboards import undo_buttons
from handlers.replies.sending import Refused, SendError, Unreachable, Unreadable, run_to_completion
from handlers.replies.texts import approximate_moment, held_back_text
from storage import chats, generations, outages, people
from storage.generations import PENDING, UNFINISHED, State

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from generation.jobs.queue import Forecast, Progress
    from handlers.replies.keyboards import Button
    from handlers.replies.outbox import Outbox
    from handlers.replies.texts import Languages, Moment, Translator
    from storage.chats import Chat
    from storage.database import Connection, Database
    from storage.generations import Generation

EDIT_SECONDS = 15.0
"""The least time between two edits of a status message."""
RECORD_SECONDS = 10.0
"""The least time between two chat actions."""
FAILURE_EDIT_SECONDS = 60.0
"""How long after an order its status may be edited into a failure notice; later a new message is
sent, because an edit does not notify."""
BAR_CELLS, BAR_STEPS = 8, 4
"""The width of the progress bar, and the number of steps in which it fills."""
SEEN_REACTION = "👀"
"""The reaction under an order in a group."""
STATUS_ARRIVAL_SECONDS = 10.0
"""How long a delivery waits for a status message that is being sent: it must not come after."""
MAX_REMEMBERED = 1000
"""Ended requests remembered, so that none gets a status message after its end."""
_REACTION = 0
"""The message id of a status that is a reaction."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class StatusText:
    """The text of a status; it is edited only if the `step` changes."""

    step: tuple[str, int]
    text: str
    moments: tuple[Moment, ...] = ()


def _status_text(
    forecast: Forecast, translator: Translator, now: float, *, paid: str = "", begun: bool = True
) -> StatusText:
    """Return a video's queue position or progress bar, and when it is expected.

    `paid` is the text about the payment; `begun` tells whether the video is being made.
    """
    _ = translator.gettext
    if forecast.is_late and forecast.position is None:
        return StatusText(
            ("late", 0),
            _("🎬 This takes longer than usual. If it fails, you get your credits back."),
        )
    closing = _("You can close Telegram, I'll send it.")
    quarter = int(min(1.0, max(0.0, forecast.done)) * BAR_STEPS)
    if forecast.position is not None:
        step = "place", round_position(forecast.position)
        head = _("🎬 Number {place} in line.").format(place=translator.number(step[1]))
        over = _("It takes longer than I thought.")
    elif begun:
        step, full = ("made", quarter), quarter * BAR_CELLS // BAR_STEPS
        head, over = f"🎬 {'▰' * full}{'▱' * (BAR_CELLS - full)}\n", _("Any moment now.")
    else:
        step, head, over = ("heard", 0), _("🎬 On it!"), ""
    if forecast.at is None:
        return StatusText((f"{step[0]}, over", step[1]), _sentences(head, paid, over, closing))
    there = approximate_moment(translator, forecast.at, now)
    ready = _("Expected {when}.").format(when=there.words)
    return StatusText(step, _sentences(head, paid, ready, closing), (there,))


def _sentences(*sentences: str) -> str:
    return " ".join(filter(None, sentences)).replace("\n ", "\n")


def round_position(place: int) -> int:
    """Round a queue position up, so that the text changes rarely."""
    return next((step for step in (1, 2, 3, 5, 10, 20, 50, 100) if place <= step), place)


@dataclass(frozen=True, slots=True)
class _Shown:
    """A status message as it is shown in a chat.

    It shows the `step` and the expected time `at` since `edited_at`; `acted_at` is the time of the
    last chat action.
    """

    chat: Chat
    message: int
    translator: Translator
    step: tuple[str, int] = ("", 0)
    at: float | None = None
    edited_at: float = 0.0
    acted_at: float = 0.0


@dataclass(slots=True, eq=False, kw_only=True)
class StatusMessages:
    """Shows, updates and removes status messages; failures of sending are only logged.

    `wake` schedules a chat in which a status was sent after the end of its request.
    """

    db: Database
    outbox: Outbox
    progress: Progress
    languages: Languages
    wake: Callable[[int], None]
    _shown: dict[int, _Shown] = field(init=False, default_factory=dict)
    _sending: WeakValueDictionary[int, asyncio.Lock] = field(
        init=False, default_factory=WeakValueDictionary
    )
    _ended: dict[int, None] = field(init=False, default_factory=dict)

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
        """Tell silently that a request was accepted and what was `paid`.

        A queued request gets a cancel button. `note` is text to put first. In a group, a reaction
        is the status unless `aloud`.
        """
        # the request may have ended already
        known = self._shown, self._sending, self._ended
        if generation.status_message is not None or any(generation.id in ids for ids in known):
            return
        try:
            async with self._sending.setdefault(generation.id, asyncio.Lock()):
                aloud = aloud or chat.is_private
                forecast = await self.progress.forecast(generation)
                shown = _Shown(chat, _REACTION, translator, at=forecast.at)
                if not aloud and await self._react_as_seen(chat, generation, note):
                    self._remember(generation.id, shown)
                    return
                # a request that starts at once cannot be cancelled
                waits = generation.state is State.QUEUED and (
                    forecast.position is not None or generation.due_at > generation.created_at
                )
                # a request that starts at once is shown as started, which saves an edit
                said = _status_text(
                    forecast, translator, self.progress.clock(), paid=paid, begun=not waits
                )
                saying = self.outbox.send_text(
                    chat,
                    f"{note}\n{said.text}".strip(),
                    buttons=undo_buttons(generation, translator) if waits else (),
                    reply_to=generation.message_id,
                    thread_id=generation.thread_id,
                    silent=True,
                    # in private it is the only acknowledgement of the order
                    cosmetic=not note and not aloud,
                    moments=said.moments,
                )
                shown = replace(shown, step=said.step)
                await run_to_completion(self._send(generation.id, shown, saying))
        except SendError as error:
            logger.info("generation %d has no status: %s", generation.id, error)

    async def wait_until_shown(self, generation: Generation) -> None:
        """Wait until a status that is being sent has arrived."""
        if (sending := self._sending.get(generation.id)) is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(STATUS_ARRIVAL_SECONDS), sending:
                    return

    async def _send(self, generation: int, shown: _Shown, saying: Awaitable[int]) -> None:
        message = await saying
        if generation in self._ended:
            await self.outbox.delete(shown.chat, message)
        else:
            self._remember(generation, replace(shown, message=message))

    def _remember(self, generation: int, shown: _Shown) -> None:
        self._shown[generation] = shown

        async def write(tx: Connection) -> None:
            found = await generations.update(
                tx, generation, status_message=shown.message, promised_at=shown.at
            )
            if found is not None and found.state not in PENDING:
                self.wake(found.chat)

        self.db.defer(write)

    async def _react_as_seen(self, chat: Chat, generation: Generation, note: str) -> bool:
        """React to the order's message; return whether the group allows that."""
        if generation.message_id is None:
            return False
        try:
            await self.outbox.react(chat, generation.message_id, SEEN_REACTION)
        except Refused:
            return False
        if note:
            await self.outbox.send_text(
                chat, note, reply_to=generation.message_id, thread_id=generation.thread_id
            )
        return True

    async def update(self, generation: Generation) -> None:
        """Edit a status if its step changed, and repeat the chat action of a running request."""
        if (
            not generation.status_message
            or generation.state not in PENDING
            or generation.id in self._ended
        ):
            return
        before = self._shown.get(generation.id)
        shown = before or await self._restore_shown(generation)
        now = self.progress.clock()
        if now - shown.edited_at >= EDIT_SECONDS:
            said = await self._current_text(generation, shown.translator)
            if said and said.step != shown.step:
                shown = await self._edit_message(generation, shown, said)
        if (
            generation.state is State.GENERATING
            and shown.chat.is_private
            and now - shown.acted_at >= RECORD_SECONDS
        ):
            shown = replace(shown, acted_at=now)
            with suppress(SendError):
                await self.outbox.show_action(shown.chat, ChatAction.RECORD_VIDEO)
        if self._shown.get(generation.id) is before:
            self._shown[generation.id] = shown

    async def _edit_message(
        self, generation: Generation, shown: _Shown, said: StatusText
    ) -> _Shown:
        """Edit a status; return it as it is shown then."""
        waits, message = generation.state is State.QUEUED, generation.status_message or 0
        buttons = undo_buttons(generation, shown.translator) if waits else ()
        try:
            await self.outbox.edit(
                shown.chat, message, said.text, buttons, cosmetic=True, moments=said.moments
            )
        except SendError as error:
            logger.info("the status of generation %d stays: %s", generation.id, error)
            return shown
        now, at = self.progress.clock(), said.moments[0].at if said.moments else None
        if at is not None and at != shown.at:
            self.progress.record_shown(generation, at)
            self.db.defer(partial(generations.update, generation=generation.id, promised_at=at))
        return replace(shown, step=said.step, at=at, edited_at=now)

    async def _current_text(
        self, generation: Generation, translator: Translator
    ) -> StatusText | None:
        """Return the present text of a status, or None if the shown one may stay."""
        forecast, now = await self.progress.forecast(generation), self.progress.clock()
        if generation.state is not State.QUEUED:
            return _status_text(forecast, translator, now)
        if forecast.is_late or self.progress.is_paused:
            async with self.db.reading() as connection:
                pause = await outages.paused(connection, now=now)
                outage = await outages.current(connection)
            if pause or outage:
                return StatusText(("held", bool(pause)), held_back_text(pause, translator))
        return None if forecast.position is None else _status_text(forecast, translator, now)

    def keep_message(self, generation: Generation) -> int | None:
        """Leave the status message in its chat for the caller to edit; return its id.

        Return None if there is no message. A reaction is removed as usual. The next transaction
        stores that the message is no status any more, so that a later process does not delete it.
        """
        shown = self._shown.get(generation.id)
        message = shown.message if shown else generation.status_message
        if message:
            self._shown.pop(generation.id, None)
            self._mark_ended(generation)
            self.db.defer(
                partial(generations.update, generation=generation.id, status_message=None)
            )
        return message or None

    async def show_failure(
        self, generation: Generation, chat: Chat, text: str, buttons: Sequence[Sequence[Button]]
    ) -> bool:
        """Edit a status into a failure notice; return False if a new message must tell it.

        An edit does not notify, so only a status of the last FAILURE_EDIT_SECONDS is edited.
        """
        await self.wait_until_shown(generation)
        shown, now = self._shown.get(generation.id), self.progress.clock()
        if (shown or generation.status_message) is None and generation.state not in UNFINISHED:
            self._mark_ended(generation)
        if (
            shown is None
            or not shown.message
            or generation.state in UNFINISHED
            or shown.chat.telegram_id != chat.telegram_id
            or now - generation.created_at > FAILURE_EDIT_SECONDS
            or now - shown.edited_at < EDIT_SECONDS
        ):
            return False
        try:
            # a malformed answer still means that the text was edited
            with suppress(Unreadable):
                await self.outbox.edit(chat, shown.message, text, buttons)
        except (Refused, Unreachable):
            return False
        self.keep_message(generation)
        return True

    async def remove(self, generation: Generation) -> None:
        """Remove the status of a request that is no longer pending."""
        if generation.status_message is None or generation.state in PENDING:
            return
        chat = (await self._restore_shown(generation)).chat
        if await self.remove_from(generation, chat):
            async with self.db.transaction() as tx:
                await generations.update(tx, generation.id, status_message=None)

    async def remove_from(self, generation: Generation, chat: Chat) -> bool:
        """Delete the message, or remove the reaction.

        Return False if that must be tried again once the bot can write to the chat.
        """
        shown = self._shown.pop(generation.id, None)
        message = shown.message if shown else generation.status_message
        if generation.id in self._ended or message is None:
            self._mark_ended(generation)
            return True
        if shown and shown.chat.telegram_id != chat.telegram_id:
            return True  # the group became a supergroup, where the id is another message
        try:
            if message != _REACTION:
                await self.outbox.delete(chat, message)
            elif generation.message_id is not None:
                await self.outbox.react(chat, generation.message_id, None)
        except SendError as error:
            logger.info("the status of generation %d stays: %s", generation.id, error)
            if isinstance(error, Unreachable) and generation.state is State.UNDELIVERABLE:
                # it is removed when the video is delivered after all
                async with self.db.transaction() as tx:
                    await chats.set_reachable(tx, chat.id, reachable=False)
                return False
        return True

    def _mark_ended(self, generation: Generation) -> None:
        self._ended[generation.id] = None
        if len(self._ended) > MAX_REMEMBERED:
            del self._ended[next(iter(self._ended))]

    async def _restore_shown(self, generation: Generation) -> _Shown:
        """Return the status that an earlier process sent."""
        async with self.db.reading() as connection:
            chat = await chats.find(connection, generation.chat)
            person = await people.of_account(connection, generation.account)
        if chat is None:
            raise LookupError(f"generation {generation.id} belongs to no chat")
        translator = self.languages.translator(person.language if person else None)
        # its step is unknown
        message = generation.status_message or _REACTION
        return _Shown(chat, message, translator, at=generation.promised_at)
