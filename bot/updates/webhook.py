"""The webhook: an HTTP server for Telegram's updates, behind a proxy that terminates TLS.

It responds when an update is stored; otherwise Telegram sends it again. python-telegram-bot's
server is not used, because it does not compare the secret in constant time.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
import re
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

import httpx
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from telegram.error import InvalidToken, RetryAfter

from bot.serving import HttpServer
from bot.updates.intake import is_int64, origin_of
from bot.updates.listening import MAX_KEPT_BYTES, UPDATES, Listening, describe
from generation.jobs import schedule
from handlers.replies.sending import to_seconds

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from telegram.ext import ExtBot

    from bot.settings.definition import Endpoint
    from bot.updates.intake import Intake
    from bot.updates.listening import TelegramRequest
    from handlers.replies.sending import Urgency

SECRET_HEADER = "x-telegram-bot-api-secret-token"  # noqa: S105 - the header's name
MAX_UPDATE_BYTES = 2_000_000
"""The longest text message has some ten thousand."""
BODY_SECONDS, STORE_SECONDS = 15.0, 25.0
"""How long an update may take to be read, and to be stored: Telegram waits for 60 s."""
LOOK_SECONDS = 20.0
"""How often Telegram is asked whether the webhook works."""
_NUMBER = re.compile(rb'\s*\{\s*"update_id"\s*:\s*(\d{1,18})\b')

logger = logging.getLogger(__name__)


def is_same_url(told: object, address: str) -> bool:
    """Return whether two URLs are the same after normalisation."""
    try:
        one, other = httpx.URL(str(told)), httpx.URL(address)
    except httpx.InvalidURL:
        return False
    return (one.scheme, one.netloc, one.raw_path) == (other.scheme, other.netloc, other.raw_path)


def webhook_problem(info: dict[str, Any], url: str, *, heard_at: float) -> str:
    """Return what is wrong with a webhook, by its `getWebhookInfo`, or "".

    Telegram reports its last error for ever, so it counts only if updates are pending and none
    came after it.
    """
    if not is_same_url(info.get("url"), url):
        return "it was set to another address, or taken off"
    waits, failed_at = info.get("pending_update_count"), info.get("last_error_date")
    if is_int64(waits) and waits and is_int64(failed_at) and failed_at > heard_at:
        return str(info.get("last_error_message") or "Telegram cannot bring its updates")
    return ""


class Webhook(Listening):
    """Receives the updates that Telegram posts; `heard_at` is when that was last known to work.

    The proxy may change the path of the URL: every path is accepted, with the secret.
    """

    def __init__(
        self,
        bot: ExtBot[Urgency],
        request: TelegramRequest,
        intake: Intake,
        *,
        url: str,
        secret: str,
        port: Endpoint,
        clock: Callable[[], float],
    ) -> None:
        """Bind the port; Telegram calls `url` with the secret. Raises CannotStart."""
        super().__init__(bot, request, intake, poll_seconds=0.0, clock=clock)
        self._url, self._secret = url, secret
        self._turns = WeakValueDictionary[int, asyncio.Lock]()
        # when the last update came, by Telegram's clock
        self._came_at = 0.0
        self._is_open = False
        app = Starlette(routes=[Route("/{path:path}", self._receive, methods=["POST"])])
        self._server = HttpServer(app, setting="WEBHOOK_PORT", endpoint=port)

    async def listen(self) -> None:
        """Set the webhook, and check every 20 seconds that it works, until cancelled.

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
                    await self._bot.set_webhook(
                        self._url, secret_token=self._secret, allowed_updates=UPDATES
                    )
                info: Any = await self._request.post(f"{self._bot.base_url}/getWebhookInfo")
                self.note_clock()
                if is_new:
                    # Telegram may normalise it
                    url = info.get("url") or self._url
                    # errors from before the start do not count
                    self._came_at = self._came_at or self._telegrams_time()
                failures = 0
                trouble = webhook_problem(info, str(url), heard_at=self._came_at)
                url = url if info.get("url") == url else None
                if not trouble:
                    self.heard_at = self._clock()
                elif trouble != told:
                    logger.warning("the webhook fails: %s", trouble)
                told = trouble
                await asyncio.sleep(LOOK_SECONDS)
            except InvalidToken:
                raise
            except RetryAfter as refusal:
                await asyncio.sleep(to_seconds(refusal.retry_after))
            except Exception as error:  # noqa: BLE001 - whatever one look does, the next is taken
                logger.warning("the webhook cannot be looked at: %s", describe(error))
                await asyncio.sleep(min(LOOK_SECONDS, schedule.backoff(failures)))
                failures += 1

    async def close(self) -> None:
        """Stop the server; Telegram sends again what got no response."""
        await self._server.stop()

    def _telegrams_time(self) -> float:
        """Return the current time by Telegram's clock, which dates its errors."""
        return self._clock() - self.clock_ahead()

    @asynccontextmanager
    async def _turn(self, raw: object) -> AsyncIterator[None]:
        """Wait until all earlier updates of the same chat and the same sender are stored."""
        origin = origin_of(raw)
        async with AsyncExitStack() as stack:
            # in a fixed order, to avoid deadlocks
            for number in sorted({origin.chat, origin.sender}):
                lock = self._turns.setdefault(number, asyncio.Lock())
                await stack.enter_async_context(lock)
            yield

    async def _receive(self, request: Request) -> Response:
        given = request.headers.get(SECRET_HEADER, "").encode()
        if not hmac.compare_digest(given, self._secret.encode()):
            return Response(status_code=401)
        try:
            async with asyncio.timeout(BODY_SECONDS):
                body = await _read(request)
        except (TimeoutError, ClientDisconnect):
            return Response(status_code=408)
        if body is None:
            return Response(status_code=413)
        number, raw = _parse_body(body)
        if number is None:
            # a success, or Telegram would send it again for ever
            logger.error("something among the updates has no number: left alone")
            return Response()
        try:
            async with asyncio.timeout(STORE_SECONDS), self._turn(raw):
                await self._intake.take(number, raw, self._bot)
        except TimeoutError:
            return Response(status_code=503)
        self.heard_at = self._clock()
        self._came_at = self._telegrams_time()
        return Response()


async def _read(request: Request) -> bytes | None:
    """Return the body of a request, or None if it is too long."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > MAX_UPDATE_BYTES:
            return None
    return bytes(body)


def _parse_body(body: bytes) -> tuple[int | None, object]:
    """Return the id of an update, or None, and its content; text stands in for unreadable JSON."""
    try:
        raw: object = json.loads(body)
    except (ValueError, RecursionError):
        found = _NUMBER.match(body)
        text = body[:MAX_KEPT_BYTES].decode(errors="replace")
        return (int(found[1]), {"message": [text]}) if found else (None, None)
    number = raw.get("update_id") if isinstance(raw, dict) else None
    return number if is_int64(number) else None, raw
