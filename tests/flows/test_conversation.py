"""What people do in an unplanned order: words that are no order cost nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.flows.media_files import photo
from tests.flows.predicates import says, shows_video
from tests.flows.test_alone_with_the_bot import button_of, has_button
from tests.groups.actions import made, spent
from tests.handlers.shared import settled

if TYPE_CHECKING:
    from bot.app import Bot
    from sandbox.aimlapi import AimlApiSandbox
    from sandbox.telegram import Group, Person, PrivateChat, TelegramSandbox
    from tests.harness import Harness


async def open_cards(harness: Harness) -> int:
    """Return how many questions and cards wait."""
    async with harness.db.reading() as connection:
        return await connection.fetch_int("SELECT count(*) FROM cards WHERE state = 'open'")


async def test_of_two_bare_commands_one_question_is_left_and_thanks_is_no_answer(
    bot: Bot, harness: Harness, chat: PrivateChat, ann: Person, provider: AimlApiSandbox
) -> None:
    await chat.send(ann, "/video")
    first = await chat.wait(says("What should we see?"))
    await chat.send(ann, "/video")
    await chat.wait_gone(first)
    await chat.send(ann, "a cat")
    await chat.wait(shows_video("a cat"))
    await chat.send(ann, "thank you so much!")
    await chat.wait(says("You're welcome!"))
    await settled(harness)
    assert len(provider.submissions) == 1
    assert await spent(harness, ann) == 9


async def test_a_second_answer_is_an_idea_and_asked_about(
    bot: Bot, harness: Harness, chat: PrivateChat, ann: Person, provider: AimlApiSandbox
) -> None:
    await chat.send(ann, "/video")
    await chat.send(ann, "/video")
    await chat.send(ann, "a cat")
    await chat.wait(shows_video("a cat"))
    await chat.send(ann, "what a clever animal it is")
    await chat.wait(says("Make a video of this?"))
    await settled(harness)
    assert len(provider.submissions) == 1


@pytest.mark.parametrize("then", ["/video a dog", "/animate", "/quota", "/help", "/models",
                                  "/nonsense", "/cancel"])  # fmt: skip
@pytest.mark.parametrize("asked", ["/video", "/animate", "photo", "a boat"])
async def test_whatever_else_somebody_sends_closes_what_was_asked(
    bot: Bot, chat: PrivateChat, ann: Person, asked: str, then: str
) -> None:
    if asked == "photo":
        await chat.send_photo(ann, photo())
    else:
        await chat.send(ann, asked)
    question = await chat.wait(lambda message: bool(message.buttons))
    await chat.send(ann, then)
    await chat.wait_gone(question)


async def test_words_after_an_order_are_no_answer_to_the_question_before_it(
    bot: Bot, harness: Harness, chat: PrivateChat, ann: Person, provider: AimlApiSandbox
) -> None:
    await chat.send(ann, "/video")
    await chat.send(ann, "/video a cat")
    await chat.wait(shows_video("a cat"))
    for words in ("thanks", "that went well, I think"):
        await chat.send(ann, words)
    await chat.wait(says("“that went well, I think”"))
    await settled(harness)
    assert len(provider.submissions) == 1
    assert await spent(harness, ann) == 9


@pytest.mark.parametrize("between", ["/cancel", "/quota", "/help"])
async def test_hello_after_another_command_is_not_paid(
    bot: Bot,
    harness: Harness,
    chat: PrivateChat,
    ann: Person,
    provider: AimlApiSandbox,
    between: str,
) -> None:
    await chat.send(ann, "/video")
    await chat.send(ann, between)
    await chat.send(ann, "hello?")
    await chat.wait(says("Hello! Send me an idea or a photo"))
    await chat.send(ann, "is it you, my friend from the bakery")
    await chat.wait(says("Make a video of this?"))
    assert await spent(harness, ann) == 0
    assert provider.submissions == []


@pytest.mark.parametrize("asked", ["/video", "photo", "a boat"])
async def test_cancel_closes_what_was_asked_first_and_says_so(
    bot: Bot, harness: Harness, chat: PrivateChat, ann: Person, provider: AimlApiSandbox, asked: str
) -> None:
    provider.render_seconds = 30.0
    await chat.send(ann, "/video a cat")
    await provider.wait_for_submissions(1)
    if asked == "photo":
        await chat.send_photo(ann, photo())
    else:
        await chat.send(ann, asked)
    question = await chat.wait(lambda message: bool(message.buttons))
    await chat.send(ann, "/cancel")
    await chat.wait(says("All right, nothing was charged."))
    await chat.wait_gone(question)
    assert await open_cards(harness) == 0
    await chat.send(ann, "/cancel")
    await chat.wait(says("Too late to cancel it"))


async def test_each_question_has_a_button_that_cancels_it(
    bot: Bot, harness: Harness, chat: PrivateChat, ann: Person
) -> None:
    for command, words in (("/video", "What should we see?"), ("/animate", "Which photo?"),
                           ("/animate it rains", "And the photo?")):  # fmt: skip
        await chat.send(ann, command)
        question = await chat.wait(says(words))
        answer = await question.press("Cancel", by=ann)
        assert answer.text == "All right, nothing was charged."
        await chat.wait_gone(question)
    assert await open_cards(harness) == 0
    await chat.send(ann, "a ship in a bottle")
    await chat.wait(says("Make a video of this?"))


async def test_a_question_in_a_group_opens_the_answer_to_it(
    bot: Bot, club: Group, ann: Person
) -> None:
    await club.send(ann, "/video")
    question = await club.wait(says("What should we see?"))
    assert question.force_reply is not None
    assert question.force_reply["input_field_placeholder"] == "a cat on a sailing boat"


async def test_thanks_for_another_video_animate_no_photo_that_waited(
    bot: Bot, harness: Harness, chat: PrivateChat, ann: Person, provider: AimlApiSandbox
) -> None:
    await chat.send_photo(ann, photo())
    card = await chat.wait(says("What should happen?"))
    await chat.send(ann, "/video a dog")
    await chat.wait(shows_video("a dog"))
    await chat.wait_gone(card)
    await chat.send(ann, "thanks!")
    await chat.wait(says("You're welcome!"))
    await settled(harness)
    assert [one.model for one in provider.submissions] == ["openai/sora-2-t2v"]


@pytest.mark.parametrize(
    "words",
    ["never mind", "no thanks", "Stop it please", "отмена", "iptal", "لا شكرا", "取消"],
)
async def test_no_to_a_photos_question_costs_nothing_and_closes_it(
    bot: Bot, harness: Harness, chat: PrivateChat, ann: Person, provider: AimlApiSandbox, words: str
) -> None:
    await chat.send_photo(ann, photo())
    card = await chat.wait(says("What should happen?"))
    await chat.send(ann, words)
    await chat.wait(says("All right, nothing was charged."))
    await chat.wait_gone(card)
    assert await open_cards(harness) == 0
    assert provider.submissions == []


@pytest.mark.parametrize("words", ["?", "...", "спасибо!", "नमस्ते", "ok", "🥲", "🐱🚀", "!!!"])
async def test_what_says_nothing_is_no_answer_to_a_photos_question(
    bot: Bot, harness: Harness, chat: PrivateChat, ann: Person, provider: AimlApiSandbox, words: str
) -> None:
    await chat.send_photo(ann, photo())
    card = await chat.wait(says("What should happen?"))
    await chat.send(ann, words)
    await chat.wait_gone(card)
    await chat.send(ann, "/quota")
    await chat.wait(says("You have 54 credits"))
    assert provider.submissions == []
    assert await spent(harness, ann) == 0


async def test_a_photo_takes_the_very_next_message_and_no_later_one(
    bot: Bot, harness: Harness, chat: PrivateChat, ann: Person, provider: AimlApiSandbox
) -> None:
    await chat.send_photo(ann, photo())
    await chat.wait(says("What should happen?"))
    await chat.send(ann, "hi")
    await chat.send(ann, "the waves roll in")
    card = await chat.wait(says("“the waves roll in”"))
    assert await spent(harness, ann) == 0
    await card.press(button_of(card, "🎬"), by=ann)
    await chat.wait(shows_video("the waves roll in"))
    assert [one.model for one in provider.submissions] == ["openai/sora-2-t2v"]


async def test_praise_leaves_a_card_to_be_tapped(
    bot: Bot, chat: PrivateChat, ann: Person, provider: AimlApiSandbox
) -> None:
    sent = await chat.send_photo(ann, photo())
    first = await chat.wait(says("What should happen?"))
    await chat.send(ann, "oh nice, ok")
    await chat.wait_gone(first)
    card = await chat.wait(says("What should happen?", to=sent.message_id))
    assert provider.submissions == []
    await card.press(button_of(card, "Gentle movement"), by=ann)
    await chat.wait(shows_video(to=sent.message_id))


async def test_a_caption_that_is_small_talk_says_nothing_of_what_should_happen(
    bot: Bot, harness: Harness, chat: PrivateChat, ann: Person
) -> None:
    await chat.send_photo(ann, photo(), caption="hi there!")
    await chat.wait(says("What should happen?"))
    assert await spent(harness, ann) == 0


async def test_what_is_surely_no_idea_is_asked_about_after_a_command(
    bot: Bot, harness: Harness, chat: PrivateChat, ann: Person
) -> None:
    for words in (
        "no, stop", "thanks!", "how does this work?", "\u8fd9\u662f\u4ec0\u4e48\uff1f",
        "1", "\u3164", "/help", "settings", "[PROMPT]", "https://example.com/cat",
        "how does this work", "where is my video", "как сделать видео", "#sunset #beach",
        "IMG_2026.jpg", "@bob look at this", "look: https://example.com/cat", "i don't know",
        "tack s\u00e5 mycket",
    ):  # fmt: skip
        for options in ("", "--seconds 8 "):
            asked = await chat.send(ann, f"/video {options}{words}")
            await chat.wait(says("Make a video of this?", to=asked.message_id))
    assert await spent(harness, ann) == 0


async def test_a_number_alone_is_no_idea(
    harness: Harness, chat: PrivateChat, ann: Person, provider: AimlApiSandbox
) -> None:
    async with harness.running(admin_ids=frozenset({ann.id})):
        await chat.send(ann, "/people")
        shown = await chat.wait(says("1. @ann"))
        await shown.press("1 · Grant", by=ann)
        asked = await chat.wait(says("How many credits for"))
        for number in ("100", "+ 2 500", "\u0665\u0660"):
            await chat.send(ann, number)
        await chat.send(ann, "100", reply_to=asked)
        await chat.send(ann, "/quota")
        await chat.wait(says("You have 54 credits"))
        assert not [one for one in chat.from_bot if "Make a video" in (one.text or "")]
        idea = await chat.send(ann, "1 cat")
        await chat.wait(says("Make a video of this?", to=idea.message_id))
        await chat.send(ann, "/video")
        await chat.wait(says("What should we see?"))
        year = await chat.send(ann, "1984")
        await chat.wait(says("Make a video of this?", to=year.message_id))
    assert provider.submissions == []


async def test_what_another_bot_wrote_for_somebody_is_asked_about(
    bot: Bot,
    harness: Harness,
    telegram: TelegramSandbox,
    chat: PrivateChat,
    club: Group,
    ann: Person,
) -> None:
    other = telegram.person("Other bot", username="other_bot")
    for place in (chat, club):
        asked = await place.send(ann, "/video a card of the other bot", via_bot=other)
        await place.wait(says("Make a video of this?", to=asked.message_id))
    await chat.send(ann, "/video")
    await chat.wait(says("What should we see?"))
    asked = await chat.send(ann, "Sunny, 20 degrees", via_bot=other)
    await chat.wait(says("Make a video of this?", to=asked.message_id))
    assert await spent(harness, ann) == 0


async def test_the_bots_name_in_the_midst_of_a_sentence_below_a_photo_costs_nothing_unasked(
    bot: Bot, harness: Harness, telegram: TelegramSandbox, club: Group, ann: Person
) -> None:
    telegram.privacy_mode(on=False)
    name, sent = telegram.bot.username, await club.send_photo(ann, photo())
    asked = await club.send(ann, f"who invited @{name} here", reply_to=sent)
    await club.wait(says("Make a video of this?", to=asked.message_id))
    assert await spent(harness, ann) == 0
    await club.send(ann, f"she winks @{name}", reply_to=sent)
    await club.wait(shows_video("she winks"))


async def test_small_talk_in_a_group_is_met_with_silence(
    bot: Bot, harness: Harness, telegram: TelegramSandbox, club: Group, ann: Person
) -> None:
    telegram.privacy_mode(on=False)
    await club.send(ann, "/video")
    question = await club.wait(says("What should we see?"))
    await club.send(ann, "never mind", reply_to=question)
    await club.wait_gone(question)
    await club.send(ann, f"@{telegram.bot.username} thanks!")
    await club.send(ann, "/help")
    await club.wait(says("/video"))
    assert len(club.from_bot) == 1
    assert await spent(harness, ann) == 0


async def test_an_order_by_a_button_closes_a_question(
    bot: Bot, harness: Harness, chat: PrivateChat, ann: Person, provider: AimlApiSandbox
) -> None:
    await chat.send(ann, "/video a cat")
    video = await chat.wait(shows_video("a cat"))
    await settled(harness)
    await chat.send(ann, "/video")
    question = await chat.wait(says("What should we see?"))
    await video.press(button_of(video, "🔁"), by=ann)
    await chat.wait_gone(question)
    await provider.wait_for_submissions(2)
    await chat.send(ann, "it stays with one answer")
    await chat.wait(says("Make a video of this?"))
    assert await spent(harness, ann) == 18


async def test_each_person_of_a_group_has_a_question_of_their_own(
    bot: Bot, club: Group, ann: Person, bob: Person
) -> None:
    await club.send(ann, "/video")
    hers = await club.wait(says("What should we see?"))
    await club.send(bob, "/video a train")
    await club.wait(shows_video("a train"))
    assert not hers.deleted
    await club.send(ann, "a fox", reply_to=hers)
    await club.wait(shows_video("a fox"))


async def test_an_answer_that_cannot_be_had_may_be_given_anew_in_a_group(
    bot: Bot, club: Group, ann: Person
) -> None:
    await club.send(ann, "/video")
    question = await club.wait(says("What should we see?"))
    await club.send(ann, "a fox --seconds 5", reply_to=question)
    refusal = await club.wait(says("4, 8, 12"))
    assert has_button(refusal, "4 seconds")
    await club.send(ann, "a fox in the snow", reply_to=refusal)
    await club.wait(shows_video("a fox in the snow"))


@pytest.mark.parametrize("asked", ["/video", "/animate"])
async def test_an_answer_that_is_handled_once_more_is_still_the_answer(
    bot: Bot,
    harness: Harness,
    telegram: TelegramSandbox,
    chat: PrivateChat,
    ann: Person,
    asked: str,
) -> None:
    await chat.send(ann, asked)
    await chat.wait(lambda message: bool(message.buttons))
    answer = await chat.send_photo(ann, photo(), caption="waves roll in")
    await chat.wait(shows_video("waves roll in"))
    # as after a crash between the answer to it and the end of its handling
    telegram.world.updates.push("message", answer.as_json())
    await chat.send(ann, "/quota")
    await chat.wait(says("You have 45 credits"))
    assert not [one for one in chat.from_bot if "Make a video" in (one.text or "")]
    assert await spent(harness, ann) == 9
    assert len(harness.provider.submissions) == 1


async def test_an_answer_whose_handling_ended_before_its_order_is_taken_the_next_time(
    bot: Bot, harness: Harness, telegram: TelegramSandbox, chat: PrivateChat, ann: Person
) -> None:
    await chat.send(ann, "/video")
    await chat.wait(says("What should we see?"))
    answer = await chat.send(ann, "a fox in the snow")
    await chat.wait(shows_video("a fox in the snow"))
    await settled(harness)
    async with harness.db.transaction() as tx:
        # what had not been written yet: the question was closed, the order not accepted
        await tx.execute("UPDATE generations SET cause = 'another'")
    telegram.world.updates.push("message", answer.as_json())
    await harness.provider.wait_for_submissions(2)
    assert [one.body["prompt"] for one in harness.provider.submissions] == ["a fox in the snow"] * 2


SENTENCE = "The lighthouse keeper climbs and looks at the sea. "


@pytest.mark.parametrize("first", ["", "/video ", "photo", "question"])
async def test_a_text_that_a_client_cut_in_two_is_one_idea_on_a_card(
    bot: Bot, harness: Harness, chat: PrivateChat, ann: Person, provider: AimlApiSandbox, first: str
) -> None:
    whole = (SENTENCE * 100).strip()
    command = first if first.startswith("/") else ""
    at = whole.rindex(" ", 0, 4096 - len(command))
    if first == "photo":
        await chat.send_photo(ann, photo())
        await chat.wait(says("What should happen?"))
    if first == "question":
        await chat.send(ann, "/video")
        await chat.wait(says("What should we see?"))
    await chat.send(ann, command + whole[:at])
    await chat.send(ann, whole[at:].strip())
    await chat.send(ann, "/quota")
    await chat.wait(says("You have 54 credits"))
    assert provider.submissions == []
    async with harness.db.reading() as connection:
        row = await connection.fetch_one("SELECT prompt, kind FROM cards ORDER BY id DESC")
    assert row is not None
    assert row["prompt"] == whole
    assert row["kind"] == ("picture" if first == "photo" else "prompt")


async def test_a_cut_within_a_word_is_mended(
    bot: Bot, harness: Harness, chat: PrivateChat, ann: Person
) -> None:
    whole = "lighthouse" * 500
    await chat.send(ann, whole[:4096])
    await chat.send(ann, whole[4096:])
    card = await chat.wait(lambda message: bool(message.buttons) and not message.deleted)
    await chat.send(ann, "ok")
    await chat.wait_gone(card)
    async with harness.db.reading() as connection:
        assert await connection.fetch_int("SELECT count(*) FROM cards WHERE prompt = ?", (whole,))


async def test_a_new_idea_right_after_a_long_one_is_an_idea_of_its_own(
    bot: Bot, chat: PrivateChat, ann: Person
) -> None:
    await chat.send(ann, (SENTENCE * 60).strip())
    await chat.wait(says("Make a video of this?"))
    await chat.send(ann, "a windmill")
    await chat.wait(says("“a windmill”"))


async def test_an_answer_right_after_a_long_text_is_about_what_it_answers(
    bot: Bot, harness: Harness, chat: PrivateChat, ann: Person
) -> None:
    video = await made(harness, chat, ann, "a windmill")
    await chat.send(ann, (SENTENCE * 80).strip())
    await chat.wait(says("Make a video of this?"))
    await chat.send(ann, "make it night", reply_to=video)
    await chat.wait(says("“a windmill. Make it night”"))


async def test_a_question_that_is_asked_anew_has_its_cancel_button(
    bot: Bot, harness: Harness, chat: PrivateChat, ann: Person
) -> None:
    for question in ("/video", "photo"):
        if question == "photo":
            await chat.send_photo(ann, photo())
            await chat.wait(says("What should happen?"))
        else:
            await chat.send(ann, question)
            await chat.wait(says("What should we see?"))
        await chat.send(ann, "a fox --seconds 5")
        refusal = await chat.wait(says("4, 8, 12"))
        assert (await refusal.press("Cancel", by=ann)).text == "All right, nothing was charged."
        await chat.wait_gone(refusal)
        await chat.send(ann, "what a lovely evening we had")
        card = await chat.wait(says("“what a lovely evening we had”"))
        await card.press("No", by=ann)
        await chat.wait_gone(card)
    assert await spent(harness, ann) == 0
