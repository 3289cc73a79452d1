"""HTTP connections to the provider, to Telegram and to where videos lie.

httpx's own pool looks at all of its connections at every request, and its sockets take a switch of
tasks and a system call for each part of a request. Here a connection carries one request at a time,
which leaves in one piece where it has a few kilobytes. What needs a proxy is left to httpx.
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

KEPT_SECONDS = 5.0
"""How long a connection that carries nothing is kept; servers keep theirs for longer."""
SENT_TOGETHER = 65_536
"""Bytes of a request that wait for its end before they are sent."""
MOST_UNREAD = 262_144
"""Bytes of an answer that are taken before somebody reads them."""
PIECES_AT_ONCE = 500
"""Pieces of an answer that are handed on before others have a turn: there may be thousands."""
UNPACKED_AT_ONCE = 65_536
"""Bytes that a packed answer becomes before somebody looks at them."""

_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_SCHEMES = ("http", "https")
_PROXIES = ("http", "https", "all")
_PACKED = frozenset({"gzip", "x-gzip", "deflate"})


@cache
def tls() -> ssl.SSLContext:
    """The authorities trusted, for all connections: reading them takes 75 ms and a megabyte."""
    return httpx.create_ssl_context(trust_env=False)


def proxy_of(url: str) -> str | None:
    """Return the address of the proxy through which something is asked for, None for none.

    It is the one that the environment names (HTTPS_PROXY, ALL_PROXY, NO_PROXY), but never for this
    machine itself.
    """
    scheme, host, named = urlsplit(url).scheme, urlsplit(url).hostname or "", getproxies()
    if host in _LOOPBACK or proxy_bypass(host):
        return None
    proxy = named.get(scheme) or named.get("all")
    return proxy if proxy is None or "://" in proxy else f"http://{proxy}"


def uses_proxy() -> bool:
    """Whether what is asked for by https goes through a proxy."""
    named = getproxies()
    spared = [host.strip() for host in named.get("no", "").split(",")]
    return bool(named.get("https") or named.get("all")) and "*" not in spared


def proxy_problem() -> str | None:
    """Say in a line which proxy of the environment cannot be used, without its password."""
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
    """Connections to any server, each for one request at a time: as many as are asked for at once.

    Not `kept`, each carries one request only. A connection that was kept may be closed by the other
    side just as a paid request leaves on it, and nobody could tell whether it was taken.
    """

    def __init__(self, *, kept: bool = True) -> None:
        self._kept_seconds = KEPT_SECONDS if kept else 0.0
        self._open = set[httpcore.AsyncHTTPConnection]()
        # the one that was used last goes next: it is open still
        self._free = defaultdict[str, deque[httpcore.AsyncHTTPConnection]](deque)
        self._proxied: dict[str, httpx.AsyncHTTPTransport] = {}
        # the whole environment is read for it, and no process sees its own change
        self._proxy_of = lru_cache(maxsize=64)(proxy_of)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; its connection is free again when the response is closed.

        Raises httpx.TransportError.
        """
        url = request.url
        if url.scheme not in _SCHEMES or not url.host:
            raise httpx.UnsupportedProtocol("an address begins with http:// or https:// and a name")
        server = f"{url.scheme}://{url.netloc.decode('ascii')}"
        if (proxy := self._proxy_of(server)) is not None:
            return await self._through(proxy).handle_async_request(request)
        target = httpcore.URL(
            scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
        )
        connection = await self._connection(server, target.origin)
        was_kept = connection.is_idle()
        with _translated():
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
                await self._give_back(server, connection)
                if not (was_kept and is_ours and _may_be_asked_anew(request, error)):
                    raise
                return await self.handle_async_request(request)

        async def close() -> None:
            try:
                await response.aclose()
            finally:
                await self._give_back(server, connection)

        return httpx.Response(
            response.status,
            headers=response.headers,
            stream=_Body(response, close),
            extensions=response.extensions,
        )

    async def aclose(self) -> None:
        """Close all; more can be made afterwards."""
        connections, self._open = self._open, set()
        self._free.clear()
        for one in connections:
            await one.aclose()
        proxied, self._proxied = self._proxied, {}
        for through in proxied.values():
            await through.aclose()

    async def _connection(
        self, server: str, origin: httpcore.Origin
    ) -> httpcore.AsyncHTTPConnection:
        """Return a connection that is free, or make one."""
        while free := self._free.get(server):
            connection = free.pop()
            if not connection.has_expired():
                return connection
            await self._drop(connection)
        connection = httpcore.AsyncHTTPConnection(
            origin,
            ssl_context=tls(),
            keepalive_expiry=self._kept_seconds,
            network_backend=_NETWORK,
        )
        self._open.add(connection)
        return connection

    async def _give_back(self, server: str, connection: httpcore.AsyncHTTPConnection) -> None:
        if not self._kept_seconds or connection not in self._open or not _is_clean(connection):
            await self._drop(connection)
            return
        free = self._free[server]
        free.append(connection)
        while free and free[0].has_expired():
            await self._drop(free.popleft())

    async def _drop(self, connection: httpcore.AsyncHTTPConnection) -> None:
        self._open.discard(connection)
        await connection.aclose()

    def _through(self, proxy: str) -> httpx.AsyncHTTPTransport:
        if proxy not in self._proxied:
            limits = httpx.Limits(max_keepalive_connections=None if self._kept_seconds else 0)
            self._proxied[proxy] = httpx.AsyncHTTPTransport(
                verify=tls(), proxy=proxy, limits=limits
            )
        return self._proxied[proxy]


def _may_be_asked_anew(request: httpx.Request, error: BaseException) -> bool:
    """Whether a question may have met a connection that was kept and was about to be closed."""
    gone = (httpcore.ReadError, httpcore.WriteError, httpcore.RemoteProtocolError)
    return request.method == "GET" and isinstance(error, gone)


def _is_clean(connection: httpcore.AsyncHTTPConnection) -> bool:
    """Whether a connection may carry another request: nothing came after the answer to its last."""
    if connection.has_expired() or not connection.is_idle():
        return False
    inner: Any = connection._connection  # noqa: SLF001 - nobody else knows what httpcore read
    return not inner._h11_state.trailing_data[0]  # noqa: SLF001 - as above


async def read_body(response: httpx.Response, limit: int) -> bytes:
    """Read the body of a response. Raises ReadError where it has over `limit` bytes, unpacked."""
    pieces, length = list[bytes](), 0
    async for piece in pieces_of(response):
        pieces.append(piece)
        length += len(piece)
        if length > limit:
            raise httpx.ReadError("the answer is too long")
    return b"".join(pieces)


def pieces_of(response: httpx.Response) -> AsyncIterator[bytes]:
    """Return the pieces of a response's body, unpacked where it was packed though nobody asked."""
    if not isinstance(response.stream, httpx.AsyncByteStream):
        raise TypeError("only what an asynchronous transport answers can be read")
    if response.headers.get("content-encoding", "").strip().lower() in _PACKED:
        return _unpacked(response.stream)
    return aiter(response.stream)


async def _unpacked(stream: httpx.AsyncByteStream) -> AsyncIterator[bytes]:
    """Unpack a body a little at a time: a small one cannot become a large one unseen."""
    unpacking, packed = zlib.decompressobj(zlib.MAX_WBITS | 32), b""
    try:
        async for packed in stream:
            piece = unpacking.decompress(packed, UNPACKED_AT_ONCE)
            while piece:
                yield piece
                piece = unpacking.decompress(unpacking.unconsumed_tail, UNPACKED_AT_ONCE)
    except zlib.error as error:
        raise httpx.DecodingError("what was packed cannot be unpacked") from error
    if packed and not unpacking.eof:
        raise httpx.ReadError("what was packed is not whole")


class _Body(httpx.AsyncByteStream):
    """The body of a response, whose connection is given back with it."""

    def __init__(
        self, response: httpcore.Response, close: Callable[[], Coroutine[None, None, None]]
    ) -> None:
        self._response = response
        self._close = close

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _translated():
            number = 0
            async for piece in self._response.aiter_stream():
                yield piece
                number += 1
                if number % PIECES_AT_ONCE == 0:
                    await asyncio.sleep(0)

    async def aclose(self) -> None:
        with _translated():
            await self._close()


@contextmanager
def _translated() -> Iterator[None]:
    """Raise httpcore's errors as httpx's, which have the same names."""
    try:
        yield
    except (
        httpcore.TimeoutException,
        httpcore.NetworkError,
        httpcore.ProtocolError,
    ) as error:
        raise getattr(httpx, type(error).__name__)(str(error)) from error


class _Network(httpcore.AsyncNetworkBackend):
    """The network, by asyncio's own transports."""

    async def connect_tcp(
        self, host: str, port: int, timeout: float | None = None, *_others: object, **_more: object
    ) -> httpcore.AsyncNetworkStream:
        loop = asyncio.get_running_loop()
        with _named(httpcore.ConnectTimeout, httpcore.ConnectError):
            async with asyncio.timeout(timeout):
                _, stream = await loop.create_connection(
                    _Stream,
                    host,
                    port,
                    # asyncio's race leaves the winner's socket open where it is broken off just
                    # then; on this machine there is nothing to race for
                    happy_eyeballs_delay=None if host in _LOOPBACK else 0.25,
                )
        return stream


_NETWORK = _Network()


class _Stream(asyncio.Protocol, httpcore.AsyncNetworkStream):
    """One connection: what is written waits for more of it, or for the first reading."""

    def __init__(self) -> None:
        self._transport: Any = None
        self._unsent = bytearray()
        self._unread = bytearray()
        self._ended = False
        self._error: Exception | None = None
        # who waits for something to read, or to be sent
        self._waiting: asyncio.Future[None] | None = None
        self._is_full = False

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        self._send()
        if self._unread:
            # they may be thousands of heads before the answer's
            await asyncio.sleep(0)
        elif not self._ended:
            await self._change(timeout, httpcore.ReadTimeout)
        if self._unread:
            piece = bytes(memoryview(self._unread)[:max_bytes])
            del self._unread[:max_bytes]
            if not self._ended and len(self._unread) <= MOST_UNREAD:
                self._transport.resume_reading()
            return piece
        if self._error is not None:
            raise httpcore.ReadError(str(self._error)) from self._error
        return b""

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._unsent += buffer
        if len(self._unsent) < SENT_TOGETHER:
            return
        self._send()
        while self._is_full and not self._ended:
            await self._change(timeout, httpcore.WriteTimeout)
        if self._ended:
            # an answer may have come before
            raise httpcore.WriteError(str(self._error or "closed by the other side"))

    async def aclose(self) -> None:
        # what is not sent yet is wanted by nobody any more, and who reads still has not all of it
        self._error = self._error or ConnectionAbortedError("closed on our side")
        self._transport.abort()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.AsyncNetworkStream:
        loop = asyncio.get_running_loop()
        with _named(httpcore.ConnectTimeout, httpcore.ConnectError):
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
            # nothing is asked for: what comes is a farewell
            return self._ended or bool(self._unread)
        return self._transport.get_extra_info(info)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._unread += data
        if len(self._unread) > MOST_UNREAD:
            self._transport.pause_reading()
        self._wake()

    def eof_received(self) -> None:
        self._ended = True
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        self._ended = True
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

    async def _change(self, seconds: float | None, late: type[httpcore.TimeoutException]) -> None:
        """Wait until something came, went or ended."""
        self._waiting = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(seconds):
                await self._waiting
        except TimeoutError as error:
            raise late("silence") from error
        finally:
            self._waiting = None

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)


@contextmanager
def _named(
    late: type[httpcore.TimeoutException], broken: type[httpcore.NetworkError]
) -> Iterator[None]:
    """Raise what asyncio does as httpcore's errors."""
    try:
        yield
    except TimeoutError as error:
        raise late(str(error)) from error
    except (OSError, ValueError, IndexError, OverflowError) as error:
        # asyncio's race fails with the last two where a port or an address cannot be
        raise broken(str(error)) from error
