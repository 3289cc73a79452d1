"""Files arrive as well or as badly as the render says."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from sandbox.aimlapi import Render
from tests.sandbox.aimlapi.calls import ended, poll

if TYPE_CHECKING:
    from sandbox.aimlapi import AimlApiSandbox


async def link(provider: AimlApiSandbox, client: httpx.AsyncClient, **delivery: Any) -> str:
    """The link to a file that is delivered so."""
    provider.next_render = Render.works(**delivery)
    url: str = (await ended(provider, client))["video"]["url"]
    return url


async def test_a_file_can_be_fetched_again_and_in_parts(
    provider: AimlApiSandbox, client: httpx.AsyncClient, anyone: httpx.AsyncClient
) -> None:
    url = await link(provider, client)
    whole = (await anyone.get(url)).content
    part = await anyone.get(url, headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, whole[10:20])
    assert provider.downloads == [httpx.URL(url).path] * 2


@pytest.mark.parametrize(("body", "kind"), [("html", "text/html"), ("garbage", "video/mp4")])
async def test_what_comes_may_be_no_video(
    provider: AimlApiSandbox,
    client: httpx.AsyncClient,
    anyone: httpx.AsyncClient,
    body: str,
    kind: str,
) -> None:
    answer = await anyone.get(await link(provider, client, body=body))
    assert answer.headers["content-type"].startswith(kind)
    assert b"ftyp" not in answer.content


async def test_what_comes_may_be_empty(
    provider: AimlApiSandbox, client: httpx.AsyncClient, anyone: httpx.AsyncClient
) -> None:
    assert (await anyone.get(await link(provider, client, body="empty"))).content == b""


async def test_a_large_file_is_served_whole(
    provider: AimlApiSandbox, client: httpx.AsyncClient, anyone: httpx.AsyncClient
) -> None:
    url = await link(provider, client, padding=45_000_000)
    received = 0
    async with anyone.stream("GET", url) as answer:
        assert answer.headers["content-length"] == "45000000"
        async for piece in answer.aiter_bytes():
            received += len(piece)
    assert received == 45_000_000


async def test_a_truncated_file_ends_before_its_promised_length(
    provider: AimlApiSandbox, client: httpx.AsyncClient, anyone: httpx.AsyncClient
) -> None:
    url = await link(provider, client, truncated=True)
    with pytest.raises(httpx.RemoteProtocolError):
        await anyone.get(url)


async def test_an_endless_file_begins_like_a_video(
    provider: AimlApiSandbox, client: httpx.AsyncClient, anyone: httpx.AsyncClient
) -> None:
    url = await link(provider, client, endless=True)
    received = b""
    async with anyone.stream("GET", url) as answer:
        async for piece in answer.aiter_bytes():
            received += piece
            if len(received) > 3_000_000:
                break
    assert received[4:8] == b"ftyp"
    assert len(received) > 3_000_000


async def test_a_slow_file_takes_its_time(
    provider: AimlApiSandbox, client: httpx.AsyncClient, anyone: httpx.AsyncClient
) -> None:
    url = await link(provider, client, bytes_per_second=400_000)
    began = time.monotonic()
    content = (await anyone.get(url)).content
    assert time.monotonic() - began > len(content) / 400_000 / 2
    assert content[4:8] == b"ftyp"


@pytest.mark.parametrize("target", ["http://10.0.0.1/video.mp4", "/cdn/elsewhere.mp4"])
async def test_a_link_may_lead_elsewhere(
    provider: AimlApiSandbox, client: httpx.AsyncClient, anyone: httpx.AsyncClient, target: str
) -> None:
    answer = await anyone.get(await link(provider, client, redirect=target))
    assert (answer.status_code, answer.headers["location"]) == (302, target)


@pytest.mark.parametrize("status", [403, 404, 410])
async def test_a_dead_link_stays_dead_and_the_next_poll_brings_a_fresh_one(
    provider: AimlApiSandbox, client: httpx.AsyncClient, anyone: httpx.AsyncClient, status: int
) -> None:
    provider.next_render = Render.works(dead_fetches=1, dead_status=status)
    state = await ended(provider, client)
    dead = state["video"]["url"]
    assert (await poll(client, state["id"]))["video"]["url"] == dead
    assert (await anyone.get(dead)).status_code == status
    assert (await anyone.get(dead)).status_code == status
    fresh = (await poll(client, state["id"]))["video"]["url"]
    assert fresh != dead
    assert (await anyone.get(fresh)).content[4:8] == b"ftyp"


async def test_an_unknown_file_is_404(provider: AimlApiSandbox, anyone: httpx.AsyncClient) -> None:
    assert (await anyone.get(f"{provider.url}/cdn/generations/lynx/1-2.mp4")).status_code == 404
