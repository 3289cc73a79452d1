"""A finished video goes where it was asked for, else to the next best place, else it is kept."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from storage import generations
from tests.flows.looks import says, shows_video

if TYPE_CHECKING:
    from sandbox.aimlapi import AimlApiSandbox
    from sandbox.telegram import Person, PrivateChat, TelegramSandbox
    from tests.house import House

RENDER = 1.0
"""Seconds in which the place is lost."""


@pytest.fixture
def slow(provider: AimlApiSandbox) -> None:
    provider.render_seconds = RENDER


async def becomes(house: House, state: str) -> None:
    """Wait until the one generation is in a state."""
    async with asyncio.timeout(15):
        while True:
            async with house.db.reading() as connection:
                found = await generations.find(connection, 1)
            if found is not None and found.state == state:
                return
            await asyncio.sleep(0.02)


async def test_a_deleted_message_is_not_answered_but_the_video_comes(
    house: House, chat: PrivateChat, ann: Person, provider: AimlApiSandbox, slow: None
) -> None:
    async with house.running():
        asked = await chat.send(ann, "/video a cat")
        await provider.wait_for_submissions(1)
        await chat.delete_message(asked)
        assert (await chat.wait(shows_video("a cat"))).reply_to is None


@pytest.mark.parametrize("how", ["close", "delete"])
async def test_a_topic_that_is_closed_or_gone_leads_to_the_group(
    how: str, house: House, telegram: TelegramSandbox, ann: Person, provider: AimlApiSandbox,
    slow: None,
) -> None:  # fmt: skip
    group = telegram.group("Film club", [ann], forum=True)
    topic = group.topic("Boats")
    async with house.running():
        await group.send(ann, "/video a cat", topic=topic)
        await provider.wait_for_submissions(1)
        getattr(group, how)(topic)
        assert (await group.wait(shows_video("a cat"))).topic is None


@pytest.mark.parametrize("how", ["disband", "kick_bot", "read_only"])
async def test_a_group_that_is_lost_leads_to_the_private_chat(
    how: str, house: House, telegram: TelegramSandbox, chat: PrivateChat, ann: Person,
    provider: AimlApiSandbox, slow: None,
) -> None:  # fmt: skip
    group = telegram.group("Film club", [ann])
    async with house.running():
        await chat.send(ann, "/start")
        await group.send(ann, "/video a cat")
        await provider.wait_for_submissions(1)
        getattr(group, how)()
        await chat.wait(shows_video("a cat"))


async def test_a_group_that_became_a_supergroup_gets_its_video_there(
    house: House, telegram: TelegramSandbox, ann: Person, provider: AimlApiSandbox, slow: None
) -> None:
    group = telegram.group("Film club", [ann], kind="group")
    async with house.running():
        await group.send(ann, "/video a cat")
        await provider.wait_for_submissions(1)
        await group.migrate().wait(shows_video("a cat"))


async def test_somebody_who_blocked_the_bot_is_brought_the_video_when_they_are_back(
    house: House, chat: PrivateChat, ann: Person, provider: AimlApiSandbox, slow: None
) -> None:
    async with house.running():
        await chat.send(ann, "/video a cat")
        await provider.wait_for_submissions(1)
        chat.block(ann)
        await becomes(house, "undeliverable")
        chat.unblock(ann)
        await chat.wait(says("I have a video for you"))
        await chat.wait(shows_video("a cat"))
        await becomes(house, "delivered")


async def test_who_never_started_the_bot_finds_the_video_on_their_first_start(
    house: House, telegram: TelegramSandbox, ann: Person, provider: AimlApiSandbox, slow: None
) -> None:
    group = telegram.group("Film club", [ann])
    async with house.running():
        await group.send(ann, "/video a cat")
        await provider.wait_for_submissions(1)
        group.disband()
        await becomes(house, "undeliverable")
        private = telegram.private(ann)
        await private.send(ann, "/start")
        await private.wait(shows_video("a cat"))
        await becomes(house, "delivered")
        await private.send(ann, "/start")
        await private.wait(lambda m: "Surprise" in str(m.buttons) and m is private.last)
        assert len([one for one in private.from_bot if one.video]) == 1


async def test_a_video_whose_file_is_gone_from_the_disk_is_fetched_again(
    house: House, chat: PrivateChat, ann: Person, provider: AimlApiSandbox, slow: None
) -> None:
    async with house.running():
        await chat.send(ann, "/video a cat")
        await provider.wait_for_submissions(1)
        chat.block(ann)
        await becomes(house, "undeliverable")
        (house.data / "videos" / "1.mp4").unlink()
        chat.unblock(ann)
        await chat.wait(shows_video("a cat"))
        assert len(provider.submissions) == 1
