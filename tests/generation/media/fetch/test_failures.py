"""What a failed download means: a dead link, or one worth another try."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from generation.media.fetch import DeadLink, FetchError, FetchFailed, UnsafeLink
from tests.generation.media.fetch.download_server import (
    VIDEO,
    Server,
    Wire,
    fetch,
    files,
    names,
    reply,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (400, DeadLink), (401, DeadLink), (403, DeadLink), (404, DeadLink), (410, DeadLink),
        (408, FetchFailed), (425, FetchFailed), (429, FetchFailed),
        (500, FetchFailed), (502, FetchFailed), (503, FetchFailed), (504, FetchFailed),
        (204, FetchFailed), (206, FetchFailed), (304, FetchFailed),
    ],
)  # fmt: skip
async def test_what_a_status_means(
    http: httpx.AsyncClient, server: Server, target: Path, status: int, expected: type[Exception]
) -> None:
    body = b"" if status in {204, 304} else b"<Error>AccessDenied</Error>"
    server.replies["/v"] = reply(body, status=f"{status} Whatever")
    with pytest.raises(expected, match=f"HTTP {status}"):
        await fetch(http, f"{server.origin}/v", target, origin=server.origin)
    assert files(target) == []


async def test_a_name_without_address_is_worth_another_try(target: Path) -> None:
    async with httpx.AsyncClient() as http:
        with pytest.raises(FetchFailed):
            await fetch(http, "https://gone.test/v", target)


def below(parent: type[Exception]) -> list[type[Exception]]:
    return [parent, *(one for child in parent.__subclasses__() for one in below(child))]


FOREIGN = [
    error
    for name in httpx.__all__
    if isinstance(error := getattr(httpx, name), type) and issubclass(error, Exception)
]


def test_the_walk_through_httpx_finds_its_whole_tree() -> None:
    roots = [error for error in FOREIGN if not any(base in FOREIGN for base in error.__bases__)]
    assert {one for root in roots for one in below(root)} == set(FOREIGN)
    assert len(FOREIGN) > 20


@pytest.mark.parametrize("foreign", FOREIGN, ids=lambda error: error.__name__)
@pytest.mark.parametrize("late", [False, True], ids=["connecting", "reading"])
async def test_every_error_of_httpx_becomes_one_of_ours(
    target: Path, foreign: type[Exception], late: bool
) -> None:
    def error() -> Exception:
        made = foreign.__new__(foreign)
        Exception.__init__(made, "https://cdn.test/v?signature=secret")
        return made

    class Body(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            yield VIDEO[:1000]
            raise error()

    def answer(_: httpx.Request) -> httpx.Response:
        if late:
            return httpx.Response(200, stream=Body())
        raise error()

    async with httpx.AsyncClient(transport=Wire(answer)) as http:
        with pytest.raises(FetchError) as caught:
            await fetch(
                http, "https://cdn.test/v", target, resolver=names(cdn_test="93.184.216.34")
            )
    assert isinstance(caught.value, FetchFailed | UnsafeLink)
    assert "secret" not in str(caught.value)
    assert files(target) == []
