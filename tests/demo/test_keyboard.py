"""The page without a mouse: where the focus goes, and that it is never lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from playwright.async_api import expect

from tests.demo.browser import holding
from tests.demo.scripted_bot import update

if TYPE_CHECKING:
    from playwright.async_api import Locator

    from sandbox.page import ChatPage
    from tests.demo.browser import Visitor
    from tests.sandbox.telegram.calls import Caller

STEPS = 12
"""Presses of Tab within which anything wanted here is reached."""


def keys(*names: str) -> dict[str, Any]:
    """A keyboard of one row."""
    return {"inline_keyboard": [[{"text": name, "callback_data": name} for name in names]]}


async def walk(visitor: Visitor, key: str, wanted: Locator) -> None:
    """CallbackData a key until the focus is where it is wanted."""
    for _ in range(STEPS):
        await visitor.page.keyboard.press(key)
        if await wanted.evaluate("one => one === document.activeElement"):
            return
    where = await visitor.page.evaluate("document.activeElement.outerHTML.slice(0, 200)")
    raise AssertionError(f"not reached with {key}; the focus is on {where}")


def chat(visitor: Visitor, name: str) -> Locator:
    """A chat in the list."""
    chats = visitor.page.get_by_role("navigation", name="Chats")
    return chats.get_by_role("button").filter(has=visitor.page.get_by_text(name, exact=True))


async def test_from_the_list_to_a_button_and_back_with_keys_alone(
    chat_page: ChatPage, call: Caller, onlooker: Visitor
) -> None:
    press = onlooker.page.keyboard.press
    club = next(chat for chat in chat_page.participants.chats.values() if chat.title == "Film club")
    sent = await call("sendMessage", chat_id=club.id, text="a fox", reply_markup=keys("Again"))
    await walk(onlooker, "Tab", chat(onlooker, "Film Maker"))
    await press("ArrowDown")
    await expect(chat(onlooker, "Film club")).to_be_focused()
    await press("Enter")
    await expect(onlooker.page.locator("#title")).to_have_text("Film club")
    await expect(onlooker.field).to_be_focused()
    await expect(onlooker.field).to_have_value("")
    await onlooker.page.keyboard.type("hello")
    await press("Enter")
    await expect(onlooker.message("hello")).to_be_visible()
    again = onlooker.log.get_by_role("button", name="Again")
    await walk(onlooker, "Shift+Tab", again)
    async with holding(onlooker.page, "**/press"):
        await press("Enter")
        await press("Enter")
        await expect(again).to_have_attribute("aria-disabled", "true")
        await expect(again).to_be_focused()
        changed = {"chat_id": club.id, "message_id": sent.result["message_id"]}
        await call("editMessageReplyMarkup", **changed, reply_markup=keys("Really"))
        await expect(onlooker.log.get_by_role("button", name="Really")).to_be_focused()
    await press("Escape")
    await expect(onlooker.field).to_be_focused()


async def test_what_goes_hands_the_focus_on(call: Caller, ann: int, onlooker: Visitor) -> None:
    for _ in range(2):
        sent = await call("sendMessage", chat_id=ann, text="a fox", reply_markup=keys("Again"))
    place = {"chat_id": ann, "message_id": sent.result["message_id"]}
    again = onlooker.log.get_by_role("button", name="Again")
    await expect(again).to_have_count(2)
    await again.last.focus()
    await call("editMessageReplyMarkup", **place)
    await expect(onlooker.message("a fox").last).to_be_focused()
    await call("deleteMessage", **place)
    await expect(onlooker.log).to_be_focused()


async def test_news_leave_the_focus_in_the_list(call: Caller, ann: int, onlooker: Visitor) -> None:
    await chat(onlooker, "Studio").focus()
    await call("sendMessage", chat_id=ann, text="news")
    await expect(onlooker.message("news")).to_be_visible()
    await expect(chat(onlooker, "Studio")).to_be_focused()
    await onlooker.page.get_by_role("radio", name="Ann").focus()
    await onlooker.page.keyboard.press("ArrowRight")
    await expect(onlooker.page.get_by_role("radio", name="Bob")).to_be_checked()
    await expect(onlooker.page.get_by_role("radio", name="Bob")).to_be_focused()


async def test_the_panel_takes_the_focus_and_gives_it_back(onlooker: Visitor) -> None:
    opens = onlooker.page.get_by_role("button", name="Behind the scenes")
    panel = onlooker.page.get_by_role("complementary", name="Behind the scenes")
    closes = panel.get_by_role("button", name="Close")
    await expect(panel).to_be_hidden()
    await onlooker.open_panel()
    await closes.click()
    await expect(panel).to_be_hidden()
    await expect(opens).to_be_focused()
    await onlooker.page.keyboard.press("Enter")
    await expect(closes).to_be_focused()
    await onlooker.page.keyboard.press("Escape")
    await expect(panel).to_be_hidden()
    await expect(opens).to_be_focused()
    await expect(opens).to_have_attribute("aria-expanded", "false")


async def test_the_first_tab_leads_past_everything_to_the_field(
    call: Caller, onlooker: Visitor
) -> None:
    del call
    await onlooker.page.reload()
    await onlooker.settled()
    await onlooker.page.keyboard.press("Tab")
    skip = onlooker.page.get_by_role("button", name="To the message field")
    await expect(skip).to_be_focused()
    await onlooker.page.keyboard.press("Enter")
    await expect(onlooker.field).to_be_focused()


@pytest.mark.parametrize("key", ["Enter", "Space"])
async def test_start_leads_to_the_field(chat_page: ChatPage, onlooker: Visitor, key: str) -> None:
    await onlooker.page.get_by_role("button", name="Start", exact=True).press(key)
    await expect(onlooker.field).to_be_focused()
    assert next(iter(chat_page.participants.private.values())).last.text == "/start"


async def test_an_alert_gives_the_focus_back_to_its_button(
    call: Caller, ann: int, onlooker: Visitor
) -> None:
    markup = keys("Again", "Change")
    sent = await call("sendMessage", chat_id=ann, text="a fox", reply_markup=markup)
    await onlooker.log.get_by_role("button", name="Change").press("Enter")
    query = await update(call, "callback_query")
    answer = {"callback_query_id": query["id"], "text": "Too late.", "show_alert": True}
    await call("answerCallbackQuery", **answer)
    await expect(onlooker.page.get_by_role("dialog")).to_contain_text("Too late.")
    place = {"chat_id": ann, "message_id": sent.result["message_id"]}
    await call("editMessageText", **place, text="a red fox", reply_markup=markup)
    await onlooker.page.keyboard.press("Escape")
    await expect(onlooker.log.get_by_role("button", name="Change")).to_be_focused()
