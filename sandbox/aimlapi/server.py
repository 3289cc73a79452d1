"""The AI/ML API's video side as an HTTP server on this machine."""

from __future__ import annotations

from typing import Self

from sandbox.aimlapi.provider import Provider
from sandbox.aimlapi.routes import application
from sandbox.loopback import LoopbackServer


class AimlApiSandbox(Provider):
    """`async with AimlApiSandbox(key=…) as provider:` listens on loopback at `provider.url`."""

    async def __aenter__(self) -> Self:
        """Start listening."""
        self._server = LoopbackServer(application(self), self.port)
        self.url = self._server.url
        await self._server.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Cancel the generations under way, and drop every connection."""
        await self.generations.close()
        self._events.close()
        await self._server.stop(at_once=True)
