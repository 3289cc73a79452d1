"""A uvicorn server on the loopback interface, inside the running event loop."""

from __future__ import annotations

import asyncio
import socket
from email.utils import formatdate
from typing import TYPE_CHECKING

import uvicorn
from starlette.datastructures import MutableHeaders
from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

TRANSPORT = "sandbox.transport"
"""Key of a request's scope: the asyncio transport of its connection, so that a fault can cut it."""
_HOST = "127.0.0.1"
_STOP_SECONDS = 1


class LoopbackServer:
    """Serves an ASGI app on 127.0.0.1 from `start` to `stop`.

    The port is bound at once, so that `url` is known; 0 takes a free one. Raises OSError if it is
    taken. `start` and `stop` call uvicorn's own steps instead of `serve`, which takes over the
    process's signal handlers and notices a stop only every 0.1 s.
    """

    def __init__(self, app: ASGIApp, port: int) -> None:
        self._app = app
        self._server = uvicorn.Server(
            uvicorn.Config(
                self._answer,
                http="h11",
                interface="asgi3",
                ws="none",
                lifespan="off",
                log_config=None,
                log_level="warning",
                access_log=False,
            )
        )
        # asyncio sets TCP_NODELAY only if the socket's protocol is given; without it, an answer of
        # two segments takes 40 ms longer
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind((_HOST, port))
        except OSError:
            self._socket.close()
            raise
        self.url = f"http://{_HOST}:{self._socket.getsockname()[1]}"

    async def start(self) -> None:
        """Start listening."""
        config = self._server.config
        config.load()
        self._server.lifespan = config.lifespan_class(config)
        await self._server.startup(sockets=[self._socket])

    async def stop(self, *, at_once: bool = False) -> None:
        """Stop listening, give running requests a second to end, and close every connection.

        With `at_once`, the connections are closed first, so that no answer gets through.
        """
        for listener in self._server.servers:
            listener.close()
        if at_once:
            await self._abort_connections()
        if running := set(self._server.server_state.tasks):
            _, running = await asyncio.wait(running, timeout=_STOP_SECONDS)
            for task in running:
                task.cancel()
        await self._abort_connections()
        self._socket.close()

    async def _abort_connections(self) -> None:
        connections = self._server.server_state.connections
        for connection in list(connections):
            connection.transport.abort()
        while connections:  # noqa: ASYNC110 - each is gone within a few turns of the loop
            await asyncio.sleep(0)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the app, with the connection in the scope and the date in the answer.

        uvicorn would set the date too, but only in the main loop that is not used here.
        """
        client = tuple(scope["client"])
        scope[TRANSPORT] = next(
            one.transport
            for one in self._server.server_state.connections
            if isinstance(one, H11Protocol) and one.client == client
        )

        async def send_dated(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["date"] = formatdate(usegmt=True)
            await send(message)

        await self._app(scope, receive, send_dated)
