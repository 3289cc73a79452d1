"""/privacy, /mydata, /deletemydata: what is kept, shown to its owner alone, and erased for good."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from bot import lifecycle
from handlers.account import privacy
from sandbox.telegram import Fault
from sandbox.telegram.messages import Button
from storage import people, personal_data
from storage.people import Ban
from tests.flows.predicates import says, shows_video
from tests.groups.test_pools import give
from tests.handlers.shared import settled
from tests.handlers.test_undo import has

if TYPE_CHECKING:
    from sandbox.aimlapi import AimlApiSandbox
    from sandbox.telegram import Message, Person, PrivateChat, TelegramSandbox
    from storage.personal_data import Erasure
    from tests.harness import Harness, LoggedErrors

GONE = "Done. All I kept about you is deleted."
OLD = "This button is old. Send /deletemydata again."
WORDS = "lighthouse"


async def buys(harness: Harness, person: int, credits_: int) -> None:
    """Give somebody credits as a payment does."""
    async with harness.db.transaction() as tx:
        await tx.execute(
            "INSERT INTO ledger (account_kind, account_id, pot, kind, credits, cause, at)"
            " VALUES ('person', ?, 'bought', 'purchase', ?, 'charge:1', 0)",
            (person, credits_),
        )


async def data_of(chat: PrivateChat, person: Person) -> dict[str, Any]:
    """Return the file that /mydata sends."""
    await chat.send(person, "/mydata")
    message = await chat.wait(lambda one: one.document is not None)
    assert message.document is not None
    assert message.document.file_name == "my-data.json"
    read: dict[str, Any] = json.loads(message.document.bytes())
    return read


async def asks(chat: PrivateChat, person: Person) -> Message:
    await chat.send(person, "/deletemydata")
    asked = says("Delete everything I keep about you?")
    return await chat.wait(lambda one: asked(one) and bool(one.buttons))


def in_file(harness: Harness, words: str) -> list[str]:
    """Return the files of the bot's folder in which words stand."""
    return [
        file.name
        for file in harness.data.rglob("*")
        if file.is_file() and words.encode() in file.read_bytes()
    ]


async def test_privacy_says_what_is_kept_how_long_and_who_sees_it(
    harness: Harness, chat: PrivateChat, ann: Person
) -> None:
    async with harness.running(retention_days=7, privacy_url="https://example.com/privacy"):
        await chat.send(ann, "/privacy")
        said = await chat.wait(says("What I keep"))
    for words in (
        "forget your ideas after 7 days", "the AI service", "In a group, everyone",
        "The owner of this bot", "/mydata", "/deletemydata", "https://example.com/privacy",
    ):  # fmt: skip
        assert words in (said.text or ""), words


@pytest.mark.slow
async def test_mydata_is_a_file_of_ones_own_and_of_nobody_else(
    harness: Harness, chat: PrivateChat, ann: Person, bob: Person, telegram: TelegramSandbox
) -> None:
    club = telegram.group("Film club", [ann, bob])
    async with harness.running():
        await give(telegram, club, bob, "100")
        await club.send(bob, "/video a secret of Bob's")
        await club.wait(shows_video())
        await club.send(ann, f"/video a {WORDS} in the club")
        await club.wait(shows_video(f"a {WORDS} in the club"))
        await chat.send(ann, f"/video a {WORDS}")
        await chat.wait(shows_video(f"a {WORDS}"))
        await settled(harness)
        data = await data_of(chat, ann)
        text = json.dumps(data)
        [you] = data["you"]
        assert (you["number"], you["name"], you["username"]) == (ann.id, "Ann", "ann")
        assert [one["prompt"] for one in data["videos"]] == [f"a {WORDS}", f"a {WORDS} in the club"]
        assert [one["asked_in"] for one in data["videos"]] == ["alone with the bot", "Film club"]
        assert data["credits_from_groups"][0]["credits"] == 9
        assert "Bob" not in text
        for number in (bob.id, club.id):
            assert str(abs(number)) not in text, "nobody else's number"
        await chat.send(ann, "/mydata")
        await chat.wait(says("I sent it a moment ago"))
        await club.send(ann, "/mydata")
        await club.wait(says("only in our private chat"))


async def test_a_file_that_could_not_be_sent_may_be_asked_for_again_at_once(
    harness: Harness,
    chat: PrivateChat,
    ann: Person,
    telegram: TelegramSandbox,
    errors: LoggedErrors,
) -> None:
    errors.expect("odd")
    async with harness.running():
        telegram.faults.next("sendDocument", Fault.error(400, "Bad Request: odd"))
        await chat.send(ann, "/mydata")
        await chat.wait(says("Something broke on my side."))
        assert (await data_of(chat, ann))["you"][0]["number"] == ann.id


def test_a_file_of_data_is_bounded_and_says_what_is_missing() -> None:
    rows = [{"prompt": "x" * 4_000, "asked_at": 0.0}] * personal_data.MOST_ROWS
    content, is_whole = privacy.to_json({"you": [{"number": 1}], "videos": rows, "ban": []})
    assert len(content) <= privacy.MAX_FILE_BYTES + 100_000
    assert is_whole is False
    read = json.loads(content)
    assert read["videos"][0]["asked_at"] == "1970-01-01T00:00:00+00:00"
    assert read["ban"] == []


@pytest.mark.slow
async def test_what_is_kept_of_somebody_is_nowhere_after_they_deleted_it(
    harness: Harness,
    chat: PrivateChat,
    ann: Person,
    telegram: TelegramSandbox,
    provider: AimlApiSandbox,
) -> None:
    async with harness.running():
        await chat.send(ann, f"/video a {WORDS} of Ann's")
        await chat.wait(shows_video())
        await settled(harness)
        await chat.send(ann, f"a {WORDS} on a card")
        await chat.wait(lambda one: bool(one.buttons) and WORDS in (one.text or ""))
        await buys(harness, ann.id, 40)
        await has(chat, ann, 85)
        question = await asks(chat, ann)
        assert "You have 40 bought credits; they will be gone." in (question.text or "")
        await question.press("Delete everything")
        await chat.wait(lambda one: one is question and one.text == GONE and not one.buttons)
        async with harness.db.reading() as connection:
            assert await personal_data.stored_credits(connection, ann.id) == {}
        await has(chat, ann, 45)
        await chat.send(ann, "/history")
        await chat.wait(says("No videos yet"))
        # a second tap: what came since stays
        await chat.send(ann, "/video a boat")
        await chat.wait(shows_video("a boat"))
        await settled(harness)
        assert await press_again(telegram, question, ann) == OLD
        assert [one["prompt"] for one in (await data_of(chat, ann))["videos"]] == ["a boat", ""]
    assert in_file(harness, WORDS) == []


async def press_again(telegram: TelegramSandbox, question: Message, by: Person) -> str:
    """Press a button that is not there any more; return what the bot answers."""
    data = privacy.EraseData(40).encode()
    answer = await telegram.world.press(question, Button("?", data), by=by, timeout=10)
    return answer.text


@pytest.mark.slow
async def test_what_waits_is_cancelled_and_what_is_made_still_comes_also_after_a_restart(
    harness: Harness, chat: PrivateChat, ann: Person, provider: AimlApiSandbox,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(lifecycle, "ERASE_SECONDS", 0.05)
    provider.render_seconds = 1.0
    async with harness.running(provider_slots=1):
        await chat.send(ann, f"/video a {WORDS}, made")
        await provider.wait_for_submissions(1)
        await chat.send(ann, f"/video a {WORDS}, waiting")
        await chat.wait(says("in line"))
        question = await asks(chat, ann)
        await question.press("Delete everything")
        await chat.wait(says("What waited is cancelled"))
    async with harness.running(provider_slots=1):
        await chat.wait(shows_video(f"a {WORDS}, made"))
        async with asyncio.timeout(10):
            while await open_ones(harness):
                await asyncio.sleep(0.02)
        assert len(provider.submissions) == 1
        await has(chat, ann, 45)
        assert (await data_of(chat, ann))["you"][0]["usual_model"] is None
    assert in_file(harness, WORDS) == []


async def open_ones(harness: Harness) -> list[Erasure]:
    async with harness.db.reading() as connection:
        return await personal_data.open_erasures(connection)


async def test_it_is_asked_first_in_private_alone_and_keep_keeps_all(
    harness: Harness, chat: PrivateChat, ann: Person, telegram: TelegramSandbox
) -> None:
    club = telegram.group("Film club", [ann])
    async with harness.running():
        await club.send(ann, "/deletemydata")
        invited = await club.wait(says("only in our private chat"))
        opens = invited.buttons[0][0].url or ""
        await chat.send(ann, f"/start {opens.partition('start=')[2]}")
        question = await chat.wait(says("Delete everything I keep about you?"))
        await question.press("Keep")
        await chat.wait(lambda one: one is question and not one.buttons)
        assert await open_ones(harness) == []
        # a question of before more was bought is asked anew: it named less
        question = await asks(chat, ann)
        await buys(harness, ann.id, 40)
        await question.press("Delete everything")
        await chat.wait(lambda one: one is question and "40 bought credits" in (one.text or ""))
        assert await open_ones(harness) == []


async def test_who_is_banned_sees_and_deletes_their_data_and_stays_banned(
    harness: Harness, chat: PrivateChat, ann: Person
) -> None:
    async with harness.running():
        await chat.send(ann, "/start")
        await chat.wait(lambda one: bool(one.buttons))
        async with harness.db.transaction() as tx:
            shut_out = Ban(telegram_id=ann.id, by=1, at=0.0, reason="rude")
            await people.ban(tx, shut_out, cause="update:1")
        assert (await data_of(chat, ann))["ban"][0]["reason"] == "rude"
        question = await asks(chat, ann)
        await question.press("Delete everything")
        await chat.wait(lambda one: one is question and one.text == GONE)
        await chat.send(ann, "/video a cat")
        await chat.wait(says("You cannot make videos with this bot any more. The reason: rude."))


async def test_after_the_days_of_retention_a_video_is_there_and_its_words_are_not(
    harness: Harness, chat: PrivateChat, ann: Person, provider: AimlApiSandbox
) -> None:
    async with harness.running(retention_days=1):
        await chat.send(ann, f"/video a {WORDS}")
        video = await chat.wait(shows_video(f"a {WORDS}"))
        await settled(harness)
        assert in_file(harness, WORDS) != []
    later = 2 * 24 * 3600.0
    async with harness.running(retention_days=1, clock=lambda: time.time() + later):
        async with asyncio.timeout(10):
            while in_file(harness, WORDS):
                await asyncio.sleep(0.02)
        again = await video.press("Again")
        assert again.text == "This button is old. Send me the idea again."
        await chat.send(ann, "/history")
        page = await chat.wait(says("1. (forgotten)"))
        await page.press("1")
        await chat.wait(lambda one: one.video is not None and not one.caption)
    assert len(provider.submissions) == 1
