"""The beginning of every press: what the button carries, and who pressed it where."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from handlers.away import came_late
from handlers.identity import meet
from handlers.replies.keyboards import CallbackData

if TYPE_CHECKING:
    from telegram import CallbackQuery, Update

    from handlers.context import Context, Services
    from handlers.identity import Sender
    from handlers.replies.language import Translator
    from storage.accounts import Account

P = TypeVar("P", bound=CallbackData)


async def pressed(
    update: Update, context: Context, kind: type[P], *, however_late: bool = False
) -> tuple[CallbackQuery, P, Sender] | None:
    """Return a query still to be answered, what its button carries, and who pressed it.

    One that comes from nowhere is answered here, and None; so is one that lay here while the bot
    was away, unless it is meant `however_late`.

    Our buttons stand under messages in chats. A made-up press may come from an inline
    message, which has no chat.
    """
    query = update.callback_query
    if query is None:
        return None
    press, sender = kind.decode(query.data), await meet(update, context.services)
    if press is None or sender is None:
        await context.services.outbox.answer(query.id)
        return None
    if came_late(sender, context.services.clock()) and not however_late:
        await _ask_again(query, sender, context.services)
        return None
    return query, press, sender


async def _ask_again(query: CallbackQuery, sender: Sender, services: Services) -> None:
    """Say that nothing came of a press, so that nobody pays for a stale wish."""
    text = sender.translator.gettext("That was long ago. Tap again if you still want it.")
    await services.outbox.answer(query.id, text)
    if sender.chat.is_private:
        # Telegram shows no answer to a press that is minutes old
        await services.outbox.say(sender.chat, text)


async def pressed_by_operator(
    update: Update, context: Context, kind: type[P]
) -> tuple[CallbackQuery, P, Sender] | None:
    """Return an operator's press, still to be answered; anybody else's is answered, and None."""
    found = await pressed(update, context, kind)
    if found is None:
        return None
    query, _, sender = found
    if not sender.is_admin:
        note = sender.translator.gettext("That is not yours to decide.")
        await context.services.outbox.answer(query.id, note)
        return None
    return found


def not_yours(owner: Account, translator: Translator) -> str:
    """Say to a presser that a button belongs to somebody else.

    Who writes as a group or a channel presses as themselves: nobody can tell who they are.
    """
    if owner.is_person:
        return translator.gettext("This one is somebody else's. Use /video for your own.")
    return translator.gettext(
        "This was asked in the name of a group or channel, which cannot press. "
        "Send the command instead."
    )
