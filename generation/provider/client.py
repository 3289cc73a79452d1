"""The client of the AI/ML API: video generations, the log of requests, and the balance.

A submission is sent once and never repeated here. Every failure of an exchange is mapped to an
exception of `generation.provider.errors`; replies are parsed in `generation.provider.protocol`.
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
    expect_accepted,
    expect_account_answer,
    expect_known,
    read_generation,
    to_utf8,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from decimal import Decimal

    from pydantic import SecretStr

    from storage.generations import Generation

LOOKUP_SECONDS = 15.0
"""Time between two searches of the log for a lost submission."""
LOG_SPAN_SECONDS = 600
"""Submissions sent within the same span of time are searched for in one read of the log."""
CLOCK_SKEW = timedelta(seconds=60)
"""The largest difference between the provider's clock and ours."""
LOG_WINDOW = timedelta(hours=1)
"""How long after a submission its log row may be dated, including `CLOCK_SKEW`."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderTimeouts:
    """Timeouts in seconds for one step of an exchange, and for all of it (`…_total`)."""

    connect: float = 10.0
    pool: float = 5.0
    submit: float = 60.0
    submit_total: float = 150.0
    ask: float = 30.0
    ask_total: float = 45.0
    fetch_total: float = 600.0


BODY_LIMIT = 1_000_000
"""Most bytes of a response; the largest one known, a page of the log, has about 60 000."""
SPENT_HEADER, ID_HEADER = "x-aimlapi-usd-spent", "x-inference-id"
LOG_PAGE = 100
LOG_PAGES = 20

_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_NOT_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
    httpx.InvalidURL,
)
_INTERRUPTED = (httpx.HTTPError, httpx.StreamError, httpx.CookieConflict, TimeoutError)


class AimlApi:
    """A client of the API at `url`.

    `http` is the transport, and `posts` a separate one for paid requests, if given; the caller
    opens and closes both. `answers` counts requests by method, path and status; 0 is no response.
    """

    def __init__(
        self,
        http: httpx.AsyncBaseTransport,
        *,
        url: str,
        key: SecretStr,
        times: ProviderTimeouts = ProviderTimeouts(),
        posts: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._http = http
        self._posts = posts or http
        self._url = url.rstrip("/")
        self._key = key
        self._times = times
        self.answers = Counter[tuple[str, str, int]]()

    async def submit(self, body: Mapping[str, object], *, request_id: str) -> RemoteGeneration:
        """Submit a video generation, once; `request_id` identifies it in `log`.

        Raises any ProviderError of a submission, and ValueError for a `request_id` that the
        provider would silently drop.
        """
        if not _REQUEST_ID.fullmatch(request_id):
            raise ValueError("a request id is 1 to 128 letters, digits, or any of . _ : -")
        with _map_errors(NotAccepted, OutcomeUnknown):
            async with asyncio.timeout(self._times.submit_total):
                answer = await self._send(
                    self._posts,
                    "POST",
                    "/v2/video/generations",
                    json=body,
                    headers={"X-Client-Request-Id": request_id},
                    step_timeout=self._times.submit,
                )
        expect_accepted(
            answer, model=str(body.get("model", "")), prompt=str(body.get("prompt", ""))
        )
        try:
            return read_generation(answer.body, spent=answer.headers.get(SPENT_HEADER))
        except ValueError as error:
            if provider_id := answer.headers.get(ID_HEADER):
                return RemoteGeneration(provider_id, Pending())
            raise OutcomeUnknown(f"unreadable answer to a submission: {answer.status}") from error

    async def poll(self, provider_id: str) -> RemoteGeneration:
        """Return the state of a generation. Raises NoSuchGeneration, AccountError, Unavailable."""
        answer = await self._get("/v2/video/generations", {"generation_id": provider_id})
        expect_known(answer)
        try:
            return read_generation(
                answer.body, provider_id=provider_id, spent=answer.headers.get(SPENT_HEADER)
            )
        except ValueError as error:
            raise Unavailable("unreadable answer about a generation") from error

    async def log(self, *, since: datetime, until: datetime) -> dict[str, LogEntry]:
        """Return the submissions within a time, by their request ids.

        The log lags behind: what is missing may be listed later. Raises AccountError, Unavailable.
        """
        window = {"start": since.isoformat(), "end": until.isoformat()}
        found: dict[str, LogEntry] = {}
        for page in range(LOG_PAGES):
            place = {"limit": str(LOG_PAGE), "offset": str(page * LOG_PAGE)}
            answer = await self._get("/v2/logs", window | place)
            expect_account_answer(answer)
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
        """Return the account's balance in US dollars. Raises AccountError, Unavailable."""
        return (await self._account("/v2/billing")).current_balance

    async def has_auto_topup(self) -> bool:
        """Return whether the account tops itself up. Raises AccountError, Unavailable."""
        return (await self._account("/v2/billing/detail")).autotopup_settings.is_enabled

    async def _account(self, path: str) -> AccountBalance:
        answer = await self._get(path, {})
        expect_account_answer(answer)
        try:
            return AccountBalance.model_validate_json(answer.body)
        except ValidationError as error:
            raise Unavailable("unreadable balance") from error

    async def _get(self, path: str, params: Mapping[str, str]) -> Answer:
        with _map_errors(Unavailable, Unavailable):
            async with asyncio.timeout(self._times.ask_total):
                return await self._send(
                    self._http, "GET", path, params=params, step_timeout=self._times.ask
                )

    async def _send(
        self,
        http: httpx.AsyncBaseTransport,
        method: str,
        path: str,
        *,
        step_timeout: float,
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
                        step_timeout, connect=times.connect, pool=times.pool
                    ).as_dict()
                },
            )
            response = await http.handle_async_request(request)
            try:
                body = to_utf8(await read_body(response, BODY_LIMIT))
            except _INTERRUPTED:
                # the head of an accepted submission suffices: it has the id
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
def _map_errors(not_sent: type[ProviderError], interrupted: type[ProviderError]) -> Iterator[None]:
    """Raise `not_sent` if the request surely did not leave, else `interrupted`."""
    try:
        yield
    except _NOT_SENT as error:
        raise not_sent(truncate(f"not sent: {error!r}")) from error
    except _INTERRUPTED as error:
        raise interrupted(truncate(f"no answer: {error!r}")) from error


@dataclass(slots=True)
class _Snapshot:
    """Entries of the log read at one time, and the generations that were searched in them."""

    at: float
    entries: Mapping[str, LogEntry]
    searched: set[int] = field(default_factory=set)


class LogSearch:
    """Searches the log for submissions, within its rate limit.

    One read serves all submissions of a span; a second search for the same one reads again.
    """

    def __init__(self, api: AimlApi, clock: Callable[[], float]) -> None:
        self._api = api
        self._clock = clock
        self._lock = asyncio.Lock()
        self._snapshots: dict[int, _Snapshot] = {}
        self._paused_until = 0.0

    @property
    def wait(self) -> float:
        """Seconds until the next search: longer if the provider asked for a pause."""
        return max(LOOKUP_SECONDS, self._paused_until - self._clock())

    async def find(self, generation: Generation, request_id: str) -> LogEntry | None:
        """Return the submission with this request id, or None if it is not in the log (yet)."""
        span = int(submitted_at(generation)) // LOG_SPAN_SECONDS
        async with self._lock:
            now = self._clock()
            self._snapshots = {
                key: one
                for key, one in self._snapshots.items()
                if 0 <= now - one.at < LOOKUP_SECONDS
            }
            snapshot = self._snapshots.get(span)
            if snapshot is None or generation.id in snapshot.searched:
                if now < self._paused_until:
                    return None
                snapshot = self._snapshots[span] = _Snapshot(now, await self._read(span))
            snapshot.searched.add(generation.id)
            return snapshot.entries.get(request_id)

    async def _read(self, span: int) -> Mapping[str, LogEntry]:
        begins = datetime.fromtimestamp(span * LOG_SPAN_SECONDS, UTC)
        ends = begins + timedelta(seconds=LOG_SPAN_SECONDS)
        try:
            return await self._api.log(since=begins - CLOCK_SKEW, until=ends + LOG_WINDOW)
        except ProviderError as error:
            # the same as an empty log: it is searched again later
            logger.info("the log cannot be read: %r", error)
            if isinstance(error, Unavailable) and error.retry_after is not None:
                self._paused_until = self._clock() + error.retry_after
            return {}


def submitted_at(generation: Generation) -> float:
    """Return when a generation was sent to the provider, in seconds since 1970."""
    return generation.submitted_at or generation.changed_at
