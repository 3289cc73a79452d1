"""Find the picture in a message: a photo, an image sent as a file, a sticker, a video's frame."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from generation.media.pictures import frame_of
from handlers.identity import SHARED_IDS
from handlers.ordering.drafts import SentPicture

if TYPE_CHECKING:
    from telegram import Document, Message

    from handlers.replies.language import Translator

LARGEST = 20_000_000
"""Bytes a bot may fetch from Telegram (the hosted server's limit for getFile)."""
_NOT_PICTURES = frozenset({"image/gif", "image/svg+xml"})
_UNNAMED = frozenset({"", "application/octet-stream"})
"""What some phones call every file."""
_ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".heic", ".heif")
_LAST = re.compile(r"(?:^|(?<=\s))(?:--|[—–]-?)last(?=\s|\Z)\s*", re.IGNORECASE)


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
