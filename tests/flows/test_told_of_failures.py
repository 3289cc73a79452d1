"""Whoever asked for a video that fails is told: in the group by name, or alone if it is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from generation.jobs import schedule
from sandbox.aimlapi import Fault, Render
from sandbox.telegram import Fault as TelegramFault
from tests.flows.predicates import says, shows_video
from tests.handlers.shared import until

if TYPE_CHECKING:
    from bot.app import Bot
    from sandbox.aimlapi import AimlApiSandbox
    from sandbox.telegram import Group, Person, PrivateChat
    from storage.database import Connection
    from tests.harness import Harness


ODD = TelegramFault.error(400, "Bad Request: ODD")
FORBIDDEN = TelegramFault.error(403, "Forbidden: odd")


async def all_told(connection: Connection) -> bool:
    """Whether no word is owed, and no status stands that would be taken away."""
    owed = await connection.fetch_int("SELECT count(*) FROM notices WHERE sent_at IS NULL")
    statuses = "SELECT count(*) FROM generations WHERE status_message IS NOT NULL"
    return not owed and not await connection.fetch_int(statuses)


@pytest.mark.parametrize("how", ["disband", "kick_bot", "read_only"])
async def test_a_failure_in_a_group_that_is_lost_is_told_in_private_with_its_reason(
    how: str,
    harness: Harness,
    club: Group,
    chat: PrivateChat,
    ann: Person,
    provider: AimlApiSandbox,
) -> None:
    provider.render_seconds = 1.0
    provider.next_render = Render.refused("Your request was blocked by our moderation system.")
    async with harness.running():
        await chat.send(ann, "/start")
        await club.send(ann, "/video a cat")
        await provider.wait_for_submissions(1)
        getattr(club, how)()
        told = await chat.wait(says("refused this one because of what it would show"))
    assert "credits are back" in (told.text or "")
    assert told.reply_to is None
    assert not [m for m in chat.from_bot if says("See why")(m)]


@pytest.mark.parametrize(
    "words",
    [
        "Veo could not generate 1 videos based on the prompt provided. Try rephrasing the prompt.",
        "Failure to pass the risk control system",
    ],
)
async def test_a_refusal_of_another_maker_is_said_kindly_and_asks_for_other_words(
    words: str, harness: Harness, chat: PrivateChat, ann: Person, provider: AimlApiSandbox
) -> None:
    provider.next_render = Render("error", error_name="Internal", error_message=words)
    async with harness.running():
        await chat.send(ann, "/video a cat")
        told = await chat.wait(says("refused this one because of what it would show"))
        assert told.labels == ["✏️ Change"]
        await told.press("✏️ Change")
        asked = await chat.wait(says("What should be different?"))
        assert "a cat" in (asked.text or "")


@pytest.mark.parametrize(
    ("edited", "sent"),
    [
        (ODD, ODD),
        (TelegramFault.error(403, "Forbidden: odd"), None),
        (TelegramFault.answers(7), None),
    ],
    ids=["neither is taken", "a word of its own is", "nobody can read that it is"],
)
async def test_a_word_of_a_failure_that_telegram_refuses_once_is_said_all_the_same(
    edited: TelegramFault, sent: TelegramFault | None, monkeypatch: pytest.MonkeyPatch,
    harness: Harness, chat: PrivateChat, ann: Person, provider: AimlApiSandbox,
) -> None:  # fmt: skip
    monkeypatch.setattr(schedule, "backoff", lambda *_: 0.0)
    provider.render_seconds = 0.3
    provider.next_render = Render.refused("Your request was blocked by our moderation system.")
    async with harness.running():
        await chat.send(ann, "/video a cat")
        await chat.wait(says("9 credits, 45 left"))
        harness.telegram.faults.next("editMessageText", edited)
        if sent is not None:
            harness.telegram.faults.next("sendMessage", sent)
        told = await chat.wait(says("refused this one because of what it would show"))
        await until(harness, all_told)
        assert not told.deleted


async def test_a_failure_that_reaches_nobody_is_given_up_once(
    harness: Harness, club: Group, ann: Person, provider: AimlApiSandbox
) -> None:
    provider.render_seconds = 1.0
    provider.next_render = Render.refused("Your request was blocked by our moderation system.")
    async with harness.running():
        await club.send(ann, "/video a cat")
        await provider.wait_for_submissions(1)
        club.disband()
        given_up = "SELECT count(*) FROM notices WHERE given_up = 1"
        await until(harness, lambda tx: tx.fetch_int(given_up), 15)


async def test_a_failure_under_somebody_elses_video_names_whose_it_is(
    bot: Bot, club: Group, ann: Person, bob: Person, provider: AimlApiSandbox
) -> None:
    await club.send(ann, "/video a boat")
    video = await club.wait(shows_video("a boat"))
    provider.faults.next("submit", Fault.http(500))
    for _ in range(2):
        await video.press("Again", by=bob)
    told = await club.wait(says("Something broke", to=video.message_id))
    assert told.text == "Bob: Something broke at the video service. 9 credits are back."


async def test_a_failure_that_answers_its_own_order_names_nobody(
    bot: Bot, club: Group, ann: Person, provider: AimlApiSandbox
) -> None:
    provider.faults.next("submit", Fault.http(500))
    asked = await club.send(ann, "/video a boat")
    told = await club.wait(says("broke", to=asked.message_id))
    assert told.text == "Something broke at the video service. 9 credits are back."
