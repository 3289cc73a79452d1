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

from telegram import Update
from telegram.error import InvalidToken, RetryAfter, TelegramError

from generation.jobs import schedule
from handlers.replies.outcomes import seconds

if TYPE_CHECKING:
    from collections.abc import Callable

    from telegram.ext import ExtBot

    from bot.updates.intake import Intake
    from handlers.replies.pacing import Urgency

UPDATES = ["message", "callback_query", "inline_query", "my_chat_member", "pre_checkout_query"]
"""Asked for by name: left out, Telegram would keep whatever was asked for before."""
LONGEST_PAUSE = 30.0
"""Seconds between two tries while Telegram cannot be reached."""

logger = logging.getLogger(__name__)


class Listening:
    """Takes updates in; `heard_at` is when Telegram last answered, in seconds since 1970."""

    def __init__(
        self,
        bot: ExtBot[Urgency],
        intake: Intake,
        *,
        poll_seconds: float,
        clock: Callable[[], float],
    ) -> None:
        self._bot = bot
        self._intake = intake
        self._poll_seconds = poll_seconds
        self._clock = clock
        self.heard_at: float | None = None

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
        """Ask once, which confirms what came before; returns what the next question confirms."""
        try:
            updates = await self._bot.get_updates(
                offset, timeout=round(self._poll_seconds), allowed_updates=UPDATES
            )
        except TelegramError:
            raise
        except Exception:
            # python-telegram-bot reads all or none, and one would be offered again for ever
            logger.exception("a batch of updates cannot be read: one by one")
            return await self._take_one_by_one(offset)
        self.heard_at = self._clock()
        for update in updates:
            await self._intake.put(update)
        return updates[-1].update_id + 1 if updates else offset

    async def _take_one_by_one(self, offset: int) -> int:
        """Ask for the same again, as Telegram writes it; what cannot be read is set aside."""
        query = urlencode({"offset": offset, "allowed_updates": json.dumps(UPDATES)})
        batch = await self._bot.request.post(f"{self._bot.base_url}/getUpdates?{query}")
        if not isinstance(batch, list):
            raise TelegramError("no answer of Telegram's")
        self.heard_at = self._clock()
        for raw in batch:
            try:
                update = Update.de_json(raw, self._bot)
            except Exception:  # noqa: BLE001 - whatever is wrong with it, the others are read
                await self._intake.set_aside(raw["update_id"], json.dumps(raw))
            else:
                await self._intake.put(update)
        return int(batch[-1]["update_id"]) + 1 if batch else offset


def _named(error: Exception) -> str:
    # httpx names the address, which holds the token; python-telegram-bot's own words do not
    return error.message if isinstance(error, TelegramError) else type(error).__name__
