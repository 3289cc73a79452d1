"""The sender of an update: person or chat, place and access; identified once per update."""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from functools import partial
from typing import TYPE_CHECKING, Unpack

import telegram

from handlers.replies.keyboards import Button
from handlers.replies.outbox import SentMessage
from handlers.replies.sending import Refused, SendError, translate_errors
from handlers.replies.texts import cancelled_text, sanitize
from storage import SHARED_IDS, cards, chats, generations, people, videos
from storage.chats import ChatKind
from storage.generations import State
from storage.ledger import Account

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from handlers.context import OperatorPolicy, Services
    from handlers.replies.outbox import MessageOptions, Outbox
    from handlers.replies.texts import Translator
    from storage.cards import Card
    from storage.chats import Chat, Group
    from storage.database import Connection
    from storage.generations import Generation
    from storage.people import Person

ALBUM = "album:"
"""Prefix of the cause that all messages of an album share."""
STALE_MESSAGE_SECONDS = 900.0
"""Age from which a message needs a confirmation before it costs."""
PRESS_KEPT_SECONDS = 150.0
"""How long Telegram keeps a press that the bot does not fetch."""


logger = logging.getLogger(__name__)


class Access(Enum):
    """What a sender may do."""

    MEMBER = auto()
    """Everything."""
    STRANGER = auto()
    """Everything except ordering: the operator limits it to others."""
    BANNED = auto()
    """Nothing."""


@dataclass(slots=True, eq=False)
class PressAnswer:
    """The answer to a press: the first one given is sent, later ones are ignored."""

    query: telegram.CallbackQuery
    is_given: bool = False

    async def give(self, text: str = "", *, alert: bool = False) -> None:
        """Stop the button's spinner, and show `text` if there is any; failures are logged."""
        if self.is_given:
            return
        self.is_given = True
        try:
            with translate_errors():
                await self.query.answer(text[:200] or None, show_alert=alert)
        except SendError as error:
            logger.info("a tap is not answered: %r", error)


@dataclass(slots=True, eq=False)
class EditedCard:
    """The open card of a message that was edited; deleted unless a new text replaces it.

    An edit orders nothing: the new text is put on the card, and waits for a tap.
    """

    card: Card
    is_replaced: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """The sender of a message or press; `person` is None for anonymous admins and channels."""

    chat: Chat
    thread_id: int | None
    account: Account
    person: Person | None
    translator: Translator
    is_admin: bool
    access: Access
    banned_for: str | None
    """The reason of their ban, if an admin gave one."""
    group: Group | None
    """The group's settings, None in a private chat."""
    is_late: bool
    """Whether the update waited so long that they may not want it any more."""
    is_excess: bool
    """Whether this is the last update before others over the rate limit were dropped."""
    press: PressAnswer | None
    """The answer to their press, which only they see; None for messages."""
    closed: Card | None
    """Their question or card that was open until this message closed it."""
    edited: EditedCard | None
    """The card of the message they edited, if it still waits for a tap."""
    outbox: Outbox = field(repr=False)
    current_access: Callable[[Connection], Awaitable[tuple[Access, str | None]]] = field(repr=False)
    """Reads their access anew, and the reason of a ban."""

    @property
    def name(self) -> str:
        """The name to address them by."""
        return sanitize(self.person.name if self.person else self.chat.title)

    async def reply(self, text: str, **how: Unpack[MessageOptions]) -> SentMessage:
        """Reply where they wrote, else in their private chat (see `Outbox.tell`)."""
        person = self.person.id if self.person else None
        return await self.outbox.tell(self.chat, person, text, thread_id=self.thread_id, **how)

    async def reply_about_order(self, text: str, **how: Unpack[MessageOptions]) -> SentMessage:
        """Reply about an order; if its message was edited, the reply replaces its card."""
        if self.edited is not None:
            self.edited.is_replaced = True
            if (message_id := self.edited.card.card_message) is not None:
                try:
                    await self.outbox.edit(self.chat, message_id, text, how.get("buttons", ()))
                except Refused:
                    # deleted, or it asks for a reply: such messages cannot be edited
                    await self.delete_card(self.edited.card)
                else:
                    return SentMessage(self.chat, message_id)
        return await self.reply(text, **how)

    async def show(
        self,
        text: str,
        buttons: Sequence[Sequence[Button]],
        message_id: int | None,
        picture: bytes | None = None,
        reply_to: int | None = None,
    ) -> SentMessage:
        """Edit a message of the bot, or reply if there is none or it cannot be edited."""
        if message_id is not None:
            try:
                await self.outbox.edit(self.chat, message_id, text, buttons, picture=picture)
            except Refused:
                pass  # deleted, or too old to be changed
            else:
                return SentMessage(self.chat, message_id)
        return await self.reply(text, buttons=buttons, picture=picture, reply_to=reply_to)

    async def invite(self, payload: str, message_id: int, text: str = "") -> None:
        """Reply in a group with a button that starts the bot in private with `payload`.

        `text` replaces the default text, and is read by everybody in the group.
        """
        await self.reply(
            text or self.translator.gettext("I answer that only in our private chat."),
            buttons=[[self.private_button(payload)]],
            reply_to=message_id,
        )

    def private_button(self, payload: str) -> Button:
        """Return the button that starts the bot in private with `payload`."""
        opens = f"{self.outbox.link}?start={payload}"
        return Button(self.translator.gettext("Open in private"), url=opens)

    async def answer(self, text: str = "", *, alert: bool = False) -> None:
        """Answer their press, if there is one that is not answered yet."""
        if self.press is not None:
            await self.press.give(text, alert=alert)

    async def delete_card(self, card: Card) -> None:
        """Delete the message of a card; errors are ignored, as old cards answer as old."""
        if card.card_message is not None:
            with suppress(SendError):
                await self.outbox.delete(self.chat, card.card_message)

    async def remove_cards(self, services: Services, *closed: Card | None) -> None:
        """Delete the messages of closed cards.

        One that took the place of an order says instead that the order was cancelled, unless the
        card was started. A new message says it if the order had only a reaction.
        """
        for card in filter(None, closed):
            order = None if card.state == "started" else await _order_before(services, card)
            if order is None:
                await self.delete_card(card)
            else:
                with suppress(SendError):
                    text = cancelled_text(self.translator, order.credits)
                    await self.show(text, (), card.card_message, reply_to=card.message_id)


async def _order_before(services: Services, card: Card) -> Generation | None:
    """Return the order that was cancelled when a card took its place, or None."""
    async with services.db.reading() as connection:
        order = await generations.by_cause(connection, card.cause)
    if order is None or order.state is not State.CANCELLED:
        return None
    # the sender was told of one that was cancelled before
    return order if order.changed_at >= card.created_at else None


def cause_of(message: telegram.Message) -> str:
    """Return a message's key as the cause of an order, which makes repeated updates harmless.

    All messages of an album have the same key.
    """
    if message.media_group_id is not None:
        return f"{ALBUM}{message.chat.id}:{message.media_group_id}"
    return f"message:{message.chat.id}:{message.message_id}"


async def identify_sender(
    update: telegram.Update, services: Services, press: PressAnswer | None = None
) -> Sender | None:
    """Return the sender of an update, or None if it has none that the bot can answer.

    A new sender or chat is stored first; changed names are stored with a later commit. A new
    message closes the sender's open question or card, whatever it says. An edit stores nobody.
    """
    place, speaker = update.effective_chat, _speaker(update)
    if place is None or speaker is None or place.is_direct_messages:
        # the bot cannot answer direct messages to a channel
        return None
    if not {place.type, getattr(speaker, "type", place.type)} <= set(ChatKind):
        return None  # a kind of chat that Telegram added later
    async with services.db.reading() as connection:
        sender = await _load_sender(connection, update, services, press)
    if update.edited_message is not None:
        return sender
    if sender is not None and (sender.closed is None or sender.closed.state != "open"):
        return sender
    async with services.db.transaction() as tx:
        if sender is None:
            before = await chats.by_telegram_id(tx, place.id)
            await _save_sender(place, speaker, services.clock(), tx)
            sender = await _load_sender(tx, update, services, press)
            lost = before is not None and before.is_private and not before.reachable
            if lost and sender and sender.access is not Access.BANNED:
                # they could not be reached before
                for video in await videos.kept_for(tx, sender.account, now=services.clock()):
                    services.deliver_kept(video, sender.chat)
        if sender is not None and sender.closed is not None and update.message is not None:
            await cards.close_open(tx, sender.chat.id, sender.account, by=cause_of(update.message))
        return sender


def _speaker(update: telegram.Update) -> telegram.User | telegram.Chat | None:
    """Return the person, or the chat in whose name they write; None for bots and shared ids.

    A message counts as the group's only if Telegram signs it with the group. Presses are always
    by persons, even those of anonymous admins.
    """
    message, user = update.effective_message, update.effective_user
    if message is not None and update.callback_query is None:
        if message.is_automatic_forward:
            # a channel's post in the group for its comments: nobody there wrote it
            return None
        if message.sender_chat is not None:
            return message.sender_chat
    if user is None or user.is_bot or user.id in SHARED_IDS:
        # an anonymous admin, or a bot that runs the group, takes us in or throws us out
        return None if update.my_chat_member is None else update.effective_chat
    return user


async def _save_sender(
    place: telegram.Chat, speaker: telegram.User | telegram.Chat, now: float, tx: Connection
) -> None:
    """Store the sender and the chat, with their current names."""
    for chat in {place, speaker} if isinstance(speaker, telegram.Chat) else {place}:
        title = chat.effective_name or ""
        await chats.upsert(tx, chat.id, kind=ChatKind(chat.type), title=title, now=now)
    if isinstance(speaker, telegram.User):
        await people.upsert(
            tx,
            speaker.id,
            name=speaker.first_name,
            username=speaker.username,
            language=speaker.language_code,
            now=now,
        )


async def _load_sender(
    connection: Connection, update: telegram.Update, services: Services, press: PressAnswer | None
) -> Sender | None:
    """Return the sender, or None if they or the chat are not stored yet."""
    place, speaker = update.effective_chat, _speaker(update)
    if place is None or speaker is None:
        return None
    known = await chats.by_telegram_id(connection, place.id)
    if known is None or not known.reachable or (known.kind != place.type and not known.moved_at):
        return None
    chat = replace(known, title=place.effective_name or "")
    person, before, renamed = None, None, False
    if isinstance(speaker, telegram.User):
        before = await people.find(connection, speaker.id)
        if before is None:
            return None
        person = replace(
            before,
            name=speaker.first_name,
            username=speaker.username,
            language=before.spoken or speaker.language_code or before.language,
        )
        account = Account.person(person.id)
    else:
        owner = await chats.by_telegram_id(connection, speaker.id)
        if owner is None:
            return None
        account = Account.chat(owner.id)
        renamed = owner.title != (speaker.effective_name or "")
    if renamed or (chat, person) != (known, before):
        services.db.defer(partial(_save_sender, place, speaker, services.clock()))
    policy, message = services.policy, update.effective_message
    is_admin = person is not None and (person.id in policy.admin_ids or person.is_admin)
    said_at = (
        services.received_at(update.update_id)
        if update.message is None
        else update.message.date.timestamp() + max(0.0, services.clock_ahead())
    )
    closed = card = None
    if update.message is not None:
        closed = await cards.to_close(connection, chat.id, account, by=cause_of(update.message))
    elif (edit := update.edited_message) is not None:
        closed = await cards.closed_by(connection, cause_of(edit))
        card = await cards.of_message(connection, chat.id, account, cause_of(edit))
        # only one message of an album has the caption
        if card is not None and edit.media_group_id and card.message_id != edit.message_id:
            card = None
    current_access = partial(_access_of, policy, place.id, speaker, is_admin)
    access, banned_for = await current_access(connection)
    in_topic = message is not None and bool(getattr(message, "is_topic_message", False))
    return Sender(
        chat=chat,
        thread_id=getattr(message, "message_thread_id", None) if in_topic else None,
        account=account,
        person=person,
        translator=services.languages.translator(person.language if person else None),
        is_admin=is_admin,
        access=access,
        banned_for=banned_for,
        current_access=current_access,
        group=None if chat.is_private else await chats.group_of(connection, chat.id),
        is_late=_is_stale(services, said_at),
        is_excess=services.is_excess(update.update_id),
        press=press,
        closed=closed,
        edited=EditedCard(card) if card is not None else None,
        outbox=services.outbox,
    )


def _is_stale(services: Services, said_at: float | None) -> bool:
    """Whether a request may be unwanted by now: it is old, or was done before a restore.

    `said_at` is None for a press, whose time Telegram does not tell; it keeps none longer than
    `PRESS_KEPT_SECONDS`.
    """
    now, restored_at = services.clock(), services.restored_at
    if said_at is None:
        return now - restored_at < PRESS_KEPT_SECONDS
    return now - said_at > STALE_MESSAGE_SECONDS or said_at < restored_at


async def _access_of(
    policy: OperatorPolicy,
    place: int,
    speaker: telegram.User | telegram.Chat,
    is_admin: bool,
    connection: Connection,
) -> tuple[Access, str | None]:
    """Return a speaker's access in a chat, by their Telegram ids, and the reason of a ban.

    The reason is None without a ban, or if the admin gave none.
    """
    # an admin may have been banned before becoming one
    if await people.any_banned(connection, {place} if is_admin else {place, speaker.id}):
        ban = await people.ban_of(connection, speaker.id)
        return Access.BANNED, ban.reason if ban else None
    if not policy.allowed_ids or is_admin:
        return Access.MEMBER, None
    ids = {place, speaker.id} if isinstance(speaker, telegram.User) else {place}
    if ids & policy.allowed_ids or await people.any_allowed(connection, ids):
        return Access.MEMBER, None
    return Access.STRANGER, None
