"""The request log: the calls made with the key, with the caller's own request ids."""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response

from sandbox.aimlapi.billing import CREDITS_PER_USD
from sandbox.aimlapi.refusals import Refusal
from sandbox.aimlapi.submissions import invalid

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

    from sandbox.aimlapi.generations import Generation

CALLS_PER_MINUTE = 200  # the only rate limit the provider publishes
_WINDOW = timedelta(days=92)  # the longest window allowed
_MOST_ROWS = 100
_MOST_MODELS = 50
_PERIOD = re.compile(r"([1-9]\d{0,5})([hd])\Z")
_KNOWN = {"period", "start", "end", "key_prefix", "model", "status", "limit", "offset"}


@dataclass(frozen=True, slots=True)
class Row:
    """A call that reached a model; without a generation, it failed at once."""

    at: float
    model: str
    inference_id: str
    client_request_id: str | None
    generation: Generation | None

    @property
    def status(self) -> str:
        """`succeeded`, also while it is pending, or `failed`."""
        succeeded = self.generation is not None and self.generation.status != "error"
        return "succeeded" if succeeded else "failed"

    def as_json(self) -> dict[str, Any]:
        """Return the row as the API writes it."""
        usd = self.generation.charged if self.generation else 0
        return {
            "created": _iso(self.at),
            "status": self.status,
            "origin": "api",
            "model": self.model,
            "cost": {"usd": float(usd), "credits": int(usd * CREDITS_PER_USD)},
            "tokens": {"input": 0, "output": 0, "total": 0},
            "request_id": f"req-{self.inference_id[-12:]}",
            "inference_id": self.inference_id,
            "client_request_id": self.client_request_id,
        }


class Logs:
    """All rows.

    A row is listed `delay` seconds after its call, and while it is pending only if `lists_pending`.
    """

    def __init__(self, key: str, clock: Callable[[], float]) -> None:
        self.rows: list[Row] = []
        self.delay = 0.0
        self.lists_pending = True
        self._key = key
        self._clock = clock
        self._calls: deque[float] = deque(maxlen=CALLS_PER_MINUTE)

    async def answer(self, request: Request) -> Response:
        """Answer GET /v2/logs."""
        now = self._clock()
        if (
            len(self._calls) == CALLS_PER_MINUTE
            and now - self._calls[0] < timedelta(minutes=1).total_seconds()
        ):
            raise Refusal(429, "Too Many Requests")
        self._calls.append(now)
        query = request.query_params
        if unknown := set(query) - _KNOWN:
            raise invalid([f"{name}: Unrecognized key" for name in sorted(unknown)])
        if not self._key.startswith(query.get("key_prefix", "")):
            raise Refusal(403, "Listing another key's requests requires a management key")
        start, end = _window(query.get("period"), query.get("start"), query.get("end"), now)
        statuses = set(query.getlist("status")) or {"succeeded", "failed"}
        models = set(query.getlist("model"))
        if statuses - {"succeeded", "failed"}:
            raise invalid(["status: Invalid enum value. Expected 'succeeded' | 'failed'"])
        if len(models) > _MOST_MODELS:
            raise invalid([f"model: at most {_MOST_MODELS} values"])
        limit = _integer(query.get("limit"), "limit", 50, least=1, most=_MOST_ROWS)
        offset = _integer(query.get("offset"), "offset", 0, least=0, most=1_000_000)
        rows = [
            row
            for row in reversed(self.rows)
            if start <= row.at <= end
            and row.status in statuses
            and (not models or {row.model, row.model.partition("/")[2]} & models)
            and self._is_listed(row, now)
        ]
        page = {"limit": limit, "offset": offset, "total": len(rows)}
        page["has_more"] = offset + limit < len(rows)
        data = [row.as_json() for row in rows[offset : offset + limit]]
        return JSONResponse({"data": data, "pagination": page})

    def _is_listed(self, row: Row, now: float) -> bool:
        pending = row.generation is not None and not row.generation.ended
        return now >= row.at + self.delay and (self.lists_pending or not pending)


def _window(
    period: str | None, start: str | None, end: str | None, now: float
) -> tuple[float, float]:
    """Return the first and last second of the period, given in exactly one of two ways."""
    if period is not None and start is None and end is None:
        found = _PERIOD.match(period)
        if found is None:
            raise invalid(["period: expected a positive integer followed by h or d"])
        count = int(found[1])
        reach = timedelta(hours=count) if found[2] == "h" else timedelta(days=count)
        if reach > _WINDOW:
            raise invalid(["period: the window must not exceed 92 days"])
        return now - reach.total_seconds(), now
    if period is not None or start is None or end is None:
        raise invalid(["Provide either `period` or both `start` and `end`"])
    first, last = _timestamp(start, "start"), _timestamp(end, "end")
    if last < first or last - first > _WINDOW.total_seconds():
        raise invalid(["end: not before `start`, and within 92 days of it"])
    return first, last


def _timestamp(text: str, name: str) -> float:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise invalid([f"{name}: expected ISO-8601"]) from error
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _integer(text: str | None, name: str, default: int, *, least: int, most: int) -> int:
    if text is None:
        return default
    if not text.isdecimal() or not least <= int(text) <= most:
        raise invalid([f"{name}: expected an integer from {least} to {most}"])
    return int(text)


def _iso(at: float) -> str:
    moment = datetime.fromtimestamp(at, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
