"""A group takes the bot in, sends it away, or becomes a supergroup."""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

from telegram import ChatMember
from telegram.ext import (
    BaseHandler,
    CallbackQueryHandler,
    ChatMemberHandler,
    MessageHandler,
    filters,
)

from generation.alarms import Alarms
from handlers import introduction, kept, limit
from handlers.identity import is_banned, is_let_in, meet
from handlers.pressing import pressed_by_operator
from handlers.replies.newcomers import Leave, LetIn, Pool
from handlers.replies.outcomes import SendError, translated
from handlers.standing import lacking
from storage import access, chats, people
from storage.chats import ChatKind

if TYPE_CHECKING:
    from telegram import CallbackQuery, Update

    from handlers.context import Context
    from handlers.identity import Asker
    from storage.chats import Chat

_GROUPS = frozenset({ChatKind.GROUP, ChatKind.SUPERGROUP})
"""Where people may ask for videos: a greeting in a channel would be read by thousands."""
_AWAY = frozenset({ChatMember.LEFT, ChatMember.BANNED})

P = TypeVar("P", LetIn, Leave, Pool)

logger = logging.getLogger(__name__)


async def standing_changed(update: Update, context: Context) -> None:
    """Note where the bot can speak; greet a group that took it in, once."""
    change, services = update.my_chat_member, context.services
    if change is None:
        return
    async with services.db.reading() as connection:
        before = await chats.by_telegram_id(connection, change.chat.id)
    asker = await meet(update, services)
    if asker is None:
        return
    gone = change.new_chat_member.status in _AWAY
    async with services.db.transaction() as tx:
        await chats.set_reachable(tx, asker.chat.id, reachable=not gone)
    if not gone:
        # what could not be sent meanwhile
        services.wake(asker.chat.id)
        await kept.offer(services, asker)
    # a supergroup that was a group a moment ago takes the bot in too, and knows it already
    is_new = before is None or not before.reachable
    came = change.old_chat_member.status in _AWAY and not gone
    if came and is_new and asker.chat.kind in _GROUPS:
        await _arrive(update, context, asker)


async def _arrive(update: Update, context: Context, asker: Asker) -> None:
    """Greet the group, or wait for the operator to let the bot in; tell the operator.

    Where the group, or who took the bot in, is banned, it leaves at once.
    """
    services, cause = context.services, f"update:{update.update_id}"
    if await is_banned(asker, services):
        await depart(context, asker.chat)
        return
    if services.house.allowed_ids and asker.is_admin and asker.person is not None:
        async with services.db.transaction() as tx:
            await access.allow(
                tx,
                asker.chat.telegram_id,
                cause=cause,
                by=asker.person.id,
                now=services.clock(),
            )
    waits = not await is_let_in(asker, services)
    async with services.db.reading() as connection:
        nobody = not services.house.admin_ids and not await people.admins(connection)
    if waits and nobody:
        await depart(context, asker.chat, asker.speech.gettext("I am private. Goodbye!"))
        return
    await _tell_operator(context, asker, cause, waits=waits)
    if waits:
        hello = asker.speech.gettext("Thank you for having me! I wait for my owner to let me in.")
        await services.outbox.say(asker.chat, hello)
    else:
        await greet(context, asker.chat)


async def greet(context: Context, chat: Chat) -> None:
    """Say hello and what to do, with advice where something is off."""
    services = context.services
    speech = services.languages.speech(None)
    hello = introduction.hello_group(speech)
    advice = await lacking(context.bot, chat, speech)
    await services.outbox.say(chat, "\n\n".join([hello, *advice]))


async def _tell_operator(context: Context, asker: Asker, cause: str, *, waits: bool) -> None:
    services, person = context.services, asker.person
    try:
        with translated():
            members = await context.bot.get_chat_member_count(asker.chat.telegram_id)
    except SendError:
        members = 0
    by = asker.name if person is None or not person.username else f"@{person.username}"
    async with services.db.transaction() as tx:
        told = await Alarms(services.house.admin_ids).ring(
            tx,
            "added",
            cause=cause,
            now=services.clock(),
            group=asker.chat.id,
            title=asker.chat.title,
            members=members,
            by=by,
            waits=waits,
        )
    for chat in told:
        services.wake(chat)


async def _operator(
    update: Update, context: Context, kind: type[P]
) -> tuple[CallbackQuery, Chat, Asker] | None:
    """Return an operator's press still to be answered, and the group it is about."""
    found, services = await pressed_by_operator(update, context, kind), context.services
    if found is None:
        return None
    query, press, asker = found
    async with services.db.reading() as connection:
        group = await chats.find(connection, press.chat)
    if group is None:
        await services.outbox.answer(query.id, asker.speech.gettext("That is not yours to decide."))
        return None
    return query, group, asker


async def let_in(update: Update, context: Context) -> None:
    """Let a waiting group in and greet it."""
    found, services = await _operator(update, context, LetIn), context.services
    if found is None:
        return
    query, group, asker = found
    async with services.db.transaction() as tx:
        news = await access.allow(
            tx,
            group.telegram_id,
            cause=f"update:{update.update_id}",
            by=query.from_user.id,
            now=services.clock(),
        )
    await services.outbox.answer(query.id, asker.speech.gettext("They may use this bot."))
    if news:
        await greet(context, group)


async def leave(update: Update, context: Context) -> None:
    """Leave a group politely."""
    found, services = await _operator(update, context, Leave), context.services
    if found is None:
        return
    query, group, asker = found
    await services.outbox.answer(query.id, asker.speech.gettext("I am leaving."))
    speech = services.languages.speech(None)
    await depart(context, group, speech.gettext("My owner calls me away. Goodbye!"))


async def pool(update: Update, context: Context) -> None:
    """Show an operator how a group is given a pool."""
    found, services = await _operator(update, context, Pool), context.services
    if found is None:
        return
    query, group, asker = found
    await services.outbox.answer(query.id)
    await services.outbox.say(asker.chat, limit.usage(asker.speech, group.telegram_id))


async def depart(context: Context, chat: Chat, goodbye: str = "") -> None:
    """Leave a group, with a word where there is one to say."""
    services = context.services
    if goodbye:
        with suppress(SendError):
            await services.outbox.say(chat, goodbye)
    with suppress(SendError), translated():
        await context.bot.leave_chat(chat.telegram_id)
    async with services.db.transaction() as tx:
        await chats.set_reachable(tx, chat.id, reachable=False)


async def moved(update: Update, context: Context) -> None:
    """Follow a group that became a supergroup; both chats say so, and once is enough."""
    message, services = update.message, context.services
    if message is None:
        return
    old = message.migrate_from_chat_id or message.chat.id
    new = message.migrate_to_chat_id or message.chat.id
    async with services.db.transaction() as tx:
        known = await chats.by_telegram_id(tx, old)
        chat = (
            await chats.by_telegram_id(tx, new)
            if known is None
            else await chats.move(tx, known.id, new)
        )
    if chat is not None:
        logger.info("chat %d is a supergroup now", chat.id)
        services.wake(chat.id)


def handlers() -> list[BaseHandler[Update, Context, None]]:
    """Return what follows the bot's comings and goings."""
    return [
        ChatMemberHandler(standing_changed, ChatMemberHandler.MY_CHAT_MEMBER),
        MessageHandler(filters.StatusUpdate.MIGRATE, moved),
        CallbackQueryHandler(let_in, pattern=LetIn.matches),
        CallbackQueryHandler(leave, pattern=Leave.matches),
        CallbackQueryHandler(pool, pattern=Pool.matches),
    ]
