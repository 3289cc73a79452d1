"""Metrics for Prometheus, and the health page.

No other module counts for them: requests are read from the events in the database, HTTP responses
from the two clients, and the rest when Prometheus asks. Counters start at 0 with each process.
"""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from math import inf, nan
from typing import TYPE_CHECKING

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bot.serving import HttpServer
from generation.models import pricing
from generation.orders import balances
from storage import inbox, outages, statistics
from storage.generations import State

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from starlette.requests import Request

    from bot.settings.definition import Endpoint
    from bot.supervisor import Health
    from generation.orders.balances import Terms
    from generation.provider.client import AimlApi
    from storage.database import Database
    from storage.statistics import StateChange

# no second series with the creation time of each counter
disable_created_metrics()  # type: ignore[no-untyped-call]

WAITING = (1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 21_600)
MAKING = (10, 20, 30, 45, 60, 90, 120, 180, 300, 600, 1200, 1800)
SENDING = (0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 900)
"""Bounds of the histograms' buckets, in seconds."""
READ_SECONDS = 8.0
"""How long reading the database may take: Prometheus gives up after ten."""

ENDS = frozenset({State.DELIVERED, State.UNDELIVERABLE, State.FAILED, State.CANCELLED})
OPERATIONS = {
    ("POST", "/v2/video/generations"): "submit",
    ("GET", "/v2/video/generations"): "poll",
    ("GET", "/v2/logs"): "log",
}
"""The operation of a request to the provider; all others read the balance."""


class Answers(Collector):
    """Counters of the requests to Telegram and the provider, read from their clients."""

    def __init__(self, api: AimlApi, telegram: Iterable[dict[tuple[str, int], int]]) -> None:
        self._api = api
        self._telegram = tuple(telegram)

    def collect(self) -> Iterable[CounterMetricFamily]:
        """Return both counters."""
        telegram = (item for answers in self._telegram for item in answers.items())
        provider = (
            ((OPERATIONS.get((method, path), "balance"), status), count)
            for (method, path, status), count in self._api.answers.items()
        )
        return [
            _counter("telegram", "Telegram by method", "method", telegram),
            _counter("provider", "the AI/ML API by operation", "operation", provider),
        ]


def _counter(
    whom: str, what: str, label: str, counts: Iterable[tuple[tuple[str, int], int]]
) -> CounterMetricFamily:
    """Return the counter of one server; status 0 is no answer."""
    metric = CounterMetricFamily(
        f"video_bot_{whom}_requests",
        f"Requests to {what} and HTTP status; 0 is no answer.",
        labels=[label, "status"],
    )
    added = dict[tuple[str, str], int]()
    for (of, status), count in counts:
        added[of, str(status)] = added.get((of, str(status)), 0) + count
    for labels, count in sorted(added.items()):
        metric.add_metric(labels, count)
    return metric


@dataclass(eq=False, kw_only=True)
class Metrics:
    """The metrics, updated when they are read."""

    db: Database
    api: AimlApi
    telegram: Iterable[dict[tuple[str, int], int]]
    health: Health
    terms: Terms
    clock: Callable[[], float]
    _through: int | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self._turn = asyncio.Lock()
        self._registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        registry.register(Answers(self.api, self.telegram))
        counter = partial(Counter, registry=registry)
        gauge = partial(Gauge, registry=registry)
        histogram = partial(Histogram, registry=registry)
        self._requests = counter(
            "video_bot_requests",
            "Requests by model family and what became of them, `accepted` at first.",
            ["model", "outcome"],
        )
        self._failures = counter(
            "video_bot_failures",
            "Requests that failed or were cancelled, by the reason.",
            ["reason"],
        )
        self._pending = gauge("video_bot_pending", "Unfinished requests by state.", ["state"])
        self._waiting = histogram(
            "video_bot_waiting_seconds",
            "From the order until the provider took it.",
            buckets=WAITING,
        )
        self._making = histogram(
            "video_bot_making_seconds",
            "From the provider's taking it until the video was here.",
            ["model"],
            buckets=MAKING,
        )
        self._delivery = histogram(
            "video_bot_delivery_seconds",
            "From the video's being here until it was in the chat.",
            buckets=SENDING,
        )
        self._order = histogram(
            "video_bot_order_seconds",
            "From the order until the video was in the chat.",
            buckets=WAITING,
        )
        self._inbox = gauge("video_bot_inbox_updates", "Updates stored and not yet handled.")
        self._taken = gauge(
            "video_bot_last_update_timestamp_seconds",
            "When an update was last taken, or Telegram said that there is none.",
        )
        self._healthy = gauge("video_bot_healthy", "Whether a part is well.", ["part"])
        self._balance = gauge(
            "video_bot_balance_usd",
            "What the account at the AI/ML API held when last asked; NaN before that.",
        )
        self._budget = gauge(
            "video_bot_budget_left_usd",
            "What BUDGET_USD leaves in this period; infinite without a ceiling.",
        )

    async def start(self) -> None:
        """Count events from now on."""
        async with self.db.reading() as connection:
            self._through = await statistics.last_event(connection)

    async def text(self) -> bytes:
        """Return all metrics in the format of Prometheus."""
        async with self._turn:
            # values that cannot be read stay as they were; `video_bot_healthy` reports that
            if "database" not in await self._read():
                with suppress(sqlite3.Error, TimeoutError):
                    async with asyncio.timeout(READ_SECONDS):
                        await self._count_passages()
                        await self._read_database()
            return generate_latest(self._registry)

    async def _count_passages(self) -> None:
        if self._through is None:
            return
        while True:
            async with self.db.reading(in_thread=True) as connection:
                passages = await statistics.state_changes_after(connection, self._through)
            for one in passages:
                self._through = one.id
                self._count(one)
            if len(passages) < statistics.SLICE:
                return

    def _count(self, one: StateChange) -> None:
        if one.was is None:
            self._requests.labels(one.family, "accepted").inc()
        if one.state in ENDS:
            self._requests.labels(one.family, one.state).inc()
        if one.state in {State.FAILED, State.CANCELLED}:
            self._failures.labels(one.reason).inc()
        if one.state is State.GENERATING and one.was in {State.SUBMITTING, State.UNKNOWN}:
            self._waiting.observe(one.at - one.created_at)
        if one.state is State.READY and one.accepted_at is not None:
            self._making.labels(one.family).observe(one.at - one.accepted_at)
        if one.state is State.DELIVERED and one.was is State.READY:
            self._order.observe(one.at - one.created_at)
            if one.ready_at is not None:
                self._delivery.observe(one.at - one.ready_at)

    async def _read(self) -> Collection[str]:
        """Update what is not in the database; return the parts with problems."""
        problems = await self.health.problems()
        for part in ("updates", "database", "scheduler"):
            self._healthy.labels(part).set(part not in problems)
        self._taken.set(self.health.listening.heard_at or 0.0)
        return problems

    async def _read_database(self) -> None:
        async with self.db.reading() as connection:
            pending = await statistics.in_work(connection)
            self._inbox.set(await inbox.depth(connection))
            left = await balances.budget_left(connection, self.terms, self.clock())
            known = await outages.provider_balance(connection)
        for state, count in pending.items():
            self._pending.labels(state).set(count)
        self._balance.set(nan if known is None else float(pricing.from_micros(known.micros)))
        self._budget.set(inf if left is None else float(pricing.from_micros(left)))


class Pages(HttpServer):
    """The server of /metrics and /healthz, which hold no texts of people and no secrets."""

    def __init__(self, metrics: Metrics, port: Endpoint) -> None:
        """Bind the port. Raises CannotStart."""
        self._metrics = metrics
        routes = [Route("/metrics", self._show_metrics), Route("/healthz", self._show_health)]
        super().__init__(Starlette(routes=routes), setting="METRICS_PORT", endpoint=port)

    async def start(self) -> None:
        """Count events from now on, and accept requests."""
        await self._metrics.start()
        await super().start()

    async def _show_metrics(self, _: Request) -> Response:
        return Response(await self._metrics.text(), media_type=CONTENT_TYPE_LATEST)

    async def _show_health(self, _: Request) -> Response:
        problems = await self._metrics.health.problems()
        said = {"status": "failing", "problems": problems} if problems else {"status": "ok"}
        return JSONResponse(said, 503 if problems else 200)
