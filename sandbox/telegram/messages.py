"""Messages of a chat, and the Message objects the bot receives."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from sandbox.telegram.markup import to_html, utf16_slice

if TYPE_CHECKING:
    from sandbox.telegram.actors import Person, Topic
    from sandbox.telegram.files import StoredFile
    from sandbox.telegram.queries import Answer

Json = dict[str, Any]

SERVICE = frozenset(
    {
        "new_chat_members",
        "left_chat_member",
        "group_chat_created",
        "migrate_to_chat_id",
        "migrate_from_chat_id",
        "forum_topic_created",
        "forum_topic_closed",
        "forum_topic_edited",
        "forum_topic_reopened",
        "successful_payment",
        "refunded_payment",
    }
)

_OMITTED_FROM_EXTERNAL_REPLY = frozenset({"text", "entities", "caption", "caption_entities"})


@dataclass(frozen=True, slots=True)
class Button:
    """A button under a message.

    ``share`` is its inline query for a chat that the person chooses, ``edits`` that for this chat.
    """

    text: str
    data: str | None = None
    url: str | None = None
    switch_inline_query: str | None = None
    share: str | None = None
    edits: str | None = None
    copy_text: str | None = None
    pay: bool = False
    style: str | None = None


class Place(Protocol):
    """The part of a chat that its messages use."""

    prepares_videos: bool

    @property
    def id(self) -> int:
        """The chat's id."""

    def find(self, message_id: int) -> Message | None:
        """Return the message with this id; None if it is deleted or unknown."""

    def shows_to_bot(self, message: Message) -> bool:
        """Whether the bot receives a message."""

    def as_json(self) -> Json:
        """Return the Chat object of the Bot API."""

    async def press(
        self,
        message: Message,
        button: Button,
        *,
        by: Person | None,
        timeout: float,  # noqa: ASYNC109 - a test says how long it is ready to wait
    ) -> Answer:
        """Press a button and wait for the bot's answer."""


@dataclass(eq=False, slots=True, kw_only=True)
class Message:
    """A message; edits change it in place.

    ``extra`` holds other content by the Bot API's field names (contact, location, service messages,
    invoices).
    """

    chat: Place
    message_id: int
    date: int
    sender: Person
    sender_chat: Place | None = None
    text: str | None = None
    caption: str | None = None
    entities: list[Json] = field(default_factory=list)
    media: StoredFile | None = None
    photo: list[StoredFile] = field(default_factory=list)
    extra: Json = field(default_factory=dict)
    reply_markup: Json | None = None
    reply_to: int | None = None
    topic: Topic | None = None
    thread_id: int | None = None
    silent: bool = False
    protected: bool = False
    spoiler: bool = False
    album: str | None = None
    forward_origin: Json | None = None
    via_bot: Person | None = None
    inline_message_id: str | None = None
    payload: str | None = None
    edited_at: int | None = None
    reactions: list[str] = field(default_factory=list)
    deleted: bool = False

    @property
    def video(self) -> StoredFile | None:
        """The file, if Telegram stored it as a video."""
        return self._media("video")

    @property
    def animation(self) -> StoredFile | None:
        """The file, if Telegram stored it as an animation, as it does a video without sound."""
        return self._media("animation")

    @property
    def document(self) -> StoredFile | None:
        """The file, if Telegram stored it as a document; not the document of an animation."""
        return self._media("document")

    @property
    def force_reply(self) -> Json | None:
        """The ForceReply object, or None."""
        markup = self.reply_markup
        return markup if markup is not None and "force_reply" in markup else None

    @property
    def buttons(self) -> list[list[Button]]:
        """The rows of the keyboard under the message."""
        rows = (self.reply_markup or {}).get("inline_keyboard", [])
        return [[_button(shown) for shown in row] for row in rows]

    @property
    def labels(self) -> list[str]:
        """The texts of the buttons under the message."""
        return [button.text for row in self.buttons for button in row]

    def button(self, text: str | None = None, *, data: str | None = None) -> Button:
        """Return the button whose text is or contains ``text``, or whose data is ``data``.

        Raises:
            AssertionError: if there is none; it lists the others.
        """
        there = [button for row in self.buttons for button in row]
        exact = [b for b in there if (text is not None and b.text == text)]
        for button in [*exact, *there]:
            if (text is not None and text in button.text) or (
                data is not None and button.data == data
            ):
                return button
        raise AssertionError(f"no button {text or data!r} under {self!r}; there are {there}")

    async def press(
        self,
        text: str | None = None,
        *,
        by: Person | None = None,
        data: str | None = None,
        timeout: float = 30,  # noqa: ASYNC109 - a test says how long it is ready to wait
    ) -> Answer:
        """Press a button and wait up to ``timeout`` seconds for the bot's answer.

        Raises:
            AssertionError: if there is no such button or no answer came.
        """
        return await self.chat.press(self, self.button(text, data=data), by=by, timeout=timeout)

    @property
    def is_service(self) -> bool:
        """Whether it is a service message of Telegram: joins, topics, migrations, payments."""
        return bool(SERVICE & self.extra.keys())

    def commands_bot(self, username: str) -> bool:
        """Whether it holds a command for that bot, or for any bot."""
        words = self.text or self.caption or ""
        said = [
            utf16_slice(words, entity["offset"], entity["length"])
            for entity in self.entities
            if entity["type"] == "bot_command"
        ]
        return any(
            "@" not in command or command.lower().endswith(f"@{username.lower()}")
            for command in said
        )

    def html(self) -> str:
        """Return the text or caption with its formatting as HTML."""
        return to_html(self.text or self.caption or "", self.entities)

    def _media(self, kind: str) -> StoredFile | None:
        return self.media if self.media is not None and self.media.stored_as == kind else None

    def as_json(self, *, nested: bool = False) -> Json:
        """Return the Message object of the Bot API; a nested one omits the message it answers."""
        shown: Json = {
            "message_id": self.message_id,
            "date": self.date,
            "chat": self.chat.as_json(),
            "from": self.sender.as_json(),
        }
        if self.sender_chat is not None:
            shown["sender_chat"] = self.sender_chat.as_json()
        shown |= self._place(nested=nested) | self._content()
        if self.reply_markup is not None and "inline_keyboard" in self.reply_markup:
            shown["reply_markup"] = self.reply_markup
        optional = {
            "edit_date": self.edited_at,
            "media_group_id": self.album,
            "forward_origin": self.forward_origin,
            "via_bot": self.via_bot.as_json() if self.via_bot else None,
            "has_protected_content": self.protected or None,
            "has_media_spoiler": self.spoiler or None,
        }
        return shown | {name: value for name, value in optional.items() if value is not None}

    def copied(self) -> Json:
        """Return the fields of a copy of it."""
        names = ("text", "caption", "entities", "media", "photo", "extra")
        return {name: getattr(self, name) for name in names}

    def forwarded(self) -> Json:
        """Return the fields of a forward of it: those of a copy, and its origin."""
        author = {"type": "user", "date": self.date, "sender_user": self.sender.as_json()}
        return self.copied() | {"forward_origin": self.forward_origin or author}

    def as_external_reply(self) -> Json:
        """Return the fields of an ExternalReplyInfo: the content without its text."""
        content = self._content()
        told = {name: content[name] for name in content if name not in _OMITTED_FROM_EXTERNAL_REPLY}
        told.pop("document" if "animation" in told else "", None)
        return told

    def _place(self, *, nested: bool) -> Json:
        """Return topic, thread and the answered message; in a topic, that may be its first one."""
        shown: Json = {}
        if self.topic is not None:
            shown |= {"message_thread_id": self.topic.id, "is_topic_message": True}
        elif self.thread_id is not None:
            shown["message_thread_id"] = self.thread_id
        if not nested:
            above = self.reply_to or (self.topic.id if self.topic else None)
            answered = self.chat.find(above) if above and above != self.message_id else None
            if answered is not None:
                shown["reply_to_message"] = answered.as_json(nested=True)
        return shown

    def _content(self) -> Json:
        shown = dict(self.extra)
        if self.text is not None:
            shown["text"] = self.text
            if self.entities:
                shown["entities"] = self.entities
        if self.photo:
            shown["photo"] = [size.as_json() for size in self.photo]
        if self.media is not None:
            shown[self.media.stored_as] = self.media.as_json()
            if self.media.stored_as == "animation":
                shown["document"] = self.media.as_document()
        if self.caption:
            shown["caption"] = self.caption
            if self.entities:
                shown["caption_entities"] = self.entities
        return shown

    def __repr__(self) -> str:
        what = self.media.stored_as if self.media else "photo" if self.photo else ""
        extra = ",".join(self.extra)
        words = self.text or self.caption or ""
        gone = " deleted" if self.deleted else ""
        return (
            f"<{self.message_id}{gone} from {self.sender.first_name}: {what}{extra} {words!r}"
            f"{' ' + str(self.labels) if self.buttons else ''}>"
        )


def _button(shown: Json) -> Button:
    return Button(
        text=shown["text"],
        data=shown.get("callback_data"),
        url=shown.get("url"),
        switch_inline_query=shown.get("switch_inline_query"),
        share=(shown.get("switch_inline_query_chosen_chat") or {}).get("query"),
        edits=shown.get("switch_inline_query_current_chat"),
        copy_text=(shown.get("copy_text") or {}).get("text"),
        pay=shown.get("pay", False),
        style=shown.get("style"),
    )
