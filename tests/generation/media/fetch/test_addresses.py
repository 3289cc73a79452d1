"""Which links are followed, and to which addresses: nothing leads inside."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from generation.media.fetch import UnsafeLink
from tests.generation.media.fetch.download_server import (
    VIDEO,
    Server,
    Wire,
    fetch,
    files,
    names,
    played,
    reply,
)

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    "url",
    [
        "http://cdn.test/v.mp4",
        "ftp://cdn.test/v.mp4",
        "file:///etc/passwd",
        "data:video/mp4;base64,AAAA",
        "//cdn.test/v.mp4",
        "cdn.test/v.mp4",
        "",
        "https://",
        "https://user:pass@cdn.test/v.mp4",
        "https://user@cdn.test/v.mp4",
        "https://cdn.test:99999/v.mp4",
        "https://cdn.test/\x00",
        "https://[::1/v.mp4",
        "https://xn--.com/v.mp4",
        "https://xn--a/v.mp4",
        "https://\ud800.test/v.mp4",
        "https://cdn.test/\ud800.mp4",
        f"https://{'a' * 70}é.test/v.mp4",
    ],
)
async def test_a_link_of_the_wrong_form_is_unsafe(target: Path, url: str) -> None:
    wire = Wire(lambda _: played())
    async with httpx.AsyncClient(transport=wire) as http:
        with pytest.raises(UnsafeLink):
            await fetch(http, url, target, resolver=names(cdn_test="93.184.216.34"))
    assert wire.requests == []
    assert files(target) == []


PRIVATE = [
    "127.0.0.1",
    "10.0.0.5",
    "172.16.3.4",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",  # noqa: S104 - an address to refuse, nothing is bound
    "224.0.0.1",
    "255.255.255.255",
    "192.0.2.1",
    "198.18.0.1",
    "::1",
    "::",
    "fe80::1",
    "fe80::1%eth0",
    "fc00::1",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "2002:7f00:1::",
    "64:ff9b::7f00:1",
    "64:ff9b::5db8:d822",
    "64:ff9b:1::5db8:d822",
    "::7f00:1",
    "::5db8:d822",
    "::ffff:0:7f00:1",
    "::ffff:0:5db8:d822",
    "fec0::1",
    "feff::1",
    "2001:0:7f00:1::",
    "2001:db8::1",
]


@pytest.mark.parametrize("address", PRIVATE)
async def test_a_name_that_leads_inside_is_unsafe(target: Path, address: str) -> None:
    wire = Wire(lambda _: played())
    async with httpx.AsyncClient(transport=wire) as http:
        for answers in (address, f"93.184.216.34 {address}"):
            with pytest.raises(UnsafeLink):
                await fetch(http, "https://cdn.test/v", target, resolver=names(cdn_test=answers))
    assert wire.requests == [], "no packet may leave"


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.1", "0x7f.1", "2130706433", "[::1]", "localhost"]
)
async def test_the_systems_resolver_gives_loopback_in_any_spelling_away(
    http: httpx.AsyncClient, target: Path, host: str
) -> None:
    with pytest.raises(UnsafeLink):
        await fetch(http, f"https://{host}:1/v.mp4", target, resolver=None)


@pytest.mark.parametrize(
    ("address", "host"),
    [("93.184.216.34", "93.184.216.34"), ("2606:2800:220:1::1", "[2606:2800:220:1::1]")],
)
async def test_the_connection_goes_to_the_checked_address_under_the_links_name(
    target: Path, address: str, host: str
) -> None:
    wire = Wire(lambda _: played())
    async with httpx.AsyncClient(transport=wire, auth=("user", "secret")) as http:
        url = "https://cdn.test:8443/v.mp4?token=x#part"
        await fetch(http, url, target, resolver=names(cdn_test=address))
    (request,) = wire.requests
    assert str(request.url) == f"https://{host}:8443/v.mp4?token=x"
    assert request.headers["host"] == "cdn.test:8443"
    assert request.extensions["sni_hostname"] == "cdn.test", "the certificate must be the name's"
    assert request.extensions["timeout"]["connect"] is not None
    assert request.headers["connection"] == "close"
    assert "authorization" not in request.headers


async def test_the_name_is_resolved_once_so_it_cannot_change_its_mind(target: Path) -> None:
    answers = iter(["93.184.216.34", "127.0.0.1"])

    async def fickle(_host: str, port: int, **_: object) -> list[tuple[Any, ...]]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(answers), port))]

    wire = Wire(lambda _: played())
    async with httpx.AsyncClient(transport=wire) as http:
        await fetch(http, "https://cdn.test/v", target, resolver=fickle)
    assert [request.url.host for request in wire.requests] == ["93.184.216.34"]


async def test_the_next_address_is_tried_where_one_does_not_answer(target: Path) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.host != "93.184.216.35":
            raise httpx.ConnectError("unreachable", request=request)
        return played()

    table = names(cdn_test="2606:2800:220:1::1 93.184.216.34 93.184.216.35")
    async with httpx.AsyncClient(transport=Wire(answer)) as http:
        assert await fetch(http, "https://cdn.test/v", target, resolver=table) == len(VIDEO)


async def test_only_the_providers_own_origin_may_be_inside(
    http: httpx.AsyncClient, server: Server, target: Path
) -> None:
    server.replies["/v"] = reply(VIDEO)
    other = server.origin.replace("127.0.0.1", "localhost")
    for url in (f"{other}/v", f"{server.origin.rpartition(':')[0]}:1/v"):
        with pytest.raises(UnsafeLink):
            await fetch(http, url, target, origin=server.origin)
    assert server.requests == []
    await fetch(http, f"{server.origin}/v", target, origin=f"{server.origin}/v2?x=1")


async def test_a_proxy_is_told_the_name_and_nothing_private_is_asked_of_it(target: Path) -> None:
    wire = Wire(lambda _: played())
    known = names(cdn_test="93.184.216.34", inside_test="10.0.0.1", unknown_test="")
    async with httpx.AsyncClient(transport=wire) as http:
        for host in ("cdn.test", "unknown.test"):
            url = f"https://{host}/v.mp4"
            assert await fetch(http, url, target, resolver=known, proxied=True) == len(VIDEO)
        with pytest.raises(UnsafeLink):
            await fetch(http, "https://inside.test/v.mp4", target, resolver=known, proxied=True)
    assert [request.url.host for request in wire.requests] == ["cdn.test", "unknown.test"]
