"""Responses that break off or do not end, as from a broken network or server."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from sandbox.loopback import TRANSPORT

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send


class TruncatedResponse(Response):
    """Sends less than its content length, or nothing at all, and closes the connection.

    `sent` is the part of the body that is sent; None sends not even the head. `promised` is the
    content length.
    """

    def __init__(self, sent: bytes | None = None, *, promised: int = 0, **options: Any) -> None:
        super().__init__(sent or b"", **options)
        self._silent = sent is None
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
        await disconnected(receive)


class EndlessResponse(Response):
    """Sends a body until the client disconnects, or until it has `limit` bytes."""

    def __init__(
        self, piece: bytes = b" " * 65_536, *, limit: int = 1 << 31, **options: Any
    ) -> None:
        super().__init__(b"", **options)
        del self.headers["content-length"]
        self._piece = piece
        self._limit = limit

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
        for _ in range(self._limit // len(self._piece)):
            if transport.is_closing():
                break
            await send({"type": "http.response.body", "body": self._piece, "more_body": True})
            await asyncio.sleep(0)
        transport.close()
        await disconnected(receive)


async def disconnected(receive: Receive) -> None:
    """Wait until the client disconnects."""
    while (await receive())["type"] != "http.disconnect":
        pass
