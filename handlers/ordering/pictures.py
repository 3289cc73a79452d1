"""The picture in a message: a photo, an image sent as a file, a sticker, a video's frame."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from telegram.error import BadRequest, Forbidden, TelegramError

from generation.media.pictures import PictureDelayed, PictureGone, frame_of
from storage.accounts import SHARED_IDS

if TYPE_CHECKING:
    from pathlib import Path

    from telegram import Document, Message
    from telegram.ext import ExtBot

    from handlers.replies.language import Translator
    from handlers.replies.pacing import Urgency
    from storage.cards import Card

LARGEST = 20_000_000
"""Bytes a bot may fetch from Telegram (the hosted server's limit for getFile)."""
FETCH_SECONDS = 60.0
_NOT_PICTURES = frozenset({"image/gif", "image/svg+xml"})
_UNNAMED = frozenset({"", "application/octet-stream"})
"""What some phones call every file."""
_ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".heic", ".heif")
_LAST = re.compile(r"(?:^|(?<=\s))(?:--|[—–]-?)last(?=\s|\Z)\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class SentPicture:
    """A picture somebody sent: Telegram's file id, its size in pixels where Telegram told it.

    `by` is who sent it: they may have taken away what was made of it.
    """

    file_id: str
    width: int | None = None
    height: int | None = None
    by: int | None = None

    @classmethod
    def on(cls, card: Card) -> SentPicture | None:
        """Return the picture a card holds."""
        if card.picture is None:
            return None
        return cls(card.picture, card.picture_width, card.picture_height, card.picture_by)

    @property
    def size(self) -> tuple[int, int] | None:
        """Width and height, where they are known."""
        return (self.width, self.height) if self.width and self.height else None


def picture_of(message: Message | None) -> SentPicture | None:
    """Return the picture a message shows, None where it shows none we can fetch."""
    if message is None:
        return None
    by = _sender(message)
    sizes = message.photo or message.new_chat_photo
    if sizes:
        largest = sizes[-1]
        return SentPicture(largest.file_id, largest.width, largest.height, by)
    document = message.document
    if document is None or not is_image(document) or not _fetchable(document.file_size):
        return None
    # Telegram tells no size of a file, but its thumbnail has the same shape
    small = document.thumbnail
    return SentPicture(
        document.file_id, small.width if small else None, small.height if small else None, by
    )


def any_picture_of(message: Message | None, words: str = "") -> tuple[SentPicture | None, str]:
    """Return what of a message can come alive, and the words without the option this took.

    That is its picture, its sticker, or a frame of what moves in it: the first one, or
    with `--last` in the words the last.
    """
    still = picture_of(message)
    if message is None or still is not None:
        return still, words
    sticker = message.sticker
    if sticker is not None and not sticker.is_video:
        if sticker.is_animated:
            # drawings, not frames: nothing here can render them
            return None, words
        return SentPicture(sticker.file_id, sticker.width, sticker.height, _sender(message)), words
    moving = message.video or message.animation or message.video_note or sticker
    if moving is None or not _fetchable(moving.file_size):
        return None, words
    left, wants_last = _LAST.subn("", words)
    return SentPicture(
        frame_of(moving.file_id, last=bool(wants_last)),
        getattr(moving, "width", None),
        getattr(moving, "height", None),
        _sender(message),
    ), left.strip()


def is_too_large(message: Message) -> bool:
    """Whether a message's picture is more than a bot may fetch."""
    document = message.document
    return document is not None and is_image(document) and not _fetchable(document.file_size)


def no_picture(message: Message, translator: Translator) -> str:
    """Say why nothing of a message can come alive, and what can."""
    moving = message.video or message.animation or message.video_note
    if moving is not None and not _fetchable(moving.file_size):
        return translator.gettext(
            "That is over 20 MB, more than I can fetch. Send a shorter video."
        )
    if message.document is not None and not _fetchable(message.document.file_size):
        return translator.gettext(
            "That file is over 20 MB, more than I can fetch. Send it as a photo."
        )
    if message.sticker is not None:
        return translator.gettext("I can't open that kind of sticker. Reply to a photo or a video.")
    return translator.gettext("I see no picture there. Reply /animate to a photo.")


def is_image(file: Document) -> bool:
    """Whether a file claims to be a still picture; its bytes are looked at later."""
    claimed = (file.mime_type or "").lower()
    if claimed in _UNNAMED:
        return (file.file_name or "").lower().endswith(_ENDINGS)
    return claimed.startswith("image/") and claimed not in _NOT_PICTURES


def _fetchable(size: int | None) -> bool:
    return size is None or size <= LARGEST


def _sender(message: Message) -> int | None:
    """Return the person whose picture it is; None for channels, anonymous admins and bots."""
    user = message.from_user
    if user is None or user.is_bot or message.sender_chat is not None or user.id in SHARED_IDS:
        return None
    return user.id


class TelegramPictures:
    """Fetches pictures by file id, whose address holds the bot's token and goes nowhere."""

    def __init__(self, bot: ExtBot[Urgency]) -> None:
        self._bot = bot

    async def __call__(self, file_id: str, target: Path) -> None:
        """Write the picture to `target`; at most 20 MB, Telegram's own limit.

        Raises:
            PictureGone: Telegram does not have it any more.
            PictureDelayed: Telegram did not answer.
        """
        try:
            file = await self._bot.get_file(file_id, read_timeout=FETCH_SECONDS)
            await file.download_to_drive(target, read_timeout=FETCH_SECONDS)
        except (BadRequest, Forbidden) as error:
            raise PictureGone(error.message) from None
        except TelegramError as error:
            # without the cause: its text holds the address
            raise PictureDelayed(type(error).__name__) from None
