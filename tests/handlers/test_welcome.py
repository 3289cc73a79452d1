"""/start and /help, in private and in groups, for strangers and for the first admin."""

from __future__ import annotations

import asyncio
import re
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from bot.operations.checks import check_admins
from handlers.account.welcome import OrderIdea
from handlers.commands import Scope, listed
from sandbox.telegram import Fault
from sandbox.telegram.messages import Button
from storage import people
from tests.flows.predicates import says, shows_video
from tests.handlers.shared import settled
from tests.harness import WITH_MENUS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bot.app import Bot
    from sandbox.aimlapi import AimlApiSandbox
    from sandbox.telegram import Person, PrivateChat, TelegramSandbox
    from sandbox.telegram.messages import Message
    from tests.harness import Harness


async def welcomed(chat: PrivateChat, person: Person) -> Message:
    await chat.send(person, "/start")
    return await chat.wait(greets)


def greets(message: Message) -> bool:
    """A welcome, with or without its video."""
    return "short video" in (message.caption or message.text or "")


async def test_start_shows_a_video_and_says_what_to_send_and_what_it_costs(
    harness: Harness, telegram: TelegramSandbox, chat: PrivateChat, ann: Person, bob: Person
) -> None:
    async with harness.running():
        welcome = await welcomed(chat, ann)
        assert welcome.video is not None
        assert len((welcome.caption or "").splitlines()) == 3
        assert "54 credits, about 6 videos" in (welcome.caption or "")
        labels = [[button.text for button in row] for row in welcome.buttons]
        assert all(re.fullmatch(r"🎬 .+ · 9", label) for [label] in labels), labels
        assert len(labels) == 2
        theirs = telegram.private(bob)
        again = await welcomed(theirs, bob)
    async with harness.running():
        await theirs.send(bob, "/start")
        third = await theirs.wait(lambda one: greets(one) and one is not again)
    files = [one.video.file_unique_id for one in (welcome, again, third) if one.video]
    assert files == [files[0]] * 3, "it is uploaded once"


async def test_a_welcome_whose_file_is_lost_or_cannot_be_sent_is_a_welcome_all_the_same(
    harness: Harness, telegram: TelegramSandbox, chat: PrivateChat, ann: Person, bob: Person
) -> None:
    async with harness.running():
        await welcomed(chat, ann)
        async with harness.db.transaction() as tx:
            await tx.execute("UPDATE shipped_files SET file_id = 'of another bot'")
        theirs = telegram.private(bob)
        assert (await welcomed(theirs, bob)).video is not None
        telegram.faults.always("sendVideo", Fault.error(400, "Bad Request: not today"))
        cleo = telegram.person("Cleo")
        said = await welcomed(telegram.private(cleo), cleo)
        assert said.text is not None
        assert len(said.buttons) == 2


async def test_a_tap_on_an_idea_makes_it_at_its_price_also_after_a_restart(
    harness: Harness, chat: PrivateChat, ann: Person, provider: AimlApiSandbox
) -> None:
    async with harness.running():
        welcome = await welcomed(chat, ann)
    async with harness.running(undo_seconds=60):
        await welcome.press(welcome.buttons[0][0].text)
        await welcome.press(welcome.buttons[0][0].text)
        video = await chat.wait(lambda one: one.video is not None and one is not welcome)
        await settled(harness)
    assert [one.body["prompt"] for one in provider.submissions] == [video.caption]


async def test_an_idea_that_costs_more_by_now_is_asked_about(
    harness: Harness, chat: PrivateChat, ann: Person, provider: AimlApiSandbox
) -> None:
    async with harness.running(credit_usd=Decimal("0.20")):
        welcome = await welcomed(chat, ann)
    async with harness.running():
        await welcome.press(" · 5")
        card = await chat.wait(says("Make a video of this?"))
        assert "9 of your 54 credits" in (card.text or "")
    assert provider.submissions == []


@pytest.mark.usefixtures("bot")
async def test_who_had_a_video_is_greeted_without_one(
    harness: Harness, chat: PrivateChat, ann: Person
) -> None:
    await chat.send(ann, "/video a cat")
    await chat.wait(shows_video("a cat"))
    await settled(harness)
    assert (await welcomed(chat, ann)).video is None


@pytest.mark.usefixtures("bot")
async def test_a_group_is_told_in_one_line_how_to_ask(
    telegram: TelegramSandbox, ann: Person
) -> None:
    group = telegram.group("Film club", [ann])
    asked = await group.send(ann, f"/start@{telegram.bot.username}")
    answer = await group.wait(lambda message: "/video" in (message.text or ""))
    assert answer.reply_to == asked.message_id
    assert "\n" not in (answer.text or "")
    assert answer.buttons == []


@pytest.mark.usefixtures("bot")
@pytest.mark.parametrize(
    ("payload", "words"),
    [("quota", "You have 54"), ("history", "No videos yet"), ("settings", "usual video")],
)
async def test_the_way_from_a_group_opens_what_was_asked(
    chat: PrivateChat, ann: Person, payload: str, words: str
) -> None:
    await chat.send(ann, f"/start {payload}")
    await chat.wait(lambda message: words in (message.text or ""))
    assert len(chat.from_bot) == 1


@pytest.mark.usefixtures("bot")
async def test_a_link_that_means_nothing_is_a_plain_start(chat: PrivateChat, ann: Person) -> None:
    await chat.send(ann, "/start friend-of-bob")
    await chat.wait(greets)


async def test_a_stranger_learns_their_number(
    harness: Harness, chat: PrivateChat, ann: Person
) -> None:
    async with harness.running(allowed_ids=frozenset({1})):
        await chat.send(ann, "/start")
        answer = await chat.wait(lambda message: "private" in (message.text or ""))
        assert str(ann.id) in (answer.text or "")
        assert answer.labels == ["🙋 Ask the owner"]


async def test_a_stranger_gets_no_surprise(
    harness: Harness,
    telegram: TelegramSandbox,
    chat: PrivateChat,
    ann: Person,
    provider: AimlApiSandbox,
) -> None:
    async with harness.running(allowed_ids=frozenset({1})):
        await chat.send(ann, "/start")
        answer = await chat.wait(lambda message: "private" in (message.text or ""))
        pressed = await telegram.world.press(
            answer, Button("?", data=OrderIdea(0, 9).encode()), by=ann, timeout=5
        )
        assert "This bot is private" in (pressed.text or "")
        assert provider.submissions == []


@pytest.fixture
async def orphan(harness: Harness) -> AsyncIterator[Bot]:
    """A bot nobody is admin of."""
    async with harness.running(times=WITH_MENUS, admin_ids=frozenset()) as running:
        # the start has printed a link of its own by then; the newest is the one that works
        await harness.telegram.wait_for_call("setMyCommands")
        yield running


async def test_the_first_admins_link_works_once(
    orphan: Bot, telegram: TelegramSandbox, chat: PrivateChat, ann: Person, bob: Person
) -> None:
    payload = orphan.services.first_admin.invite()
    await chat.send(ann, f"/start {payload}")
    await chat.wait(lambda message: "You are an admin of this bot now" in (message.text or ""))
    await chat.send(ann, "/stats")
    await chat.wait(lambda message: "Budget" in (message.text or message.caption or ""))
    theirs = telegram.private(bob)
    await theirs.send(bob, f"/start {payload}")
    await theirs.wait(lambda message: "no longer good" in (message.text or ""))
    await theirs.send(bob, "/stats")
    await theirs.wait(lambda message: "don't know /stats" in (message.text or ""))


async def test_the_first_admin_sees_their_commands_in_the_menu(
    orphan: Bot, telegram: TelegramSandbox, chat: PrivateChat, ann: Person
) -> None:
    await chat.send(ann, f"/start {orphan.services.first_admin.invite()}")
    await chat.wait(lambda message: "You are an admin of this bot now" in (message.text or ""))
    mine = [
        commands
        for (scope, _), commands in telegram.profile.commands.items()
        if str(ann.id) in scope
    ]
    for_admins = [command.name for command in listed(Scope.ADMIN)]
    assert [command["command"] for command in mine[0]] == for_admins


async def test_a_guessed_link_makes_nobody_admin(
    orphan: Bot, chat: PrivateChat, ann: Person
) -> None:
    orphan.services.first_admin.invite()
    await chat.send(ann, "/start admin-please")
    await chat.wait(lambda message: "no longer good" in (message.text or ""))
    await chat.send(ann, "/stats")
    await chat.wait(lambda message: "don't know /stats" in (message.text or ""))


async def test_the_link_does_nothing_in_a_group(
    orphan: Bot, telegram: TelegramSandbox, ann: Person
) -> None:
    payload = orphan.services.first_admin.invite()
    group = telegram.group("Film club", [ann])
    await group.send(ann, f"/start@{telegram.bot.username} {payload}")
    await group.wait(lambda message: "/video" in (message.text or ""))
    assert orphan.services.first_admin.claim(payload)


async def claimed(harness: Harness, chat: PrivateChat, person: Person) -> None:
    """Make somebody admin by the link of a first start."""
    async with harness.running(times=WITH_MENUS, admin_ids=frozenset()) as running:
        await harness.telegram.wait_for_call("setMyCommands")
        await chat.send(person, f"/start {running.services.first_admin.invite()}")
        await chat.wait(lambda message: "You are an admin of this bot now" in (message.text or ""))
        await harness.telegram.wait_for_call("setMyCommands", count=4)


async def test_a_claim_by_the_link_and_who_runs_the_bot_stand_in_the_log(
    harness: Harness, chat: PrivateChat, ann: Person, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    await claimed(harness, chat, ann)
    assert f"Ann ({ann.id}) is admin now, by the link" in caplog.text
    for admins, told in ((set[int](), "Admins: Ann"), ({5, ann.id}, "Admins: 5, Ann")):
        async with harness.running(admin_ids=frozenset(admins)), asyncio.timeout(10):
            while f"{told} ({ann.id})" not in caplog.text:
                await asyncio.sleep(0.01)


async def test_the_doctor_names_who_was_made_admin_by_the_link(
    harness: Harness, chat: PrivateChat, ann: Person
) -> None:
    await claimed(harness, chat, ann)
    [by_link] = check_admins(harness.settings(admin_ids=frozenset()))
    assert f"Ann ({ann.id})" in by_link.found
    assert "ADMIN_IDS" in by_link.remedy
    [by_settings] = check_admins(harness.settings(admin_ids=frozenset({5})))
    assert by_settings.found == "5"


async def test_admin_ids_once_set_count_alone(
    harness: Harness, telegram: TelegramSandbox, chat: PrivateChat, ann: Person
) -> None:
    await claimed(harness, chat, ann)
    async with harness.running(times=WITH_MENUS, admin_ids=frozenset({5})):
        await chat.send(ann, "/stats")
        await chat.wait(lambda message: "don't know /stats" in (message.text or ""))
        await telegram.wait_for_call("deleteMyCommands")
        async with harness.db.reading() as connection:
            assert await people.admins(connection) == []
    places = [scope for (scope, _), shown in telegram.profile.commands.items() if shown]
    assert not any(str(ann.id) in scope for scope in places), "their menu is everybody's again"
