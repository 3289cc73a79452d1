"""The outbox: sends, edits and deletes the bot's messages; errors are those of `sending`."""

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
"""Uploads at a time; more would only share the bandwidth."""
ACTION_SECONDS = 4.5
"""How often a chat action is repeated: a client shows it for five seconds."""
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
    """A sent message: its chat and its id there."""

    chat: Chat
    message_id: int


@dataclass(frozen=True, slots=True)
class SentFile:
    """A sent message with a file; its message id is 0 if Telegram still processes it."""

    message_id: int
    file_id: str
    file_kind: str
    file_unique_id: str | None = None
    thumbnail: str | None = None


class Outbox:
    """Sends to chats; each method raises SendError if that fails."""

    def __init__(self, bot: ExtBot[Urgency], pacing: Pacing) -> None:
        self._bot = bot
        self._pacing = pacing
        self._uploads = asyncio.Semaphore(UPLOADS)

    @property
    def supports_inline(self) -> bool:
        """Whether the bot has inline mode (BotFather's /setinline)."""
        return self._bot.supports_inline_queries

    @property
    def max_fetch_bytes(self) -> int:
        """The size of the largest file that the bot may fetch."""
        return max_fetch_bytes(self._bot)

    @property
    def link(self) -> str:
        """The address that opens the bot in private."""
        return self._bot.link

    @asynccontextmanager
    async def upload_slot(self, chat: Chat) -> AsyncIterator[Upload]:
        """Wait for a turn in a chat and for one of the UPLOADS slots, and hold that slot.

        Raises:
            NotSent: Telegram's 429 asks for a longer wait than MAX_WAIT_SECONDS.
        """
        await self._pacing.turn(chat.telegram_id)
        async with self._uploads:
            # a 429 may have come while other uploads held the slots
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
        """Send a text to a chat, or to the person in private if the chat forbids it."""
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
        """Send a text, truncated to 4096 UTF-16 units; return its message id.

        It replies to `reply_to`, if that still exists. A `silent` text does not notify, a
        `cosmetic` one may be skipped. `ask` makes the client open a reply with that placeholder. A
        `picture` is sent above the text, which is then truncated to 1024 units. `moments` are the
        times that the text mentions. A tap on a `copied` text copies it.
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
            # Telegram refuses extreme shapes, and all photos if the group forbids them
            with suppress(Refused):
                shown = partial(send, caption=_truncate(text, MessageLimit.CAPTION_LENGTH))
                return _message_id(await _send_with_fallback(shown, thread_id, reply_to))
        send = partial(
            self._bot.send_message,
            chat.telegram_id,
            _truncate(text, MessageLimit.MAX_TEXT_LENGTH),
            link_preview_options=_NO_PREVIEW,
            **placed,
        )
        marks = monospace_entities(text) if copied else moment_entities(text, moments)
        try:
            marked = partial(send, entities=marks or None)
            return _message_id(await _send_with_fallback(marked, thread_id, reply_to))
        except Refused as refusal:
            if not _refuses_moments(str(refusal).lower(), moments):
                raise
            return _message_id(await _send_with_fallback(send, thread_id, reply_to))

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
        """Edit the text, or the picture and caption, of a message; no change is no error."""
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
                        _truncate(text, MessageLimit.MAX_TEXT_LENGTH),
                        link_preview_options=_NO_PREVIEW,
                        entities=moment_entities(text, moments) or None,
                        **placed,
                    )
                else:
                    photo = InputMediaPhoto(
                        picture, caption=_truncate(text, MessageLimit.CAPTION_LENGTH)
                    )
                    await self._bot.edit_message_media(photo, **placed)
        except Refused as refusal:
            why = str(refusal).lower()
            if _refuses_moments(why, moments):
                await self.edit(chat, message_id, text, buttons, cosmetic=cosmetic)
            elif "no text in the message" in why:
                with translate_errors():
                    words = _truncate(text, MessageLimit.CAPTION_LENGTH)
                    await self._bot.edit_message_caption(caption=words, **placed)
            elif "not modified" not in why:
                raise

    async def change_buttons(
        self, chat: Chat, message_id: int, markup: InlineKeyboardMarkup | None
    ) -> None:
        """Change the buttons of a message, if it still exists."""
        with suppress(Refused), translate_errors():
            await self._bot.edit_message_reply_markup(
                chat.telegram_id, message_id, reply_markup=markup
            )

    async def leave_group(self, chat: Chat, goodbye: str = "") -> None:
        """Leave a group, after a goodbye if there is one and the bot may write."""
        if goodbye:
            with suppress(SendError):
                await self.send_text(chat, goodbye)
        with translate_errors():
            await self._bot.leave_chat(chat.telegram_id)

    async def delete(self, chat: Chat, message_id: int) -> None:
        """Delete a message, if it still exists and Telegram allows it."""
        with suppress(Refused):
            await self.delete_or_raise(chat, message_id)

    async def delete_or_raise(self, chat: Chat, message_id: int) -> None:
        """Delete a message; raise Refused if it is gone or Telegram does not allow it."""
        with translate_errors():
            await self._bot.delete_message(chat.telegram_id, message_id)

    async def react(self, chat: Chat, message_id: int, emoji: str | None) -> None:
        """Set the bot's reaction to a message, or remove it if `emoji` is None."""
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
        """Upload a video, streamed from disk, with the metadata that players need.

        `upload` comes from `upload_slot`. A `spoiler` covers a video until it is tapped; Telegram
        has none for documents.
        """
        placed: dict[str, Any] = {
            "caption": _truncate(caption, MessageLimit.CAPTION_LENGTH),
            "reply_markup": keyboard(buttons),
            "disable_notification": silent,
            "rate_limit_args": Urgency.RESULT,
            **_placement(thread_id, reply_to),
        }
        # in a group, Telegram counts chat actions against the limit of messages
        async with self._showing_upload(chat) if chat.is_private else nullcontext():
            with UploadedFile(video.path, upload) as stream, translate_errors():
                # by default, python-telegram-bot would hold the file three times in memory
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
                return _sent_file(message)

    @asynccontextmanager
    async def _showing_upload(self, chat: Chat) -> AsyncIterator[None]:
        """Keep showing the chat action of an upload; ignore failures."""

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
        """Show a chat action for five seconds."""
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
        """Send a file by its Telegram file id; return the file id of its thumbnail, if any."""
        send = partial(
            getattr(self._bot, f"send_{file_kind}"),
            chat.telegram_id,
            file_id,
            caption=_truncate(caption, MessageLimit.CAPTION_LENGTH),
            reply_markup=keyboard(buttons),
        )
        file = (await _send_with_fallback(send, thread_id, None)).effective_attachment
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
        """Send a generated file as a document; an open file is streamed."""
        file = InputFile(content, filename=name, read_file_handle=False)
        send = partial(self._bot.send_document, chat.telegram_id, file, caption=caption)
        await _send_with_fallback(send, thread_id, None)


def _truncate(text: str, units: int) -> str:
    """Truncate a text to so many UTF-16 units, which Telegram counts: most emoji are two."""
    return text.encode("utf-16-le", "ignore")[: 2 * units].decode("utf-16-le", "ignore")


def _refuses_moments(why: str, moments: Sequence[Moment]) -> bool:
    """Return whether an older Bot API server refused the entities of moments."""
    return bool(moments) and "entit" in why


def _placement(thread_id: int | None, reply_to: int | None) -> dict[str, Any]:
    return {
        "message_thread_id": thread_id,
        "reply_to_message_id": reply_to,
        # people may delete their prompts while they wait
        "allow_sending_without_reply": True,
    }


async def _send_with_fallback(
    send: Callable[..., Awaitable[Message]], thread_id: int | None, reply_to: int | None
) -> Message:
    """Send a message; if its placement is refused, try the next one."""
    try:
        with translate_errors():
            return await send(**_placement(thread_id, reply_to))
    except Misplaced as error:
        left = error.elsewhere(thread_id, reply_to)
        if left is None:
            raise
        return await _send_with_fallback(send, *left)


def _message_id(message: Message) -> int:
    """Return the id of a sent message; 0 if Telegram still processes it.

    Raises:
        Unreadable: the id is malformed, which python-telegram-bot does not check.
    """
    number: object = getattr(message, "message_id", None)
    if type(number) is not int or not 0 <= number < 2**63:
        raise Unreadable("a message without an id")
    return number


def _sent_file(message: Message) -> SentFile:
    for kind in ("video", "animation", "document"):
        file = getattr(message, kind)
        if file is not None and isinstance(file.file_id, str):
            small, known = getattr(file.thumbnail, "file_id", None), file.file_unique_id
            return SentFile(_message_id(message), file.file_id, kind, known, small)
    raise Unreadable("a message without the file that was sent")
