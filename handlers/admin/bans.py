"""/ban and /unban: shut a person or chat out, and let them back in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from generation.jobs import cancellation
from handlers.admin.access import read_id
from handlers.groups import arrival
from handlers.replies.notices import BanChat
from handlers.replies.texts import shortened
from handlers.routing import Router
from storage import bans, chats, people
from storage.bans import Ban

if TYPE_CHECKING:
    from collections.abc import Sequence

    from handlers.context import Context, Services
    from handlers.identity import Sender
    from handlers.replies.language import Translator
    from storage.people import Person

router = Router()

LONGEST_REASON = 100
"""Characters of it that are kept: it is read back in an answer to a press."""


@router.command("ban")
async def ban(
    sender: Sender, words: Sequence[str], admin: Person, cause: str, context: Context
) -> None:
    """Shut a person or chat out for an admin."""
    number = read_id(words[:1])
    if number is None:
        text = sender.translator.gettext(
            "Write /ban and the number of a person, or of a group (below zero), "
            "and why if you like."
        )
    else:
        reason = shortened(" ".join(words[1:]), LONGEST_REASON) or None
        now = context.services.clock()
        shut_out = Ban(telegram_id=number, by=admin.id, at=now, reason=reason)
        text = await carry_out(context, shut_out, cause, sender.translator)
    await sender.reply(text)


@router.command("unban")
async def unban(sender: Sender, words: Sequence[str], services: Services) -> None:
    """Let a person or chat back in for an admin."""
    say, number = sender.translator.gettext, read_id(words)
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
    await sender.reply(text)


@router.button(BanChat, admins=True)
async def ban_chat(
    sender: Sender, press: BanChat, admin: Person, cause: str, context: Context
) -> None:
    """Shut out the chat that took the bot in, and leave it."""
    services = context.services
    async with services.db.reading() as connection:
        chat = await chats.find(connection, press.chat)
    if chat is None:
        await sender.answer(sender.translator.gettext("That chat is gone."))
        return
    shut_out = Ban(telegram_id=chat.telegram_id, by=admin.id, at=services.clock())
    text = await carry_out(context, shut_out, cause, sender.translator)
    await sender.answer(text, alert=True)


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
