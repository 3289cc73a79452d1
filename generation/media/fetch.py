"""Finished videos on their way from the address a provider names to the disk.

The address is a stranger's word: it could point into the operator's own network, change its mind
between check and connection, never end, or hold anything but a video. So only `https` to public
addresses is followed, to exactly the address that was checked; redirects are checked again; bytes
and time are capped. The provider's own origin, which the operator chose, is exempt from the check.

    FetchError
    ├── UnsafeLink    not ours to follow: final
    ├── DeadLink      gone or expired: ask the provider for a fresh one
    ├── TooLarge      over the limit: final
    └── FetchFailed   network, server or time: try again

and `generation.media.videos.NotAVideo` where something else lies there. A few are fetched at a
time, and looked at before they count.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
from dataclasses import dataclass, field
from ipaddress import IPv6Address, IPv6Network, ip_address
from typing import IO, TYPE_CHECKING, Any, Final

import httpx

from generation.media.formats import HEAD_BYTES, MediaError, MediaFailed, video_container
from generation.media.videos import NotAVideo, probe, video_in
from generation.provider.connections import iter_body
from generation.provider.errors import NoSuchGeneration, ProviderError
from generation.provider.protocol import Completed, Failed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
    from pathlib import Path

    from generation.media.pool import MediaProcesses
    from generation.provider.client import AimlApi
    from storage.generations import Generation

    Resolver = Callable[..., Awaitable[list[tuple[Any, ...]]]]
    """`loop.getaddrinfo`, or what stands in for it."""

FETCHED_AT_ONCE = 8
"""Videos fetched side by side. That may take minutes, and must hold up no question."""

WRITTEN_TOGETHER = 1_000_000
"""Bytes that are written at a time: the disk's thread is called for each."""

LARGEST_VIDEO = 500_000_000
"""Bytes: far above what any model makes, far below a full disk."""

MAX_REDIRECTS: Final = 5
CONNECT_SECONDS: Final = 10.0
SILENCE_SECONDS: Final = 30.0

_NOT_PUBLIC: Final = (
    # all but the last stand for an address of IPv4, which somebody on the way may reach for them:
    IPv6Network("::/96"),  # IPv4-compatible, long deprecated
    IPv6Network("::ffff:0:0:0/96"),  # SIIT
    IPv6Network("64:ff9b::/96"),  # NAT64
    IPv6Network("64:ff9b:1::/48"),  # NAT64 within a network
    IPv6Network("2002::/16"),  # 6to4
    IPv6Network("2001::/32"),  # Teredo
    IPv6Network("fec0::/10"),  # site-local, deprecated
)
"""What Python takes for global, or did in some version."""
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
    """The network, the server or the clock got in the way."""


class FileGone(MediaError):
    """A video is gone from the disk, and the provider's link leads to none any more."""


@dataclass(slots=True, eq=False, kw_only=True)
class Downloads:
    """Brings videos from where the provider keeps them to where they lie until delivered."""

    api: AimlApi
    http: httpx.AsyncClient
    origin: str
    folder: Path
    media: MediaProcesses
    seconds: float
    proxied: bool = False
    _fetching: asyncio.Semaphore = field(
        init=False, default_factory=lambda: asyncio.Semaphore(FETCHED_AT_ONCE)
    )

    def path_of(self, generation: Generation) -> Path:
        """Return where a generation's video lies until it is delivered."""
        return video_in(self.folder, generation.id)

    async def fetch(self, generation: Generation, url: str, target: Path | None = None) -> None:
        """Bring a video to its place on the disk, or another; what is none is not left there.

        Raises:
            FetchError: As the module says.
            NotAVideo: Something else came.
        """
        target = target or self.path_of(generation)
        async with self._fetching:
            await fetch_video(
                self.http, url, target,
                origin=self.origin, max_bytes=LARGEST_VIDEO, seconds=self.seconds,
                proxied=self.proxied,
            )  # fmt: skip
            try:
                await probe(self.media, target)
            except MediaError as error:
                # it begins as a video does, and is paid for: at worst it goes as a document
                logger.warning("generation %d cannot be looked at: %s", generation.id, error)
            except BaseException:
                target.unlink(missing_ok=True)
                raise

    async def restore(self, generation: Generation, target: Path | None = None) -> None:
        """Fetch a video again whose file is gone from the disk, to its place there or another.

        Raises:
            FileGone: The provider has it no longer.
            MediaError: It cannot be had now.
        """
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
    """Stream a video to `target`, which appears when it is whole and on disk, and give its bytes.

    `origin` is a URL of the provider; `seconds` is for everything together. The client's own
    headers, cookies and credentials are not sent. Where the client is `proxied`, the proxy is told
    the name, for it to be proven, and not the address that was checked.

    Raises:
        FetchError: As the module says; nothing is left behind.
        NotAVideo: The first bytes are not those of a video.
        OSError: The disk refuses.
    """
    resolve = resolver or asyncio.get_running_loop().getaddrinfo
    part = target.with_name(target.name + ".part")
    try:
        async with asyncio.timeout(seconds):
            # in no thread: a stop meanwhile would leave a file that nobody closes
            file = part.open("wb")
            try:
                async with _answer(
                    http, url, origin=origin, resolve=resolve, proxied=proxied
                ) as response:
                    size = await _save(response, file, max_bytes)
                await asyncio.to_thread(_settle, file)
            finally:
                file.close()
            part.replace(target)
            return size
    except TimeoutError as error:
        raise FetchFailed(f"not done within {seconds:g} s") from error
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, httpx.CookieConflict) as error:
        raise _translated(error) from error
    finally:
        part.unlink(missing_ok=True)


@contextlib.asynccontextmanager
async def _answer(
    http: httpx.AsyncClient, url: str, *, origin: str, resolve: Resolver, proxied: bool
) -> AsyncIterator[httpx.Response]:
    """Give the answer that redirects lead to, its body unread."""
    with _of_the_link():
        here = httpx.URL(url)
    for _ in range(MAX_REDIRECTS + 1):
        response = await _send(
            http, here, trusted=httpx.URL(origin), resolve=resolve, proxied=proxied
        )
        async with contextlib.aclosing(response):
            if not response.has_redirect_location:
                _check_status(response.status_code)
                yield response
                return
            with _of_the_link():
                here = here.join(response.headers["location"])
    raise DeadLink(f"more than {MAX_REDIRECTS} redirects")


async def _send(
    http: httpx.AsyncClient, url: httpx.URL, *, trusted: httpx.URL, resolve: Resolver, proxied: bool
) -> httpx.Response:
    """Ask for a URL at its checked address, with no header of the client's own."""
    if url.userinfo or _port(url) > _LAST_PORT:
        raise UnsafeLink("the link carries credentials, or a port that cannot be")
    with _of_the_link():
        name, host = url.raw_host.decode("ascii"), url.host
    if _origin(url) == _origin(trusted):
        addresses = [host]
    elif url.scheme == "https" and name:
        try:
            addresses = await _public_addresses(name, _port(url), resolve)
        except FetchFailed:
            # behind a proxy there may be nobody else who knows names
            if not proxied:
                raise
        if proxied:
            addresses = [host]
    else:
        raise UnsafeLink("the link is not https")
    timeout = httpx.Timeout(SILENCE_SECONDS, connect=CONNECT_SECONDS)
    for left, address in enumerate(addresses, start=1 - len(addresses)):
        request = httpx.Request(
            "GET",
            url.copy_with(host=address, fragment=None),
            headers={
                "Host": url.netloc.decode("ascii"),
                "Accept": "video/*, */*;q=0.1",
                "Accept-Encoding": "identity",
                # The pool knows connections by address; another name there needs its own proof.
                "Connection": "close",
            },
            extensions={"timeout": timeout.as_dict(), "sni_hostname": name},
        )
        try:
            with _of_the_link():  # httpx reads a redirect's target, though it follows none
                return await http.send(request, stream=True, auth=None, follow_redirects=False)
        except (httpx.ConnectError, httpx.ConnectTimeout):
            if left == 0:
                raise
    raise FetchFailed("the name has no address")


@contextlib.contextmanager
def _of_the_link() -> Iterator[None]:
    """Refuse a link in which the libraries that read it find what cannot be."""
    try:
        yield
    except ValueError as error:
        raise UnsafeLink(type(error).__name__) from error


async def _public_addresses(name: str, port: int, resolve: Resolver) -> list[str]:
    """Resolve a name; one private address among its answers condemns it."""
    try:
        found = await resolve(name, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise FetchFailed("the name does not resolve") from error
    addresses = list(dict.fromkeys(str(socket_address[0]) for *_, socket_address in found))
    if not all(map(_is_public, addresses)):
        raise UnsafeLink("the link leads to an address that is not public")
    return addresses


def _is_public(text: str) -> bool:
    """Tell whether an address belongs to the public internet, also one that wraps another."""
    address = ip_address(text)
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        elif any(address in network for network in _NOT_PUBLIC):
            return False
    return address.is_global and not address.is_multicast


def _port(url: httpx.URL) -> int:
    """Give the port a URL means; httpx leaves a scheme's usual one out."""
    return url.port or (443 if url.scheme == "https" else 80)


def _origin(url: httpx.URL) -> tuple[str, str, int]:
    """Give what two URLs of one server have in common."""
    return url.scheme, url.host, _port(url)


def _check_status(status: int) -> None:
    """Read a status: expired signed links answer with almost any 4xx."""
    if status == httpx.codes.OK:
        return
    if httpx.codes.is_client_error(status) and status not in _TRY_LATER:
        raise DeadLink(f"HTTP {status}")
    raise FetchFailed(f"HTTP {status}")


async def _save(response: httpx.Response, file: IO[bytes], max_bytes: int) -> int:
    """Write the body as it comes; its first bytes and its running length decide, no header does."""
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
        if len(unwritten) >= WRITTEN_TOGETHER:
            await asyncio.to_thread(file.write, unwritten)
            unwritten = bytearray()
    if not is_video:
        raise NotAVideo("something else than a video lies at the link")
    await asyncio.to_thread(file.write, unwritten)
    return size


def _settle(file: IO[bytes]) -> None:
    """Bring every byte to the disk: the request is `ready` only when no power cut can take it."""
    file.flush()
    os.fsync(file.fileno())


def _translated(error: Exception) -> FetchError:
    """Give our error for any of httpx's, without its text: that may quote a signed link."""
    if isinstance(error, httpx.InvalidURL | httpx.UnsupportedProtocol):
        return UnsafeLink(type(error).__name__)
    return FetchFailed(type(error).__name__)
