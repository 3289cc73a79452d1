"""Ask Telegram for updates, batch after batch, and hand them to the intake.

python-telegram-bot's Updater is not used: it sleeps through a stop for up to 30 seconds, cannot
be started again once a token was refused, and tells nobody when it last heard from Telegram.
"""

from __future__ import annotations

import json
import logging
from asyncio import sleep
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from telegram.error import InvalidToken, RetryAfter, TelegramError

from bot.updates.intake import is_whole
from generation.jobs import schedule
from handlers.replies.outcomes import seconds

if TYPE_CHECKING:
    from collections.abc import Callable

    from telegram.ext import ExtBot

    from bot.updates.intake import Intake
    from bot.updates.telegram_request import TelegramRequest
    from handlers.replies.pacing import Urgency

UPDATES = ["message", "callback_query", "inline_query", "my_chat_member", "pre_checkout_query"]
"""Asked for by name: left out, Telegram would keep whatever was asked for before."""
LONGEST_PAUSE = 30.0
"""Seconds between two tries while Telegram cannot be reached."""

logger = logging.getLogger(__name__)


class Listening:
    """Takes updates in; `taken_at` is when the last was, or none came, in seconds since 1970."""

    def __init__(
        self,
        bot: ExtBot[Urgency],
        request: TelegramRequest,
        intake: Intake,
        *,
        poll_seconds: float,
        clock: Callable[[], float],
    ) -> None:
        self._bot = bot
        self._request = request
        self._intake = intake
        self._poll_seconds = poll_seconds
        self._clock = clock
        self.taken_at: float | None = None

    async def listen(self) -> None:
        """Take updates until cancelled; a failure is waited out.

        Raises:
            InvalidToken: Telegram answers 401 or 404, as for a token that was revoked.
        """
        offset = 0
        failures = 0
        webhook_is_off = False
        while True:
            try:
                if not webhook_is_off:
                    await self._bot.delete_webhook()
                    webhook_is_off = True
                offset = await self._take_batch(offset)
            except InvalidToken:
                raise
            except RetryAfter as refusal:
                await sleep(seconds(refusal.retry_after))
            except Exception as error:  # noqa: BLE001 - whatever one batch does, the next is asked for
                logger.warning("getUpdates failed: %s", _named(error))
                await sleep(min(LONGEST_PAUSE, schedule.backoff(failures)))
                failures += 1
            else:
                failures = 0

    async def _take_batch(self, offset: int) -> int:
        """Ask once, which confirms what came before; returns what the next question confirms.

        Bot.get_updates is not used: it reads all or none, and keeps nothing of how it was written.
        """
        query = urlencode(
            {
                "offset": offset,
                "timeout": round(self._poll_seconds),
                "allowed_updates": json.dumps(UPDATES),
            }
        )
        batch: object = await self._request.post(
            f"{self._bot.base_url}/getUpdates?{query}",
            read_timeout=(self._request.read_timeout or 0) + self._poll_seconds,
        )
        if not isinstance(batch, list):
            raise TelegramError("no answer of Telegram's")
        confirms = offset
        for raw in batch:
            number = raw.get("update_id") if isinstance(raw, dict) else None
            if not is_whole(number):
                logger.error("something among the updates has no number: left alone")
                continue
            await self._intake.take(number, raw, self._bot)
            self.taken_at = self._clock()
            confirms = number + 1
        if batch and confirms == offset:
            raise TelegramError("nothing among the updates has a number")
        self.taken_at = self._clock()
        return confirms


def _named(error: Exception) -> str:
    # httpx names the address, which holds the token; python-telegram-bot's own words do not
    return error.message if isinstance(error, TelegramError) else type(error).__name__
