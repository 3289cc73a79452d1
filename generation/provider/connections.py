"""HTTP transport for the provider, Telegram and the servers of videos.

httpx's own pool scans all of its connections at every request, and its sockets need a task switch
and a system call for each part of a request. Here a connection carries one request at a time, and
sends a small one in one write. Requests through a proxy are left to httpx.
"""

from __future__ import annotations

import asyncio
import zlib
from collections import defaultdict, deque
from contextlib import contextmanager
from functools import cache, lru_cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpcore
import httpx

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Callable, Coroutine, Iterator

KEEPALIVE_SECONDS = 5.0
"""How long an idle connection is kept; servers keep theirs for longer."""
WRITE_BUFFER = 65_536
"""Bytes of a request that are buffered until its end before they are sent."""
MAX_UNREAD = 262_144
"""Bytes of a response that are received before they are read."""
CHUNKS_PER_TURN = 500
"""Chunks of a response that are passed on before other tasks run: there may be thousands."""
DECOMPRESSED_CHUNK = 65_536
"""Most bytes that are decompressed at once."""

_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_SCHEMES = ("http", "https")
_PROXIES = ("http", "https", "all")
_COMPRESSED = frozenset({"gzip", "x-gzip", "deflate"})


@cache
def shared_ssl_context() -> ssl.SSLContext:
    """Return the SSL context of all connections: to load it takes 75 ms and a megabyte."""
    return httpx.create_ssl_context(trust_env=False)


def proxy_of(url: str) -> str | None:
    """Return the proxy of the environment for a URL, or None; loopback addresses have none."""
    scheme, host, named = urlsplit(url).scheme, urlsplit(url).hostname or "", getproxies()
    if host in _LOOPBACK or proxy_bypass(host):
        return None
    proxy = named.get(scheme) or named.get("all")
    return proxy if proxy is None or "://" in proxy else f"http://{proxy}"


def uses_proxy() -> bool:
    """Whether HTTPS requests go through a proxy."""
    named = getproxies()
    spared = [host.strip() for host in named.get("no", "").split(",")]
    return bool(named.get("https") or named.get("all")) and "*" not in spared


def proxy_problem() -> str | None:
    """Return a line on a proxy of the environment that cannot be used, without its password."""
    for scheme, named in getproxies().items():
        name = f"{scheme.upper()}_PROXY"
        kind, _, rest = named.rpartition("://")
        if scheme not in _PROXIES or not rest:
            continue
        if kind.lower() in {"socks5", "socks5h"} and find_spec("socksio") is None:
            return f"{name} is a SOCKS proxy: `pip install socksio`, or name an http:// proxy"
        try:
            httpx.Proxy(named if kind else f"http://{rest}")
        except (ValueError, httpx.InvalidURL):
            return f"{name} must be an address such as http://proxy.example.com:3128"
    return None


class Connections(httpx.AsyncBaseTransport):
    """Transport with as many connections as there are concurrent requests, to any server.

    Without `keepalive` each connection carries a single request. A kept connection may be closed by
    the server just as a paid request is sent, which leaves unknown whether it was accepted.
    """

    def __init__(self, *, keepalive: bool = True) -> None:
        self._keepalive_seconds = KEEPALIVE_SECONDS if keepalive else 0.0
        self._open = set[httpcore.AsyncHTTPConnection]()
        # the last one used is reused first: it is the most likely to be open
        self._idle = defaultdict[str, deque[httpcore.AsyncHTTPConnection]](deque)
        self._proxied: dict[str, httpx.AsyncHTTPTransport] = {}
        # each lookup reads the whole environment, which does not change while the process runs
        self._proxy_of = lru_cache(maxsize=64)(proxy_of)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; its connection is released when the response is closed.

        Raises httpx.TransportError.
        """
        url = request.url
        if url.scheme not in _SCHEMES or not url.host:
            raise httpx.UnsupportedProtocol("an address begins with http:// or https:// and a name")
        server = f"{url.scheme}://{url.netloc.decode('ascii')}"
        if (proxy := self._proxy_of(server)) is not None:
            return await self._proxied_transport(proxy).handle_async_request(request)
        target = httpcore.URL(
            scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
        )
        connection = await self._acquire(server, target.origin)
        was_idle = connection.is_idle()
        with _map_httpcore_errors():
            try:
                response = await connection.handle_async_request(
                    httpcore.Request(
                        request.method,
                        target,
                        headers=request.headers.raw,
                        content=request.stream,
                        extensions=request.extensions,
                    )
                )
            except BaseException as error:
                is_ours = connection in self._open
                await self._release(server, connection)
                if not (was_idle and is_ours and _is_retryable(request, error)):
                    raise
                return await self.handle_async_request(request)

        async def close() -> None:
            try:
                await response.aclose()
            finally:
                await self._release(server, connection)

        return httpx.Response(
            response.status,
            headers=response.headers,
            stream=_Body(response, close),
            extensions=response.extensions,
        )

    async def aclose(self) -> None:
        """Close all connections; new ones can be opened afterwards."""
        connections, self._open = self._open, set()
        self._idle.clear()
        for one in connections:
            await one.aclose()
        proxied, self._proxied = self._proxied, {}
        for through in proxied.values():
            await through.aclose()

    async def _acquire(self, server: str, origin: httpcore.Origin) -> httpcore.AsyncHTTPConnection:
        while idle := self._idle.get(server):
            connection = idle.pop()
            if not connection.has_expired():
                return connection
            await self._discard(connection)
        connection = httpcore.AsyncHTTPConnection(
            origin,
            ssl_context=shared_ssl_context(),
            keepalive_expiry=self._keepalive_seconds,
            network_backend=_NETWORK,
        )
        self._open.add(connection)
        return connection

    async def _release(self, server: str, connection: httpcore.AsyncHTTPConnection) -> None:
        if not self._keepalive_seconds or connection not in self._open or not _is_clean(connection):
            await self._discard(connection)
            return
        idle = self._idle[server]
        idle.append(connection)
        while idle and idle[0].has_expired():
            await self._discard(idle.popleft())

    async def _discard(self, connection: httpcore.AsyncHTTPConnection) -> None:
        self._open.discard(connection)
        await connection.aclose()

    def _proxied_transport(self, proxy: str) -> httpx.AsyncHTTPTransport:
        if proxy not in self._proxied:
            limits = httpx.Limits(max_keepalive_connections=None if self._keepalive_seconds else 0)
            self._proxied[proxy] = httpx.AsyncHTTPTransport(
                verify=shared_ssl_context(), proxy=proxy, limits=limits
            )
        return self._proxied[proxy]


def _is_retryable(request: httpx.Request, error: BaseException) -> bool:
    """Whether a GET may have failed because the server closed an idle connection."""
    gone = (httpcore.ReadError, httpcore.WriteError, httpcore.RemoteProtocolError)
    return request.method == "GET" and isinstance(error, gone)


def _is_clean(connection: httpcore.AsyncHTTPConnection) -> bool:
    """Whether a connection can be reused: no data came after its last response."""
    if connection.has_expired() or not connection.is_idle():
        return False
    inner: Any = connection._connection  # noqa: SLF001 - httpcore has no API for this
    return not inner._h11_state.trailing_data[0]  # noqa: SLF001 - as above


async def read_body(response: httpx.Response, limit: int) -> bytes:
    """Read the body of a response. Raises ReadError if it has over `limit` bytes, decompressed."""
    chunks, length = list[bytes](), 0
    async for chunk in iter_body(response):
        chunks.append(chunk)
        length += len(chunk)
        if length > limit:
            raise httpx.ReadError("the answer is too long")
    return b"".join(chunks)


def iter_body(response: httpx.Response) -> AsyncIterator[bytes]:
    """Return the chunks of a response's body, decompressed if needed."""
    if not isinstance(response.stream, httpx.AsyncByteStream):
        raise TypeError("only responses of an asynchronous transport can be read")
    if response.headers.get("content-encoding", "").strip().lower() in _COMPRESSED:
        return _decompress(response.stream)
    return aiter(response.stream)


async def _decompress(stream: httpx.AsyncByteStream) -> AsyncIterator[bytes]:
    """Decompress a body in small chunks, so that the reader can stop at its limit."""
    decompressor, compressed = zlib.decompressobj(zlib.MAX_WBITS | 32), b""
    try:
        async for compressed in stream:
            chunk = decompressor.decompress(compressed, DECOMPRESSED_CHUNK)
            while chunk:
                yield chunk
                chunk = decompressor.decompress(decompressor.unconsumed_tail, DECOMPRESSED_CHUNK)
    except zlib.error as error:
        raise httpx.DecodingError("what was compressed cannot be unpacked") from error
    if compressed and not decompressor.eof:
        raise httpx.ReadError("what was compressed is not whole")


class _Body(httpx.AsyncByteStream):
    """The body of a response, which releases the connection when it is closed."""

    def __init__(
        self, response: httpcore.Response, close: Callable[[], Coroutine[None, None, None]]
    ) -> None:
        self._response = response
        self._close = close

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _map_httpcore_errors():
            number = 0
            async for chunk in self._response.aiter_stream():
                yield chunk
                number += 1
                if number % CHUNKS_PER_TURN == 0:
                    await asyncio.sleep(0)

    async def aclose(self) -> None:
        with _map_httpcore_errors():
            await self._close()


@contextmanager
def _map_httpcore_errors() -> Iterator[None]:
    """Map httpcore's exceptions to those of httpx, which have the same names."""
    try:
        yield
    except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError) as error:
        raise getattr(httpx, type(error).__name__)(str(error)) from error


class _Network(httpcore.AsyncNetworkBackend):
    """Network backend of httpcore that uses asyncio's transports."""

    async def connect_tcp(
        self, host: str, port: int, timeout: float | None = None, *_others: object, **_more: object
    ) -> httpcore.AsyncNetworkStream:
        loop = asyncio.get_running_loop()
        with _map_connect_errors():
            async with asyncio.timeout(timeout):
                _, stream = await loop.create_connection(
                    _Stream,
                    host,
                    port,
                    # a cancelled race of addresses leaks the winner's socket; loopback needs none
                    happy_eyeballs_delay=None if host in _LOOPBACK else 0.25,
                )
        return stream


_NETWORK = _Network()


class _Stream(asyncio.Protocol, httpcore.AsyncNetworkStream):
    """One connection; writes are buffered until `WRITE_BUFFER` is full or the first read."""

    def __init__(self) -> None:
        self._transport: Any = None
        self._unsent = bytearray()
        self._unread = bytearray()
        self._is_ended = False
        self._error: Exception | None = None
        # pending wait for data, or for space in the write buffer
        self._waiter: asyncio.Future[None] | None = None
        self._is_full = False

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        self._send()
        if self._unread:
            # a server may send thousands of interim responses: let other tasks run
            await asyncio.sleep(0)
        while not (self._unread or self._is_ended):
            # also woken when the rest of the request has left
            await self._wait(timeout, httpcore.ReadTimeout)
        if self._unread:
            chunk = bytes(memoryview(self._unread)[:max_bytes])
            del self._unread[:max_bytes]
            if not self._is_ended and len(self._unread) <= MAX_UNREAD:
                self._transport.resume_reading()
            return chunk
        if self._error is not None:
            raise httpcore.ReadError(str(self._error)) from self._error
        return b""

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._unsent += buffer
        if len(self._unsent) < WRITE_BUFFER:
            return
        self._send()
        while self._is_full and not self._is_ended:
            await self._wait(timeout, httpcore.WriteTimeout)
        if self._is_ended:
            # a response may have been received before
            raise httpcore.WriteError(str(self._error or "closed by the other side"))

    async def aclose(self) -> None:
        # discards unsent data, and fails a read that is still going on
        self._error = self._error or ConnectionAbortedError("closed on our side")
        self._transport.abort()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.AsyncNetworkStream:
        loop = asyncio.get_running_loop()
        with _map_connect_errors():
            try:
                async with asyncio.timeout(timeout):
                    self._transport = await loop.start_tls(
                        self._transport, self, ssl_context, server_hostname=server_hostname
                    )
            except BaseException:
                self._transport.abort()
                raise
        return self

    def get_extra_info(self, info: str) -> Any:
        if info == "is_readable":
            # an idle connection that has data was closed by the server
            return self._is_ended or bool(self._unread)
        return self._transport.get_extra_info(info)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._unread += data
        if len(self._unread) > MAX_UNREAD:
            self._transport.pause_reading()
        self._wake()

    def eof_received(self) -> None:
        self._is_ended = True
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        self._is_ended = True
        self._error = self._error or exc
        self._wake()

    def pause_writing(self) -> None:
        self._is_full = True

    def resume_writing(self) -> None:
        self._is_full = False
        self._wake()

    def _send(self) -> None:
        if self._unsent and not self._transport.is_closing():
            self._transport.write(bytes(self._unsent))
        self._unsent.clear()

    async def _wait(self, seconds: float | None, late: type[httpcore.TimeoutException]) -> None:
        """Wait until data was received or sent, or the connection ended."""
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(seconds):
                await self._waiter
        except TimeoutError as error:
            raise late("silence") from error
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


@contextmanager
def _map_connect_errors() -> Iterator[None]:
    try:
        yield
    except TimeoutError as error:
        raise httpcore.ConnectTimeout(str(error)) from error
    except (OSError, ValueError, IndexError, OverflowError) as error:
        # create_connection raises the last two for an invalid port or address
        raise httpcore.ConnectError(str(error)) from error
