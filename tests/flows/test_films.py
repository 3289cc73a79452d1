"""Films: a video goes on where another ends, and its scenes become one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.aimlapi import Fault
from storage import generations
from tests.flows.looks import says, shows_video
from tests.groups.acts import made, spent
from tests.handlers.commons import settled

if TYPE_CHECKING:
    from bot.app import Bot
    from sandbox.aimlapi import AimlApiSandbox
    from sandbox.telegram import Message, Person, PrivateChat
    from tests.house import House


async def asked(chat: PrivateChat, video: Message) -> Message:
    """Tap Continue, and find the question."""
    if not any("Continue" in button.text for row in video.buttons for button in row):
        await video.press("More…")
        await chat.wait(
            lambda m: m is video and any("Continue" in b.text for row in m.buttons for b in row)
        )
    await video.press("Continue")
    return await chat.wait(says("What happens next?", to=video.message_id))


async def parents(house: House) -> list[int | None]:
    async with house.db.reading() as connection:
        found = [await generations.find(connection, number) for number in range(1, 10)]
    return [one.parent for one in found if one is not None]


async def test_continue_asks_what_happens_next_and_the_answer_begins_at_the_last_frame(
    house: House, chat: PrivateChat, ann: Person, provider: AimlApiSandbox
) -> None:
    async with house.running():
        video = await made(house, chat, ann, "a boat in the bath --seconds 8", "a boat in the bath")
    async with house.running():
        question = await asked(chat, video)
        assert "17 of your" in (question.text or ""), "the price is said before it is charged"
        assert await spent(house, ann) == 17
    async with house.running():
        await chat.send(ann, "it sails out of the window")
        onward = await chat.wait(shows_video("it sails out of the window"))
        await settled(house)
        await chat.wait_gone(question)
        body = provider.submissions[-1].body
        assert provider.submissions[-1].model.endswith("i2v")
        assert (body["prompt"], body["duration"]) == ("it sails out of the window", 8)
        assert await spent(house, ann) == 34
        assert await parents(house) == [None, 1]
        # a scene of that: its own Continue, by a tap
        question = await asked(chat, onward)
    async with house.running():
        await question.press("Just go on · 17")
        last = await chat.wait(lambda m: m.video is not None and m.reply_to == onward.message_id)
        assert last.caption == "it sails out of the window"
        await settled(house)
        assert await parents(house) == [None, 1, 2]


async def test_options_alone_go_on_after_a_tap_and_no_closes_the_question(
    bot: Bot, house: House, chat: PrivateChat, ann: Person, provider: AimlApiSandbox
) -> None:
    video = await made(house, chat, ann, "a boat in the bath")
    question = await asked(chat, video)
    await chat.send(ann, "8 seconds")
    card = await chat.wait(says("Animate its last frame?"))
    await chat.wait_gone(question)
    assert "a boat in the bath" in (card.text or "")
    await card.press("Make it · 17")
    await chat.wait(lambda m: m.video is not None and m is not video)
    await settled(house)
    assert provider.submissions[-1].body["duration"] == 8
    assert await parents(house) == [None, 1]
    question = await asked(chat, video)
    await question.press("No")
    await chat.wait_gone(question)
    assert len(provider.submissions) == 2


async def test_a_scene_that_failed_and_is_tried_again_belongs_to_its_film(
    bot: Bot, house: House, chat: PrivateChat, ann: Person, provider: AimlApiSandbox
) -> None:
    video = await made(house, chat, ann, "a boat in the bath")
    question = await asked(chat, video)
    provider.faults.next("submit", Fault.http(500))
    await question.press("Just go on")
    failed = await chat.wait(says("Something broke at the video service."))
    await failed.press("Try again")
    await chat.wait(lambda m: m.video is not None and m is not video)
    await settled(house)
    assert await parents(house) == [None, 1, 1]
