"""What comes over HTTP: bodies, paths, files."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.sandbox.telegram.clips import picture

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sandbox.telegram import Person, PrivateChat, TelegramSandbox
    from tests.sandbox.telegram.calls import Caller


@pytest.fixture
async def http(telegram: TelegramSandbox) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=telegram.url) as client:
        yield client


@pytest.fixture
def method(telegram: TelegramSandbox) -> str:
    return f"/bot{telegram.token}/sendMessage"


@pytest.mark.parametrize(
    ("body", "complaint"),
    [(b"{", "can't parse JSON object"), (b"[1]", "expected a JSON object")],
)
async def test_a_broken_json_body_is_refused(
    http: httpx.AsyncClient, method: str, body: bytes, complaint: str
) -> None:
    answer = await http.post(method, content=body, headers={"content-type": "application/json"})

    assert answer.status_code == 400
    assert complaint in answer.json()["description"]


async def test_a_broken_form_is_refused(http: httpx.AsyncClient, method: str) -> None:
    headers = {"content-type": "multipart/form-data"}
    answer = await http.post(method, content=b"no boundary", headers=headers)

    assert answer.status_code == 400
    assert "can't parse the form" in answer.json()["description"]


async def test_parameters_may_stand_in_the_address(
    http: httpx.AsyncClient, method: str, chat: PrivateChat
) -> None:
    answer = await http.get(method, params={"chat_id": str(chat.id), "text": "hello"})

    assert answer.json()["ok"] is True
    assert chat.last.text == "hello"


@pytest.mark.parametrize("value", ["true", "True", "1", "yes"])
async def test_truth_is_spelt_in_many_ways(
    http: httpx.AsyncClient, method: str, chat: PrivateChat, value: str
) -> None:
    given = {"chat_id": str(chat.id), "text": "hello", "disable_notification": value}

    assert (await http.post(method, data=given)).status_code == 200
    assert chat.last.silent


async def test_a_number_that_is_text_stays_text(
    http: httpx.AsyncClient, method: str, chat: PrivateChat
) -> None:
    await http.post(method, data={"chat_id": str(chat.id), "text": "42"})

    assert chat.last.text == "42"


async def test_files_are_served_under_their_path_only(
    http: httpx.AsyncClient, telegram: TelegramSandbox, chat: PrivateChat, ann: Person
) -> None:
    photo = (await chat.send_photo(ann, picture())).photo[-1]
    base = f"/file/bot{telegram.token}"

    right = await http.get(f"{base}/{photo.file_path}")
    unknown = await http.get(f"{base}/photos/file_99.jpg")
    outside = await http.get(f"{base}/%2e%2e/%2e%2e/etc/passwd")

    assert right.content == photo.bytes()
    assert (unknown.status_code, outside.status_code) == (404, 404)


async def test_other_paths_are_not_found(http: httpx.AsyncClient) -> None:
    answer = await http.get("/robots.txt")

    assert answer.json() == {"ok": False, "error_code": 404, "description": "Not Found"}


async def test_the_scheme_reads_forms_as_well_as_json(call: Caller, chat: PrivateChat) -> None:
    reply = await call.form(
        "sendMessage",
        chat_id=str(chat.id),
        text="123",
        disable_notification="true",
        reply_markup=json.dumps({"inline_keyboard": [[{"text": "Go", "callback_data": "go"}]]}),
    )

    assert reply.result["text"] == "123"
    assert chat.last.silent
    assert chat.last.buttons[0][0].data == "go"
