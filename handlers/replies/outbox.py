"""Everything the bot says leaves here, and comes back as one of a few outcomes (see `sending`)."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, BinaryIO, TypedDict, Unpack

from telegram import ForceReply, InputFile, InputMediaPhoto, LinkPreviewOptions
from telegram.constants import ChatAction, MessageLimit

from generation.media.videos import Upload, UploadedFile
from handlers.replies.keyboards import Button, keyboard, max_fetch_bytes
from handlers.replies.sending import (
    Misplaced,
    NoTopic,
    NotPermitted,
    NotSent,
    Refused,
    SendError,
    Unreadable,
    Urgency,
    translate_errors,
)
from handlers.replies.texts import moment_entities, monospace_entities
from storage.chats import ChatKind

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from telegram import InlineKeyboardMarkup, Message
    from telegram.ext import ExtBot

    from generation.media.videos import Deliverable
    from handlers.replies.sending import Pacing
    from handlers.replies.texts import Moment
    from storage.chats import Chat

UPLOADS = 8
"""Videos on their way up at a time; more would only share the bandwidth."""
ACTION_SECONDS = 4.5
"""How often a chat action is shown anew: a client shows it for five seconds."""
_NO_PREVIEW = LinkPreviewOptions(is_disabled=True)
"""Passed with each text: `Defaults` of python-telegram-bot would make [] of every empty string."""


class MessageOptions(TypedDict, total=False):
    """Options of `Outbox.send_text`; `alone` is the text if it is sent in private instead."""

    buttons: Sequence[Sequence[Button]]
    reply_to: int | None
    ask: str | None
    alone: str
    picture: bytes | None


@dataclass(frozen=True, slots=True)
class SentMessage:
    """Where something was said, and the number it has there."""

    chat: Chat
    message_id: int


@dataclass(frozen=True, slots=True)
class SentFile:
    """A message with a file as it stands in a chat; message id 0 is one Telegram still prepares."""

    message_id: int
    file_id: str
    file_kind: str
    file_unique_id: str | None = None
    thumbnail: str | None = None


class Outbox:
    """Sends to chats; each method raises SendError."""

    def __init__(self, bot: ExtBot[Urgency], pacing: Pacing) -> None:
        self._bot = bot
        self._pacing = pacing
        self._uploads = asyncio.Semaphore(UPLOADS)

    @property
    def supports_inline(self) -> bool:
        """Whether the bot may be called in any chat (BotFather's /setinline)."""
        return self._bot.supports_inline_queries

    @property
    def max_fetch_bytes(self) -> int:
        """How many bytes of a file may be fetched."""
        return max_fetch_bytes(self._bot)

    @property
    def link(self) -> str:
        """The address that opens the bot in private."""
        return self._bot.link

    @asynccontextmanager
    async def upload_slot(self, chat: Chat) -> AsyncIterator[Upload]:
        """Wait for a turn in a chat, then for a place among the uploads, and hold it.

        Raises:
            NotSent: Telegram's 429 asks for a longer wait than MAX_WAIT_SECONDS.
        """
        await self._pacing.turn(chat.telegram_id)
        async with self._uploads:
            # Telegram may have asked for silence while others were uploading
            if wait := self._pacing.muted_seconds(chat.telegram_id):
                raise NotSent("the chat is to be left alone", wait)
            yield Upload()

    async def tell(
        self,
        chat: Chat,
        person: int | None,
        text: str,
        *,
        thread_id: int | None = None,
        **how: Unpack[MessageOptions],
    ) -> SentMessage:
        """Say something in a chat, or to a person alone where the chat takes no word."""
        buttons, picture = how.get("buttons", ()), how.get("picture")
        try:
            number = await self.send_text(
                chat, text, thread_id=thread_id, buttons=buttons, picture=picture,
                reply_to=how.get("reply_to"), ask=how.get("ask"),
            )  # fmt: skip
        except (NoTopic, NotPermitted):
            if person is None or chat.is_private:
                raise
            chat = replace(chat, id=0, telegram_id=person, kind=ChatKind.PRIVATE)
            alone = how.get("alone", text)
            number = await self.send_text(chat, alone, buttons=buttons, picture=picture)
        return SentMessage(chat, number)

    async def send_text(
        self,
        chat: Chat,
        text: str,
        *,
        buttons: Sequence[Sequence[Button]] = (),
        reply_to: int | None = None,
        thread_id: int | None = None,
        silent: bool = False,
        cosmetic: bool = False,
        ask: str | None = None,
        picture: bytes | None = None,
        moments: Sequence[Moment] = (),
        copied: bool = False,
    ) -> int:
        """Send a text, cut at 4096 UTF-16 units; returns its message id.

        `reply_to` is the message it answers, if that still exists; a `silent` one leaves the phone
        quiet, a `cosmetic` one may be left out. `ask` is a placeholder: the sender's client opens
        an answer. A `picture` is shown above the text, which may then have 1024 characters.
        `moments` are those the text names; one that is to be `copied` is, by a tap.
        """
        placed: dict[str, Any] = {
            "reply_markup": keyboard(buttons)
            if ask is None
            else ForceReply(selective=True, input_field_placeholder=ask),
            "disable_notification": silent,
            "rate_limit_args": Urgency.COSMETIC if cosmetic else Urgency.ANSWER,
        }
        if picture is not None:
            send = partial(self._bot.send_photo, chat.telegram_id, picture, **placed)
            # a very slender one is refused, and any where photos are off; the text must come
            with suppress(Refused):
                shown = partial(send, caption=_cut(text, MessageLimit.CAPTION_LENGTH))
                return _number_of(await _placed(shown, thread_id, reply_to))
        send = partial(
            self._bot.send_message,
            chat.telegram_id,
            _cut(text, MessageLimit.MAX_TEXT_LENGTH),
            link_preview_options=_NO_PREVIEW,
            **placed,
        )
        marks = monospace_entities(text) if copied else moment_entities(text, moments)
        try:
            marked = partial(send, entities=marks or None)
            return _number_of(await _placed(marked, thread_id, reply_to))
        except Refused as refusal:
            if not _is_of_marks(str(refusal).lower(), moments):
                raise
            return _number_of(await _placed(send, thread_id, reply_to))

    async def edit(
        self,
        chat: Chat,
        message_id: int,
        text: str,
        buttons: Sequence[Sequence[Button]] = (),
        *,
        cosmetic: bool = False,
        picture: bytes | None = None,
        moments: Sequence[Moment] = (),
    ) -> None:
        """Change a text of ours, or a picture; what reads so stays."""
        placed: dict[str, Any] = {
            "chat_id": chat.telegram_id,
            "message_id": message_id,
            "reply_markup": keyboard(buttons),
            "rate_limit_args": Urgency.COSMETIC if cosmetic else Urgency.ANSWER,
        }
        try:
            with translate_errors():
                if picture is None:
                    await self._bot.edit_message_text(
                        _cut(text, MessageLimit.MAX_TEXT_LENGTH),
                        link_preview_options=_NO_PREVIEW,
                        entities=moment_entities(text, moments) or None,
                        **placed,
                    )
                else:
                    photo = InputMediaPhoto(
                        picture, caption=_cut(text, MessageLimit.CAPTION_LENGTH)
                    )
                    await self._bot.edit_message_media(photo, **placed)
        except Refused as refusal:
            why = str(refusal).lower()
            if _is_of_marks(why, moments):
                await self.edit(chat, message_id, text, buttons, cosmetic=cosmetic)
            elif "no text in the message" in why:
                with translate_errors():
                    words = _cut(text, MessageLimit.CAPTION_LENGTH)
                    await self._bot.edit_message_caption(caption=words, **placed)
            elif "not modified" not in why:
                raise

    async def change_buttons(
        self, chat: Chat, message_id: int, markup: InlineKeyboardMarkup | None
    ) -> None:
        """Change the buttons under a message of ours; one that is gone is let go."""
        with suppress(Refused), translate_errors():
            await self._bot.edit_message_reply_markup(
                chat.telegram_id, message_id, reply_markup=markup
            )

    async def leave_group(self, chat: Chat) -> None:
        """Leave a group."""
        with translate_errors():
            await self._bot.leave_chat(chat.telegram_id)

    async def delete(self, chat: Chat, message_id: int) -> None:
        """Delete a message of ours; one that is gone already is fine."""
        with suppress(Refused):
            await self.delete_or_raise(chat, message_id)

    async def delete_or_raise(self, chat: Chat, message_id: int) -> None:
        """Delete a message of ours; Refused where Telegram does not."""
        with translate_errors():
            await self._bot.delete_message(chat.telegram_id, message_id)

    async def react(self, chat: Chat, message_id: int, emoji: str | None) -> None:
        """Put a reaction under somebody's message, or take it back."""
        with translate_errors():
            await self._bot.set_message_reaction(
                chat.telegram_id, message_id, emoji, rate_limit_args=Urgency.COSMETIC
            )

    async def send_file(
        self,
        chat: Chat,
        video: Deliverable,
        caption: str,
        upload: Upload,
        *,
        as_document: bool = False,
        spoiler: bool = False,
        silent: bool = False,
        buttons: Sequence[Sequence[Button]] = (),
        reply_to: int | None = None,
        thread_id: int | None = None,
    ) -> SentFile:
        """Upload a video, streamed from the disk, with all that players need to show it.

        `upload` is held meanwhile (see `upload_slot`). `spoiler` covers a video until it is
        tapped, which Telegram does for no document.
        """
        placed: dict[str, Any] = {
            "caption": _cut(caption, MessageLimit.CAPTION_LENGTH),
            "reply_markup": keyboard(buttons),
            "disable_notification": silent,
            "rate_limit_args": Urgency.RESULT,
            **_at(thread_id, reply_to),
        }
        # in a group it would be counted, as messages are
        async with self._at_work(chat) if chat.is_private else nullcontext():
            with UploadedFile(video.path, upload) as stream, translate_errors():
                # read_file_handle=False: the default would hold the file three times in memory
                file = InputFile(stream, filename=video.path.name, read_file_handle=False)
                if as_document or video.kind == "document":
                    message = await self._bot.send_document(chat.telegram_id, file, **placed)
                else:
                    message = await self._bot.send_video(
                        chat.telegram_id,
                        file,
                        duration=round(video.seconds),
                        width=video.width,
                        height=video.height,
                        thumbnail=video.thumbnail.read_bytes() if video.thumbnail else None,
                        supports_streaming=True,
                        has_spoiler=spoiler,
                        **placed,
                    )
                return _sent(message)

    @asynccontextmanager
    async def _at_work(self, chat: Chat) -> AsyncIterator[None]:
        """Show again and again that something comes, until it is there; nobody misses it."""

        async def show() -> None:
            while True:
                with suppress(SendError):
                    await self.show_action(chat)
                await asyncio.sleep(ACTION_SECONDS)

        showing = asyncio.create_task(show())
        try:
            yield
        finally:
            showing.cancel()
            await asyncio.wait({showing})

    async def show_action(self, chat: Chat, action: ChatAction = ChatAction.UPLOAD_VIDEO) -> None:
        """Show for five seconds what the bot does for a chat."""
        with translate_errors():
            await self._bot.send_chat_action(
                chat.telegram_id, action, rate_limit_args=Urgency.COSMETIC
            )

    async def send_by_id(
        self,
        chat: Chat,
        file_id: str,
        file_kind: str,
        caption: str,
        *,
        buttons: Sequence[Sequence[Button]],
        thread_id: int | None = None,
    ) -> str | None:
        """Send a file that Telegram has already; return the id of its small picture."""
        send = partial(
            getattr(self._bot, f"send_{file_kind}"),
            chat.telegram_id,
            file_id,
            caption=_cut(caption, MessageLimit.CAPTION_LENGTH),
            reply_markup=keyboard(buttons),
        )
        file = (await _placed(send, thread_id, None)).effective_attachment
        return getattr(getattr(file, "thumbnail", None), "file_id", None)

    async def send_document(
        self,
        chat: Chat,
        name: str,
        content: bytes | BinaryIO,
        caption: str,
        *,
        thread_id: int | None = None,
    ) -> None:
        """Send a file that was made here, such as a list, as a document."""
        # an open one is streamed
        file = InputFile(content, filename=name, read_file_handle=False)
        send = partial(self._bot.send_document, chat.telegram_id, file, caption=caption)
        await _placed(send, thread_id, None)


def _cut(text: str, units: int) -> str:
    """Cut a text at so many UTF-16 units, as Telegram counts: most emoji are two."""
    return text.encode("utf-16-le", "ignore")[: 2 * units].decode("utf-16-le", "ignore")


def _is_of_marks(why: str, moments: Sequence[Moment]) -> bool:
    """Whether a server of our own is too old to know of moments: it takes the words."""
    return bool(moments) and "entit" in why


def _at(thread_id: int | None, reply_to: int | None) -> dict[str, Any]:
    return {
        "message_thread_id": thread_id,
        "reply_to_message_id": reply_to,
        # people delete their prompts while they wait; the video must arrive all the same
        "allow_sending_without_reply": True,
    }


async def _placed(
    send: Callable[..., Awaitable[Message]], thread_id: int | None, reply_to: int | None
) -> Message:
    """Send a message to a topic, else outside of it."""
    try:
        with translate_errors():
            return await send(**_at(thread_id, reply_to))
    except Misplaced as error:
        left = error.elsewhere(thread_id, reply_to)
        if left is None:
            raise
        return await _placed(send, *left)


def _number_of(message: Message) -> int:
    """Return a message's number, 0 where Telegram sends it later; python-telegram-bot reads any.

    Raises:
        Unreadable: it is none.
    """
    number: object = getattr(message, "message_id", None)
    if type(number) is not int or not 0 <= number < 2**63:
        raise Unreadable("a message without a number")
    return number


def _sent(message: Message) -> SentFile:
    for kind in ("video", "animation", "document"):
        file = getattr(message, kind)
        if file is not None and isinstance(file.file_id, str):
            small, known = getattr(file.thumbnail, "file_id", None), file.file_unique_id
            return SentFile(_number_of(message), file.file_id, kind, known, small)
    raise Unreadable("a message without the file that was sent")
