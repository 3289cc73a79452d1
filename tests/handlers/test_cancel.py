"""/cancel: what is queued comes back with its credits, what is submitted does not."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from handlers.videos.cancel import MAX_LISTED
from sandbox.telegram.messages import Button
from storage import generations
from storage.generations import State
from storage.ledger import Account
from tests.handlers.shared import settled

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sandbox.aimlapi import AimlApiSandbox
    from sandbox.telegram import Person, PrivateChat, TelegramSandbox
    from storage.generations import Generation
    from tests.harness import Harness


@pytest.fixture
async def busy(harness: Harness, provider: AimlApiSandbox) -> AsyncIterator[Harness]:
    """A bot with one place at the provider, where a video takes a minute."""
    provider.render_seconds = 60.0
    async with harness.running(provider_slots=1):
        yield harness


async def ask(chat: PrivateChat, person: Person, idea: str) -> None:
    """Order a video and wait until it is accepted."""
    asked = await chat.send(person, f"/video {idea}")
    await chat.wait(lambda message: message.reply_to == asked.message_id)


async def pending(harness: Harness, person: Person) -> list[Generation]:
    async with harness.db.reading() as connection:
        return await generations.pending_of(connection, Account.person(person.id))


async def find(harness: Harness, number: int) -> Generation:
    async with harness.db.reading() as connection:
        found = await generations.find(connection, number)
    assert found is not None, f"there is no generation {number}"
    return found


async def two_asked(
    harness: Harness, chat: PrivateChat, person: Person
) -> tuple[Generation, Generation]:
    """Return one that is being made and one that waits its turn."""
    await ask(chat, person, "a cat")
    await harness.provider.wait_for_submissions(1)
    await ask(chat, person, "a dog")
    first, second = await pending(harness, person)
    assert second.state is State.QUEUED
    return first, second


@pytest.mark.usefixtures("bot")
async def test_nothing_under_way_is_said(chat: PrivateChat, ann: Person) -> None:
    await chat.send(ann, "/cancel")
    await chat.wait(lambda message: "Nothing is under way" in (message.text or ""))


async def test_what_waits_is_called_back_by_its_number(
    busy: Harness, chat: PrivateChat, ann: Person
) -> None:
    _, waits = await two_asked(busy, chat, ann)
    status = await chat.wait(lambda message: message.reply_to == waits.message_id)
    await chat.send(ann, f"/cancel {waits.id}")
    await chat.wait(lambda message: message.text == "Cancelled. 9 credits are back.")
    await chat.wait_gone(status)
    assert (await find(busy, waits.id)).state is State.CANCELLED
    await chat.send(ann, "/quota")
    await chat.wait(lambda message: "You have 45 credits" in (message.text or ""))


async def test_calling_back_again_gives_nothing_more(
    busy: Harness, chat: PrivateChat, ann: Person
) -> None:
    _, waits = await two_asked(busy, chat, ann)
    for _ in range(2):
        asked = await chat.send(ann, f"/cancel #{waits.id}")
        number = asked.message_id
        await chat.wait(lambda message, number=number: message.reply_to == number)  # type: ignore[misc]
    await chat.send(ann, "/quota")
    await chat.wait(lambda message: "You have 45 credits" in (message.text or ""))


async def test_several_are_listed_with_a_button_each(
    busy: Harness, chat: PrivateChat, ann: Person
) -> None:
    made, waits = await two_asked(busy, chat, ann)
    await chat.send(ann, "/cancel")
    shown = await chat.wait(lambda message: "Which one should I cancel" in (message.text or ""))
    assert (shown.text or "").splitlines()[:3] == [
        "On the way:",
        f"{made.id}. a cat · is being made",
        f"{waits.id}. a dog · waits its turn",
    ]
    answer = await shown.press(f"✖ {waits.id}")
    assert answer.text == "Cancelled. 9 credits are back."
    await chat.wait(
        lambda message: message is shown and f"{waits.id}. a dog" not in (message.text or "")
    )


async def test_of_very_many_the_first_are_listed_and_the_others_counted(
    harness: Harness, provider: AimlApiSandbox, chat: PrivateChat, ann: Person
) -> None:
    provider.render_seconds = 60.0
    async with harness.running(provider_slots=1, max_pending_per_user=50, free_credits=900):
        for number in range(MAX_LISTED + 2):
            await chat.send(ann, f"/video a cat number {number}")
        await chat.send(ann, "/queue")
        shown = await chat.wait(lambda message: "… and 2 more." in (message.text or ""))
    assert len(shown.labels) == MAX_LISTED - 1
    assert len(shown.buttons) == 4


async def test_what_is_being_made_cannot_be_called_back_but_the_wish_is_kept(
    busy: Harness, chat: PrivateChat, ann: Person
) -> None:
    await ask(chat, ann, "a cat")
    await busy.provider.wait_for_submissions(1)
    await chat.send(ann, "/cancel")
    await chat.wait(lambda message: "Too late to cancel it" in (message.text or ""))
    (made,) = await pending(busy, ann)
    assert made.cancel_wanted


@pytest.mark.usefixtures("bot")
async def test_what_is_delivered_is_over(harness: Harness, chat: PrivateChat, ann: Person) -> None:
    await chat.send(ann, "/video a cat")
    await chat.wait(lambda message: message.video is not None)
    await settled(harness)
    await chat.send(ann, "/cancel 1")
    await chat.wait(lambda message: "/history shows your videos" in (message.text or ""))


async def test_nobody_calls_back_what_somebody_else_asked_for(
    busy: Harness, telegram: TelegramSandbox, chat: PrivateChat, ann: Person, bob: Person
) -> None:
    _, waits = await two_asked(busy, chat, ann)
    theirs = telegram.private(bob)
    await theirs.send(bob, f"/cancel {waits.id}")
    refused = await theirs.wait(lambda message: message.text is not None)
    assert f"You have no request {waits.id}" in (refused.text or "")
    data = f"cancel:{waits.id}"
    answer = await telegram.world.press(refused, Button("?", data), by=bob, timeout=5)
    assert f"You have no request {waits.id}" in answer.text
    assert (await find(busy, waits.id)).state is State.QUEUED


async def test_a_group_is_not_shown_what_was_asked_in_private(
    busy: Harness, telegram: TelegramSandbox, chat: PrivateChat, ann: Person
) -> None:
    await two_asked(busy, chat, ann)
    group = telegram.group("Film club", [ann])
    await group.send(ann, f"/cancel@{telegram.bot.username}")
    await group.wait(lambda message: "Nothing of yours is under way here" in (message.text or ""))


@pytest.mark.usefixtures("bot")
@pytest.mark.parametrize("typed", ["all", "-1", "0", "9" * 30, "1.5", "٣"])
async def test_what_is_no_number_asks_for_the_list(
    chat: PrivateChat, ann: Person, typed: str
) -> None:
    await chat.send(ann, f"/cancel {typed}")
    answer = await chat.wait(lambda message: message.text is not None)
    assert "is under way" in (answer.text or "") or "You have no request" in (answer.text or "")


async def test_a_deleted_list_is_not_missed(busy: Harness, chat: PrivateChat, ann: Person) -> None:
    _, waits = await two_asked(busy, chat, ann)
    await chat.send(ann, "/cancel")
    shown = await chat.wait(lambda message: "Which one should I cancel" in (message.text or ""))
    await chat.delete_message(shown)
    answer = await shown.press(f"✖ {waits.id}")
    assert answer.text == "Cancelled. 9 credits are back."


@pytest.mark.parametrize("words", ["please not that", "9" * 30, "that one"])
async def test_words_that_are_no_number_show_the_list_and_call_nothing_back(
    busy: Harness, chat: PrivateChat, ann: Person, words: str
) -> None:
    await ask(chat, ann, "a cat")
    await chat.send(ann, f"/cancel {words}")
    await chat.wait(lambda message: "On the way:" in (message.text or ""))
    (one,) = await pending(busy, ann)
    assert not one.cancel_wanted


async def test_number_0_is_nobodys(busy: Harness, chat: PrivateChat, ann: Person) -> None:
    await ask(chat, ann, "a cat")
    await chat.send(ann, "/cancel 0")
    await chat.wait(lambda message: "You have no request 0." in (message.text or ""))


async def test_the_queue_shows_all_chats_and_cancels_what_still_waits_also_after_a_restart(
    harness: Harness, telegram: TelegramSandbox, provider: AimlApiSandbox, chat: PrivateChat,
    ann: Person, bob: Person,
) -> None:  # fmt: skip
    provider.render_seconds = 60.0
    group = telegram.group("Film club", [ann, bob])
    async with harness.running(provider_slots=1):
        made, _ = await two_asked(harness, chat, ann)
        await group.send(ann, "/video a boat")
        async with asyncio.timeout(10):
            while len(await pending(harness, ann)) < 3:
                await asyncio.sleep(0.01)
        boat = (await pending(harness, ann))[-1]
        await chat.send(ann, "/queue")
        shown = await chat.wait(lambda message: "(in Film club)" in (message.text or ""))
        assert f"{boat.id}. a boat (in Film club) · waits its turn" in (shown.text or "")
        assert f"{made.id}. a cat · is being made" in (shown.text or "")
        assert len(shown.labels) == 2, "what is made cannot be cancelled"
        await group.send(ann, f"/queue@{telegram.bot.username}")
        here = await group.wait(lambda message: "On the way:" in (message.text or ""))
        assert "a cat" not in (here.text or ""), "what was asked elsewhere is nobody's business"
    async with harness.running(provider_slots=1):
        answer = await shown.press(f"✖ {boat.id}")
        assert answer.text == "Cancelled. 9 credits are back."
        await chat.wait(lambda message: message is shown and "a boat" not in (message.text or ""))
        assert (await find(harness, boat.id)).state is State.CANCELLED
