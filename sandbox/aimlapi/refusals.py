"""The API's error answers, in both shapes of body that were observed."""

from __future__ import annotations

import itertools
import uuid
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Literal

from starlette.responses import JSONResponse, Response

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.requests import Request

Shape = Literal["problem", "documented", "alternate"]

OUT_OF_CREDITS = (
    "You've run out of credits. Please top up your balance or update your payment method "
    "to continue: https://aimlapi.com/app/billing"
)


class Refusal(Exception):
    """An error answer of the API: HTTP status, message and headers."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        name: str | None = None,
        headers: Mapping[str, str] | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.name = name or f"{_title(status).replace(' ', '')}Exception"
        self.headers = dict(headers or {})
        self.details = dict(details or {})


class Refusals:
    """Turns refusals into responses of the set `shape`, by default alternating."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.shape: Shape = "alternate"
        self._clock = clock
        self._alternating = itertools.cycle(("problem", "documented"))

    def answer(self, request: Request, refusal: Refusal) -> Response:
        """Return the refusal as an HTTP response."""
        shape = next(self._alternating) if self.shape == "alternate" else self.shape
        common = {
            "message": refusal.message,
            "requestId": str(uuid.uuid4()),
            "timestamp": datetime.fromtimestamp(self._clock(), UTC).isoformat(),
            **refusal.details,
        }
        if shape == "documented":
            body = {**common, "path": request.url.path, "statusCode": str(refusal.status)}
            return JSONResponse(body, refusal.status, refusal.headers)
        body = {
            **common,
            "title": _title(refusal.status),
            "status": refusal.status,
            "instance": request.url.path,
            "error": {"name": refusal.name, "message": refusal.message},
        }
        media_type = "application/problem+json"
        return JSONResponse(body, refusal.status, refusal.headers, media_type)


def _title(status: int) -> str:
    return HTTPStatus(status).phrase
