"""Both ends of a download: prepared answers, names with chosen addresses, and the call itself."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Any

import httpx

from generation.media.fetch import fetch_video

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

VIDEO = b"\0\0\0\x20ftypisom" + bytes(100_000)
WEBM = b"\x1a\x45\xdf\xa3" + bytes(1000)


def reply(body: bytes = b"", status: str = "200 OK", **headers: str) -> bytes:
    """Build an answer as it goes over the wire."""
    fields = {"content-length": str(len(body))} | {
        k.replace("_", "-"): v for k, v in headers.items()
    }
    lines = [f"HTTP/1.1 {status}", *(f"{k}: {v}" for k, v in fields.items() if v)]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class Server:
    """A server on loopback: answers a path with prepared bytes, remembers what it heard."""

    def __init__(self) -> None:
        self.replies: dict[str, bytes] = {}
        self.requests: list[str] = []
        self.stalled = asyncio.Event()
        self.over = asyncio.Event()
        self.origin = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            request = (await reader.readuntil(b"\r\n\r\n")).decode()
            self.requests.append(request)
            path = request.split()[1]
            writer.write(self.replies.get(path, reply(status="404 Not Found")))
            await writer.drain()
            if path == "/stalls":
                self.stalled.set()
                await self.over.wait()
        except (OSError, asyncio.IncompleteReadError):
            pass  # a client may leave
        finally:
            writer.close()


def names(**table: str) -> Callable[..., Awaitable[list[tuple[Any, ...]]]]:
    """Stand in for the resolver: a name (dots as underscores) has these addresses."""

    async def resolve(host: str, port: int, **_: object) -> list[tuple[Any, ...]]:
        found = table.get(host.replace(".", "_"), "" if host.endswith(".test") else host)
        if not found:
            raise socket.gaierror(socket.EAI_NONAME, "unknown")
        kind = socket.SOCK_STREAM
        return [(socket.AF_UNSPEC, kind, 6, "", (one, port)) for one in found.split()]

    return resolve


def played() -> httpx.Response:
    """Answer with the video, as a stream."""
    return httpx.Response(200, stream=httpx.ByteStream(VIDEO))


class Wire(httpx.AsyncBaseTransport):
    """A transport that shows to where requests would go, and answers them."""

    def __init__(self, answer: Callable[[httpx.Request], httpx.Response]) -> None:
        self.answer = answer
        self.requests: list[httpx.Request] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return self.answer(request)


def files(target: Path) -> list[Path]:
    """List what lies where the video should."""
    return list(target.parent.iterdir())


async def fetch(http: httpx.AsyncClient, url: str, target: Path, **changes: Any) -> int:
    settings: dict[str, Any] = {
        "origin": "https://api.provider.test",
        "max_bytes": 1_000_000,
        "seconds": 10.0,
        "resolver": names(),
    }
    return await fetch_video(http, url, target, **settings | changes)
