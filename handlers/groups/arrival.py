"""Group membership of the bot: it is added or removed, or a group becomes a supergroup."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from telegram import ChatMember
from telegram.ext import ChatMemberHandler, MessageHandler, filters

from handlers.admin.access import find_chat
from handlers.admin.limits import show_pool
from handlers.admin.records import record
from handlers.membership import forget_rights, leave_with_goodbye, rights_advice
from handlers.replies.keyboards import Button, CallbackData
from handlers.replies.letting_in import AllowGroup, Leave, ShowPool
from handlers.replies.sending import SendError, translate_errors
from handlers.replies.texts import sanitize
from handlers.routing import Router
from handlers.senders import Access, identify_sender
from handlers.videos.history import send_undelivered
from storage import DAY_SECONDS, chats, notices, people
from storage.chats import ChatKind
from storage.notices import Notice, NoticeKind

if TYPE_CHECKING:
    from telegram import Update

    from handlers.context import Context, Services
    from handlers.senders import Sender
    from storage.chats import Chat

router = Router()

_GROUPS = frozenset({ChatKind.GROUP, ChatKind.SUPERGROUP})
"""Kinds of chats that are greeted: in a channel, a greeting would reach thousands of people."""
_AWAY = frozenset({ChatMember.LEFT, ChatMember.BANNED})

logger = logging.getLogger(__name__)


async def _follow_membership(update: Update, context: Context) -> None:
    """Store whether the bot can write to a chat; greet a group that added it, once."""
    change, services = update.my_chat_member, context.services
    if change is None:
        return
    async with services.db.reading() as connection:
        before = await chats.by_telegram_id(connection, change.chat.id)
    sender = await identify_sender(update, services)
    if sender is None:
        return
    is_gone = change.new_chat_member.status in _AWAY
    forget_rights(context)
    async with services.db.transaction() as tx:
        await chats.set_reachable(tx, sender.chat.id, reachable=not is_gone)
    if not is_gone:
        # sends what could not be sent meanwhile
        services.wake(sender.chat.id)
        if sender.access is not Access.BANNED:
            await send_undelivered(services, sender)
    # a group that becomes a supergroup adds the bot too, but was greeted before
    is_new = before is None or not before.reachable
    is_added = change.old_chat_member.status in _AWAY and not is_gone
    if is_added and is_new and sender.chat.kind in _GROUPS:
        await _join(update, context, sender)


async def _join(update: Update, context: Context, sender: Sender) -> None:
    """Greet the group, or wait until the operator allows it; tell the operator.

    If the group, or the person who added the bot, is banned, the bot leaves at once.
    """
    services, cause = context.services, f"update:{update.update_id}"
    if sender.access is Access.BANNED:
        await leave_with_goodbye(context, sender.chat)
        return
    if services.policy.allowed_ids and sender.is_admin and sender.person is not None:
        async with services.db.transaction() as tx:
            await people.allow(
                tx, sender.chat.telegram_id, cause=cause, by=sender.person.id, now=services.clock()
            )
    is_waiting = sender.access is Access.STRANGER
    async with services.db.reading() as connection:
        has_no_admin = not services.policy.admin_ids and not await people.admins(connection)
    if is_waiting and has_no_admin:
        await leave_with_goodbye(
            context, sender.chat, sender.translator.gettext("This bot is private. Goodbye!")
        )
        return
    await _tell_operator(context, sender, waits=is_waiting)
    if sender.person is not None and sender.group is not None and not sender.group.language:
        async with services.db.transaction() as tx:
            await chats.choose(tx, sender.chat.id, language=sender.person.language)
    if is_waiting:
        hello = sender.translator.gettext(
            "Thank you for adding me! My owner has to allow this group first."
        )
        await sender.reply(hello)
    else:
        await greet(context, sender.chat)


async def greet(context: Context, chat: Chat) -> None:
    """Send the greeting, with advice if the bot lacks a permission."""
    services = context.services
    async with services.db.reading() as connection:
        group = await chats.group_of(connection, chat.id)
    # messages to all members are in the group's language
    translator = services.languages.translator(group.language)
    hello = translator.gettext(
        "Hello! /video and your idea makes a short video; reply /animate to a photo to bring it "
        "to life. It uses your own daily credits. Admins: /settings."
    )
    advice = await rights_advice(context.bot, chat, translator)
    await services.outbox.send_text(chat, "\n\n".join([hello, *advice]))


async def _tell_operator(context: Context, sender: Sender, *, waits: bool) -> None:
    """Owe the admins a notice about a group, at most once a day."""
    services, person = context.services, sender.person
    now = services.clock()
    try:
        with translate_errors():
            members = int(await context.bot.get_chat_member_count(sender.chat.telegram_id))
    except SendError:
        members = 0
    by = sender.name if person is None or not person.username else f"@{person.username}"
    async with services.db.transaction() as tx:
        # if too many ask in a day, the others are found in the list of groups in /admin
        await services.admins.ask(
            tx, NoticeKind.ADDED, cause=f"added:{sender.chat.id}:{now // DAY_SECONDS:.0f}", now=now,
            group=sender.chat.id, title=sanitize(sender.chat.title), members=members, by=by,
            waits=waits,
        )  # fmt: skip


@router.button(AllowGroup, admins=True)
async def allow_group(sender: Sender, press: AllowGroup, cause: str, context: Context) -> None:
    """Allow a waiting group and greet it."""
    services = context.services
    group = await find_chat(sender, services, press.chat)
    if group is None:
        return
    async with services.db.transaction() as tx:
        now, who = services.clock(), group.telegram_id
        is_news = await people.allow(tx, who, cause=cause, by=sender.account.id, now=now)
        if is_news:
            await record(tx, services, sender, cause, "allow", whom=who)
    await sender.answer(sender.translator.gettext("They may use this bot."))
    if is_news:
        await greet(context, group)


UNDO_LEAVE_SECONDS = 5.0
"""How long leaving a group can be undone: the bot cannot add itself again."""


@router.button(Leave, admins=True)
async def leave_group(sender: Sender, press: Leave, cause: str, services: Services) -> None:
    """Leave a group after a goodbye, unless it is undone in time."""
    group, now = await find_chat(sender, services, press.chat), services.clock()
    if group is None:
        return
    wait = UNDO_LEAVE_SECONDS if services.policy.undo_seconds else 0.0
    goodbye = Notice(cause=f"{cause}:leave", chat=group.id, kind=NoticeKind.GOODBYE, facts={})
    async with services.db.transaction() as tx:
        if await record(tx, services, sender, cause, "leave", whom=group.telegram_id):
            await notices.owe(tx, goodbye, now=now, due_at=now + wait)
    services.wake_in(group.id, wait)
    await sender.answer()
    text = sender.translator.gettext("I leave {title} in {time}.").format(
        title=sanitize(group.title), time=sender.translator.duration(max(1.0, wait))
    )
    undo = Button(sender.translator.gettext("Undo"), _StayIn(group.id))
    await sender.reply(text, buttons=[[undo]])


class _StayIn(CallbackData, prefix="stayin"):
    chat: int


@router.button(_StayIn, admins=True)
async def stay_in_group(
    sender: Sender, press: _StayIn, shown: int | None, cause: str, services: Services
) -> None:
    """Undo leaving a group, if the bot has not left yet."""
    _, group = sender.translator.gettext, await find_chat(sender, services, press.chat)
    if group is None:
        return
    async with services.db.transaction() as tx:
        is_undone = await notices.withdraw(tx, group.id, NoticeKind.GOODBYE)
        if is_undone:
            who = group.telegram_id
            await record(tx, services, sender, cause, "leave", whom=who, details="undone")
    text = _("I stay in {title}.") if is_undone else _("I have left {title} already.")
    await sender.answer()
    await sender.show(text.format(title=sanitize(group.title)), (), shown)


@router.button(ShowPool, admins=True)
async def show_group_pool(sender: Sender, press: ShowPool, services: Services) -> None:
    """Show an admin a group's pool, with buttons that change it."""
    group = await find_chat(sender, services, press.chat)
    if group is not None:
        await sender.answer()
        await show_pool(services, sender, group)


async def _follow_migration(update: Update, context: Context) -> None:
    """Store the new id of a group that became a supergroup; both chats report it."""
    message, services = update.message, context.services
    if message is None:
        return
    old = message.migrate_from_chat_id or message.chat.id
    new = message.migrate_to_chat_id or message.chat.id
    async with services.db.reading() as connection:
        known = await chats.by_telegram_id(connection, old)
        chat = await chats.by_telegram_id(connection, new)
    if known is not None:
        chat = await chats.move(services.db, known.id, new, now=services.clock())
    if old in services.policy.allowed_ids:
        async with services.db.transaction() as tx:
            await services.admins.notify_of_move(tx, old, new, now=services.clock())
    if chat is not None:
        logger.info("chat %d is a supergroup now", chat.id)
        services.wake(chat.id)


router.handlers += [
    ChatMemberHandler(_follow_membership, ChatMemberHandler.MY_CHAT_MEMBER),
    MessageHandler(filters.StatusUpdate.MIGRATE, _follow_migration),
]
