"""Fetch what people sent from Telegram; its address holds the bot's token and goes nowhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telegram.error import BadRequest, Forbidden, TelegramError

from generation.media.pictures import PictureDelayed, PictureGone

if TYPE_CHECKING:
    from pathlib import Path

    from telegram.ext import ExtBot

    from handlers.replies.pacing import Urgency

FETCH_SECONDS = 60.0


class TelegramPictures:
    """Fetches pictures by file id."""

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
