"""Everything written in the page can be read, by day and by night (WCAG 2.2 AA: 4.5 to 1)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest
from playwright.async_api import expect

from tests.demo.scenes import OFFER, keyboard

if TYPE_CHECKING:
    from sandbox.page import ChatPage
    from tests.demo.browser import Visitor
    from tests.sandbox.telegram.calls import Caller

CONTRAST = Path(__file__).with_name("contrast.js").read_text(encoding="utf-8")
HUES = """hue => document.querySelectorAll("[style*='--hue']")
    .forEach(one => one.style.setProperty("--hue", hue))"""
"""Gives every name and every face in the page one hue; they have one of 360, by their ids."""
TEXT = (
    "<b>bold</b> <code>code</code> <pre>pre</pre> <a href='https://example.org/'>link</a> "
    "<blockquote>quoted</blockquote> @bob /help"
)


@pytest.mark.parametrize("light", ["light", "dark"])
async def test_everything_written_stands_out(
    chat_page: ChatPage, call: Caller, onlooker: Visitor, light: Literal["light", "dark"]
) -> None:
    studio = next(chat for chat in chat_page.participants.chats.values() if chat.is_forum)
    ann, bob, _ = chat_page.participants.people.values()
    trailers = next(iter(studio.topics.values()))
    place = {"chat_id": str(studio.id), "message_thread_id": str(trailers.id)}
    asked = await studio.send(ann, f"/video@film_maker_bot {TEXT}", topic=trailers)
    await studio.edit(asked, "/video@film_maker_bot a fox, see https://example.org/ @bob")
    await studio.send(bob, "lovely weather /help", topic=trailers, reply_to=asked)
    reply = f'{{"message_id": {asked.message_id}}}'
    said = {"text": TEXT, "parse_mode": "HTML", "reply_parameters": reply}
    await call.form("sendMessage", **place, **said, reply_markup=keyboard(OFFER))
    await call("setMyCommands", commands=[{"command": "video", "description": "Make a video"}])
    await onlooker.page.emulate_media(color_scheme=light)
    await onlooker.open_chat("Studio")
    await onlooker.page.get_by_role("tab", name="Trailers").click()
    await expect(onlooker.log.locator(".service")).to_be_visible()
    await call("sendMessage", chat_id=ann.id, text="news")
    await expect(onlooker.page.get_by_label("1 new")).to_be_visible()
    await onlooker.answer(onlooker.message("lovely weather"))
    assert await onlooker.page.evaluate(CONTRAST) == []
    await onlooker.field.fill("/")
    await expect(onlooker.page.get_by_role("option")).to_have_count(1)
    assert await onlooker.page.evaluate(CONTRAST) == []
    for hue in range(0, 360, 15):
        await onlooker.page.evaluate(HUES, hue)
        assert await onlooker.page.evaluate(CONTRAST) == [], f"hue {hue}"


async def test_it_is_seen_when_something_does_not(call: Caller, onlooker: Visitor) -> None:
    del call
    await onlooker.page.evaluate("document.querySelector('h1').style.color = 'rgb(0 0 0 / 0.4)'")
    assert await onlooker.page.evaluate(CONTRAST) == ["2.85: Try the bot"]
