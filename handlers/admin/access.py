"""/allow, /deny, /ban and /unban: who may use the bot.

An admin names a person or chat by id, by @name, or by replying to a message forwarded from them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from telegram import MessageOrigin, MessageOriginChannel, MessageOriginChat, MessageOriginUser

from generation.jobs import lifecycle
from generation.orders.reading import read_number
from handlers.admin.records import record
from handlers.commands import BY_NAME
from handlers.membership import leave_with_goodbye
from handlers.replies.letting_in import BanChat
from handlers.replies.more_credits import LetBuy
from handlers.replies.texts import N_, truncate
from handlers.routing import Router
from storage import SHARED_IDS, audit, chats, generations, notices, payments, people
from storage.generations import State
from storage.ledger import Account
from storage.notices import Notice, NoticeKind
from storage.people import Ban

if TYPE_CHECKING:
    from collections.abc import Sequence

    from telegram import Message

    from handlers.context import Context, Services
    from handlers.replies.texts import Translator
    from handlers.senders import Sender
    from storage.chats import Chat
    from storage.database import Connection

router = Router()


MAX_REASON_LENGTH = 100
"""Characters of a ban's reason that are stored: it is shown in answers to presses."""


def read_who(word: str) -> int | str | None:
    """Read an @name, returned without its @, or an id, negative for a group; None for neither."""
    if word.startswith("@"):
        return word[1:] or None
    number = read_number(word.removeprefix("-"))
    if not number:
        return None
    return -number if word.startswith("-") else number


def target_of_reply(message: Message | None) -> int | None:
    """Return the id of a message's author, of a forwarded one its first, or its chat of origin."""
    if message is None:
        return None
    origin, user = message.forward_origin, message.from_user
    match origin:
        case MessageOriginChat(sender_chat=chat) | MessageOriginChannel(chat=chat):
            return chat.id
        case MessageOriginUser():
            user = origin.sender_user
        case MessageOrigin():
            user = None
    return None if user is None or user.is_bot or user.id in SHARED_IDS else user.id


async def find_id(services: Services, who: int | str) -> int | None:
    """Return an id, looked up for an @name; None for a shared id, or if its owner never wrote."""
    if isinstance(who, int):
        return None if who in SHARED_IDS else who
    async with services.db.reading() as connection:
        person = await people.by_username(connection, who)
    return person.id if person else None


def unknown_text(who: int | str, translator: Translator) -> str:
    """Say that a name or id is not known, and what to use instead."""
    _ = translator.gettext
    if isinstance(who, str):
        text = _("I don't know @{who}: they have never written to me. Their numeric id works too.")
    elif who in SHARED_IDS:
        text = _(
            "Many people on Telegram share the id {who}. Use the id of their group or channel."
        )
    else:
        text = _("I don't know the chat {who}. Add me there first.")
    return text.format(who=who)


async def _read_target(
    command: str, sender: Sender, message: Message, words: Sequence[str], services: Services
) -> tuple[int, str] | None:
    """Return the id a command names, and the words after it; None after telling what is wrong."""
    who = read_who(words[0]) if words else None
    if who is None and (author := target_of_reply(message.reply_to_message)) is not None:
        return author, " ".join(words)
    number = None if who is None else await find_id(services, who)
    if number is None:
        usage = sender.translator.gettext(
            "Write {command}\n"
            "WHO: an id (a group's is below zero) or an @name.\n"
            "\n"
            "Or forward a message of theirs here and reply to it with the command."
        ).format(command=f"/{command} {BY_NAME[command].arguments}")
        await sender.reply(usage if who is None else unknown_text(who, sender.translator))
        return None
    return number, " ".join(words[1:])


async def _read_allowed(
    command: str, sender: Sender, message: Message, words: Sequence[str], services: Services
) -> int | None:
    """Return the id a command names; None after telling why /allow and /deny do not change it."""
    found = await _read_target(command, sender, message, words, services)
    if found is None or found[0] not in services.policy.allowed_ids:
        return found and found[0]
    _ = sender.translator.gettext
    text = {
        "allow": _("{number} is in ALLOWED_IDS already."),
        "deny": _("{number} is in ALLOWED_IDS. Remove it there and restart."),
    }[command]
    await sender.reply(text.format(number=found[0]))
    return None


@router.command("allow")
async def allow(
    sender: Sender, message: Message, words: Sequence[str], cause: str, services: Services
) -> None:
    """Allow a person or chat to use the bot."""
    number = await _read_allowed("allow", sender, message, words, services)
    if number is None:
        return
    async with services.db.transaction() as tx:
        is_banned = await people.any_banned(tx, {number})
        if not is_banned:
            await grant_access(tx, services, sender, number, cause)
    if is_banned:
        await sender.reply(banned_text(number, sender.translator))
    else:
        text = sender.translator.gettext("{number} may use this bot.")
        await _confirm(sender, services, text.format(number=number))


def banned_text(number: int, translator: Translator) -> str:
    """Say that a person or chat is banned, and how to undo it."""
    text = translator.gettext("{number} is banned. /unban {number} takes it back.")
    return text.format(number=number)


async def grant_access(
    tx: Connection, services: Services, admin: Sender, who: int, cause: str
) -> bool:
    """Allow a person or chat, and owe them a notice; False if the same cause did it before."""
    if not await record(tx, services, admin, cause, "allow", whom=who):
        return False
    now, by = services.clock(), admin.account.id
    is_news = await people.allow(tx, who, cause=cause, by=by, now=now)
    if is_news and services.policy.allowed_ids:
        await _tell(services, tx, who, NoticeKind.LET_IN, f"{cause}:told")
    return True


@router.command("deny")
async def deny(
    sender: Sender, message: Message, words: Sequence[str], cause: str, services: Services
) -> None:
    """Undo an allow."""
    _ = sender.translator.gettext
    number = await _read_allowed("deny", sender, message, words, services)
    if number is None:
        return
    async with services.db.transaction() as tx:
        denied = await people.deny(tx, number)
        was_allowed = await _record_act(
            tx, "deny", sender, cause, services, whom=number, news=denied
        )
    text = (
        _("{number} may not use this bot any more.")
        if was_allowed
        else _("{number} was not allowed by /allow. Nothing changed.")
    )
    await _confirm(sender, services, text.format(number=number))


async def _owe_ban_notice(tx: Connection, ban: Ban, cause: str) -> None:
    """Owe a banned person a notice, unless the cancellation of a queued request tells them."""
    if ban.telegram_id < 0 or await people.find(tx, ban.telegram_id) is None:
        return
    chat = await chats.private_chat(tx, ban.telegram_id, now=ban.at)
    waiting = await generations.pending_of(tx, Account.person(ban.telegram_id))
    if not any(one.chat == chat.id and one.state is State.QUEUED for one in waiting):
        await owe_notice(tx, chat, NoticeKind.BANNED, f"{cause}:banned", ban.at, reason=ban.reason)


async def _tell(services: Services, tx: Connection, who: int, kind: NoticeKind, cause: str) -> None:
    """Owe a person or group a notice about an admin's decision, if the bot knows their chat."""
    now, chat = services.clock(), await chats.by_telegram_id(tx, who)
    if chat is None and who > 0 and await people.find(tx, who) is not None:
        chat = await chats.private_chat(tx, who, now=now)
    if chat is not None:
        await owe_notice(tx, chat, kind, cause, now, alone=chat.is_private)
        services.wake(chat.id)


async def owe_notice(
    tx: Connection, chat: Chat, kind: NoticeKind, cause: str, now: float, **facts: Any
) -> bool:
    """Owe a chat a notice; False if the same cause owes it already."""
    person = chat.telegram_id if chat.is_private else None
    notice = Notice(cause=cause, chat=chat.id, kind=kind, facts=facts, person=person)
    return await notices.owe(tx, notice, now=now)


async def _record_act(
    tx: Connection, act: str, admin: Sender, cause: str, services: Services,
    *, whom: int, news: bool,
) -> bool:  # fmt: skip
    """Record an act; return whether this update changed something, now or before a crash."""
    details = "" if news else audit.UNCHANGED
    await record(tx, services, admin, cause, act, whom=whom, details=details)
    return await audit.did(tx, cause)


async def _confirm(sender: Sender, services: Services, text: str) -> None:
    """Confirm a decision, or say that it has no effect while everyone is allowed."""
    if not services.policy.allowed_ids:
        text = sender.translator.gettext(
            "Saved. But ALLOWED_IDS is empty, so everyone can use this bot. To stop one person, "
            "use /ban."
        )
    await sender.reply(text)


@router.command("ban")
async def ban(
    sender: Sender, message: Message, words: Sequence[str], cause: str, context: Context
) -> None:
    """Ban a person or chat."""
    found = await _read_target("ban", sender, message, words, context.services)
    if found is not None:
        number, reason = found
        await sender.reply(await apply_ban(context, sender, number, cause, reason))


@router.command("unban")
async def unban(
    sender: Sender, message: Message, words: Sequence[str], cause: str, services: Services
) -> None:
    """Undo the ban of a person or chat."""
    if (found := await _read_target("unban", sender, message, words, services)) is not None:
        await sender.reply(await apply_unban(services, sender, found[0], cause))


async def apply_unban(services: Services, admin: Sender, who: int, cause: str) -> str:
    """Undo a ban and owe the person a notice; return the text that says what was done."""
    _ = admin.translator.gettext
    async with services.db.transaction() as tx:
        unbanned = await people.unban(tx, who)
        was_banned = await _record_act(tx, "unban", admin, cause, services, whom=who, news=unbanned)
        if unbanned and who > 0:
            await _tell(services, tx, who, NoticeKind.UNBANNED, f"{cause}:unbanned")
    text = (
        _("{number} is welcome again.")
        if was_banned
        else _("{number} was not banned. Nothing changed.")
    )
    return text.format(number=who)


async def find_chat(sender: Sender, services: Services, number: int) -> Chat | None:
    """Return the chat of an admin's button, or None after telling them that it is gone."""
    async with services.db.reading() as connection:
        chat = await chats.find(connection, number)
    if chat is None:
        await sender.answer(sender.translator.gettext("That chat is gone."))
    return chat


@router.button(BanChat, admins=True, confirm_label=N_("Yes, ban"))
async def ban_chat(sender: Sender, press: BanChat, cause: str, context: Context) -> None:
    """Ban the chat that added the bot, and leave it."""
    chat = await find_chat(sender, context.services, press.chat)
    if chat is not None:
        await sender.answer(await apply_ban(context, sender, chat.telegram_id, cause), alert=True)


async def apply_ban(context: Context, admin: Sender, who: int, cause: str, reason: str = "") -> str:
    """Ban a person or chat, cancel their queued requests, and leave the chat.

    Returns the text that says what was done. A second time changes nothing.
    """
    services, _, now = context.services, admin.translator.gettext, context.services.clock()
    stored = truncate(reason, MAX_REASON_LENGTH)
    new = Ban(telegram_id=who, by=admin.account.id, at=now, reason=stored or None)
    async with services.db.transaction() as tx:
        if who in services.policy.admin_ids.union(await people.admins(tx)):
            return _("{number} runs this bot, so there is no banning them.").format(number=who)
        is_news = await people.ban(tx, new, cause=cause)
        existing = await people.ban_of(tx, who)
        chat = await chats.by_telegram_id(tx, who)
        if is_news and await record(tx, services, admin, cause, "ban", whom=who, details=stored):
            await _owe_ban_notice(tx, new, cause)
        stopped = await lifecycle.cancel_queued(tx, who, now=now, why=new.reason)
    lifecycle.log_steps(stopped)
    for step in stopped:
        services.wake(step.after.chat)
    if chat is not None and not chat.is_private:
        await leave_with_goodbye(context, chat)
    elif chat is not None:
        services.wake(chat.id)
    if is_news:
        return banned_text(who, admin.translator)
    if existing is not None and existing.reason:
        text = _("{number} is banned already: {reason}")
        return text.format(number=who, reason=existing.reason)
    return _("{number} is banned already.").format(number=who)


@router.button(LetBuy, admins=True)
async def let_buy(sender: Sender, press: LetBuy, cause: str, services: Services) -> None:
    """Let a person buy again after Telegram took a payment of theirs back."""
    async with services.db.transaction() as tx:
        if await payments.forgive(tx, press.person):
            await record(tx, services, sender, cause, "unban", whom=press.person, details="/buy")
    await sender.answer(sender.translator.gettext("Saved."))
