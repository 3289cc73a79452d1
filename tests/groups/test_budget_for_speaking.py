"""One budget per chat: results come first, what nobody misses is left out, others go on."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from telegram.error import RetryAfter

from bot.tasks import MAX_CONCURRENT_CHATS
from handlers.replies.outbox import UPLOADS
from handlers.replies.sending import (
    GROUP_LIMIT,
    ChatLimiter,
    NotSent,
    Pacing,
    Skipped,
    Urgency,
)
from sandbox.telegram import Fault
from tests.flows.predicates import says, shows_video
from tests.groups.conftest import PACED, SPEED
from tests.handlers.shared import settled

if TYPE_CHECKING:
    from typing import Any

    from sandbox.aimlapi import AimlApiSandbox
    from sandbox.telegram import Call, Group, Message, Person, TelegramSandbox
    from tests.harness import Harness

GROUP_ID = -1_000_000_000_007
SPOKEN = ("send", "edit")
UNHURRIED = replace(PACED, limits_second=1.25 / SPEED)
"""Slower than Telegram by what an upload may be late on a busy machine, a hundredth of a second
here being a tenth there."""


def busiest_minute(calls: list[Call], chat_id: int) -> int:
    """Return the most messages, edits and chat actions within a minute of Telegram's clock."""
    times = [
        call.at
        for call in calls
        if call.method.startswith(SPOKEN) and call.params.get("chat_id") == chat_id
    ]
    return max(sum(start <= at < start + 60 for at in times) for start in times)


def acknowledged(telegram: TelegramSandbox, message: Message) -> bool:
    """Whether an order was answered by a reaction, which goes when its video is there."""
    return any(
        call.params["message_id"] == message.message_id and call.params.get("reaction")
        for call in telegram.calls_of("setMessageReaction")
    )


async def test_25_people_ask_in_one_group_within_a_minute_and_all_get_their_videos(
    strict_harness: Harness, strict_telegram: TelegramSandbox, provider: AimlApiSandbox
) -> None:
    people = [strict_telegram.person(f"Member {n}") for n in range(25)]
    group = strict_telegram.group("Crowd", people)
    async with strict_harness.running(times=UNHURRIED):
        asked = await asyncio.gather(
            *(group.send(one, f"/video boat number {n}") for n, one in enumerate(people))
        )
        for message in asked:
            await group.wait(shows_video(to=message.message_id), timeout=60)
        await settled(strict_harness)
    assert [call.error for call in strict_telegram.calls if "429" in (call.error or "")] == []
    assert len([one for one in group.messages if one.video is not None]) == 25
    assert len(provider.submissions) == 25
    assert busiest_minute(strict_telegram.calls, group.id) <= 20
    for message in asked:
        assert acknowledged(strict_telegram, message)


async def test_status_edits_are_shed_while_results_are_due(
    strict_harness: Harness, strict_telegram: TelegramSandbox, provider: AimlApiSandbox
) -> None:
    provider.render_seconds = 0.5
    people = [strict_telegram.person(f"Member {n}") for n in range(12)]
    group = strict_telegram.group("Crowd", people)
    began = time.time()
    # a board may be changed every 15 s: on a busy machine they pass
    async with strict_harness.running(
        times=PACED, clock=lambda: began + (time.time() - began) / SPEED
    ):
        for n, one in enumerate(people):
            await group.send(one, f"/video boat number {n}")
        for n in range(12):
            await group.wait(shows_video(f"boat number {n}"), timeout=30)
        await settled(strict_harness)
    texts = strict_telegram.calls_of("sendMessage")
    edits = strict_telegram.calls_of("editMessageText")
    assert len(texts) + len(edits) <= 3, "twelve orders share one board, which is hardly touched"
    assert len(strict_telegram.calls_of("sendVideo")) == 12


async def test_a_flood_limit_in_one_chat_holds_up_no_other(
    harness: Harness, telegram: TelegramSandbox, ann: Person, bob: Person
) -> None:
    punished = telegram.group("Loud", [ann])
    other = telegram.group("Quiet", [bob])
    flood = telegram.faults.always("sendVideo", Fault.flood(3600), chat_id=punished.id)
    async with harness.running():
        for n in range(3):
            await punished.send(ann, f"/video boat {n}")
        await telegram.wait_for_call("sendVideo")
        for n in range(3):
            await other.send(bob, f"/video train {n}")
        for n in range(3):
            await other.wait(shows_video(f"train {n}"))
        assert flood.hits <= 3, "a chat that is to be left alone is left alone"
        assert not [one for one in punished.messages if one.video]


@pytest.mark.parametrize("shown", ["setMessageReaction", "getChatMember", "getChat"])
async def test_a_flood_limit_on_what_is_not_said_holds_up_no_video(
    shown: str, harness: Harness, telegram: TelegramSandbox, club: Group, ann: Person
) -> None:
    flood = telegram.faults.always(shown, Fault.flood(3600), chat_id=club.id)
    async with harness.running():
        for n in range(2):
            await club.send(ann, f"/video boat {n}")
            await club.wait(shows_video(f"boat {n}"))
    if shown == "setMessageReaction":
        assert flood.hits == 1, "what Telegram wants no more of for now is left alone"


async def test_what_waited_for_a_flood_limit_arrives_after_it(
    harness: Harness, telegram: TelegramSandbox, ann: Person
) -> None:
    group = telegram.group("Loud", [ann])
    telegram.faults.next("sendVideo", Fault.flood(1), chat_id=group.id)
    async with harness.running():
        asked = await group.send(ann, "/video a patient boat")
        await group.wait(shows_video(to=asked.message_id))
        await settled(harness)
    assert len([one for one in group.messages if one.video]) == 1


async def test_groups_that_wait_for_a_flood_limit_hold_up_nobody_in_private(
    strict_harness: Harness, strict_telegram: TelegramSandbox
) -> None:
    people = [strict_telegram.person(f"Member {n}") for n in range(UPLOADS)]
    floods = []
    async with strict_harness.running(times=PACED):
        for one in people:
            group = strict_telegram.group(f"Club of {one.first_name}", [one])
            rule = strict_telegram.faults.always("sendVideo", Fault.flood(50), chat_id=group.id)
            floods.append(rule)
            await group.send(one, "/video a boat")
        await strict_telegram.wait_for_call("sendVideo", count=UPLOADS)
        cleo = strict_telegram.person("Cleo")
        hers = strict_telegram.private(cleo)
        await hers.send(cleo, "/video a train")
        await hers.wait(shows_video("a train"), timeout=20)
    assert [rule.hits for rule in floods] == [1] * UPLOADS, "each is told once, and waits"


async def test_an_answer_waits_for_a_flood_limit_and_is_said_once(
    harness: Harness, telegram: TelegramSandbox, ann: Person
) -> None:
    chat = telegram.private(ann)
    telegram.faults.next("sendMessage", Fault.flood(1), chat_id=chat.id)
    async with harness.running():
        await chat.send(ann, "/help")
        await chat.wait(says("/video"))
    assert len(chat.from_bot) == 1


async def test_who_waits_for_a_flood_limit_gives_the_place_in_the_line_to_others(
    harness: Harness, telegram: TelegramSandbox, bob: Person
) -> None:
    loud = [telegram.private(telegram.person(f"P{n}")) for n in range(MAX_CONCURRENT_CHATS)]
    floods = [telegram.faults.next("sendMessage", Fault.flood(8), chat_id=one.id) for one in loud]
    async with harness.running():
        for one in loud:
            await one.send(one.members[0], "/help")
        async with asyncio.timeout(10):
            while not all(rule.hits for rule in floods):
                await asyncio.sleep(0.01)
        chat = telegram.private(bob)
        await chat.send(bob, "/help")
        await chat.wait(says("/video"))
        assert [one for one in loud if one.from_bot] == [], "they still wait"
        for one in loud:
            await one.wait(says("/video"))
    assert [len(one.from_bot) for one in loud] == [1] * MAX_CONCURRENT_CHATS


async def test_the_most_urgent_goes_first_then_who_came_first() -> None:
    # all of them ask before the limiter has room again, however busy the machine is
    limiter, order = ChatLimiter(1, 0.5), []

    async def speak(name: str, urgency: Urgency) -> None:
        await limiter.turn(urgency)
        order.append(name)

    await limiter.turn(Urgency.ANSWER)
    await asyncio.gather(
        speak("first answer", Urgency.ANSWER),
        speak("second answer", Urgency.ANSWER),
        speak("first result", Urgency.RESULT),
        speak("second result", Urgency.RESULT),
    )
    assert order[-2:] == ["first answer", "second answer"]
    assert order[:2] == ["first result", "second result"]


def test_a_full_bucket_and_its_leak_come_to_what_telegram_takes_in_a_minute() -> None:
    count, seconds = GROUP_LIMIT
    assert count + count * 60 / seconds == 20


async def request(pacing: Pacing, callback: Any, urgency: Urgency, chat: int = GROUP_ID) -> Any:
    return await pacing.process_request(callback, (), {}, "sendMessage", {"chat_id": chat}, urgency)


async def done() -> bool:
    return True


async def test_what_is_cosmetic_leaves_half_of_the_budget_to_what_matters() -> None:
    pacing = Pacing()
    for _ in range(3):
        await request(pacing, done, Urgency.COSMETIC)
    with pytest.raises(Skipped):
        await request(pacing, done, Urgency.COSMETIC)
    await request(pacing, done, Urgency.ANSWER)


async def test_what_is_cosmetic_takes_its_share_of_all_chats_together_and_answers_all() -> None:
    pacing = Pacing(second=1000.0)
    for chat in range(1, 21):
        await request(pacing, done, Urgency.COSMETIC, chat)
    with pytest.raises(Skipped):
        await request(pacing, done, Urgency.COSMETIC, 21)
    await request(pacing, done, Urgency.ANSWER, 21)


async def test_a_result_whose_chat_is_to_be_left_alone_for_long_is_told_when() -> None:
    pacing = Pacing()

    async def flooded() -> bool:
        raise RetryAfter(3600)

    with pytest.raises(RetryAfter):
        await request(pacing, flooded, Urgency.RESULT)
    with pytest.raises(NotSent) as refusal:
        await pacing.turn(GROUP_ID)
    assert 3590 < refusal.value.retry_after <= 3600
    with pytest.raises(Skipped):
        await request(pacing, done, Urgency.COSMETIC)
    await request(pacing, done, Urgency.ANSWER, chat=GROUP_ID - 1)


async def test_a_stop_leaves_nobody_waiting() -> None:
    pacing = Pacing()
    for _ in range(GROUP_LIMIT[0]):
        await pacing.turn(GROUP_ID)
    waits = asyncio.create_task(pacing.turn(GROUP_ID))
    await asyncio.sleep(0)
    await pacing.shutdown()
    with pytest.raises(asyncio.CancelledError):
        await waits
