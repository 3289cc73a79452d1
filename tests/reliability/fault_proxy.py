"""A proxy in front of a sandbox that forwards calls, or applies a fault to one.

The bot gets the proxy's address instead of the server's. Each call has a name (`sendVideo`,
`submit`, `download` …); an armed fault is applied to the next call of its name.
"""

from __future__ import annotations

import asyncio
import json
import re
import socket
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from asyncio import StreamReader, StreamWriter
    from collections.abc import Callable

PIECE = b" " * 65_536
PAGE = b"<!doctype html><title>Gateway</title><p>One moment, please."


class Fault(StrEnum):
    """A fault of a call; the server handles the call only where noted."""

    BAD_REQUEST = "400"
    UNAUTHORIZED = "401"
    FORBIDDEN = "403"
    NOT_FOUND = "404"
    CONFLICT = "409"
    TOO_MANY = "429"
    TOO_MANY_WAIT = "429 with a wait"
    BROKEN = "500"
    BAD_GATEWAY = "502"
    UNAVAILABLE = "503"
    GATEWAY_TIMEOUT = "504"
    HTML = "HTML instead of JSON"
    TRUNCATED = "truncated body"
    """The call is handled."""
    ENDLESS = "endless body"
    WRONG_TYPE = "wrong content type"
    """The call is handled; the body is correct."""
    HANG = "hang"
    LOST = "answer lost after the effect"
    """The call is handled."""


@dataclass(frozen=True)
class Call:
    """A request as received."""

    method: str
    path: str
    raw: bytes


@dataclass
class FaultProxy:
    """`async with FaultProxy(url, name, refusal)` listens at `proxy.url`.

    `name` returns a call's name from its method and path, `refusal` the server's own error body.
    """

    upstream: str
    name: Callable[[str, str], str]
    refusal: Callable[[int, int | None], bytes]
    calls: Counter[str] = field(default_factory=Counter)
    url: str = ""
    _armed: dict[str, Fault] = field(default_factory=dict)
    _met: asyncio.Event = field(default_factory=asyncio.Event)
    _running: set[asyncio.Task[None]] = field(default_factory=set)

    async def __aenter__(self) -> Self:
        """Start listening."""
        self._holder = _bound(0)
        self._port = self._holder.getsockname()[1]
        self.url = f"http://127.0.0.1:{self._port}"
        await self._listen()
        return self

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(
            self._serve, sock=_bound(self._port), limit=1 << 20
        )

    async def refuse(self, seconds: float) -> None:
        """Refuse every connection for some seconds, as if no server listened."""
        self._server.close()
        await asyncio.sleep(seconds)
        await self._listen()

    async def called(self, name: str, count: int = 1) -> None:
        """Wait for `count` calls of a name."""
        async with asyncio.timeout(20):
            while self.calls[name] < count:
                await asyncio.sleep(0.001)

    async def __aexit__(self, *_: object) -> None:
        """Stop listening and cancel the running calls."""
        self._server.close()
        for task in list(self._running):
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        self._holder.close()

    def arm(self, name: str, fault: Fault) -> None:
        """Apply a fault to the next call of a name."""
        self._armed[name] = fault

    @property
    def is_armed(self) -> bool:
        """Whether a fault was not applied yet."""
        return bool(self._armed)

    async def _serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._running.add(task)
        try:
            await self._answer(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # either side may disconnect
        finally:
            self._running.discard(task)
            writer.transport.abort() if writer.transport.is_closing() else writer.close()

    async def _answer(self, reader: StreamReader, writer: StreamWriter) -> None:
        call = await _read(reader)
        name = self.name(call.method, call.path)
        self.calls[name] += 1
        fault = self._armed.pop(name, None)
        match fault:
            case None:
                writer.write(await self._forward(call, reader))
            case Fault.TRUNCATED:
                answer = await self._forward(call, reader)
                head, _, body = answer.partition(b"\r\n\r\n")
                writer.write(head + b"\r\n\r\n" + body[: len(body) // 2])
            case Fault.LOST:
                await self._forward(call, reader)
            case Fault.WRONG_TYPE:
                head, _, body = (await self._forward(call, reader)).partition(b"\r\n\r\n")
                head = re.sub(rb"(?i)content-type:[^\r]*", b"content-type: text/plain", head)
                writer.write(head + b"\r\n\r\n" + body)
            case Fault.HTML:
                writer.write(_reply(200, PAGE, "text/html"))
            case Fault.ENDLESS:
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n")
                while True:
                    writer.write(PIECE)
                    await writer.drain()
            case Fault.HANG:
                await reader.read()
            case _:
                status = int(fault.value[:3])
                wait = 1 if fault is Fault.TOO_MANY_WAIT else None
                headers = {} if wait is None else {"retry-after": str(wait)}
                writer.write(
                    _reply(status, self.refusal(status, wait), "application/json", **headers)
                )
        await writer.drain()

    async def _forward(self, call: Call, caller: StreamReader) -> bytes:
        """Forward a call and return the answer; raises ConnectionError if the caller leaves."""
        there = urlsplit(self.upstream)
        reader, writer = await asyncio.open_connection(there.hostname, there.port, limit=1 << 26)
        try:
            writer.write(call.raw)
            await writer.drain()
            answer = asyncio.ensure_future(reader.read())
            left = asyncio.ensure_future(caller.read())
            await asyncio.wait({answer, left}, return_when=asyncio.FIRST_COMPLETED)
            left.cancel()
            if not answer.done():
                answer.cancel()
                raise ConnectionError("the caller left")
            return answer.result()
        finally:
            writer.close()


def _bound(port: int) -> socket.socket:
    """Bind a socket to a shared port: one that does not listen keeps the port reserved."""
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    bound.bind(("127.0.0.1", port))
    return bound


async def _read(reader: StreamReader) -> Call:
    """Read a whole request; it is forwarded with `connection: close`."""
    head = await reader.readuntil(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {
        key.strip().lower(): value.strip()
        for key, _, value in (line.partition(":") for line in lines if line)
    }
    body = b""
    if "content-length" in headers:
        body = await reader.readexactly(int(headers["content-length"]))
    elif headers.get("transfer-encoding") == "chunked":
        while size := int((await reader.readuntil(b"\r\n")).strip(), 16):
            body += await reader.readexactly(size)
            await reader.readexactly(2)
        await reader.readuntil(b"\r\n")
    kept = {k: v for k, v in headers.items() if k not in {"transfer-encoding", "connection"}}
    kept |= {"content-length": str(len(body)), "connection": "close"}
    method, path, _ = first.split(" ")
    lines = [first, *(f"{key}: {value}" for key, value in kept.items())]
    return Call(method, path, "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body)


def _reply(status: int, body: bytes, kind: str, **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} Said", f"content-type: {kind}", f"content-length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()] + ["connection: close"]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def telegram_name(_method: str, path: str) -> str:
    """Return the method of a Bot API call, or `file` for a download."""
    return "file" if path.startswith("/file/") else path.partition("?")[0].rpartition("/")[2]


def telegram_refusal(status: int, wait: int | None) -> bytes:
    """Return Telegram's error body."""
    said = {"ok": False, "error_code": status, "description": f"Bad Request: fault {status}"}
    if status != 400:
        said["description"] = f"fault {status}"
    return json.dumps(said | ({"parameters": {"retry_after": wait}} if wait else {})).encode()


def provider_name(method: str, path: str) -> str:
    """Return the purpose of an AI/ML API call: submit, poll, logs, billing, download."""
    place = path.partition("?")[0]
    if place.startswith("/cdn/"):
        return "download"
    known = {"/v2/video/generations": "poll", "/v2/logs": "logs", "/v2/billing": "billing"}
    return "submit" if method == "POST" else known.get(place, place)


def provider_refusal(status: int, _wait: int | None) -> bytes:
    """Return the AI/ML API's error body."""
    said = {"requestId": "r-1", "statusCode": status, "message": f"fault {status}"}
    return json.dumps(said).encode()
