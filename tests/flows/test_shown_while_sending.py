"""While a video is made and goes up, its sender sees in private that it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handlers.replies import outbox
from sandbox.telegram import Fault
from tests.flows.predicates import shows_video

if TYPE_CHECKING:
    import pytest

    from sandbox.telegram import Person, PrivateChat, TelegramSandbox
    from tests.harness import Harness


async def test_the_chat_shows_that_a_video_is_made_and_then_sent_until_it_is_there(
    harness: Harness,
    telegram: TelegramSandbox,
    chat: PrivateChat,
    ann: Person,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(outbox, "ACTION_SECONDS", 0.01)
    upload = telegram.faults.always("sendVideo", Fault.hang())
    async with harness.running():
        await chat.send(ann, "/video a boat")
        await telegram.wait_for_call("sendChatAction", count=3)
        upload.release()
        await chat.wait(shows_video("a boat"))
        made, *sent = chat.actions
        assert (made, {*sent}) == ("record_video", {"upload_video"})


async def test_what_cannot_be_shown_holds_up_no_video(
    harness: Harness, telegram: TelegramSandbox, chat: PrivateChat, ann: Person
) -> None:
    telegram.faults.always("sendChatAction", Fault.hang())
    async with harness.running():
        await chat.send(ann, "/video a boat")
        await chat.wait(shows_video("a boat"))


async def test_a_group_whose_messages_are_counted_is_shown_nothing(
    harness: Harness, telegram: TelegramSandbox, ann: Person
) -> None:
    group = telegram.group("Film club", [ann])
    async with harness.running():
        await group.send(ann, "/video a boat")
        await group.wait(shows_video("a boat"))
    assert telegram.calls_of("sendChatAction") == []
