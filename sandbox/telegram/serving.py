"""uvicorn inside the running event loop, on the loopback interface, with cuttable connections."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import ASGIApp

_LOOPBACK = "127.0.0.1"
_STOP_SECONDS = 1


class Connections:
    """The open connections, by the client's address."""

    def __init__(self) -> None:
        self._transports: dict[tuple[str, int], asyncio.Transport] = {}

    def hang_up(self, request: Request) -> None:
        """Cuts the connection a request came on."""
        if request.client is not None:
            transport = self._transports.get((request.client.host, request.client.port))
            if transport is not None:
                transport.abort()

    def cut(self) -> None:
        """Cuts all of them."""
        for transport in list(self._transports.values()):
            transport.abort()

    def protocol(self) -> type[H11Protocol]:
        """The HTTP protocol of uvicorn, noting its connections here."""
        transports = self._transports

        class NotedProtocol(H11Protocol):
            def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
                transports[transport.get_extra_info("peername")[:2]] = transport
                super().connection_made(transport)

            def connection_lost(self, exc: Exception | None) -> None:
                transports.pop(self.transport.get_extra_info("peername")[:2], None)
                super().connection_lost(exc)

        return NotedProtocol


class LoopbackServer:
    """Serves an ASGI app on 127.0.0.1 from ``start`` to ``stop``.

    It drives uvicorn's own steps instead of ``serve``, which takes the process's signals and
    stops in ticks of 0.1 s.
    """

    def __init__(self, app: ASGIApp, connections: Connections, port: int) -> None:
        self._config = uvicorn.Config(
            app,
            http=connections.protocol(),
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="warning",
            access_log=False,
        )
        self._connections = connections
        self._server = uvicorn.Server(self._config)
        # asyncio sends small answers at once (TCP_NODELAY) only where the protocol is named
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind((_LOOPBACK, port))
        except OSError:
            self._socket.close()
            raise
        self.url = f"http://{_LOOPBACK}:{self._socket.getsockname()[1]}"

    async def start(self) -> None:
        """Begins to listen."""
        self._config.load()
        self._server.lifespan = self._config.lifespan_class(self._config)
        await self._server.startup(sockets=[self._socket])

    async def stop(self) -> None:
        """Lets answers under way go out, up to a second, then closes everything."""
        for listening in self._server.servers:
            listening.close()
        under_way = set(self._server.server_state.tasks)
        if under_way:
            await asyncio.wait(under_way, timeout=_STOP_SECONDS)
        self._connections.cut()
        self._socket.close()
