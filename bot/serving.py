"""An HTTP server of the bot's own: for figures and health, and for Telegram's webhook.

Nothing imports this where neither is asked for: an idle bot has no use for it.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import uvicorn

from bot.process import PortUnusable

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from bot.settings.definition import Endpoint

MOST_AT_ONCE = 128
"""Connections and requests under way; more are turned away with 503."""
LONGEST_HEAD = 16_384
"""Bytes of a request's line and headers."""
STOP_SECONDS = 1
"""How long answers under way may take when the server stops."""


class HttpServer:
    """Serves an ASGI app from `start` to `stop`.

    It drives uvicorn's own steps instead of `serve`, which takes the process's signals.
    """

    def __init__(self, app: ASGIApp, *, setting: str, endpoint: Endpoint) -> None:
        """Take the port.

        Raises:
            PortUnusable: it is taken, or not to be had; `setting` is what names it.
        """
        self._socket = _bound(setting, endpoint)
        config = uvicorn.Config(
            app,
            http="h11",
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="error",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            limit_concurrency=MOST_AT_ONCE,
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
