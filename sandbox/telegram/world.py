"""The server's chats: their members, messages and permissions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from sandbox.telegram.account import BotAccount
from sandbox.telegram.errors import ApiError, bad_request, forbidden
from sandbox.telegram.messages import Message

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sandbox.telegram.actors import Person, Topic
    from sandbox.telegram.messages import Button
    from sandbox.telegram.queries import Answer
    from sandbox.telegram.stars import StarPayment

_RIGHTS = {
    "text messages": "can_send_messages",
    "photos": "can_send_photos",
    "videos": "can_send_videos",
    "documents": "can_send_documents",
    "GIFs": "can_send_other_messages",
}
"""The permission needed for each kind of content, as refusals name it."""
ChatType = Literal["private", "group", "supergroup"]
BotStatus = Literal["member", "administrator", "kicked", "left"]


class World(BotAccount):
    """The state of the server; it outlives the bot's restarts."""

    def __init__(
        self, *, token: str, bot: Person, directory: Path, clock: Callable[[], float]
    ) -> None:
        super().__init__(token=token, bot=bot, directory=directory, clock=clock)
        self.people: dict[int, Person] = {bot.id: bot}
        self.chats: dict[int, Chat] = {}
        self.inline_messages: dict[str, Message] = {}

    def post(
        self, chat: Chat, sender: Person, *, reply_to: Message | None = None, **content: Any
    ) -> Message:
        """Add a message to a chat, and queue its update if the bot may see it.

        ``content`` are further fields of ``Message``.
        """
        chat.last_id += 1
        message = Message(
            chat=chat,
            message_id=chat.last_id,
            date=int(self.clock()),
            sender=sender,
            reply_to=reply_to.message_id if reply_to else None,
            thread_id=chat.thread_of(reply_to),
            **content,
        )
        chat.history[message.message_id] = message
        self._publish("message", message, update="message")
        return message

    def edited(self, message: Message) -> None:
        """Publish an edit, and queue its update if the bot may see it."""
        self._publish("edit", message, update="edited_message")

    def _publish(self, change: str, message: Message, *, update: str) -> None:
        seen, own = message.as_json(), message.sender is self.bot
        self.changes.tell(change, chat_id=message.chat.id, message=seen, by_bot=own)
        if not own and message.chat.shows_to_bot(message):
            self.updates.push(update, seen)

    def delete(self, message: Message) -> None:
        """Delete a message; the bot gets no update."""
        message.deleted = True
        self.changes.tell("delete", chat_id=message.chat.id, message_id=message.message_id)

    def refund(self, payment: StarPayment, *, notices: int = 1) -> None:
        """Refund a payment, and send the bot ``notices`` updates in the payer's private chat.

        Without such a chat, only the list of transactions shows the refund.
        """
        self.stars.record_refund(payment, now=self.clock())
        chat = self.chats.get(payment.person.id)
        if chat is None:
            return
        for _ in range(notices):
            self.post(chat, payment.person, extra={"refunded_payment": payment.as_json()})


@dataclass(eq=False)
class Chat:
    """The state and rules of a chat; ``people`` has the actions of its members.

    ``withheld`` are permissions that members lack, by the Bot API's names. If it
    ``prepares_videos``, as large chats do, sendVideo answers with message id 0.
    """

    world: World
    id: int
    type: ChatType
    title: str | None = None
    members: list[Person] = field(default_factory=list)
    admins: list[Person] = field(default_factory=list)
    is_forum: bool = False
    is_general_closed: bool = False
    prepares_videos: bool = False
    bot_status: BotStatus = "member"
    started: bool = True
    blocked: bool = False
    deleted: bool = False
    writable: bool = True
    withheld: set[str] = field(default_factory=set)
    migrated_to: int | None = None
    topics: dict[int, Topic] = field(default_factory=dict)
    history: dict[int, Message] = field(default_factory=dict)
    actions: list[str] = field(default_factory=list)
    last_id: int = 0

    @property
    def has_bot(self) -> bool:
        """Whether the bot is a member."""
        return self.bot_status in {"member", "administrator"}

    @property
    def messages(self) -> list[Message]:
        """The messages that are not deleted, oldest first."""
        return [message for message in self.history.values() if not message.deleted]

    @property
    def from_bot(self) -> list[Message]:
        """The bot's messages that are not deleted, oldest first."""
        return [message for message in self.messages if message.sender is self.world.bot]

    @property
    def last(self) -> Message:
        """The newest message.

        Raises:
            AssertionError: if the chat is empty.
        """
        if not self.messages:
            raise AssertionError(f"nothing was said in {self!r}")
        return self.messages[-1]

    def find(self, message_id: int) -> Message | None:
        """Return the message with this id; None if it is deleted or unknown."""
        message = self.history.get(message_id)
        return None if message is None or message.deleted else message

    async def wait(
        self,
        wanted: Callable[[Message], object],
        timeout: float = 30,  # noqa: ASYNC109 - a test says how long it is ready to wait
    ) -> Message:
        """Wait for a message of the bot for which ``wanted`` is true: an old, new or edited one.

        Raises:
            AssertionError: after ``timeout`` seconds, with the messages of the chat.
        """
        found = await self.world.changes.until(
            lambda: next((m for m in self.from_bot if wanted(m)), None), timeout
        )
        if found is None:
            raise AssertionError(
                f"no such message of the bot in {self!r} within {timeout} s; "
                f"there are: {self.messages}"
            )
        return found

    async def wait_gone(self, message: Message, timeout: float = 30) -> None:  # noqa: ASYNC109 - as above
        """Waits until a message is deleted.

        Raises:
            AssertionError: after ``timeout`` seconds.
        """
        if not await self.world.changes.until(lambda: message.deleted or None, timeout):
            raise AssertionError(f"{message!r} is still there after {timeout} s")

    async def press(
        self,
        message: Message,
        button: Button,
        *,
        by: Person | None,
        timeout: float,  # noqa: ASYNC109 - as above
    ) -> Answer:
        """Press a button as ``by`` or the first member, and return the bot's answer.

        Raises:
            AssertionError: if the button has no callback, or no answer came in time.
        """
        person = by or self.members[0]
        return await self.world.press(message, button, by=person, timeout=timeout)

    def status_of(self, person: Person) -> str:
        """Return a person's or the bot's status; the first admin is the creator."""
        if person is self.world.bot:
            return self.bot_status
        if person in self.admins:
            return "creator" if person == self.admins[0] else "administrator"
        return "member" if person in self.members else "left"

    def as_json(self) -> dict[str, Any]:
        """Return the Chat object of the Bot API."""
        if self.type == "private":
            person = self.members[0]
            shown: dict[str, Any] = {"first_name": person.first_name}
            if person.username:
                shown["username"] = person.username
        else:
            shown = {"title": self.title}
            if self.is_forum:
                shown["is_forum"] = True
        return {"id": self.id, "type": self.type, **shown}

    def check_open(self) -> None:
        """Check that the bot has access to this chat.

        Raises:
            ApiError: 400 after a migration, 403 if the bot was removed, blocked or never started.
        """
        if self.migrated_to is not None:
            raise ApiError(
                400,
                "Bad Request: group chat was upgraded to a supergroup chat",
                migrate_to_chat_id=self.migrated_to,
            )
        if self.deleted:
            if self.type == "private":
                raise forbidden("user is deactivated")
            raise forbidden(f"the {self.type} chat was deleted")
        if self.type == "private" and self.blocked:
            raise forbidden("bot was blocked by the user")
        if self.type == "private" and not self.started:
            raise forbidden("bot can't initiate conversation with a user")
        if self.bot_status == "kicked":
            raise forbidden(f"bot was kicked from the {self.type} chat")
        if self.bot_status == "left":
            raise forbidden(f"bot is not a member of the {self.type} chat")

    def check_writable(self, what: str) -> None:
        """Check that the bot may send ``what`` (text messages, videos …) here.

        Raises:
            ApiError: 400 without the permission, else as ``check_open``.
        """
        self.check_open()
        is_withheld = not self.writable or _RIGHTS.get(what) in self.withheld
        if is_withheld and self.bot_status != "administrator":
            raise bad_request(f"not enough rights to send {what} to the chat")

    def open_topic(self, thread_id: int | None) -> Topic | None:
        """Return the topic of a thread id; None is the General topic, or a chat without topics.

        Raises:
            ApiError: 400 for an unknown, deleted or closed topic.
        """
        if thread_id is None:
            if self.is_general_closed and self.bot_status != "administrator":
                raise bad_request("TOPIC_CLOSED")
            return None
        topic = self.topics.get(thread_id)
        if topic is None or topic.deleted or not self.is_forum:
            raise bad_request("message thread not found")
        if topic.closed and self.bot_status != "administrator":
            raise bad_request("TOPIC_CLOSED")
        return topic

    def thread_of(self, answered: Message | None) -> int | None:
        """Return the thread id of a reply: supergroups have one even without topics."""
        if answered is None or self.type != "supergroup" or answered.topic is not None:
            return None
        return answered.thread_id or answered.message_id

    def shows_to_bot(self, message: Message) -> bool:
        """Whether the bot receives a message: in groups, privacy mode withholds most."""
        if self.type == "private":
            return not self.blocked
        if self.bot_status in {"kicked", "left"} or self.deleted:
            return False
        world = self.world
        if world.reads_all_group_messages or self.bot_status == "administrator":
            return True
        if message.is_service:
            return True
        answered = self.find(message.reply_to) if message.reply_to else None
        if answered is not None and answered.sender is world.bot:
            return True
        return message.via_bot is world.bot or message.commands_bot(world.bot.username or "")

    def __repr__(self) -> str:
        return f"<{self.type} {self.title or self.members[0].first_name} {self.id}>"
