"""Senders: who wrote or pressed, where, and what they may do; met once for each update."""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from functools import partial
from typing import TYPE_CHECKING, Unpack

import telegram

from generation.jobs import lifecycle
from handlers.replies.keyboards import Button
from handlers.replies.outbox import SentMessage
from handlers.replies.sending import Refused, SendError, translate_errors
from handlers.replies.texts import unlinked
from storage import SHARED_IDS, cards, chats, generations, people, videos
from storage.cards import CardKind, Draft
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
    from storage.people import Person

ALBUM = "album:"
"""How the cause begins that all messages of an album share."""
STALE_MESSAGE_SECONDS = 900.0
"""How old an order may be when it is read: older ones are asked about before they cost."""
PRESS_KEPT_SECONDS = 150.0
"""How long Telegram keeps a press that nobody takes."""


logger = logging.getLogger(__name__)


class Access(Enum):
    """What the operator allows somebody."""

    MEMBER = auto()
    """Everything."""
    STRANGER = auto()
    """Everything but ordering: the operator named who may, and they are not among them."""
    BANNED = auto()
    """Nothing."""


@dataclass(slots=True, eq=False)
class PressAnswer:
    """The one answer a pressed button gets: the first that is given."""

    query: telegram.CallbackQuery
    is_given: bool = False

    async def give(self, text: str = "", *, alert: bool = False) -> None:
        """Stop the button's spinner, with a word where there is one; nothing waits for it."""
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
    """The open card about a message that was edited; it goes where nothing stands in its place.

    An edit orders nothing: what the message says now is put on the card, to be tapped. An order
    that can still be undone is cancelled, and becomes such a card.
    """

    card: Card
    is_replaced: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Somebody who spoke or pressed; `person` is None for anonymous admins and channels."""

    chat: Chat
    thread_id: int | None
    account: Account
    person: Person | None
    translator: Translator
    is_admin: bool
    access: Access
    banned_for: str | None
    """Why an admin shut them out, where one said so."""
    group: Group | None
    """What the admins of the group chose where they speak in one."""
    is_late: bool
    """Whether it lay so long, while the bot was away, that they may not want it any more."""
    is_excess: bool
    """Whether they sent so much at once that what follows this was dropped unread."""
    press: PressAnswer | None
    """What answers their press, where they pressed a button: only they read it."""
    closed: Card | None
    """The question or card that was open between them and the bot until they wrote this."""
    edited: EditedCard | None
    """What waits for their tap on what they wrote before, where they edited it."""
    outbox: Outbox = field(repr=False)
    current_access: Callable[[Connection], Awaitable[tuple[Access, str | None]]] = field(repr=False)
    """Looks once more what they may do, and why they were shut out."""

    @property
    def name(self) -> str:
        """What to call them."""
        return unlinked(self.person.name if self.person else self.chat.title)

    async def reply(self, text: str, **how: Unpack[MessageOptions]) -> SentMessage:
        """Say something where they spoke, else alone with them (see `Outbox.tell`)."""
        person = self.person.id if self.person else None
        return await self.outbox.tell(self.chat, person, text, thread_id=self.thread_id, **how)

    async def tell(self, text: str, **how: Unpack[MessageOptions]) -> SentMessage:
        """Say something about an order; about an edited one, in the place of its card."""
        if self.edited is not None:
            self.edited.is_replaced = True
            if (message_id := self.edited.card.card_message) is not None:
                try:
                    await self.outbox.edit(self.chat, message_id, text, how.get("buttons", ()))
                except Refused:
                    # it is gone, or opens an answer: no such message can be changed
                    await self.take_away(self.edited.card)
                else:
                    return SentMessage(self.chat, message_id)
        return await self.reply(text, **how)

    async def show(
        self,
        text: str,
        buttons: Sequence[Sequence[Button]],
        message_id: int | None,
        picture: bytes | None = None,
    ) -> SentMessage:
        """Say something in a message of ours that is there already, or anew where it is gone."""
        if message_id is not None:
            try:
                await self.outbox.edit(self.chat, message_id, text, buttons, picture=picture)
            except Refused:
                pass  # deleted, or too old to be changed
            else:
                return SentMessage(self.chat, message_id)
        return await self.reply(text, buttons=buttons, picture=picture)

    async def invite(self, payload: str, message_id: int, text: str = "") -> None:
        """Say in a group that something is between them and the bot, with a button that opens it.

        The button starts the bot with `payload`; `text` is what everybody may read instead.
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
        """Answer their press, where they pressed and it is not answered yet."""
        if self.press is not None:
            await self.press.give(text, alert=alert)

    async def take_away(self, *gone: Card | None) -> None:
        """Delete the messages that show cards; one that stays is answered as old when pressed."""
        for card in gone:
            if card is not None and card.card_message is not None:
                with suppress(SendError):
                    await self.outbox.delete(self.chat, card.card_message)


def cause_of(message: telegram.Message) -> str:
    """Name a message as the cause of an order: Telegram repeats updates. An album is one cause."""
    if message.media_group_id is not None:
        return f"{ALBUM}{message.chat.id}:{message.media_group_id}"
    return f"message:{message.chat.id}:{message.message_id}"


async def identify_sender(
    update: telegram.Update, services: Services, press: PressAnswer | None = None
) -> Sender | None:
    """Return who speaks and where, as Telegram tells them now; None for updates of nobody.

    Whoever is new is written down first; another name of theirs, or of the place, soon. What was
    open between them and the bot is closed by a new message of theirs, whatever it says. Nobody is
    met by an edit.
    """
    place, speaker = update.effective_chat, _speaker(update)
    if place is None or speaker is None or place.is_direct_messages:
        # what is written to a channel is nothing a bot may answer
        return None
    if not {place.type, getattr(speaker, "type", place.type)} <= set(ChatKind):
        return None  # it is new at Telegram
    async with services.db.reading() as connection:
        sender = await _load_sender(connection, update, services, press)
    if (edit := update.edited_message) is not None:
        card = await _undo_order(services, sender, edit) if sender else None
        return replace(sender, edited=EditedCard(card)) if sender and card else sender
    if sender is not None and (sender.closed is None or sender.closed.state != "open"):
        return sender
    async with services.db.transaction() as tx:
        if sender is None:
            before = await chats.by_telegram_id(tx, place.id)
            await _save_sender(place, speaker, services.clock(), tx)
            sender = await _load_sender(tx, update, services, press)
            lost = before is not None and before.is_private and not before.reachable
            if lost and sender and sender.access is not Access.BANNED:
                # nothing reached them
                for video in await videos.kept_for(tx, sender.account, now=services.clock()):
                    services.bring(video, sender.chat)
        if sender is not None and sender.closed is not None and update.message is not None:
            await cards.close_open(tx, sender.chat.id, sender.account, by=cause_of(update.message))
        return sender


async def _undo_order(services: Services, sender: Sender, message: telegram.Message) -> Card | None:
    """Cancel the order of an edited message if it can be undone; return a card in its place.

    Also for an order that was cancelled already. The card takes over the status message.
    """
    # without a date, Telegram reports a change that nobody made
    if sender.edited or message.edit_date is None or sender.access is not Access.MEMBER:
        return None
    now, cause = services.clock(), cause_of(message)
    async with services.db.reading() as connection:
        order = await generations.by_cause(connection, cause)
    if order is not None and order.state is State.QUEUED and order.due_at > now:
        order = await lifecycle.cancel(services.db, order.id, sender.account, now=now)
    if order is None or order.state is not State.CANCELLED or order.account != sender.account:
        return None
    status = services.status.keep_message(order)
    services.wake(order.chat)
    draft = Draft(
        cause=cause,
        kind=CardKind.PICTURE if order.picture else CardKind.PROMPT,
        chat=sender.chat.id,
        thread_id=sender.thread_id,
        account=sender.account,
        message_id=order.message_id,
        prompt=order.prompt,
        picture=order.picture,
        picture_by=order.picture_by,
    )
    async with services.db.transaction() as tx:
        card, replaced = await cards.ask(tx, draft, now=now)
        if status is not None and card.state == "open":
            await cards.shown(tx, card.id, status)
    await sender.take_away(replaced)
    return replace(card, card_message=status) if card.state == "open" else None


def _speaker(update: telegram.Update) -> telegram.User | telegram.Chat | None:
    """Return the person, or the chat in whose name they write; bots and stand-ins are nobody.

    Only a message that Telegram signs with the group itself is the group's voice. Whoever presses
    a button does so as themselves, even an anonymous admin.
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
    """Write down who spoke and where, as Telegram tells them now."""
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
    """Return the sender; None where they, or the place, are not written down yet."""
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
        services.kept_since(update.update_id)
        if update.message is None
        else update.message.date.timestamp() + max(0.0, services.clock_ahead())
    )
    closed = card = None
    if update.message is not None:
        closed = await cards.to_close(connection, chat.id, account, by=cause_of(update.message))
    elif (edit := update.edited_message) is not None:
        closed = await cards.closed_by(connection, cause_of(edit))
        card = await cards.of_message(connection, chat.id, account, cause_of(edit))
        # of an album's pictures, one has the words
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
    """Whether something may be unwanted by now: it is old, or others may have done it.

    `said_at` is None for presses of now: nobody knows when one was made, but not long ago.
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
    """Return what somebody may do in a place, by the ids at Telegram that stand for them.

    For who is shut out, also why, where an admin said so.
    """
    # whoever runs the bot may have been shut out before they did
    if await people.any_banned(connection, {place} if is_admin else {place, speaker.id}):
        ban = await people.ban_of(connection, speaker.id)
        return Access.BANNED, ban.reason if ban else None
    if not policy.allowed_ids or is_admin:
        return Access.MEMBER, None
    ids = {place, speaker.id} if isinstance(speaker, telegram.User) else {place}
    if ids & policy.allowed_ids or await people.any_allowed(connection, ids):
        return Access.MEMBER, None
    return Access.STRANGER, None
