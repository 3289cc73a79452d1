"""What the status of an order says while something is in its way, and that it goes."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from generation.jobs.schedule import PROBE_SECONDS
from handlers.replies import status as status_messages
from sandbox.aimlapi import Fault as Refusal
from sandbox.telegram import Fault
from storage import outages
from tests.flows.predicates import says, shows_video
from tests.flows.test_next_best_place import becomes
from tests.handlers.shared import settled, until
from tests.reliability.fault_cases import Clock

if TYPE_CHECKING:
    from sandbox.aimlapi import AimlApiSandbox
    from sandbox.telegram import Person, PrivateChat, TelegramSandbox
    from sandbox.telegram.faults import FaultRule
    from tests.harness import Harness

A_WHILE = 250.0
"""Seconds: longer than a video takes, shorter than an order waits for the service."""


async def is_closed(harness: Harness) -> None:
    """Wait until the bot knows that nothing is accepted."""
    await until(harness, outages.current)


@pytest.fixture
def slow(harness: Harness, telegram: TelegramSandbox) -> FaultRule:
    """The status, held up on its way until it is released, and not written down by itself."""
    harness.flush_seconds = 60.0
    return telegram.faults.next("sendMessage", Fault.hang())


async def test_an_order_that_waits_for_a_closed_service_says_so_until_it_opens(
    harness: Harness, chat: PrivateChat, ann: Person, provider: AimlApiSandbox
) -> None:
    harness.errors.expect("the provider refuses everything")
    clock, provider.balance = Clock(), Decimal(0)
    async with harness.running(clock=clock) as bot:
        await chat.send(ann, "/video a cat")
        status = await chat.wait(says("Expected in about"))
        await is_closed(harness)
        clock.skip(A_WHILE)
        bot.wake(1)
        await chat.wait(says("The video service is not taking orders right now"))
        provider.balance = Decimal(20)
        clock.skip(PROBE_SECONDS)
        bot.wake(1)
        await chat.wait(shows_video("a cat"))
        await chat.wait_gone(status)


async def test_the_status_goes_when_somebody_who_blocked_the_bot_is_back(
    harness: Harness, chat: PrivateChat, ann: Person, provider: AimlApiSandbox
) -> None:
    provider.render_seconds = 1.0
    async with harness.running():
        await chat.send(ann, "/video a cat")
        status = await chat.wait(says("Expected in about"))
        await provider.wait_for_submissions(1)
        chat.block(ann)
        await becomes(harness, "undeliverable")
    async with harness.running():
        chat.unblock(ann)
        await chat.wait(shows_video("a cat"))
        await chat.wait_gone(status)


async def test_a_restart_keeps_what_was_promised_and_goes_on_with_the_same_message(
    harness: Harness, chat: PrivateChat, ann: Person, provider: AimlApiSandbox
) -> None:
    clock, provider.render_seconds = Clock(), 60.0
    async with harness.running(clock=clock):
        await chat.send(ann, "/video a cat")
        status = await chat.wait(says("▱▱▱▱▱▱▱▱"))
        [mark] = status.entities
        assert (mark["type"], mark["date_time_format"]) == ("date_time", "r")
        assert "in about" in (status.text or "")
        await becomes(harness, "generating")
    clock.skip(0.6 * (mark["unix_time"] - clock()))
    async with harness.running(clock=clock):
        await chat.wait(lambda m: m is status and "▰▰▰▰▱▱▱▱" in (m.text or ""))
        assert [one["unix_time"] for one in status.entities] == [mark["unix_time"]]
    assert not status.deleted


async def test_a_status_turns_into_what_went_wrong_while_somebody_still_looks(
    harness: Harness, chat: PrivateChat, ann: Person, provider: AimlApiSandbox
) -> None:
    provider.faults.next("submit", Refusal.moderation())
    async with harness.running(undo_seconds=1):
        await chat.send(ann, "/video a cat")
        status = await chat.wait(says("On it!"))
        await chat.wait(lambda m: m is status and "credits are back" in (m.text or ""))
        assert status.labels == ["✏️ Change"]
        assert status.entities == []
    async with harness.running():
        await chat.send(ann, "/quota")
        await chat.wait(says("You have 54 credits"))
    assert not status.deleted


async def test_a_status_that_is_slow_to_come_comes_before_its_video_and_goes_with_it(
    harness: Harness, chat: PrivateChat, ann: Person, slow: FaultRule
) -> None:
    async with harness.running():
        await chat.send(ann, "/video a cat")
        await becomes(harness, "ready")
        assert not chat.from_bot
        slow.release()
        video = await chat.wait(shows_video("a cat"))
        [status] = [message for message in chat.from_bot if message is not video]
        assert status.message_id < video.message_id
        await chat.wait_gone(status)


async def test_a_status_that_was_not_waited_for_is_gone_as_soon_as_it_comes(
    harness: Harness,
    chat: PrivateChat,
    ann: Person,
    slow: FaultRule,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(status_messages, "STATUS_ARRIVAL_SECONDS", 0.1)
    async with harness.running():
        await chat.send(ann, "/video a cat")
        video = await chat.wait(shows_video("a cat"))
        await settled(harness)
        slow.release()
        late = await chat.wait(says("", after=video))
        await chat.wait_gone(late)


async def test_no_status_is_begun_of_a_video_that_was_made_before_it(
    harness: Harness, chat: PrivateChat, ann: Person, telegram: TelegramSandbox
) -> None:
    async with harness.running():
        await chat.send(ann, "a cat")
        card = await chat.wait(says("Make a video of this?"))
        slow = telegram.faults.next("answerCallbackQuery", Fault.hang())
        pressing = asyncio.create_task(card.press("Make it"))
        video = await chat.wait(shows_video("a cat"))
        await settled(harness)
        slow.release()
        await pressing
        await chat.wait_gone(card)
        await chat.send(ann, "/quota")
        said = await chat.wait(says("You have 45"))
        assert [m for m in chat.from_bot if m not in (card, video, said)] == []


async def test_what_goes_wrong_at_once_is_said_in_the_status_that_was_slow_to_come(
    harness: Harness, chat: PrivateChat, ann: Person, slow: FaultRule, provider: AimlApiSandbox
) -> None:
    async with harness.running():
        provider.faults.next("submit", Refusal.moderation())
        await chat.send(ann, "/video a cat")
        await becomes(harness, "failed")
        slow.release()
        await chat.wait(says("credits are back"))
        await settled(harness)
    assert len(chat.from_bot) == 1
