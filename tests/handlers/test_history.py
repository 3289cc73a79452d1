"""/history: finished videos come again, free, by the file Telegram has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sandbox.telegram.messages import Button
from tests.handlers.commons import settled

if TYPE_CHECKING:
    from sandbox.telegram import Person, PrivateChat, TelegramSandbox
    from sandbox.telegram.messages import Message
    from tests.house import House


async def made(house: House, chat: PrivateChat, person: Person, idea: str) -> Message:
    """Have a video made."""
    await chat.send(person, f"/video {idea}")
    video = await chat.wait(lambda message: message.video is not None and message.caption == idea)
    await settled(house)
    return video


async def listed(chat: PrivateChat, person: Person) -> Message:
    """Ask for the list."""
    await chat.send(person, "/history")
    return await chat.wait(lambda message: "Tap a number" in (message.text or ""))


@pytest.mark.usefixtures("bot")
async def test_nothing_yet_says_what_to_do(chat: PrivateChat, ann: Person) -> None:
    await chat.send(ann, "/history")
    answer = await chat.wait(lambda message: message.text is not None)
    assert "Send me an idea or a photo" in (answer.text or "")
    assert answer.buttons == []


@pytest.mark.usefixtures("bot")
async def test_a_video_comes_again_as_often_as_one_likes_and_costs_nothing(
    telegram: TelegramSandbox, house: House, chat: PrivateChat, ann: Person
) -> None:
    first = await made(house, chat, ann, "a cat")
    await made(house, chat, ann, "a dog")
    shown = await listed(chat, ann)
    assert (shown.text or "").splitlines()[1:] == ["1. a dog", "2. a cat"]
    for _ in range(2):
        await shown.press("2")
    await telegram.wait_for_call("sendVideo", count=4)
    again = [message for message in chat.from_bot if message.caption == "a cat"]
    assert len(again) == 3
    assert {message.video.file_unique_id for message in again if message.video} == {
        first.video.file_unique_id if first.video else None
    }
    assert len(house.provider.submissions) == 2
    assert len(telegram.calls_of("answerCallbackQuery")) == 2
    await chat.send(ann, "/quota")
    await chat.wait(lambda message: "You have 36 credits" in (message.text or ""))


@pytest.mark.usefixtures("bot")
async def test_videos_is_another_name_for_history(
    house: House, chat: PrivateChat, ann: Person
) -> None:
    await made(house, chat, ann, "a cat")
    await chat.send(ann, "/videos")
    await chat.wait(lambda message: "1. a cat" in (message.text or ""))


@pytest.mark.usefixtures("bot")
async def test_nobody_gets_somebody_elses_video(
    house: House, telegram: TelegramSandbox, chat: PrivateChat, ann: Person, bob: Person
) -> None:
    await made(house, chat, ann, "a cat")
    data = (await listed(chat, ann)).button("1").data
    theirs = telegram.private(bob)
    await theirs.send(bob, "/help")
    shown = await theirs.wait(lambda message: "/video" in (message.text or ""))
    answer = await telegram.world.press(shown, Button("1", data), by=bob, timeout=5)
    assert answer.text == "This is not your video, so you cannot send it."
    assert not any(message.video for message in theirs.from_bot)


@pytest.mark.usefixtures("bot")
async def test_a_number_nobody_has_is_refused(
    telegram: TelegramSandbox, chat: PrivateChat, ann: Person
) -> None:
    await chat.send(ann, "/help")
    shown = await chat.wait(lambda message: "/video" in (message.text or ""))
    answer = await telegram.world.press(shown, Button("1", "resend:4711"), by=ann, timeout=5)
    assert answer.text == "This is not your video, so you cannot send it."


@pytest.mark.usefixtures("bot")
async def test_a_file_telegram_lost_is_admitted(
    telegram: TelegramSandbox, house: House, chat: PrivateChat, ann: Person
) -> None:
    await made(house, chat, ann, "a cat")
    async with house.db.transaction() as tx:
        await tx.execute("UPDATE generations SET file_id = 'gone'")
    shown = await listed(chat, ann)
    await shown.press("1")
    await chat.wait(lambda message: "does not have this video any more" in (message.text or ""))
    assert len(telegram.calls_of("answerCallbackQuery")) == 1


@pytest.mark.usefixtures("bot")
async def test_the_list_holds_ten(house: House, chat: PrivateChat, ann: Person) -> None:
    await made(house, chat, ann, "a cat")
    async with house.db.transaction() as tx:
        cursor = await tx.execute("SELECT * FROM generations")
        row = dict(await cursor.fetchone() or {})
        for number in range(2, 13):
            copy = row | {"id": number, "cause": str(number), "request_id": None, "prompt": "x"}
            marks = ", ".join("?" * len(copy))
            await tx.execute(f"INSERT INTO generations VALUES ({marks})", tuple(copy.values()))  # noqa: S608 - marks only
    shown = await listed(chat, ann)
    assert len((shown.text or "").splitlines()) == 11
    assert [len(row) for row in shown.buttons] == [5, 5]
