"""Films: a video goes on where another ends, and its scenes become one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import av
import pytest

from sandbox.aimlapi import Fault, Render
from sandbox.telegram.faults import Fault as TelegramFault
from sandbox.telegram.methods import receiving
from storage import generations, videos
from storage.ledger import Account
from tests.flows.predicates import says, shows_video
from tests.groups.actions import confirmed, made, spent
from tests.handlers.shared import settled

if TYPE_CHECKING:
    from pathlib import Path

    from bot.app import Bot
    from sandbox.aimlapi import AimlApiSandbox
    from sandbox.telegram import Group, Message, Person, PrivateChat, TelegramSandbox
    from tests.harness import Harness


async def asked(chat: PrivateChat | Group, video: Message, *, by: Person | None = None) -> Message:
    """Tap Continue, and find the question."""
    if not any("Continue" in label for label in video.labels):
        await video.press("More…")
        await chat.wait(lambda m: m is video and any("Continue" in label for label in m.labels))
    await video.press("Continue", by=by)
    return await chat.wait(says("What happens next?", to=video.message_id))


def length(path: Path) -> float:
    with av.open(str(path)) as container:
        video = container.streams.video[0]
        return float((video.duration or 0) * (video.time_base or 0))


def shown(path: Path) -> int:
    """Decode a video to its last frame, and count them."""
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))


async def sent_scenes(harness: Harness) -> list[int]:
    """Return the scenes of the film that was asked for last."""
    async with harness.db.reading() as connection:
        rows = await connection.fetch_all("SELECT facts FROM notices WHERE kind = 'film'")
    found: list[int] = json.loads(rows[-1]["facts"])["scenes"]
    return found


async def parents(harness: Harness) -> list[int | None]:
    async with harness.db.reading() as connection:
        found = [await generations.find(connection, number) for number in range(1, 10)]
    return [one.parent for one in found if one is not None]


async def test_continue_asks_what_happens_next_and_the_answer_begins_at_the_last_frame(
    harness: Harness, chat: PrivateChat, ann: Person, provider: AimlApiSandbox
) -> None:
    async with harness.running():
        video = await made(
            harness, chat, ann, "a boat in the bath --seconds 8", "a boat in the bath"
        )
    async with harness.running():
        question = await asked(chat, video)
        assert "17 of your" in (question.text or ""), "the price is said before it is charged"
        assert await spent(harness, ann) == 17
    async with harness.running():
        await chat.send(ann, "it sails out of the window")
        onward = await chat.wait(shows_video("it sails out of the window"))
        await settled(harness)
        await chat.wait_gone(question)
        body = provider.submissions[-1].body
        assert provider.submissions[-1].model.endswith("i2v")
        assert (body["prompt"], body["duration"]) == ("it sails out of the window", 8)
        assert await spent(harness, ann) == 34
        assert await parents(harness) == [None, 1]
        # a scene of that: its own Continue, by a tap
        question = await asked(chat, onward)
    async with harness.running():
        await question.press("Just go on · 17")
        last = await chat.wait(lambda m: m.video is not None and m.reply_to == onward.message_id)
        assert last.caption == "it sails out of the window"
        await settled(harness)
        assert await parents(harness) == [None, 1, 2]


async def test_options_alone_go_on_after_a_tap_and_no_closes_the_question(
    bot: Bot, harness: Harness, chat: PrivateChat, ann: Person, provider: AimlApiSandbox
) -> None:
    video = await made(harness, chat, ann, "a boat in the bath")
    question = await asked(chat, video)
    await chat.send(ann, "8 seconds")
    card = await chat.wait(says("Animate its last frame?"))
    await chat.wait_gone(question)
    assert "a boat in the bath" in (card.text or "")
    await card.press("Make it · 17")
    await chat.wait(lambda m: m.video is not None and m is not video)
    await settled(harness)
    assert provider.submissions[-1].body["duration"] == 8
    assert await parents(harness) == [None, 1]
    question = await asked(chat, video)
    await chat.send(ann, "vertical")
    card = await chat.wait(says("of the photo is cut away"))
    assert card.photo, "what is cut is shown before it costs"
    assert "Whole picture · 9" in str(card)
    question = await asked(chat, video)
    await question.press("No")
    await chat.wait_gone(question)
    assert len(provider.submissions) == 2


async def test_a_scene_that_failed_and_is_tried_again_belongs_to_its_film(
    bot: Bot, harness: Harness, chat: PrivateChat, ann: Person, provider: AimlApiSandbox
) -> None:
    video = await made(harness, chat, ann, "a boat in the bath")
    question = await asked(chat, video)
    provider.faults.next("submit", Fault.http(500))
    await question.press("Just go on")
    failed = await chat.wait(says("Something broke at the video service."))
    await failed.press("Try again")
    await chat.wait(lambda m: m.video is not None and m is not video)
    await settled(harness)
    assert await parents(harness) == [None, 1, 1]


async def a_film(harness: Harness, chat: PrivateChat, ann: Person) -> list[Message]:
    """Three scenes: a boat in the bath, it sails away, it sinks."""
    scenes = [await made(harness, chat, ann, "a boat in the bath")]
    for words in ("it sails away", "it sinks"):
        await asked(chat, scenes[-1])
        await chat.send(ann, words)
        scenes.append(await chat.wait(shows_video(words)))
        await settled(harness)
    return scenes


def listed(message: Message) -> list[str]:
    return (message.caption or message.text or "").splitlines()[1:]


def of_film(message: Message, *prompts: str) -> bool:
    return listed(message) == [f"{n}. {prompt}" for n, prompt in enumerate(prompts, 1)]


async def test_the_scenes_of_a_film_are_sent_as_one_video_after_a_restart_between_any_two_taps(
    harness: Harness, chat: PrivateChat, ann: Person, telegram: TelegramSandbox, tmp_path: Path
) -> None:
    async with harness.running():
        scenes = await a_film(harness, chat, ann)
        paid = await spent(harness, ann)
    async with harness.running():
        await chat.send(ann, "/story")
        story = await chat.wait(says("Your film: 3 scenes, 12 seconds."))
        assert story.photo, "each has its still"
        assert of_film(story, "a boat in the bath", "it sails away", "it sinks")
    async with harness.running():
        hanging = telegram.faults.always("getFile", TelegramFault.hang())
        asked_before = len(telegram.calls_of("getFile"))
        await story.press("Send the whole film · free")
        await telegram.wait_for_call("getFile", count=asked_before + 1)
    hanging.release()
    async with harness.running():
        film = await chat.wait(
            lambda m: m.video is not None and m.reply_to == story.message_id, timeout=30
        )
        assert film.caption == "a boat in the bath … it sails away … it sinks"
        assert await spent(harness, ann) == paid, "it is free"
        assert film.buttons == []
    assert film.media is not None
    clips = [scene.media.path for scene in scenes if scene.media is not None]
    assert length(film.media.path) == pytest.approx(sum(map(length, clips)), abs=0.01)
    assert shown(film.media.path) == sum(map(shown, clips)), "decoded to the last frame"
    assert film.media.duration == 12


async def test_a_scene_is_taken_out_and_another_made_anew_where_it_stands(
    harness: Harness, chat: PrivateChat, ann: Person, provider: AimlApiSandbox
) -> None:
    async with harness.running(free_credits=200):
        scenes = await a_film(harness, chat, ann)
        await chat.send(ann, "/story", reply_to=scenes[0])
        story = await chat.wait(says("Your film: 3 scenes"))
        await story.press("2")
        await chat.wait(lambda m: m is story and "Take it out" in str(m))
    async with harness.running(free_credits=200):
        shown_before = story.photo
        await story.press("Make scene 2 anew · 9")
        again = await chat.wait(
            lambda m: m.video is not None and m.reply_to == story.message_id, timeout=20
        )
        assert again.caption == "it sails away"
        await chat.wait(lambda m: m is story and "Send the whole film" in str(m))
        assert story.photo != shown_before, "it shows the new scene by itself"
        await settled(harness)
        _, second, _, anew = provider.submissions
        assert anew.body["image_url"] == second.body["image_url"], "from the same last frame"
    async with harness.running(free_credits=200):
        assert of_film(story, "a boat in the bath", "it sails away", "it sinks")
        await story.press("Send the whole film")
        assert await sent_scenes(harness) == [1, 4, 3], "the newer one stands in its place"
        await story.press("1")
        await chat.wait(lambda m: m is story and "Take it out" in str(m))
    async with harness.running(free_credits=200):
        await story.press("Take it out")
        await chat.wait(lambda m: m is story and of_film(m, "it sails away", "it sinks"))
        assert story.photo
        await story.press("2")
        await chat.wait(lambda m: m is story and "Take it out" in str(m))
        await story.press("Take it out")
        await chat.wait(lambda m: m is story and says("One scene so far.")(m))
        assert [[button.text for button in row] for row in story.buttons] == [["🎞 Next scene · 9"]]
    async with harness.running(free_credits=200):
        await story.press("Next scene")
        await chat.wait(says("What happens next?", to=story.message_id))


async def test_a_scene_made_anew_whose_neighbour_was_taken_out_is_still_the_story(
    bot: Bot, harness: Harness, chat: PrivateChat, ann: Person
) -> None:
    first = await made(harness, chat, ann, "a boat in the bath")
    await asked(chat, first)
    await chat.send(ann, "it sails away")
    second = await chat.wait(shows_video("it sails away"))
    await settled(harness)
    story = await story_of(chat, ann)
    await story.press("2")
    await chat.wait(lambda m: m is story and "Take it out" in str(m))
    await story.press("Make scene 2 anew · 9")
    await chat.wait(lambda m: shows_video("it sails away")(m) and m is not second)
    await settled(harness)
    await chat.wait(lambda m: m is story and "Send the whole film" in str(m))
    await story.press("1")
    await chat.wait(lambda m: m is story and "Take it out" in str(m))
    await story.press("Take it out")
    await chat.wait(lambda m: m is story and of_film(m, "it sails away"))
    assert of_film(await story_of(chat, ann), "it sails away")


async def test_the_message_that_shows_a_film_follows_it_past_restarts_and_changes_at_nothing_else(
    harness: Harness, chat: PrivateChat, ann: Person, telegram: TelegramSandbox,
    provider: AimlApiSandbox,
) -> None:  # fmt: skip
    async with harness.running():
        scenes = [await made(harness, chat, ann, "a boat in the bath")]
        await asked(chat, scenes[0])
        await chat.send(ann, "it sails away")
        second = await chat.wait(shows_video("it sails away"))
        await settled(harness)
        story = await story_of(chat, ann)
        await asked(chat, second)
        provider.next_render = Render.never()
        await chat.send(ann, "it sinks")
        await provider.wait_until(lambda: len(provider.generations.by_id) == 3, "it is made")
        asked_before = len(telegram.calls_of("editMessageMedia"))
    async with harness.running():
        # the stop comes before it can be shown
        shows = telegram.faults.next("editMessageMedia", TelegramFault.hang())
        *_, last = provider.generations.by_id.values()
        last.charged, last.status = last.price, "completed"
        await chat.wait(shows_video("it sinks"))
        await telegram.wait_for_call("editMessageMedia", count=asked_before + 1)
    shows.release()
    asked_before = len(telegram.calls_of("editMessageMedia"))
    async with harness.running():
        await chat.wait(
            lambda m: m is story and of_film(m, "a boat in the bath", "it sails away", "it sinks")
        )
        assert "Your film: 3 scenes, 12 seconds." in (story.caption or "")
        await made(harness, chat, ann, "a train --seconds 4", "a train")
        await chat.send(ann, "/history")
        page = await chat.wait(lambda m: m.message_id > story.message_id and "Delete" in str(m))
        await page.press("Delete")
        await chat.wait(lambda m: m is page and "🗑 2" in str(m))
        edits = telegram.calls_of("editMessageMedia")[asked_before:]
        edited = [call.params["message_id"] for call in edits]
        assert edited.count(story.message_id) == 1, "another video changes no film"
    async with harness.running():
        await confirmed(chat, page, "🗑 2")
        await chat.wait(lambda m: m is story and of_film(m, "a boat in the bath", "it sails away"))


async def story_of(chat: PrivateChat | Group, person: Person) -> Message:
    """Ask for the last film."""
    sent = await chat.send(person, "/story")
    return await chat.wait(lambda m: m.message_id > sent.message_id and bool(listed(m)))


async def test_what_telegram_does_not_give_back_comes_from_the_provider_or_is_said(
    bot: Bot, harness: Harness, chat: PrivateChat, ann: Person, telegram: TelegramSandbox,
    provider: AimlApiSandbox, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    scenes = await a_film(harness, chat, ann)
    monkeypatch.setattr(receiving, "DOWNLOAD_BYTES", 0)
    story = await story_of(chat, ann)
    await story.press("Send the whole film")
    film = await chat.wait(lambda m: m.video is not None and m.reply_to == story.message_id)
    assert film.media is not None
    assert shown(film.media.path) == sum(shown(one.media.path) for one in scenes if one.media)
    # its last frame comes from there as well
    await story.press("Next scene")
    await (await chat.wait(says("What happens next?"))).press("Just go on")
    await chat.wait(
        lambda m: m.video is not None and m.caption == "it sinks" and m is not scenes[2]
    )
    await settled(harness)
    provider.faults.always("poll", Fault.http(404))
    await story.press("Send the whole film")
    await chat.wait(says("Telegram does not give me scene 1 back", to=story.message_id))
    await (await asked(chat, scenes[0])).press("Just go on")
    await chat.wait(says("Send me a screenshot of it instead. 9 credits are back."))


async def test_a_film_that_was_promised_and_cannot_be_had_any_more_is_told_of(
    harness: Harness, chat: PrivateChat, ann: Person, telegram: TelegramSandbox
) -> None:
    async with harness.running():
        question = await asked(chat, await made(harness, chat, ann, "a boat in the bath"))
        await question.press("Just go on")
        await chat.wait(lambda m: m.video is not None and m.message_id > question.message_id)
        await settled(harness)
        story = await story_of(chat, ann)
        telegram.faults.next("sendVideo", TelegramFault.error(400, "Bad Request: odd"))
        await story.press("Send the whole film")
        await chat.wait(says("I could not make this film.", to=story.message_id))
        hanging = telegram.faults.always("getFile", TelegramFault.hang())
        asked_before = len(telegram.calls_of("getFile"))
        await story.press("Send the whole film")
        await telegram.wait_for_call("getFile", count=asked_before + 1)
        async with harness.db.transaction() as tx:
            for number in (1, 2):
                await videos.forget(tx, Account.person(ann.id), number)
    hanging.release()
    async with harness.running():
        await chat.wait(says("The scenes of this film are deleted", to=story.message_id))


async def test_while_a_film_is_made_nobody_waits_for_it_and_a_second_one_is_not_begun(
    bot: Bot, harness: Harness, chat: PrivateChat, ann: Person, telegram: TelegramSandbox,
    provider: AimlApiSandbox,
) -> None:  # fmt: skip
    await a_film(harness, chat, ann)
    story = await story_of(chat, ann)
    hanging = telegram.faults.always("getFile", TelegramFault.hang())
    assert "in a moment" in (await story.press("Send the whole film")).text
    assert "already on its way" in (await story.press("Send the whole film")).text
    await made(harness, chat, ann, "a train")
    provider.faults.next("submit", Fault.http(500))
    await chat.send(ann, "/video a plane")
    await chat.wait(says("Something broke at the video service."))
    hanging.release()
    film = await chat.wait(lambda m: m.video is not None and m.reply_to == story.message_id)
    assert film.caption == "a boat in the bath … it sails away … it sinks"


async def test_in_a_group_a_film_is_of_what_stands_there_and_its_buttons_are_its_owners(
    bot: Bot, harness: Harness, chat: PrivateChat, club: Group, ann: Person, bob: Person
) -> None:
    alone = await made(harness, chat, ann, "a secret")
    question = await asked(chat, alone)
    await question.press("Just go on")
    await chat.wait(lambda m: m.video is not None and m is not alone)
    await settled(harness)
    await club.send(ann, "/story")
    await club.wait(says("No film yet."))
    scenes = [await made(harness, club, ann, "a boat in the bath")]
    for words in ("it sails away", "it sinks"):
        question = await asked(club, scenes[-1], by=ann)
        await club.send(ann, words, reply_to=question)
        scenes.append(await club.wait(shows_video(words)))
        await settled(harness)
    await club.send(bob, "/story", reply_to=scenes[0])
    await club.wait(says("That video is somebody else's."))
    story = await story_of(club, ann)
    assert of_film(story, "a boat in the bath", "it sails away", "it sinks")
    for label in ("2", "Send the whole film"):
        assert "somebody else's" in (await story.press(label, by=bob)).text
    await story.press("2", by=ann)
    await club.wait(lambda m: m is story and "Take it out" in str(m))
    assert "Tap again to start." in (await story.press("Make scene 2 anew", by=ann)).text
    await confirmed(club, scenes[1], "Delete", by=ann)
    await story.press("Back", by=ann)
    await club.wait(lambda m: m is story and of_film(m, "a boat in the bath", "it sinks"))
    await story.press("Send the whole film", by=ann)
    film = await club.wait(lambda m: m.video is not None and m.reply_to == story.message_id)
    assert film.caption == "a boat in the bath … it sinks"
