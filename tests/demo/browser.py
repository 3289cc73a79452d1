"""Debian's chromium, and what a visitor does in the chat page."""

from __future__ import annotations

import asyncio
import os
import shutil
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from playwright.async_api import Page, expect

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Browser, Locator, Route

CHROMIUM = shutil.which("chromium")
MISSING = "no chromium on this machine: the chat page is not tested (apt-get install chromium)"
PATIENCE = 30_000.0
"""Milliseconds for what the page must come to, on a machine that is busy with other tests too."""
expect.set_options(timeout=PATIENCE)
REQUIRED = "BROWSER_REQUIRED"
"""The variable that makes a missing browser a failure; `.ci/run` sets it."""

UNUSED = [
    # drawn for the address bar of each window, at the cost of two pages
    "WebUIOmniboxAimPopup", "WebUIOmniboxFullPopup", "WebUIOmniboxPopup",
    "SpareRendererForSitePerProcess",
    # as Playwright says, whose own list makes way for this one
    "AimEnabled", "AvoidCorsURLLoaderRestartOnRedirect", "AvoidUnnecessaryBeforeUnloadCheckSync",
    "DestroyProfileOnBrowserClose", "HttpsFirstBalancedModeAutoEnable", "HttpsUpgrades",
    "LensOverlay", "MediaRouter", "NetworkTimeServiceQuerying", "OptimizationHints",
    "PaintHolding", "PreconnectToSearch", "ThirdPartyStoragePartitioning",
]  # fmt: skip
"""Features of chromium that nobody looks at here."""
QUIET = [
    "--no-sandbox",
    f"--disable-features={','.join(UNUSED)}",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--autoplay-policy=no-user-gesture-required",
]


def need_chromium() -> str:
    """Return chromium's path, or skip; where it is required, fail."""
    if CHROMIUM is not None:
        return CHROMIUM
    if os.environ.get(REQUIRED):
        pytest.fail(MISSING)
    pytest.skip(MISSING)


@asynccontextmanager
async def visiting(chromium: Browser, url: str, **options: Any) -> AsyncIterator[Visitor]:
    """Open the page as somebody new; anything in the console that is an error fails."""
    context = await chromium.new_context(locale="en-GB", **options)
    visitor = Visitor(await context.new_page())
    try:
        await visitor.page.goto(url)
        await visitor.settled()
        yield visitor
    finally:
        await context.close()
    assert visitor.complaints == [], "errors in the browser's console"


@asynccontextmanager
async def holding(page: Page, address: str) -> AsyncIterator[None]:
    """Hold what the page asks of an address back, until the end of the block."""
    let_go = asyncio.Event()

    async def hold(route: Route) -> None:
        await let_go.wait()
        await route.continue_()

    await page.route(address, hold)
    try:
        yield
    finally:
        let_go.set()


class Visitor:
    """Somebody in front of the chat page."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.complaints: list[str] = []
        self.excused = ""
        """Words of complaints that are expected."""
        page.on("pageerror", lambda error: self._complain(str(error)))
        page.on("console", lambda said: self._complain(said.text, said.type))
        page.set_default_timeout(PATIENCE)
        self.log = page.get_by_role("log")
        self.field = page.get_by_role("textbox", name="Message", exact=True)
        self.videos = self.log.locator(".message:not(:has-text('👋')) video")
        """All but the greeting's."""

    def _complain(self, words: str, kind: str = "error") -> None:
        if kind == "error" and not (self.excused and self.excused in words):
            self.complaints.append(words)

    async def settled(self) -> None:
        """Wait until the page has heard the whole state."""
        await expect(self.page.locator("#title")).not_to_be_empty()

    async def say(self, text: str) -> None:
        """Write and send with Enter."""
        await self.field.fill(text)
        await self.field.press("Enter")
        await expect(self.field).to_have_value("")

    async def start(self) -> None:
        """CallbackData Start in a chat nobody has written in, and wait for the welcome."""
        await self.page.get_by_role("button", name="Start", exact=True).click()
        await expect(self.from_bot).to_have_count(1)

    async def open_panel(self) -> None:
        """Look behind the scenes."""
        await self.page.get_by_role("button", name="Behind the scenes").click()
        await expect(self.page.get_by_role("button", name="Close", exact=True)).to_be_visible()

    async def become(self, name: str) -> None:
        """Switch who is talking."""
        await self.page.get_by_role("radio", name=name, exact=True).check()
        await self.settled()

    async def open_chat(self, name: str) -> None:
        """Choose a chat in the list."""
        chats = self.page.get_by_role("navigation", name="Chats")
        named = self.page.get_by_text(name, exact=True)
        await chats.get_by_role("button").filter(has=named).click()

    async def attach_ready(self, title: str) -> None:
        """Attach one of the ready photos."""
        await self.page.get_by_role("button", name="Ready photos").click()
        await self.page.get_by_role("button", name=title, exact=True).click()
        await expect(self.page.get_by_label("Attached").locator("img")).to_have_count(1)

    async def answer(self, message: Locator) -> None:
        """Click a message to answer it."""
        await message.locator(".bubble").click(position={"x": 8, "y": 8})
        await expect(self.page.locator("#reply-bar")).to_be_visible()

    def message(self, text: str) -> Locator:
        """The messages that hold a text."""
        return self.log.locator(".message").filter(has_text=text)

    @property
    def from_bot(self) -> Locator:
        """The bot's messages."""
        return self.log.locator(".message:not(.own):not(.service)")

    async def play(self, video: Locator) -> dict[str, float]:
        """Play a video until its time moves; tell what the browser knows of it."""
        await video.evaluate("video => { video.muted = true; return video.play(); }")
        handle = await video.element_handle()
        await self.page.wait_for_function("video => video.currentTime > 0.1", arg=handle)
        facts: dict[str, float] = await video.evaluate(
            "v => ({ready: v.readyState, seconds: v.duration, "
            "width: v.videoWidth, height: v.videoHeight})"
        )
        return facts
