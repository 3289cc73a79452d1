"""While videos are made: a reaction, one board for many, a place in the line; nothing stays."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from generation.jobs.queue import Forecast
from handlers.replies.boards import board_text
from handlers.replies.status import round_position
from sandbox.aimlapi import Fault as ProviderFault
from sandbox.telegram import Fault
from tests.flows.predicates import says, shows_video
from tests.handlers.shared import SPEECH, settled

if TYPE_CHECKING:
    from bot.app import Bot
    from sandbox.aimlapi import AimlApiSandbox
    from sandbox.telegram import Group, Message, Person, PrivateChat, TelegramSandbox
    from tests.harness import Harness


def is_board(message: Message) -> bool:
    return (message.text or "").startswith("🎬 ")


async def reacted(message: Message, seconds: float = 5) -> None:
    async with asyncio.timeout(seconds):
        while message.reactions != ["👀"]:
            await asyncio.sleep(0.01)


async def gone(message: Message, seconds: float = 5) -> None:
    async with asyncio.timeout(seconds):
        while message.reactions:
            await asyncio.sleep(0.01)


async def test_one_order_in_a_group_is_acknowledged_by_a_reaction_and_no_text(
    bot: Bot, harness: Harness, club: Group, ann: Person, provider: AimlApiSandbox
) -> None:
    provider.render_seconds = 0.5
    asked = await club.send(ann, "/video a boat")
    await reacted(asked)
    await club.wait(shows_video("a boat"))
    await settled(harness)
    assert [m for m in club.from_bot if m.text] == []
    assert len(harness.telegram.calls_of("sendMessage")) == 0


@pytest.mark.parametrize("end", ["delivered", "failed"])
async def test_the_reaction_is_taken_back_when_there_is_nothing_more_to_wait_for(
    bot: Bot, harness: Harness, club: Group, ann: Person, provider: AimlApiSandbox, end: str
) -> None:
    provider.render_seconds = 0.5
    if end == "failed":
        provider.faults.next("submit", ProviderFault.moderation())
    asked = await club.send(ann, "/video a boat")
    await harness.telegram.wait_for_call("setMessageReaction")
    await club.wait(shows_video("a boat") if end == "delivered" else says("was refused"))
    await harness.telegram.wait_for_call("setMessageReaction", count=2)
    await gone(asked)
    await settled(harness)


async def test_a_reaction_left_by_a_stopped_bot_is_taken_back_by_the_next(
    harness: Harness, club: Group, ann: Person, provider: AimlApiSandbox
) -> None:
    provider.render_seconds = 1.0
    async with harness.running():
        asked = await club.send(ann, "/video a boat")
        await reacted(asked)
        await provider.wait_for_submissions(1)
    async with harness.running():
        await club.wait(shows_video("a boat"))
        await gone(asked)


async def test_where_a_group_allows_no_such_reaction_a_text_says_it(
    bot: Bot, telegram: TelegramSandbox, club: Group, ann: Person, provider: AimlApiSandbox
) -> None:
    telegram.faults.always("setMessageReaction", Fault.error(400, "Bad Request: REACTION_INVALID"))
    provider.render_seconds = 0.5
    asked = await club.send(ann, "/video a boat")
    status = await club.wait(says("Expected in about", to=asked.message_id))
    await club.wait(shows_video("a boat"))
    await club.wait_gone(status)


async def test_several_orders_share_one_board_that_goes_with_the_last(
    bot: Bot, club: Group, ann: Person, bob: Person, provider: AimlApiSandbox
) -> None:
    provider.render_seconds = 1.0
    await club.send(ann, "/video a boat")
    await club.send(bob, "/video a train")
    board = await club.wait(is_board)
    assert "Ann: in about" in (board.text or "")
    assert "Bob: in about" in (board.text or "")
    assert [(mark["type"], mark["date_time_format"]) for mark in board.entities] == [
        ("date_time", "r"),
        ("date_time", "r"),
    ]
    assert board.silent
    await club.wait(shows_video("a boat"))
    await club.wait(shows_video("a train"))
    await club.wait_gone(board)
    assert [m for m in club.from_bot if m.text] == []


async def test_each_topic_has_a_board_of_its_own(
    bot: Bot, telegram: TelegramSandbox, ann: Person, bob: Person, provider: AimlApiSandbox
) -> None:
    forum = telegram.group("Forum", [ann, bob], forum=True)
    topic = forum.topic("Films")
    provider.render_seconds = 1.0
    await forum.send(ann, "/video a boat", topic=topic)
    await forum.send(bob, "/video a train", topic=topic)
    board = await forum.wait(is_board)
    assert board.topic is topic
    await forum.wait_gone(board)


async def test_who_waits_for_a_slot_is_counted_on_the_board(
    harness: Harness, club: Group, ann: Person, bob: Person, provider: AimlApiSandbox
) -> None:
    provider.render_seconds = 1.0
    async with harness.running(provider_slots=1):
        await club.send(ann, "/video a boat")
        await provider.wait_for_submissions(1)
        await club.send(bob, "/video a train")
        await club.send(bob, "/video a plane")
        board = await club.wait(lambda m: is_board(m) and "waiting" in (m.text or ""))
        for prompt in ("a boat", "a train", "a plane"):
            await club.wait(shows_video(prompt))
        await club.wait_gone(board)


async def test_one_that_takes_half_as_long_again_is_said_to(
    harness: Harness, club: Group, ann: Person, provider: AimlApiSandbox
) -> None:
    async with harness.running():
        for n in range(3):
            await club.send(ann, f"/video quick boat {n}")
            await club.wait(shows_video(f"quick boat {n}"))
        await settled(harness)
        provider.render_seconds = 30
        asked = await club.send(ann, "/video slow boat")
        await reacted(asked)
        board = await club.wait(says("longer than usual"), timeout=20)
        assert "Ann" in (board.text or "")


async def test_a_board_left_by_a_stopped_bot_is_taken_down_by_the_next(
    harness: Harness, club: Group, ann: Person, bob: Person, provider: AimlApiSandbox
) -> None:
    provider.render_seconds = 1.0
    async with harness.running():
        await club.send(ann, "/video a boat")
        await club.send(bob, "/video a train")
        board = await club.wait(is_board)
    async with harness.running():
        await club.wait(shows_video("a boat"))
        await club.wait(shows_video("a train"))
        await club.wait_gone(board)


async def test_alone_with_the_bot_the_status_tells_the_place_in_the_line(
    harness: Harness,
    telegram: TelegramSandbox,
    chat: PrivateChat,
    ann: Person,
    bob: Person,
    provider: AimlApiSandbox,
) -> None:
    provider.render_seconds = 2.0
    theirs = telegram.private(bob)
    async with harness.running(provider_slots=1):
        await theirs.send(bob, "/video a boat")
        await provider.wait_for_submissions(1)
        await theirs.send(bob, "/video a second boat")
        await theirs.wait(says("Number 1 in line"))
        await chat.send(ann, "/video a train")
        status = await chat.wait(says("in line"))
        assert "Expected in about" in (status.text or "")
        await chat.wait(shows_video("a train"), timeout=30)
        await chat.wait_gone(status)


async def test_full_slots_are_given_in_turn_to_people_and_chats(
    harness: Harness,
    telegram: TelegramSandbox,
    club: Group,
    ann: Person,
    bob: Person,
    provider: AimlApiSandbox,
) -> None:
    # all ask while the first one is made
    provider.render_seconds = 3.0
    cleo = telegram.person("Cleo")
    hers = telegram.private(cleo)
    async with harness.running(provider_slots=1):
        for n in range(3):
            await club.send(ann, f"/video ann {n}")
        await provider.wait_for_submissions(1)
        theirs = await club.send(bob, "/video bob")
        await hers.send(cleo, "/video cleo")
        await reacted(theirs)
        provider.render_seconds = 0.5
        await provider.wait_for_submissions(5, timeout=60)
    prompts = [one.body["prompt"] for one in provider.submissions]
    assert prompts[0] == "ann 0"
    assert set(prompts[1:]) == {"ann 1", "ann 2", "bob", "cleo"}
    assert prompts.index("ann 2") > max(prompts.index("bob"), prompts.index("cleo"))


def test_a_board_names_six_and_counts_the_rest() -> None:
    lines = [(f"P{n}", Forecast(140.0)) for n in range(8)]
    lines += [("Q", Forecast(200.0, position=3))] * 3
    said = board_text(lines, SPEECH, 100.0)
    assert said.text.startswith("🎬 P0: in about 40 seconds · P1")
    assert said.text.endswith("P5: in about 40 seconds · 2 more · 3 waiting")
    assert [at for _, at in said.moments] == [140.0] * 6


def test_a_board_stays_as_it_is_while_only_time_passes() -> None:
    def state(now: float, *forecasts: Forecast) -> str:
        entries = [("Ann", forecast) for forecast in forecasts]
        return board_text(entries, SPEECH, now).state

    assert state(0.0, Forecast(140.0)) == state(120.0, Forecast(140.0, done=0.9))
    assert state(0.0, Forecast(140.0)) != state(150.0, Forecast(None))
    assert state(0.0, Forecast(None)) != state(0.0, Forecast(None, is_late=True))


def test_few_places_in_the_line_are_worth_an_edit() -> None:
    assert [round_position(place) for place in (1, 2, 3, 4, 5, 6, 11, 99, 250)] == [
        1, 2, 3, 5, 5, 10, 20, 100, 250
    ]  # fmt: skip
