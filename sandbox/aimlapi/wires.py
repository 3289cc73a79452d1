"""Answers that break off or never end, as networks and broken servers make them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from sandbox.loopback import TRANSPORT

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send


class BrokenOff(Response):
    """Says its head and part of the body promised, or nothing at all, and closes the connection."""

    def __init__(self, said: bytes | None = None, *, promised: int = 0, **options: Any) -> None:
        super().__init__(said or b"", **options)
        self._silent = said is None
        self.headers["content-length"] = str(promised)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer over ASGI."""
        if not self._silent:
            await send(
                {
                    "type": "http.response.start",
                    "status": self.status_code,
                    "headers": self.raw_headers,
                }
            )
            await send({"type": "http.response.body", "body": bytes(self.body), "more_body": True})
        transport: asyncio.Transport = scope[TRANSPORT]
        transport.close()
        await gone(receive)


class Endless(Response):
    """A body that goes on until the client has had enough; never longer than `most` bytes."""

    def __init__(
        self, piece: bytes = b" " * 65_536, *, most: int = 1 << 31, **options: Any
    ) -> None:
        super().__init__(b"", **options)
        del self.headers["content-length"]
        self._piece = piece
        self._most = most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer over ASGI."""
        transport: asyncio.Transport = scope[TRANSPORT]
        await send(
            {
                "type": "http.response.start",
                "status": self.status_code,
                "headers": self.raw_headers,
            }
        )
        for _ in range(self._most // len(self._piece)):
            if transport.is_closing():
                break
            await send({"type": "http.response.body", "body": self._piece, "more_body": True})
            await asyncio.sleep(0)
        transport.close()
        await gone(receive)


async def gone(receive: Receive) -> None:
    """Return when the connection has ended."""
    while (await receive())["type"] != "http.disconnect":
        pass
