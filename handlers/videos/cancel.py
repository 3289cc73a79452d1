"""/queue lists the sender's unfinished requests in all chats; /cancel cancels one.

A request that was submitted to the provider can no longer be cancelled. That it was asked for is
stored, in case the request is queued again.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from generation.jobs import lifecycle
from generation.orders.reading import read_number
from handlers.presses import not_yours
from handlers.replies.keyboards import Button, Cancel, Undo, in_rows
from handlers.replies.sending import Refused, SendError
from handlers.replies.texts import cancelled_text, sanitize, truncate
from handlers.routing import Router
from storage import chats, generations
from storage.generations import PENDING, UNFINISHED, State

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from telegram import Message

    from handlers.context import Services
    from handlers.replies.texts import Translator
    from handlers.senders import Sender
    from storage.generations import Generation

router = Router()

_MAX_PROMPT_LENGTH = 60
"""Characters of a prompt in the list."""
MAX_LISTED, _PER_ROW = 20, 5
"""Requests in the list, so that it fits Telegram's 100 buttons and 4096 characters."""


def text(
    unfinished: Sequence[Generation],
    translator: Translator,
    *,
    in_private: bool,
    groups: Mapping[int, str],
    elsewhere: int = 0,
) -> str:
    """List unfinished requests with their states and the numbers /cancel takes.

    `groups` are titles of groups by chat number; `elsewhere` counts the sender's requests in other
    chats, which are not listed.
    """
    lines = []
    if unfinished:
        lines = [translator.gettext("On the way:")]
        listed = unfinished[:MAX_LISTED]
        lines += [
            _request_line(request, groups.get(request.chat), translator) for request in listed
        ]
        if more := len(unfinished) - len(listed):
            lines.append(translator.ngettext("… and {count} more.", "… and {count} more.", more))
        if any(request.state is State.QUEUED for request in unfinished):
            lines.append(translator.gettext("Which one should I cancel?"))
    elif in_private:
        lines = [translator.gettext("Nothing is under way. Send me an idea or a photo.")]
    elif elsewhere:
        lines = [translator.gettext("Nothing of yours is under way here.")]
    else:
        lines = [translator.gettext("Nothing of yours is under way here. /video makes one.")]
    if elsewhere:
        line = translator.ngettext(
            "{count} video of yours is under way in another chat. You can cancel it in private.",
            "{count} videos of yours are under way in other chats. You can cancel them in private.",
            elsewhere,
        )
        lines.append(line)
    return "\n".join(lines)


def _request_line(request: Generation, title: str | None, translator: Translator) -> str:
    _, prompt = translator.gettext, sanitize(truncate(request.prompt, _MAX_PROMPT_LENGTH))
    line = (
        _("{number}. {prompt} · {how_far}")
        if title is None
        else _("{number}. {prompt} (in {group}) · {how_far}")
    )
    how_far = {
        State.QUEUED: _("waits its turn"),
        State.READY: _("is being sent"),
        State.PARKED: _("is late, and free if it comes"),
    }.get(request.state, _("is being made"))
    return line.format(number=request.id, prompt=prompt, group=title, how_far=how_far)


def buttons(unfinished: Sequence[Generation]) -> list[list[Button]]:
    """Return a button for each request that can be cancelled."""
    waiting = [request for request in unfinished[:MAX_LISTED] if request.state is State.QUEUED]
    return in_rows([Button(f"✖ {request.id}", Cancel(request.id)) for request in waiting], _PER_ROW)


def _outcome_text(generation: Generation, translator: Translator) -> str:
    if generation.state is State.CANCELLED:
        return cancelled_text(translator, generation.credits)
    if generation.state in PENDING:
        return translator.gettext(
            "Too late to cancel it: it is being made. If it fails, you get your credits back."
        )
    if generation.state is State.READY:
        return translator.gettext("It is finished and on its way to you.")
    return translator.gettext("That one is finished already. /history shows your videos.")


async def _cancel(services: Services, sender: Sender, number: int) -> str:
    generation = await lifecycle.cancel(services.db, number, sender.account, now=services.clock())
    if generation is None:
        return _unknown_text(number, sender.translator)
    # the scheduler removes the status message
    services.wake(generation.chat)
    return _outcome_text(generation, sender.translator)


def _unknown_text(number: int, translator: Translator) -> str:
    return translator.gettext(
        "You have no request {number}. /queue shows what is under way."
    ).format(number=number)


async def _list_unfinished(
    services: Services, sender: Sender
) -> tuple[list[Generation], str, list[list[Button]]]:
    """Return the sender's unfinished requests that may be listed here, as text and buttons too."""
    in_private, groups = sender.chat.is_private, dict[int, str]()
    async with services.db.reading() as connection:
        listed = everything = await generations.in_states(connection, UNFINISHED, of=sender.account)
        if in_private:
            for chat in {one.chat for one in listed} - {sender.chat.id}:
                place = await chats.find(connection, chat)
                groups[chat] = place.title if place else ""
        else:
            # a group does not see what its members ask for elsewhere
            listed = [one for one in everything if one.chat == sender.chat.id]
    elsewhere = len(everything) - len(listed)
    words = text(
        listed, sender.translator, in_private=in_private, groups=groups, elsewhere=elsewhere
    )
    opens = [[sender.private_button("cancel")]] if elsewhere else []
    return listed, words, buttons(listed) + opens


@router.command("cancel")
async def cancel(
    sender: Sender, message: Message, words: Sequence[str], services: Services
) -> None:
    """Cancel the request with a number, or the only one; else list them."""
    if sender.closed is not None and not words:
        nothing = sender.translator.gettext("All right, nothing was charged.")
        await sender.reply(nothing, reply_to=message.message_id)
        return
    number = read_number(words[0].lstrip("#")) if words else None
    if number is None:
        unfinished, listed, rows = await _list_unfinished(services, sender)
        pending = [one for one in unfinished if one.state in PENDING]
        if words or len(pending) != 1:
            await sender.reply(listed, buttons=rows, reply_to=message.message_id)
            return
        number = pending[0].id
    await sender.reply(await _cancel(services, sender, number), reply_to=message.message_id)


@router.command("queue")
async def show_queue(sender: Sender, services: Services) -> None:
    """List the sender's unfinished requests, with a button for each that can be cancelled."""
    _, listed, rows = await _list_unfinished(services, sender)
    await sender.reply(listed, buttons=rows)


@router.button(Cancel, when_off=True, even_late=True)
async def cancel_listed(
    sender: Sender, press: Cancel, shown: int | None, services: Services
) -> None:
    """Cancel the request of a button in the list, if it is the presser's own."""
    await sender.answer(await _cancel(services, sender, press.generation), alert=True)
    # in a group, the list may be another member's
    if shown is not None and sender.chat.is_private:
        _, listed, rows = await _list_unfinished(services, sender)
        # the list may have been deleted
        with suppress(Refused):
            await sender.outbox.edit(sender.chat, shown, listed, rows)


@router.button(Undo, when_off=True, even_late=True)
async def undo_order(sender: Sender, press: Undo, shown: int | None, services: Services) -> None:
    """Cancel the request of a status message and say so in the message, or that it is too late."""
    number, now = press.generation, services.clock()
    generation = await lifecycle.cancel(services.db, number, sender.account, now=now)
    if generation is None:
        async with services.db.reading() as connection:
            found = await generations.find(connection, number)
        await sender.answer(
            not_yours(found.account, sender.translator)
            if found
            else _unknown_text(number, sender.translator)
        )
        return
    is_cancelled = generation.state is State.CANCELLED
    if is_cancelled and shown is not None:
        services.status.keep_message(generation)
    services.wake(generation.chat)
    words = _outcome_text(generation, sender.translator)
    await sender.answer(words, alert=not is_cancelled)
    if shown is None:
        return
    if not is_cancelled:
        await sender.outbox.change_buttons(sender.chat, shown, None)
        return
    with suppress(SendError):
        await sender.outbox.edit(sender.chat, shown, words)
