"""The page's server: for this machine and this page only, and without a secret in it."""

from __future__ import annotations

import asyncio
import json
import socket
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from sandbox.page import ChatPage
from tests.sandbox.telegram.calls import Caller

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sandbox.aimlapi import AimlApiSandbox
    from sandbox.telegram import TelegramSandbox


def port_of(chat_page: ChatPage) -> int:
    return httpx.URL(chat_page.url).port or 0


async def heard(lines: AsyncIterator[str]) -> dict[str, Any]:
    """The next event of a stream."""
    async for line in lines:
        if line.startswith("data: "):
            event: dict[str, Any] = json.loads(line.removeprefix("data: "))
            return event
    raise AssertionError("the stream ended")


async def test_it_listens_on_loopback_only(chat_page: ChatPage) -> None:
    assert httpx.URL(chat_page.url).host == "127.0.0.1"
    with socket.socket() as other, pytest.raises(ConnectionRefusedError):
        other.connect(("127.0.0.2", port_of(chat_page)))


async def test_a_name_that_was_made_to_point_here_is_refused(
    chat_page: ChatPage, http: httpx.AsyncClient
) -> None:
    for host in ("evil.example", f"evil.example:{port_of(chat_page)}", "127.0.0.1.evil.example:80"):
        assert (await http.get("/state.json", headers={"host": host})).status_code == 421
    local = {"host": f"localhost:{port_of(chat_page)}"}
    assert (await http.get("/state.json", headers=local)).status_code == 200


async def test_another_page_may_not_act(chat_page: ChatPage, http: httpx.AsyncClient) -> None:
    wish = {"render_seconds": 100}
    foreign = await http.post("/panel", json=wish, headers={"origin": "https://evil.example"})
    assert foreign.status_code == 403
    assert chat_page.provider.render_seconds != 100
    own = await http.post("/panel", json=wish, headers={"origin": chat_page.url})
    assert own.status_code == 200
    assert chat_page.provider.render_seconds == 100


async def test_no_secret_is_in_anything_the_page_gets(
    chat_page: ChatPage, http: httpx.AsyncClient
) -> None:
    ann = next(iter(chat_page.participants.people))
    said = json.dumps({"person": ann, "chat": ann, "text": "hello"})
    photo = (await http.get("/photos/lake.jpg")).content
    await http.post("/say", data={"said": said}, files={"file": ("a.jpg", photo, "image/jpeg")})
    everything = (await http.get("/state.json")).text
    assert "/files/photos/" in everything
    for secret in (chat_page.telegram.token.partition(":")[2], chat_page.provider.key):
        assert secret not in everything


async def test_the_page_allows_itself_nothing_from_elsewhere(http: httpx.AsyncClient) -> None:
    policy = (await http.get("/")).headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self';")
    assert "unsafe" not in policy


async def test_videos_are_served_in_ranges(chat_page: ChatPage, http: httpx.AsyncClient) -> None:
    ann, chat = next(iter(chat_page.participants.private.items()))
    await chat.send_video(chat_page.participants.person(ann), bytes(range(256)))
    (message,) = (await http.get("/state.json")).json()["chats"][0]["messages"]
    part = await http.get(message["media"]["src"], headers={"range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, bytes(range(10, 20)))
    assert part.headers["content-type"] == "video/mp4"


async def test_a_file_somebody_sent_is_only_handed_out(
    chat_page: ChatPage, http: httpx.AsyncClient
) -> None:
    ann, chat = next(iter(chat_page.participants.private.items()))
    await chat.send_document(
        chat_page.participants.person(ann), b"<svg/>", "a.svg", "image/svg+xml"
    )
    (message,) = (await http.get("/state.json")).json()["chats"][0]["messages"]
    answer = await http.get(message["media"]["src"])
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/press", {"person": 1, "chat": 1, "message": 1, "row": 0, "column": 0}, 404),
        ("/press", {}, 400),
        ("/panel", {"render_seconds": 1e9}, 400),
        ("/panel", {"next": "miracle"}, 404),
        ("/panel", {"unknown": 1}, 400),
    ],
)
async def test_what_cannot_be_done_is_said(
    http: httpx.AsyncClient, path: str, body: dict[str, object], status: int
) -> None:
    answer = await http.post(path, json=body)
    assert answer.status_code == status
    assert answer.json()["error"]


async def test_nobody_acts_where_they_are_not(chat_page: ChatPage, http: httpx.AsyncClient) -> None:
    ann, bob, _ = chat_page.participants.people
    said = {"said": json.dumps({"person": ann, "chat": bob, "text": "I am Bob"})}
    assert (await http.post("/say", data=said)).status_code == 404
    assert chat_page.participants.private[bob].messages == []


async def test_nobody_changes_what_others_said(
    chat_page: ChatPage, http: httpx.AsyncClient
) -> None:
    ann, bob, _ = chat_page.participants.people
    club = next(chat for chat in chat_page.participants.chats.values() if chat.title == "Film club")
    message = await club.send(chat_page.participants.person(ann), "mine")
    target = {"person": bob, "chat": club.id, "message": message.message_id}
    assert (await http.post("/change", json=target | {"text": "his"})).status_code == 404
    assert (await http.post("/remove", json=target)).status_code == 404
    assert club.last.text == "mine"


async def test_the_next_free_port_is_taken(
    chat_page: ChatPage, telegram: TelegramSandbox, provider: AimlApiSandbox
) -> None:
    async with ChatPage(telegram, provider, port=port_of(chat_page)) as second:
        assert port_of(chat_page) < port_of(second) <= port_of(chat_page) + 20


async def test_the_stream_begins_with_everything_and_goes_on_with_news(
    chat_page: ChatPage, http: httpx.AsyncClient
) -> None:
    ann, chat = next(iter(chat_page.participants.private.items()))
    await chat.send(chat_page.participants.person(ann), "before")
    async with asyncio.timeout(10), http.stream("GET", "/events") as stream:
        lines = stream.aiter_lines()
        first = await heard(lines)
        assert first["kind"] == "state"
        assert first["state"]["chats"][0]["messages"][0]["text"] == "before"
        await Caller(http, chat_page.telegram)("sendMessage", chat_id=ann, text="after")
        second = await heard(lines)
        assert (second["kind"], second["message"]["text"]) == ("message", "after")
