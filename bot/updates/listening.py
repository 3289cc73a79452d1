"""The HTTP client for Telegram, and the long polling for updates.

python-telegram-bot's Updater is not used: it delays a stop by up to 30 seconds, cannot be started
again once a token was refused, and does not tell when it last got an answer.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
from asyncio import sleep
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import lru_cache
from http import HTTPStatus
from math import ceil
from time import monotonic
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import httpx
from telegram._utils.defaultvalue import DefaultValue
from telegram.error import Conflict, InvalidToken, NetworkError, RetryAfter, TelegramError, TimedOut
from telegram.request import BaseRequest

from bot.updates.intake import is_int64, origin_of
from generation.jobs import schedule
from generation.provider.connections import Connections, read_body
from handlers.replies.sending import to_seconds
from storage import DAY_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from telegram._utils.types import ODVInput
    from telegram.ext import ExtBot
    from telegram.request import RequestData

    from bot.updates.intake import Intake
    from handlers.replies.sending import Urgency

MAX_ANSWER_BYTES = 25_000_000
"""The largest answer is a file, and Telegram serves files of 20 MB at most."""
MAX_REFUSAL_BYTES = 2_000
"""How much of an error response is read: Telegram's are one line."""
DEFAULT_RETRY_AFTER, MAX_RETRY_AFTER = 3, int(DAY_SECONDS)
"""Seconds to wait after a 429 response that names no time, and at most."""

_IS_ERROR = re.compile(rb'\s*\{[^{}]*"ok"\s*:\s*false\b')

_METHOD = re.compile(r"(?<!/file)/bot[^/]+/(\w+)(?:\?|$)")
"""Finds the name of the method in a URL; URLs of files have none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TelegramTimeouts:
    """Timeouts in seconds: to connect, without data in a call, upload or long poll, and in all.

    `upload` is long because Telegram answers only when it has read the whole video: after an
    earlier timeout the video may arrive nevertheless.
    """

    connect: float = 5.0
    silence: float = 10.0
    upload: float = 120.0
    poll: float = 10.0
    call_total: float = 90.0
    upload_total: float = 900.0


class UnreadableAnswer(TelegramError):
    """The answer is no JSON that can be parsed: mostly it is the page of a gateway."""

    def __init__(self, payload: bytes) -> None:
        super().__init__("no answer of Telegram's")
        self.payload = payload

    def update_id(self) -> int | None:
        """Return the id of the first update in the answer, or None if it has none."""
        found = re.match(rb'\s*\{\s*"ok"\s*:\s*true.{1,40}?"update_id"\s*:\s*(\d{1,18})\b',
                         self.payload, re.DOTALL)  # fmt: skip
        return None if found is None else int(found[1])


class TelegramRequest(BaseRequest):
    """HTTP requests to Telegram, limited in time, in size and to `count` at a time.

    `httpx.AsyncClient` is not used: its cookies, redirects and authentication take as long as the
    request itself. `answers` counts responses by method and status; status 0 is no response.
    """

    def __init__(self, count: int, times: TelegramTimeouts) -> None:
        self._times = times
        self._connections = Connections()
        self._free = asyncio.Semaphore(count)
        self._is_open = True
        self.answers = Counter[tuple[str, int]]()
        self.date = ""
        """The Date header of the last response."""

    @property
    def read_timeout(self) -> float | None:
        """Seconds without data after which a call fails."""
        return self._times.silence

    async def initialize(self) -> None:
        """Allow connections, which are made when needed."""
        self._is_open = True

    async def shutdown(self) -> None:
        """Close all connections, and make no more."""
        self._is_open = False
        await self._connections.aclose()

    async def drop_connections(self) -> None:
        """Close all connections, one of which may hang; new ones are made when needed."""
        await self._connections.aclose()

    async def do_request(
        self,
        url: str,
        method: str,
        request_data: RequestData | None = None,
        read_timeout: ODVInput[float] = BaseRequest.DEFAULT_NONE,
        *_others: object,
        **_more: object,
    ) -> tuple[int, bytes]:
        """Send a request as soon as a connection is free.

        Raises:
            TimedOut: it takes too long.
            NetworkError: the connection fails, or cannot be made.
        """
        data = request_data.json_parameters if request_data else None
        files = request_data.multipart_data if request_data else None
        times = self._times
        silence = times.upload if files else times.silence
        waits = silence if isinstance(read_timeout, DefaultValue) else read_timeout
        timeout = httpx.Timeout(silence, connect=times.connect, read=waits)
        request = httpx.Request(
            method, _parse_url(url), headers=_HEADERS, data=data, files=files,
            extensions={"timeout": timeout.as_dict()},
        )  # fmt: skip
        try:
            async with asyncio.timeout(times.silence):
                await self._free.acquire()
        except TimeoutError as error:
            raise TimedOut("no connection was free, nothing was sent") from error
        if not self._is_open:
            # a handler may go on although the bot has stopped
            self._free.release()
            raise NetworkError("closed, nothing was sent")
        status = 0
        try:
            async with asyncio.timeout(times.upload_total if files else times.call_total):
                status, body = await self._exchange(request)
        except (TimeoutError, httpx.TimeoutException) as error:
            raise TimedOut("not done within the time there is") from error
        except httpx.HTTPError as error:
            raise NetworkError(f"httpx.{type(error).__name__}: {error}") from error
        finally:
            self._free.release()
            named = _METHOD.search(url)
            self.answers[named[1] if named else "file", status] += 1
        if status == HTTPStatus.OK and not _IS_ERROR.match(body):
            return status, body
        # truncated, because the error that follows quotes all of it
        return _refusal(status, body[:MAX_REFUSAL_BYTES])

    async def _exchange(self, request: httpx.Request) -> tuple[int, bytes]:
        response = await self._connections.handle_async_request(request)
        try:
            self.date = response.headers.get("date", "")
            return response.status_code, await read_body(response, MAX_ANSWER_BYTES)
        finally:
            await response.aclose()

    @staticmethod
    def parse_json_payload(payload: bytes) -> dict[str, Any]:
        """Parse an answer like the base class, but do not log a traceback for a gateway's page."""
        try:
            answer = json.loads(payload.decode(json.detect_encoding(payload), "replace"))
        except (ValueError, RecursionError) as error:
            raise UnreadableAnswer(payload) from error
        if not isinstance(answer, dict) or (answer.get("ok", True) and "result" not in answer):
            raise TelegramError("no answer of Telegram's")
        return answer


def _refusal(status: int, body: bytes) -> tuple[int, bytes]:
    """Return an error response with the types that python-telegram-bot requires.

    It fails at a description that is no string, and at parameters that are no numbers.
    """
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict):
        if status != HTTPStatus.TOO_MANY_REQUESTS:
            return status, body
        answer = {}
    code, words, more = (answer.get(name) for name in ("error_code", "description", "parameters"))
    if status == HTTPStatus.OK:
        status = int(HTTPStatus.BAD_REQUEST)
        if is_int64(code) and code // 100 in {4, 5}:
            status = code
    wait, moved = (
        _number(more.get(name)) if isinstance(more, dict) else None
        for name in ("retry_after", "migrate_to_chat_id")
    )
    if status == HTTPStatus.TOO_MANY_REQUESTS and (wait or 0) <= 0:
        wait = DEFAULT_RETRY_AFTER
    parameters = {"retry_after": wait and min(wait, MAX_RETRY_AFTER), "migrate_to_chat_id": moved}
    refusal = {
        "ok": False,
        "description": words if isinstance(words, str) else "",
        "parameters": {name: value for name, value in parameters.items() if value},
    }
    return status, json.dumps(refusal).encode()


def _number(value: object) -> int | None:
    """Return an integer that SQLite can store, rounded up or parsed if needed, else None."""
    try:
        number = ceil(float(value)) if isinstance(value, str | float) else value
    except (ValueError, OverflowError):
        return None
    return number if is_int64(number) else None


_HEADERS = httpx.Headers({"User-Agent": BaseRequest.USER_AGENT})
_parse_url = lru_cache(httpx.URL)


UPDATES = ["message", "edited_message", "callback_query", "inline_query", "my_chat_member",
           "pre_checkout_query"]  # fmt: skip
"""The kinds of updates asked for; without a list Telegram would use the one of the last call."""
MAX_BACKOFF_SECONDS = 30.0
"""The longest time between two tries while Telegram cannot be reached."""
MAX_BATCH = 100
"""Updates per request: the most that Telegram gives."""
MAX_KEPT_BYTES = 100_000
"""How much is stored of an answer that cannot be parsed."""
MIN_POLL_SECONDS = 1.0
"""The shortest time between two requests if the first gave nothing: some servers never wait."""

logger = logging.getLogger(__name__)


class Listening:
    """Polls for updates; `heard_at` is when that last succeeded, in seconds since 1970."""

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
        self.heard_at: float | None = None
        self._limit = MAX_BATCH
        self._ahead = 0.0

    def clock_ahead(self) -> float:
        """Return by how many seconds our clock is ahead of Telegram's, which dates messages."""
        return self._ahead

    def note_clock(self) -> None:
        """Compare our clock with the time of Telegram's last response."""
        with suppress(ValueError, OverflowError, OSError):
            self._ahead = self._clock() - parsedate_to_datetime(self._request.date).timestamp()

    async def listen(self) -> None:
        """Poll for updates until cancelled; failures are retried with back-off.

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
                asked_at, before = monotonic(), offset
                offset = await self._take_batch(offset)
                if offset == before:
                    await sleep(max(0.0, asked_at + MIN_POLL_SECONDS - monotonic()))
            except InvalidToken:
                raise
            except RetryAfter as refusal:
                await sleep(to_seconds(refusal.retry_after))
            except Exception as error:  # noqa: BLE001 - whatever one batch does, the next is asked for
                logger.warning("getUpdates failed: %s", describe(error))
                # another program may have set a webhook meanwhile
                webhook_is_off = webhook_is_off and not isinstance(error, Conflict)
                await sleep(min(MAX_BACKOFF_SECONDS, schedule.backoff(failures)))
                failures += 1
            else:
                failures = 0

    async def _take_batch(self, offset: int) -> int:
        """Send one request, which confirms all updates below `offset`; return the next offset.

        `Bot.get_updates` is not used: one update that it cannot parse would lose the whole batch,
        and it drops the JSON as Telegram wrote it.
        """
        query = urlencode(
            {
                "offset": offset,
                "limit": self._limit,
                "timeout": round(self._poll_seconds),
                "allowed_updates": json.dumps(UPDATES),
            }
        )
        try:
            batch: object = await self._request.post(
                f"{self._bot.base_url}/getUpdates?{query}",
                read_timeout=(self._request.read_timeout or 0) + self._poll_seconds,
            )
        except UnreadableAnswer as error:
            first = error.update_id()
            if first is None:
                raise
            # one update makes the whole answer unreadable: ask for them one by one
            if self._limit == 1:
                text = error.payload[:MAX_KEPT_BYTES].decode(errors="replace")
                batch = [{"update_id": first, "message": [text]}]
            else:
                self._limit = 1
                return offset
        else:
            self._limit = min(MAX_BATCH, 2 * self._limit)
        if not isinstance(batch, list):
            raise TelegramError("no answer of Telegram's")
        self.note_clock()
        next_offset = offset
        for raws in _split_by_origin(batch):
            await asyncio.gather(*(self._intake.take(n, raw, self._bot) for n, raw in raws))
            self.heard_at = self._clock()
            next_offset = raws[-1][0] + 1
        if batch and next_offset == offset:
            raise TelegramError("nothing among the updates has a number")
        self.heard_at = self._clock()
        return next_offset


def _split_by_origin(batch: list[object]) -> Iterator[list[tuple[int, object]]]:
    """Split a batch into groups of updates, with their ids, that can be stored concurrently.

    A group has at most one update of each chat and sender, so that those keep their order and
    their limits count what came before.
    """
    group, ids = list[tuple[int, object]](), set[int]()
    for raw in batch:
        number = raw.get("update_id") if isinstance(raw, dict) else None
        if not is_int64(number):
            logger.error("something among the updates has no number: left alone")
            continue
        origin = origin_of(raw)
        if not ids.isdisjoint((origin.chat, origin.sender)):
            yield group
            group, ids = [], set()
        group.append((number, raw))
        ids |= {origin.chat, origin.sender}
    if group:
        yield group


def describe(error: Exception) -> str:
    """Describe an error without the token, which errors of httpx quote in the address."""
    return error.message if isinstance(error, TelegramError) else type(error).__name__
