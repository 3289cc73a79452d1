"""A visitor's way through the page, in a real browser, with the real bot behind it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from playwright.async_api import expect

if TYPE_CHECKING:
    from sandbox.aimlapi import AimlApiSandbox
    from tests.demo.browser import Visitor


async def test_a_prompt_becomes_a_status_and_then_a_video_that_plays(visitor: Visitor) -> None:
    await visitor.start()
    await visitor.say("/video a red kite over a beach")
    await expect(visitor.message("Expected in")).to_be_visible()
    await expect(visitor.videos).to_have_count(1)
    await expect(visitor.message("Expected in")).to_have_count(0)
    assert await visitor.play(visitor.videos) == {
        "ready": 4,
        "seconds": 4,
        "width": 1280,
        "height": 720,
    }
    plays = "v => !v.paused && v.muted && v.loop"
    assert await visitor.videos.evaluate(plays), "a video plays by itself, as in Telegram"
    await visitor.page.get_by_role("button", name="Watch it with sound").last.click()
    large = visitor.page.get_by_role("dialog").locator("video")
    assert await large.evaluate("v => v.controls && !v.muted")
    await visitor.page.keyboard.press("Escape")
    await expect(large).to_have_count(0)


async def test_a_photo_comes_alive_when_it_is_answered_with_animate(
    visitor: Visitor, provider: AimlApiSandbox
) -> None:
    await visitor.open_chat("Film club")
    await visitor.attach_ready("A lake at dusk")
    await visitor.page.get_by_role("button", name="Send", exact=True).click()
    photo = visitor.log.locator(".message").filter(has=visitor.page.locator("img"))
    await expect(photo).to_be_visible()
    await visitor.answer(photo)
    await visitor.say("/animate mist drifts over the water")
    await expect(visitor.videos).to_have_count(1)
    assert (await visitor.play(visitor.videos))["seconds"] == 4
    assert provider.submissions[0].body["image_url"]["media_type"] == "image/jpeg"


async def test_buttons_are_pressed_and_monospaced_words_copied(visitor: Visitor) -> None:
    await visitor.start()
    await visitor.say(f"an otter on roller skates {'and on and on ' * 20}--model veo-3.1")
    card = visitor.message("Make a video of this?").last
    await visitor.answer(card)
    await visitor.say("at night, no sound")
    await expect(card).to_contain_text("no sound")
    await card.get_by_role("button", name="Copy the words").click()
    await visitor.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await visitor.log.get_by_role("button", name="At night, no sound").click()
    await expect(visitor.page.get_by_text("Copied.")).to_be_visible()
    copied = await visitor.page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("an otter on roller skates and on")
    assert copied.endswith("At night, no sound")
    await card.locator(".key").first.click()
    await expect(visitor.videos).to_have_count(1)


async def test_bob_asks_in_the_group_and_is_answered_there(visitor: Visitor) -> None:
    await visitor.open_chat("Film club")
    await visitor.become("Bob")
    await visitor.say("/video a lighthouse in a storm")
    await expect(visitor.videos).to_have_count(1)
    answer = visitor.from_bot.filter(has=visitor.page.locator("video"))
    await expect(answer.locator("[data-part=quote]")).to_contain_text("Bob")
    await visitor.become("Ann")
    await expect(visitor.videos).to_have_count(1)


async def test_a_video_is_shared_into_a_group(visitor: Visitor) -> None:
    await visitor.start()
    await visitor.say("/video a lighthouse in a storm")
    await expect(visitor.videos).to_have_count(1)
    await visitor.log.get_by_role("button", name="Share").click()
    await expect(visitor.page.get_by_text("Choose a chat to share it in")).to_be_visible()
    await visitor.open_chat("Film club")
    await expect(visitor.page.get_by_text("Choose a chat to share it in")).to_be_hidden()
    await visitor.page.get_by_role("option", name="a lighthouse in a storm").click()
    await expect(visitor.videos).to_have_count(1)
    await expect(visitor.log).to_contain_text("via @film_maker_bot")


async def test_a_refusal_by_moderation_gives_the_credits_back(
    visitor: Visitor, provider: AimlApiSandbox
) -> None:
    await visitor.start()
    await visitor.say("/quota")
    quota = visitor.message("Your free allowance renews")
    await expect(quota).to_contain_text("You have 54 credits")
    await visitor.page.get_by_label("Moderation refuses it").check()
    await visitor.say("/video something unkind")
    await expect(visitor.message("refused this one")).to_contain_text("credits are back")
    await expect(visitor.page.get_by_label("It works")).to_be_checked()
    await expect(visitor.page.locator("#requests")).to_contain_text("refused by moderation")
    await visitor.say("/quota")
    await expect(quota).to_have_count(2)
    await expect(quota.last).to_contain_text("You have 54 credits")
    assert [sent.status for sent in provider.submissions] == [200]
    assert provider.spent_usd == 0


async def test_a_reload_finds_the_conversation_again(visitor: Visitor) -> None:
    await visitor.open_chat("Film club")
    await visitor.become("Bob")
    await visitor.say("/video waves at night")
    await expect(visitor.videos).to_have_count(1)
    before = await visitor.log.locator(".bubble").all_inner_texts()
    await visitor.page.reload()
    await visitor.settled()
    await expect(visitor.page.locator("#title")).to_have_text("Film club")
    await expect(visitor.page.get_by_role("radio", name="Bob")).to_be_checked()
    await expect(visitor.videos).to_have_count(1)
    assert await visitor.log.locator(".bubble").all_inner_texts() == before


async def test_the_bot_is_seen_to_arrive_in_a_group(visitor: Visitor) -> None:
    await visitor.open_chat("Film club")
    await expect(visitor.message("Ann added Film Maker")).to_be_visible()
    await expect(visitor.from_bot).to_have_count(1)
    await expect(visitor.from_bot).to_contain_text("/video")
    await visitor.become("Operator")
    await visitor.open_chat("Film Maker")
    await expect(visitor.message("Film club")).to_contain_text("added me")


async def test_an_invoice_is_paid_with_a_button_and_the_receipt_comes(visitor: Visitor) -> None:
    await visitor.start()
    await visitor.say("/buy")
    await visitor.log.get_by_role("button", name=re.compile("^50 credits")).click()
    await visitor.log.get_by_role("button", name="Pay 600 ⭐").click()
    await expect(visitor.message("Ann paid 600 ⭐")).to_be_visible()
    await expect(visitor.message("Thank you! You bought 50 credits")).to_be_visible()
