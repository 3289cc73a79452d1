"""/cancel: a video that is not submitted yet is called off; later that can only be asked for."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from generation.jobs import lifecycle
from handlers.commands import read_number
from handlers.replies.keyboards import Button, CallbackData
from handlers.replies.sending import Refused
from handlers.replies.texts import shortened
from handlers.routing import Router
from storage import generations
from storage.generations import PENDING, State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from telegram import CallbackQuery, Message

    from handlers.context import Sender, Services
    from handlers.replies.texts import Translator
    from storage.generations import Generation

router = Router()

_LONGEST_PROMPT = 60
"""Characters of a prompt in the list."""


@dataclass(frozen=True, slots=True)
class Cancel(CallbackData):
    """Cancel a request."""

    prefix: ClassVar[str] = "cancel"
    generation: int


def text(pending: Sequence[Generation], translator: Translator, *, in_private: bool) -> str:
    """List what is under way, by the numbers /cancel takes."""
    if not pending and in_private:
        return translator.gettext("Nothing is under way. Send me an idea or a photo.")
    if not pending:
        return translator.gettext("Nothing of yours is under way here. /video makes one.")
    lines = [translator.gettext("Which video should I cancel?")]
    lines += [f"{one.id}. {shortened(one.prompt, _LONGEST_PROMPT)}" for one in pending]
    return "\n".join(lines)


def buttons(pending: Sequence[Generation]) -> list[list[Button]]:
    """Return a button for each request that is under way."""
    return [[Button(f"✖ {one.id}", Cancel(one.id))] for one in pending]


def outcome(generation: Generation, translator: Translator) -> str:
    """Say what became of a request that was to be cancelled."""
    if generation.state is State.CANCELLED:
        return translator.gettext("Cancelled. {credits} are back.").format(
            credits=translator.credits(generation.credits)
        )
    if generation.state in PENDING:
        return translator.gettext(
            "Too late to cancel it: it is being made. If it fails, your credits come back."
        )
    if generation.state is State.READY:
        return translator.gettext("It is finished and on its way to you.")
    return translator.gettext("That one is over already. /history has your videos.")


async def _answer(services: Services, sender: Sender, number: int) -> str:
    """Cancel a request and say how that went."""
    generation = await lifecycle.cancel(services.db, number, sender.account, now=services.clock())
    if generation is None:
        return sender.translator.gettext(
            "You have no request {number}. /cancel shows what is under way."
        ).format(number=number)
    # the status message goes with the request
    services.wake(generation.chat)
    return outcome(generation, sender.translator)


async def _under_way(services: Services, sender: Sender) -> list[Generation]:
    async with services.db.reading() as connection:
        pending = await generations.pending_of(connection, sender.account)
    # what somebody asked for in private is not listed in front of a group
    return [one for one in pending if sender.chat.is_private or one.chat == sender.chat.id]


@router.command("cancel")
async def cancel(
    sender: Sender, message: Message, words: Sequence[str], services: Services
) -> None:
    """Cancel the request with the number given, the only one, or show which there are."""
    if sender.closed is not None and not words:
        nothing = sender.translator.gettext("All right, nothing was spent.")
        await sender.reply(nothing, reply_to=message.message_id)
        return
    number = _number(words)
    pending = [] if number is not None else await _under_way(services, sender)
    if not words and len(pending) == 1:
        number = pending[0].id
    await sender.reply(
        text(pending, sender.translator, in_private=sender.chat.is_private)
        if number is None
        else await _answer(services, sender, number),
        buttons=buttons(pending) if number is None else (),
        reply_to=message.message_id,
    )


def _number(words: Sequence[str]) -> int | None:
    """Read the number of a request; anything else asks for the list."""
    return read_number(words[0].lstrip("#")) if words else None


@router.button(Cancel, when_off=True, however_late=True)
async def cancel_one(
    sender: Sender, press: Cancel, query: CallbackQuery, services: Services
) -> None:
    """Cancel the request of a button, where it is the presser's own."""
    await sender.answer(await _answer(services, sender, press.generation), alert=True)
    # a made-up press may name any message of a group, so there the list stays as it is
    if query.message is not None and sender.chat.is_private:
        pending = await _under_way(services, sender)
        # a list that was deleted meanwhile needs no correction
        with suppress(Refused):
            await sender.outbox.edit(
                sender.chat,
                query.message.message_id,
                text(pending, sender.translator, in_private=True),
                buttons(pending),
            )
