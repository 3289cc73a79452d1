"""/ban and /unban: shut a person or chat out, and let them back in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telegram.ext import BaseHandler, CallbackQueryHandler

from generation import recalls
from handlers import groups
from handlers.admin import admin_of, read_id
from handlers.commands import on
from handlers.pressing import pressed_by_operator
from handlers.replies.newcomers import BanChat
from handlers.replies.words import shortened
from storage import bans, chats, people
from storage.bans import Ban

if TYPE_CHECKING:
    from telegram import Update

    from handlers.context import Context, Services
    from handlers.identity import Asker
    from handlers.replies.language import Speech

LONGEST_REASON = 100
"""Characters of it that are kept: it is read back in an answer to a press."""


def refusal(asker: Asker, services: Services) -> str:
    """Say to somebody banned that they are; "" where others would read it."""
    if not asker.chat.is_private and not asker.pressed:
        return ""
    text = asker.speech.gettext("You cannot make videos with this bot any more.")
    contact = services.house.support_contact
    if contact is None:
        return text
    return f"{text} {asker.speech.gettext('Questions? {contact}').format(contact=contact)}"


async def ban(update: Update, context: Context) -> None:
    """Shut a person or chat out for an admin."""
    found, services = await admin_of(update, context), context.services
    if found is None:
        return
    asker, admin = found
    words = context.args or []
    number = read_id(words[:1])
    if number is None:
        text = asker.speech.gettext(
            "Write /ban and the number of a person, or of a group (below zero), "
            "and why if you like."
        )
    else:
        reason = shortened(" ".join(words[1:]), LONGEST_REASON) or None
        shut_out = Ban(telegram_id=number, by=admin.id, at=services.clock(), reason=reason)
        text = await carry_out(context, shut_out, f"update:{update.update_id}", asker.speech)
    await services.outbox.say(asker.chat, text, thread_id=asker.thread_id)


async def unban(update: Update, context: Context) -> None:
    """Let a person or chat back in for an admin."""
    found, services = await admin_of(update, context), context.services
    if found is None:
        return
    asker, _ = found
    say, number = asker.speech.gettext, read_id(context.args or [])
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
    await services.outbox.say(asker.chat, text, thread_id=asker.thread_id)


async def ban_chat(update: Update, context: Context) -> None:
    """Shut out the chat that took the bot in, and leave it."""
    found, services = await pressed_by_operator(update, context, BanChat), context.services
    if found is None:
        return
    query, press, asker = found
    async with services.db.reading() as connection:
        chat = await chats.find(connection, press.chat)
    if chat is None:
        await services.outbox.answer(query.id, asker.speech.gettext("That chat is gone."))
        return
    shut_out = Ban(telegram_id=chat.telegram_id, by=query.from_user.id, at=services.clock())
    text = await carry_out(context, shut_out, f"update:{update.update_id}", asker.speech)
    await services.outbox.answer(query.id, text, alert=True)


async def carry_out(context: Context, shut_out: Ban, cause: str, speech: Speech) -> str:
    """Ban, give back what waits, and leave where it is a chat; say what was done.

    Doing it again changes nothing.
    """
    services, who, say = context.services, shut_out.telegram_id, speech.gettext
    async with services.db.transaction() as tx:
        if who in services.house.admin_ids.union(await people.admins(tx)):
            return say("{number} runs this bot, so there is no banning them.").format(number=who)
        news = await bans.ban(tx, shut_out, cause=cause)
        before = await bans.find(tx, who)
        stopped = await recalls.stop_waiting(tx, who, now=shut_out.at)
        chat = await chats.by_telegram_id(tx, who)
    for one in stopped:
        services.wake(one.chat)
    if chat is not None and not chat.is_private:
        await groups.depart(context, chat)
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
