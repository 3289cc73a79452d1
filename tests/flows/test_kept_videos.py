"""A video nobody could receive: its sender is told where that can be, and it comes on /start."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from generation.jobs import schedule
from sandbox.aimlapi import Fault as ProviderFault
from sandbox.telegram import Fault
from storage import chats, generations, ledger
from storage.ledger import Account, Pot
from tests.flows.predicates import says, shows_video
from tests.flows.test_next_best_place import becomes

if TYPE_CHECKING:
    from sandbox.aimlapi import AimlApiSandbox
    from sandbox.telegram import Person, PrivateChat, TelegramSandbox
    from tests.harness import Harness

KEPT = "I have a video for you that I could not deliver. Send /start and I bring it."


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """What may have arrived is sent once more at once."""
    monkeypatch.setattr(schedule, "RESEND_SECONDS", 0.0)


async def test_who_asked_is_told_of_a_video_nobody_knows_the_fate_of_and_brought_it(
    harness: Harness, telegram: TelegramSandbox, chat: PrivateChat, ann: Person
) -> None:
    telegram.faults.next("sendVideo", Fault.dropped(), times=2)
    async with harness.running():
        await chat.send(ann, "/video a cat")
        await chat.wait(says(KEPT))
        await becomes(harness, "undeliverable")
        await chat.send(ann, "/start")
        await chat.wait(shows_video("a cat"))
        await becomes(harness, "delivered")


async def test_who_could_not_be_reached_is_brought_it_with_whatever_they_write_next(
    harness: Harness, telegram: TelegramSandbox, chat: PrivateChat, ann: Person
) -> None:
    telegram.faults.next("sendVideo", Fault.error(403, "Forbidden: for a reason of its own"))
    async with harness.running():
        await chat.send(ann, "/video a cat")
        await becomes(harness, "undeliverable")
        await chat.send(ann, "/help")
        await chat.wait(shows_video("a cat"))
        await becomes(harness, "delivered")


async def test_who_asked_in_a_group_is_told_in_private(
    harness: Harness, telegram: TelegramSandbox, chat: PrivateChat, ann: Person
) -> None:
    group = telegram.group("Film club", [ann])
    async with harness.running():
        await chat.send(ann, "/start")
        await chat.wait(lambda message: message.buttons)
        telegram.faults.next("sendVideo", Fault.dropped(), times=2)
        await group.send(ann, "/video a cat")
        await chat.wait(says(KEPT))
        assert [one for one in group.from_bot if one.text] == []


@pytest.mark.parametrize("asked_again", ["tap", "/start", "/history"])
@pytest.mark.parametrize(
    "why", ["wrong file identifier", "VIDEO_CONTENT_TYPE_INVALID", "have no rights to send"]
)
async def test_where_no_video_is_taken_its_sender_is_told_and_brought_it_when_they_ask(
    why: str, asked_again: str, harness: Harness, telegram: TelegramSandbox, chat: PrivateChat,
    ann: Person,
) -> None:  # fmt: skip
    refused = [
        telegram.faults.always(call, Fault.error(400, f"Bad Request: {why}"))
        for call in ("sendVideo", "sendDocument")
    ]
    async with harness.running():
        await chat.send(ann, "/video a cat")
        told = await chat.wait(says(KEPT))
        await told.press("Try again")
        await chat.wait(lambda one: says(KEPT)(one) and one is not told)
        for rule in refused:
            rule.release()
        if asked_again == "tap":
            await told.press("Try again")
        else:
            await chat.send(ann, asked_again)
        await chat.wait(shows_video("a cat"))
        await becomes(harness, "delivered")
    assert not [one for one in chat.from_bot if "Something broke" in (one.text or "")]


async def lost(harness: Harness, chat: PrivateChat, ann: Person) -> None:
    """Have a video made for Ann that nobody can receive, and let her come back."""
    refused = harness.telegram.faults.always("sendVideo", Fault.error(403, "Forbidden: blocked"))
    await chat.send(ann, "/video a cat")
    await becomes(harness, "undeliverable")
    refused.release()


async def test_a_kept_video_that_telegram_refuses_as_a_video_is_brought_as_a_document(
    harness: Harness, telegram: TelegramSandbox, chat: PrivateChat, ann: Person
) -> None:
    async with harness.running():
        await lost(harness, chat, ann)
        telegram.faults.next("sendVideo", Fault.error(400, "Bad Request: wrong file"))
        await chat.send(ann, "/start")
        await chat.wait(lambda message: message.document)
        await becomes(harness, "delivered")


async def test_a_kept_video_too_large_for_telegram_is_brought_smaller(
    harness: Harness, telegram: TelegramSandbox, chat: PrivateChat, ann: Person
) -> None:
    async with harness.running():
        await lost(harness, chat, ann)
        telegram.faults.next("sendVideo", Fault.error(413, "Request Entity Too Large"))
        await chat.send(ann, "/start")
        await chat.wait(shows_video("a cat"))
        await becomes(harness, "delivered")


async def test_a_kept_video_waits_for_a_flood_limit_without_being_asked_for_again(
    harness: Harness, telegram: TelegramSandbox, chat: PrivateChat, ann: Person
) -> None:
    async with harness.running():
        await lost(harness, chat, ann)
        telegram.faults.next("sendVideo", Fault.flood(1))
        await chat.send(ann, "/start")
        await chat.wait(shows_video("a cat"))
        await becomes(harness, "delivered")
    assert [one.video for one in chat.from_bot if one.video] != []


async def test_what_fails_on_a_start_is_offered_on_the_next(
    harness: Harness, telegram: TelegramSandbox, chat: PrivateChat, ann: Person
) -> None:
    async with harness.running():
        await lost(harness, chat, ann)
        telegram.faults.next("sendVideo", Fault.dropped())
        await chat.send(ann, "/start")
        await telegram.wait_for_call("sendVideo", count=2)
        # as often as it takes: the first attempt may still be ending
        while not [one for one in chat.from_bot if one.video]:
            await chat.send(ann, "/start")
            await chat.wait(lambda message: message.text and message is chat.last)
        await becomes(harness, "delivered")


async def test_a_kept_video_asked_for_twice_comes_once_and_leaves_no_file(
    harness: Harness, telegram: TelegramSandbox, chat: PrivateChat, ann: Person
) -> None:
    async with harness.running():
        await lost(harness, chat, ann)
        async with harness.db.reading() as connection:
            as_it_was = await generations.find(connection, 1)
        assert as_it_was is not None
        (harness.data / "videos" / "1.mp4").unlink()
        slow = telegram.faults.always("sendVideo", Fault.hang())
        for _ in range(2):
            await chat.send(ann, "/start")
        await telegram.wait_for_call("sendVideo", count=2)
        await telegram.wait_for_call("sendMessage", count=5)
        slow.release()
        await becomes(harness, "delivered")
        async with harness.db.reading() as connection:
            place = await chats.by_telegram_id(connection, chat.id)
        assert place is not None
        harness.services.deliver_kept(as_it_was, place)
        await chat.send(ann, "/video a dog")
        await chat.wait(shows_video("a dog"))
    assert [one.caption for one in chat.from_bot if one.video] == ["a cat", "a dog"]
    assert not (harness.data / "videos" / "1.mp4").exists()


@pytest.mark.parametrize("voice", ["admin", "channel"])
async def test_what_nobody_in_person_asked_for_is_brought_to_the_group_that_is_back(
    voice: str, harness: Harness, telegram: TelegramSandbox, ann: Person, bob: Person
) -> None:
    group, channel = telegram.group("Film club", [ann, bob]), telegram.group("Channel", [ann])
    speaker = group if voice == "admin" else channel
    refused = telegram.faults.always("sendVideo", Fault.error(403, "Forbidden: kicked"))
    async with harness.running():
        await group.send(ann, "/video a first try", sender_chat=speaker)
        await group.wait(says("more than is left"))
        async with harness.db.transaction() as tx:
            spoke = await chats.by_telegram_id(tx, speaker.id)
            assert spoke is not None
            account = Account.chat(spoke.id)
            await ledger.grant(tx, account, Pot.BOUGHT, 9, cause="test", note=None, now=0.0)
        asked = await group.send(ann, "/video a cat", sender_chat=speaker)
        await becomes(harness, "undeliverable")
        refused.release()
        await group.send(bob, "/start@film_maker_bot")
        await group.wait(says("Here it comes"))
        await group.wait(shows_video("a cat", to=asked.message_id))
        await becomes(harness, "delivered")


async def test_a_video_whose_file_and_link_are_gone_is_given_back(
    harness: Harness, telegram: TelegramSandbox, chat: PrivateChat, ann: Person,
    provider: AimlApiSandbox, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(schedule, "MAX_RESTORATIONS", 1)
    refused = telegram.faults.always("sendVideo", Fault.flood(2))
    async with harness.running():
        await chat.send(ann, "/video a cat")
        await becomes(harness, "ready")
        async with asyncio.timeout(20):
            while not refused.hits:
                await asyncio.sleep(0.02)
        (harness.data / "videos" / "1.mp4").unlink()
        provider.faults.always("download", ProviderFault.http(410))
        lost = await chat.wait(says("This video got lost on its way"))
        assert "9 credits are back" in (lost.text or "")
        await becomes(harness, "failed")
        async with harness.db.reading() as connection:
            account = Account.person(ann.id)
            assert await ledger.drawn(connection, account, Pot.ALLOWANCE, since=0.0) == 0
        assert not any(message.video for message in chat.from_bot)
