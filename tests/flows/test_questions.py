"""Questions the bot asks and what people answer: the words and the picture that were meant."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.flows.media_files import photo
from tests.flows.predicates import says, shows_video
from tests.flows.test_alone_with_the_bot import button_of
from tests.groups.actions import spent
from tests.handlers.shared import settled
from tests.sandbox.telegram.clips import clip

if TYPE_CHECKING:
    from bot.app import Bot
    from sandbox.aimlapi import AimlApiSandbox
    from sandbox.telegram import Group, Person, PrivateChat, TelegramSandbox
    from tests.harness import Harness


async def test_of_two_photos_without_words_the_second_is_asked_about(
    bot: Bot, harness: Harness, chat: PrivateChat, ann: Person, provider: AimlApiSandbox
) -> None:
    first = await chat.send_photo(ann, photo(800, 450))
    card = await chat.wait(says("What should happen?", to=first.message_id))
    second = await chat.send_photo(ann, photo(900, 506))
    await chat.wait(says("What should happen?", to=second.message_id))
    await chat.wait_gone(card)
    assert provider.submissions == []
    assert await spent(harness, ann) == 0


async def test_words_after_two_photos_belong_to_the_second(
    bot: Bot, harness: Harness, chat: PrivateChat, ann: Person
) -> None:
    await chat.send_photo(ann, photo(800, 450))
    second = await chat.send_photo(ann, photo(900, 506))
    await chat.wait(says("What should happen?", to=second.message_id))
    await chat.send(ann, "waves roll in")
    await chat.wait(shows_video("waves roll in", to=second.message_id))


async def test_a_photo_with_words_closes_the_question_about_one_without(
    bot: Bot, chat: PrivateChat, ann: Person
) -> None:
    first = await chat.send_photo(ann, photo(800, 450))
    card = await chat.wait(says("What should happen?", to=first.message_id))
    second = await chat.send_photo(ann, photo(900, 506), caption="waves roll in")
    await chat.wait(shows_video("waves roll in", to=second.message_id))
    await chat.wait_gone(card)


@pytest.mark.parametrize("caption", ["/help", "/quota", "/video@another_bot a cat", "/nonsense 5"])
async def test_another_command_below_a_photo_costs_nothing(
    bot: Bot, harness: Harness, chat: PrivateChat, ann: Person, caption: str
) -> None:
    await chat.send_photo(ann, photo(), caption=caption)
    await chat.wait(says("In the caption of a photo I know only /animate and /video."))
    assert await spent(harness, ann) == 0


@pytest.mark.parametrize("question", ["/video", "photo"])
async def test_a_dear_answer_is_asked_about_with_its_words(
    bot: Bot,
    harness: Harness,
    chat: PrivateChat,
    ann: Person,
    provider: AimlApiSandbox,
    question: str,
) -> None:
    if question == "photo":
        await chat.send_photo(ann, photo())
        asked = await chat.wait(says("What should happen?"))
    else:
        await chat.send(ann, question)
        asked = await chat.wait(says("What should we see?"))
    await chat.send(ann, "she dances --model sora-2-pro --seconds 12")
    card = await chat.wait(says("“she dances”"))
    assert "38 of your 54" in (card.text or "")
    await chat.wait_gone(asked)
    assert await spent(harness, ann) == 0
    await card.press(button_of(card, "🎬"), by=ann)
    await chat.wait(shows_video("she dances"))
    assert provider.submissions[0].model.startswith("openai/sora-2-pro")


async def test_what_is_tapped_after_an_answer_that_cannot_be_had_keeps_its_words(
    bot: Bot, harness: Harness, chat: PrivateChat, ann: Person, provider: AimlApiSandbox
) -> None:
    sent = await chat.send_photo(ann, photo())
    card = await chat.wait(says("What should happen?"))
    await chat.send(ann, "she winks --seconds 5")
    offer = await chat.wait(says("4, 8, 12"))
    await offer.press("4 seconds", by=ann)
    await chat.wait(shows_video("she winks"))
    await chat.wait_gone(card)
    await settled(harness)
    assert provider.submissions[0].model == "openai/sora-2-i2v"
    assert await spent(harness, ann) == 9
    # nothing waits for words any more
    await chat.send(ann, "she laughs")
    await chat.wait(says("Make a video of this?"))
    assert sent.message_id


async def test_an_answer_that_cannot_be_had_may_be_given_anew(
    bot: Bot, chat: PrivateChat, ann: Person, provider: AimlApiSandbox
) -> None:
    await chat.send_photo(ann, photo())
    await chat.wait(says("What should happen?"))
    await chat.send(ann, "she winks --seconds 5")
    await chat.wait(says("4, 8, 12"))
    await chat.send(ann, "she winks")
    await chat.wait(shows_video("she winks"))
    assert provider.submissions[0].model == "openai/sora-2-i2v"


async def test_words_before_their_photo_are_kept(
    bot: Bot, chat: PrivateChat, ann: Person, provider: AimlApiSandbox
) -> None:
    await chat.send(ann, "/animate she winks")
    question = await chat.wait(says("And the photo?"))
    await chat.send_photo(ann, photo(), reply_to=question)
    await chat.wait(shows_video("she winks"))
    assert provider.submissions[0].model == "openai/sora-2-i2v"


async def test_animate_without_a_reply_takes_the_photo_that_waits(
    bot: Bot, chat: PrivateChat, ann: Person
) -> None:
    sent = await chat.send_photo(ann, photo())
    await chat.wait(says("What should happen?"))
    await chat.send(ann, "/animate she winks")
    await chat.wait(shows_video("she winks", to=sent.message_id))


async def test_words_for_which_photo_make_no_video_of_words(
    bot: Bot, harness: Harness, club: Group, ann: Person, provider: AimlApiSandbox
) -> None:
    await club.send(ann, "/animate")
    question = await club.wait(says("Which photo?"))
    await club.send(ann, "the waves roll in", reply_to=question)
    asked_again = await club.wait(says("And the photo?"))
    assert await spent(harness, ann) == 0
    await club.send_photo(ann, photo(), reply_to=asked_again)
    await club.wait(shows_video("the waves roll in"))
    assert [one.model for one in provider.submissions] == ["openai/sora-2-i2v"]


async def test_a_video_answers_which_photo_in_a_group(
    bot: Bot, club: Group, ann: Person, provider: AimlApiSandbox
) -> None:
    await club.send(ann, "/animate it rains")
    question = await club.wait(says("And the photo?"))
    await club.send_video(ann, clip(width=320, height=180), reply_to=question)
    await club.wait(shows_video("it rains"))
    assert [one.model for one in provider.submissions] == ["openai/sora-2-i2v"]


async def test_somebody_elses_answer_is_talk(
    bot: Bot, harness: Harness, club: Group, ann: Person, bob: Person
) -> None:
    await club.send(ann, "/video")
    question = await club.wait(says("What should we see?"))
    await club.send(bob, "hm, a horse?", reply_to=question)
    await club.send(ann, "a fox", reply_to=question)
    await club.wait(shows_video("a fox"))
    assert await spent(harness, bob) == 0


async def test_words_that_answer_ones_own_photo_belong_to_it(
    bot: Bot, chat: PrivateChat, ann: Person
) -> None:
    sent = await chat.send_photo(ann, photo())
    await chat.wait(says("What should happen?"))
    await chat.send(ann, "she winks", reply_to=sent)
    await chat.wait(shows_video("she winks", to=sent.message_id))


async def test_words_that_answer_an_old_photo_are_a_card_for_it(
    bot: Bot, chat: PrivateChat, ann: Person, provider: AimlApiSandbox
) -> None:
    sent = await chat.send_photo(ann, photo(), caption="waves")
    await chat.wait(shows_video("waves"))
    await chat.send(ann, "now it rains", reply_to=sent)
    card = await chat.wait(says("now it rains"))
    await card.press(button_of(card, "🎬"), by=ann)
    await chat.wait(shows_video("now it rains"))
    assert provider.submissions[-1].model == "openai/sora-2-i2v"


async def test_thanks_long_after_a_photo_is_asked_about(
    harness: Harness, chat: PrivateChat, ann: Person
) -> None:
    ahead = 0.0
    async with harness.running(clock=lambda: time.time() + ahead):
        await chat.send_photo(ann, photo())
        await chat.wait(says("What should happen?"))
        ahead = 300.0
        await chat.send(ann, "Thank you, lovely!")
        await chat.wait(says("“Thank you, lovely!”"))
        assert await spent(harness, ann) == 0


async def test_no_after_make_it_says_that_it_is_on_its_way(
    bot: Bot, harness: Harness, chat: PrivateChat, ann: Person, provider: AimlApiSandbox
) -> None:
    provider.render_seconds = 1.0
    await chat.send(ann, "a lighthouse")
    card = await chat.wait(says("Make a video of this?"))
    await card.press(button_of(card, "🎬"), by=ann)
    assert "on its way" in ((await card.press("No", by=ann)).text or "")
    assert await spent(harness, ann) == 9


async def test_video_on_a_file_that_is_too_large_costs_nothing(
    bot: Bot, harness: Harness, chat: PrivateChat, ann: Person
) -> None:
    large = photo() + bytes(20_000_000)
    sent = await chat.send_document(ann, large, "boat.heic", "image/heic")
    await chat.wait(says("over 20 MB"))
    asked = await chat.send(ann, "/video waves roll in", reply_to=sent)
    await chat.wait(says("over 20 MB", to=asked.message_id))
    assert await spent(harness, ann) == 0


async def test_a_bare_video_on_a_video_goes_on_with_its_first_frame(
    bot: Bot, chat: PrivateChat, ann: Person, provider: AimlApiSandbox
) -> None:
    sent = await chat.send_video(ann, clip(width=320, height=180))
    await chat.wait(says("Animate its first frame?"))
    await chat.send(ann, "/video", reply_to=sent)
    await chat.wait(shows_video())
    assert [one.model for one in provider.submissions] == ["openai/sora-2-i2v"]


async def test_an_album_with_a_mention_is_a_card(
    bot: Bot, harness: Harness, telegram: TelegramSandbox, club: Group, ann: Person
) -> None:
    telegram.privacy_mode(on=False)
    name = telegram.bot.username
    await club.send_photo(ann, photo(800, 450), caption=f"@{name} waves", album="a")
    await club.send_photo(ann, photo(900, 506), album="a")
    await club.wait(says("“waves”"))
    assert await spent(harness, ann) == 0


async def test_a_picture_its_phone_calls_a_file_is_a_picture(
    bot: Bot, chat: PrivateChat, ann: Person, provider: AimlApiSandbox
) -> None:
    await chat.send_document(ann, photo(), "IMG_1.JPG", "application/octet-stream", caption="waves")
    await chat.wait(shows_video("waves"))
    assert provider.submissions[0].model == "openai/sora-2-i2v"
