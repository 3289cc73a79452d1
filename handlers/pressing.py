"""The beginning of every press: what the button carries, and who pressed it where."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from handlers.away import came_late
from handlers.identity import meet
from handlers.replies.buttons import Press

if TYPE_CHECKING:
    from telegram import CallbackQuery, Update

    from handlers.context import Context, Services
    from handlers.identity import Asker
    from handlers.replies.language import Speech
    from storage.accounts import Account

P = TypeVar("P", bound=Press)


async def pressed(
    update: Update, context: Context, kind: type[P], *, however_late: bool = False
) -> tuple[CallbackQuery, P, Asker] | None:
    """Return a query still to be answered, what its button carries, and who pressed it.

    One that comes from nowhere is answered here, and None; so is one that lay here while the bot
    was away, unless it is meant `however_late`.

    Our buttons stand under messages in chats. A made-up press may come from an inline
    message, which has no chat.
    """
    query = update.callback_query
    if query is None:
        return None
    press, asker = kind.decode(query.data), await meet(update, context.services)
    if press is None or asker is None:
        await context.services.outbox.answer(query.id)
        return None
    if came_late(asker, context.services.clock()) and not however_late:
        await _ask_again(query, asker, context.services)
        return None
    return query, press, asker


async def _ask_again(query: CallbackQuery, asker: Asker, services: Services) -> None:
    """Say that nothing came of a press, so that nobody pays for a stale wish."""
    text = asker.speech.gettext("That was long ago. Tap again if you still want it.")
    await services.outbox.answer(query.id, text)
    if asker.chat.is_private:
        # Telegram shows no answer to a press that is minutes old
        await services.outbox.say(asker.chat, text)


async def pressed_by_operator(
    update: Update, context: Context, kind: type[P]
) -> tuple[CallbackQuery, P, Asker] | None:
    """Return an operator's press, still to be answered; anybody else's is answered, and None."""
    found = await pressed(update, context, kind)
    if found is None:
        return None
    query, _, asker = found
    if not asker.is_admin:
        note = asker.speech.gettext("That is not yours to decide.")
        await context.services.outbox.answer(query.id, note)
        return None
    return found


def not_yours(owner: Account, speech: Speech) -> str:
    """Say to a presser that a button belongs to somebody else.

    Who writes as a group or a channel presses as themselves: nobody can tell who they are.
    """
    if owner.is_person:
        return speech.gettext("This one is somebody else's. Use /video for your own.")
    return speech.gettext(
        "This was asked in the name of a group or channel, which cannot press. "
        "Send the command instead."
    )
