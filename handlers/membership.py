"""Groups: their admins, the bot's rights, their limits on orders, their pool, and leaving."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from telegram import ChatMemberAdministrator, ChatMemberOwner, ChatMemberRestricted, ChatPermissions

from generation.orders import balances
from handlers.replies.sending import SendError, translate_errors
from handlers.replies.texts import sanitize, videos, worth
from storage import chats, statistics
from storage.chats import GENERAL, Asking, Group

if TYPE_CHECKING:
    from telegram.ext import ExtBot

    from handlers.context import Context, Services
    from handlers.replies.sending import Urgency
    from handlers.replies.texts import Translator
    from handlers.senders import Sender
    from storage.chats import Chat

RIGHTS_CACHE_SECONDS = 60.0
"""How long the bot's right to send videos in a group is cached."""
_RUNS_IT = (ChatMemberOwner, ChatMemberAdministrator)


async def is_group_admin(bot: ExtBot[Urgency], sender: Sender) -> bool:
    """Whether the sender is an admin of the group; one who writes as the group is."""
    if sender.chat.is_private:
        return False
    if sender.person is None:
        return sender.account.id == sender.chat.id
    try:
        with translate_errors():
            member = await bot.get_chat_member(sender.chat.telegram_id, sender.person.id)
    except SendError:
        return False
    return isinstance(member, _RUNS_IT)


async def rights_advice(bot: ExtBot[Urgency], chat: Chat, translator: Translator) -> list[str]:
    """Return what to change in a group so that the bot can do all it offers; may be empty."""
    _ = translator.gettext
    try:
        with translate_errors():
            # not cached: privacy mode may have been changed since the start
            hears_all = (await bot.get_me()).can_read_all_group_messages
            runs_it, rights = await _bot_rights(bot, chat)
    except SendError:
        return []
    if runs_it:
        return []
    missing = _missing(rights, translator)
    found = [missing] if missing else []
    if not hears_all:
        found.append(
            _(
                "If @{name} in a reply to a photo should work too, make me an admin here, or ask "
                "my owner to turn privacy mode off (@BotFather, /setprivacy) and to add me again."
            ).format(name=bot.username)
        )
    return found


async def missing_video_right(context: Context, sender: Sender) -> str | None:
    """Return which right the bot lacks to send videos in a group, or None if it lacks none.

    None is also returned if Telegram does not tell. That it lacks none is cached for
    `RIGHTS_CACHE_SECONDS`.
    """
    known, now = context.chat_data, context.services.clock()
    if known is None or now < known.get("shows videos until", 0.0):
        return None
    try:
        with translate_errors():
            runs_it, rights = await _bot_rights(context.bot, sender.chat)
    except SendError:
        return None
    missing = None if runs_it else _missing(rights, sender.translator)
    if missing is None:
        known["shows videos until"] = now + RIGHTS_CACHE_SECONDS
    return missing


def forget_rights(context: Context) -> None:
    """Clear the cached rights of the bot in a group, because they changed."""
    if context.chat_data is not None:
        context.chat_data.pop("shows videos until", None)


async def _bot_rights(
    bot: ExtBot[Urgency], chat: Chat
) -> tuple[bool, ChatMemberRestricted | ChatPermissions | None]:
    """Return whether the bot is an admin of a group, and its rights if it is not."""
    me = await bot.get_chat_member(chat.telegram_id, bot.id)
    if isinstance(me, _RUNS_IT):
        return True, None
    if isinstance(me, ChatMemberRestricted):
        return False, me
    return False, (await bot.get_chat(chat.telegram_id)).permissions


def _missing(
    rights: ChatMemberRestricted | ChatPermissions | None, translator: Translator
) -> str | None:
    """Return which right to send videos is missing, or None."""
    _ = translator.gettext
    # a right that Telegram does not tell (None) is not called missing
    if rights is not None and rights.can_send_messages is False:
        return _("I am not allowed to write here. Let members send messages, or make me an admin.")
    if rights is not None and rights.can_send_videos is False:
        return _(
            "I am not allowed to send videos here. Let members send videos, or make me an admin."
        )
    return None


async def leave_with_goodbye(context: Context, chat: Chat, goodbye: str = "") -> None:
    """Leave a group, after a goodbye if there is one."""
    services = context.services
    with suppress(SendError):
        await services.outbox.leave_group(chat, goodbye)
    async with services.db.transaction() as tx:
        await chats.set_reachable(tx, chat.id, reachable=False)


async def group_refusal(context: Context, sender: Sender, group: Group) -> str | None:
    """Return why a group's settings refuse an order of the sender, or None if they do not.

    The sender's membership and videos of today are looked up only if the settings need them.
    """
    services, text = context.services, None
    _, zone = sender.translator.gettext, services.terms.zone
    if group.asking is Asking.ADMINS and not await is_group_admin(context.bot, sender):
        text = _("In this group only admins can order videos. You can order in our private chat.")
    elif group.thread_id is not None and group.thread_id != (sender.thread_id or GENERAL):
        text = (
            _("In this group I work in one topic only, and this is another one.")
            if group.topic is None
            else _("In this group I work only in the topic “{topic}”.").format(
                topic=sanitize(group.topic)
            )
        )
    elif group.is_quiet(zone, services.clock()):
        text = _(
            "Quiet hours here until {hour}:00 ({zone}). You can go on in our private chat."
        ).format(hour=group.quiet_until, zone=zone.key)
    elif group.per_day is not None and await _asked_today(services, sender) >= group.per_day:
        text = _(
            "That was your last video in this group for today. You can go on in our private chat."
        )
    return text


async def _asked_today(services: Services, sender: Sender) -> int:
    async with services.db.reading() as connection:
        return await statistics.asked_since(
            connection, sender.account, sender.chat.id, since=services.today()
        )


async def pool_text(services: Services, sender: Sender) -> str:
    """Describe what is left of the pool of the sender's group; return "" if it has none."""
    translator, cost, now = sender.translator, services.usual_cost, services.clock()
    _, ngettext = translator.gettext, translator.ngettext
    async with services.db.reading() as connection:
        pool = await balances.pool(connection, sender.chat.id, sender.account, services.terms, now)
    if pool is None:
        return ""
    if pool.bought > 0:
        lines = [_("This group has {left}.").format(left=worth(translator, pool.total, cost))]
        bought = ngettext(
            "{count} of them was bought and does not expire.",
            "{count} of them were bought and do not expire.",
            pool.bought,
        ) if pool.left else _("They do not expire.")  # fmt: skip
        lines.append(bought)
    else:
        left = (
            _("This group has {left} of {all} left, about {videos}.")
            if pool.left >= cost
            else _("This group has {left} of {all} left.")
        )
        lines = [
            left.format(
                left=translator.credits(pool.left),
                all=translator.number(pool.size),
                videos=videos(translator, pool.left // cost),
            )
        ]
    if pool.share is not None:
        share = translator.number(pool.share)
        lines.append(_("Each member may use {share} of them.").format(share=share))
    if pool.renews_at is not None:
        when = translator.time_until(pool.renews_at - now)
        renews = ngettext(
            "It gets {count} free credit again {when}.",
            "It gets {count} free credits again {when}.",
            pool.size, when=when,
        ) if pool.bought > 0 else _("They renew {when}.").format(when=when)  # fmt: skip
        lines.append(renews)
    if pool.bought < 0:
        owed = translator.credits(-pool.bought)
        lines.append(
            _("What is bought next first pays {owed}: a payment went back that was used.").format(
                owed=owed
            )
        )
    return " ".join(lines)
