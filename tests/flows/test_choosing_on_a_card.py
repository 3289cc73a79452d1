"""What is chosen on a card by taps: length, shape, resolution and model, each with its price."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sandbox.telegram.messages import Button
from tests.flows.media_files import photo
from tests.flows.predicates import says, shows_video
from tests.groups.actions import made, spent
from tests.handlers.shared import settled

if TYPE_CHECKING:
    from bot.app import Bot
    from sandbox.aimlapi import AimlApiSandbox
    from sandbox.telegram import Message, Person, PrivateChat, TelegramSandbox
    from tests.harness import Harness


def labels(card: Message) -> list[list[str]]:
    return [[button.text for button in row] for row in card.buttons]


async def test_a_restart_between_every_two_taps_of_a_card_changes_nothing(
    harness: Harness, chat: PrivateChat, ann: Person, provider: AimlApiSandbox
) -> None:
    async with harness.running():
        await chat.send(ann, "a lighthouse")
        card = await chat.wait(says("“a lighthouse”\n\n4 seconds · 16:9 · 720p · Sora 2\n9 of"))
    assert labels(card) == [
        ["🎬 Make it · 9", "No"],
        ["✓ 4 sec", "8 sec", "12 sec"],
        ["✓ 16:9", "9:16"],
        ["Model: Sora 2"],
    ]
    for tapped, told in (
        ("8 sec", "8 seconds · 16:9 · 720p · Sora 2\n17 of your 54 credits"),
        ("9:16", "8 seconds · 9:16 · 720p · Sora 2\n17 of"),
        ("Model: Sora 2", ""),
        ("Sora 2 Pro · 26", "8 seconds · 9:16 · 720p · Sora 2 Pro\n26 of"),
        ("1080p", "8 seconds · 9:16 · 1080p · Sora 2 Pro\n42 of"),
    ):
        async with harness.running():
            assert (await card.press(tapped)).text == ""
            await chat.wait(says(told) if told else lambda m: "Veo 3.1 Fast" in str(m))
    assert len(chat.from_bot) == 1, "the card stands where it stood"
    async with harness.running():
        await card.press("🎬 Make it · 42")
        await chat.wait(shows_video("a lighthouse"))
        await settled(harness)
        assert await spent(harness, ann) == 42
    [made] = provider.submissions
    assert made.model == "openai/sora-2-pro-t2v"
    body = made.body
    assert (body["duration"], body["aspect_ratio"], body["resolution"]) == (8, "9:16", "1080p")


@pytest.mark.parametrize("way", ["Change", "Continue", "a reply"])
async def test_a_restart_between_every_two_taps_under_a_video_changes_nothing(
    harness: Harness, chat: PrivateChat, ann: Person, provider: AimlApiSandbox, way: str
) -> None:
    async with harness.running():
        video = await made(harness, chat, ann, "a boat in the bath")
    asked, heads, start = video, "“a boat in the bath. At night”", "Make it"
    if way == "Continue":
        async with harness.running():
            await video.press("More…")
            await chat.wait(lambda m: m is video and "Continue" in str(m))
        async with harness.running():
            await video.press("Continue")
            asked = await chat.wait(says("What happens next?"))
        heads, start = "or tap Just go on.", "Just go on"
    elif way == "Change":
        async with harness.running():
            await video.press("Change")
            await chat.wait(says("What should be different?"))
    if way != "Continue":
        async with harness.running():
            asked = await chat.send(ann, "at night", reply_to=video if way == "a reply" else None)
    async with harness.running():
        card = await chat.wait(says(f"{heads}\n\n4 seconds · 16:9 · 720p · Sora 2\n9 of"))
    sent = len(chat.from_bot)
    for tapped, told in (
        ("8 sec", "8 seconds · 16:9 · 720p · Sora 2\n17 of"),
        ("Model: Sora 2", ""),
        ("Sora 2 Pro · 26", "8 seconds · 16:9 · 720p · Sora 2 Pro\n26 of"),
    ):
        async with harness.running():
            assert (await card.press(tapped)).text == ""
            await chat.wait(says(f"{heads}\n\n{told}") if told else lambda m: "Veo" in str(m))
    assert len(chat.from_bot) == sent, "the card stands where it stood"
    async with harness.running():
        await card.press(f"{start} · 26")
        last = await chat.wait(lambda m: m.video is not None and m is not video)
        await settled(harness)
        assert await spent(harness, ann) == 9 + 26
        await chat.wait_gone(card)
    assert last.reply_to == (video if way == "Continue" else asked).message_id
    _, second = provider.submissions
    pro = "openai/sora-2-pro-i2v" if way == "Continue" else "openai/sora-2-pro-t2v"
    words = "a boat in the bath" if way == "Continue" else "a boat in the bath. At night"
    assert (second.model, second.body["prompt"], second.body["duration"]) == (pro, words, 8)


async def test_of_many_lengths_four_are_shown_and_more_shows_them_all(
    bot: Bot, chat: PrivateChat, ann: Person
) -> None:
    await chat.send(ann, "a lighthouse, 6 seconds --model kling-3")
    card = await chat.wait(says("6 seconds · 16:9 · Kling 3"))
    assert labels(card)[1] == ["3 sec", "✓ 6 sec", "11 sec", "15 sec", "More…"]
    assert labels(card)[2] == ["✓ 16:9", "9:16", "1:1"]
    await card.press("More…")
    await chat.wait(lambda m: m is card and "13 sec" in str(m))
    assert [label for row in labels(card)[1:4] for label in row] == [
        f"✓ {seconds} sec" if seconds == 6 else f"{seconds} sec" for seconds in range(3, 16)
    ]
    await card.press("10 sec")
    await chat.wait(says("10 seconds · 16:9 · Kling 3"))
    assert labels(card)[1] == ["3 sec", "7 sec", "✓ 10 sec", "15 sec", "More…"]


async def test_plain_words_preset_what_can_be_tapped(
    bot: Bot, chat: PrivateChat, ann: Person
) -> None:
    await chat.send(ann, "a lighthouse, vertical, 8 seconds")
    card = await chat.wait(says("8 seconds · 9:16 · 720p · Sora 2"))
    assert labels(card)[1:3] == [["4 sec", "✓ 8 sec", "12 sec"], ["16:9", "✓ 9:16"]]
    await card.press("4 sec")
    await chat.wait(says("“a lighthouse, vertical, 8 seconds”\n\n4 seconds · 9:16"))


async def test_sound_is_chosen_where_there_is_a_choice_and_words_preset_it(
    bot: Bot, harness: Harness, chat: PrivateChat, ann: Person, provider: AimlApiSandbox
) -> None:
    await chat.send(ann, "a lighthouse, no sound --model veo-3.1")
    card = await chat.wait(says("Veo 3.1 · no sound"))
    assert labels(card)[-2] == ["With sound", "✓ No sound"]
    await card.press("With sound")
    await chat.wait(says("“a lighthouse, no sound”\n\n4 seconds · 16:9 · 720p · Veo 3.1\n"))
    assert labels(card)[-2] == ["✓ With sound", "No sound"]
    await card.press("6 sec")
    await chat.wait(says("6 seconds · 16:9 · 720p · Veo 3.1\n"))
    await card.press("No sound")
    await chat.wait(says("6 seconds · 16:9 · 720p · Veo 3.1 · no sound"))
    await card.press("Make it")
    video = await chat.wait(shows_video("a lighthouse, no sound"))
    assert provider.submissions[0].body["generate_audio"] is False
    await settled(harness)
    await chat.send(ann, "with sound, please", reply_to=video)
    card = await chat.wait(says("“a lighthouse, no sound”\n\n6 seconds · 16:9 · 720p · Veo 3.1\n"))
    await chat.send(ann, "darker, without sound", reply_to=card)
    card = await chat.wait(says("Veo 3.1 · no sound"))
    await card.press("Model: Veo 3.1")
    await chat.wait(lambda m: m is card and "Veo 3.1 Fast" in str(m))
    assert "Sora 2" not in str(card), "it always makes sound"


async def test_what_was_tapped_stays_when_words_come_or_change(
    bot: Bot, harness: Harness, chat: PrivateChat, ann: Person, provider: AimlApiSandbox
) -> None:
    idea = await chat.send(ann, "a lighthouse")
    card = await chat.wait(says("“a lighthouse”"))
    await card.press("8 sec")
    await chat.wait(says("8 seconds · 16:9"))
    await chat.edit(idea, "a windmill")
    await chat.wait(says("“a windmill”\n\n8 seconds · 16:9"))
    await chat.send(ann, "at night", reply_to=card)
    card = await chat.wait(says("“a windmill. At night”\n\n8 seconds · 16:9"))
    await card.press("9:16")
    await chat.wait(says("8 seconds · 9:16"))
    assert "Only my words · 17" in str(card)
    await chat.send(ann, "12 seconds", reply_to=card)
    await chat.wait(says("12 seconds · 9:16"))
    await chat.send(ann, "/quota")
    await chat.send_photo(ann, photo(1280, 720))
    card = await chat.wait(says("What should happen?"))
    await card.press("8 sec")
    await chat.wait(lambda m: m is card and "Gentle movement · 17" in str(m))
    await chat.send(ann, "the waves roll in")
    await chat.wait(shows_video("the waves roll in"))
    assert provider.submissions[-1].body["duration"] == 8
    await settled(harness)
    assert await spent(harness, ann) == 17


async def test_another_shape_shows_what_is_cut_of_the_photo(
    bot: Bot, chat: PrivateChat, ann: Person, provider: AimlApiSandbox
) -> None:
    await chat.send_photo(ann, photo(1280, 720))
    card = await chat.wait(says("What should happen?"))
    assert not card.photo
    await card.press("9:16")
    await chat.wait(lambda m: m is card and "68% of the photo is cut away" in (m.caption or ""))
    assert "Whole picture · 9" in str(card)
    cut = card.photo
    assert cut
    await card.press("16:9")
    await chat.wait(lambda m: m is card and "cut away" not in (m.caption or ""))
    assert card.photo
    assert card.photo != cut, "the picture is shown as it will be"
    await card.press("Gentle movement · 9")
    await chat.wait(shows_video())
    assert provider.submissions[0].body["aspect_ratio"] == "16:9"


async def test_only_its_owner_chooses_on_a_card_and_only_what_there_is(
    bot: Bot,
    harness: Harness,
    telegram: TelegramSandbox,
    chat: PrivateChat,
    ann: Person,
    bob: Person,
) -> None:
    club = telegram.group("Film club", [ann, bob])
    await club.send(ann, "/video a fox, 8 seconds")
    shown = await club.wait(says("Make a video of this?"))
    assert labels(shown) == [["🎬 Make it · 17", "No"]], "a group is not talked to on and on"
    await chat.send(ann, "a lighthouse")
    card = await chat.wait(says("“a lighthouse”"))
    before, number = card.text, card.button("8 sec").data.split(":")[1]  # type: ignore[union-attr]

    async def made_up(data: str, by: Person) -> str:
        answer = await telegram.world.press(shown, Button("made up", data), by=by, timeout=5)
        return answer.text or ""

    assert await made_up(f"toggle:{number}:seconds:8", bob) == "This card is gone."
    for data in ("seconds:99", "seconds:x", "ar:1x1", "res:4k", "model:evil", "pro:1", ":"):
        answer = await telegram.world.press(
            card, Button("made up", f"toggle:{number}:{data}"), by=ann, timeout=5
        )
        assert answer.text == "Not offered now."
    assert card.text == before
    await card.press("Make it")
    await chat.wait(shows_video("a lighthouse"))
    late = await telegram.world.press(
        shown, Button("made up", f"toggle:{number}:seconds:8"), by=ann, timeout=5
    )
    assert late.text == "This card is gone."
    await settled(harness)
    assert (await spent(harness, ann), await spent(harness, bob)) == (9, 0)
