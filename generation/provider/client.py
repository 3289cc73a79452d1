"""The client of the AI/ML API: video generations, the log of requests, and the balance.

A submission is sent once and never repeated here. Every way an exchange can end is translated once
into `generation.provider.errors`; what the replies say is read in `generation.provider.protocol`.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import httpx
from pydantic import ValidationError

from generation.provider.connections import read_body
from generation.provider.errors import (
    NotAccepted,
    OutcomeUnknown,
    ProviderError,
    Unavailable,
    truncate,
)
from generation.provider.protocol import (
    AccountBalance,
    Answer,
    LogEntry,
    LogPage,
    Pending,
    RemoteGeneration,
    expect_known,
    expect_taken,
    expect_told,
    in_utf8,
    read_generation,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from decimal import Decimal

    from pydantic import SecretStr

    from storage.generations import Generation

LOOKUP_SECONDS = 15.0
"""How often the log is searched for a lost submission."""
TOGETHER_SECONDS = 600
"""Submissions of such a span of time are looked for in one reading."""
CLOCK_SKEW = timedelta(seconds=60)
"""How far the provider's clock may be from ours."""
WINDOW = timedelta(hours=1)
"""How long after a submission its row may be dated, clocks that differ included."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderTimes:
    """Seconds for one step of an exchange, and for all of it (`…_in_all`).

    A submission may carry a picture up a slow line; a video may come down one.
    """

    connect: float = 10.0
    pool: float = 5.0
    submit: float = 60.0
    submit_in_all: float = 150.0
    ask: float = 30.0
    ask_in_all: float = 45.0
    fetch_in_all: float = 600.0


BODY_LIMIT = 1_000_000
"""Bytes of an answer that are read; the longest known, a page of the log, has about 60 000."""
SPENT_HEADER, ID_HEADER = "x-aimlapi-usd-spent", "x-inference-id"
LOG_PAGE = 100
LOG_PAGES = 20

_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_NEVER_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
    httpx.InvalidURL,
)
_BROKEN_OFF = (httpx.HTTPError, httpx.StreamError, httpx.CookieConflict, TimeoutError)


class AimlApi:
    """A client of the API at `url`; `http` is opened and closed by whoever gives it.

    So are `posts`, which take paid requests where given. `answers` counts requests by
    method, path and status, of which 0 is none.
    """

    def __init__(
        self,
        http: httpx.AsyncBaseTransport,
        *,
        url: str,
        key: SecretStr,
        times: ProviderTimes = ProviderTimes(),
        posts: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._http = http
        self._posts = posts or http
        self._url = url.rstrip("/")
        self._key = key
        self._times = times
        self.answers = Counter[tuple[str, str, int]]()

    async def submit(self, body: Mapping[str, object], *, request_id: str) -> RemoteGeneration:
        """Ask for a video, once. `request_id` is what `log` knows it by later.

        Raises any ProviderError but those of asking, ValueError for a `request_id` that the
        provider would silently drop.
        """
        if not _REQUEST_ID.fullmatch(request_id):
            raise ValueError("a request id is 1 to 128 letters, digits, or any of . _ : -")
        with _translated(NotAccepted, OutcomeUnknown):
            async with asyncio.timeout(self._times.submit_in_all):
                answer = await self._exchange(
                    self._posts,
                    "POST",
                    "/v2/video/generations",
                    json=body,
                    headers={"X-Client-Request-Id": request_id},
                    silence=self._times.submit,
                )
        expect_taken(answer, model=str(body.get("model", "")), prompt=str(body.get("prompt", "")))
        try:
            return read_generation(answer.body, spent=answer.headers.get(SPENT_HEADER))
        except ValueError as error:
            if provider_id := answer.headers.get(ID_HEADER):
                return RemoteGeneration(provider_id, Pending())
            raise OutcomeUnknown(f"unreadable answer to a submission: {answer.status}") from error

    async def poll(self, provider_id: str) -> RemoteGeneration:
        """Ask how far a generation is. Raises NoSuchGeneration, AccountError, Unavailable."""
        answer = await self._ask("/v2/video/generations", {"generation_id": provider_id})
        expect_known(answer)
        try:
            return read_generation(
                answer.body, provider_id=provider_id, spent=answer.headers.get(SPENT_HEADER)
            )
        except ValueError as error:
            raise Unavailable("unreadable answer about a generation") from error

    async def log(self, *, since: datetime, until: datetime) -> dict[str, LogEntry]:
        """Return the submissions of a time, by the ids they were sent with.

        The log lags behind: what is missing may be listed later. Raises AccountError, Unavailable.
        """
        window = {"start": since.isoformat(), "end": until.isoformat()}
        found: dict[str, LogEntry] = {}
        for page in range(LOG_PAGES):
            place = {"limit": str(LOG_PAGE), "offset": str(page * LOG_PAGE)}
            answer = await self._ask("/v2/logs", window | place)
            expect_told(answer)
            try:
                rows = LogPage.model_validate_json(answer.body)
            except ValidationError as error:
                raise Unavailable("unreadable page of the log") from error
            found = rows.submissions() | found
            if rows.pagination is None or not rows.pagination.has_more:
                return found
        logger.warning("the provider's log has over %d rows in an hour", LOG_PAGES * LOG_PAGE)
        return found

    async def balance(self) -> Decimal:
        """Return what the account holds, in US dollars. Raises AccountError, Unavailable."""
        return (await self._account("/v2/billing")).current_balance

    async def fills_up(self) -> bool:
        """Tell whether the account tops itself up. Raises AccountError, Unavailable."""
        return (await self._account("/v2/billing/detail")).autotopup_settings.is_enabled

    async def _account(self, path: str) -> AccountBalance:
        answer = await self._ask(path, {})
        expect_told(answer)
        try:
            return AccountBalance.model_validate_json(answer.body)
        except ValidationError as error:
            raise Unavailable("unreadable balance") from error

    async def _ask(self, path: str, params: Mapping[str, str]) -> Answer:
        with _translated(Unavailable, Unavailable):
            async with asyncio.timeout(self._times.ask_in_all):
                return await self._exchange(
                    self._http, "GET", path, params=params, silence=self._times.ask
                )

    async def _exchange(
        self,
        http: httpx.AsyncBaseTransport,
        method: str,
        path: str,
        *,
        silence: float,
        json: Mapping[str, object] | None = None,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        key, times = self._key.get_secret_value(), self._times
        status = 0
        try:
            request = httpx.Request(
                method,
                self._url + path,
                json=json,
                params=params,
                headers={
                    "Authorization": f"Bearer {key}",
                    "Accept": "application/json",
                    "Accept-Encoding": "identity",
                    **(headers or {}),
                },
                extensions={
                    "timeout": httpx.Timeout(
                        silence, connect=times.connect, pool=times.pool
                    ).as_dict()
                },
            )
            response = await http.handle_async_request(request)
            try:
                body = in_utf8(await read_body(response, BODY_LIMIT))
            except _BROKEN_OFF:
                # what was taken is known by its head as well
                if not (response.is_success and ID_HEADER in response.headers):
                    raise
                body = b""
            finally:
                await response.aclose()
            status = response.status_code
            return Answer(status, response.headers, body.replace(key.encode(), b"[key]"))
        finally:
            self.answers[method, path, status] += 1


@contextmanager
def _translated(never_sent: type[ProviderError], broken_off: type[ProviderError]) -> Iterator[None]:
    """Raise `never_sent` where the request surely did not leave, else `broken_off`."""
    try:
        yield
    except _NEVER_SENT as error:
        raise never_sent(truncate(f"not sent: {error!r}")) from error
    except _BROKEN_OFF as error:
        raise broken_off(truncate(f"no answer: {error!r}")) from error


@dataclass(slots=True)
class _Reading:
    """What the log said at a time, and who was told: nobody learns anything by it twice."""

    at: float
    found: Mapping[str, LogEntry]
    told: set[int] = field(default_factory=set)


class LogSearch:
    """Searches the log, seldom enough for its limit, and not at all while it asks for a pause."""

    def __init__(self, api: AimlApi, clock: Callable[[], float]) -> None:
        self._api = api
        self._clock = clock
        self._lock = asyncio.Lock()
        self._readings: dict[int, _Reading] = {}
        self._paused_until = 0.0

    @property
    def wait(self) -> float:
        """Seconds until it is worth searching again: the provider may have asked for a pause."""
        return max(LOOKUP_SECONDS, self._paused_until - self._clock())

    async def find(self, generation: Generation, request_id: str) -> LogEntry | None:
        """Return the submission sent with this id; None where the log does not show it (yet)."""
        span = int(submitted_at(generation)) // TOGETHER_SECONDS
        async with self._lock:
            now = self._clock()
            self._readings = {
                key: one
                for key, one in self._readings.items()
                if 0 <= now - one.at < LOOKUP_SECONDS
            }
            reading = self._readings.get(span)
            if reading is None or generation.id in reading.told:
                if now < self._paused_until:
                    return None
                reading = self._readings[span] = _Reading(now, await self._read(span))
            reading.told.add(generation.id)
            return reading.found.get(request_id)

    async def _read(self, span: int) -> Mapping[str, LogEntry]:
        begins = datetime.fromtimestamp(span * TOGETHER_SECONDS, UTC)
        ends = begins + timedelta(seconds=TOGETHER_SECONDS)
        try:
            return await self._api.log(since=begins - CLOCK_SKEW, until=ends + WINDOW)
        except ProviderError as error:
            # out of reach: as if nothing were there yet
            logger.info("the log cannot be read: %r", error)
            if isinstance(error, Unavailable) and error.retry_after is not None:
                self._paused_until = self._clock() + error.retry_after
            return {}


def submitted_at(generation: Generation) -> float:
    """Return when a generation was sent to the provider, in seconds since 1970."""
    return generation.submitted_at or generation.changed_at
