"""/pause and /resume: no new orders, while what waits goes on waiting and what is made arrives."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from handlers.admin.pausing import read_pause
from storage.outages import Pause
from tests.flows.predicates import says, shows_video
from tests.groups.actions import finish, held_up

if TYPE_CHECKING:
    from sandbox.aimlapi import AimlApiSandbox
    from sandbox.telegram import Person, PrivateChat, TelegramSandbox
    from tests.harness import Harness

BREAK = "I am taking a break: new models."


@pytest.mark.parametrize(
    ("words", "pause"),
    [
        ("", Pause("", None)),
        ("maintenance tonight", Pause("maintenance tonight", None)),
        ("2h maintenance", Pause("maintenance", 7200.0)),
        ("1d12h", Pause("", 129_600.0)),
        ("30 minutes", Pause("", 1800.0)),
        ("1 day 2 hours moving house", Pause("moving house", 93_600.0)),
        ("2D12h", Pause("", 216_000.0)),
        ("30", None),
        ("-5", None),
        ("18:00 maintenance", None),
        ("٣٠ maintenance", None),
        ("2 men at work", None),
        ("99999d", None),
        ("midnight", Pause("midnight", None)),
        ("0m now", None),
        ("31d", None),
    ],
)
def test_a_pause_is_read_with_its_time_and_reason(words: str, pause: Pause | None) -> None:
    assert read_pause(words.split(), 0.0) == pause


@pytest.mark.slow
async def test_a_paused_bot_delivers_what_is_made_lets_the_rest_wait_and_takes_no_orders(
    harness: Harness, telegram: TelegramSandbox, provider: AimlApiSandbox, chat: PrivateChat,
    ann: Person, bob: Person,
) -> None:  # fmt: skip
    theirs, ahead = telegram.private(bob), 0.0

    def clock() -> float:
        return time.time() + ahead

    admins = frozenset({ann.id})
    async with harness.running(admin_ids=admins, provider_slots=1, clock=clock):
        await held_up(provider, theirs, bob)
        await theirs.send(bob, "/video a train")
        await theirs.wait(says("in line"))
        # a status that was said just now stays for a while
        ahead = 20.0
        await chat.send(ann, "/pause 2h new models")
        await theirs.wait(says("🎬 I am taking a break. Your video waits, and starts by itself"))
        told = await chat.wait(says("On the way: 1, delivered as usual. Waiting: 1."))
        assert f"{BREAK} You can order again in 2 hours. Nothing was charged." in (told.text or "")
        finish(provider)
        await theirs.wait(shows_video("a boat"))
        for words in ("/video a cat", "a cat"):
            asked = await theirs.send(bob, words)
            await theirs.wait(says(f"{BREAK} You can order again in", to=asked.message_id))
    async with harness.running(admin_ids=admins, provider_slots=1, clock=clock):
        asked = await theirs.send(bob, "/video a cat")
        await theirs.wait(says(BREAK, to=asked.message_id))
        assert len(provider.submissions) == 1, "what waits goes on waiting after a restart"
        ahead = 7230.0
        await theirs.send(bob, "/video a dog")
        for prompt in ("a train", "a dog"):
            await theirs.wait(shows_video(prompt))


async def test_a_pause_without_an_end_lasts_until_it_is_ended_by_an_admin(
    harness: Harness, telegram: TelegramSandbox, provider: AimlApiSandbox, chat: PrivateChat,
    ann: Person, bob: Person,
) -> None:  # fmt: skip
    club = telegram.group("Film club", [ann, bob])
    theirs = telegram.private(bob)
    async with harness.running(admin_ids=frozenset({ann.id}), provider_slots=1):
        await held_up(provider, theirs, bob)
        waiting = await club.send(bob, "/video a train")
        await telegram.wait_for_call("setMessageReaction")
        await chat.send(ann, "/pause")
        await chat.wait(says("On the way: 1, delivered as usual. Waiting: 1."))
        finish(provider)
        await theirs.wait(shows_video("a boat"))
        asked = await club.send(bob, "/video a cat")
        await club.wait(says("I am taking a break. Please try again later.", to=asked.message_id))
        for words in ("/resume", "/pause"):
            asked = await club.send(ann, words)
            await theirs.send(bob, words)
            await theirs.wait(says(f"I don't know {words}."))
        await chat.send(ann, "/pause 99d")
        await chat.wait(says("Write /pause [TIME] [REASON]"))
        assert len(provider.submissions) == 1
        await chat.send(ann, "/resume")
        await chat.wait(says("I take orders again"))
        await club.wait(shows_video("a train", to=waiting.message_id))
        await chat.send(ann, "/resume")
        await chat.wait(says("I was not paused."))
