"""Updates that Telegram posts: the same bot behind a proxy, and what becomes of odd posts."""

from __future__ import annotations

import asyncio
import json
import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from pydantic import SecretStr

from bot.updates import webhook
from bot.updates.listening import UPDATES
from bot.updates.webhook import is_same_url, webhook_problem
from tests.flows.predicates import says, shows_video
from tests.flows.process import process, terminate
from tests.handlers.test_buying import SELLING, pay
from tests.harness import free_port
from tests.storage.requests import rows

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from sandbox.aimlapi import AimlApiSandbox
    from sandbox.telegram import Person, PrivateChat, TelegramSandbox
    from tests.harness import Harness, LoggedErrors

PUBLIC = "https://bot.example.com"
URL = f"{PUBLIC}/updates"
HEADER = "X-Telegram-Bot-Api-Secret-Token"
SECRET = "known-to-Telegram_7"


class Door:
    """What stands at the bot's port: a proxy for Telegram, and for whoever else knocks."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def post(self, content: bytes | str, secret: str | bytes = SECRET) -> int:
        answer = await self._http.post(
            "/updates",
            content=content,
            headers=[(HEADER.encode(), secret if isinstance(secret, bytes) else secret.encode())],
        )
        return answer.status_code

    async def get(self) -> int:
        return (await self._http.get("/updates", headers={HEADER: SECRET})).status_code


@asynccontextmanager
async def posted_to(harness: Harness, **changes: Any) -> AsyncIterator[Door]:
    port = free_port()
    local = f"http://127.0.0.1:{port}"
    harness.telegram.world.webhook.proxies = {PUBLIC: local}
    hooked: dict[str, Any] = {
        "webhook_url": URL, "webhook_secret": SecretStr(SECRET), "webhook_port": port,
    }  # fmt: skip
    async with (
        harness.running(**(hooked | changes)),
        httpx.AsyncClient(base_url=local) as http,
    ):
        yield Door(http)


async def generations(harness: Harness) -> int:
    return len(await rows(harness.db, "SELECT 1 FROM generations"))


async def test_an_order_that_is_posted_is_made_and_delivered(
    harness: Harness, telegram: TelegramSandbox, chat: PrivateChat, ann: Person
) -> None:
    async with posted_to(harness):
        await chat.send(ann, "/video a boat")
        await chat.wait(shows_video("a boat"))
        [call] = telegram.calls_of("setWebhook")
    assert call.params == {"url": URL, "secret_token": SECRET, "allowed_updates": UPDATES}
    assert telegram.calls_of("getUpdates") == []
    assert {status for _, status in telegram.world.webhook.posts} == {200}


async def test_an_update_that_is_brought_again_orders_nothing_again(
    harness: Harness, telegram: TelegramSandbox, chat: PrivateChat, ann: Person
) -> None:
    async with posted_to(harness) as door:
        asked = await chat.send(ann, "/video a boat")
        [update] = telegram.world.updates.waiting
        await chat.wait(shows_video("a boat"))
        assert update.content["message_id"] == asked.message_id
        again = json.dumps(update.as_json())
        assert [await door.post(again) for _ in range(2)] == [200, 200]
        await chat.send(ann, "/teleport")
        await chat.wait(says("I don't know"))
        assert await generations(harness) == 1


async def test_what_came_while_the_bot_was_away_comes_once_it_is_back(
    harness: Harness, telegram: TelegramSandbox, chat: PrivateChat, ann: Person
) -> None:
    async with posted_to(harness):
        pass
    await chat.send(ann, "/video a boat")
    await chat.send(ann, "/video a train")
    async with posted_to(harness):
        await chat.wait(shows_video("a boat"))
        await chat.wait(shows_video("a train"))
        made = await rows(harness.db, "SELECT prompt FROM generations ORDER BY id")
    assert made == [("a boat",), ("a train",)]
    async with harness.running():
        assert telegram.world.webhook_url == "", "who asks for updates is posted none"
        await chat.send(ann, "/video a kite")
        await chat.wait(shows_video("a kite"))


async def test_who_does_not_know_the_secret_or_sends_what_is_no_update_changes_nothing(
    harness: Harness, errors: LoggedErrors, monkeypatch: pytest.MonkeyPatch
) -> None:
    errors.expect("has no number")
    errors.expect("cannot be read: set aside")
    monkeypatch.setattr(webhook, "MAX_UPDATE_BYTES", 20_000)
    order = '{"update_id": 7, "message": {"text": "/video a boat"}}'
    async with posted_to(harness) as door:
        assert await door.post(order, secret="") == 401
        assert await door.post(order, secret=SECRET[:-1]) == 401
        assert await door.post(order, secret=f"{SECRET}ä".encode()) == 401
        assert await door.get() == 405
        assert await door.post(b"x" * 20_001) == 413
        for odd in (b"", b"[]", b"nothing", b'{"update_id": "7"}', b"\xff\xfe"):
            assert await door.post(odd) == 200, "else it would come again and again"
        assert await rows(harness.db, "SELECT 1 FROM inbox") == []
        deep = b'{"update_id":12,"message":' + b"[" * 9000 + b"]" * 9000 + b"}"
        assert await door.post(deep) == 200
        assert await rows(harness.db, "SELECT update_id, set_aside FROM inbox") == [(12, 1)]


async def test_what_is_not_stored_is_not_confirmed_and_handled_once_when_it_is(
    harness: Harness, telegram: TelegramSandbox, chat: PrivateChat, ann: Person,
    errors: LoggedErrors,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    errors.expect("readonly database")
    monkeypatch.setattr(webhook, "STORE_SECONDS", 0.1)
    posts = telegram.world.webhook.posts
    async with posted_to(harness), asyncio.timeout(20):
        async with harness.db.reading(in_thread=True) as connection:
            await connection.execute("PRAGMA query_only = ON")
        await chat.send(ann, "/video a boat")
        await telegram.world.changes.until(lambda: len(posts) >= 2 or None, 10)
        assert {status for _, status in posts} == {503}
        async with harness.db.reading(in_thread=True) as connection:
            await connection.execute("PRAGMA query_only = OFF")
        await chat.wait(shows_video("a boat"))
        await telegram.world.changes.until(lambda: posts[-1][1] == 200 or None, 10)
        assert await generations(harness) == 1


async def test_what_passes_is_answered_and_not_kept_and_a_payment_is_credited_once(
    harness: Harness, telegram: TelegramSandbox, ann: Person, chat: PrivateChat
) -> None:
    async with posted_to(harness, **SELLING):
        await telegram.inline(ann, "boat")
        assert await rows(harness.db, "SELECT 1 FROM inbox") == []
        await pay(chat, ann, notices=2)
        assert await rows(harness.db, "SELECT credits FROM payments") == [(50,)]


async def test_telegrams_trouble_with_the_webhook_is_said_and_seen_to_end(
    harness: Harness, telegram: TelegramSandbox, chat: PrivateChat, ann: Person,
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    monkeypatch.setattr(webhook, "LOOK_SECONDS", 0.02)
    caplog.set_level(logging.WARNING)
    async with posted_to(harness), asyncio.timeout(20):
        calls, bot = telegram.world.webhook, harness.bot
        assert bot is not None
        led_to, calls.proxies = calls.proxies, {PUBLIC: "http://127.0.0.1:9"}
        await chat.send(ann, "/help")
        while "the webhook fails: Connection refused" not in caplog.text:
            await asyncio.sleep(0.02)
        deaf_since = bot.listening.heard_at
        await telegram.wait_for_call(
            "getWebhookInfo", count=len(telegram.calls_of("getWebhookInfo")) + 3
        )
        assert bot.listening.heard_at == deaf_since, "health turns red by this"
        calls.proxies = led_to
        await chat.wait(says("/animate"))
        while bot.listening.heard_at == deaf_since:
            await asyncio.sleep(0.02)
    assert caplog.text.count("the webhook fails") == 1, "it is said once"


async def test_a_webhook_that_telegram_spells_otherwise_is_not_set_again_and_again(
    harness: Harness, telegram: TelegramSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    def retold(method: str, result: Any) -> Any:
        if method != "getWebhookInfo":
            return result
        # and one that failed before the bot was there, which is told for good
        old = {"pending_update_count": 1, "last_error_date": 5, "last_error_message": "away"}
        return result | old | {"url": f"{URL}/"}

    monkeypatch.setattr(webhook, "LOOK_SECONDS", 0.02)
    telegram.world.rewrite_result = retold
    async with posted_to(harness):
        await telegram.wait_for_call("getWebhookInfo", count=4)
        assert harness.bot is not None
        assert harness.bot.health.problems_without_writing() == {}
    assert len(telegram.calls_of("setWebhook")) == 1


async def test_a_webhook_that_somebody_changes_is_set_again(
    harness: Harness, telegram: TelegramSandbox, chat: PrivateChat, ann: Person,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(webhook, "LOOK_SECONDS", 0.02)
    async with posted_to(harness):
        telegram.world.webhook_url = "https://somewhere.else"
        await telegram.wait_for_call("setWebhook", count=2)
        await chat.send(ann, "/video a boat")
        await chat.wait(shows_video("a boat"))


@pytest.mark.slow
async def test_a_process_takes_posts_tells_how_it_is_and_stops_and_goes_on_where_it_was(
    telegram: TelegramSandbox, provider: AimlApiSandbox, chat: PrivateChat, ann: Person,
    tmp_path: Path,
) -> None:  # fmt: skip
    port, pages = free_port(), free_port()
    telegram.world.webhook.proxies = {PUBLIC: f"http://127.0.0.1:{port}"}
    settings = {
        "WEBHOOK_URL": URL, "WEBHOOK_SECRET": SECRET, "WEBHOOK_PORT": f"127.0.0.1:{port}",
        "METRICS_PORT": f"127.0.0.1:{pages}",
    }  # fmt: skip
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{pages}") as http:
        async with process(telegram, provider, tmp_path, **settings) as running:
            await chat.send(ann, "/video a boat")
            await chat.wait(shows_video("a boat"))
            assert (await http.get("/healthz")).json() == {"status": "ok"}
            async with asyncio.timeout(20):
                while 'outcome="delivered"' not in (await http.get("/metrics")).text:
                    await asyncio.sleep(0.02)
            code, _ = await terminate(running)
            assert code == 0
        await chat.send(ann, "/video a train")
        async with process(telegram, provider, tmp_path, **settings):
            await chat.wait(shows_video("a train"))
    assert telegram.calls_of("getUpdates") == []
    assert len([one for one in chat.from_bot if one.video]) == 2


@pytest.mark.parametrize(
    ("told", "is_it"),
    [
        ("https://bot.example.org", True),
        ("https://bot.example.org/", True),
        ("https://BOT.example.org:443/", True),
        ("https://bot.example.org/other", False),
        ("http://bot.example.org/", False),
        ("", False),
        (None, False),
        ("https://[", False),
    ],
)
def test_an_address_is_the_same_however_telegram_writes_it(told: object, is_it: bool) -> None:
    assert is_same_url(told, "https://bot.example.org") is is_it


@pytest.mark.parametrize(
    ("info", "trouble"),
    [
        ({"url": URL, "pending_update_count": 0}, ""),
        ({"url": URL, "pending_update_count": 0, "last_error_date": 200}, ""),
        ({"url": URL, "pending_update_count": 5, "last_error_date": 90}, ""),
        ({"url": URL, "pending_update_count": 5}, ""),
        (
            {"url": URL, "pending_update_count": 5, "last_error_date": 200,
             "last_error_message": "SSL error"},
            "SSL error",
        ),
        ({"url": ""}, "it was set to another address, or taken off"),
    ],
)  # fmt: skip
def test_an_error_counts_while_something_waits_and_nothing_came_after_it(
    info: dict[str, Any], trouble: str
) -> None:
    assert webhook_problem(info, URL, heard_at=100.0) == trouble
