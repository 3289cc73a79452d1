"""The webhook: what is posted, with what secret, in which order, and again until it is taken."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from sandbox.loopback import LoopbackServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request

    from sandbox.telegram import Person, PrivateChat, TelegramSandbox
    from tests.sandbox.telegram.calls import Caller

PUBLIC = "https://bot.example"


class Program:
    """A bot's program that takes posts; `statuses` are its next answers, 200 once there is none."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, str | None]] = []
        self.statuses: list[int] = []

    async def take(self, request: Request) -> Response:
        update = await request.json()
        secret = request.headers.get("X-Telegram-Bot-Api-Secret-Token")
        self.taken.append((update["message"]["text"], secret))
        return Response(status_code=self.statuses.pop(0) if self.statuses else 200)


@asynccontextmanager
async def posted_to(telegram: TelegramSandbox) -> AsyncIterator[Program]:
    program = Program()
    app = Starlette(routes=[Route("/hook", program.take, methods=["POST"])])
    server = LoopbackServer(app, 0)
    await server.start()
    telegram.world.webhook.proxies = {PUBLIC: server.url}
    try:
        yield program
    finally:
        await telegram.world.webhook.stop()
        await server.stop()


async def until(telegram: TelegramSandbox, count: int) -> None:
    posts = telegram.world.webhook.posts
    assert await telegram.world.changes.until(lambda: len(posts) >= count or None, 10), posts


async def test_updates_are_posted_in_the_order_of_their_chat_until_each_is_taken(
    call: Caller, telegram: TelegramSandbox, chat: PrivateChat, ann: Person, bob: Person
) -> None:
    async with posted_to(telegram) as program:
        program.statuses = [500, 503]
        await chat.send(ann, "one")
        await chat.send(ann, "two")
        await call("setWebhook", url=f"{PUBLIC}/hook", secret_token="s_1-x")
        await until(telegram, 4)
        await telegram.private(bob).send(bob, "three")
        await until(telegram, 5)
        info = (await call("getWebhookInfo")).result
    assert [text for text, _ in program.taken] == ["one", "one", "one", "two", "three"]
    assert {secret for _, secret in program.taken} == {"s_1-x"}
    assert info["pending_update_count"] == 0
    assert info["last_error_message"] == "Wrong response from the webhook: 503 Service Unavailable"


async def test_where_nobody_can_be_reached_updates_wait_and_polling_takes_them_up(
    call: Caller, telegram: TelegramSandbox, chat: PrivateChat, ann: Person
) -> None:
    await call("setWebhook", url="https://elsewhere.example/hook")
    await chat.send(ann, "one")
    await until(telegram, 1)
    info = (await call("getWebhookInfo")).result
    assert (info["pending_update_count"], info["last_error_message"][:14]) == (1, "Failed to reso")
    await call("deleteWebhook")
    assert [one["message"]["text"] for one in await call.updates()] == ["one"]


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"url": "http://bot.example"}, "An HTTPS URL must be provided for webhook"),
        ({"url": "https://bot.example:8080"}, "only on ports 80, 88, 443 or 8443"),
        ({"url": PUBLIC, "secret_token": "two words"}, "secret token contains unallowed"),
    ],
)
async def test_a_webhook_that_telegram_would_not_call_is_refused(
    call: Caller, params: dict[str, Any], said: str
) -> None:
    refused = await call("setWebhook", **params)
    assert refused.status == 400
    assert said in refused.description
