"""The world a bot lives in: its chats, who is in each, what was said, what the bot may do."""

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
"""The right that each kind of message needs, by the name a refusal has for it."""
ChatType = Literal["private", "group", "supergroup"]
BotStatus = Literal["member", "administrator", "kicked", "left"]


class World(BotAccount):
    """The state behind the server; it outlives the bot's restarts."""

    def __init__(
        self, *, token: str, bot: Person, directory: Path, clock: Callable[[], float]
    ) -> None:
        super().__init__(token=token, bot=bot, directory=directory, clock=clock)
        self.people: dict[int, Person] = {bot.id: bot}
        self.chats: dict[int, Chat] = {}
        self.inline_messages: dict[str, Message] = {}

    def post(self, message: Message) -> Message:
        """Puts a message into its chat; people's messages go to the bot if it may see them."""
        self.chats[message.chat.id].history[message.message_id] = message
        self._make_known("message", message, update="message")
        return message

    def edited(self, message: Message) -> None:
        """Makes an edit known."""
        self._make_known("edit", message, update="edited_message")

    def _make_known(self, change: str, message: Message, *, update: str) -> None:
        seen, own = message.as_json(), self._own(message)
        self.changes.tell(change, chat_id=message.chat.id, message=seen, by_bot=own)
        if not own and message.chat.shows_bot(message):
            self.updates.push(update, seen)

    def delete(self, message: Message) -> None:
        """Deletes a message; nobody tells the bot of that."""
        message.deleted = True
        self.changes.tell("delete", chat_id=message.chat.id, message_id=message.message_id)

    def refund(self, payment: StarPayment, *, told: int = 1) -> None:
        """Gives a payment back, and says so to the bot in the payer's chat so many times.

        Who paid in a group and has no chat with the bot is told of by the list alone.
        """
        self.stars.give_back(payment, now=self.clock())
        chat = self.chats.get(payment.person.id)
        for _ in range(told):
            if chat is None:
                return
            chat.last_id += 1
            message = Message(
                chat=chat,
                message_id=chat.last_id,
                date=int(self.clock()),
                sender=payment.person,
                extra={"refunded_payment": payment.as_json()},
            )
            self.post(message)

    def _own(self, message: Message) -> bool:
        return message.sender is self.bot


@dataclass(eq=False)
class Chat:
    """State and rules of a chat; what people do in it is in ``people``.

    ``withheld`` are permissions members do not have, by the Bot API's names; where it
    ``prepares_videos``, many are in it, and a video has no number yet when it is answered for.
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
        """Whether the bot is in it."""
        return self.bot_status in {"member", "administrator"}

    @property
    def messages(self) -> list[Message]:
        """Everything in the chat that is not deleted, oldest first."""
        return [message for message in self.history.values() if not message.deleted]

    @property
    def from_bot(self) -> list[Message]:
        """The bot's messages that are there."""
        return [message for message in self.messages if message.sender is self.world.bot]

    @property
    def last(self) -> Message:
        """The newest message.

        Raises:
            AssertionError: in an empty chat.
        """
        if not self.messages:
            raise AssertionError(f"nothing was said in {self!r}")
        return self.messages[-1]

    def find(self, message_id: int) -> Message | None:
        """The message of an id, unless it is deleted."""
        message = self.history.get(message_id)
        return None if message is None or message.deleted else message

    async def wait(
        self,
        wanted: Callable[[Message], object],
        timeout: float = 30,  # noqa: ASYNC109 - a test says how long it is ready to wait
    ) -> Message:
        """The first message of the bot that is as wanted: there already, coming, or edited so.

        Raises:
            AssertionError: after ``timeout`` seconds, with what the chat holds.
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
        """Presses a button, as the first member unless told ``by`` whom; returns the answer.

        Raises:
            AssertionError: when the button has no callback, or no answer came in time.
        """
        person = by or self.members[0]
        return await self.world.press(message, button, by=person, timeout=timeout)

    def status_of(self, person: Person) -> str:
        """A person's or the bot's status; the first admin is the owner."""
        if person is self.world.bot:
            return self.bot_status
        if person in self.admins:
            return "creator" if person == self.admins[0] else "administrator"
        return "member" if person in self.members else "left"

    def as_json(self) -> dict[str, Any]:
        """The Chat inside messages."""
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
        """Whether the bot is in this chat at all.

        Raises:
            ApiError: 400 after a migration, 403 when people have sent the bot away.
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
        """Whether the bot may send ``what`` (text messages, videos …) here.

        Raises:
            ApiError: 400 in a read-only group, else as ``check_open``.
        """
        self.check_open()
        is_withheld = not self.writable or _RIGHTS.get(what) in self.withheld
        if is_withheld and self.bot_status != "administrator":
            raise bad_request(f"not enough rights to send {what} to the chat")

    def open_topic(self, thread_id: int | None) -> Topic | None:
        """The topic of a thread id; None is the General topic, or a chat without topics.

        Raises:
            ApiError: 400 for an unknown or deleted topic, a thread that is none, a closed topic.
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
        """The thread a reply falls into: supergroups number it even where there are no topics."""
        if answered is None or self.type != "supergroup" or answered.topic is not None:
            return None
        return answered.thread_id or answered.message_id

    def shows_bot(self, message: Message) -> bool:
        """Whether the bot is told of a message: in groups, privacy mode withholds most."""
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
