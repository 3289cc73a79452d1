"""The demo is stopped under an open page, started anew, looked at from two pages at once."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

import httpx
from playwright.async_api import expect

from sandbox.aimlapi import AimlApiSandbox
from sandbox.page import ChatPage
from sandbox.telegram import TelegramSandbox
from tests.demo.browser import visiting
from tests.sandbox.telegram.calls import Caller

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Browser

    from tests.demo.browser import Visitor


@asynccontextmanager
async def another_demo(port: int = 0) -> AsyncIterator[ChatPage]:
    """A demo with sandboxes of its own."""
    async with (
        TelegramSandbox() as telegram,
        AimlApiSandbox() as provider,
        ChatPage(telegram, provider, port=port) as chat_page,
    ):
        for person, chat in chat_page.participants.private.items():
            await chat.send(chat_page.participants.person(person), "hello")
        yield chat_page


async def test_a_page_waits_for_the_next_demo_and_goes_on_in_it(chromium: Browser) -> None:
    async with AsyncExitStack() as both:
        async with another_demo() as chat_page, httpx.AsyncClient() as http:
            visitor = await both.enter_async_context(visiting(chromium, chat_page.url))
            visitor.excused = "net::ERR"
            ann, port = (
                next(iter(chat_page.participants.people)),
                httpx.URL(chat_page.url).port or 0,
            )
            await visitor.open_chat("Film club")
            await Caller(http, chat_page.telegram)("sendMessage", chat_id=ann, text="news")
            await expect(visitor.page.get_by_label("1 new")).to_be_visible()
        stopped = visitor.page.get_by_text("The demo has stopped")
        await expect(stopped).to_be_visible()
        await visitor.field.fill("are you there?")
        await visitor.field.press("Enter")
        await expect(visitor.field).to_have_value("are you there?")
        await expect(visitor.page.locator("#toast")).to_have_text("")
        await both.enter_async_context(another_demo(port))
        await expect(stopped).to_be_hidden()
        await expect(visitor.page.get_by_label("1 new")).to_have_count(0)
        await visitor.field.press("Enter")
        await expect(visitor.message("are you there?")).to_be_visible()


async def test_two_pages_see_the_same(
    chat_page: ChatPage, chromium: Browser, onlooker: Visitor
) -> None:
    async with visiting(chromium, chat_page.url) as other:
        await other.become("Bob")
        await other.open_chat("Film club")
        await onlooker.open_chat("Film club")
        await onlooker.say("hello Bob")
        await expect(other.message("hello Bob")).to_contain_text("Ann")
        await other.say("hello Ann")
        await expect(onlooker.message("hello Ann")).to_contain_text("Bob")
        for page in (onlooker, other):
            await page.open_panel()
        await onlooker.page.get_by_label("Moderation refuses it").check()
        await expect(other.page.get_by_label("Moderation refuses it")).to_be_checked()
        assert await onlooker.log.locator(".own").count() == 1
        assert await other.log.locator(".own").count() == 1
