"""The actions of a page's visitor, carried out in the sandbox's Telegram as one of its people."""

from __future__ import annotations

import asyncio
import io
from typing import TYPE_CHECKING, Any, Literal

import av
from pydantic import BaseModel, ConfigDict, Field

from sandbox.aimlapi import sound
from sandbox.aimlapi.drawing import sticker
from sandbox.page.uploads import send_upload
from sandbox.telegram import Group

if TYPE_CHECKING:
    from sandbox.page.participants import Participants
    from sandbox.page.uploads import Upload
    from sandbox.telegram import Chat, Message, Person, TelegramSandbox, Topic

_PRESS_TIMEOUT = 20.0  # seconds for the bot to answer a button
_CHECKOUT_TIMEOUT = 10.0  # seconds for the bot to answer a pre-checkout query, as at Telegram
_INLINE_TIMEOUT = 4.0  # seconds for the bot to answer an inline query
_VOICE_SECONDS = 3

Json = dict[str, Any]


class _Action(BaseModel):
    """An action: the ids of its person and its chat."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    person: int
    chat: int


class NewMessage(_Action):
    """A text, or the caption of files."""

    text: str = Field(default="", max_length=4096)
    topic: int | None = None
    reply: int | None = None


class ButtonPress(_Action):
    """A button, by its position under a message."""

    message: int
    row: int = Field(ge=0)
    column: int = Field(ge=0)


class Payment(_Action):
    """A payment of an invoice."""

    message: int


class MessageEdit(_Action):
    """A new text of a message."""

    message: int
    text: str = Field(min_length=1, max_length=4096)


class Deletion(_Action):
    """The deletion of a message."""

    message: int


class InlineQuery(_Action):
    """A text typed after the bot's name."""

    query: str = Field(max_length=256)


class InlineChoice(_Action):
    """A result of the last inline query, by its id."""

    result: str
    topic: int | None = None


class Attachment(_Action):
    """A ready voice message or sticker."""

    kind: Literal["voice", "sticker"]
    topic: int | None = None


class Forward(_Action):
    """The forwarding of a message from `chat` to the chat `to`."""

    message: int
    to: int


class BotMembership(_Action):
    """The bot's addition to a group, or its removal."""

    into: bool


class Actions:
    """Carries out actions; raises LookupError if the message, button or chat does not exist.

    An action returns the JSON for the page, or None.
    """

    def __init__(self, telegram: TelegramSandbox, participants: Participants) -> None:
        self._telegram = telegram
        self._participants = participants
        self._results: dict[str, dict[str, Any]] = {}

    async def say(self, new: NewMessage, uploads: list[Upload]) -> None:
        """Send a text, or files with it as the caption of the first; several are an album."""
        person, chat = self._place(new)
        topic = self._topic(chat, new.topic)
        reply_to = _message(chat, new.reply) if new.reply else None
        if not uploads:
            await chat.send(person, new.text, reply_to=reply_to, topic=topic)
            return
        album = str(self._telegram.world.fresh_id()) if len(uploads) > 1 else None
        options: dict[str, Any] = {"reply_to": reply_to, "topic": topic, "album": album}
        for index, upload in enumerate(uploads):
            caption = (new.text or None) if index == 0 else None
            await send_upload(chat, person, upload, caption=caption, **options)

    async def press(self, pressed: ButtonPress) -> Json:
        """Press a button; raises AssertionError if the bot does not answer."""
        person, chat = self._place(pressed)
        message = _message(chat, pressed.message)
        button = message.buttons[pressed.row][pressed.column]
        answer = await self._telegram.world.press(
            message, button, by=person, timeout=_PRESS_TIMEOUT
        )
        return {"text": answer.text, "alert": answer.alert, "url": answer.url}

    async def pay(self, paid: Payment) -> Json:
        """Pay an invoice; raises AssertionError if the bot does not answer."""
        person, chat = self._place(paid)
        answer = await chat.pay(_message(chat, paid.message), person, _CHECKOUT_TIMEOUT)
        return {"refused": "" if answer["ok"] else answer["error_message"]}

    async def change(self, changed: MessageEdit) -> None:
        """Edit a message of the same person."""
        person, chat = self._place(changed)
        message = _message(chat, changed.message)
        if message.sender is not person:
            raise LookupError("that is somebody else's message")
        await chat.edit(message, changed.text)

    async def remove(self, removed: Deletion) -> None:
        """Delete a message of the same person, or of the bot in a private chat."""
        person, chat = self._place(removed)
        message = _message(chat, removed.message)
        if message.sender is not person and chat.type != "private":
            raise LookupError("that is somebody else's message")
        await chat.delete_message(message)

    async def ask(self, asked: InlineQuery) -> Json:
        """Send an inline query; raises AssertionError if the bot does not answer."""
        person, _ = self._place(asked)
        answer = await self._telegram.inline(person, asked.query, timeout=_INLINE_TIMEOUT)
        self._results = {result["id"]: result for result in answer}
        return {"results": answer.results, "button": answer.button}

    async def send(self, sent: Attachment) -> None:
        """Send a voice message or a sticker."""
        person, chat = self._place(sent)
        topic = self._topic(chat, sent.topic)
        if sent.kind == "voice":
            voice = await asyncio.to_thread(_voice)
            await chat.send_voice(person, voice, duration=_VOICE_SECONDS, topic=topic)
        else:
            picture = await asyncio.to_thread(_sticker)
            await chat.send_sticker(person, picture, topic=topic)

    async def forward(self, forwarded: Forward) -> None:
        """Forward a message to a chat of the same person."""
        person, chat = self._place(forwarded)
        message = _message(chat, forwarded.message)
        if message.is_service:
            raise LookupError("Telegram’s own lines cannot be forwarded")
        await self._participants.chat(forwarded.to, person).forward(person, message)

    async def move(self, moved: BotMembership) -> None:
        """Add the bot to a group, or remove it."""
        person, chat = self._place(moved)
        if not isinstance(chat, Group) or chat.has_bot is moved.into:
            raise LookupError("nothing is to be done here")
        (chat.add_bot if moved.into else chat.kick_bot)(person)

    async def pick(self, picked: InlineChoice) -> None:
        """Send a result of the last inline query."""
        person, chat = self._place(picked)
        topic = self._topic(chat, picked.topic)
        await chat.send_inline(person, self._results[picked.result], topic=topic)

    def _place(self, action: _Action) -> tuple[Person, Chat]:
        person = self._participants.person(action.person)
        return person, self._participants.chat(action.chat, person)

    @staticmethod
    def _topic(chat: Chat, topic_id: int | None) -> Topic | None:
        return chat.topics[topic_id] if topic_id is not None else None


def _message(chat: Chat, message_id: int) -> Message:
    message = chat.find(message_id)
    if message is None:
        raise LookupError("that message is gone")
    return message


def _sticker() -> bytes:
    out = io.BytesIO()
    sticker("cat").save(out, "WEBP", quality=90)
    return out.getvalue()


def _voice() -> bytes:
    out = io.BytesIO()
    with av.open(out, "w", format="ogg") as file:
        track = file.add_stream("libopus", rate=sound.VOICE_RATE, layout="mono")
        for frame in sound.hum(_VOICE_SECONDS):
            file.mux(track.encode(frame))
        file.mux(track.encode(None))
    return out.getvalue()
