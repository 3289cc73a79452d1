"""Requests to Telegram, and the one that goes on for good: updates, batch after batch.

python-telegram-bot's Updater is not used: it sleeps through a stop for up to 30 seconds, cannot
be started again once a token was refused, and tells nobody when it last heard from Telegram.
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

from bot.updates.intake import is_whole, origin_of
from generation.jobs import schedule
from generation.provider.connections import Connections, read_body
from handlers.replies.sending import seconds
from storage import DAY_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from telegram._utils.types import ODVInput
    from telegram.ext import ExtBot
    from telegram.request import RequestData

    from bot.updates.intake import Intake
    from handlers.replies.sending import Urgency

LONGEST_ANSWER = 25_000_000
"""Bytes of an answer: the largest is a file, of which Telegram gives out 20 MB at most."""

LONGEST_REFUSAL = 2_000
"""Bytes of a refusal that are read: Telegram's have a line."""
UNSAID_WAIT, LONGEST_WAIT = 3, int(DAY_SECONDS)
"""Seconds to wait where Telegram wants silence and does not say for how long, and at most."""

_REFUSES = re.compile(rb'\s*\{[^{}]*"ok"\s*:\s*false\b')

_METHOD = re.compile(r"(?<!/file)/bot[^/]+/(\w+)(?:\?|$)")
"""Where an address names the method that is called; files have none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TelegramTimes:
    """Seconds: for a connection, for one silence in a call, an upload or a long poll, for all.

    `upload` is long because Telegram answers only when it has read the video: given up earlier,
    the video arrives and nobody knows.
    """

    connect: float = 5.0
    silence: float = 10.0
    upload: float = 120.0
    poll: float = 10.0
    call_in_all: float = 90.0
    upload_in_all: float = 900.0


class UnreadableAnswer(TelegramError):
    """An answer that is no JSON, or none that can be read: a gateway's page, most of the time."""

    def __init__(self, payload: bytes) -> None:
        super().__init__("no answer of Telegram's")
        self.payload = payload

    def update_id(self) -> int | None:
        """Return the number of the update that Telegram answered with; None for anything else."""
        found = re.match(rb'\s*\{\s*"ok"\s*:\s*true.{1,40}?"update_id"\s*:\s*(\d{1,18})\b',
                         self.payload, re.DOTALL)  # fmt: skip
        return None if found is None else int(found[1])


class TelegramRequest(BaseRequest):
    """Requests to Telegram that end: in time, and within the memory there is.

    So many go side by side. httpx's client is not used: made for cookies, redirects and passwords,
    it takes as long as what it carries. `answers` counts them by method and status, of which 0 is
    none.
    """

    def __init__(self, count: int, times: TelegramTimes) -> None:
        self._times = times
        self._connections = Connections()
        self._places = asyncio.Semaphore(count)
        self._is_open = True
        self.answers = Counter[tuple[str, int]]()
        self.dated = ""
        """When Telegram answered last, by its own clock, as HTTP writes it."""

    @property
    def read_timeout(self) -> float | None:
        """Seconds for one silence."""
        return self._times.silence

    async def initialize(self) -> None:
        """Let connections be made, when they are needed."""
        self._is_open = True

    async def shutdown(self) -> None:
        """Close all, and make no more."""
        self._is_open = False
        await self._connections.aclose()

    async def start_afresh(self) -> None:
        """Drop all connections: one may hang where nobody sees it."""
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
        """Make a request as soon as a connection is free.

        Raises:
            TimedOut: it takes too long.
            NetworkError: the connection breaks off, or cannot be made.
        """
        data = request_data.json_parameters if request_data else None
        files = request_data.multipart_data if request_data else None
        times = self._times
        silence = times.upload if files else times.silence
        waits = silence if isinstance(read_timeout, DefaultValue) else read_timeout
        timeout = httpx.Timeout(silence, connect=times.connect, read=waits)
        request = httpx.Request(
            method, _parsed(url), headers=_HEADERS, data=data, files=files,
            extensions={"timeout": timeout.as_dict()},
        )  # fmt: skip
        try:
            async with asyncio.timeout(times.silence):
                await self._places.acquire()
        except TimeoutError as error:
            raise TimedOut("no connection was free, nothing was sent") from error
        if not self._is_open:
            # a handler that a stop broke off goes on to its end
            self._places.release()
            raise NetworkError("closed, nothing was sent")
        status = 0
        try:
            async with asyncio.timeout(times.upload_in_all if files else times.call_in_all):
                status, body = await self._exchange(request)
        except (TimeoutError, httpx.TimeoutException) as error:
            raise TimedOut("not done within the time there is") from error
        except httpx.HTTPError as error:
            raise NetworkError(f"httpx.{type(error).__name__}: {error}") from error
        finally:
            self._places.release()
            named = _METHOD.search(url)
            self.answers[named[1] if named else "file", status] += 1
        if status == HTTPStatus.OK and not _REFUSES.match(body):
            return status, body
        # a page in the place of an answer is quoted whole in the error that follows
        return _refusal(status, body[:LONGEST_REFUSAL])

    async def _exchange(self, request: httpx.Request) -> tuple[int, bytes]:
        response = await self._connections.handle_async_request(request)
        try:
            self.dated = response.headers.get("date", "")
            return response.status_code, await read_body(response, LONGEST_ANSWER)
        finally:
            await response.aclose()

    @staticmethod
    def parse_json_payload(payload: bytes) -> dict[str, Any]:
        """Read an answer, as the base does, without a traceback in the log for a gateway's page."""
        try:
            answer = json.loads(payload.decode(json.detect_encoding(payload), "replace"))
        except (ValueError, RecursionError) as error:
            raise UnreadableAnswer(payload) from error
        if not isinstance(answer, dict) or (answer.get("ok", True) and "result" not in answer):
            raise TelegramError("no answer of Telegram's")
        return answer


def _refusal(status: int, body: bytes) -> tuple[int, bytes]:
    """Return a refusal as python-telegram-bot can read it, be it odd or a page.

    It fails at a number in the place of words, and at words in that of a number, which would be
    taken for a yes that nobody can read.
    """
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, dict):
        if status != HTTPStatus.TOO_MANY_REQUESTS:
            return status, body
        told = {}
    code, words, more = (told.get(name) for name in ("error_code", "description", "parameters"))
    if status == HTTPStatus.OK:
        status = int(HTTPStatus.BAD_REQUEST)
        if is_whole(code) and code // 100 in {4, 5}:
            status = code
    wait, moved = (
        _number(more.get(name)) if isinstance(more, dict) else None
        for name in ("retry_after", "migrate_to_chat_id")
    )
    if status == HTTPStatus.TOO_MANY_REQUESTS and (wait or 0) <= 0:
        wait = UNSAID_WAIT
    parameters = {"retry_after": wait and min(wait, LONGEST_WAIT), "migrate_to_chat_id": moved}
    refusal = {
        "ok": False,
        "description": words if isinstance(words, str) else "",
        "parameters": {name: value for name, value in parameters.items() if value},
    }
    return status, json.dumps(refusal).encode()


def _number(value: object) -> int | None:
    """Return a number that SQLite takes, be it a fraction or written as a text."""
    try:
        number = ceil(float(value)) if isinstance(value, str | float) else value
    except (ValueError, OverflowError):
        return None
    return number if is_whole(number) else None


_HEADERS = httpx.Headers({"User-Agent": BaseRequest.USER_AGENT})
_parsed = lru_cache(httpx.URL)


UPDATES = ["message", "edited_message", "callback_query", "inline_query", "my_chat_member",
           "pre_checkout_query"]  # fmt: skip
"""Asked for by name: left out, Telegram would keep whatever was asked for before."""
LONGEST_PAUSE = 30.0
"""Seconds between two tries while Telegram cannot be reached."""
MOST_AT_ONCE = 100
"""Updates asked for at a time: as many as Telegram gives."""
LONGEST_KEPT = 100_000
"""Bytes that are kept of an answer nobody can read."""
SHORTEST_POLL = 1.0
"""Seconds between two questions of which the first brought nothing: some servers never wait."""

logger = logging.getLogger(__name__)


class Listening:
    """Asks for updates; `taken_at` is when the last was, or none came, in seconds since 1970."""

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
        self._limit = MOST_AT_ONCE
        self._ahead = 0.0

    def clock_ahead(self) -> float:
        """Return how many seconds our clock is ahead of Telegram's, which dates messages."""
        return self._ahead

    def note_clock(self) -> None:
        """Compare our clock with Telegram's, by when it answered last."""
        with suppress(ValueError, OverflowError, OSError):
            self._ahead = self._clock() - parsedate_to_datetime(self._request.dated).timestamp()

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
                asked_at, before = monotonic(), offset
                offset = await self._take_batch(offset)
                if offset == before:
                    await sleep(max(0.0, asked_at + SHORTEST_POLL - monotonic()))
            except InvalidToken:
                raise
            except RetryAfter as refusal:
                await sleep(seconds(refusal.retry_after))
            except Exception as error:  # noqa: BLE001 - whatever one batch does, the next is asked for
                logger.warning("getUpdates failed: %s", named(error))
                # somebody may have set a webhook meanwhile
                webhook_is_off = webhook_is_off and not isinstance(error, Conflict)
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
            # one of them spoils the answer: asked for one by one, the others are read
            if self._limit == 1:
                text = error.payload[:LONGEST_KEPT].decode(errors="replace")
                batch = [{"update_id": first, "message": [text]}]
            else:
                self._limit = 1
                return offset
        else:
            self._limit = min(MOST_AT_ONCE, 2 * self._limit)
        if not isinstance(batch, list):
            raise TelegramError("no answer of Telegram's")
        self.note_clock()
        confirms = offset
        for raws in _waves(batch):
            await asyncio.gather(*(self._intake.take(n, raw, self._bot) for n, raw in raws))
            self.taken_at = self._clock()
            confirms = raws[-1][0] + 1
        if batch and confirms == offset:
            raise TelegramError("nothing among the updates has a number")
        self.taken_at = self._clock()
        return confirms


def _waves(batch: list[object]) -> Iterator[list[tuple[int, object]]]:
    """Divide updates, with their numbers, into those that may be taken in side by side.

    Of each chat and each sender one: those of one chat keep their order, and what is over a bound
    is known by those that came before.
    """
    wave, ids = list[tuple[int, object]](), set[int]()
    for raw in batch:
        number = raw.get("update_id") if isinstance(raw, dict) else None
        if not is_whole(number):
            logger.error("something among the updates has no number: left alone")
            continue
        origin = origin_of(raw)
        if not ids.isdisjoint((origin.chat, origin.sender)):
            yield wave
            wave, ids = [], set()
        wave.append((number, raw))
        ids |= {origin.chat, origin.sender}
    if wave:
        yield wave


def named(error: Exception) -> str:
    """Name an error without what must not be told."""
    # httpx names the address, which holds the token; python-telegram-bot's own words do not
    return error.message if isinstance(error, TelegramError) else type(error).__name__
