"""A person alone with the bot: words, cards, photos, bare commands, fat fingers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from storage import generations
from storage.generations import State
from tests.flows.media_files import photo
from tests.flows.predicates import says, shows_video
from tests.groups.actions import spent

if TYPE_CHECKING:
    from bot.app import Bot
    from sandbox.aimlapi import AimlApiSandbox
    from sandbox.telegram import Message, Person, PrivateChat, TelegramSandbox
    from tests.harness import Harness


def has_button(message: Message, words: str) -> bool:
    """Whether a message has a button whose text begins so."""
    return any(button.text.startswith(words) for row in message.buttons for button in row)


def button_of(message: Message, words: str) -> str:
    """Return the whole text of the button that begins so."""
    return next(
        button.text for row in message.buttons for button in row if button.text.startswith(words)
    )


async def test_plain_words_are_asked_about_and_one_tap_starts_them(
    bot: Bot, harness: Harness, chat: PrivateChat, ann: Person, provider: AimlApiSandbox
) -> None:
    asked = await chat.send(ann, "a lighthouse in a storm")
    card = await chat.wait(says("Make a video of this?"))
    assert "9 of your 54 credits, about 6 videos" in (card.text or "")
    assert "4 seconds · 16:9 · 720p · Sora 2" in (card.text or "")
    assert provider.submissions == []
    assert await spent(harness, ann) == 0
    await card.press(button_of(card, "🎬"), by=ann)
    video = await chat.wait(shows_video("a lighthouse in a storm"))
    assert video.reply_to == asked.message_id
    await chat.wait_gone(card)
    assert await spent(harness, ann) == 9


async def test_two_quick_taps_on_a_card_make_one_video(
    bot: Bot, chat: PrivateChat, ann: Person, provider: AimlApiSandbox
) -> None:
    await chat.send(ann, "a lighthouse in a storm")
    card = await chat.wait(says("Make a video of this?"))
    label = button_of(card, "🎬")
    await card.press(label, by=ann)
    second = await card.press(label, by=ann)
    assert "on its way" in (second.text or "")
    await chat.wait(shows_video())
    assert len(provider.submissions) == 1


async def test_thank_you_costs_nothing_and_no_takes_the_card_away(
    bot: Bot, harness: Harness, chat: PrivateChat, ann: Person, provider: AimlApiSandbox
) -> None:
    await chat.send(ann, "Thank you, lovely!")
    card = await chat.wait(says("Make a video of this?"))
    answer = await card.press("No", by=ann)
    assert "nothing was charged" in (answer.text or "")
    await chat.wait_gone(card)
    assert provider.submissions == []
    assert await spent(harness, ann) == 0


async def test_new_words_replace_a_card_that_was_not_started(
    bot: Bot, chat: PrivateChat, ann: Person
) -> None:
    await chat.send(ann, "a lighthouse")
    first = await chat.wait(says("a lighthouse"))
    await chat.send(ann, "a windmill")
    await chat.wait(says("a windmill"))
    await chat.wait_gone(first)


async def test_a_photo_without_words_is_asked_about_and_the_next_words_belong_to_it(
    bot: Bot, chat: PrivateChat, ann: Person, provider: AimlApiSandbox
) -> None:
    sent = await chat.send_photo(ann, photo(800, 1200))
    card = await chat.wait(says("What should happen?"))
    assert "9:16" in (card.caption or "")
    await chat.send(ann, "the wind moves the grass")
    video = await chat.wait(shows_video("the wind moves the grass"))
    assert video.reply_to == sent.message_id
    assert provider.submissions[0].model == "openai/sora-2-i2v"
    assert provider.submissions[0].body["aspect_ratio"] == "9:16"
    await chat.wait_gone(card)


async def test_gentle_movement_brings_a_photo_to_life_with_one_tap(
    bot: Bot, chat: PrivateChat, ann: Person, provider: AimlApiSandbox
) -> None:
    await chat.send_photo(ann, photo())
    card = await chat.wait(says("What should happen?"))
    await card.press(button_of(card, "Gentle movement"), by=ann)
    await chat.wait(shows_video())
    assert "movement" in str(provider.submissions[0].body["prompt"])


async def test_a_photo_of_another_shape_can_be_kept_whole(
    bot: Bot, chat: PrivateChat, ann: Person, provider: AimlApiSandbox
) -> None:
    await chat.send_photo(ann, photo(1200, 900))
    card = await chat.wait(says("What should happen?"))
    await card.press(button_of(card, "Whole picture"), by=ann)
    await chat.wait(shows_video())
    async with bot.services.db.reading() as connection:
        [generation] = await generations.in_states(connection, {State.READY, State.DELIVERED})
    assert generation.fit == "pad"
    assert provider.submissions[0].accepted


async def test_a_photo_of_the_videos_shape_offers_nothing_to_keep(
    bot: Bot, chat: PrivateChat, ann: Person
) -> None:
    await chat.send_photo(ann, photo(1280, 720))
    card = await chat.wait(says("What should happen?"))
    assert not has_button(card, "Whole picture")


async def test_words_that_came_seconds_before_a_photo_belong_to_it(
    bot: Bot, chat: PrivateChat, ann: Person, provider: AimlApiSandbox
) -> None:
    await chat.send(ann, "make it rain")
    first = await chat.wait(says("make it rain"))
    await chat.send_photo(ann, photo())
    await chat.wait_gone(first)
    card = await chat.wait(says("make it rain"))
    await card.press(button_of(card, "🎬"), by=ann)
    await chat.wait(shows_video("make it rain"))
    assert provider.submissions[0].model == "openai/sora-2-i2v"


async def test_a_bare_command_asks_and_the_answer_is_the_order(
    bot: Bot, chat: PrivateChat, ann: Person
) -> None:
    await chat.send(ann, "/video")
    question = await chat.wait(says("What should we see?"))
    await chat.send(ann, "a fox in the snow", reply_to=question)
    await chat.wait(shows_video("a fox in the snow"))


@pytest.mark.parametrize(
    "text",
    ["my garden — the roses at dawn", "—Hola —dijo ella", "— Kto tam? – zapytał", "rain – and sun"],
)
async def test_dashes_in_prose_stay_in_the_prompt(
    bot: Bot, chat: PrivateChat, ann: Person, provider: AimlApiSandbox, text: str
) -> None:
    await chat.send(ann, f"/video {text}")
    await chat.wait(shows_video(text))
    assert provider.submissions[0].body["prompt"] == text


@pytest.mark.parametrize("typed", ["—vertical —seconds 8", "-vertical -- seconds 8"])
async def test_options_are_understood_after_a_phones_dash_and_a_blank_behind_one(
    bot: Bot, chat: PrivateChat, ann: Person, provider: AimlApiSandbox, typed: str
) -> None:
    await chat.send(ann, f"/video a tall tower {typed}")
    await chat.wait(shows_video("a tall tower"))
    assert provider.submissions[0].body["aspect_ratio"] == "9:16"
    assert provider.submissions[0].body["duration"] == 8


async def test_an_unknown_option_is_answered_with_what_there_is_and_costs_nothing(
    bot: Bot, harness: Harness, chat: PrivateChat, ann: Person, provider: AimlApiSandbox
) -> None:
    await chat.send(ann, "/video a tower --seconds 5")
    await chat.wait(says("4, 8, 12"))
    await chat.send(ann, "/video a tower --sideways")
    await chat.wait(says("--vertical"))
    assert provider.submissions == []
    assert await spent(harness, ann) == 0


async def test_a_dear_video_asks_for_one_tap_first(
    bot: Bot, chat: PrivateChat, ann: Person, provider: AimlApiSandbox
) -> None:
    await chat.send(ann, "/video a tower --pro --res 1080p --seconds 8")
    card = await chat.wait(says("42 of your 54 credits"))
    assert provider.submissions == []
    await card.press(button_of(card, "🎬"), by=ann)
    await chat.wait(shows_video("a tower"))


async def test_a_correction_of_a_command_is_not_a_second_video(
    bot: Bot, chat: PrivateChat, ann: Person, provider: AimlApiSandbox
) -> None:
    asked = await chat.send(ann, "/video a towre")
    await chat.wait(shows_video("a towre"))
    await chat.edit(asked, "/video a tower")
    await chat.send(ann, "/video the end")
    await chat.wait(shows_video("the end"))
    assert [one.body["prompt"] for one in provider.submissions] == ["a towre", "the end"]


async def test_an_album_is_one_card_and_ten_photos_are_not_ten_orders(
    bot: Bot, telegram: TelegramSandbox, chat: PrivateChat, ann: Person, provider: AimlApiSandbox
) -> None:
    for n in range(5):
        await chat.send_photo(
            ann, photo(900 + n, 700), caption="waves" if n == 0 else None, album="holiday"
        )
    card = await chat.wait(says("waves"))
    await chat.send(ann, "/quota")
    await chat.wait(says("You have 54 credits"))
    await chat.wait_gone(card)
    asked = [call for call in telegram.calls_of("sendPhoto") if "reply_markup" in call.params]
    assert len(asked) == 1
    assert provider.submissions == []


async def test_a_forwarded_order_asks_before_it_spends(
    bot: Bot, harness: Harness, chat: PrivateChat, ann: Person, bob: Person
) -> None:
    await chat.send(ann, "/video Bob's idea", forwarded_from=bob)
    await chat.wait(says("Make a video of this?"))
    assert await spent(harness, ann) == 0


async def test_too_few_credits_offer_what_can_be_paid(
    harness: Harness, chat: PrivateChat, ann: Person, provider: AimlApiSandbox
) -> None:
    async with harness.running(free_credits=10):
        await chat.send(ann, "/video a tower --seconds 8")
        refusal = await chat.wait(says("This one needs 17 credits, you have 10."))
        await refusal.press(button_of(refusal, "4 seconds · 9"), by=ann)
        await chat.wait(shows_video("a tower"))
        assert provider.submissions[0].body["duration"] == 4
        assert await spent(harness, ann) == 9


async def test_what_cannot_be_paid_is_not_asked_about_but_offered_cheaper(
    harness: Harness, chat: PrivateChat, ann: Person, provider: AimlApiSandbox
) -> None:
    async with harness.running(free_credits=10):
        await chat.send(ann, "a tower --seconds 8")
        refusal = await chat.wait(says("This one needs 17 credits, you have 10."))
        await refusal.press(button_of(refusal, "4 seconds · 9"), by=ann)
        await chat.wait(shows_video("a tower"))
        assert provider.submissions[0].body["duration"] == 4


async def test_only_what_can_be_made_in_the_typed_shape_is_offered_cheaper(
    harness: Harness, chat: PrivateChat, ann: Person, provider: AimlApiSandbox
) -> None:
    async with harness.running(free_credits=15):
        await chat.send(ann, "/video a tower --model kling-3 --ar 1:1 --seconds 10")
        refusal = await chat.wait(says("This one needs 22 credits, you have 15."))
        offered = refusal.labels
        assert offered.pop() == "🙋 Ask the owner", "it costs more than renews"
        assert offered == ["3 seconds · 7", "Seedance 2 Fast · 13"], "Sora and Veo make none"
        await refusal.press(button_of(refusal, offered[0]), by=ann)
        await chat.wait(shows_video("a tower"))
        assert provider.submissions[0].body["aspect_ratio"] == "1:1"


async def test_a_card_says_how_much_of_a_photo_would_be_cut_away(
    bot: Bot, chat: PrivateChat, ann: Person
) -> None:
    await chat.send_photo(ann, photo(1200, 900))
    card = await chat.wait(says("What should happen?"))
    assert "25% of the photo is cut away" in (card.caption or "")
    assert card.photo, "the card shows what is cut away"
    await chat.send_photo(ann, photo(1280, 720))
    whole = await chat.wait(lambda m: says("What should happen?")(m) and m is not card)
    assert "cut away" not in (whole.text or "")
    assert not whole.photo


@pytest.mark.parametrize("form", ["bold", "italic", "code", "spoiler", "blockquote"])
async def test_a_formatted_command_is_a_command(
    bot: Bot, chat: PrivateChat, ann: Person, form: str
) -> None:
    text = "/video a cat"
    whole = {"type": form, "offset": 0, "length": len(text)}
    await chat.send(ann, text, entities=[whole])
    await chat.wait(shows_video("a cat"))


@pytest.mark.parametrize(
    "text",
    [
        "/video: a cat",
        "/video, a cat",
        "/video\uff1aa cat",
        "/VIDEO a cat",
        "/ video a cat",
        "/video\u2014 a cat",
        "/video- a cat",
        "/video... a cat",
        "/video! a cat",
    ],
)
async def test_a_sign_behind_a_command_is_none_of_the_prompt(
    bot: Bot, chat: PrivateChat, ann: Person, text: str
) -> None:
    await chat.send(ann, text)
    await chat.wait(shows_video("a cat"))


async def test_a_path_or_a_word_with_a_slash_is_no_command(
    bot: Bot, harness: Harness, chat: PrivateChat, ann: Person
) -> None:
    for path, words in (("/video/clips", "in an old archive"), ("/videos2", "on a shelf")):
        code = {"type": "code", "offset": 0, "length": len(path)}
        await chat.send(ann, f"{path} {words}", entities=[code])
        await chat.wait(says(f" {words}”"))
    assert await spent(harness, ann) == 0


async def test_words_kept_for_a_photo_are_those_of_an_album(
    bot: Bot, harness: Harness, chat: PrivateChat, ann: Person
) -> None:
    await chat.send(ann, "/animate she winks")
    await chat.wait(says("And the photo?"))
    for n in range(3):
        await chat.send_photo(ann, photo(900 + n, 700), album="holiday")
    card = await chat.wait(says("“she winks”"))
    assert await spent(harness, ann) == 0
    await card.press(button_of(card, "✂️ Crop"), by=ann)
    await chat.wait(shows_video("she winks"))
    assert await spent(harness, ann) == 9


async def test_the_bots_name_before_an_idea_is_none_of_it_in_private(
    bot: Bot, telegram: TelegramSandbox, chat: PrivateChat, ann: Person
) -> None:
    name = telegram.bot.username
    await chat.send(ann, f"@{name} a dog")
    await chat.wait(says("“a dog”"))
    await chat.send_photo(ann, photo(), caption=f"@{name} it rains")
    await chat.wait(shows_video("it rains"))
    await chat.send(ann, f"@{name}")
    await chat.wait(says("What should we see?"))


async def test_plain_words_preset_a_card_and_never_cost_unseen(
    bot: Bot, harness: Harness, chat: PrivateChat, ann: Person, provider: AimlApiSandbox
) -> None:
    await chat.send(ann, "a tall tower, vertical, 8 seconds")
    card = await chat.wait(says("8 seconds · 9:16 · 720p · Sora 2"))
    await card.press("🎬 Make it · 17", by=ann)
    await chat.wait(shows_video("a tall tower, vertical, 8 seconds"))
    assert provider.submissions[0].body["aspect_ratio"] == "9:16"
    assert provider.submissions[0].body["duration"] == 8
    await chat.send(ann, "/video a wide river for 8 seconds")
    card = await chat.wait(says("8 seconds · 16:9"))
    assert await spent(harness, ann) == 17
    await chat.send(ann, "/video a wide river, 10 minutes")
    await chat.wait(says("12 seconds · 16:9"))
    assert await spent(harness, ann) == 17
    await chat.send(ann, "/video a wide river for 8 seconds --seconds 4")
    await chat.wait(shows_video("a wide river for 8 seconds"))
    assert provider.submissions[1].body["duration"] == 4


@pytest.mark.parametrize(
    "words",
    ["8 seconds vertical a cat", "\uff18秒竖屏 一只猫", "make me an 8 sec vertical clip of a cat"],
)
async def test_plain_words_before_the_idea_are_asked_about(
    bot: Bot, harness: Harness, chat: PrivateChat, ann: Person, words: str
) -> None:
    await chat.send(ann, f"/video {words}")
    await chat.wait(says("8 seconds · 9:16 · 720p · Sora 2\n17 of"))
    assert await spent(harness, ann) == 0


async def test_a_card_says_whether_there_will_be_no_sound_as_asked(
    bot: Bot, chat: PrivateChat, ann: Person
) -> None:
    await chat.send(ann, "a tower without sound --model veo-3.1")
    await chat.wait(says("Veo 3.1 · no sound"))
    await chat.send(ann, "a bridge without sound --model sora-2")
    await chat.wait(says("Sora 2 always makes sound."))


async def test_an_option_that_a_model_lacks_is_told_with_the_names_that_are_shown_elsewhere(
    bot: Bot, chat: PrivateChat, ann: Person, provider: AimlApiSandbox
) -> None:
    await chat.send_photo(ann, photo(1280, 720), caption="no sound")
    told = await chat.wait(
        says("Sora 2 always makes sound. Without it: Veo 3.1 Fast, Veo 3.1, Kling 3")
    )
    assert "Veo 3.1 Fast · no sound" in str(told)
    await chat.send(ann, "/video a tower --pro --model kling-3")
    await chat.wait(says("Kling 3 has no pro version. With one: Sora 2, Sora 2 Pro, Veo 3.1 Fast"))
    assert provider.submissions == []


async def test_a_card_says_what_cannot_be_had_as_asked_and_offers_a_model_that_can(
    bot: Bot, harness: Harness, chat: PrivateChat, ann: Person, provider: AimlApiSandbox
) -> None:
    await chat.send_photo(ann, photo(1280, 720), caption="it rains, square, 480p")
    card = await chat.wait(says("4 seconds · 16:9 · 720p · Sora 2\nNot with Sora 2: 1:1 · 480p\n9"))
    assert provider.submissions == []
    await card.press(next(b.text for row in card.buttons for b in row if "With Seed" in b.text))
    await chat.wait(shows_video("it rains, square, 480p"))
    [made] = provider.submissions
    assert (made.body["aspect_ratio"], made.body["resolution"]) == ("1:1", "480p")
    await chat.send(ann, "a tower, no sound")
    card = await chat.wait(says("Sora 2 always makes sound."))
    assert "With Veo 3.1 Fast" in str(card)
    await chat.send(ann, "/video a tower, 10 minutes")
    card = await chat.wait(says("12 seconds · 16:9 · 720p · Sora 2\nNot with Sora 2: 10 minutes"))
    assert "With" not in str(card.buttons)
    await card.press("12 sec" if "12 sec" in str(card) else "✓ 12 sec")
    await chat.wait(says("12 seconds · 16:9 · 720p · Sora 2\n26 of"))


@pytest.mark.parametrize("by", ["caption", "file", "/animate"])
async def test_a_cut_nobody_chose_is_shown_and_asked_about_before_it_is_filmed(
    bot: Bot, chat: PrivateChat, ann: Person, provider: AimlApiSandbox, by: str
) -> None:
    if by == "caption":
        await chat.send_photo(ann, photo(1200, 900), caption="the sea moves")
    elif by == "file":
        # of which Telegram tells no size
        words = "the sea moves"
        await chat.send_document(ann, photo(1200, 900), "a.jpg", "image/jpeg", caption=words)
    else:
        sent = await chat.send_photo(ann, photo(1200, 900))
        await chat.wait(says("What should happen?"))
        await chat.send(ann, "/animate the sea moves", reply_to=sent)
    card = await chat.wait(says("Make a video of this?"))
    assert card.photo
    assert "25% of the photo is cut away" in (card.caption or "")
    assert [[button.text for button in row] for row in card.buttons] == [
        ["✂️ Crop · 9", "Whole picture · 9"],
        ["With Kling 3 · 9"],
        ["No"],
        ["✓ 4 sec", "8 sec", "12 sec"],
        ["✓ 16:9", "9:16"],
        ["Model: Sora 2"],
    ]
    assert provider.submissions == []
    await card.press("Whole picture · 9", by=ann)
    await chat.wait(shows_video("the sea moves"))
    async with bot.services.db.reading() as connection:
        [generation] = await generations.in_states(connection, {State.READY, State.DELIVERED})
    assert (generation.fit, generation.credits) == ("pad", 9)


@pytest.mark.parametrize(("button", "model"), [("✂️ Crop", "sora-2"), ("With Kling 3", "kling")])
async def test_a_photo_is_cropped_or_given_to_a_model_that_keeps_its_shape_by_one_tap(
    bot: Bot, chat: PrivateChat, ann: Person, provider: AimlApiSandbox, button: str, model: str
) -> None:
    await chat.send_photo(ann, photo(900, 1200), caption="the sea moves")
    card = await chat.wait(says("Make a video of this?"))
    await card.press(button_of(card, button), by=ann)
    await chat.wait(shows_video("the sea moves"))
    assert model in str(provider.submissions[0].model)
    await chat.wait_gone(card)


@pytest.mark.parametrize("option", ["--fit crop", "--fit pad", "--ar 4:3 --model seedance-2-fast"])
async def test_a_cut_that_was_chosen_is_not_asked_about(
    bot: Bot, chat: PrivateChat, ann: Person, provider: AimlApiSandbox, option: str
) -> None:
    await chat.send_photo(ann, photo(1200, 900), caption=f"the sea moves {option}")
    await chat.wait(shows_video("the sea moves"))
    assert len(provider.submissions) == 1


async def test_a_card_whose_picture_cannot_be_drawn_says_what_is_cut_away(
    bot: Bot, chat: PrivateChat, ann: Person, telegram: TelegramSandbox
) -> None:
    await chat.send_photo(ann, photo(3200, 150), caption="the sea moves")
    card = await chat.wait(says("Make a video of this?"))
    assert "of the photo is cut away" in (card.text or "")
    assert not card.photo, "Telegram takes none that is 20 times wider than high"


async def test_options_said_while_a_card_stands_change_it(
    bot: Bot, harness: Harness, chat: PrivateChat, ann: Person, provider: AimlApiSandbox
) -> None:
    await chat.send(ann, "a tall tower")
    await chat.wait(says("4 seconds · 16:9"))
    await chat.send(ann, "make it vertical")
    await chat.wait(says("“a tall tower”\n\n4 seconds · 9:16"))
    await chat.send(ann, "8 seconds please")
    card = await chat.wait(says("“a tall tower”\n\n8 seconds · 9:16"))
    assert await spent(harness, ann) == 0
    await card.press("🎬 Make it · 17", by=ann)
    await chat.wait(shows_video("a tall tower"))
    assert provider.submissions[0].body["prompt"] == "a tall tower"


async def test_options_said_of_a_photo_leave_it_gentle_movement(
    bot: Bot, harness: Harness, chat: PrivateChat, ann: Person, provider: AimlApiSandbox
) -> None:
    await chat.send_photo(ann, photo(1280, 720))
    await chat.wait(says("What should happen?"))
    await chat.send(ann, "8 seconds")
    card = await chat.wait(says("8 seconds · 16:9"))
    await card.press("Gentle movement · 17", by=ann)
    await chat.wait(shows_video())
    assert "movement" in str(provider.submissions[0].body["prompt"])
    assert provider.submissions[0].body["duration"] == 8


@pytest.mark.parametrize("order", ["/video --vertical", "vertical"])
async def test_options_without_an_idea_are_kept_for_it(
    bot: Bot, chat: PrivateChat, ann: Person, provider: AimlApiSandbox, order: str
) -> None:
    await chat.send(ann, order)
    question = await chat.wait(says("What should we see?"))
    await chat.send(ann, "8 seconds")
    await chat.wait_gone(question)
    await chat.wait(says("What should we see?"))
    await chat.send(ann, "a tall tower")
    await chat.wait(shows_video("a tall tower"))
    assert provider.submissions[0].body["aspect_ratio"] == "9:16"
    assert provider.submissions[0].body["duration"] == 8
