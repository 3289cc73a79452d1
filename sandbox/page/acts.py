"""What a visitor of the page does as one of its people, carried out in the sandbox's Telegram."""

from __future__ import annotations

import asyncio
import io
from typing import TYPE_CHECKING, Any, Literal

import av
from pydantic import BaseModel, ConfigDict, Field

from sandbox.aimlapi import sound
from sandbox.aimlapi.drawing import sticker
from sandbox.page.uploads import send
from sandbox.telegram import Group

if TYPE_CHECKING:
    from sandbox.page.cast import Cast
    from sandbox.page.uploads import Upload
    from sandbox.telegram import Answer, Chat, InlineAnswer, Message, Person, TelegramSandbox, Topic

_PATIENCE = 20.0  # seconds the bot may take to answer a button
_CHECKOUT_PATIENCE = 10.0  # seconds Telegram waits for the bot's word before a payment
_INLINE_PATIENCE = 4.0  # seconds it may take to answer while somebody types
_VOICE_SECONDS = 3


class _Act(BaseModel):
    """Who acts where: ids of a person and a chat."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    person: int
    chat: int


class Said(_Act):
    """A text, or the caption of what is sent with it."""

    text: str = Field(default="", max_length=4096)
    topic: int | None = None
    reply: int | None = None


class Pressed(_Act):
    """A button, by where it stands under a message."""

    message: int
    row: int = Field(ge=0)
    column: int = Field(ge=0)


class Paid(_Act):
    """An invoice somebody pays."""

    message: int


class Changed(_Act):
    """A message somebody has another text for."""

    message: int
    text: str = Field(min_length=1, max_length=4096)


class Removed(_Act):
    """A message somebody deletes."""

    message: int


class Asked(_Act):
    """Words typed after the bot's name."""

    query: str = Field(max_length=256)


class Picked(_Act):
    """A result of the last inline query, by its id."""

    result: str
    topic: int | None = None


class Sent(_Act):
    """Something that is no text, no photo and no file."""

    kind: Literal["voice", "sticker"]
    topic: int | None = None


class Forwarded(_Act):
    """A message, taken to a chat; `chat` is where it stands."""

    message: int
    to: int


class Moved(_Act):
    """The bot, brought into a group or thrown out of it."""

    into: bool


class Acts:
    """Everything people can do; LookupError where something acted on is not there (any more)."""

    def __init__(self, telegram: TelegramSandbox, cast: Cast) -> None:
        self._telegram = telegram
        self._cast = cast
        self._results: dict[str, dict[str, Any]] = {}

    async def say(self, said: Said, uploads: list[Upload]) -> None:
        """Write a text, or send files of which the first carries it; several are an album."""
        person, chat = self._place(said)
        topic = self._topic(chat, said.topic)
        reply_to = _message(chat, said.reply) if said.reply else None
        if not uploads:
            await chat.send(person, said.text, reply_to=reply_to, topic=topic)
            return
        album = str(self._telegram.world.fresh_id()) if len(uploads) > 1 else None
        around: dict[str, Any] = {"reply_to": reply_to, "topic": topic, "album": album}
        for index, upload in enumerate(uploads):
            caption = (said.text or None) if index == 0 else None
            await send(chat, person, upload, caption=caption, **around)

    async def press(self, pressed: Pressed) -> Answer:
        """Press a button; raises AssertionError where the bot does not answer."""
        person, chat = self._place(pressed)
        message = _message(chat, pressed.message)
        button = message.buttons[pressed.row][pressed.column]
        return await self._telegram.world.press(message, button, by=person, timeout=_PATIENCE)

    async def pay(self, paid: Paid) -> str:
        """Pay an invoice in play Stars; returns why the bot refuses. AssertionError as above."""
        person, chat = self._place(paid)
        answer = await chat.pay(_message(chat, paid.message), person, _CHECKOUT_PATIENCE)
        return "" if answer["ok"] else str(answer["error_message"])

    async def change(self, changed: Changed) -> None:
        """Change one's own message."""
        person, chat = self._place(changed)
        await chat.edit(_own(chat, changed.message, person), changed.text)

    async def remove(self, removed: Removed) -> None:
        """Delete one's own message, or in private the bot's."""
        person, chat = self._place(removed)
        message = _message(chat, removed.message)
        if message.sender is not person and chat.type != "private":
            raise LookupError("that is somebody else's message")
        await chat.delete_message(message)

    async def ask(self, asked: Asked) -> InlineAnswer:
        """Type after the bot's name; raises AssertionError where the bot does not answer."""
        person, _ = self._place(asked)
        answer = await self._telegram.inline(person, asked.query, timeout=_INLINE_PATIENCE)
        self._results = {result["id"]: result for result in answer}
        return answer

    async def send(self, sent: Sent) -> None:
        """Send a voice message or a sticker."""
        person, chat = self._place(sent)
        topic = self._topic(chat, sent.topic)
        if sent.kind == "voice":
            voice = await asyncio.to_thread(_voice)
            await chat.send_voice(person, voice, duration=_VOICE_SECONDS, topic=topic)
        else:
            picture = await asyncio.to_thread(_sticker)
            await chat.send_sticker(person, picture, topic=topic)

    async def forward(self, forwarded: Forwarded) -> None:
        """Forward a message to a chat of the same person."""
        person, chat = self._place(forwarded)
        message = _message(chat, forwarded.message)
        if message.is_service:
            raise LookupError("Telegram’s own lines cannot be forwarded")
        await self._cast.chat(forwarded.to, person).forward(person, message)

    async def move(self, moved: Moved) -> None:
        """Bring the bot into a group, or throw it out."""
        person, chat = self._place(moved)
        if not isinstance(chat, Group) or chat.has_bot is moved.into:
            raise LookupError("nothing is to be done here")
        (chat.add_bot if moved.into else chat.kick_bot)(person)

    async def pick(self, picked: Picked) -> None:
        """Send a result of the last inline query."""
        person, chat = self._place(picked)
        topic = self._topic(chat, picked.topic)
        await chat.send_inline(person, self._results[picked.result], topic=topic)

    def _place(self, act: _Act) -> tuple[Person, Chat]:
        person = self._cast.person(act.person)
        return person, self._cast.chat(act.chat, person)

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


def _own(chat: Chat, message_id: int, person: Person) -> Message:
    message = _message(chat, message_id)
    if message.sender is not person:
        raise LookupError("that is somebody else's message")
    return message
