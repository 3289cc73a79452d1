"""Updates as Telegram brings them: a webhook on a server of our own, behind whoever ends TLS.

Telegram is told that an update was received when it is stored, and brings it again otherwise; an
update is the same whichever way it came. python-telegram-bot's server is not used: it compares the
secret with `!=`.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
import re
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

import httpx
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from telegram.error import InvalidToken, RetryAfter

from bot.serving import HttpServer
from bot.updates.intake import is_whole, origin_of
from bot.updates.listening import LONGEST_KEPT, UPDATES, Listening, named
from generation.jobs import schedule
from handlers.replies.sending import seconds

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from telegram.ext import ExtBot

    from bot.settings.definition import Endpoint
    from bot.updates.intake import Intake
    from bot.updates.listening import TelegramRequest
    from handlers.replies.sending import Urgency

SECRET = "x-telegram-bot-api-secret-token"  # noqa: S105 - the header's name
LONGEST_UPDATE = 2_000_000
"""Bytes of an update that are read; a message of the longest words has some ten thousand."""
BODY_SECONDS, STORE_SECONDS = 15.0, 25.0
"""How long an update may take to come, and to be stored: Telegram waits for 60 s."""
LOOK_SECONDS = 20.0
"""How often Telegram is asked whether it could bring its updates."""
_NUMBER = re.compile(rb'\s*\{\s*"update_id"\s*:\s*(\d{1,18})\b')

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookAddress:
    """Where Telegram calls, what it says there to be known, and the port it is led to."""

    url: str
    secret: str
    port: Endpoint


def is_same(told: object, address: str) -> bool:
    """Whether Telegram tells this address, be it that it writes its host or its end otherwise."""
    try:
        one, other = httpx.URL(str(told)), httpx.URL(address)
    except httpx.InvalidURL:
        return False
    return (one.scheme, one.netloc, one.raw_path) == (other.scheme, other.netloc, other.raw_path)


def trouble_of(info: dict[str, Any], url: str, *, taken_at: float) -> str:
    """Say what is wrong with a webhook by what Telegram tells of it; "" where nothing is.

    An error is told for good, so it counts while something waits and nothing came after it.
    """
    if not is_same(info.get("url"), url):
        return "it was set to another address, or taken off"
    waits, failed_at = info.get("pending_update_count"), info.get("last_error_date")
    if is_whole(waits) and waits and is_whole(failed_at) and failed_at > taken_at:
        return str(info.get("last_error_message") or "Telegram cannot bring its updates")
    return ""


class Webhook(Listening):
    """Takes the updates that Telegram posts; `taken_at` is when nothing was wrong with that last.

    The address's path is the proxy's business: all of them lead here, and the secret decides.
    """

    def __init__(
        self,
        bot: ExtBot[Urgency],
        request: TelegramRequest,
        intake: Intake,
        *,
        address: WebhookAddress,
        clock: Callable[[], float],
    ) -> None:
        """Take the port. Raises PortUnusable."""
        super().__init__(bot, request, intake, poll_seconds=0.0, clock=clock)
        self._address = address
        self._turns = WeakValueDictionary[int, asyncio.Lock]()
        # by Telegram's clock, as of then: how far ours is ahead is measured anew at each answer
        self._came_at = 0.0
        self._is_open = False
        app = Starlette(routes=[Route("/{path:path}", self._receive, methods=["POST"])])
        self._server = HttpServer(app, setting="WEBHOOK_PORT", endpoint=address.port)

    async def listen(self) -> None:
        """Let Telegram bring its updates, and ask whether it can, until cancelled.

        Raises:
            InvalidToken: Telegram answers 401 or 404, as for a token that was revoked.
        """
        if not self._is_open:
            self._is_open = True
            await self._server.start()
        failures, told = 0, ""
        url: str | None = None
        while True:
            try:
                is_new = url is None
                if is_new:
                    await self._set()
                info: Any = await self._request.post(f"{self._bot.base_url}/getWebhookInfo")
                self.note_clock()
                if is_new:
                    # Telegram may spell it otherwise
                    url = info.get("url") or self._address.url
                    # what failed while the bot was away is no trouble now
                    self._came_at = self._came_at or self._telegrams_time()
                failures = 0
                trouble = trouble_of(info, str(url), taken_at=self._came_at)
                url = url if info.get("url") == url else None
                if not trouble:
                    self.taken_at = self._clock()
                elif trouble != told:
                    logger.warning("the webhook fails: %s", trouble)
                told = trouble
                await asyncio.sleep(LOOK_SECONDS)
            except InvalidToken:
                raise
            except RetryAfter as refusal:
                await asyncio.sleep(seconds(refusal.retry_after))
            except Exception as error:  # noqa: BLE001 - whatever one look does, the next is taken
                logger.warning("the webhook cannot be looked at: %s", named(error))
                await asyncio.sleep(min(LOOK_SECONDS, schedule.backoff(failures)))
                failures += 1

    async def close(self) -> None:
        """Take nothing more: what was not answered for comes again."""
        await self._server.stop()

    async def _set(self) -> None:
        await self._bot.set_webhook(
            self._address.url, secret_token=self._address.secret, allowed_updates=UPDATES
        )

    def _telegrams_time(self) -> float:
        """Return the time by Telegram's clock, which dates its errors."""
        return self._clock() - self.clock_ahead()

    @asynccontextmanager
    async def _turn(self, raw: object) -> AsyncIterator[None]:
        """Take an update in after those of its chat and its sender, and beside all others."""
        origin = origin_of(raw)
        async with AsyncExitStack() as stack:
            # in one order, or two could wait for each other
            for number in sorted({origin.chat, origin.sender}):
                lock = self._turns.setdefault(number, asyncio.Lock())
                await stack.enter_async_context(lock)
            yield

    async def _receive(self, request: Request) -> Response:
        given = request.headers.get(SECRET, "").encode()
        if not hmac.compare_digest(given, self._address.secret.encode()):
            return Response(status_code=401)
        try:
            async with asyncio.timeout(BODY_SECONDS):
                body = await _read(request)
        except (TimeoutError, ClientDisconnect):
            return Response(status_code=408)
        if body is None:
            return Response(status_code=413)
        number, raw = _parsed(body)
        if number is None:
            # it would come again and again
            logger.error("something among the updates has no number: left alone")
            return Response()
        try:
            async with asyncio.timeout(STORE_SECONDS), self._turn(raw):
                await self._intake.take(number, raw, self._bot)
        except TimeoutError:
            return Response(status_code=503)
        self.taken_at = self._clock()
        self._came_at = self._telegrams_time()
        return Response()


async def _read(request: Request) -> bytes | None:
    """Return a request's body; None where it is too long."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > LONGEST_UPDATE:
            return None
    return bytes(body)


def _parsed(body: bytes) -> tuple[int | None, object]:
    """Return an update and its number; one that is no JSON as a text, and None for no number."""
    try:
        raw: object = json.loads(body)
    except (ValueError, RecursionError):
        found = _NUMBER.match(body)
        text = body[:LONGEST_KEPT].decode(errors="replace")
        return (int(found[1]), {"message": [text]}) if found else (None, None)
    number = raw.get("update_id") if isinstance(raw, dict) else None
    return number if is_whole(number) else None, raw
