"""Edited messages: a card follows what its message says now, and an edit orders nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.flows.media_files import photo
from tests.flows.predicates import says, shows_video
from tests.flows.test_alone_with_the_bot import button_of, has_button
from tests.groups.actions import spent
from tests.handlers.shared import settled

if TYPE_CHECKING:
    from bot.app import Bot
    from sandbox.aimlapi import AimlApiSandbox
    from sandbox.telegram import Group, Person, PrivateChat, TelegramSandbox
    from tests.harness import Harness


async def test_a_card_follows_the_edit_of_its_message(
    bot: Bot, harness: Harness, chat: PrivateChat, ann: Person, provider: AimlApiSandbox
) -> None:
    asked = await chat.send(ann, "a lighthuose")
    card = await chat.wait(says("“a lighthuose”"))
    await chat.edit(asked, "a lighthouse --seconds 8 --vertical")
    same = await chat.wait(says("“a lighthouse”"))
    assert same is card
    assert "8 seconds · 9:16" in (card.text or "")
    assert await spent(harness, ann) == 0
    await card.press("🎬 Make it · 17", by=ann)
    await chat.wait(shows_video("a lighthouse"))
    assert [one.body["prompt"] for one in provider.submissions] == ["a lighthouse"]


async def test_an_edit_after_the_order_does_nothing(
    bot: Bot, harness: Harness, chat: PrivateChat, ann: Person, provider: AimlApiSandbox
) -> None:
    asked = await chat.send(ann, "a lighthouse")
    card = await chat.wait(says("“a lighthouse”"))
    await card.press(button_of(card, "🎬"), by=ann)
    direct = await chat.send(ann, "/video a windmill")
    await provider.wait_for_submissions(2)
    await chat.edit(asked, "a tower")
    await chat.edit(direct, "/video a mill")
    await chat.wait(shows_video("a windmill"))
    await settled(harness)
    await chat.send(ann, "/quota")
    await chat.wait(says("You have 36 credits"))
    assert sorted(str(one.body["prompt"]) for one in provider.submissions) == [
        "a lighthouse",
        "a windmill",
    ]
    assert not [one for one in chat.from_bot if "Make a video" in (one.text or "")]


@pytest.mark.parametrize("text", ["no", "thanks!", "/help", "/quota", "/video@another_bot a cat"])
async def test_the_card_of_what_is_edited_to_no_order_goes(
    bot: Bot, harness: Harness, chat: PrivateChat, ann: Person, text: str
) -> None:
    asked = await chat.send(ann, "a lighthouse")
    card = await chat.wait(says("“a lighthouse”"))
    await chat.edit(asked, text)
    await chat.wait_gone(card)
    assert len(chat.from_bot) == 0, "an edit is not answered"
    async with harness.db.reading() as connection:
        waits = "SELECT count(*) FROM cards WHERE state = 'open'"
        assert await connection.fetch_int(waits) == 0


async def test_an_edit_that_cannot_be_had_is_said_in_the_cards_place_and_may_be_mended(
    bot: Bot, harness: Harness, chat: PrivateChat, ann: Person
) -> None:
    asked = await chat.send(ann, "a lighthouse")
    card = await chat.wait(says("“a lighthouse”"))
    await chat.edit(asked, "a lighthouse --seconds 5")
    assert await chat.wait(says("4, 8, 12")) is card
    assert has_button(card, "4 seconds · 9")
    await chat.edit(asked, "a lighthouse --sideways")
    assert await chat.wait(says("I don't know --sideways")) is card
    assert not card.buttons
    await chat.edit(asked, "a lighthouse --square --model kling-3")
    assert await chat.wait(says("1:1")) is card
    assert await spent(harness, ann) == 0


async def test_a_refused_command_may_be_edited_until_it_can_be_had(
    bot: Bot, harness: Harness, chat: PrivateChat, ann: Person
) -> None:
    asked = await chat.send(ann, "/video a tower --secnds 8")
    refusal = await chat.wait(says("I don't know --secnds"))
    await chat.edit(asked, "/video a tower --seconds 8")
    card = await chat.wait(says("“a tower”"))
    assert card is refusal
    assert await spent(harness, ann) == 0
    await card.press("🎬 Make it · 17", by=ann)
    await chat.wait(shows_video("a tower"))


async def test_words_added_to_a_photo_are_on_its_card_and_taken_away_again(
    bot: Bot, chat: PrivateChat, ann: Person, provider: AimlApiSandbox
) -> None:
    sent = await chat.send_photo(ann, photo(1280, 720))
    card = await chat.wait(says("What should happen?"))
    await chat.edit(sent, "it rains")
    assert await chat.wait(says("“it rains”")) is card
    await chat.edit(sent, "")
    assert await chat.wait(says("What should happen?")) is card
    await chat.send(ann, "it snows")
    await chat.wait(shows_video("it snows"))
    assert [one.model for one in provider.submissions] == ["openai/sora-2-i2v"]


@pytest.mark.parametrize("edits", [False, True])
async def test_words_right_after_a_photo_leave_it_on_the_card_that_it_joined(
    bot: Bot,
    harness: Harness,
    chat: PrivateChat,
    ann: Person,
    provider: AimlApiSandbox,
    *,
    edits: bool,
) -> None:
    asked = await chat.send(ann, "a lighthouse")
    await chat.wait(says("“a lighthouse”"))
    if edits:
        await chat.edit(asked, "a tower")
        await chat.wait(says("“a tower”"))
    idea = "a tower" if edits else "a lighthouse"
    sent = await chat.send_photo(ann, photo(1280, 720))
    await chat.wait(says(f"“{idea}”", to=sent.message_id))
    more = await chat.send(ann, "in the evening")
    card = await chat.wait(says(f"“{idea}. In the evening”"))
    await chat.edit(more, "at night")
    assert await chat.wait(says(f"“{idea}. At night”")) is card
    assert await spent(harness, ann) == 0
    await card.press(button_of(card, "🎬"), by=ann)
    await chat.wait(shows_video(f"{idea}. At night"))
    assert [one.model for one in provider.submissions] == ["openai/sora-2-i2v"]


async def test_a_bare_command_is_edited_to_an_order_and_back(
    bot: Bot, harness: Harness, chat: PrivateChat, ann: Person
) -> None:
    asked = await chat.send(ann, "/video")
    question = await chat.wait(says("What should we see?"))
    await chat.edit(asked, "/video a cat")
    assert await chat.wait(says("“a cat”")) is question
    assert await spent(harness, ann) == 0
    await chat.edit(asked, "/video")
    assert await chat.wait(says("What should we see?")) is question
    await chat.send(ann, "a fox")
    await chat.wait(shows_video("a fox"))
    assert await spent(harness, ann) == 9


async def test_an_edited_answer_keeps_the_photo_it_is_about(
    bot: Bot, harness: Harness, chat: PrivateChat, ann: Person, provider: AimlApiSandbox
) -> None:
    sent = await chat.send_photo(ann, photo(1280, 720))
    await chat.wait(says("What should happen?"))
    answer = await chat.send(ann, "she winks --seconds 5")
    await chat.wait(says("4, 8, 12"))
    await chat.edit(answer, "she winks --seconds 4")
    card = await chat.wait(says("“she winks”"))
    assert await spent(harness, ann) == 0
    # the edit answered the question: nothing waits for words any more
    await chat.send(ann, "that would be very nice")
    await chat.wait(says("“that would be very nice”"))
    assert await spent(harness, ann) == 0
    await card.press(button_of(card, "🎬"), by=ann)
    await chat.wait(shows_video("she winks", to=sent.message_id))
    assert [one.model for one in provider.submissions] == ["openai/sora-2-i2v"]


async def test_an_edit_in_a_group_changes_the_card_of_a_dear_order(
    bot: Bot, harness: Harness, club: Group, ann: Person, bob: Person
) -> None:
    asked = await club.send(ann, "/video a tower --pro --res 1080p --seconds 8")
    card = await club.wait(says("42 credits"))
    await club.edit(asked, "/video a tower --seconds 8")
    assert await club.wait(says("17 credits")) is card
    assert "somebody else" in ((await card.press(button_of(card, "🎬"), by=bob)).text or "")
    assert await spent(harness, ann) == await spent(harness, bob) == 0


async def test_a_question_in_a_group_that_no_edit_can_change_is_asked_anew(
    bot: Bot, club: Group, ann: Person
) -> None:
    asked = await club.send(ann, "/video")
    question = await club.wait(says("What should we see?"))
    await club.edit(asked, "/video a cat")
    card = await club.wait(says("“a cat”"))
    await club.wait_gone(question)
    await card.press(button_of(card, "🎬"), by=ann)
    await club.wait(shows_video("a cat"))


async def test_an_edit_beside_an_album_leaves_its_words(
    bot: Bot, harness: Harness, chat: PrivateChat, ann: Person
) -> None:
    first = await chat.send_photo(ann, photo(900, 700), caption="waves", album="a")
    second = await chat.send_photo(ann, photo(901, 700), album="a")
    card = await chat.wait(says("“waves”"))
    await chat.edit(second, "")
    await chat.edit(first, "wild waves")
    assert await chat.wait(says("“wild waves”")) is card
    assert await spent(harness, ann) == 0


async def test_a_stranger_edit_writes_nobody_down(
    bot: Bot, harness: Harness, telegram: TelegramSandbox, club: Group, bob: Person
) -> None:
    telegram.privacy_mode(on=False)
    said = await club.send(bob, "hello all")
    await club.edit(said, "/video a cat")
    await club.send(bob, "/help")
    await club.wait(says("/video"))
    assert len(club.from_bot) == 1
    assert await spent(harness, bob) == 0


async def test_a_card_that_shows_a_cut_follows_as_well(
    bot: Bot, harness: Harness, chat: PrivateChat, ann: Person
) -> None:
    sent = await chat.send_photo(ann, photo(1200, 900), caption="it rains")
    card = await chat.wait(lambda message: "it rains" in (message.caption or ""))
    await chat.edit(sent, "it snows")
    follows = await chat.wait(
        lambda message: "“it snows”" in (message.caption or message.text or "")
    )
    assert follows is card or card.deleted
    assert await spent(harness, ann) == 0
    await follows.press(button_of(follows, "Whole picture"), by=ann)
    await chat.wait(shows_video("it snows"))
