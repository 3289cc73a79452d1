"""Words about what stands there already: videos, other people's texts, what is in another chat."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.flows.media_files import photo
from tests.flows.predicates import says, shows_video
from tests.flows.test_alone_with_the_bot import button_of, has_button
from tests.groups.actions import spent
from tests.handlers.shared import settled
from tests.sandbox.telegram.clips import clip

if TYPE_CHECKING:
    from bot.app import Bot
    from sandbox.aimlapi import AimlApiSandbox
    from sandbox.telegram import Group, Message, Person, PrivateChat, TelegramSandbox
    from tests.harness import Harness

CLIP = clip(width=320, height=180)


async def moving(chat: PrivateChat, by: Person, kind: str, caption: str | None) -> Message:
    """Send something that moves."""
    if kind == "video":
        return await chat.send_video(by, CLIP, caption=caption)
    if kind == "GIF":
        return await chat.send_animation(by, CLIP, caption=caption)
    return await chat.send_document(by, CLIP, "holiday.mov", "video/quicktime", caption=caption)


@pytest.mark.parametrize("kind", ["video", "GIF", "file"])
async def test_a_video_with_words_is_asked_about_and_never_just_charged(
    bot: Bot, harness: Harness, chat: PrivateChat, ann: Person, provider: AimlApiSandbox, kind: str
) -> None:
    await moving(chat, ann, kind, "look at my dog")
    card = await chat.wait(says("Animate its first frame?"))
    assert "“look at my dog”" in (card.text or "")
    assert provider.submissions == []
    assert await spent(harness, ann) == 0
    await card.press(button_of(card, "🎬 Make it · 9"), by=ann)
    await chat.wait(shows_video("look at my dog"))
    assert [one.model for one in provider.submissions] == ["openai/sora-2-i2v"]


async def test_a_video_that_answers_what_should_we_see_is_asked_about(
    bot: Bot, harness: Harness, chat: PrivateChat, ann: Person
) -> None:
    await chat.send(ann, "/video")
    await chat.wait(says("What should we see?"))
    await chat.send_video(ann, CLIP, caption="this one is lovely --last")
    await chat.wait(says("Animate its last frame?"))
    assert await spent(harness, ann) == 0


@pytest.mark.parametrize("kind", ["sticker", "GIF"])
async def test_a_gesture_is_a_picture_only_where_one_was_asked_for(
    bot: Bot, harness: Harness, chat: PrivateChat, ann: Person, kind: str
) -> None:
    async def gesture() -> Message:
        if kind == "GIF":
            return await moving(chat, ann, kind, None)
        return await chat.send_sticker(ann, photo(512, 288, "WEBP"), height=288)

    sent = await gesture()
    await chat.wait(says("Send me a still picture" if kind == "GIF" else "Nice one!",
                         to=sent.message_id))  # fmt: skip
    await chat.send_photo(ann, photo())
    await chat.wait(says("What should happen?"))
    sent = await gesture()
    await chat.wait(says("Send me a still picture" if kind == "GIF" else "Nice one!",
                         to=sent.message_id))  # fmt: skip
    assert await spent(harness, ann) == 0
    await chat.send(ann, "/animate it waves")
    await chat.wait(says("And the photo?"))
    await gesture()
    await chat.wait(shows_video("it waves"))


@pytest.mark.parametrize("words", ["", "of this, please ", "сделай это "])
async def test_video_as_an_answer_to_a_text_films_that_text_on_a_card(
    bot: Bot, harness: Harness, club: Group, ann: Person, bob: Person, words: str
) -> None:
    idea = await club.send(bob, "a paper boat in the gutter")
    asked = await club.send(ann, f"/video {words}--vertical", reply_to=idea)
    card = await club.wait(says("“a paper boat in the gutter”", to=asked.message_id))
    assert "9:16" in (card.text or "")
    assert await spent(harness, ann) == await spent(harness, bob) == 0
    await card.press(button_of(card, "🎬"), by=ann)
    await club.wait(shows_video("a paper boat in the gutter"))
    assert (await spent(harness, ann), await spent(harness, bob)) == (9, 0)


async def test_a_command_with_nothing_but_a_length_is_no_idea(
    bot: Bot,
    harness: Harness,
    chat: PrivateChat,
    ann: Person,
    bob: Person,
    telegram: TelegramSandbox,
) -> None:
    await chat.send(ann, "/video 8 seconds, vertical")
    await chat.wait(says("What should we see?"))
    club = telegram.group("Film club", [ann, bob])
    idea = await club.send(bob, "a lighthouse in a storm")
    await club.send(ann, "/video 8 seconds, vertical", reply_to=idea)
    card = await club.wait(says("“a lighthouse in a storm”"))
    assert "8 seconds · 9:16" in (card.text or "")
    assert await spent(harness, ann) == 0
    await chat.send(ann, "a fox")
    await chat.wait(shows_video("a fox"))
    assert await spent(harness, ann) == 17


async def test_beside_a_picture_a_length_alone_is_not_what_should_happen(
    bot: Bot, harness: Harness, chat: PrivateChat, ann: Person, provider: AimlApiSandbox
) -> None:
    for words, shape in (("12 seconds", "16:9"), ("/animate for 12 seconds, vertical", "9:16")):
        sent = await chat.send_photo(ann, photo(), caption=words)
        card = await chat.wait(says(f"12 seconds · {shape}", to=sent.message_id))
    assert await spent(harness, ann) == 0
    await card.press(button_of(card, "Gentle movement"), by=ann)
    await chat.wait(shows_video())
    assert "12 seconds" not in str(provider.submissions[0].body["prompt"])
    assert await spent(harness, ann) == 26


@pytest.mark.parametrize(
    ("words", "shown"),
    [("1 minute", "12 seconds"), ("square", "4 seconds"), ("vertical 5s", "4 seconds · 9:16")],
)
@pytest.mark.parametrize("caption", [True, False])
async def test_options_alone_beside_a_photo_are_kept_for_what_should_happen(
    bot: Bot, harness: Harness, chat: PrivateChat, ann: Person, provider: AimlApiSandbox,
    words: str, shown: str, *, caption: bool,
) -> None:  # fmt: skip
    sent = await chat.send_photo(ann, photo(1280, 720), caption=words if caption else "")
    card = await chat.wait(says("What should happen?", to=sent.message_id))
    if not caption:
        await chat.send(ann, words)
        await chat.wait_gone(card)
        card = await chat.wait(says("What should happen?", to=sent.message_id))
    assert shown in (card.text or card.caption or "")
    await chat.send(ann, "--720p")
    await chat.wait_gone(card)
    card = await chat.wait(says("What should happen?", to=sent.message_id))
    assert await spent(harness, ann) == 0
    await chat.send(ann, "it rains")
    card = await chat.wait(says("“it rains”", to=sent.message_id))
    assert shown in (card.text or card.caption or "")
    assert not [one for one in chat.from_bot if "--" in (one.text or one.caption or "")]
    await card.press(button_of(card, "✂️" if "9:16" in shown else "🎬"), by=ann)
    await chat.wait(shows_video("it rains"))
    assert [one.body["prompt"] for one in provider.submissions] == ["it rains"]


async def test_a_length_that_no_model_has_is_no_idea_and_asked_about_with_the_idea(
    bot: Bot, harness: Harness, chat: PrivateChat, ann: Person
) -> None:
    for words in ("/video 10 minutes", "500 seconds", "8秒竖屏"):
        await chat.send(ann, words)
        await chat.wait(
            lambda m: m is chat.from_bot[-1] and "What should we see?" in (m.text or "")
        )
        await chat.send(ann, "a fox")
        if "秒" not in words:
            card = await chat.wait(says("12 seconds"))
            assert await spent(harness, ann) == 0
            await card.press("No", by=ann)
            await chat.wait_gone(card)
    await chat.wait(shows_video("a fox"))
    assert await spent(harness, ann) == 17


async def test_of_a_quoted_text_the_quote_is_the_idea(
    bot: Bot, telegram: TelegramSandbox, club: Group, ann: Person, bob: Person
) -> None:
    long = await club.send(bob, "I dreamt of a whale in the sky. And then I had breakfast.")
    await club.send(ann, "/video", reply_to=long, quote="a whale in the sky")
    await club.wait(says("“a whale in the sky”"))
    telegram.privacy_mode(on=False)
    await club.send(ann, f"@{telegram.bot.username}", reply_to=long)
    await club.wait(says("And then I had breakfast.”"))


@pytest.mark.parametrize("text", ["/help", "/video@another_bot a cat", "/video"])
async def test_a_command_is_no_idea_of_somebody(
    bot: Bot, chat: PrivateChat, ann: Person, text: str
) -> None:
    answered = await chat.send(ann, text)
    asked = await chat.send(ann, "/video", reply_to=answered)
    await chat.wait(says("What should we see?", to=asked.message_id))


async def test_what_the_bot_said_is_no_idea(bot: Bot, chat: PrivateChat, ann: Person) -> None:
    await chat.send(ann, "/quota")
    told = await chat.wait(says("54 credits"))
    asked = await chat.send(ann, "/video", reply_to=told)
    await chat.wait(says("What should we see?", to=asked.message_id))


@pytest.mark.parametrize("words", ["/video it rains", "/animate it rains", "it rains"])
async def test_a_picture_answered_from_another_chat_is_the_picture(
    bot: Bot, chat: PrivateChat, club: Group, ann: Person, bob: Person, provider: AimlApiSandbox,
    words: str,
) -> None:  # fmt: skip
    there = await club.send_photo(bob, photo())
    await chat.send(ann, words, reply_elsewhere=there)
    if not words.startswith("/"):
        card = await chat.wait(says("“it rains”"))
        await card.press(button_of(card, "🎬"), by=ann)
    await chat.wait(shows_video("it rains"))
    assert [one.model for one in provider.submissions] == ["openai/sora-2-i2v"]


async def test_a_picture_from_another_chat_is_its_senders(
    bot: Bot, harness: Harness, telegram: TelegramSandbox, club: Group, ann: Person, bob: Person
) -> None:
    other = telegram.group("Another", [ann, bob])
    theirs = await other.send_photo(bob, photo())
    await club.send(ann, "/animate it rains", reply_elsewhere=theirs)
    await club.wait(shows_video("it rains"))
    async with harness.db.reading() as connection:
        row = await connection.fetch_one("SELECT picture_by FROM generations")
    assert row is not None
    assert row[0] == bob.id


async def test_a_video_answered_from_another_chat_is_a_card_for_its_first_frame(
    bot: Bot, harness: Harness, chat: PrivateChat, club: Group, ann: Person, bob: Person
) -> None:
    there = await club.send_video(bob, CLIP, caption="my dog")
    await chat.send(ann, "he flies", reply_elsewhere=there)
    card = await chat.wait(says("Animate its first frame?"))
    assert has_button(card, "🎬 Make it · 9")
    assert await spent(harness, ann) == 0


async def finished(chat: PrivateChat, ann: Person, harness: Harness) -> Message:
    """Have a video made."""
    await chat.send(ann, "/video a lighthouse on a cliff --seconds 8")
    video = await chat.wait(shows_video("a lighthouse on a cliff"))
    await settled(harness)
    return video


@pytest.mark.parametrize("way", ["reply", "Change", "/video", "reply to Change"])
async def test_a_change_is_merged_with_the_videos_words_on_a_card(
    bot: Bot, harness: Harness, chat: PrivateChat, ann: Person, provider: AimlApiSandbox, way: str
) -> None:
    video = await finished(chat, ann, harness)
    question = None
    if "Change" in way:
        await video.press("Change", by=ann)
        question = await chat.wait(says("What should be different?"))
    if way == "Change":
        await chat.send(ann, "make it night")
    elif way == "/video":
        await chat.send(ann, "/video make it night", reply_to=video)
    else:
        await chat.send(ann, "make it night", reply_to=question or video)
    card = await chat.wait(says("“a lighthouse on a cliff. Make it night”"))
    assert "8 seconds" in (card.text or "")
    assert await spent(harness, ann) == 17, "the first video"
    await card.press(button_of(card, "🎬 Make it · 17"), by=ann)
    await chat.wait(shows_video("a lighthouse on a cliff. Make it night"))
    assert provider.submissions[1].body["prompt"] == "a lighthouse on a cliff. Make it night"
    assert provider.submissions[1].body["duration"] == 8


async def test_what_should_be_different_can_be_all_there_is(
    bot: Bot, harness: Harness, chat: PrivateChat, ann: Person, provider: AimlApiSandbox
) -> None:
    video = await finished(chat, ann, harness)
    await chat.send(ann, "a dragon over the sea --vertical", reply_to=video)
    card = await chat.wait(says("“a lighthouse on a cliff. A dragon over the sea”"))
    assert "8 seconds · 9:16" in (card.text or "")
    await card.press(button_of(card, "Only my words · 17"), by=ann)
    await chat.wait(shows_video("A dragon over the sea"))
    assert provider.submissions[1].body["prompt"] == "A dragon over the sea"
    assert provider.submissions[1].body["aspect_ratio"] == "9:16"


async def test_a_videos_words_can_be_edited_or_copied_with_one_tap(
    bot: Bot, harness: Harness, telegram: TelegramSandbox, chat: PrivateChat, ann: Person
) -> None:
    video = await finished(chat, ann, harness)
    await video.press("Change", by=ann)
    question = await chat.wait(says("What should be different?"))
    assert question.button("Copy the words").copy_text == "a lighthouse on a cliff"
    edited = question.button("Edit the words").edits
    assert edited == "a lighthouse on a cliff"
    # the client writes the bot's name before them
    await chat.send(ann, f"@{telegram.bot.username} {edited} in the fog")
    card = await chat.wait(says("“a lighthouse on a cliff in the fog”"))
    assert not has_button(card, "Only my words")
    assert await spent(harness, ann) == 17


async def test_words_too_long_for_a_button_come_whole_in_a_message_that_a_tap_copies(
    bot: Bot, harness: Harness, chat: PrivateChat, ann: Person
) -> None:
    words = "a very long road 🛣 " * 40
    await chat.send(ann, f"/video {words}")
    video = await chat.wait(shows_video())
    await settled(harness)
    await video.press("Change", by=ann)
    question = await chat.wait(says(words.strip()))
    labels = question.labels
    assert labels == ["Copy the words", "Cancel"], "what is cut is not offered to be edited"

    async def copied(asked: Message, whole: str) -> None:
        assert (await asked.press("Copy the words")).text == "Tap the words to copy them."
        handed = await chat.wait(lambda m: m.message_id > asked.message_id and m.text == whole)
        length = len(whole.encode("utf-16-le")) // 2
        assert handed.entities == [{"type": "code", "offset": 0, "length": length}]

    await copied(question, words.strip())
    await chat.send(ann, "at night", reply_to=question)
    card = await chat.wait(says("…”\n\n4 seconds"))
    await copied(card, f"{words.strip()}. At night")


async def test_a_long_idea_of_emoji_can_be_changed_though_telegram_counts_each_twice(
    bot: Bot, harness: Harness, chat: PrivateChat, ann: Person
) -> None:
    await chat.send(ann, "/video a " + 2035 * "\U0001f431")
    card = await chat.wait(says("Make a video of this?"))
    await card.press(button_of(card, "🎬"), by=ann)
    video = await chat.wait(shows_video())
    await settled(harness)
    await video.press("✏️ Change", by=ann)
    await chat.wait(says("What should be different?"))


async def test_a_change_of_a_photos_video_keeps_the_photo(
    bot: Bot, harness: Harness, chat: PrivateChat, ann: Person, provider: AimlApiSandbox
) -> None:
    await chat.send_photo(ann, photo(1280, 720), caption="waves")
    video = await chat.wait(shows_video("waves"))
    await settled(harness)
    await chat.send(ann, "but slower", reply_to=video)
    card = await chat.wait(says("“waves. But slower”"))
    await card.press(button_of(card, "🎬"), by=ann)
    await chat.wait(shows_video("waves. But slower"))
    assert [one.model for one in provider.submissions] == ["openai/sora-2-i2v"] * 2


async def test_another_shape_of_a_photos_video_shows_what_it_cuts_before_it_costs(
    bot: Bot, harness: Harness, chat: PrivateChat, ann: Person
) -> None:
    await chat.send_photo(ann, photo(1280, 720), caption="waves")
    video = await chat.wait(shows_video("waves"))
    await settled(harness)
    await chat.send(ann, "vertical", reply_to=video)
    card = await chat.wait(says("“waves”"))
    assert card.photo
    assert "68% of the photo is cut away" in (card.caption or "")
    assert has_button(card, "Whole picture · 9")
    assert await spent(harness, ann) == 9


async def test_talk_under_a_video_in_a_group_changes_nothing_and_a_command_asks(
    bot: Bot, harness: Harness, telegram: TelegramSandbox, club: Group, ann: Person, bob: Person
) -> None:
    telegram.privacy_mode(on=False)
    await club.send(ann, "/video a lighthouse")
    video = await club.wait(shows_video("a lighthouse"))
    await settled(harness)
    await club.send(bob, "make it night", reply_to=video)
    await club.send(bob, "/video make it night", reply_to=video)
    await club.wait(says("“a lighthouse. Make it night”"))
    assert len([one for one in club.from_bot if "night" in (one.text or "")]) == 1
    assert await spent(harness, bob) == 0


async def test_a_length_or_shape_said_of_a_video_replaces_its_own(
    bot: Bot, harness: Harness, chat: PrivateChat, ann: Person
) -> None:
    video = await finished(chat, ann, harness)
    await chat.send(ann, "make it vertical, 4 seconds", reply_to=video)
    await chat.wait(says("“a lighthouse on a cliff”\n\n4 seconds · 9:16"))
    await chat.send(ann, "darker, 4 seconds", reply_to=video)
    await chat.wait(says("“a lighthouse on a cliff. Darker, 4 seconds”\n\n4 seconds · 16:9"))


async def test_words_that_answer_ones_own_idea_change_it(
    bot: Bot, harness: Harness, chat: PrivateChat, ann: Person
) -> None:
    idea = await chat.send(ann, "/video a lighthouse")
    await chat.wait(shows_video("a lighthouse"))
    await chat.send(ann, "at night", reply_to=idea)
    card = await chat.wait(says("“a lighthouse. At night”"))
    assert has_button(card, "Only my words · 9")
    assert await spent(harness, ann) == 9


async def test_words_that_answer_a_card_change_it_and_others_replace_it(
    bot: Bot, harness: Harness, chat: PrivateChat, ann: Person
) -> None:
    await chat.send(ann, "a lighthouse --seconds 8")
    card = await chat.wait(says("“a lighthouse”"))
    await chat.send(ann, "at night", reply_to=card)
    card = await chat.wait(says("“a lighthouse At night”"))
    assert "8 seconds" in (card.text or "")
    await chat.send(ann, "a windmill")
    await chat.wait(says("“a windmill”"))
    assert await spent(harness, ann) == 0


async def test_a_mention_that_answers_a_video_of_the_bot_changes_it(
    bot: Bot, harness: Harness, telegram: TelegramSandbox, club: Group, ann: Person
) -> None:
    telegram.privacy_mode(on=False)
    await club.send(ann, "/video a lighthouse")
    video = await club.wait(shows_video("a lighthouse"))
    await settled(harness)
    await club.send(ann, f"@{telegram.bot.username} make it night", reply_to=video)
    await club.wait(says("“a lighthouse. Make it night”"))
    assert await spent(harness, ann) == 9


@pytest.mark.parametrize(
    "text",
    [
        "@{name} /video a cat",
        "/video @{name} a cat",
        "/video /video a cat",
        "@{name}, /video: a cat",
    ],
)
async def test_a_bot_that_is_called_twice_hears_the_idea_alone(
    bot: Bot, telegram: TelegramSandbox, club: Group, ann: Person, provider: AimlApiSandbox,
    text: str,
) -> None:  # fmt: skip
    telegram.privacy_mode(on=False)
    await club.send(ann, text.format(name=telegram.bot.username))
    await club.wait(shows_video("a cat"))
    assert [one.body["prompt"] for one in provider.submissions] == ["a cat"]
