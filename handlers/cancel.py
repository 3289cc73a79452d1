"""/cancel: call a video back before it is submitted; later it can only be wished for."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from telegram.ext import CallbackQueryHandler

from generation.recalls import recall
from handlers.commands import on
from handlers.identity import meet
from handlers.pressing import pressed
from handlers.replies.buttons import Button, Press
from handlers.replies.outcomes import Refused
from handlers.replies.words import shortened
from storage import generations
from storage.generations import PENDING, State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from telegram import Update
    from telegram.ext import BaseHandler

    from handlers.context import Context, Services
    from handlers.identity import Asker
    from handlers.replies.language import Speech
    from storage.generations import Generation

_LONGEST_PROMPT = 60
"""Characters of a prompt in the list."""


@dataclass(frozen=True, slots=True)
class CallBack(Press):
    """Call a request back."""

    prefix: ClassVar[str] = "cancel"
    generation: int


def text(pending: Sequence[Generation], speech: Speech, *, in_private: bool) -> str:
    """List what is under way, by the numbers /cancel takes."""
    if not pending and in_private:
        return speech.gettext("Nothing is under way. Send me an idea or a photo.")
    if not pending:
        return speech.gettext("Nothing of yours is under way here. /video makes one.")
    lines = [speech.gettext("Which one shall I call back?")]
    lines += [f"{one.id}. {shortened(one.prompt, _LONGEST_PROMPT)}" for one in pending]
    return "\n".join(lines)


def buttons(pending: Sequence[Generation]) -> list[list[Button]]:
    """Return a button for each request that is under way."""
    return [[Button(f"✖ {one.id}", CallBack(one.id))] for one in pending]


def outcome(generation: Generation, speech: Speech) -> str:
    """Say what became of a request that was to be called back."""
    if generation.state is State.CANCELLED:
        return speech.gettext("Cancelled. {credits} are back.").format(
            credits=speech.credits(generation.credits)
        )
    if generation.state in PENDING:
        return speech.gettext(
            "Too late to call it back: it is being made. If it fails, your credits come back."
        )
    if generation.state is State.READY:
        return speech.gettext("It is finished and on its way to you.")
    return speech.gettext("That one is over already. /history has your videos.")


async def _answer(services: Services, asker: Asker, number: int) -> str:
    """Call a request back and say how that went."""
    async with services.db.transaction() as tx:
        generation = await recall(tx, number, asker.account, now=services.clock())
    if generation is None:
        return asker.speech.gettext(
            "You have no request {number}. /cancel shows what is under way."
        ).format(number=number)
    # the status message goes with the request
    services.wake(generation.chat)
    return outcome(generation, asker.speech)


async def _under_way(services: Services, asker: Asker) -> list[Generation]:
    async with services.db.reading() as connection:
        pending = await generations.pending_of(connection, asker.account)
    # what somebody asked for in private is not listed in front of a group
    return [one for one in pending if asker.chat.is_private or one.chat == asker.chat.id]


async def cancel(update: Update, context: Context) -> None:
    """Call back the request with the number given, the only one, or show which there are."""
    services, message = context.services, update.message
    asker = await meet(update, services)
    if asker is None or message is None:
        return
    number = _number(context.args or [])
    pending = [] if number is not None else await _under_way(services, asker)
    if not context.args and len(pending) == 1:
        number = pending[0].id
    await services.outbox.say(
        asker.chat,
        text(pending, asker.speech, in_private=asker.chat.is_private)
        if number is None
        else await _answer(services, asker, number),
        buttons=buttons(pending) if number is None else (),
        reply_to=message.message_id,
        thread_id=asker.thread_id,
    )


def _number(words: Sequence[str]) -> int | None:
    """Read the number of a request; anything else asks for the list."""
    given = words[0].lstrip("#") if words else ""
    return int(given) if given.isascii() and given.isdigit() and len(given) <= 18 else None  # noqa: PLR2004 - SQLite's integers


async def cancel_one(update: Update, context: Context) -> None:
    """Call back the request of a button, where it is the presser's own."""
    services, found = context.services, await pressed(update, context, CallBack, however_late=True)
    if found is None:
        return
    query, press, asker = found
    answer = await _answer(services, asker, press.generation)
    await services.outbox.answer(query.id, answer, alert=True)
    # a made-up press may name any message of a group, so there the list stays as it is
    if query.message is not None and asker.chat.is_private:
        pending = await _under_way(services, asker)
        # a list that was deleted meanwhile needs no correction
        with suppress(Refused):
            await services.outbox.edit(
                asker.chat,
                query.message.message_id,
                text(pending, asker.speech, in_private=True),
                buttons(pending),
            )


def handlers() -> list[BaseHandler[Update, Context, None]]:
    """Return what answers /cancel and its buttons."""
    return [on("cancel", cancel), CallbackQueryHandler(cancel_one, pattern=CallBack.matches)]
