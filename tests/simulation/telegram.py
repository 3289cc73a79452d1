"""A fake of Telegram behind the outbox, with faults and lost answers."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from contextlib import asynccontextmanager
from itertools import count
from typing import TYPE_CHECKING, Any

from telegram.error import BadRequest, TimedOut

from generation.media.videos import Upload
from handlers.replies.outbox import Outbox, SentFile
from handlers.replies.sending import (
    MaybeSent,
    NoTopic,
    NotSent,
    Pacing,
    Refused,
    Unreachable,
    UploadTooLarge,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from generation.media.videos import Deliverable
    from storage.chats import Chat
    from tests.simulation.chaos import Chaos

_TEXT = ("flood", "lost", "lost after effect", "no connection")
_VIDEO = (*_TEXT, "no topic", "refused", "too large")


class Telegram:
    """The messages of all chats; they outlive the runs of the bot."""

    def __init__(self, chaos: Chaos) -> None:
        self.chaos = chaos
        self.videos: Counter[str] = Counter()
        """Videos by the prompt in their caption, in all chats together."""
        self.unknown: Counter[str] = Counter()
        """Sends whose outcome the bot did not learn, by prompt."""
        self.told: defaultdict[int, list[str]] = defaultdict(list)
        """Texts by chat."""
        self.refused: Counter[str] = Counter()
        """Sends that were definitely refused, by prompt."""
        self.turned_away: Counter[int] = Counter()
        """Sends refused because the chat has blocked the bot, by chat."""
        self.blocked: set[int] = set()
        self.ids = count(1)


class StandInOutbox(Outbox):
    """Sends to the fake's chats."""

    def __init__(self, telegram: Telegram, bot: Any) -> None:
        super().__init__(bot, Pacing(1.0))
        self._telegram = telegram
        self._chaos = telegram.chaos

    @asynccontextmanager
    async def upload_slot(self, _chat: Chat) -> AsyncIterator[Upload]:
        await self._chaos.passes(0.0, 1.0)
        yield Upload()

    async def send_text(self, chat: Chat, text: str, **_: Any) -> int:
        await self._chaos.passes(0.05, 1.0)
        self._refuse_where_blocked(chat)
        fault = self._chaos.fault("telling", 0.03, _TEXT)
        self._fail(fault)
        number = next(self._telegram.ids)
        self._telegram.told[chat.telegram_id].append(text)
        self._lose_the_answer(fault)
        await self._chaos.passes(0.05, 1.0)
        return number

    async def edit(self, *said: Any, cosmetic: bool = False, **_: Any) -> None:
        await self._change()
        if not cosmetic:
            chat, _message, text, *_buttons = said
            self._telegram.told[chat.telegram_id].append(text)

    async def delete(self, *_: Any, **__: Any) -> None:
        await self._change()

    async def change_buttons(self, *_: Any, **__: Any) -> None:
        await self._change()

    async def react(self, *_: Any, **__: Any) -> None:
        await self._change()

    async def show_action(self, *_: Any, **__: Any) -> None:
        await self._change()

    async def _change(self) -> None:
        await self._chaos.passes(0.05, 1.0)
        self._fail(self._chaos.fault("editing", 0.03, _TEXT))

    async def send_file(
        self, chat: Chat, video: Deliverable, caption: str, upload: Upload, *,
        as_document: bool = False, **_: Any,
    ) -> SentFile:  # fmt: skip
        prompt = caption.splitlines()[-1]
        fault = self._chaos.fault("sending", 0.08, _VIDEO)
        try:
            await self._chaos.passes(0.5, 20.0)
            self._refuse_where_blocked(chat)
            self._refuse_video(fault, as_document=as_document)
            self._fail(fault)
            assert video.size
            upload.is_gone = True
            self._telegram.videos[prompt] += 1
            self._lose_the_answer(fault)
            await self._chaos.passes(0.05, 1.0)
        except (asyncio.CancelledError, MaybeSent):
            self._telegram.unknown[prompt] += 1
            raise
        except (NoTopic, Refused, UploadTooLarge, Unreachable):
            self._telegram.refused[prompt] += 1
            raise
        number = next(self._telegram.ids)
        return SentFile(number, f"file-{number}", "document" if as_document else "video")

    @staticmethod
    def _refuse_video(fault: str | None, *, as_document: bool) -> None:
        match fault:
            case "no topic":
                raise NoTopic("message thread not found", is_closed=False)
            case "refused" if not as_document:
                raise Refused("wrong type of the web page content")
            case "too large":
                raise UploadTooLarge("Request Entity Too Large")

    @staticmethod
    def _lose_the_answer(fault: str | None) -> None:
        if fault == "lost after effect":
            raise MaybeSent("timed out")

    def _refuse_where_blocked(self, chat: Chat) -> None:
        if chat.telegram_id in self._telegram.blocked:
            self._telegram.turned_away[chat.telegram_id] += 1
            raise Unreachable("bot was blocked by the user")

    def _fail(self, fault: str | None) -> None:
        match fault:
            case "flood":
                raise NotSent("Too Many Requests", 13.0)
            case "no connection":
                raise NotSent("no connection")
            case "lost":
                raise MaybeSent("timed out")


class StandInBot:
    """The part of python-telegram-bot's bot used here: its name, and downloads of pictures."""

    username = "film_maker_bot"
    link = "https://t.me/film_maker_bot"
    supports_inline_queries = True
    local_mode = False
    file_path = "photos/file_1.jpg"

    def __init__(self, chaos: Chaos) -> None:
        self._chaos = chaos

    async def get_file(self, *_: Any, **__: Any) -> StandInBot:
        await self._chaos.passes(0.1, 2.0)
        if self._chaos.strikes("picture delayed", 0.05):
            raise TimedOut
        if self._chaos.strikes("picture gone", 0.01):
            raise BadRequest("invalid file_id")
        return self

    async def download_to_drive(self, target: Path, **_: Any) -> None:
        _write(target)


def _write(target: Path) -> None:
    target.write_bytes(b"a picture")
