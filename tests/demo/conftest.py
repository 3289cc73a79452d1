"""The demo as the command runs it, with quick clips, and a visitor in its page.

One chromium serves all tests of this folder, each in a fresh context of its own; so they share an
event loop, and so do their fixtures.
"""

from __future__ import annotations

import asyncio
import os
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from playwright.async_api import async_playwright
from pytest_asyncio import fixture, is_async_test

from bot import demo
from bot.app import Bot
from bot.lifecycle import serve
from sandbox.aimlapi import AimlApiSandbox
from sandbox.page import ChatPage
from sandbox.telegram import TelegramSandbox
from storage.database import Database
from tests.databases import begin
from tests.demo.browser import QUIET, Visitor, need_chromium, visiting
from tests.sandbox.telegram.calls import Caller

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Browser

    from sandbox.telegram import Message
    from tests.harness import LoggedErrors

RENDER_SECONDS = 0.6
"""Long enough for a status to be seen."""
PROBE_SECONDS = 4.0
"""Long enough for an outage to be seen."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run this folder's tests in one loop: a browser cannot change its loop."""
    here = f"{Path(__file__).parent}{os.sep}"
    for item in items:
        if str(item.path).startswith(here) and is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@fixture(loop_scope="session", scope="session")
async def chromium() -> AsyncIterator[Browser]:
    """The browser."""
    path = need_chromium()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=QUIET)
        yield browser
        await browser.close()


@fixture(loop_scope="session")
async def telegram() -> AsyncIterator[TelegramSandbox]:
    """Telegram on this machine."""
    async with TelegramSandbox() as sandbox:
        yield sandbox


@fixture(loop_scope="session")
async def provider() -> AsyncIterator[AimlApiSandbox]:
    """The AI/ML API on this machine."""
    async with AimlApiSandbox(key=demo.KEY, render_seconds=RENDER_SECONDS) as sandbox:
        yield sandbox


@fixture(loop_scope="session")
async def chat_page(telegram: TelegramSandbox, provider: AimlApiSandbox) -> AsyncIterator[ChatPage]:
    """The chat page, without a bot."""
    async with ChatPage(telegram, provider, port=0) as served:
        yield served


async def arrived(chat_page: ChatPage) -> None:
    """Wait until the bot has greeted its groups and told the operator of them."""
    operator = chat_page.participants.private[chat_page.participants.operator.id]
    for group in chat_page.participants.groups:
        title = group.title or ""
        await group.wait(lambda _: True)
        await operator.wait(partial(_says, title))


def _says(words: str, message: Message) -> bool:
    return words in (message.text or "")


@asynccontextmanager
async def playing(chat_page: ChatPage, folder: Path) -> AsyncIterator[None]:
    """Run the bot behind the page, with the demo's own settings but for its patience."""
    stopping = asyncio.Event()
    patience = {"poll_interval_seconds": 0.1, "undo_seconds": 0}
    settings = demo.settings(chat_page, folder).model_copy(update=patience)
    async with AsyncExitStack() as stack:
        db = await Database.open(begin(folder / "bot.sqlite3"))
        stack.push_async_callback(db.close)
        times = replace(demo.TIMES, probe=PROBE_SECONDS)
        life = asyncio.create_task(serve(Bot(settings, db, times=times), stopping))
        try:
            await chat_page.telegram.wait_for_call("setMyShortDescription")
            await arrived(chat_page)
            yield
        finally:
            stopping.set()
            await asyncio.wait_for(life, 10)


@fixture(loop_scope="session")
async def visitor(
    chat_page: ChatPage, chromium: Browser, tmp_path: Path, errors: LoggedErrors
) -> AsyncIterator[Visitor]:
    """Somebody in front of the page, as Ann, with the bot running and the panel open."""
    del errors  # only to look at them in the end
    async with playing(chat_page, tmp_path), visiting(chromium, chat_page.url) as someone:
        await someone.open_panel()
        yield someone


@fixture(loop_scope="session")
async def onlooker(chat_page: ChatPage, chromium: Browser) -> AsyncIterator[Visitor]:
    """Somebody in front of the page where no bot runs: the test plays it."""
    async with visiting(chromium, chat_page.url) as someone:
        yield someone


@fixture(loop_scope="session")
async def http(chat_page: ChatPage) -> AsyncIterator[httpx.AsyncClient]:
    """A program that speaks to the page's server."""
    async with httpx.AsyncClient(base_url=chat_page.url) as client:
        yield client


@fixture(loop_scope="session")
async def call(chat_page: ChatPage, http: httpx.AsyncClient) -> Caller:
    """Calls of a bot that only does what the test says; everybody has written to it."""
    for person, chat in chat_page.participants.private.items():
        await chat.send(chat_page.participants.person(person), "hello")
    caller = Caller(http, chat_page.telegram)
    await caller("getUpdates")
    groups = chat_page.participants.groups
    await chat_page.telegram.world.changes.until(
        lambda: all(group.bot_status == "member" for group in groups) or None, 10
    )
    return caller


@pytest.fixture
def ann(chat_page: ChatPage) -> int:
    """The id of Ann, and of her chat with the bot."""
    return next(iter(chat_page.participants.people))
