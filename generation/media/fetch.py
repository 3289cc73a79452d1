"""Downloads of finished videos from the URL that the provider returns.

The URL is not trusted: it could point into the operator's own network, resolve to another address
after the check, never end, or serve anything but a video. So only `https` to public addresses is
followed, to exactly the address that was checked; redirects are checked again; bytes and time are
limited. The provider's own origin, which the operator chose, is exempt from the check.

    FetchError
    ├── UnsafeLink    not a public https address: final
    ├── DeadLink      gone or expired: ask the provider for a fresh one
    ├── TooLarge      over the limit: final
    └── FetchFailed   network, server or time: try again

and `generation.media.videos.NotAVideo` if the URL serves something else. A few videos are fetched
at a time, and each is probed before it counts.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
from dataclasses import dataclass, field
from functools import partial
from ipaddress import IPv6Address, IPv6Network, ip_address
from typing import IO, TYPE_CHECKING, Any, Final

import httpx

from generation.media.formats import (
    HEAD_BYTES,
    MediaError,
    MediaFailed,
    PictureDelayed,
    PictureGone,
    video_container,
)
from generation.media.videos import NotAVideo, probe, video_in
from generation.provider.connections import iter_body
from generation.provider.errors import NoSuchGeneration, ProviderError
from generation.provider.protocol import Completed, Failed
from storage import films, generations

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
    from pathlib import Path

    from generation.media.formats import FetchFile
    from generation.media.pool import MediaProcesses
    from generation.provider.client import AimlApi
    from storage.database import Database
    from storage.generations import Generation

    Resolver = Callable[..., Awaitable[list[tuple[Any, ...]]]]
    """`loop.getaddrinfo`, or a substitute."""

MAX_CONCURRENT_FETCHES = 8
"""A download may take minutes, and must not delay the polling of other requests."""

WRITE_BUFFER_BYTES = 1_000_000
"""Bytes collected before a write, as each write is a call of another thread."""

MAX_VIDEO_BYTES = 500_000_000
"""Far more than any model makes, far less than a disk."""

MAX_REDIRECTS: Final = 5
CONNECT_TIMEOUT_SECONDS: Final = 10.0
READ_TIMEOUT_SECONDS: Final = 30.0

_NOT_PUBLIC: Final = (
    # all but the last embed an IPv4 address, which a gateway may connect to:
    IPv6Network("::/96"),  # IPv4-compatible, long deprecated
    IPv6Network("::ffff:0:0:0/96"),  # SIIT
    IPv6Network("64:ff9b::/96"),  # NAT64
    IPv6Network("64:ff9b:1::/48"),  # NAT64 within a network
    IPv6Network("2002::/16"),  # 6to4
    IPv6Network("2001::/32"),  # Teredo
    IPv6Network("fec0::/10"),  # site-local, deprecated
)
"""Networks that Python treats as global, or did in some version."""
_LAST_PORT: Final = 65535
_TRY_LATER: Final = frozenset({408, 425, 429})

logger = logging.getLogger(__name__)


class FetchError(Exception):
    """A video was not fetched."""


class UnsafeLink(FetchError):
    """The link, or one it redirects to, is not a public https address."""


class DeadLink(FetchError):
    """The link is gone, expired, or leads nowhere."""


class TooLarge(FetchError):
    """There are more bytes than allowed."""


class FetchFailed(FetchError):
    """The network or the server failed, or the time ran out."""


class FileGone(MediaError):
    """A video is gone from the disk, and the provider no longer serves it."""


@dataclass(slots=True, eq=False, kw_only=True)
class Downloads:
    """Downloads videos from the provider to `folder`, where they stay until delivered."""

    api: AimlApi
    http: httpx.AsyncClient
    origin: str
    folder: Path
    media: MediaProcesses
    seconds: float
    proxied: bool = False
    _fetching: asyncio.Semaphore = field(
        init=False, default_factory=lambda: asyncio.Semaphore(MAX_CONCURRENT_FETCHES)
    )

    def path_of(self, generation: Generation) -> Path:
        """Return the path of a generation's video until it is delivered."""
        return video_in(self.folder, generation.id)

    async def fetch(self, generation: Generation, url: str, target: Path | None = None) -> None:
        """Download a video to its path, or to `target`. Raises FetchError, NotAVideo."""
        target = target or self.path_of(generation)
        async with self._fetching:
            await fetch_video(
                self.http, url, target,
                origin=self.origin, max_bytes=MAX_VIDEO_BYTES, seconds=self.seconds,
                proxied=self.proxied,
            )  # fmt: skip
            try:
                await probe(self.media, target)
            except MediaError as error:
                # it begins like a video, and is paid for: at worst it is sent as a document
                logger.warning("generation %d cannot be looked at: %s", generation.id, error)
            except BaseException:
                target.unlink(missing_ok=True)
                raise

    async def restore(self, generation: Generation, target: Path | None = None) -> None:
        """Download a video again whose file is gone. Raises FileGone, or MediaError for now."""
        if generation.provider_id is None:
            raise FileGone("nobody knows its id at the provider")
        try:
            status = (await self.api.poll(generation.provider_id)).status
            if isinstance(status, Failed):
                raise FileGone("the provider calls it failed by now")
            if not isinstance(status, Completed):
                raise MediaFailed("the provider names no address")
            await self.fetch(generation, status.url, target)
        except (NoSuchGeneration, DeadLink, UnsafeLink, TooLarge, NotAVideo) as error:
            raise FileGone(repr(error)) from error
        except (ProviderError, FetchFailed) as error:
            raise MediaFailed(repr(error)) from error


@dataclass(frozen=True, slots=True)
class VideoFiles:
    """Downloads files from Telegram, or what it no longer serves, if it can, from the provider."""

    fetch: FetchFile
    downloads: Downloads
    db: Database

    async def __call__(self, file_id: str, target: Path) -> None:
        """Write the file to `target`. Raises PictureGone, PictureDelayed."""
        try:
            await self.fetch(file_id, target)
        except PictureGone:
            async with self.db.reading() as connection:
                number = await films.by_file_id(connection, file_id)
                video = await generations.find(connection, number) if number else None
            if video is None:
                raise
            try:
                await self.downloads.restore(video, target)
            except FileGone as error:
                raise PictureGone(str(error)) from error
            except MediaError as error:
                raise PictureDelayed(str(error), is_refused=True) from error


async def fetch_video(
    http: httpx.AsyncClient,
    url: str,
    target: Path,
    *,
    origin: str,
    max_bytes: int,
    seconds: float,
    resolver: Resolver | None = None,
    proxied: bool = False,
) -> int:
    """Stream a video to `target`, which appears once it is complete; return its size in bytes.

    `origin` is a URL of the provider; `seconds` limits the whole download. The client's own
    headers, cookies and credentials are not sent. If the client is `proxied`, the proxy gets the
    host name, needed to verify the certificate, and not the address that was checked.

    Raises FetchError, NotAVideo, OSError; nothing is left behind.
    """
    resolve = resolver or asyncio.get_running_loop().getaddrinfo
    send = partial(_send, http, trusted=httpx.URL(origin), resolve=resolve, proxied=proxied)
    part = target.with_name(target.name + ".part")
    try:
        async with asyncio.timeout(seconds):
            # not in a thread: if cancelled meanwhile, the file would never be closed
            file = part.open("wb")
            try:
                async with _follow_redirects(url, send) as response:
                    size = await _save(response, file, max_bytes)
                await asyncio.to_thread(_flush_to_disk, file)
            finally:
                file.close()
            part.replace(target)
            return size
    except TimeoutError as error:
        raise FetchFailed(f"not done within {seconds:g} s") from error
    # without the texts, which may quote a signed link
    except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
        raise UnsafeLink(type(error).__name__) from error
    except (httpx.HTTPError, httpx.StreamError, httpx.CookieConflict) as error:
        raise FetchFailed(type(error).__name__) from error
    finally:
        part.unlink(missing_ok=True)


@contextlib.asynccontextmanager
async def _follow_redirects(
    url: str, send: Callable[[httpx.URL], Awaitable[httpx.Response]]
) -> AsyncIterator[httpx.Response]:
    """Yield the response after redirects, its body unread."""
    with _reject_unreadable_link():
        here = httpx.URL(url)
    for _ in range(MAX_REDIRECTS + 1):
        async with contextlib.aclosing(await send(here)) as response:
            if not response.has_redirect_location:
                _check_status(response.status_code)
                yield response
                return
            with _reject_unreadable_link():
                here = here.join(response.headers["location"])
    raise DeadLink(f"more than {MAX_REDIRECTS} redirects")


async def _send(
    http: httpx.AsyncClient, url: httpx.URL, *, trusted: httpx.URL, resolve: Resolver, proxied: bool
) -> httpx.Response:
    """Request a URL at its checked address, without the client's own headers."""
    if url.userinfo or _port(url) > _LAST_PORT:
        raise UnsafeLink("the link carries credentials, or an invalid port")
    with _reject_unreadable_link():
        name, host = url.raw_host.decode("ascii"), url.host
    if _origin(url) == _origin(trusted):
        addresses = [host]
    elif url.scheme == "https" and name:
        try:
            addresses = await _public_addresses(name, _port(url), resolve)
        except FetchFailed:
            # behind a proxy, only the proxy may be able to resolve names
            if not proxied:
                raise
        if proxied:
            addresses = [host]
    else:
        raise UnsafeLink("the link is not https")
    timeout = httpx.Timeout(READ_TIMEOUT_SECONDS, connect=CONNECT_TIMEOUT_SECONDS)
    for left, address in enumerate(addresses, start=1 - len(addresses)):
        request = httpx.Request(
            "GET",
            url.copy_with(host=address, fragment=None),
            headers={
                "Host": url.netloc.decode("ascii"),
                "Accept": "video/*, */*;q=0.1",
                "Accept-Encoding": "identity",
                # httpx pools connections by address; another host there needs its own certificate
                "Connection": "close",
            },
            extensions={"timeout": timeout.as_dict(), "sni_hostname": name},
        )
        try:
            # httpx parses a redirect's target, though it follows none
            with _reject_unreadable_link():
                return await http.send(request, stream=True, auth=None, follow_redirects=False)
        except (httpx.ConnectError, httpx.ConnectTimeout):
            if left == 0:
                raise
    raise FetchFailed("the name has no address")


@contextlib.contextmanager
def _reject_unreadable_link() -> Iterator[None]:
    """Raise UnsafeLink for a URL that the libraries cannot parse."""
    try:
        yield
    except ValueError as error:
        raise UnsafeLink(type(error).__name__) from error


async def _public_addresses(name: str, port: int, resolve: Resolver) -> list[str]:
    """Resolve a name; raise UnsafeLink if any of its addresses is not public."""
    try:
        found = await resolve(name, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise FetchFailed("the name does not resolve") from error
    addresses = list(dict.fromkeys(str(socket_address[0]) for *_, socket_address in found))
    if not all(map(_is_public, addresses)):
        raise UnsafeLink("the link leads to an address that is not public")
    return addresses


def _is_public(text: str) -> bool:
    """Whether an address, and an IPv4 address in it, belongs to the public internet."""
    address = ip_address(text)
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        elif any(address in network for network in _NOT_PUBLIC):
            return False
    return address.is_global and not address.is_multicast


def _port(url: httpx.URL) -> int:
    """Return a URL's port; httpx omits a scheme's default."""
    return url.port or (443 if url.scheme == "https" else 80)


def _origin(url: httpx.URL) -> tuple[str, str, int]:
    """Return a URL's scheme, host and port, which are equal for URLs of one server."""
    return url.scheme, url.host, _port(url)


def _check_status(status: int) -> None:
    """Raise for any status but 200: expired signed links answer with almost any 4xx."""
    if status == httpx.codes.OK:
        return
    if httpx.codes.is_client_error(status) and status not in _TRY_LATER:
        raise DeadLink(f"HTTP {status}")
    raise FetchFailed(f"HTTP {status}")


async def _save(response: httpx.Response, file: IO[bytes], max_bytes: int) -> int:
    """Write the body, checking its first bytes and its size; headers are not trusted."""
    unwritten, size, is_video = bytearray(), 0, False
    async for chunk in iter_body(response):
        unwritten += chunk
        size += len(chunk)
        if size > max_bytes:
            raise TooLarge(f"over {max_bytes} bytes")
        if not is_video and size >= HEAD_BYTES:
            is_video = video_container(bytes(unwritten[:HEAD_BYTES])) is not None
            if not is_video:
                break
        if len(unwritten) >= WRITE_BUFFER_BYTES:
            await asyncio.to_thread(file.write, unwritten)
            unwritten = bytearray()
    if not is_video:
        raise NotAVideo("the link serves something other than a video")
    await asyncio.to_thread(file.write, unwritten)
    return size


def _flush_to_disk(file: IO[bytes]) -> None:
    """Flush the file to the disk, so that a request that is `ready` survives a power cut."""
    file.flush()
    os.fsync(file.fileno())
