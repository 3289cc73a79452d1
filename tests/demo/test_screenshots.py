"""The page as people see it, on a phone and a desk, by day and by night: nothing is cut.

`make screenshots` keeps the pictures in docs/; there, a font with emoji is wanted (on Debian,
fonts-noto-color-emoji).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest
from playwright.async_api import expect
from pytest_asyncio import fixture

from sandbox.aimlapi import AimlApiSandbox
from tests.demo.browser import visiting
from tests.demo.conftest import RENDER_SECONDS, playing
from tests.demo.scenes import hang_pictures

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Browser

    from sandbox.page import ChatPage
    from tests.demo.browser import Visitor
    from tests.harness import LoggedErrors
    from tests.sandbox.telegram.calls import Caller

KEPT = os.environ.get("SCREENSHOTS")
"""Where the pictures go; without it they are looked at by this test only."""

SIZES = {"desktop": {"width": 1360, "height": 1000}, "phone": {"width": 390, "height": 844}}

LIGHTS: tuple[Literal["light", "dark"], ...] = ("light", "dark")
FLAWS, FAINT = (
    Path(__file__).with_name(name).read_text(encoding="utf-8")
    for name in ("flaws.js", "contrast.js")
)


@fixture(loop_scope="session")
async def provider() -> AsyncIterator[AimlApiSandbox]:
    """Videos of full length and beauty where somebody will look at them."""
    seconds = 2.0 if KEPT else RENDER_SECONDS
    async with AimlApiSandbox(render_seconds=seconds, quick_clips=not KEPT) as sandbox:
        yield sandbox


async def shown(visitor: Visitor, name: str, *, kept: str | None = KEPT) -> None:
    """Look for flaws by day and by night; keep pictures where that is asked."""
    await visitor.page.mouse.move(0, 0)
    for light in LIGHTS:
        await visitor.page.emulate_media(color_scheme=light)
        assert await visitor.page.evaluate(FLAWS) == [], f"{name}, {light}"
        assert await visitor.page.evaluate(FAINT) == [], f"{name}, {light}"
        if kept:
            await visitor.page.screenshot(path=Path(kept) / f"{name}-{light}.png")


def options(device: str) -> dict[str, Any]:
    """What makes the browser such a device."""
    touch = {"has_touch": True, "is_mobile": True, "device_scale_factor": 2}
    return {"viewport": SIZES[device]} | (touch if device == "phone" else {})


@pytest.mark.parametrize("device", SIZES)
async def test_nothing_overlaps_and_nothing_is_cut(
    chat_page: ChatPage, chromium: Browser, tmp_path: Path, errors: LoggedErrors, device: str
) -> None:
    del errors  # only to look at them in the end
    chat_page.panel.restart = lambda: None  # it is only looked at
    async with (
        playing(chat_page, tmp_path),
        visiting(chromium, chat_page.url, **options(device)) as visitor,
    ):
        if device == "phone":
            await shown(visitor, "demo-phone-chats")
            await visitor.become("Bob")
            await visitor.become("Ann")
            await visitor.open_chat("Film Maker")
        await visitor.start()
        await visitor.attach_ready("A lake at dusk")
        await visitor.say("mist drifts over the water")
        await expect(visitor.videos).to_have_count(1)
        await at_its_best(visitor, 0)
        await visitor.say("/video A cat on a sailing boat at sunset")
        await expect(visitor.videos).to_have_count(2)
        await at_its_best(visitor, 1)
        if device == "desktop":
            await visitor.open_panel()
        await shown(visitor, f"demo-{device}")
        if device == "phone":
            await visitor.page.get_by_role("button", name="Behind the scenes").click()
            await shown(visitor, "demo-phone-panel")


@pytest.mark.parametrize("device", SIZES)
@pytest.mark.parametrize("place", ["Film Maker", "Film club"])
async def test_pictures_fit_their_bubbles_and_buttons(
    chat_page: ChatPage, call: Caller, chromium: Browser, tmp_path: Path, device: str, place: str
) -> None:
    named = {
        chat.title or "Film Maker": chat for chat in [*chat_page.participants.chats.values()][::-1]
    }
    await hang_pictures(chat_page, call, named[place], tmp_path)
    async with visiting(chromium, chat_page.url, **options(device)) as visitor:
        await visitor.open_chat(place)
        await expect(visitor.log.locator(".grid")).to_have_count(3)
        await shown(visitor, f"pictures in {place} on a {device}", kept=None)


async def at_its_best(visitor: Visitor, number: int) -> None:
    """Stop a video in its middle, where its words are all there."""
    video = visitor.videos.nth(number)
    await visitor.play(video)
    await video.evaluate(
        "video => new Promise((seen) => { video.pause(); video.onseeked = seen; "
        "video.currentTime = 2; })"
    )
