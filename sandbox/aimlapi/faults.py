"""Faults on demand: errors, delays and broken answers, per endpoint, for some or all calls."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from starlette.requests import Request
from starlette.responses import Response

from sandbox.aimlapi.broken_responses import EndlessResponse, TruncatedResponse, disconnected
from sandbox.aimlapi.refusals import OUT_OF_CREDITS, Refusal

Endpoint = Literal["submit", "poll", "download", "logs", "billing", "models", "deprecations", "key"]
Handler = Callable[[Request], Awaitable[Response]]

_MESSAGES = {
    400: "Body validation error!",
    401: "You provided an invalid API key. Generate a key at https://aimlapi.com/app/keys",
    403: OUT_OF_CREDITS,
    404: "Not Found",
    409: "Conflict",
    429: "Too Many Requests",
    500: "Something wrong with the server. Please, try again later.",
    502: "Bad Gateway",
    503: "Service unavailable",
    504: "Generation timeout",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault: a name to show, and the function that answers a request instead of the handler."""

    name: str
    apply: Callable[[Request, Handler], Awaitable[Response]]

    @classmethod
    def http(
        cls, status: int, message: str | None = None, *, retry_after: str | int | None = None
    ) -> Fault:
        """Answer with the API's own error body; the request has no effect."""
        headers = {} if retry_after is None else {"retry-after": str(retry_after)}
        words = message or _MESSAGES.get(status, "Internal server error")
        return cls._refusing(f"HTTP {status}", Refusal(status, words, headers=headers))

    @classmethod
    def moderation(cls, status: int = 400) -> Fault:
        """Refuse the prompt before a generation starts."""
        message = "Your request was blocked by our moderation system."
        return cls._refusing("moderation", Refusal(status, message, name="moderation_blocked"))

    @classmethod
    def model_refused(cls, status: int = 400) -> Fault:
        """Answer with a validation error of the field `model`."""
        details = {"errors": ["model: Invalid enum value"]}
        return cls._refusing("model refused", Refusal(status, _MESSAGES[400], details=details))

    @classmethod
    def html(cls, status: int = 502) -> Fault:
        """Answer with a gateway's HTML page."""
        page = f"<html><head><title>{status}</title></head><body>gateway</body></html>"
        return cls._instead("HTML page", lambda: Response(page, status, media_type="text/html"))

    @classmethod
    def truncated(cls, status: int = 200) -> Fault:
        """Answer with less JSON than the content length says; the request has no effect."""
        return cls._instead(
            "truncated JSON",
            lambda: TruncatedResponse(
                b'{"id": "video_', promised=300, status_code=status, media_type="application/json"
            ),
        )

    @classmethod
    def half_json(cls, status: int = 200) -> Fault:
        """Answer with a complete body of incomplete JSON."""
        body = b'{"id": "video_'
        return cls._instead(
            "half JSON", lambda: Response(body, status, media_type="application/json")
        )

    @classmethod
    def endless(cls, status: int = 200) -> Fault:
        """Answer with a body that does not end."""
        return cls._instead(
            "endless body",
            lambda: EndlessResponse(status_code=status, media_type="application/json"),
        )

    @classmethod
    def hung_up(cls) -> Fault:
        """Close the connection before the request has an effect."""
        return cls._instead("connection closed", TruncatedResponse)

    @classmethod
    def answer_lost(cls) -> Fault:
        """Handle the request, then close the connection without an answer."""

        async def apply(request: Request, go_on: Handler) -> Response:
            with suppress(Refusal):
                await go_on(request)
            return TruncatedResponse()

        return cls("answer lost", apply)

    @classmethod
    def wrong_type(cls, media_type: str = "text/plain") -> Fault:
        """Answer correctly, but with the wrong content type."""

        async def apply(request: Request, go_on: Handler) -> Response:
            response = await go_on(request)
            response.headers["content-type"] = media_type
            return response

        return cls("wrong content type", apply)

    @classmethod
    def delay(cls, seconds: float) -> Fault:
        """Handle the request after some seconds."""

        async def apply(request: Request, go_on: Handler) -> Response:
            await asyncio.sleep(seconds)
            return await go_on(request)

        return cls(f"{seconds} s late", apply)

    @classmethod
    def hang(cls, until: asyncio.Event, *, after_effect: bool = False) -> Fault:
        """Hold the request until `until` is set; if the caller disconnects first, it has no effect.

        With `after_effect` the request is handled before the wait.
        """

        async def apply(request: Request, go_on: Handler) -> Response:
            response = await go_on(request) if after_effect else None
            released = asyncio.create_task(until.wait())
            left = asyncio.create_task(disconnected(request.receive))
            try:
                await asyncio.wait({released, left}, return_when=asyncio.FIRST_COMPLETED)
                if left.done():
                    return TruncatedResponse()
            finally:
                released.cancel()
                left.cancel()
            return response or await go_on(request)

        return cls("hanging", apply)

    @classmethod
    def _refusing(cls, name: str, refusal: Refusal) -> Fault:
        async def apply(_request: Request, _go_on: Handler) -> Response:
            raise refusal

        return cls(name, apply)

    @classmethod
    def _instead(cls, name: str, response: Callable[[], Response]) -> Fault:
        async def apply(_request: Request, _go_on: Handler) -> Response:
            return response()

        return cls(name, apply)


class Faults:
    """The faults set, by endpoint: those of the next calls come before the lasting ones."""

    def __init__(self) -> None:
        self._next: defaultdict[str, deque[Fault]] = defaultdict(deque)
        self._always: dict[str, Fault] = {}

    def next(self, endpoint: Endpoint, fault: Fault, *, times: int = 1) -> None:
        """Apply a fault to `times` calls of an endpoint, after the faults already queued."""
        self._next[endpoint].extend([fault] * times)

    def always(self, endpoint: Endpoint, fault: Fault) -> None:
        """Apply a fault to every call of an endpoint until it is cleared."""
        self._always[endpoint] = fault

    def clear(self, endpoint: Endpoint | None = None) -> None:
        """Remove the faults of one endpoint, or all."""
        for name in [endpoint] if endpoint else [*self._next, *self._always]:
            self._next.pop(name, None)
            self._always.pop(name, None)

    def waiting(self) -> dict[str, list[str]]:
        """Return the names of the faults set, by endpoint."""
        names = {name: [fault.name for fault in queue] for name, queue in self._next.items()}
        for endpoint, fault in self._always.items():
            names.setdefault(endpoint, []).append(f"{fault.name} (always)")
        return {endpoint: queue for endpoint, queue in names.items() if queue}

    async def answer(self, endpoint: Endpoint, request: Request, handler: Handler) -> Response:
        """Answer a request by the endpoint's next fault, or by the handler if there is none."""
        queue = self._next[endpoint]
        fault = queue.popleft() if queue else self._always.get(endpoint)
        return await (fault.apply(request, handler) if fault else handler(request))
