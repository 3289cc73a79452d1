"""The undo time: an order without a tap on a price says what it costs and can be cancelled."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.aimlapi import Fault as Refusal
from sandbox.telegram.faults import Fault
from sandbox.telegram.messages import Button
from storage import generations
from storage.generations import State
from storage.ledger import Account
from tests.flows.media_files import photo
from tests.flows.predicates import says, shows_video
from tests.flows.test_told_while_waiting import is_closed
from tests.groups.actions import held_up, spent
from tests.groups.test_pools import give
from tests.handlers.shared import settled
from tests.reliability.fault_cases import Clock

if TYPE_CHECKING:
    from sandbox.aimlapi import AimlApiSandbox
    from sandbox.telegram import Group, Message, Person, PrivateChat, TelegramSandbox
    from storage.generations import Generation
    from tests.harness import Harness

LONG = 60
"""Seconds of undo time that do not pass while a test looks on."""
BACK = "Cancelled. 9 credits are back."


async def only(harness: Harness, by: Person) -> Generation:
    """Return the one request that somebody waits for."""
    async with harness.db.reading() as connection:
        [found] = await generations.pending_of(connection, Account.person(by.id))
    return found


async def became(harness: Harness, number: int) -> State:
    """Return the state of a request."""
    async with harness.db.reading() as connection:
        found = await generations.find(connection, number)
    assert found is not None
    return found.state


async def has(chat: PrivateChat, by: Person, credits_: int) -> None:
    """Check what somebody has left."""
    await chat.send(by, "/quota")
    await chat.wait(says(f"You have {credits_} credits"))


async def press(telegram: TelegramSandbox, message: Message, data: str, by: Person) -> str:
    """Press a button that may not be there any more; return what the bot answers."""
    return (await telegram.world.press(message, Button("?", data), by=by, timeout=10)).text


async def test_an_order_says_its_price_and_what_is_left_and_waits_with_cancel(
    harness: Harness, chat: PrivateChat, ann: Person, provider: AimlApiSandbox
) -> None:
    async with harness.running(undo_seconds=LONG):
        await chat.send(ann, "/video a cat")
        status = await chat.wait(says("On it! 9 credits, 45 left. Expected in about"))
        assert status.labels == ["Cancel"]
        assert (await only(harness, ann)).state is State.QUEUED
        assert provider.submissions == []
        assert (await status.press("Cancel")).text == BACK
        await chat.wait(lambda m: m is status and m.text == BACK and not m.buttons)
        await has(chat, ann, 54)
    assert provider.submissions == []
    assert not status.deleted, "what became of it stays to be read"


async def test_an_edit_while_an_order_can_be_undone_puts_it_on_a_card_and_nothing_is_charged_twice(
    harness: Harness, chat: PrivateChat, ann: Person, provider: AimlApiSandbox
) -> None:
    async with harness.running(undo_seconds=LONG):
        asked = await chat.send(ann, "/video a ct")
        status = await chat.wait(says("On it! 9 credits, 45 left."))
        await chat.edit(asked, "/video a cat")
        assert await chat.wait(says("“a cat”")) is status
        assert await spent(harness, ann) == 0
        await chat.edit(asked, "/video a black cat --seconds 8")
        assert await chat.wait(says("“a black cat”")) is status
        await status.press("🎬 Make it · 17", by=ann)
        await chat.wait(shows_video("a black cat"))
        await chat.edit(asked, "/video a white cat")
        await has(chat, ann, 37)
    assert [one.body["prompt"] for one in provider.submissions] == ["a black cat"]
    assert not [one for one in chat.from_bot if "white" in (one.text or "")]


@pytest.mark.parametrize("text", ["no", "/help"])
async def test_an_order_that_can_be_undone_and_is_edited_to_none_costs_nothing(
    harness: Harness, chat: PrivateChat, ann: Person, provider: AimlApiSandbox, text: str
) -> None:
    async with harness.running(undo_seconds=LONG):
        asked = await chat.send(ann, "/video a cat")
        status = await chat.wait(says("On it!"))
        await chat.edit(asked, text)
        await chat.wait(lambda m: m is status and m.text == BACK and not m.buttons)
        await has(chat, ann, 54)
    assert provider.submissions == []


UNUSABLE: dict[str, dict[str, Any]] = {
    "a voice": {"voice": {"file_id": "v", "file_unique_id": "v", "duration": 1}},
    "what nobody can read": {"poll": {"id": "1", "question": "?"}},
}


@pytest.mark.parametrize("what", UNUSABLE)
@pytest.mark.parametrize("place", ["private", "group"])
async def test_an_order_that_is_edited_to_what_cannot_be_used_is_cancelled_and_says_so(
    harness: Harness, telegram: TelegramSandbox, chat: PrivateChat, club: Group, ann: Person,
    provider: AimlApiSandbox, place: str, what: str,
) -> None:  # fmt: skip
    async with harness.running(undo_seconds=LONG):
        where = chat if place == "private" else club
        asked = await where.send(ann, "/video a cat")
        if place == "private":
            status = await chat.wait(says("On it!"))
        else:
            await telegram.wait_for_call("setMessageReaction")
        edited = asked.as_json() | {"edit_date": int(time.time())} | UNUSABLE[what]
        edited = {name: one for name, one in edited.items() if name not in {"text", "entities"}}
        telegram.world.updates.push("edited_message", edited)
        told = await where.wait(lambda m: m.text == BACK and not m.buttons)
        assert told is status if place == "private" else told.reply_to == asked.message_id
        await has(chat, ann, 54)
        async with harness.db.reading() as connection:
            assert await connection.fetch_int("SELECT count(*) FROM inbox WHERE set_aside") == 0
    assert provider.submissions == []


@pytest.mark.parametrize("then", ["another edit", "words", "a photo", "another tap", "no"])
async def test_the_status_of_an_edited_order_says_that_it_is_cancelled_once_its_card_is_replaced(
    harness: Harness, chat: PrivateChat, ann: Person, provider: AimlApiSandbox, then: str
) -> None:
    async with harness.running(undo_seconds=LONG):
        other = await chat.send(ann, "/video a dg")
        beside = await chat.wait(says("On it!", to=other.message_id))
        asked = await chat.send(ann, "/video a ct")
        status = await chat.wait(says("On it!", to=asked.message_id))
        await chat.edit(asked, "/video a cat")
        assert await chat.wait(says("“a cat”")) is status
        if then == "another edit":
            await chat.edit(other, "/video a dog")
            assert await chat.wait(says("“a dog”")) is beside
        elif then == "words":
            await chat.send(ann, "a fox")
            await chat.wait(says("“a fox”"))
        elif then == "a photo":
            await chat.send_photo(ann, photo(1280, 720), caption="it rains")
            await chat.wait(says("On it! 9 credits, 36 left."))
        elif then == "another tap":
            await status.press("No")
        else:
            await chat.send(ann, "no")
        await chat.wait(lambda m: m is status and m.text == BACK and not m.buttons)
    assert provider.submissions == []


async def test_a_card_that_was_made_after_its_order_was_cancelled_says_nothing_when_it_goes(
    harness: Harness, chat: PrivateChat, ann: Person
) -> None:
    clock = Clock()
    async with harness.running(undo_seconds=LONG, clock=clock):
        asked = await chat.send(ann, "/video a ct")
        status = await chat.wait(says("On it!"))
        assert (await status.press("Cancel")).text == BACK
        clock.skip(1)
        await chat.edit(asked, "/video a cat")
        card = await chat.wait(says("“a cat”"))
        assert card is not status
        await chat.send(ann, "a fox")
        await chat.wait_gone(card)


async def test_an_edited_caption_keeps_its_photo(
    harness: Harness, chat: PrivateChat, ann: Person, provider: AimlApiSandbox
) -> None:
    async with harness.running(undo_seconds=LONG):
        sent = await chat.send_photo(ann, photo(1280, 720), caption="it rains")
        status = await chat.wait(says("On it!"))
        await chat.edit(sent, "it snows")
        assert await chat.wait(says("“it snows”")) is status
        await status.press("🎬 Make it · 9", by=ann)
        await chat.wait(shows_video("it snows", to=sent.message_id))
    assert [one.model for one in provider.submissions] == ["openai/sora-2-i2v"]


async def test_a_change_that_nobody_made_leaves_the_order(
    harness: Harness, telegram: TelegramSandbox, chat: PrivateChat, ann: Person
) -> None:
    async with harness.running(undo_seconds=LONG):
        asked = await chat.send(ann, "/video a cat")
        await chat.wait(says("On it!"))
        telegram.world.edited(asked)
        await has(chat, ann, 45)
        assert (await only(harness, ann)).state is State.QUEUED


async def test_what_is_edited_after_it_was_cancelled_is_asked_about(
    harness: Harness, club: Group, ann: Person, bob: Person
) -> None:
    async with harness.running(undo_seconds=LONG):
        asked = await club.send(ann, "/video a ct")
        await club.send(ann, "/cancel")
        await club.wait(says("Cancelled."))
        await club.edit(asked, "/video a cat")
        card = await club.wait(says("“a cat”"))
        assert await spent(harness, ann) == 0
        await card.press("🎬", by=ann)
        await club.wait(shows_video("a cat"))
        assert await spent(harness, ann) == 9


async def test_cancelling_twice_gives_nothing_more(
    harness: Harness, telegram: TelegramSandbox, chat: PrivateChat, ann: Person
) -> None:
    async with harness.running(undo_seconds=LONG):
        await chat.send(ann, "/video a cat")
        status = await chat.wait(says("On it!"))
        for _ in range(2):
            assert await press(telegram, status, "undo:1", ann) == BACK
        await chat.wait(lambda m: m is status and m.text == BACK)
        await has(chat, ann, 54)


@pytest.mark.parametrize("way", ["Cancel", "an edit"])
async def test_a_status_that_says_something_else_now_outlives_a_restart(
    harness: Harness, chat: PrivateChat, ann: Person, way: str
) -> None:
    async with harness.running(undo_seconds=LONG) as bot:
        asked = await chat.send(ann, "/video a cat")
        status = await chat.wait(says("On it!"))
        # the bot stops before it looks at the chat again
        bot.app.bot_data.services = replace(bot.services, wake=lambda _: None)
        if way == "Cancel":
            await status.press("Cancel")
        else:
            await chat.edit(asked, "/video a dog --seconds 8")
        said = BACK if way == "Cancel" else "“a dog”"
        assert await chat.wait(says(said)) is status
    async with harness.running(undo_seconds=LONG):
        await chat.send(ann, "/teleport")
        await chat.wait(says("I don't know"))
        await settled(harness)
    assert not status.deleted


@pytest.mark.parametrize("way", ["captioned photo", "/animate", "answer", "/video photo"])
async def test_whatever_starts_without_a_tap_on_a_price_waits(
    harness: Harness, chat: PrivateChat, ann: Person, provider: AimlApiSandbox, way: str
) -> None:
    async with harness.running(undo_seconds=LONG):
        if way == "answer":
            await chat.send(ann, "/video")
            await chat.wait(says("What should we see?"))
            await chat.send(ann, "a cat")
        elif way == "captioned photo":
            await chat.send_photo(ann, photo(1280, 720), caption="let it rain")
        else:
            sent = await chat.send_photo(ann, photo(1280, 720))
            await chat.wait(says("What should happen?"))
            await chat.send(ann, f"{way.partition(' ')[0]} let it rain", reply_to=sent)
        status = await chat.wait(says("On it! 9 credits, 45 left."))
        assert status.labels == ["Cancel"]
        assert provider.submissions == []


async def test_a_tap_on_a_price_leaves_at_once(
    harness: Harness, chat: PrivateChat, ann: Person, provider: AimlApiSandbox
) -> None:
    provider.render_seconds = 60.0
    async with harness.running(undo_seconds=LONG):
        await chat.send(ann, "a cat")
        await (await chat.wait(says("Make a video of this?"))).press("Make it · 9")
        status = await chat.wait(says("9 credits, 45 left. Expected in about"))
        assert status.labels == []
        await provider.wait_for_submissions(1)


@pytest.mark.slow
async def test_after_its_time_it_leaves_by_itself_and_the_button_goes(
    harness: Harness, chat: PrivateChat, ann: Person, provider: AimlApiSandbox
) -> None:
    provider.render_seconds = 60.0
    async with harness.running(undo_seconds=1):
        await chat.send(ann, "/video a cat")
        status = await chat.wait(says("On it!"))
        await provider.wait_for_submissions(1)
        await chat.wait(
            lambda m: m is status and "Expected in about" in (m.text or "") and not m.buttons
        )


async def test_cancel_after_its_time_is_told_kindly_that_it_is_too_late(
    harness: Harness, chat: PrivateChat, ann: Person, provider: AimlApiSandbox
) -> None:
    clock, provider.render_seconds = Clock(), 60.0
    async with harness.running(undo_seconds=LONG, poll_interval_seconds=60, clock=clock) as bot:
        await chat.send(ann, "/video a cat")
        status = await chat.wait(says("On it!"))
        clock.skip(LONG)
        bot.wake(1)
        await provider.wait_for_submissions(1)
        answer = await status.press("Cancel")
        assert answer.alert
        assert answer.text.startswith("Too late to cancel it: it is being made.")
        await chat.wait(lambda m: m is status and not m.buttons)
        await has(chat, ann, 45)


@pytest.mark.slow
async def test_cancel_while_the_paid_request_is_on_its_way_is_too_late(
    harness: Harness, chat: PrivateChat, ann: Person, provider: AimlApiSandbox
) -> None:
    clock, released = Clock(), asyncio.Event()
    provider.faults.next("submit", Refusal.hang(released))
    async with harness.running(undo_seconds=LONG, clock=clock) as bot:
        await chat.send(ann, "/video a cat")
        status = await chat.wait(says("On it!"))
        clock.skip(LONG)
        bot.wake(1)
        async with asyncio.timeout(20):
            while await became(harness, 1) is not State.SUBMITTING:
                await asyncio.sleep(0.01)
        assert (await status.press("Cancel")).text.startswith("Too late to cancel it")
        released.set()
        await chat.wait(shows_video("a cat"))
        await has(chat, ann, 45)
    assert len(provider.submissions) == 1


@pytest.mark.slow
@pytest.mark.parametrize("passes", [False, True])
async def test_a_restart_keeps_the_time(
    harness: Harness, chat: PrivateChat, ann: Person, provider: AimlApiSandbox, *, passes: bool
) -> None:
    clock = Clock()
    async with harness.running(undo_seconds=LONG, clock=clock):
        await chat.send(ann, "/video a cat")
        status = await chat.wait(says("On it!"))
    if passes:
        clock.skip(LONG)
    async with harness.running(undo_seconds=0 if passes else LONG, clock=clock):
        if passes:
            await chat.wait(shows_video("a cat"))
            await chat.wait_gone(status)
        else:
            assert (await status.press("Cancel")).text == BACK
            await chat.wait(lambda m: m is status and m.text == BACK)
    assert len(provider.submissions) == int(passes)


async def test_a_restart_after_its_time_takes_the_button_away(
    harness: Harness, chat: PrivateChat, ann: Person, provider: AimlApiSandbox
) -> None:
    clock, provider.render_seconds = Clock(), 60.0
    patience: dict[str, Any] = {"poll_interval_seconds": 60, "undo_seconds": LONG}
    async with harness.running(clock=clock, **patience) as bot:
        await chat.send(ann, "/video a cat")
        status = await chat.wait(says("On it!"))
        clock.skip(LONG)
        bot.wake(1)
        await provider.wait_for_submissions(1)
    assert status.labels == ["Cancel"]
    clock.skip(60)
    async with harness.running(clock=clock, **patience):
        await chat.wait(lambda m: m is status and says("Expected in about")(m) and not m.buttons)


async def test_cancel_pressed_while_the_bot_was_away_is_heard_before_the_order_leaves(
    harness: Harness, chat: PrivateChat, ann: Person, provider: AimlApiSandbox
) -> None:
    clock = Clock()
    async with harness.running(undo_seconds=LONG, clock=clock):
        await chat.send(ann, "/video a cat")
        status = await chat.wait(says("On it!"))
    pressed = asyncio.create_task(status.press("Cancel"))
    clock.skip(LONG)
    async with harness.running(undo_seconds=LONG, clock=clock):
        assert (await pressed).text == BACK
        assert await became(harness, 1) is State.CANCELLED
    assert provider.submissions == []


async def test_cancel_works_as_long_as_the_service_takes_nothing(
    harness: Harness, chat: PrivateChat, ann: Person, provider: AimlApiSandbox
) -> None:
    harness.errors.expect("the provider refuses everything")
    clock = Clock()
    provider.faults.always("submit", Refusal.http(401))
    async with harness.running(undo_seconds=LONG, clock=clock) as bot:
        await chat.send(ann, "/video a cat")
        status = await chat.wait(says("On it!"))
        clock.skip(LONG)
        bot.wake(1)
        await is_closed(harness)
        assert (await status.press("Cancel")).text == BACK
        await chat.wait(lambda m: m is status and m.text == BACK)
        await has(chat, ann, 54)


async def test_what_waits_in_line_can_be_cancelled_below_its_status(
    harness: Harness, chat: PrivateChat, ann: Person, provider: AimlApiSandbox
) -> None:
    async with harness.running(provider_slots=1):
        await held_up(provider, chat, ann)
        await chat.send(ann, "/video a dog")
        status = await chat.wait(says("Number 1 in line. 9 credits, 36 left."))
        assert (await status.press("Cancel")).text == BACK
        assert await became(harness, 2) is State.CANCELLED


async def test_what_waits_in_line_is_edited_as_if_it_could_be_undone(
    harness: Harness, chat: PrivateChat, ann: Person, provider: AimlApiSandbox
) -> None:
    async with harness.running(provider_slots=1):
        await held_up(provider, chat, ann)
        asked = await chat.send(ann, "/video a dg")
        status = await chat.wait(says("Number 1 in line. 9 credits, 36 left."))
        await chat.edit(asked, "/video a dog --seconds 8")
        assert await chat.wait(says("“a dog”")) is status
        assert await became(harness, 2) is State.CANCELLED
        assert await spent(harness, ann) == 9
        await status.press("🎬 Make it · 17", by=ann)
        await chat.wait(says("Number 1 in line. 17 credits, 28 left."))


@pytest.mark.slow
async def test_an_edit_of_what_has_left_changes_nothing(
    harness: Harness, chat: PrivateChat, ann: Person, provider: AimlApiSandbox
) -> None:
    clock, released = Clock(), asyncio.Event()
    provider.faults.next("submit", Refusal.hang(released))
    async with harness.running(undo_seconds=LONG, clock=clock) as bot:
        asked = await chat.send(ann, "/video a cat")
        await chat.wait(says("On it!"))
        clock.skip(LONG)
        bot.wake(1)
        async with asyncio.timeout(20):
            while await became(harness, 1) is not State.SUBMITTING:
                await asyncio.sleep(0.01)
        await chat.edit(asked, "/video a dog")
        await has(chat, ann, 45)
        assert not (await only(harness, ann)).cancel_wanted, "nor if it comes back into the line"
        released.set()
        await chat.wait(shows_video("a cat"))
        await has(chat, ann, 45)
    assert len(provider.submissions) == 1


async def test_within_the_time_the_command_cancels_too(
    harness: Harness, chat: PrivateChat, ann: Person, provider: AimlApiSandbox
) -> None:
    async with harness.running(undo_seconds=LONG):
        await chat.send(ann, "/video a cat")
        status = await chat.wait(says("On it!"))
        await chat.send(ann, "/cancel")
        await chat.wait(says(BACK))
        await chat.wait_gone(status)
    assert provider.submissions == []


async def test_in_a_group_only_who_ordered_it_cancels_it(
    harness: Harness, telegram: TelegramSandbox, ann: Person, bob: Person
) -> None:
    club = telegram.group("Film club", [ann, bob])
    telegram.faults.always("setMessageReaction", Fault.error(400, "Bad Request: REACTION_INVALID"))
    async with harness.running(undo_seconds=LONG):
        await club.send(bob, "/video a boat")
        status = await club.wait(says("On it! 9 credits of your own. Expected in about"))
        assert "somebody else's" in (await status.press("Cancel", by=ann)).text
        assert await became(harness, 1) is State.QUEUED
        await club.send(ann, "/help")
        help_ = await club.wait(says("/video"))
        assert await press(telegram, help_, "undo:1", bob) == BACK
        await club.wait_gone(status)
        assert "/video" in (help_.text or ""), "a made-up press changes no other message"


async def test_in_a_group_more_than_the_usual_price_is_said_and_the_usual_one_is_not(
    harness: Harness, telegram: TelegramSandbox, ann: Person, provider: AimlApiSandbox
) -> None:
    club = telegram.group("Film club", [ann])
    async with harness.running(undo_seconds=LONG):
        usual = await club.send(ann, "/video a boat")
        await telegram.wait_for_call("setMessageReaction")
        assert usual.reactions == ["👀"]
        dear = await club.send(ann, "/video a train --seconds 8")
        status = await club.wait(says("On it! 17 credits of your own.", to=dear.message_id))
        assert (dear.reactions, len(club.from_bot)) == ([], 1)
        answer = await status.press("Cancel")
        assert answer.text == "Cancelled. 17 credits are back."
        await club.wait(lambda m: m is status and m.text == answer.text)
    assert provider.submissions == []


async def test_a_groups_pool_is_named_where_it_pays(
    harness: Harness, telegram: TelegramSandbox, ann: Person
) -> None:
    club = telegram.group("Film club", [ann])
    telegram.faults.always("setMessageReaction", Fault.error(400, "Bad Request: REACTION_INVALID"))
    async with harness.running(undo_seconds=LONG):
        await give(telegram, club, ann, "100 15")
        await club.send(ann, "/video a boat")
        await club.wait(says("On it! The group pays 9 credits, 91 left. Expected in about"))
        await club.send(ann, "/video a train")
        await club.wait(says("On it! 9 credits, 6 of them from the group. Expected in about"))


async def test_in_private_cancel_names_what_was_asked_for_in_groups(
    harness: Harness, telegram: TelegramSandbox, chat: PrivateChat, ann: Person
) -> None:
    club = telegram.group("Film club", [ann])
    async with harness.running(undo_seconds=LONG, max_pending_per_user=2):
        await chat.send(ann, "/video a cat")
        await chat.wait(says("On it!"))
        await club.send(ann, "/video a boat")
        refused = await club.send(ann, "/video a train")
        told = await club.wait(says("in other chats", to=refused.message_id))
        assert told.text == (
            "2 videos of yours are on the way, 1 in other chats. One more once one is done; "
            "you can cancel them in private."
        )
        assert told.buttons[0][0].url == f"https://t.me/{telegram.bot.username}?start=cancel"
        await chat.send(ann, "/start cancel")
        listed = await chat.wait(says("On the way:"))
        assert (listed.text or "").splitlines()[1:3] == [
            "1. a cat · waits its turn",
            "2. a boat (in Film club) · waits its turn",
        ]
        assert (await listed.press("✖ 2")).text == BACK
        assert await became(harness, 2) is State.CANCELLED


async def test_in_a_group_what_waits_elsewhere_and_fills_the_budget_is_cancelled_in_private(
    harness: Harness, telegram: TelegramSandbox, chat: PrivateChat, ann: Person
) -> None:
    club = telegram.group("Film club", [ann])
    async with harness.running(undo_seconds=LONG, budget_usd=Decimal("2.50")):
        await chat.send(ann, "/video a cat")
        await chat.wait(says("On it!"))
        refused = await club.send(ann, "/video a boat")
        told = await club.wait(says("or cancel one in private", to=refused.message_id))
        assert told.labels == ["Open in private"]


async def test_in_a_group_cancel_says_where_else_something_is_under_way(
    harness: Harness, telegram: TelegramSandbox, chat: PrivateChat, ann: Person
) -> None:
    club = telegram.group("Film club", [ann])
    async with harness.running(undo_seconds=LONG, max_pending_per_user=1):
        await chat.send(ann, "/video a cat")
        await chat.wait(says("On it!"))
        refused = await club.send(ann, "/video a boat")
        await club.wait(says("1 video of yours is on the way in another", to=refused.message_id))
        asked = await club.send(ann, f"/cancel@{telegram.bot.username}")
        told = await club.wait(says("1 video of yours is under way", to=asked.message_id))
        assert told.labels == ["Open in private"]
        assert "a cat" not in (told.text or "")


async def test_cancel_for_what_is_delivered_or_was_never_asked_for_is_answered(
    harness: Harness, telegram: TelegramSandbox, chat: PrivateChat, ann: Person
) -> None:
    async with harness.running():
        await chat.send(ann, "/video a cat")
        await chat.wait(shows_video("a cat"))
        await settled(harness)
        video = chat.last
        answer = await press(telegram, video, "undo:1", ann)
        assert answer == "That one is finished already. /history shows your videos."
        assert await press(telegram, video, "undo:99", ann) == (
            "You have no request 99. /queue shows what is under way."
        )
