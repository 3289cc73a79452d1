"""What goes wrong between the caller and the API: per endpoint, for some calls or for good."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from starlette.requests import Request
from starlette.responses import Response

from sandbox.aimlapi.refusals import OUT_OF_CREDITS, Refusal
from sandbox.aimlapi.wires import BrokenOff, Endless, gone

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
    """One thing that goes wrong: a name to show, and what happens instead of the plain answer."""

    name: str
    meet: Callable[[Request, Handler], Awaitable[Response]]

    @classmethod
    def http(
        cls, status: int, message: str | None = None, *, retry_after: str | int | None = None
    ) -> Fault:
        """The API's own error body; nothing has taken effect."""
        headers = {} if retry_after is None else {"retry-after": str(retry_after)}
        words = message or _MESSAGES.get(status, "Internal server error")

        async def meet(_request: Request, _go_on: Handler) -> Response:
            raise Refusal(status, words, headers=headers)

        return cls(f"HTTP {status}", meet)

    @classmethod
    def moderation(cls, status: int = 400) -> Fault:
        """The prompt is refused before anything starts."""
        message = "Your request was blocked by our moderation system."
        refusal = Refusal(status, message, name="moderation_blocked")

        async def meet(_request: Request, _go_on: Handler) -> Response:
            raise refusal

        return cls("moderation", meet)

    @classmethod
    def model_refused(cls, status: int = 400) -> Fault:
        """A validation error that names the field `model`."""
        refusal = Refusal(status, _MESSAGES[400], details={"errors": ["model: Invalid enum value"]})

        async def meet(_request: Request, _go_on: Handler) -> Response:
            raise refusal

        return cls("model refused", meet)

    @classmethod
    def html(cls, status: int = 502) -> Fault:
        """A gateway's page instead of the API's answer."""
        page = f"<html><head><title>{status}</title></head><body>gateway</body></html>"
        return cls._instead("HTML page", lambda: Response(page, status, media_type="text/html"))

    @classmethod
    def truncated(cls, status: int = 200) -> Fault:
        """JSON that breaks off although its length was promised; the effect has not taken place."""
        return cls._instead(
            "truncated JSON",
            lambda: BrokenOff(
                b'{"id": "video_', promised=300, status_code=status, media_type="application/json"
            ),
        )

    @classmethod
    def half_json(cls, status: int = 200) -> Fault:
        """A complete answer whose JSON is not."""
        body = b'{"id": "video_'
        return cls._instead(
            "half JSON", lambda: Response(body, status, media_type="application/json")
        )

    @classmethod
    def endless(cls, status: int = 200) -> Fault:
        """A body without an end."""
        return cls._instead(
            "endless body", lambda: Endless(status_code=status, media_type="application/json")
        )

    @classmethod
    def hung_up(cls) -> Fault:
        """The connection closes before the request has taken effect."""
        return cls._instead("connection closed", BrokenOff)

    @classmethod
    def answer_lost(cls) -> Fault:
        """The request takes effect and the connection closes before the answer."""

        async def meet(request: Request, go_on: Handler) -> Response:
            with suppress(Refusal):
                await go_on(request)
            return BrokenOff()

        return cls("answer lost", meet)

    @classmethod
    def wrong_type(cls, media_type: str = "text/plain") -> Fault:
        """The right answer under the wrong content type."""

        async def meet(request: Request, go_on: Handler) -> Response:
            response = await go_on(request)
            response.headers["content-type"] = media_type
            return response

        return cls("wrong content type", meet)

    @classmethod
    def delay(cls, seconds: float) -> Fault:
        """The right answer, late."""

        async def meet(request: Request, go_on: Handler) -> Response:
            await asyncio.sleep(seconds)
            return await go_on(request)

        return cls(f"{seconds} s late", meet)

    @classmethod
    def hang(cls, until: asyncio.Event, *, after_effect: bool = False) -> Fault:
        """No answer until `until` is set; a caller who has left by then gets none and no effect.

        `after_effect` has the request done before the wait.
        """

        async def meet(request: Request, go_on: Handler) -> Response:
            response = await go_on(request) if after_effect else None
            released = asyncio.create_task(until.wait())
            left = asyncio.create_task(gone(request.receive))
            try:
                await asyncio.wait({released, left}, return_when=asyncio.FIRST_COMPLETED)
                if left.done():
                    return BrokenOff()
            finally:
                released.cancel()
                left.cancel()
            return response or await go_on(request)

        return cls("hanging", meet)

    @classmethod
    def _instead(cls, name: str, response: Callable[[], Response]) -> Fault:
        async def meet(_request: Request, _go_on: Handler) -> Response:
            return response()

        return cls(name, meet)


class Faults:
    """The faults that lie in wait, by endpoint: those for the next calls, then the lasting."""

    def __init__(self) -> None:
        self._next: defaultdict[str, deque[Fault]] = defaultdict(deque)
        self._always: dict[str, Fault] = {}

    def next(self, endpoint: Endpoint, fault: Fault, *, times: int = 1) -> None:
        """Let the next `times` calls of an endpoint meet a fault, after those already waiting."""
        self._next[endpoint].extend([fault] * times)

    def always(self, endpoint: Endpoint, fault: Fault) -> None:
        """Let every call of an endpoint meet a fault until it is cleared."""
        self._always[endpoint] = fault

    def clear(self, endpoint: Endpoint | None = None) -> None:
        """Forget the faults of one endpoint, or all."""
        for name in [endpoint] if endpoint else [*self._next, *self._always]:
            self._next.pop(name, None)
            self._always.pop(name, None)

    def waiting(self) -> dict[str, list[str]]:
        """The names of the faults in wait, by endpoint."""
        names = {endpoint: [fault.name for fault in line] for endpoint, line in self._next.items()}
        for endpoint, fault in self._always.items():
            names.setdefault(endpoint, []).append(f"{fault.name} (always)")
        return {endpoint: line for endpoint, line in names.items() if line}

    async def around(self, endpoint: Endpoint, request: Request, handler: Handler) -> Response:
        """Answer a request, by way of the fault that waits for it if there is one."""
        line = self._next[endpoint]
        fault = line.popleft() if line else self._always.get(endpoint)
        return await (fault.meet(request, handler) if fault else handler(request))
