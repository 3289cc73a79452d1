"""/report: a video somebody minds reaches whoever runs the bot, who needs one tap."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from handlers.groups import reports
from handlers.replies.notices import reported_buttons, reported_text
from sandbox.aimlapi import Fault, Render
from sandbox.telegram import Message
from storage import people
from tests.flows.predicates import says, shows_video
from tests.groups.actions import confirmed, made
from tests.handlers.shared import SPEECH, settled

if TYPE_CHECKING:
    from bot.app import Bot
    from sandbox.aimlapi import AimlApiSandbox
    from sandbox.telegram import Group, Person, PrivateChat, TelegramSandbox
    from tests.harness import Harness

USAGE = "Reply to one of my videos with /report, and say what is wrong with it."


async def reported_by(club: Group, by: Person, video: Message, words: str = "") -> None:
    """Report a video and wait for the thanks."""
    asked = await club.send(by, f"/report {words}".strip(), reply_to=video)
    await club.wait(says("Thank you, I passed it on.", to=asked.message_id))


async def test_a_report_says_whose_video_it_is_where_and_what_somebody_minds(
    bot: Bot, harness: Harness, club: Group, office: PrivateChat, ann: Person, bob: Person
) -> None:
    video = await made(harness, club, ann, "a boat in the bath")
    await reported_by(club, bob, video, "that is   my bath")
    told = await office.wait(says("🚩"))
    assert (told.text or "").splitlines() == [
        f"🚩 Bob ({bob.id}) reports a video in Film club. Ann ({ann.id}) asked for it.",
        "They say: that is my bath",
        "It was made from: a boat in the bath",
    ]
    assert told.labels == ["🗑 Delete", f"Ban Ann ({ann.id})"]


@pytest.mark.parametrize("by_whom", ["its requester", "the operator"])
async def test_a_video_that_had_no_number_when_it_was_sent_is_deleted_by_its_buttons(
    bot: Bot, harness: Harness, club: Group, office: PrivateChat, owner: Person, ann: Person,
    bob: Person, by_whom: str,
) -> None:  # fmt: skip
    club.prepares_videos = True
    video = await made(harness, club, ann, "a boat in the bath")
    if by_whom == "its requester":
        await confirmed(club, video, "Delete", by=ann)
    else:
        await reported_by(club, bob, video)
        told = await office.wait(says("🚩"))
        assert (await confirmed(office, told, "Delete", by=owner)).text == "Deleted."
    await club.wait_gone(video)


async def test_once_confirmed_it_is_deleted_and_a_second_time_says_that_it_is_gone(
    bot: Bot,
    harness: Harness,
    club: Group,
    office: PrivateChat,
    owner: Person,
    ann: Person,
    bob: Person,
) -> None:
    video = await made(harness, club, ann, "a boat in the bath")
    await reported_by(club, bob, video)
    told = await office.wait(says("🚩"))
    assert (await confirmed(office, told, "Delete", by=owner)).text == "Deleted."
    await club.wait_gone(video)
    second = await confirmed(office, told, "Delete", by=owner)
    assert second.alert
    assert second.text.startswith("I could not delete it. It is gone already")


async def test_once_confirmed_who_asked_for_it_is_banned_and_a_second_time_changes_nothing(
    bot: Bot,
    harness: Harness,
    club: Group,
    office: PrivateChat,
    chat: PrivateChat,
    owner: Person,
    ann: Person,
    bob: Person,
) -> None:
    video = await made(harness, club, ann, "a boat in the bath")
    await reported_by(club, bob, video)
    told = await office.wait(says("🚩"))
    assert (await confirmed(office, told, "Ban", by=owner)).text.startswith(f"{ann.id} is banned.")
    assert "is banned already: #1" in (await confirmed(office, told, "Ban", by=owner)).text
    await chat.send(ann, "/video another")
    await chat.wait(says("You cannot make videos with this bot any more."))
    await made(harness, club, bob, "a train")


async def test_what_was_deleted_and_whose_it_was_banned_is_spread_no_more(
    bot: Bot, harness: Harness, telegram: TelegramSandbox, club: Group, office: PrivateChat,
    chat: PrivateChat, owner: Person, ann: Person, bob: Person,
) -> None:  # fmt: skip
    video = await made(harness, club, ann, "a boat in the bath")
    await chat.send(ann, "/history")
    listed = await chat.wait(says("Tap a number"))
    await reported_by(club, bob, video)
    told = await office.wait(says("🚩"))
    await confirmed(office, told, "Delete", by=owner)
    assert list(await telegram.inline(ann, "")) == []
    assert (await listed.press("1")).text == "That one is deleted already."
    await chat.send(ann, "/history")
    await chat.wait(says("No videos yet"))
    await confirmed(office, told, "Ban", by=owner)
    other = await made(harness, club, bob, "a train")
    for label in ("Again", "Delete"):
        assert "You cannot make videos" in (await other.press(label, by=ann)).text
    assert list(await telegram.inline(ann, "boat")) == []
    assert not any(message.video for message in chat.from_bot)


async def test_a_copy_that_was_shared_or_sent_on_is_reported_as_the_video_it_is(
    bot: Bot, harness: Harness, telegram: TelegramSandbox, club: Group, office: PrivateChat,
    chat: PrivateChat, ann: Person, bob: Person,
) -> None:  # fmt: skip
    await made(harness, chat, ann, "a boat in the bath")
    [result] = await telegram.inline(ann, "boat")
    copy = await club.send_inline(ann, result)
    await reported_by(club, bob, copy, "that is my bath")
    told = await office.wait(says("🚩"))
    assert (told.text or "").splitlines() == [
        f"🚩 Bob ({bob.id}) reports a video in Film club. Ann ({ann.id}) asked for it.",
        "They say: that is my bath",
        "It was made from: a boat in the bath",
    ]
    forwarded = await chat.send_inline(ann, result)
    asked = await chat.send(ann, "/report it shows me", reply_to=forwarded)
    await chat.wait(says("Thank you. The owner of this bot has been told.", to=asked.message_id))


async def test_only_who_runs_the_bot_decides(
    bot: Bot, harness: Harness, club: Group, office: PrivateChat, ann: Person, bob: Person
) -> None:
    video = await made(harness, club, ann, "a boat in the bath")
    await reported_by(club, bob, video)
    told = await office.wait(says("🚩"))
    for label in ("Delete", "Ban"):
        assert (await told.press(label, by=bob)).text == "This button is not for you."
    assert not video.deleted
    async with harness.db.reading() as connection:
        assert not await people.any_banned(connection, [ann.id])


async def test_who_runs_the_bot_is_not_banned_for_a_report(
    bot: Bot, harness: Harness, club: Group, office: PrivateChat, owner: Person, bob: Person
) -> None:
    club.join(owner)
    video = await made(harness, club, owner, "a boat in the bath")
    await reported_by(club, bob, video)
    told = await office.wait(says("🚩"))
    assert "no banning them" in (await confirmed(office, told, "Ban", by=owner)).text


async def test_each_reporter_counts_once_per_video(
    bot: Bot,
    harness: Harness,
    telegram: TelegramSandbox,
    club: Group,
    office: PrivateChat,
    ann: Person,
    bob: Person,
) -> None:
    cleo = telegram.person("Cleo")
    club.join(cleo)
    video = await made(harness, club, ann, "a boat in the bath")
    for reporter in (bob, bob, cleo):
        await reported_by(club, reporter, video)
    await office.wait(says("🚩 Cleo"))
    assert len([m for m in office.from_bot if says("🚩")(m)]) == 2


async def test_who_reports_often_is_passed_on_so_many_times_a_day(
    bot: Bot, harness: Harness, club: Group, office: PrivateChat, ann: Person, bob: Person,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(reports, "MAX_REPORTS_A_DAY", 1)
    first = await made(harness, club, ann, "a boat")
    second = await made(harness, club, ann, "a train")
    await reported_by(club, bob, first)
    asked = await club.send(bob, "/report", reply_to=second)
    await club.wait(says("You reported often today.", to=asked.message_id))
    await reported_by(club, bob, first)
    await reported_by(club, ann, second)
    await office.wait(says("🚩 Ann"))
    assert len([m for m in office.from_bot if says("🚩")(m)]) == 2


async def test_alone_with_the_bot_a_report_is_thanked_for_also_of_what_history_sent(
    bot: Bot, harness: Harness, office: PrivateChat, chat: PrivateChat, ann: Person
) -> None:
    video = await made(harness, chat, ann, "a boat in the bath")
    await chat.send(ann, "/history")
    await (await chat.wait(says("Tap a number"))).press("1")
    again = await chat.wait(lambda m: m.video is not None and m is not video)
    asked = await chat.send(ann, "/report it shows somebody else", reply_to=again)
    await chat.wait(says("Thank you. The owner of this bot has been told.", to=asked.message_id))
    await office.wait(says(f"Ann ({ann.id}) reports a video in their private chat."))


async def test_what_is_no_video_of_ours_is_answered_with_how_it_is_done(
    bot: Bot, club: Group, chat: PrivateChat, office: PrivateChat, ann: Person, bob: Person
) -> None:
    asked = await club.send(bob, "/report")
    usage = await club.wait(says(USAGE, to=asked.message_id))
    asked = await club.send(bob, "/report you", reply_to=usage)
    await club.wait(says(USAGE, to=asked.message_id))
    asked = await chat.send(ann, "/report me")
    await chat.wait(says(USAGE, to=asked.message_id))
    assert office.from_bot == []


async def test_a_bare_report_of_somebody_elses_message_is_for_another_bot(
    bot: Bot, telegram: TelegramSandbox, club: Group, ann: Person, bob: Person
) -> None:
    spam = await club.send(ann, "buy my coins")
    await club.send(bob, "/report spam", reply_to=spam)
    named = await club.send(bob, f"/report@{telegram.bot.username} spam", reply_to=spam)
    await club.wait(says(USAGE, to=named.message_id))
    assert len(club.from_bot) == 1


async def test_in_a_topic_a_bare_report_answers_nobody(
    bot: Bot, telegram: TelegramSandbox, ann: Person, bob: Person
) -> None:
    forum = telegram.group("Forum", [ann, bob], forum=True)
    films = forum.topic("Films")
    await forum.send(bob, "/report", topic=films)
    assert (await forum.wait(says(USAGE))).topic is films


async def test_while_nobody_runs_the_bot_it_says_so(
    harness: Harness, club: Group, ann: Person, bob: Person
) -> None:
    async with harness.running(admin_ids=frozenset()):
        video = await made(harness, club, ann, "a boat in the bath")
        asked = await club.send(bob, "/report", reply_to=video)
        await club.wait(says("This bot has no admin yet", to=asked.message_id))


async def test_a_long_story_is_shortened(
    bot: Bot, harness: Harness, club: Group, office: PrivateChat, ann: Person, bob: Person
) -> None:
    await club.send(ann, "/video " + "a very long boat " * 40)
    video = await club.wait(shows_video())
    await settled(harness)
    await reported_by(club, bob, video, "I mind it very much " * 100)
    told = await office.wait(says("🚩"))
    assert [len(line) < 330 for line in (told.text or "").splitlines()] == [True] * 3
    assert (told.text or "").count("…") == 2


def facts(**changes: Any) -> dict[str, Any]:
    """What a notice of a report is made of."""
    return {
        "generation": 7,
        "place": "Film club",
        "reporter": "Bob (2)",
        "owner": "Film club (-5)",
        "by_person": False,
        "words": "",
        "prompt": "",
    } | changes


def test_who_asked_as_a_group_or_channel_is_not_banned_by_a_tap() -> None:
    rows = reported_buttons(facts(), SPEECH)
    assert [[button.text for button in row] for row in rows] == [["🗑 Delete"]]


def test_without_words_and_prompt_a_report_is_one_line() -> None:
    assert reported_text(facts(), SPEECH) == (
        "🚩 Bob (2) reports a video in Film club. Film club (-5) asked for it."
    )


async def test_who_is_refused_again_and_again_waits_and_the_owner_is_told_once(
    bot: Bot,
    club: Group,
    office: PrivateChat,
    chat: PrivateChat,
    owner: Person,
    ann: Person,
    bob: Person,
    harness: Harness,
    provider: AimlApiSandbox,
) -> None:
    for words in ("one", "two", "three"):
        provider.next_render = Render.refused("Your request was blocked by our moderation system.")
        asked = await club.send(ann, f"/video {words}")
        await club.wait(says("was refused", to=asked.message_id))
        await settled(harness)
    told = await office.wait(says("🛑"))
    assert f"Ann ({ann.id})" in (told.text or "")
    assert (told.text or "").endswith("The last one: three")
    await chat.send(ann, "/video four")
    said = await chat.wait(says("You can order again in 1 hour"))
    assert "what they would show" in (said.text or "")
    await chat.send(ann, "a boat, no more than an idea")
    first = said.message_id
    await chat.wait(lambda m: m.message_id > first and says("order again")(m))
    await club.send(ann, "/video five")
    said = await club.wait(says("you can order again in 1 hour"))
    assert "show" not in (said.text or ""), "why is nobody else's business"
    await made(harness, club, bob, "a train")
    assert len(provider.submissions) == 4
    assert (await confirmed(office, told, "Ban", by=owner)).text.startswith(f"{ann.id} is banned.")
    assert sum(says("🛑")(one) for one in office.from_bot) == 1


async def test_who_has_to_wait_is_told_at_the_third_refusal_alone_with_the_bot(
    bot: Bot, chat: PrivateChat, ann: Person, harness: Harness, provider: AimlApiSandbox
) -> None:
    provider.faults.next("submit", Fault.moderation(), times=3)
    waits = says("You can order again in 1 hour. Nothing was charged.")
    for words in ("one", "two", "three"):
        assert not any(waits(message) for message in chat.from_bot)
        asked = await chat.send(ann, f"/video {words}")
        await chat.wait(says("refused this", after=asked))
    await chat.wait(waits)


async def test_no_message_of_a_new_group_is_deleted_for_a_video_of_the_old_one(
    bot: Bot,
    harness: Harness,
    telegram: TelegramSandbox,
    office: PrivateChat,
    owner: Person,
    ann: Person,
    bob: Person,
) -> None:
    club = telegram.group("Old club", [ann, bob], kind="group")
    video = await made(harness, club, ann, "a boat in the bath")
    await reported_by(club, bob, video)
    told = await office.wait(says("🚩"))
    moved, others = club.migrate(), list[Message]()
    moved.make_admin()
    while not others or others[-1].message_id < video.message_id:
        others.append(await moved.send(ann, "hello"))
    await settled(harness)
    pressed = await confirmed(office, told, "Delete", by=owner)
    assert pressed.text.startswith("I could not delete it.")
    assert others[-1].message_id in {one.message_id for one in moved.messages}
