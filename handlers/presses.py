"""Presses of buttons: decoding, the single answer, and confirmation of irreversible acts."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from telegram import InlineKeyboardMarkup, Message
from telegram.ext import CallbackQueryHandler

from handlers.replies.keyboards import Abort, Button, Confirm, carries_button, keyboard
from handlers.replies.texts import sanitize, truncate
from handlers.routing import Router, access_refusal
from handlers.senders import PressAnswer, identify_sender
from storage import people

if TYPE_CHECKING:
    from collections.abc import Iterable

    from telegram import CallbackQuery, Update

    from handlers.context import Context, Services
    from handlers.replies.keyboards import CallbackData
    from handlers.replies.texts import Translator
    from handlers.routing import Route
    from handlers.senders import Sender
    from storage.ledger import Account


MAX_NAME_LENGTH = 40
"""Characters of a name on a button."""

router = Router()


def handler(routers: Iterable[Router]) -> CallbackQueryHandler[Context, None]:
    """Return the handler of all presses; unknown data is of an older version, or forged."""
    routes = {
        route.press.prefix: route for router in routers for route in router.buttons if route.press
    }

    async def handle(update: Update, context: Context) -> None:
        query = update.callback_query
        if query is None:
            return
        answer = PressAnswer(query)
        sure = Confirm.decode(query.data)
        data = sure.meant if sure else query.data or ""
        route = routes.get(data.partition(":")[0])
        press = route.press.decode(data) if route and route.press else None
        is_lost = context.services.is_lost(query.message)
        if route is None or press is None or is_lost:
            language = context.services.languages.translator(query.from_user.language_code)
            old = (
                language.gettext(
                    "I have lost what happened around the time of this button. Please ask me again."
                )
                if is_lost
                else language.gettext("This button is old. Send me the idea again.")
            )
            await answer.give(old, alert=is_lost)
            return
        try:
            # a forged press may come from outside a chat, and has no sender then
            sender = await identify_sender(update, context.services, answer)
            if sender is not None:
                await _answer_press(
                    route, update, context, sender, query=query, press=press, sure=sure
                )
        except Exception:
            await answer.give()
            raise
        await answer.give()

    return CallbackQueryHandler(handle)


async def _answer_press(
    route: Route, update: Update, context: Context, sender: Sender,
    *, query: CallbackQuery, press: CallbackData, sure: Confirm | None,
) -> None:  # fmt: skip
    """Refuse a press, ask to confirm it, or run its route."""
    message = query.message
    # a client may send any data
    is_shown = message is not None and carries_button(message, sure or press)
    shown = message.message_id if message is not None and is_shown else None
    if text := access_refusal(sender, route.admission, context.services):
        await sender.answer(text, alert=True)
        if sender.is_late and sender.chat.is_private:
            # Telegram shows no answer to a press that is minutes old
            await sender.reply(text)
    elif sure is None and (yes := route.admission.get("confirm_label")):
        named = await _format_label(context.services, press, sender.translator.gettext(yes))
        await ask_to_confirm(sender, query, press, named)
    elif shown is None and route.is_shown:
        await sender.answer(sender.translator.gettext("This button is old."))
    else:
        known = {"press": press, "query": query, "shown": shown, "sure": sure is not None}
        await route.run(update, context, sender, **known)
        if sure is not None and "confirm_label" in route.admission:
            await _change_question(sender, query)


async def _format_label(services: Services, press: CallbackData, yes: str) -> str:
    """Return the label of a confirmation, with fields of the press, and a person's `{name}`."""
    about: dict[str, object] = dataclasses.asdict(press)
    if (person := about.get("person")) and isinstance(person, int):
        async with services.db.reading() as connection:
            name = await people.name_and_id(connection, person)
        about["name"] = sanitize(truncate(name, MAX_NAME_LENGTH))
    return yes.format(**about)


async def ask_to_confirm(
    sender: Sender, query: CallbackQuery, press: CallbackData, yes: str
) -> None:
    """Ask below the pressed message to confirm an act that cannot be undone."""
    await sender.answer()
    act, _, number = press.encode().partition(":")
    keep = Button(sender.translator.gettext("Keep"), Abort())
    await _change_question(
        sender, query, Button(yes, Confirm(act, int(number)), style="danger"), keep
    )


async def _change_question(sender: Sender, query: CallbackQuery, *row: Button) -> None:
    """Replace the question below the pressed message by `row`."""
    message = query.message
    # a forged press may name any message
    if message is None or not (row or carries_button(message, Abort())):
        return
    shown, asked = pressed_message(query), keyboard([row])
    markup = shown.reply_markup if shown else None
    rows = [
        buttons
        for buttons in (markup.inline_keyboard if markup else ())
        if not any(Abort.decode(button.callback_data) for button in buttons)
    ]
    rows += asked.inline_keyboard if asked else ()
    markup = InlineKeyboardMarkup(rows) if rows else None
    await sender.outbox.change_buttons(sender.chat, message.message_id, markup)


@router.button(Abort, when_off=True, when_banned=True, even_late=True)
async def keep(sender: Sender, query: CallbackQuery) -> None:
    """Remove the question: the act is not wanted."""
    await _change_question(sender, query)


def pressed_message(query: CallbackQuery | None) -> Message | None:
    """Return the message of a pressed button, or None if Telegram no longer gives its content."""
    return query.message if query is not None and isinstance(query.message, Message) else None


def not_yours(owner: Account, translator: Translator) -> str:
    """Tell a presser that a button belongs to somebody else.

    People who write as a group or channel press as themselves, so they cannot be recognized.
    """
    if owner.is_person:
        return translator.gettext("This one is somebody else's. Use /video for your own.")
    return translator.gettext(
        "A group or channel asked for this, and it cannot tap buttons. Send the command instead."
    )
