"""A video nobody could receive: its asker is told where that can be, and it comes on /start."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from handlers.replies import delivery
from sandbox.telegram import Fault
from tests.flows.looks import says, shows_video
from tests.flows.test_next_best_place import becomes

if TYPE_CHECKING:
    from sandbox.telegram import Person, PrivateChat, TelegramSandbox
    from tests.house import House

KEPT = "I have a video for you that I could not deliver. Send /start and I bring it."


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """What may have arrived is sent once more at once."""
    monkeypatch.setattr(delivery, "RESEND_SECONDS", 0.0)


async def test_who_asked_is_told_of_a_video_nobody_knows_the_fate_of_and_brought_it(
    house: House, telegram: TelegramSandbox, chat: PrivateChat, ann: Person
) -> None:
    telegram.faults.next("sendVideo", Fault.dropped(), times=2)
    async with house.running():
        await chat.send(ann, "/video a cat")
        await chat.wait(says(KEPT))
        await becomes(house, "undeliverable")
        await chat.send(ann, "/start")
        await chat.wait(shows_video("a cat"))
        await becomes(house, "delivered")


async def test_who_asked_in_a_group_is_told_in_private(
    house: House, telegram: TelegramSandbox, chat: PrivateChat, ann: Person
) -> None:
    group = telegram.group("Film club", [ann])
    telegram.faults.next("sendVideo", Fault.dropped(), times=2)
    async with house.running():
        await chat.send(ann, "/start")
        await group.send(ann, "/video a cat")
        await chat.wait(says(KEPT))
        assert [one for one in group.from_bot if one.text] == []


async def test_nobody_is_told_where_the_video_was_refused_just_now(
    house: House, telegram: TelegramSandbox, chat: PrivateChat, ann: Person
) -> None:
    for call in ("sendVideo", "sendDocument"):
        telegram.faults.always(call, Fault.error(400, "Bad Request: wrong file"))
    async with house.running():
        await chat.send(ann, "/video a cat")
        await becomes(house, "undeliverable")
        await chat.send(ann, "/help")
        await chat.wait(says("/video"))
    assert not [one for one in chat.from_bot if KEPT in (one.text or "")]
