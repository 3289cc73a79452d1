"""Attachments of messages: which can be animated, how they are fetched, replies to the others."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from telegram.constants import FileSizeLimit
from telegram.error import BadRequest, Forbidden, InvalidToken, RetryAfter, TelegramError
from telegram.ext import filters

from generation.media.formats import PictureDelayed, PictureGone
from handlers import commands
from handlers.replies.keyboards import MAX_FETCH_BYTES, max_fetch_bytes
from handlers.replies.sending import to_seconds
from handlers.routing import ANY_COMMAND, Router, claim_answer
from handlers.senders import cause_of

if TYPE_CHECKING:
    from telegram import (
        Animation,
        Bot,
        Document,
        ExternalReplyInfo,
        File,
        Message,
        Video,
        VideoNote,
    )

    from handlers.context import Context
    from handlers.replies.texts import Translator
    from handlers.senders import Sender

router = Router()
logger = logging.getLogger(__name__)

_NOT_PICTURES = frozenset({"image/gif", "image/svg+xml"})
_UNKNOWN_TYPES = frozenset({"", "application/octet-stream"})
"""Media types that some phones give every file."""
_PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".heic", ".heif")


Seen: TypeAlias = "Message | ExternalReplyInfo"
"""A message, or what Telegram tells of a replied one in another chat."""


def moving_in(message: Seen) -> Video | Animation | VideoNote | Document | None:
    """Return the video or GIF of a message, also one sent as a file, or None."""
    file = message.document if is_video(message.document) else None
    return message.video or message.animation or message.video_note or file


def is_too_large(message: Seen) -> bool:
    """Whether a message has a picture that is too large for a bot to fetch."""
    document = message.document
    return document is not None and is_image(document) and not is_fetchable(document.file_size)


def no_picture(message: Seen, translator: Translator) -> str:
    """Return why nothing in a message can be animated, and what can."""
    moving, most = moving_in(message), max_fetch_bytes(message.get_bot())
    if moving is not None and not is_fetchable(moving.file_size, most):
        return translator.gettext(
            "That is over {count} MB, more than I can fetch. Send a shorter video."
        ).format(count=translator.number(most // 1_000_000))
    if message.document is not None and not is_fetchable(message.document.file_size):
        return translator.gettext(
            "That file is over 20 MB, more than I can fetch. Send it as a photo."
        )
    if message.sticker is not None:
        return translator.gettext("I can't open that kind of sticker. Reply to a photo or a video.")
    return translator.gettext("I see no picture there. Reply /animate to a photo.")


def is_image(file: Document) -> bool:
    """Whether a file claims to be a still picture; its bytes are checked later."""
    claimed = (file.mime_type or "").lower()
    if claimed in _UNKNOWN_TYPES:
        return (file.file_name or "").lower().endswith(_PICTURE_SUFFIXES)
    return claimed.startswith("image/") and claimed not in _NOT_PICTURES


def is_video(file: Document | None) -> bool:
    """Whether a file claims to be a video."""
    return file is not None and (file.mime_type or "").lower().startswith("video/")


def is_fetchable(size: int | None, most: int = MAX_FETCH_BYTES) -> bool:
    """Whether a file is small enough to fetch, or of unknown size; `most` is in bytes.

    The default limit holds for still pictures on any server: larger ones are not opened.
    """
    return not isinstance(size, int) or size <= most


def advice(message: Message, translator: Translator) -> str:
    """Return what to send instead of the unsupported attachment."""
    _ = translator.gettext
    if message.document and (message.document.file_size or 0) > FileSizeLimit.FILESIZE_DOWNLOAD:
        return _("That file is over 20 MB. Send me a smaller picture, or send it as a photo.")
    # a GIF also fills the document field, so it is checked first
    for sent, answer in (
        (message.animation, _("It moves already! Send me a still picture to bring to life.")),
        (
            message.document,
            _("I can't use this file. Send me a JPEG, PNG, WEBP or HEIC picture, or an idea."),
        ),
        (message.voice, _("I can't listen. Write me what we should see.")),
        (message.audio, _("I can't hear music. Write me what we should see to it.")),
        (message.sticker, _("Nice one! But I need a photo, or a few words about what to film.")),
        (message.contact, _("I make no videos of contacts. Send me a photo or an idea.")),
        (
            message.location or message.venue,
            _("I can't see places on a map. Send me a photo of it, or describe it."),
        ),
        (message.poll, _("I don't vote. Write me one idea, and I film it.")),
        (message.dice, _("I can't play games. Send me an idea or a photo.")),
    ):
        if sent:
            return answer
    return _("I make short videos from an idea or a photo. Send me one of the two.")


@router.message(filters.ChatType.PRIVATE & ANY_COMMAND)
async def unknown(sender: Sender, message: Message) -> None:
    """Answer an unknown command."""
    await sender.reply(
        commands.unknown(message.text or "", sender.translator), reply_to=message.message_id
    )


@router.message(filters.ChatType.PRIVATE & ~filters.TEXT & ~filters.StatusUpdate.ALL)
async def unsupported(sender: Sender, message: Message, context: Context) -> None:
    """Answer an attachment of which no video can be made."""
    if claim_answer(context, cause_of(message)):
        await sender.reply(advice(message, sender.translator), reply_to=message.message_id)


FETCH_SECONDS = 60.0
"""Read timeout of a file from Telegram."""
_FOR_NOW = "temporarily unavailable"
"""Telegram's error for files that may be back in a moment, or never."""


class TelegramFiles:
    """Fetches files from Telegram by id; their URLs contain the token and are never logged."""

    def __init__(self, bot: Bot) -> None:
        self._bot = bot
        self._is_told = False

    async def __call__(self, file_id: str, target: Path) -> None:
        """Write the file to `target`; at most 20 MB, unless the server is in local mode.

        Raises:
            PictureGone: Telegram no longer has it.
            PictureDelayed: Telegram did not answer, or not with the file.
        """
        file: File | None = None
        # raised without their cause, whose text may contain the URL
        try:
            file = await self._bot.get_file(file_id, read_timeout=FETCH_SECONDS)
            path = file.file_path or ""
            if path.startswith("/"):
                # a server in local mode; python-telegram-bot would copy it, up to 2 GB
                await asyncio.to_thread(_link, Path(path), target)
            else:
                await file.download_to_drive(target, read_timeout=FETCH_SECONDS)
        except RetryAfter as error:
            raise PictureDelayed(error.message, retry_after=to_seconds(error.retry_after)) from None
        except (BadRequest, Forbidden) as error:
            if _FOR_NOW in error.message.lower():
                raise PictureDelayed(error.message, is_refused=True) from None
            raise PictureGone(error.message) from None
        except TelegramError as error:
            is_missing = file is not None and isinstance(error, InvalidToken)
            if is_missing:
                self._warn(unmounted_folder(self._bot, file))
            raise PictureDelayed(type(error).__name__, is_refused=is_missing) from None
        except OSError as error:
            if file is not None and isinstance(error, PermissionError):
                self._warn(_folder(self._bot, file.file_path or ""))
            raise PictureDelayed(type(error).__name__, is_refused=True) from None
        except (RuntimeError, AttributeError, KeyError, TypeError, ValueError) as error:
            # Telegram names no path, or one that cannot be read
            raise PictureDelayed(type(error).__name__, is_refused=True) from None

    def _warn(self, folder: str | None) -> None:
        """Log once how the operator can make the server's files readable."""
        if folder is not None and not self._is_told:
            self._is_told = True
            logger.warning("TELEGRAM_API_LOCAL: %s", UNMOUNTED.format(folder=folder))


def _link(path: Path, target: Path) -> None:
    """Make `target` a symbolic link to a file; raises OSError if it cannot be read."""
    with path.open("rb"):
        target.symlink_to(path)


UNMOUNTED = (
    "the Bot API server keeps its files in {folder}, where the bot sees none: mount that folder "
    "here under the same name, readable, or run the server without --local"
)


def unmounted_folder(bot: Bot, file: File | None) -> str | None:
    """Return the folder of a server in local mode that is not mounted here, or None."""
    if file is None or file.file_path is None:
        return None
    # python-telegram-bot makes a URL of a path that does not exist here
    path = file.file_path.removeprefix(f"{bot.base_file_url}/")
    is_unseen = path != file.file_path and path.startswith("/")
    return _folder(bot, path) if is_unseen else None


def _folder(bot: Bot, path: str) -> str:
    """Return the server's folder of all bots: the folder of each bot is named after its token."""
    return path.partition(bot.token)[0]
