"""/history: finished videos come again, free, by the file Telegram has."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from sandbox.telegram.messages import Button
from storage import generations
from tests.flows.predicates import says
from tests.groups.actions import made
from tests.handlers.shared import settled

if TYPE_CHECKING:
    from sandbox.telegram import Person, PrivateChat, TelegramSandbox
    from sandbox.telegram.messages import Message
    from tests.harness import Harness


async def listed(chat: PrivateChat, person: Person) -> Message:
    """Ask for the list."""
    await chat.send(person, "/history")
    return await chat.wait(says("Tap a number"))


@pytest.mark.usefixtures("bot")
async def test_nothing_yet_says_what_to_do(chat: PrivateChat, ann: Person) -> None:
    await chat.send(ann, "/history")
    answer = await chat.wait(lambda message: message.text is not None)
    assert "Send me an idea or a photo" in (answer.text or "")
    assert answer.buttons == []


@pytest.mark.usefixtures("bot")
async def test_a_video_comes_again_as_often_as_one_likes_and_costs_nothing(
    telegram: TelegramSandbox, harness: Harness, chat: PrivateChat, ann: Person
) -> None:
    first = await made(harness, chat, ann, "a cat")
    await made(harness, chat, ann, "a dog")
    shown = await listed(chat, ann)
    assert (shown.caption or "").splitlines()[1:] == ["1. a dog", "2. a cat"]
    for _ in range(2):
        await shown.press("2")
    await telegram.wait_for_call("sendVideo", count=4)
    again = [message for message in chat.from_bot if message.caption == "a cat"]
    assert len(again) == 3
    assert {message.video.file_unique_id for message in again if message.video} == {
        first.video.file_unique_id if first.video else None
    }
    assert len(harness.provider.submissions) == 2
    assert len(telegram.calls_of("answerCallbackQuery")) == 2
    await chat.send(ann, "/quota")
    await chat.wait(lambda message: "You have 36 credits" in (message.text or ""))


@pytest.mark.usefixtures("bot")
async def test_videos_is_another_name_for_history(
    harness: Harness, chat: PrivateChat, ann: Person
) -> None:
    await made(harness, chat, ann, "a cat")
    await chat.send(ann, "/videos")
    await chat.wait(says("1. a cat"))


@pytest.mark.usefixtures("bot")
async def test_nobody_gets_somebody_elses_video(
    harness: Harness, telegram: TelegramSandbox, chat: PrivateChat, ann: Person, bob: Person
) -> None:
    await made(harness, chat, ann, "a cat")
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
    telegram: TelegramSandbox, harness: Harness, chat: PrivateChat, ann: Person
) -> None:
    await made(harness, chat, ann, "a cat")
    async with harness.db.transaction() as tx:
        await tx.execute("UPDATE generations SET file_id = 'gone'")
    shown = await listed(chat, ann)
    await shown.press("1")
    await chat.wait(lambda message: "does not have this video any more" in (message.text or ""))
    assert len(telegram.calls_of("answerCallbackQuery")) == 1


async def copied(harness: Harness, numbers: range, **changes: object) -> None:
    """Have videos that were made long ago, all like the first."""
    async with harness.db.transaction() as tx:
        row = dict(await tx.fetch_one("SELECT * FROM generations WHERE id = 1") or {})
        for number in numbers:
            copy = row | {"id": number, "cause": str(number), "request_id": None, **changes}
            columns, marks = ", ".join(copy), ", ".join("?" * len(copy))
            insert = f"INSERT INTO generations ({columns}) VALUES ({marks})"  # noqa: S608 - names only
            await tx.execute(insert, [*copy.values()])


async def has_still(harness: Harness, number: int) -> bool:
    async with harness.db.reading() as connection:
        found = await connection.fetch_one(
            "SELECT thumbnail FROM generations WHERE id = ?", (number,)
        )
    return found is not None and found["thumbnail"] is not None


@pytest.mark.usefixtures("bot")
async def test_a_video_that_was_made_when_no_stills_were_kept_has_one_once_it_was_sent_again(
    harness: Harness, chat: PrivateChat, ann: Person
) -> None:
    await made(harness, chat, ann, "a cat")
    await copied(harness, range(2, 3), thumbnail=None)
    shown = await listed(chat, ann)
    with Image.open(shown.photo[-1].path) as sheet:
        before = sheet.crop((60, 60, 260, 180)).resize((4, 4)).tobytes()
    await shown.press("1")
    await chat.wait(lambda message: message.video is not None and message.reply_to is None)
    async with asyncio.timeout(10):
        while not await has_still(harness, 2):
            await asyncio.sleep(0.02)
    asked = await chat.send(ann, "/history")
    shown = await chat.wait(says("", after=asked))
    with Image.open(shown.photo[-1].path) as sheet:
        assert sheet.crop((60, 60, 260, 180)).resize((4, 4)).tobytes() != before


def numbers_of(shown: Message) -> list[str]:
    """Return what the lines of a page begin with."""
    return re.findall(r"^(\d+\. .*)$", shown.caption or shown.text or "", re.MULTILINE)


async def test_pages_show_a_still_of_each_video_and_turn_also_after_a_restart(
    harness: Harness, chat: PrivateChat, ann: Person
) -> None:
    async with harness.running():
        await made(harness, chat, ann, "a cat")
        await copied(harness, range(2, 13))
        shown = await listed(chat, ann)
        assert shown.photo, "the stills are on one picture"
        with Image.open(shown.photo[-1].path) as sheet:
            assert sheet.size[0] > sheet.size[1] > 700, "three in a row, three rows"
            assert len(sheet.resize((3, 3)).getcolors() or ()) > 1, "something is to be seen"
        assert len(numbers_of(shown)) == 9
        assert [len(row) for row in shown.buttons] == [5, 4, 1, 2]
        await shown.press("Older ▶")
        await chat.wait(lambda message: message is shown and len(numbers_of(message)) == 3)
        with Image.open(shown.photo[-1].path) as sheet:
            assert sheet.size[0] > 3 * sheet.size[1] > 700, "one row of three"
    async with harness.running():
        await shown.press("◀ Newer")
        await chat.wait(lambda message: message is shown and len(numbers_of(message)) == 9)
        await shown.press("9")
        await chat.wait(lambda message: message.video is not None and message is not shown)
    assert len([message for message in chat.from_bot if message.photo]) == 1


@pytest.mark.usefixtures("bot")
async def test_words_are_looked_for_and_kept_from_page_to_page(
    harness: Harness, chat: PrivateChat, ann: Person
) -> None:
    await made(harness, chat, ann, "a cat")
    await copied(harness, range(2, 12), prompt="A Dog: its ball", thumbnail=None)
    await copied(harness, range(12, 15), prompt="a bird")
    await chat.send(ann, "/history “dog: BALL”")
    shown = await chat.wait(says("Made from “dog BALL”."))
    assert len(numbers_of(shown)) == 9
    assert not shown.photo, "there is no still of any"
    await shown.press("Older ▶")
    await chat.wait(lambda message: numbers_of(message) == ["1. A Dog: its ball"])
    await chat.send(ann, "/history elephant")
    none = await chat.wait(says("None of your videos was made from “elephant”"))
    assert none.buttons == []


async def test_a_video_is_deleted_once_that_was_asked_and_nothing_is_left_to_go_on_from(
    harness: Harness, telegram: TelegramSandbox, chat: PrivateChat, ann: Person
) -> None:
    async with harness.running():
        cat = await made(harness, chat, ann, "a cat")
        await made(harness, chat, ann, "a dog")
        shown = await listed(chat, ann)
        await shown.press("Delete")
        await chat.wait(says("Which one should I delete"))
        await shown.press("🗑 2")
        await chat.wait(lambda message: any("Yes" in one.text for one in message.buttons[-1:][0]))
    async with harness.running():
        answer = await shown.press("Yes, delete")
        assert "Deleted here" in answer.text
        await chat.wait(lambda message: numbers_of(message) == ["1. a dog"])
        assert not any("Yes" in label for label in shown.labels)
        again = await cat.press("Again")
        assert "This button is old" in again.text
        sent = await telegram.world.press(shown, Button("1", "resend:1"), by=ann, timeout=5)
        assert sent.text == "That one is deleted already."
        assert len(await telegram.inline(ann, "#1")) == 0
        async with harness.db.reading() as connection:
            gone = await generations.find(connection, 1)
        assert gone is not None
        assert (gone.prompt, gone.file_id, gone.state) == ("", None, "delivered")


@pytest.mark.usefixtures("bot")
async def test_nobody_deletes_somebody_elses_video(
    harness: Harness, telegram: TelegramSandbox, chat: PrivateChat, ann: Person, bob: Person
) -> None:
    await made(harness, chat, ann, "a cat")
    theirs = telegram.private(bob)
    await made(harness, theirs, bob, "a dog")
    shown = await listed(theirs, bob)
    for forged in ("sure:forget:1", "forget:1"):
        await telegram.world.press(shown, Button("?", forged), by=bob, timeout=5)
    assert numbers_of(await listed(chat, ann)) == ["1. a cat"]


@pytest.mark.usefixtures("bot")
async def test_a_number_goes_on_from_its_video_at_the_price_beside_it(
    harness: Harness, chat: PrivateChat, ann: Person
) -> None:
    await made(harness, chat, ann, "a cat")
    shown = await listed(chat, ann)
    await shown.press("Continue")
    await chat.wait(says("Which one should go on"))
    await shown.press("1 · 9")
    question = await chat.wait(says("What happens next?"))
    await question.press("Just go on · 9")
    await harness.provider.wait_for_submissions(2)
    await settled(harness)
    assert "image_url" in harness.provider.submissions[1].body
    await shown.press("◀ Back")
    await chat.wait(says("Tap a number"))
