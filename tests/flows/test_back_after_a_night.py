"""Orders that waited while the bot was away ask before they spend."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING

from sandbox.telegram import TelegramSandbox
from storage import inbox
from tests.flows.predicates import says, shows_video
from tests.harness import Harness

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox.aimlapi import AimlApiSandbox
    from tests.harness import LoggedErrors

NIGHT = 1_000.0
"""Seconds: a little more than a quarter of an hour."""


async def test_an_order_older_than_15_minutes_asks_first_and_a_fresh_one_does_not(
    provider: AimlApiSandbox, tmp_path: Path, errors: LoggedErrors
) -> None:
    ago = NIGHT
    async with TelegramSandbox(clock=lambda: time.time() - ago) as telegram:
        ann = telegram.person("Ann")
        chat = telegram.private(ann)
        await chat.send(ann, "/video a cat")
        ago = 0
        await chat.send(ann, "/video a dog")
        async with Harness(telegram, provider, tmp_path, errors).running():
            await chat.wait(shows_video("a dog"))
            card = await chat.wait(says("I was away. Still want this?"))
            assert [one.body["prompt"] for one in provider.submissions] == ["a dog"]
            await card.press("Make it")
            await chat.wait(shows_video("a cat"))


async def test_a_clock_that_is_fast_by_20_minutes_makes_no_order_late(
    harness: Harness, telegram: TelegramSandbox, provider: AimlApiSandbox
) -> None:
    chat = telegram.private(ann := telegram.person("Ann"))
    async with harness.running(clock=lambda: time.time() + 1_200.0):
        await chat.send(ann, "/video a cat")
        await chat.wait(shows_video("a cat"))
    assert not any("I was away" in (one.text or "") for one in chat.from_bot)


async def test_answers_dated_20_minutes_ahead_of_messages_make_no_order_late(
    provider: AimlApiSandbox, tmp_path: Path, errors: LoggedErrors
) -> None:
    # HTTP's date is that of whoever stands in between, by a clock of its own
    def clock() -> float:
        return time.time() - 1_200.0

    async with TelegramSandbox(clock=clock) as telegram:
        chat = telegram.private(ann := telegram.person("Ann"))
        async with Harness(telegram, provider, tmp_path, errors).running(clock=clock):
            await chat.send(ann, "/video a cat")
            await chat.wait(shows_video("a cat"))
    assert not any("I was away" in (one.text or "") for one in chat.from_bot)


async def test_in_a_group_each_person_is_asked_once(
    provider: AimlApiSandbox, tmp_path: Path, errors: LoggedErrors
) -> None:
    async with TelegramSandbox(clock=lambda: time.time() - NIGHT) as telegram:
        ann, bob = telegram.person("Ann"), telegram.person("Bob")
        group = telegram.group("Film club", [ann, bob])
        for words in ("a cat", "a dog", "a boat"):
            await group.send(ann, f"/video {words}")
        await group.send(bob, "/video a hill")
        async with Harness(telegram, provider, tmp_path, errors).running():
            await group.wait(says("a hill"))
            await group.wait(says("a boat"))  # the last wish is the one that counts
            async with asyncio.timeout(10):
                while len(asked := [one for one in group.from_bot if says("I was away")(one)]) > 2:
                    await asyncio.sleep(0.01)
            assert sum(says("a boat")(one) or says("a hill")(one) for one in asked) == 2
        assert provider.submissions == []


async def test_a_press_that_lay_here_through_the_night_is_to_be_made_again(
    provider: AimlApiSandbox, tmp_path: Path, errors: LoggedErrors
) -> None:
    async with TelegramSandbox() as telegram:
        ann = telegram.person("Ann")
        chat = telegram.private(ann)
        harness = Harness(telegram, provider, tmp_path, errors)
        async with harness.running():
            await chat.send(ann, "a cat")
            card = await chat.wait(lambda message: message.buttons)
            button = next(one for row in card.buttons for one in row if "Make it" in one.text)
            pressed = {
                "update_id": 1,
                "callback_query": {
                    "id": "1",
                    "from": {"id": ann.id, "is_bot": False, "first_name": "Ann"},
                    "chat_instance": "1",
                    "message": {
                        "message_id": card.message_id,
                        "date": int(time.time()),
                        "chat": {"id": ann.id, "type": "private", "first_name": "Ann"},
                    },
                    "data": button.data,
                },
            }
            async with harness.db.transaction() as tx:
                await inbox.receive(
                    tx, 1, queue_key=ann.id, body=json.dumps(pressed), now=time.time() - NIGHT
                )
        async with harness.running():
            await chat.wait(says("Tap again if you still want it."))
            assert provider.submissions == []
            await card.press("Make it")
            await chat.wait(shows_video("a cat"))
