"""The HTTP server of both ports: who says nothing there keeps nobody else out, or a stop up."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import TYPE_CHECKING

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from bot import serving
from bot.serving import HttpServer
from bot.settings.definition import Endpoint
from tests.harness import free_port

if TYPE_CHECKING:
    from asyncio import StreamReader, StreamWriter
    from collections.abc import AsyncIterator

    from tests.harness import LoggedErrors

HEAD = b"POST / HTTP/1.1\r\nHost: bot\r\n"


class Served:
    """A server that reads what is posted, or waits for ever, and what came of it there."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.port = free_port()
        routes = [
            Route("/", self._read, methods=["POST"]),
            Route("/health", self._tell),
            Route("/hang", self._hang),
        ]
        endpoint = Endpoint("127.0.0.1", self.port)
        self.server = HttpServer(Starlette(routes=routes), setting="A_PORT", endpoint=endpoint)

    async def _read(self, request: Request) -> Response:
        self.begun.set()
        with suppress(ClientDisconnect):
            await request.body()
        return Response()

    async def _tell(self, _: Request) -> Response:
        return Response()

    async def _hang(self, _: Request) -> Response:
        self.begun.set()
        await asyncio.Event().wait()
        return Response()

    @asynccontextmanager
    async def connected(self, said: bytes) -> AsyncIterator[tuple[StreamReader, StreamWriter]]:
        """Connect and say something, half a request for instance."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(said)
        try:
            yield reader, writer
        finally:
            writer.close()


async def rest(reader: StreamReader) -> bytes:
    """Return what comes until the connection is closed, however that is done."""
    try:
        async with asyncio.timeout(10):
            return await reader.read()
    except ConnectionError:
        return b""


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    served = Served()
    await served.server.start()
    yield served
    await served.server.stop()


async def test_connections_without_a_request_keep_nobody_out_and_those_with_one_stay(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "MAX_REQUESTS", 4)
    async with AsyncExitStack() as open_, httpx.AsyncClient() as http:
        busy, writer = await open_.enter_async_context(
            served.connected(HEAD + b"Content-Length: 2\r\n\r\n1")
        )
        await served.begun.wait()
        idle = [
            await open_.enter_async_context(served.connected(said))
            for said in (b"", HEAD, b"GET /health HTTP/1.1\r\nHost: bot\r\n\r\n") * 4
        ]
        answer = await http.get(f"http://127.0.0.1:{served.port}/health")
        assert answer.status_code == 200
        assert await rest(idle[0][0]) == b"", "the oldest one is closed"
        writer.write(b"2")
        assert b" 200 " in await busy.readline(), "a request under way is answered"


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        (HEAD + b"Content-Length: 9\r\n\r\nhalf", b""),
        (b"GET /hang HTTP/1.1\r\nHost: bot\r\n\r\n", b"HTTP/1.1 503"),
    ],
    ids=["unfinished", "unanswered"],
)
async def test_a_stop_waits_for_no_request_and_logs_no_error(
    said: bytes,
    answer: bytes,
    served: Served,
    errors: LoggedErrors,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    errors.expect("timeout graceful shutdown exceeded")
    monkeypatch.setattr(serving, "STOP_SECONDS", 0)
    async with served.connected(said) as (reader, _):
        await served.begun.wait()
        await served.server.stop()
        assert (await rest(reader))[: len(b"HTTP/1.1 503")] == answer
