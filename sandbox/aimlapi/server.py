"""The AI/ML API's video side as an HTTP server on this machine."""

from __future__ import annotations

import asyncio
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING, Self

import uvicorn

from sandbox.aimlapi.provider import Provider
from sandbox.aimlapi.routes import application
from sandbox.aimlapi.wires import Wires

if TYPE_CHECKING:
    from collections.abc import Iterator

_PATIENCE = 1.0  # seconds a request may take to notice that nobody is there any more


class _Server(uvicorn.Server):
    """uvicorn that leaves signals to the program around it, and starts and stops without delay."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()
        self.closing = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take no signal handlers over."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen."""
        await super().startup(sockets)
        self.listening.set()

    async def main_loop(self) -> None:
        """Serve until told to close; uvicorn's own loop looks only ten times a second."""
        await self.on_tick(0)
        await self.closing.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:  # noqa: ARG002  # the servers own them
        """Listen no more and let requests whose connections are gone come to their end."""
        for server in self.servers:
            server.close()
        if tasks := set(self.server_state.tasks):
            _, unwilling = await asyncio.wait(tasks, timeout=_PATIENCE)
            for task in unwilling:
                task.cancel()


class AimlApiSandbox(Provider):
    """`async with AimlApiSandbox(key=…) as provider:` listens on loopback at `provider.url`."""

    async def __aenter__(self) -> Self:
        """Listen."""
        self._wires = Wires()
        listener = _listener(self.port)
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        config = uvicorn.Config(
            self._wires.tied_to(application(self)),
            http=self._wires.protocol(),
            lifespan="off",
            log_config=None,
            access_log=False,
        )
        self._server = _Server(config)
        self._serving = asyncio.create_task(self._server.serve([listener]))
        await self._server.listening.wait()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Drop every connection and whatever is under way."""
        await self.generations.close()
        self._events.close()
        await self._wires.cut_all()
        self._server.closing.set()
        await self._serving


def _listener(port: int) -> socket.socket:
    """A socket on loopback.

    Its protocol is named because asyncio turns Nagle's algorithm off only then; left on, every
    answer of two pieces takes 40 ms longer.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    return listener
