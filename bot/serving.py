"""The HTTP server for metrics and health, and for Telegram's webhook.

It is imported only if one of them is switched on, to save memory.
"""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

import uvicorn
from starlette.responses import Response
from uvicorn.protocols.http.h11_impl import H11Protocol

from bot.process import CannotStart

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from bot.settings.definition import Endpoint

MAX_REQUESTS = 128
"""Requests under way at a time; more get a 503."""
MAX_HEADER_BYTES = 16_384
"""The longest request line and headers together."""
STOP_SECONDS = 1
"""How long responses under way may take when the server stops."""


class HttpConnection(H11Protocol):
    """A connection that may be closed in favour of a new one while it is idle.

    uvicorn keeps idle connections, and counts them against its limit.
    """

    made_at = 0.0

    @property
    def is_idle(self) -> bool:
        """Whether no request is under way on it."""
        return bool(getattr(self.cycle, "response_complete", True))

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Close the oldest idle connection if there are too many."""
        self.made_at = self.loop.time()
        if len(self.connections) >= MAX_REQUESTS:
            ours = (one for one in self.connections if isinstance(one, HttpConnection))
            idle = [one for one in ours if one.is_idle]
            if idle:
                oldest = min(idle, key=lambda one: one.made_at)
                self.connections.discard(oldest)
                oldest.transport.abort()
        super().connection_made(transport)

    def shutdown(self) -> None:
        """Finish the response under way, but abort a request that is not yet complete."""
        if self.is_idle or not self.cycle.more_body:
            super().shutdown()
        else:
            self.transport.abort()


class HttpServer:
    """Serves an ASGI app from `start` to `stop`.

    It calls uvicorn's `startup` and `shutdown`, because `serve` installs signal handlers.
    """

    def __init__(self, app: ASGIApp, *, setting: str, endpoint: Endpoint) -> None:
        """Bind the port that `setting` names. Raises CannotStart."""
        self._app = app
        self._socket = _bind(setting, endpoint)
        config = uvicorn.Config(
            self._answer,
            interface="asgi3",
            http=HttpConnection,
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="error",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            limit_concurrency=MAX_REQUESTS + 1,
            h11_max_incomplete_event_size=MAX_HEADER_BYTES,
            timeout_graceful_shutdown=STOP_SECONDS,
        )
        config.load()
        self._server = uvicorn.Server(config)
        self._server.lifespan = config.lifespan_class(config)

    async def start(self) -> None:
        """Accept requests."""
        await self._server.startup(sockets=[self._socket])

    async def stop(self) -> None:
        """Wait up to a second for responses under way, then close everything."""
        if self._server.started:
            await self._server.shutdown(sockets=[self._socket])
        self._socket.close()

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._app(scope, receive, send)
        except asyncio.CancelledError:
            # the server stops
            await Response(status_code=503)(scope, receive, send)


def _bind(setting: str, endpoint: Endpoint) -> socket.socket:
    host, port = endpoint
    try:
        if not host and socket.has_dualstack_ipv6():
            return socket.create_server(endpoint, family=socket.AF_INET6, dualstack_ipv6=True)
    except OSError:
        pass  # no IPv6, or the port is taken: the next attempt shows which
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server(endpoint, family=family)
    except OSError as error:
        problem = f"{setting} cannot be used: port {port}: {error.strerror}"
        raise CannotStart(problem) from error
