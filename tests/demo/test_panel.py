"""The panel: what is set there happens, and what it tells is true."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

if TYPE_CHECKING:
    import httpx

    from sandbox.aimlapi import AimlApiSandbox
    from sandbox.page import ChatPage
    from tests.demo.browser import Visitor
    from tests.harness import LoggedErrors


@pytest.mark.parametrize("outcome", ["Provider is down (503)", "Too many requests (429)"])
async def test_the_bot_gets_over_it_and_pays_once(
    visitor: Visitor, provider: AimlApiSandbox, outcome: str
) -> None:
    await visitor.start()
    await visitor.page.get_by_label(outcome).check()
    await visitor.say("/video a snail on a leaf")
    await expect(visitor.videos).to_have_count(1)
    await expect(visitor.page.get_by_label("It works")).to_be_checked()
    assert str(provider.spent_usd) == "0.84"


async def test_an_expired_link_is_met_without_a_second_payment(
    visitor: Visitor, provider: AimlApiSandbox
) -> None:
    await visitor.start()
    await visitor.page.get_by_label("The video’s link has expired").check()
    await visitor.say("/video a snail on a leaf")
    await expect(visitor.videos).to_have_count(1)
    assert len(set(provider.downloads)) == 2, "the dead link, then the fresh one"
    assert [sent.status for sent in provider.submissions] == [200]
    assert str(provider.spent_usd) == "0.84"


async def test_out_of_credit_is_told_to_the_operator_and_got_over(
    visitor: Visitor, provider: AimlApiSandbox, errors: LoggedErrors
) -> None:
    errors.expect("the provider refuses everything")
    await visitor.start()
    await visitor.page.get_by_label("Out of credit (403)").check()
    await visitor.say("/video a snail on a leaf")
    await expect(visitor.page.get_by_text("refused (403)")).to_be_visible()
    held = visitor.page.get_by_text("Out of credit: the bot lets nothing through")
    await expect(held).to_be_visible()
    await visitor.become("Operator")
    await expect(visitor.message("AI/ML API refuses")).to_be_visible()
    await expect(visitor.message("accepts requests again")).to_be_visible(timeout=20_000)
    await expect(held).to_be_hidden()
    await visitor.become("Ann")
    await expect(visitor.videos).to_have_count(1)
    assert [sent.status for sent in provider.submissions] == [403, 200]
    assert str(provider.spent_usd) == "0.84"


async def test_a_flood_limit_delays_the_next_text(visitor: Visitor, chat_page: ChatPage) -> None:
    await visitor.start()
    await visitor.page.get_by_label("Refuse the bot’s next text").check()
    await visitor.say("/quota")
    await expect(visitor.message("Your free allowance renews")).to_be_visible(timeout=15_000)
    await expect(visitor.page.get_by_label("Refuse the bot’s next text")).not_to_be_checked()
    assert [call.error for call in chat_page.telegram.calls if call.error] == [
        "Too Many Requests: retry after 3"
    ]


async def test_a_person_can_block_the_bot_and_let_it_in_again(
    visitor: Visitor, chat_page: ChatPage
) -> None:
    await visitor.start()
    switch = visitor.page.get_by_label("Ann has blocked the bot")
    await switch.check()
    ann = next(iter(chat_page.participants.private.values()))
    await expect(visitor.page.locator("#composer")).to_be_hidden()
    assert ann.blocked
    await visitor.page.get_by_role("button", name="Unblock").click()
    await expect(switch).not_to_be_checked()
    assert not ann.blocked


async def test_a_video_made_for_somebody_who_blocks_waits_for_them(
    visitor: Visitor, chat_page: ChatPage, provider: AimlApiSandbox
) -> None:
    await visitor.start()
    provider.render_seconds = 2.0
    await visitor.say("/video a snail on a leaf")
    await expect(visitor.message("Expected in")).to_be_visible()
    switch = visitor.page.get_by_label("Ann has blocked the bot")
    await switch.check()
    await expect(visitor.page.locator("#requests")).to_contain_text("completed")
    async with asyncio.timeout(10):
        while not any(call.error for call in chat_page.telegram.calls_of("sendVideo")):
            await asyncio.sleep(0.01)
    await expect(visitor.videos).to_have_count(0)
    await visitor.page.get_by_role("button", name="Unblock").click()
    await expect(visitor.videos).to_have_count(1)
    assert str(provider.spent_usd) == "0.84"


async def test_the_pace_is_set_with_the_keyboard(visitor: Visitor, chat_page: ChatPage) -> None:
    slider = visitor.page.get_by_role("slider")
    await slider.press("End")
    await expect(visitor.page.locator("#pace-said")).to_have_text("2 min")
    await slider.press("Home")
    await expect(visitor.page.locator("#pace-said")).to_have_text("2 s")
    await slider.blur()
    await expect(slider).to_have_value("2")
    async with asyncio.timeout(10):
        while chat_page.provider.render_seconds != 2:
            await asyncio.sleep(0.01)


async def test_requests_are_listed_with_their_cost_as_in_the_json(
    visitor: Visitor, http: httpx.AsyncClient
) -> None:
    await visitor.start()
    await visitor.say("/video a snail on a leaf")
    await expect(visitor.videos).to_have_count(1)
    listed = visitor.page.locator("#requests li")
    await expect(listed).to_have_count(1)
    await expect(listed).to_have_text(
        re.compile(r"openai/sora-2-t2v\$0\.844 s · 1280×720completed")
    )
    await expect(visitor.page.locator("#total")).to_contain_text("Spent $0.84, $99.16 left")
    link = visitor.page.get_by_role("link", name="All of this as JSON")
    panel = (await http.get(str(await link.get_attribute("href")))).json()["panel"]
    assert panel["spent_usd"] == "0.84"
    assert [request["model"] for request in panel["requests"]] == ["openai/sora-2-t2v"]


async def test_what_no_keyboard_can_write_is_sent_and_answered(visitor: Visitor) -> None:
    await visitor.start()
    for name, shown in (("Voice message", ".voice"), ("Sticker", "img")):
        await visitor.page.get_by_role("button", name=name, exact=True).click()
        await expect(visitor.log.locator(".message.own").last.locator(shown)).to_be_visible()
        await expect(visitor.log.locator(".message").last).not_to_have_class(re.compile("own"))
    voice = visitor.log.get_by_role("button", name="Voice message, 3 seconds")
    await voice.click()
    await expect(voice).to_have_attribute("aria-pressed", "true")
    await expect(visitor.log.locator(".voice .heard").first).to_be_visible()


async def test_a_message_that_is_tapped_is_forwarded_to_the_chat_that_is_chosen(
    visitor: Visitor, chat_page: ChatPage, ann: int
) -> None:
    await visitor.open_chat("Film club")
    await visitor.become("Bob")
    await visitor.say("a hedgehog flies a kite")
    await visitor.become("Ann")
    await visitor.page.get_by_role("button", name="Forward…").click()
    await visitor.message("a hedgehog flies a kite").locator(".bubble").click()
    await expect(visitor.page.get_by_text("Choose a chat to forward it to")).to_be_visible()
    await visitor.open_chat("Film Maker")
    await expect(visitor.message("Forwarded from Bob")).to_be_visible()
    await expect(visitor.message("Make a video of this?")).to_be_visible()
    [forward] = [m for m in chat_page.participants.private[ann].messages if m.forward_origin]
    assert forward.forward_origin is not None
    assert forward.forward_origin["sender_user"]["first_name"] == "Bob"


async def test_a_bot_that_left_a_group_is_brought_back_and_may_read_everything(
    visitor: Visitor, chat_page: ChatPage
) -> None:
    club = chat_page.participants.groups[0]
    await visitor.become("Operator")
    await visitor.message("Film club").get_by_role("button", name="Leave").click()
    await visitor.open_chat("Film club")
    add = visitor.page.locator("#start")
    # until then it could be taken back
    await expect(add).to_have_text("Add Film Maker")
    assert not club.has_bot
    await add.click()
    await expect(add).to_be_hidden()
    await visitor.say("/help")
    await expect(visitor.from_bot.last).to_contain_text("/video")
    await visitor.page.get_by_label("Privacy mode").uncheck()
    await visitor.page.get_by_label("Language").select_option("Deutsch")
    await visitor.say("lovely weather")
    said = visitor.message("lovely weather")
    await expect(said).to_be_visible()
    await expect(said).not_to_contain_text("not shown to the bot")
    assert chat_page.participants.operator.language == "de"
