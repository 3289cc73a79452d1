"""Connections carry one request at a time, and end however the other side behaves."""

from __future__ import annotations

import asyncio
import shutil
import socket
import ssl
import subprocess
from asyncio import StreamReader, StreamWriter
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from generation.provider import connections
from generation.provider.connections import (
    CHUNKS_PER_TURN,
    MAX_UNREAD,
    WRITE_BUFFER,
    Connections,
    read_body,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    Behaviour = Callable[["Server", StreamReader, StreamWriter], Awaitable[None]]

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
LARGE = bytes(20_000_000)
IMPATIENT = httpx.Timeout(20.0, read=0.2, write=0.2)


class Server:
    """A server that does with each connection what it is told to; `requests` names them."""

    def __init__(self, behaviour: Behaviour) -> None:
        self.behaviour = behaviour
        self.connections = 0
        self.requests = list[tuple[str, int]]()
        self.over = asyncio.Event()
        self.writers = set[StreamWriter]()
        self.url = ""

    async def serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        self.connections += 1
        self.writers.add(writer)
        try:
            await self.behaviour(self, reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client left
        finally:
            writer.close()

    async def head(self, reader: StreamReader, number: int) -> str:
        """Read the head of a request, and note on which connection it came."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.requests.append((head.split()[1], number))
        return head


@asynccontextmanager
async def serving(behaviour: Behaviour, tls: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    server = Server(behaviour)
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=tls)
    port = listening.sockets[0].getsockname()[1]
    server.url = f"{'https' if tls else 'http'}://localhost:{port}"
    try:
        yield server
    finally:
        server.over.set()
        listening.close()
        for writer in server.writers:
            writer.transport.abort()


async def answers(server: Server, reader: StreamReader, writer: StreamWriter) -> None:
    """Answer one request after the other."""
    number = server.connections
    while True:
        await server.head(reader, number)
        writer.write(OK)


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=Connections()) as client:
        yield client


async def test_what_is_asked_for_later_takes_the_connection_that_is_free(
    http: httpx.AsyncClient,
) -> None:
    async with serving(answers) as server:
        for path in ("/1", "/2"):
            assert (await http.get(f"{server.url}{path}")).content == b"ok"
        await asyncio.gather(*(http.get(f"{server.url}/{n}") for n in (3, 4)))
    assert server.requests[:2] == [("/1", 1), ("/2", 1)]
    assert sorted(number for _, number in server.requests[2:]) == [1, 2]


async def test_a_connection_that_was_closed_meanwhile_or_said_farewell_is_not_used_again(
    http: httpx.AsyncClient,
) -> None:
    async def once(server: Server, reader: StreamReader, writer: StreamWriter) -> None:
        await server.head(reader, server.connections)
        # as servers do that wait no longer
        writer.write(OK + b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\n\r\n")

    async with serving(once) as server:
        for path in ("/1", "/2"):
            answer = await http.get(f"{server.url}{path}")
            assert (answer.status_code, answer.content) == (200, b"ok")
    assert server.requests == [("/1", 1), ("/2", 2)]


async def test_a_question_that_meets_a_connection_about_to_be_closed_is_asked_anew(
    http: httpx.AsyncClient,
) -> None:
    async def hangs_up(server: Server, reader: StreamReader, writer: StreamWriter) -> None:
        number = server.connections
        await server.head(reader, number)
        writer.write(OK)
        await server.head(reader, number)

    async def never_answers(server: Server, reader: StreamReader, _: StreamWriter) -> None:
        await server.head(reader, server.connections)

    async with serving(hangs_up) as server:
        await asyncio.gather(*(http.get(f"{server.url}/{n}") for n in (1, 2)))
        assert (await http.get(f"{server.url}/3")).content == b"ok"
        assert [path for path, _ in server.requests[2:]] == ["/3"] * 3
        with pytest.raises(httpx.TransportError):
            await http.post(f"{server.url}/4")
        assert [path for path, _ in server.requests[5:]] == ["/4"]
        server.behaviour = never_answers
        with pytest.raises(httpx.TransportError):
            await http.get(f"{server.url}/5")
        assert [path for path, _ in server.requests[6:]] == ["/5"]


async def test_what_comes_after_an_answer_is_none_to_the_next_request(
    http: httpx.AsyncClient,
) -> None:
    async def says_more(server: Server, reader: StreamReader, writer: StreamWriter) -> None:
        await server.head(reader, server.connections)
        writer.write(OK + b"HTTP/1.1 418 For nobody\r\ncontent-length: 0\r\n\r\n")
        await server.over.wait()

    async with serving(says_more) as server:
        for _ in range(2):
            assert (await http.get(server.url)).status_code == 200


class Alive:
    """Answers, and counts the connections that are open."""

    def __init__(self) -> None:
        self.count = 0

    async def __call__(self, server: Server, reader: StreamReader, writer: StreamWriter) -> None:
        self.count += 1
        try:
            await answers(server, reader, writer)
        finally:
            self.count -= 1

    async def is_one(self) -> None:
        async with asyncio.timeout(20):
            while self.count != 1:
                await asyncio.sleep(0.001)


async def test_what_stays_free_is_closed_while_others_are_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connections, "KEEPALIVE_SECONDS", 0.2)
    alive = Alive()
    async with serving(alive) as server, httpx.AsyncClient(transport=Connections()) as http:
        await asyncio.gather(*(http.get(server.url) for _ in range(5)))
        asking = asyncio.create_task(alive.is_one())
        while not asking.done():
            await http.get(server.url)
            await asyncio.sleep(0.01)
        await asking


@pytest.mark.parametrize("is_first", [True, False])
async def test_a_request_that_is_broken_off_anywhere_leaves_no_connection_behind(
    *, is_first: bool
) -> None:
    transport, alive, turns, is_whole = Connections(), Alive(), 0, False
    async with serving(alive) as server:

        async def ask() -> None:
            response = await transport.handle_async_request(httpx.Request("GET", server.url))
            try:
                await read_body(response, 2)
            finally:
                await response.aclose()

        while not is_whole:
            if not is_first:
                await ask()
            asking = asyncio.create_task(ask())
            for _ in range(turns):
                await asyncio.sleep(0)
            is_whole = not asking.cancel()
            await asyncio.wait({asking})
            await ask()
            await alive.is_one()
            await transport.aclose()
            turns += 1
        assert turns > 5, "it was broken off at many places"


async def test_an_answer_that_comes_before_all_was_sent_is_given(http: httpx.AsyncClient) -> None:
    async def refuse(server: Server, reader: StreamReader, writer: StreamWriter) -> None:
        await server.head(reader, server.connections)
        writer.write(b"HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\n\r\n")
        await writer.drain()
        # a close with something unread would be a reset, which may overtake the answer
        await reader.read(10 * WRITE_BUFFER)

    async with serving(refuse) as server:
        assert (await http.post(server.url, content=LARGE)).status_code == 413
        assert (await http.post(server.url, content=b"small")).status_code == 413


async def test_an_answer_is_waited_for_while_the_end_of_the_request_still_leaves(
    http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = connections._Stream  # noqa: SLF001 - its buffers are made small
    made = stream.connection_made

    def made_with_small_buffers(self: Any, transport: asyncio.Transport) -> None:
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        transport.set_write_buffer_limits(high=0)
        made(self, transport)

    monkeypatch.setattr(stream, "connection_made", made_with_small_buffers)

    async def reads_slowly(server: Server, reader: StreamReader, writer: StreamWriter) -> None:
        await server.head(reader, server.connections)
        left = 2 * WRITE_BUFFER - 1
        while left:
            left -= len(await reader.read(left))
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.05)
        writer.write(OK)

    async def parts() -> AsyncIterator[bytes]:
        yield bytes(WRITE_BUFFER)
        yield bytes(WRITE_BUFFER - 1)  # buffered until the answer is waited for

    size = {"content-length": str(2 * WRITE_BUFFER - 1)}
    async with serving(reads_slowly) as server:
        assert (await http.post(server.url, content=parts(), headers=size)).text == "ok"


async def test_a_large_request_arrives_whole(http: httpx.AsyncClient) -> None:
    async def count(server: Server, reader: StreamReader, writer: StreamWriter) -> None:
        await server.head(reader, server.connections)
        size = len(await reader.readexactly(len(LARGE)))
        body = str(size).encode()
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
        await writer.drain()

    async with serving(count) as server:
        assert (await http.post(server.url, content=LARGE)).text == str(len(LARGE))


async def hears_nothing(server: Server, reader: StreamReader, _writer: StreamWriter) -> None:
    await server.head(reader, server.connections)
    await server.over.wait()


async def says_half(server: Server, reader: StreamReader, writer: StreamWriter) -> None:
    await server.head(reader, server.connections)
    writer.write(OK[:-1])
    await writer.drain()


async def hangs_up(server: Server, reader: StreamReader, _writer: StreamWriter) -> None:
    await server.head(reader, server.connections)


@pytest.mark.parametrize(
    ("behaviour", "content", "error"),
    [
        (hears_nothing, b"", httpx.ReadTimeout),
        (hears_nothing, LARGE, httpx.WriteTimeout),
        (says_half, b"", httpx.RemoteProtocolError),
        (hangs_up, b"", httpx.RemoteProtocolError),
    ],
)
async def test_a_request_that_fails_says_how_and_leaves_no_connection(
    http: httpx.AsyncClient,
    behaviour: Behaviour,
    content: bytes,
    error: type[httpx.TransportError],
) -> None:
    async with serving(behaviour) as server:
        with pytest.raises(error):
            await http.post(server.url, content=content, timeout=IMPATIENT)
        server.behaviour = answers
        assert (await http.get(server.url)).content == b"ok", "the next goes on a new one"
        assert server.connections == 2


async def test_a_server_that_is_not_there_is_an_error_of_the_connection(
    http: httpx.AsyncClient, unused_tcp_port: int
) -> None:
    with pytest.raises(httpx.ConnectError):
        await http.get(f"http://127.0.0.1:{unused_tcp_port}")
    with pytest.raises(httpx.ConnectError):
        await http.get(f"http://{'a' * 64}.test", timeout=IMPATIENT)
    with pytest.raises(httpx.ConnectError):
        await http.get("http://127.0.0.1:65536")
    with pytest.raises(httpx.UnsupportedProtocol):
        await http.get("gopher://127.0.0.1")


async def test_an_answer_that_nobody_reads_is_not_taken(http: httpx.AsyncClient) -> None:
    written = 0

    async def pour(server: Server, reader: StreamReader, writer: StreamWriter) -> None:
        nonlocal written
        await server.head(reader, server.connections)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n")
        while True:
            writer.write(bytes(MAX_UNREAD))
            await writer.drain()
            written += MAX_UNREAD

    async with serving(pour) as server, http.stream("GET", server.url) as response:
        pieces = response.aiter_raw()
        read = len(await anext(pieces))
        before = -1
        # until the kernel's own buffers are full, which may take some MB
        while written != before:
            before = written
            await asyncio.sleep(0.05)
        assert written < 50_000_000, "it waits for the reader"
        while read < before + 50_000_000:
            read += len(await anext(pieces))
            assert written - read < 50_000_000, "it waits for one who reads more slowly, too"


async def test_an_answer_in_thousands_of_pieces_lets_others_have_their_turn(
    http: httpx.AsyncClient,
) -> None:
    since_others, most = 0, 0

    async def crumble(server: Server, reader: StreamReader, writer: StreamWriter) -> None:
        await server.head(reader, server.connections)
        writer.write(
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + 20_000 * b"1\r\n.\r\n"
        )
        writer.write(b"0\r\n\r\n")
        await server.over.wait()

    async def others() -> None:
        nonlocal since_others
        while True:
            since_others = 0
            await asyncio.sleep(0)

    async with serving(crumble) as server, http.stream("GET", server.url) as response:
        turns = asyncio.create_task(others())
        async for piece in response.aiter_raw():
            since_others += len(piece)
            most = max(most, since_others)
        turns.cancel()
    assert most <= CHUNKS_PER_TURN, "pieces without a turn for anybody else"


async def test_a_stop_breaks_off_what_is_under_way_and_more_can_be_asked_for() -> None:
    transport = Connections()
    async with serving(hears_nothing) as server, httpx.AsyncClient(transport=transport) as http:
        asking = asyncio.create_task(http.get(server.url))
        while not server.requests:
            await asyncio.sleep(0.01)
        await transport.aclose()
        with pytest.raises(httpx.TransportError):
            await asking
        server.behaviour = answers
        assert (await http.get(server.url)).content == b"ok"


async def test_what_a_stop_breaks_off_is_not_taken_for_all_of_an_answer() -> None:
    async def goes_on(server: Server, reader: StreamReader, writer: StreamWriter) -> None:
        await server.head(reader, server.connections)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\nsome of it")
        await server.over.wait()

    transport = Connections()
    async with (
        serving(goes_on) as server,
        httpx.AsyncClient(transport=transport) as http,
        http.stream("GET", server.url) as response,
    ):
        pieces = response.aiter_raw()
        assert await anext(pieces) == b"some of it"
        await transport.aclose()
        with pytest.raises(httpx.ReadError):
            await anext(pieces)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for localhost, and its key."""
    folder = tmp_path_factory.mktemp("authority")
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not there")
    subprocess.run(  # noqa: S603 - what stands here
        [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
         "-keyout", key, "-out", certificate],
        check=True, capture_output=True,
    )  # fmt: skip
    return certificate, key


async def test_https_is_spoken_to_whom_an_authority_vouches_for(
    authority: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate, key = authority
    ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ours.load_cert_chain(certificate, key)
    async with serving(answers, ours) as server:
        async with httpx.AsyncClient(transport=Connections()) as http:
            with pytest.raises(httpx.ConnectError, match="certificate verify failed"):
                await http.get(server.url)
        trusting = ssl.create_default_context(cafile=str(certificate))
        monkeypatch.setattr(connections, "shared_ssl_context", lambda: trusting)
        async with httpx.AsyncClient(transport=Connections()) as http:
            for path in ("/1", "/2"):
                assert (await http.get(f"{server.url}{path}")).content == b"ok"
            address = server.url.replace("localhost", "127.0.0.1")
            named = {"sni_hostname": "localhost"}
            assert (await http.get(f"{address}/3", extensions=named)).content == b"ok"
    assert [number for _, number in server.requests] == [1, 1, 2]
