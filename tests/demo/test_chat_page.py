"""What the page shows of a bot's doing, and what its own keys do; here the test is the bot."""

from __future__ import annotations

import asyncio
import re
import time
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from sandbox.page import ChatPage
from tests.demo.browser import holding, visiting
from tests.demo.scripted_bot import update

if TYPE_CHECKING:
    from playwright.async_api import Browser

    from sandbox.aimlapi import AimlApiSandbox
    from sandbox.telegram import TelegramSandbox
    from tests.demo.browser import Visitor
    from tests.sandbox.telegram.calls import Caller

LIES = """pop => {
    const box = pop.getBoundingClientRect();
    const log = document.querySelector("#log").getBoundingClientRect();
    const middle = ({left, right}) => (left + right) / 2;
    return {
        "below the top": box.top > log.top && box.top < log.top + 30,
        "centred": Math.abs(middle(box) - middle(log)) < 10,
        "hit": pop.contains(document.elementFromPoint(middle(box), box.top + 10)),
    };
}"""
"""How a pop-up lies in the conversation, and whether a tap would hit it."""


async def test_text_is_never_markup(call: Caller, ann: int, onlooker: Visitor) -> None:
    hostile = "<img src=x onerror=\"document.title='owned'\">"
    await call("sendMessage", chat_id=ann, text=hostile)
    await onlooker.say("<b>not bold</b>")
    await expect(onlooker.message(hostile)).to_be_visible()
    await expect(onlooker.message("<b>not bold</b>")).to_be_visible()
    assert await onlooker.log.locator("img, b").count() == 0
    assert "owned" not in await onlooker.page.title()


async def test_entities_are_shown(call: Caller, ann: int, onlooker: Visitor) -> None:
    text = (
        "😀 <b>bold <i>both</i></b> <code>x</code> <tg-spoiler>dark</tg-spoiler> "
        '<a href="https://example.org/">there</a> /help'
    )
    await call("sendMessage", chat_id=ann, text=text, parse_mode="HTML")
    said = onlooker.from_bot.locator("[data-part=text]")
    await expect(said.locator("strong")).to_have_text("bold both")
    await expect(said.locator("strong em")).to_have_text("both")
    await expect(said.locator("code")).to_have_text("x")
    await expect(said.locator("a")).to_have_attribute("href", "https://example.org/")
    await said.get_by_role("button", name="Hidden text").click()
    await expect(said.get_by_role("button", name="dark")).to_be_visible()
    await said.get_by_role("button", name="/help").click()
    await expect(onlooker.log.locator(".own").last).to_contain_text("/help")


async def test_a_moment_told_relative_to_now_counts_and_a_button_writes_into_the_field(
    call: Caller, ann: int, onlooker: Visitor
) -> None:
    moment = {"type": "date_time", "offset": 9, "length": 4, "date_time_format": "r"}
    moment["unix_time"] = int(time.time()) + 60
    key = {"text": "Edit it", "switch_inline_query_current_chat": "a fox", "style": "success"}
    around = {"entities": [moment], "reply_markup": {"inline_keyboard": [[key]]}}
    await call("sendMessage", chat_id=ann, text="Expected soon", **around)
    shown = onlooker.from_bot.locator("time[data-counts]")
    await expect(shown).to_have_text(re.compile(r"in [4-6]\d seconds"))
    await expect(shown).not_to_have_text(str(await shown.text_content()))
    await onlooker.log.get_by_role("button", name="Edit it").click()
    await expect(onlooker.field).to_have_value("@film_maker_bot a fox")


async def test_a_show_is_over_at_a_key_and_is_played_once(
    telegram: TelegramSandbox, provider: AimlApiSandbox, chromium: Browser
) -> None:
    pace = provider.render_seconds = 3.0
    async with (
        ChatPage(telegram, provider, port=0, plays=True) as chat_page,
        visiting(chromium, chat_page.url) as visitor,
    ):
        bar = visitor.page.locator("#autoplay-bar")
        await expect(bar).to_be_visible()
        assert provider.render_seconds < pace
        await visitor.page.keyboard.press("Shift")
        await expect(bar).to_be_hidden()
        async with asyncio.timeout(10):
            while provider.render_seconds != pace:
                await asyncio.sleep(0.02)
        await visitor.page.reload()
        await visitor.settled()
        await expect(bar).to_be_hidden()


async def test_a_link_that_is_a_script_leads_nowhere(
    call: Caller, ann: int, onlooker: Visitor
) -> None:
    entities = [{"type": "text_link", "offset": 0, "length": 5, "url": "javascript:alert(1)"}]
    await call("sendMessage", chat_id=ann, text="click", entities=entities)
    await onlooker.from_bot.locator("a").click()
    assert onlooker.page.url.partition("#")[0].endswith("/")


async def test_edits_reactions_and_deletions_are_seen_as_they_happen(
    call: Caller, ann: int, onlooker: Visitor
) -> None:
    sent = (await call("sendMessage", chat_id=ann, text="first words")).result["message_id"]
    await expect(onlooker.message("first words")).to_be_visible()
    await call("editMessageText", chat_id=ann, message_id=sent, text="second words")
    await expect(onlooker.message("second words")).to_contain_text("edited")
    await call("sendMessage", chat_id=ann, text="other words")
    other = sent + 1
    key = {"inline_keyboard": [[{"text": "Again", "callback_data": "again"}]]}
    await call("editMessageReplyMarkup", chat_id=ann, message_id=other, reply_markup=key)
    await expect(onlooker.log.get_by_role("button", name="Again")).to_be_visible()
    await expect(onlooker.message("other words")).not_to_contain_text("edited")
    await expect(onlooker.message("first words")).to_have_count(0)
    reaction = [{"type": "emoji", "emoji": "👀"}]
    await call("setMessageReaction", chat_id=ann, message_id=sent, reaction=reaction)
    await expect(onlooker.message("second words").get_by_label("Reactions")).to_have_text("👀")
    await call("deleteMessage", chat_id=ann, message_id=sent)
    await expect(onlooker.message("second words")).to_have_count(0)


async def test_what_the_bot_is_doing_is_said_until_it_has_done_it(
    call: Caller, ann: int, onlooker: Visitor
) -> None:
    subtitle = onlooker.page.locator("#subtitle")
    await call("sendChatAction", chat_id=ann, action="upload_video")
    await expect(subtitle).to_have_text("sending a video…")
    await call("sendMessage", chat_id=ann, text="done")
    await expect(subtitle).to_have_text("bot")


@pytest.mark.parametrize("alert", [False, True])
async def test_the_answer_to_a_press_pops_up(
    call: Caller, ann: int, onlooker: Visitor, *, alert: bool
) -> None:
    keyboard = {"inline_keyboard": [[{"text": "Again · 9", "callback_data": "again"}]]}
    await call("sendMessage", chat_id=ann, text="a video", reply_markup=keyboard)
    await onlooker.log.get_by_role("button", name="Again · 9").click()
    query = await update(call, "callback_query")
    assert query["data"] == "again"
    answer = {"text": "Costs 9 of your 20 credits.", "show_alert": alert}
    await call("answerCallbackQuery", callback_query_id=query["id"], **answer)
    note = onlooker.page.locator("#alert" if alert else "#toast")
    await expect(note).to_contain_text("Costs 9 of your 20 credits.")
    if alert:
        await onlooker.page.keyboard.press("Escape")
        await expect(note).to_be_hidden()


async def test_a_pop_up_lies_over_no_button_and_stays_in_its_chat(
    call: Caller, ann: int, onlooker: Visitor
) -> None:
    keyboard = {"inline_keyboard": [[{"text": "Again · 9", "callback_data": "again"}]]}
    for _ in range(20):  # there are buttons everywhere, below the pop-up too
        await call("sendMessage", chat_id=ann, text="a video", reply_markup=keyboard)
    key = onlooker.log.get_by_role("button", name="Again · 9").last
    toast = onlooker.page.locator("#toast")
    await key.click()
    query = await update(call, "callback_query")
    words = "Costs 9 of your 20 credits. Tap again to start."
    await call("answerCallbackQuery", callback_query_id=query["id"], text=words)
    await expect(toast).to_have_text(words)
    assert await toast.evaluate(LIES) == {"below the top": True, "centred": True, "hit": False}
    await onlooker.open_chat("Film club")
    await expect(toast).to_have_text("")


async def test_a_start_link_of_the_bot_is_followed_inside_the_page(
    chat_page: ChatPage, call: Caller, onlooker: Visitor
) -> None:
    club = next(chat for chat in chat_page.participants.chats.values() if chat.title == "Film club")
    button = {"text": "Open in private", "url": "https://t.me/film_maker_bot?start=quota"}
    await onlooker.open_chat("Film club")
    keyboard = {"inline_keyboard": [[button]]}
    await call("sendMessage", chat_id=club.id, text="in private", reply_markup=keyboard)
    await onlooker.log.get_by_role("link", name="Open in private").click()
    await expect(onlooker.page.locator("#title")).to_have_text("Film Maker")
    await expect(onlooker.log.locator(".own").last).to_contain_text("/start quota")


async def test_a_question_opens_its_answer(
    chat_page: ChatPage, call: Caller, ann: int, onlooker: Visitor
) -> None:
    ask = {"force_reply": True, "input_field_placeholder": "a cat on a sailing boat"}
    asked = await call("sendMessage", chat_id=ann, text="What should we see?", reply_markup=ask)
    await expect(onlooker.field).to_have_attribute("placeholder", "a cat on a sailing boat")
    await onlooker.say("an owl")
    await expect(onlooker.message("an owl")).to_contain_text("What should we see?")
    assert chat_page.participants.private[ann].last.reply_to == asked.result["message_id"]


async def test_what_is_sent_twice_in_haste_goes_out_once(
    chat_page: ChatPage, call: Caller, ann: int, onlooker: Visitor
) -> None:
    del call
    async with holding(onlooker.page, "**/say"):
        await onlooker.field.fill("an owl")
        await onlooker.field.press("Enter")
        await onlooker.field.press("Enter")
        await expect(onlooker.field).to_have_value("")
        await onlooker.attach_ready("A lighthouse")
        await onlooker.page.get_by_role("button", name="Send").dblclick()
    await expect(onlooker.message("an owl")).to_be_visible()
    await expect(onlooker.log.locator("img")).to_have_count(1)
    await onlooker.say("and that is all")
    await expect(onlooker.message("and that is all")).to_be_visible()
    chat = chat_page.participants.private[ann]
    assert [message.text for message in chat.messages if not message.photo] == [
        "hello",
        "an owl",
        "and that is all",
    ]
    assert sum(bool(message.photo) for message in chat.messages) == 1


async def test_what_could_not_be_sent_is_put_back(
    call: Caller, ann: int, onlooker: Visitor
) -> None:
    onlooker.excused = "Failed to load resource"
    await call("sendMessage", chat_id=ann, text="a video of a fox")
    await onlooker.answer(onlooker.message("a video of a fox"))
    await onlooker.attach_ready("A lighthouse")
    refusal = {"status": 413, "json": {"error": "that is too large"}}
    await onlooker.page.route("**/say", lambda route: route.fulfill(**refusal), times=1)
    await onlooker.field.fill("and an owl")
    await onlooker.field.press("Enter")
    await expect(onlooker.page.locator("#toast")).to_have_text("that is too large")
    await expect(onlooker.field).to_have_value("and an owl")
    await expect(onlooker.page.get_by_label("Attached").locator("img")).to_have_count(1)
    await onlooker.field.press("Enter")
    await expect(onlooker.message("and an owl").locator("img")).to_be_visible()
    await expect(onlooker.message("and an owl")).to_contain_text("a video of a fox")


async def test_escape_leaves_an_answer(call: Caller, ann: int, onlooker: Visitor) -> None:
    await call("sendMessage", chat_id=ann, text="a video of a fox")
    await onlooker.answer(onlooker.message("a video of a fox"))
    await onlooker.field.press("Escape")
    await expect(onlooker.page.locator("#reply-bar")).to_be_hidden()


async def test_commands_are_chosen_with_the_keyboard(
    chat_page: ChatPage, call: Caller, ann: int, onlooker: Visitor
) -> None:
    menu = [("video", "Make a video"), ("animate", "Move a photo"), ("quota", "What is left")]
    commands = [{"command": name, "description": words} for name, words in menu]
    await call("setMyCommands", commands=commands)
    offers = onlooker.page.get_by_role("option")
    await onlooker.field.press_sequentially("/")
    await expect(offers).to_have_count(3)
    await onlooker.field.press("Escape")
    await expect(offers).to_have_count(0)
    await onlooker.field.fill("/")
    await expect(offers).to_have_count(3)
    await onlooker.field.press("ArrowDown")
    await expect(offers.nth(1)).to_have_attribute("aria-selected", "true")
    await onlooker.field.press("Tab")
    await expect(onlooker.field).to_have_value("/animate ")
    await onlooker.field.fill("/q")
    await expect(offers).to_have_count(1)
    await onlooker.field.press("Enter")
    await expect(onlooker.log.locator(".own").last).to_contain_text("/quota")
    assert chat_page.participants.private[ann].last.text == "/quota"


async def test_inline_results_are_offered_and_picked(
    chat_page: ChatPage, call: Caller, onlooker: Visitor
) -> None:
    await onlooker.open_chat("Film club")
    await onlooker.field.fill("@film_maker_bot fox")
    query = await update(call, "inline_query")
    assert query["query"] == "fox"
    await onlooker.field.press("Enter")  # too early: nothing is to be chosen yet
    await expect(onlooker.field).to_have_value("@film_maker_bot fox")
    text = {"message_text": "A fox in the snow"}
    result = {"type": "article", "id": "1", "title": "Fox", "input_message_content": text}
    await call("answerInlineQuery", inline_query_id=query["id"], results=[result])
    await onlooker.page.get_by_role("option", name="Fox").click()
    await expect(onlooker.message("A fox in the snow")).to_contain_text("via @film_maker_bot")


async def test_a_bot_that_offers_nothing_inline_is_said_to(call: Caller, onlooker: Visitor) -> None:
    await onlooker.field.fill("@film_maker_bot nothing")
    query = await update(call, "inline_query")
    await call("answerInlineQuery", inline_query_id=query["id"], results=[])
    await expect(onlooker.page.get_by_role("listbox")).to_have_text("No results")


async def test_a_way_to_the_bot_is_a_result(call: Caller, onlooker: Visitor) -> None:
    await onlooker.field.fill("@film_maker_bot nothing")
    query = await update(call, "inline_query")
    way = {"text": "Make a video first", "start_parameter": "share"}
    answer = {"inline_query_id": query["id"], "results": [], "button": way}
    await call("answerInlineQuery", **answer)
    await expect(onlooker.page.get_by_role("listbox")).to_have_text("Make a video first")


async def test_topics_keep_their_messages_apart(
    chat_page: ChatPage, call: Caller, onlooker: Visitor
) -> None:
    studio = next(chat for chat in chat_page.participants.chats.values() if chat.is_forum)
    trailers, holidays = studio.topics.values()
    await onlooker.open_chat("Studio")
    await onlooker.page.get_by_role("tab", name="Trailers").click()
    await onlooker.say("in trailers")
    await expect(onlooker.message("in trailers")).to_be_visible()
    assert studio.last.topic is trailers
    await call("sendMessage", chat_id=studio.id, text="seaside", message_thread_id=holidays.id)
    await call("sendChatAction", chat_id=studio.id, action="typing", message_thread_id=holidays.id)
    await call(
        "sendChatAction", chat_id=studio.id, action="upload_video", message_thread_id=trailers.id
    )
    subtitle = onlooker.page.locator("#subtitle")
    await expect(subtitle).to_have_text("Film Maker is sending a video…")
    tab = onlooker.page.get_by_role("tab")
    await expect(tab.filter(has=onlooker.page.get_by_label("1 new"))).to_contain_text("Holiday")
    await onlooker.page.get_by_role("tab", name="Trailers").press("ArrowRight")
    await expect(onlooker.page.get_by_label("1 new")).to_have_count(0)
    await expect(onlooker.message("seaside")).to_be_visible()
    await expect(onlooker.message("in trailers")).to_have_count(0)


async def test_talk_the_bot_does_not_see_is_marked(call: Caller, onlooker: Visitor) -> None:
    del call
    await onlooker.open_chat("Film club")
    await onlooker.say("lovely weather")
    await onlooker.say("/help")
    await expect(onlooker.message("lovely weather")).to_contain_text("not shown to the bot")
    await expect(onlooker.message("/help")).not_to_contain_text("not shown to the bot")


async def test_own_messages_are_changed_and_deleted(
    chat_page: ChatPage, call: Caller, ann: int, onlooker: Visitor
) -> None:
    del call
    await onlooker.say("a red kit")
    await expect(onlooker.message("a red kit")).to_be_visible()
    await onlooker.field.press("ArrowUp")
    await expect(onlooker.field).to_have_value("a red kit")
    await onlooker.say("a red kite")
    await expect(onlooker.message("a red kite")).to_contain_text("edited")
    assert chat_page.participants.private[ann].last.text == "a red kite"
    await onlooker.message("a red kite").hover()
    await onlooker.message("a red kite").get_by_role("button", name="Delete").click()
    await expect(onlooker.message("a red kite")).to_have_count(0)


async def test_news_elsewhere_are_counted(call: Caller, ann: int, onlooker: Visitor) -> None:
    await onlooker.open_chat("Film club")
    for text in ("one", "two"):
        await call("sendMessage", chat_id=ann, text=text)
    await expect(onlooker.page.get_by_label("2 new")).to_be_visible()
    await onlooker.open_chat("Film Maker")
    await expect(onlooker.page.get_by_label("2 new")).to_have_count(0)


async def test_news_are_counted_where_the_list_covers_the_chat(
    call: Caller, ann: int, onlooker: Visitor
) -> None:
    await onlooker.page.set_viewport_size({"width": 390, "height": 844})
    await call("sendMessage", chat_id=ann, text="one")
    await expect(onlooker.page.get_by_label("1 new")).to_be_visible()
    await onlooker.open_chat("Film Maker")
    await expect(onlooker.page.get_by_label("1 new")).to_have_count(0)


async def test_a_phone_says_who_one_is_and_switches(
    chat_page: ChatPage, call: Caller, onlooker: Visitor
) -> None:
    del call
    await onlooker.page.set_viewport_size({"width": 390, "height": 844})
    await onlooker.open_chat("Film club")
    who = onlooker.page.get_by_role("combobox", name="Who you are")
    await expect(who.locator("option:checked")).to_have_text("as Ann")
    await who.select_option(label="as Bob")
    await onlooker.say("hello from Bob")
    await expect(onlooker.message("hello from Bob")).to_be_visible()
    club = next(chat for chat in chat_page.participants.chats.values() if chat.title == "Film club")
    assert club.last.sender.first_name == "Bob"
    await onlooker.page.get_by_role("button", name="Back to the chats").click()
    await onlooker.open_chat("Film Maker")
    await who.select_option(label="as Ann")
    await onlooker.say("hello from Ann")
    await expect(onlooker.message("hello from Ann")).to_be_visible()
    assert next(iter(chat_page.participants.private.values())).last.text == "hello from Ann"


async def test_what_is_unfinished_waits_where_it_was_begun(
    chat_page: ChatPage, call: Caller, ann: int, onlooker: Visitor
) -> None:
    await call("sendMessage", chat_id=ann, text="a video of a fox")
    await onlooker.answer(onlooker.message("a video of a fox"))
    await onlooker.attach_ready("A lighthouse")
    await onlooker.field.fill("and a lighth")
    attached = onlooker.page.get_by_label("Attached")
    await onlooker.open_chat("Film club")
    await expect(onlooker.field).to_have_value("")
    await expect(attached).to_be_hidden()
    await expect(onlooker.page.locator("#reply-bar")).to_be_hidden()
    await onlooker.field.fill("from Ann to all")
    await onlooker.become("Bob")
    await expect(onlooker.field).to_have_value("")
    await onlooker.become("Ann")
    await expect(onlooker.field).to_have_value("from Ann to all")
    await onlooker.open_chat("Film Maker")
    await expect(onlooker.field).to_have_value("and a lighth")
    await expect(attached.locator("img")).to_have_count(1)
    await onlooker.say("and a lighthouse")
    sent = onlooker.message("and a lighthouse")
    await expect(sent.locator("img")).to_be_visible()
    await expect(sent).to_contain_text("a video of a fox")
    club = next(chat for chat in chat_page.participants.chats.values() if chat.title == "Film club")
    assert all(message.is_service for message in club.messages)
