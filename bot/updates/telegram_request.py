"""How long Telegram may take, and how much it may say: the HTTP beneath every call of the bot.

python-telegram-bot bounds each step of a request (connect, one read, one write) and neither the
whole nor the answer's length, and it gives an upload as little time for its answer as a text.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import httpx
from telegram.error import TelegramError, TimedOut
from telegram.request import HTTPXRequest, RequestData

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator

LONGEST_ANSWER = 25_000_000
"""Bytes of an answer: the largest is a file, of which Telegram gives out 20 MB at most."""

LONGEST_REFUSAL = 2_000
"""Bytes of a refusal that are read: Telegram's have a line."""


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


@cache
def tls() -> ssl.SSLContext:
    """The authorities trusted, for all clients: reading them takes 75 ms and a megabyte."""
    return httpx.create_ssl_context(trust_env=False)


class TelegramRequest(HTTPXRequest):
    """Requests to Telegram that end: in time, and within the memory there is."""

    def __init__(self, connections: int, times: TelegramTimes) -> None:
        super().__init__(
            connection_pool_size=connections,
            connect_timeout=times.connect,
            read_timeout=times.silence,
            write_timeout=times.silence,
            media_write_timeout=times.upload,
            pool_timeout=times.silence,
            httpx_kwargs={"event_hooks": {"response": [_bound]}, "verify": tls()},
        )
        self._times = times

    async def do_request(self, *arguments: Any, **options: Any) -> tuple[int, bytes]:
        """Make a request; raises TimedOut where it takes too long in all."""
        data: RequestData | None = options.get("request_data")
        whole = self._times.call_in_all
        if data is not None and data.multipart_data:
            whole = self._times.upload_in_all
            options["read_timeout"] = self._times.upload
        try:
            async with asyncio.timeout(whole):
                status, body = await super().do_request(*arguments, **options)
        except TimeoutError as error:
            raise TimedOut("not done within the time there is") from error
        # a page in the place of an answer is quoted whole in the error that follows
        return status, body if status == HTTPStatus.OK else body[:LONGEST_REFUSAL]

    @staticmethod
    def parse_json_payload(payload: bytes) -> dict[str, Any]:
        """Read an answer, as the base does, without a traceback in the log for a gateway's page."""
        try:
            answer = json.loads(payload)
        except ValueError as error:
            raise TelegramError("no answer of Telegram's") from error
        if not isinstance(answer, dict) or (answer.get("ok") and "result" not in answer):
            raise TelegramError("no answer of Telegram's")
        return answer

    async def start_afresh(self) -> None:
        """Drop all connections: one may hang where nobody sees it."""
        await self.shutdown()
        await self.initialize()


class _Bounded(httpx.AsyncByteStream):
    """A body that breaks off where it grows too long."""

    def __init__(self, stream: httpx.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        length = 0
        async for piece in self._stream:
            length += len(piece)
            if length > LONGEST_ANSWER:
                raise httpx.ReadError("the answer is too long")
            yield piece

    async def aclose(self) -> None:
        await self._stream.aclose()


async def _bound(response: httpx.Response) -> None:
    """Bound an answer before its body is read, whatever it goes through: proxies are kept."""
    if isinstance(response.stream, httpx.AsyncByteStream):
        response.stream = _Bounded(response.stream)
