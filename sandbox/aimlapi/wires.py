"""The TCP connections beneath the requests, so that an answer can break off as networks do."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from starlette.responses import Response
from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

_WIRE = "sandbox.wire"


class Wires:
    """Every open connection by its client's address."""

    def __init__(self) -> None:
        self._open: dict[tuple[str, int], asyncio.Transport] = {}

    def protocol(self) -> type[H11Protocol]:
        """Uvicorn's HTTP protocol that also notes its connection here."""
        wires = self._open

        class WatchedProtocol(H11Protocol):
            def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
                super().connection_made(transport)
                if self.client:
                    wires[self.client] = transport

            def connection_lost(self, exc: Exception | None) -> None:
                if self.client:
                    wires.pop(self.client, None)
                super().connection_lost(exc)

        return WatchedProtocol

    def tied_to(self, app: ASGIApp) -> ASGIApp:
        """The app, with each request's connection in its scope."""

        async def tied(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "http":
                scope[_WIRE] = self._open.get(tuple(scope["client"]))
            await app(scope, receive, send)

        return tied

    async def cut_all(self) -> None:
        """End every connection at once; return when the last one is gone."""
        for transport in list(self._open.values()):
            transport.abort()
        while self._open:  # noqa: ASYNC110  # each is gone within a few turns of the loop
            await asyncio.sleep(0)


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
        transport: asyncio.Transport = scope[_WIRE]
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
        transport: asyncio.Transport = scope[_WIRE]
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
