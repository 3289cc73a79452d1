"""Redirects: how many are followed, where to, and what does not travel along."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from generation.media.fetch import DeadLink, UnsafeLink
from tests.generation.media.fetch.download_server import VIDEO, Server, Wire, fetch, names, reply

if TYPE_CHECKING:
    from pathlib import Path


async def test_no_header_of_the_client_travels_along(
    http: httpx.AsyncClient, server: Server, target: Path
) -> None:
    server.replies["/1"] = reply(status="302 Found", location="/2")
    server.replies["/2"] = reply(VIDEO)
    await fetch(http, f"{server.origin}/1", target, origin=server.origin)
    assert len(server.requests) == 2
    for request in server.requests:
        assert "secret" not in request
        assert "authorization" not in request.lower()
        assert "cookie" not in request.lower()


@pytest.mark.parametrize(
    "location",
    [
        "http://127.0.0.1:1/admin",
        "https://10.0.0.1/",
        "file:///etc/passwd",
        "http://cdn.test/v",
        "https://xn--.com/",
    ],
)
async def test_a_redirect_is_checked_like_the_first_link(
    http: httpx.AsyncClient, server: Server, target: Path, location: str
) -> None:
    server.replies["/v"] = reply(status="302 Found", location=location)
    with pytest.raises(UnsafeLink):
        await fetch(http, f"{server.origin}/v", target, origin=server.origin)


async def test_a_public_link_may_not_redirect_inside(target: Path) -> None:
    wire = Wire(lambda _: httpx.Response(302, headers={"location": "https://inner.test/"}))
    table = names(cdn_test="93.184.216.34", inner_test="192.168.0.1")
    async with httpx.AsyncClient(transport=wire) as http:
        with pytest.raises(UnsafeLink):
            await fetch(http, "https://cdn.test/v", target, resolver=table)
    assert len(wire.requests) == 1


async def test_five_redirects_are_followed_and_a_sixth_is_not(
    http: httpx.AsyncClient, server: Server, target: Path
) -> None:
    for step in range(6):
        server.replies[f"/{step}"] = reply(status="307 Temporary Redirect", location=f"/{step + 1}")
    server.replies["/6"] = reply(VIDEO)
    await fetch(http, f"{server.origin}/1", target, origin=server.origin)
    with pytest.raises(DeadLink):
        await fetch(http, f"{server.origin}/0", target, origin=server.origin)
