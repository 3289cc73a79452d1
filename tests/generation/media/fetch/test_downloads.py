"""What is written: a whole video within its limits of size and time, or nothing."""

from __future__ import annotations

import asyncio
import gzip
from typing import TYPE_CHECKING

import pytest

from generation.media.fetch import FetchFailed, TooLarge
from generation.media.videos import NotAVideo
from tests.generation.media.fetch.download_server import VIDEO, WEBM, Server, fetch, files, reply

if TYPE_CHECKING:
    from pathlib import Path

    import httpx


async def test_a_video_is_written_whole(
    http: httpx.AsyncClient, server: Server, target: Path
) -> None:
    server.replies["/v.mp4?sig=a%2Fb"] = reply(VIDEO, content_type="text/plain")
    url = f"{server.origin}/v.mp4?sig=a%2Fb"
    assert await fetch(http, url, target, origin=server.origin) == len(VIDEO)
    assert await asyncio.to_thread(target.read_bytes) == VIDEO
    assert files(target) == [target], "nothing else is left behind"


async def test_a_video_that_was_packed_is_unpacked_within_the_limit(
    http: httpx.AsyncClient, server: Server, target: Path
) -> None:
    server.replies["/v"] = reply(gzip.compress(VIDEO), content_encoding="gzip")
    url = f"{server.origin}/v"
    assert await fetch(http, url, target, origin=server.origin) == len(VIDEO)
    assert await asyncio.to_thread(target.read_bytes) == VIDEO

    server.replies["/v"] = reply(gzip.compress(VIDEO + bytes(10**6)), content_encoding="gzip")
    with pytest.raises(TooLarge):
        await fetch(http, url, target, origin=server.origin, max_bytes=len(VIDEO))


async def test_webm_is_a_video_too(http: httpx.AsyncClient, server: Server, target: Path) -> None:
    server.replies["/v"] = reply(WEBM)
    assert await fetch(http, f"{server.origin}/v", target, origin=server.origin) == len(WEBM)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"ftyp",
        b"<!doctype html><title>Sign in</title>" + bytes(2000),
        b"\x89PNG\r\n\x1a\n" + bytes(2000),
        b"\0\0\0\x18ftypheic" + bytes(2000),
        b"#EXTM3U\n#EXTINF:1,\nhttp://169.254.169.254/\n",
        b"RIFF\0\0\0\0AVI " + bytes(2000),
    ],
)
async def test_bytes_that_are_not_a_videos_are_refused_whatever_the_header_says(
    http: httpx.AsyncClient, server: Server, target: Path, body: bytes
) -> None:
    server.replies["/v.mp4"] = reply(body, content_type="video/mp4")
    with pytest.raises(NotAVideo):
        await fetch(http, f"{server.origin}/v.mp4", target, origin=server.origin)
    assert files(target) == []


@pytest.mark.parametrize("declared", ["", "10", str(10**12)])
async def test_the_limit_counts_bytes_not_promises(
    http: httpx.AsyncClient, server: Server, target: Path, declared: str
) -> None:
    size = {"": 200_000, "10": 10}.get(declared, 200_000)
    server.replies["/v"] = reply(VIDEO * 2, content_length=declared)
    with pytest.raises((TooLarge, NotAVideo)) as caught:
        await fetch(http, f"{server.origin}/v", target, origin=server.origin, max_bytes=150_000)
    assert isinstance(caught.value, NotAVideo if size == 10 else TooLarge)
    assert files(target) == []


async def test_exactly_the_limit_is_allowed(
    http: httpx.AsyncClient, server: Server, target: Path
) -> None:
    server.replies["/v"] = reply(VIDEO)
    url, size = f"{server.origin}/v", len(VIDEO)
    await fetch(http, url, target, origin=server.origin, max_bytes=size)
    with pytest.raises(TooLarge):
        await fetch(http, url, target, origin=server.origin, max_bytes=size - 1)
    assert files(target) == [target], "a failed attempt leaves an earlier file alone"


async def test_half_an_answer_is_no_video(
    http: httpx.AsyncClient, server: Server, target: Path
) -> None:
    server.replies["/v"] = reply(VIDEO, content_length=str(len(VIDEO) + 1))
    with pytest.raises(FetchFailed):
        await fetch(http, f"{server.origin}/v", target, origin=server.origin)
    assert files(target) == []


async def test_time_is_capped_for_everything_together(
    http: httpx.AsyncClient, server: Server, target: Path
) -> None:
    server.replies["/stalls"] = reply(VIDEO, content_length=str(10**6))
    with pytest.raises(FetchFailed, match=r"0\.3 s"):
        await fetch(http, f"{server.origin}/stalls", target, origin=server.origin, seconds=0.3)
    assert files(target) == []


async def test_cancelling_leaves_nothing_behind(
    http: httpx.AsyncClient, server: Server, target: Path
) -> None:
    server.replies["/stalls"] = reply(VIDEO, content_length=str(10**6))
    job = asyncio.create_task(fetch(http, f"{server.origin}/stalls", target, origin=server.origin))
    async with asyncio.timeout(10):
        await server.stalled.wait()
    job.cancel()
    with pytest.raises(asyncio.CancelledError):
        await job
    assert files(target) == []
