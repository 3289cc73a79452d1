"""Who is speaking, where, and whose credits they spend."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from storage import access, bans, chats, people
from storage.accounts import Account
from storage.chats import ChatKind

if TYPE_CHECKING:
    import telegram
    from aiosqlite import Connection

    from handlers.context import Services
    from handlers.replies.language import Translator
    from storage.chats import Chat
    from storage.people import Person

SHARED_IDS = frozenset({1087968824, 136817688, 777000})
"""Telegram's stand-ins for anonymous admins, channels and itself: nobody's, so never an owner."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Somebody who spoke or pressed; `person` is None for anonymous admins and channels."""

    chat: Chat
    thread_id: int | None
    account: Account
    person: Person | None
    translator: Translator
    is_admin: bool
    pressed: bool
    """Whether they pressed a button: only they read what answers that."""
    said_at: float | None
    """When they wrote, in seconds since 1970; of a press, known only where it was left over."""

    @property
    def name(self) -> str:
        """What to call them."""
        return self.person.name if self.person else self.chat.title


async def meet(update: telegram.Update, services: Services) -> Sender | None:
    """Bring what is known of the speaker and the place up to date; None for updates of neither."""
    place, message, now = update.effective_chat, update.effective_message, services.clock()
    if place is None:
        return None
    async with services.db.transaction() as tx:
        chat = await chats.seen(
            tx,
            place.id,
            kind=ChatKind(place.type),
            title=place.effective_name or "",
            now=now,
        )
        person, account = await _speaker(tx, update, chat, now)
        is_admin = person is not None and (
            person.id in services.policy.admin_ids or person.is_admin
        )
    in_topic = message is not None and bool(getattr(message, "is_topic_message", False))
    return Sender(
        chat=chat,
        thread_id=getattr(message, "message_thread_id", None) if in_topic else None,
        account=account,
        person=person,
        translator=services.languages.translator(person.language if person else None),
        is_admin=is_admin,
        pressed=update.callback_query is not None,
        said_at=services.kept_since(update.update_id)
        if update.message is None
        else update.message.date.timestamp(),
    )


async def _speaker(
    tx: Connection, update: telegram.Update, chat: Chat, now: float
) -> tuple[Person | None, Account]:
    # whoever presses a button does so as themselves, even an anonymous admin
    pressed = update.callback_query is not None
    message, user = update.effective_message, update.effective_user
    voice = None if pressed or message is None else message.sender_chat
    if user is not None and voice is None and user.id not in SHARED_IDS and not user.is_bot:
        person = await people.seen(
            tx,
            user.id,
            name=user.first_name,
            username=user.username,
            language=user.language_code,
            now=now,
        )
        return person, Account.person(person.id)
    if voice is not None and voice.id != chat.telegram_id:
        owner = await chats.seen(
            tx, voice.id, kind=ChatKind(voice.type), title=voice.effective_name or "", now=now
        )
        return None, Account.chat(owner.id)
    return None, Account.chat(chat.id)


def _numbers(sender: Sender) -> set[int]:
    """Return the ids at Telegram that stand for somebody: their own, and the chat's."""
    return {sender.chat.telegram_id} | ({sender.person.id} if sender.person else set())


async def is_banned(sender: Sender, services: Services) -> bool:
    """Whether somebody, or the chat they speak in, was shut out; nobody who runs the bot is."""
    ids = _numbers(sender)
    if sender.is_admin and sender.person is not None:
        # they may have been shut out before they ran it
        ids.discard(sender.person.id)
    async with services.db.reading() as connection:
        if not sender.account.is_person:
            voice = await chats.find(connection, sender.account.id)
            ids |= {voice.telegram_id} if voice else set()
        return await bans.any_banned(connection, ids)


async def is_let_in(sender: Sender, services: Services) -> bool:
    """Whether somebody who is not banned may order: everyone, unless the operator named who may."""
    allowed = services.policy.allowed_ids
    if not allowed or sender.is_admin:
        return True
    ids = _numbers(sender)
    if ids & allowed:
        return True
    async with services.db.reading() as connection:
        return await access.any_allowed(connection, ids)
