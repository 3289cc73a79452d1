"""/ban and /unban: shut a person or chat out, and let them back in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telegram.ext import BaseHandler, CallbackQueryHandler

from generation.jobs import cancellation
from handlers.admin.access import admin_of, read_id
from handlers.commands import on
from handlers.groups import arrival
from handlers.replies.notices import BanChat
from handlers.replies.texts import shortened
from handlers.routing import pressed_by_operator
from storage import bans, chats, people
from storage.bans import Ban

if TYPE_CHECKING:
    from telegram import Update

    from handlers.context import Context, Services
    from handlers.identity import Sender
    from handlers.replies.language import Translator

LONGEST_REASON = 100
"""Characters of it that are kept: it is read back in an answer to a press."""


def refusal(sender: Sender, services: Services) -> str:
    """Say to somebody banned that they are; "" where others would read it."""
    if not sender.chat.is_private and not sender.pressed:
        return ""
    text = sender.translator.gettext("You cannot make videos with this bot any more.")
    contact = services.policy.support_contact
    if contact is None:
        return text
    return f"{text} {sender.translator.gettext('Questions? {contact}').format(contact=contact)}"


async def ban(update: Update, context: Context) -> None:
    """Shut a person or chat out for an admin."""
    found, services = await admin_of(update, context), context.services
    if found is None:
        return
    sender, admin = found
    words = context.args or []
    number = read_id(words[:1])
    if number is None:
        text = sender.translator.gettext(
            "Write /ban and the number of a person, or of a group (below zero), "
            "and why if you like."
        )
    else:
        reason = shortened(" ".join(words[1:]), LONGEST_REASON) or None
        shut_out = Ban(telegram_id=number, by=admin.id, at=services.clock(), reason=reason)
        text = await carry_out(context, shut_out, f"update:{update.update_id}", sender.translator)
    await services.outbox.say(sender.chat, text, thread_id=sender.thread_id)


async def unban(update: Update, context: Context) -> None:
    """Let a person or chat back in for an admin."""
    found, services = await admin_of(update, context), context.services
    if found is None:
        return
    sender, _ = found
    say, number = sender.translator.gettext, read_id(context.args or [])
    if number is None:
        text = say("Write /unban and the number that was banned.")
    else:
        async with services.db.transaction() as tx:
            was_banned = await bans.lift(tx, number)
        text = (
            say("{number} is welcome again.")
            if was_banned
            else say("{number} was not banned; nothing changed.")
        ).format(number=number)
    await services.outbox.say(sender.chat, text, thread_id=sender.thread_id)


async def ban_chat(update: Update, context: Context) -> None:
    """Shut out the chat that took the bot in, and leave it."""
    found, services = await pressed_by_operator(update, context, BanChat), context.services
    if found is None:
        return
    query, press, sender = found
    async with services.db.reading() as connection:
        chat = await chats.find(connection, press.chat)
    if chat is None:
        await services.outbox.answer(query.id, sender.translator.gettext("That chat is gone."))
        return
    shut_out = Ban(telegram_id=chat.telegram_id, by=query.from_user.id, at=services.clock())
    text = await carry_out(context, shut_out, f"update:{update.update_id}", sender.translator)
    await services.outbox.answer(query.id, text, alert=True)


async def carry_out(context: Context, shut_out: Ban, cause: str, translator: Translator) -> str:
    """Ban, give back what waits, and leave where it is a chat; say what was done.

    Doing it again changes nothing.
    """
    services, who, say = context.services, shut_out.telegram_id, translator.gettext
    async with services.db.transaction() as tx:
        if who in services.policy.admin_ids.union(await people.admins(tx)):
            return say("{number} runs this bot, so there is no banning them.").format(number=who)
        news = await bans.ban(tx, shut_out, cause=cause)
        before = await bans.find(tx, who)
        stopped = await cancellation.stop_waiting(tx, who, now=shut_out.at)
        chat = await chats.by_telegram_id(tx, who)
    for one in stopped:
        services.wake(one.chat)
    if chat is not None and not chat.is_private:
        await arrival.depart(context, chat)
    if news:
        text = say("{number} is banned. /unban {number} takes it back.")
    elif before is not None and before.reason:
        text = say("{number} is banned already: {reason}")
    else:
        text = say("{number} is banned already.")
    return text.format(number=who, reason=before.reason if before else "")


def handlers() -> list[BaseHandler[Update, Context, None]]:
    """Return what answers /ban, /unban and the button that bans a group."""
    return [
        on("ban", ban),
        on("unban", unban),
        CallbackQueryHandler(ban_chat, pattern=BanChat.matches),
    ]
