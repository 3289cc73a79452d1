"""An HTTP server of the bot's own: for figures and health, and for Telegram's webhook.

Nothing imports this where neither is asked for: an idle bot has no use for it.
"""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

import uvicorn
from starlette.responses import Response
from uvicorn.protocols.http.h11_impl import H11Protocol

from bot.process import PortUnusable

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from bot.settings.definition import Endpoint

MOST_AT_ONCE = 128
"""Requests under way; more are turned away with 503."""
LONGEST_HEAD = 16_384
"""Bytes of a request's line and headers."""
STOP_SECONDS = 1
"""How long answers under way may take when the server stops."""


class HttpConnection(H11Protocol):
    """A connection that gives way to a new one while no request is under way on it.

    uvicorn lets it stay until the request comes, and counts it as if it had.
    """

    made_at = 0.0

    @property
    def is_idle(self) -> bool:
        """Whether nobody waits for an answer on it."""
        return bool(getattr(self.cycle, "response_complete", True))

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Close the oldest one that is idle, where there are too many."""
        self.made_at = self.loop.time()
        if len(self.connections) >= MOST_AT_ONCE:
            ours = (one for one in self.connections if isinstance(one, HttpConnection))
            idle = [one for one in ours if one.is_idle]
            if idle:
                oldest = min(idle, key=lambda one: one.made_at)
                self.connections.discard(oldest)
                oldest.transport.abort()
        super().connection_made(transport)

    def shutdown(self) -> None:
        """Let the answer under way go out; what has not come as a whole is not waited for."""
        if self.is_idle or not self.cycle.more_body:
            super().shutdown()
        else:
            self.transport.abort()


class HttpServer:
    """Serves an ASGI app from `start` to `stop`.

    It drives uvicorn's own steps instead of `serve`, which takes the process's signals.
    """

    def __init__(self, app: ASGIApp, *, setting: str, endpoint: Endpoint) -> None:
        """Take the port.

        Raises:
            PortUnusable: it is taken, or not to be had; `setting` is what names it.
        """
        self._app = app
        self._socket = _bound(setting, endpoint)
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
            limit_concurrency=MOST_AT_ONCE + 1,
            h11_max_incomplete_event_size=LONGEST_HEAD,
            timeout_graceful_shutdown=STOP_SECONDS,
        )
        config.load()
        self._server = uvicorn.Server(config)
        self._server.lifespan = config.lifespan_class(config)

    async def start(self) -> None:
        """Begin to answer."""
        await self._server.startup(sockets=[self._socket])

    async def stop(self) -> None:
        """Let answers under way go out, up to a second, then close everything."""
        if self._server.started:
            await self._server.shutdown(sockets=[self._socket])
        self._socket.close()

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._app(scope, receive, send)
        except asyncio.CancelledError:
            # a stop does not wait for longer
            await Response(status_code=503)(scope, receive, send)


def _bound(setting: str, endpoint: Endpoint) -> socket.socket:
    host, port = endpoint
    try:
        if not host and socket.has_dualstack_ipv6():
            return socket.create_server(endpoint, family=socket.AF_INET6, dualstack_ipv6=True)
    except OSError:
        pass  # no IPv6 here, or the port is taken: the next says which
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server(endpoint, family=family)
    except OSError as error:
        raise PortUnusable(setting, port, error) from error
