"""Taken in, asked for help, let in or sent away: what the bot says in a group, and when not."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from telegram import Update

from storage import chats
from tests.flows.predicates import says, shows_video
from tests.harness import ADMIN
from tests.storage.requests import rows

if TYPE_CHECKING:
    import pytest

    from bot.app import Bot
    from sandbox.aimlapi import AimlApiSandbox
    from sandbox.telegram import Group, Person, PrivateChat, TelegramSandbox
    from tests.harness import Harness

RIGHTS = (
    *("can_manage_chat", "can_delete_messages", "can_manage_video_chats", "can_restrict_members"),
    *("can_promote_members", "can_change_info", "can_invite_users", "can_post_stories"),
    *("can_edit_stories", "can_delete_stories"),
)
PRIVACY = "turn privacy mode off"


def operator(telegram: TelegramSandbox) -> tuple[Person, PrivateChat]:
    """Return who runs the bot, and where the bot reaches them."""
    owner = telegram.person("Olga", user_id=ADMIN)
    return owner, telegram.private(owner)


async def test_ten_innocent_sentences_are_answered_with_nothing(
    bot: Bot,
    telegram: TelegramSandbox,
    club: Group,
    ann: Person,
    bob: Person,
    provider: AimlApiSandbox,
) -> None:
    telegram.privacy_mode(on=False)
    await club.send(ann, "/video a boat in the bath")
    video = await club.wait(shows_video())
    before, calls = len(club.from_bot), len(telegram.calls_of("sendMessage"))
    for words in (
        "haha great, Ann",
        f"I told you @{telegram.bot.username} can do that",
        "what did you type?",
        "/weather Berlin",
        "/video@other_bot a cat",
        "a video of a boat would be nice",
        "who is @bob?",
        "good night",
    ):
        await club.send(bob, words)
    await club.send(bob, "wow, lovely", reply_to=video)
    await club.send(bob, "again please!", reply_to=video)
    await club.send(bob, "/help")
    await club.wait(says("/video", after=video))
    assert len(club.from_bot) == before + 1
    assert len(telegram.calls_of("sendMessage")) == calls + 1
    assert len(provider.submissions) == 1


async def test_it_greets_once_when_it_is_taken_in(
    bot: Bot, telegram: TelegramSandbox, ann: Person
) -> None:
    telegram.privacy_mode(on=False)
    group = telegram.group("New club", [ann], with_bot=False)
    group.add_bot(ann)
    hello = await group.wait(says("Hello! /video and your idea"))
    assert hello.text == (
        "Hello! /video and your idea makes a short video; reply /animate to a photo to bring it "
        "to life. It uses your own daily credits. Admins: /settings."
    ), "nothing is off, so there is no advice"
    group.make_admin()
    await group.send(ann, "/help")
    await group.wait(lambda m: m is not hello)
    assert len(group.from_bot) == 2, "becoming an admin is no reason to greet again"


async def test_a_group_that_becomes_a_supergroup_is_not_greeted_again(
    bot: Bot, telegram: TelegramSandbox, ann: Person
) -> None:
    group = telegram.group("New club", [ann], kind="group", with_bot=False)
    group.add_bot(ann)
    await group.wait(says("Hello!"))
    new = group.migrate()
    await new.send(ann, "/help")
    await new.wait(says("/video"))
    new.bot_status = "left"
    new.set_bot_status("member", ann)
    await new.send(ann, "/quota")
    await new.wait(says("only in our private chat"))
    assert not [m for m in new.from_bot if says("Hello!")(m)]


async def test_with_privacy_mode_on_the_greeting_says_what_to_change(
    bot: Bot, telegram: TelegramSandbox, ann: Person
) -> None:
    group = telegram.group("New club", [ann], with_bot=False)
    group.add_bot(ann)
    hello = await group.wait(says("Hello!"))
    assert PRIVACY in (hello.text or "")
    assert "make me an admin here" in (hello.text or "")
    assert "/setprivacy" in (hello.text or "")


async def test_help_in_a_group_looks_again(
    bot: Bot, telegram: TelegramSandbox, club: Group, ann: Person
) -> None:
    asked = await club.send(ann, "/help")
    first = await club.wait(says("/video", to=asked.message_id))
    assert PRIVACY in (first.text or "")
    club.make_admin()
    asked = await club.send(ann, "/help")
    second = await club.wait(says("/video", to=asked.message_id))
    assert PRIVACY not in (second.text or ""), "an admin hears everything"


async def test_missing_rights_are_named(
    bot: Bot, telegram: TelegramSandbox, club: Group, ann: Person
) -> None:
    telegram.privacy_mode(on=False)
    club.withheld = {"can_send_videos"}
    asked = await club.send(ann, "/help")
    answer = await club.wait(says("/video", to=asked.message_id))
    assert "I am not allowed to send videos here" in (answer.text or "")
    assert PRIVACY not in (answer.text or "")


async def test_the_operator_is_told_who_took_it_in_and_can_leave(
    bot: Bot, harness: Harness, telegram: TelegramSandbox, ann: Person, bob: Person
) -> None:
    owner, private = operator(telegram)
    group = telegram.group("Film club", [ann, bob], with_bot=False)
    group.add_bot(bob)
    told = await private.wait(says("Film club (3 members) added me, by @bob."))
    assert told.labels == ["Pool", "Leave", "Ban"]
    await told.press("Pool", by=owner)
    pool = await private.wait(says(f"/limit {group.id} CREDITS"))
    await pool.press("100 credits, about 11 videos", by=owner)
    await private.wait(lambda m: m is pool and m.buttons[1][0].text.startswith("✓ 100"))
    await group.send(ann, "/quota")
    shared = await group.wait(says("This group has 100 credits of 100 left, about 11 videos."))
    assert shared.buttons
    await pool.press("No pool", by=owner)
    await private.wait(lambda m: m is pool and m.buttons[-1][0].text == "✓ No pool")
    await told.press("Leave", by=owner)
    await group.wait(says("My owner took me out of this group. Goodbye!"))
    await telegram.wait_for_call("leaveChat")
    assert group.bot_status == "left"
    async with asyncio.timeout(15):
        while await _is_reachable(harness, group):
            await asyncio.sleep(0.01)


async def _is_reachable(harness: Harness, group: Group) -> bool:
    async with harness.db.reading() as connection:
        known = await chats.by_telegram_id(connection, group.id)
    return known is not None and known.reachable


async def test_with_allowed_ids_it_waits_to_be_let_in(
    harness: Harness, telegram: TelegramSandbox, ann: Person, bob: Person
) -> None:
    owner, private = operator(telegram)
    async with harness.running(allowed_ids=frozenset({1})):
        group = telegram.group("Film club", [ann, bob], with_bot=False)
        group.add_bot(bob)
        await group.wait(says("My owner has to allow this group first."))
        told = await private.wait(says("until you let me in"))
        assert told.labels == ["Allow", "Leave", "Ban"]
        await group.send(ann, "/video too early")
        await group.wait(says("This bot is private."))
        await told.press("Allow", by=owner)
        await group.wait(says("Hello! /video and your idea"))
        await group.send(ann, "/video a boat")
        await group.wait(shows_video("a boat"))


async def test_taken_in_by_its_owner_a_private_bot_starts_at_once(
    harness: Harness, telegram: TelegramSandbox, ann: Person
) -> None:
    owner, _ = operator(telegram)
    async with harness.running(allowed_ids=frozenset({1})):
        group = telegram.group("Film club", [ann, owner], with_bot=False)
        group.add_bot(owner)
        await group.wait(says("Hello!"))
        await group.send(ann, "/video a boat")
        await group.wait(shows_video("a boat"))


async def test_a_private_bot_nobody_runs_leaves_politely(
    harness: Harness, telegram: TelegramSandbox, ann: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    async with harness.running(allowed_ids=frozenset({1}), admin_ids=frozenset()):
        group = telegram.group("Film club", [ann], with_bot=False)
        group.add_bot(ann)
        await group.wait(says("Goodbye!"))
        await telegram.wait_for_call("leaveChat")
    assert group.bot_status == "left"


async def test_a_channel_that_takes_it_in_is_left_alone(
    harness: Harness, telegram: TelegramSandbox, ann: Person
) -> None:
    async with harness.running() as bot:
        by = {"id": ann.id, "is_bot": False, "first_name": "Ann"}
        itself = {"id": telegram.bot.id, "is_bot": True, "first_name": "Bot"}
        rights = dict.fromkeys(RIGHTS, True) | {"is_anonymous": False, "can_be_edited": False}
        change = {
            "chat": {"id": -1_001_234_567_890, "type": "channel", "title": "News"},
            "from": by,
            "date": 1_790_000_000,
            "old_chat_member": {"user": itself, "status": "left"},
            "new_chat_member": {"user": itself, "status": "administrator", **rights},
        }
        update = Update.de_json({"update_id": 10**9, "my_chat_member": change}, bot.app.bot)
        await bot.app.process_update(update)
        async with harness.db.reading() as connection:
            assert await chats.in_work(connection) == []
            channel = await chats.by_telegram_id(connection, -1_001_234_567_890)
    assert channel is not None, "it is known, for a grant"
    assert telegram.calls_of("sendMessage") == telegram.calls_of("leaveChat") == []


async def test_what_cannot_be_undone_asks_once_and_keep_takes_the_question_away(
    bot: Bot, telegram: TelegramSandbox, ann: Person
) -> None:
    owner, private = operator(telegram)
    group = telegram.group("Film club", [ann], with_bot=False)
    group.add_bot(ann)
    told = await private.wait(says("added me"))
    for _ in range(2):
        await told.press("Ban", by=owner)
        await private.wait(lambda m: m is told and m.buttons[-1][0].text == "Yes, ban")
        rows = [[button.text for button in row] for row in told.buttons]
        assert rows == [["Pool", "Leave", "Ban"], ["Yes, ban", "Keep"]]
    await told.press("Keep", by=owner)
    await private.wait(lambda m: m is told and len(m.buttons) == 1)
    assert told.labels == ["Pool", "Leave", "Ban"]
    assert group.bot_status == "member"


async def test_only_who_runs_the_bot_decides_about_groups(
    bot: Bot, telegram: TelegramSandbox, club: Group, ann: Person, bob: Person
) -> None:
    _, private = operator(telegram)
    group = telegram.group("Other club", [ann], with_bot=False)
    group.add_bot(ann)
    told = await private.wait(says("added me"))
    for label in ("Pool", "Leave", "Ban"):
        answer = await told.press(label, by=bob)
        assert answer.text == "This button is not for you."
    assert group.bot_status == "member"


async def test_a_group_that_takes_the_bot_in_again_and_again_is_told_of_once(
    bot: Bot, harness: Harness, telegram: TelegramSandbox, ann: Person
) -> None:
    _, desk = operator(telegram)
    group = telegram.group("New club", [ann], with_bot=False)
    for count in range(1, 5):
        group.add_bot(ann)
        await telegram.wait_for_call("getChatMemberCount", count=count)
        group.kick_bot(ann)
        async with asyncio.timeout(10):
            while await rows(
                harness.db, "SELECT 1 FROM chats WHERE kind <> 'private' AND reachable"
            ):
                await asyncio.sleep(0.01)
    other = telegram.group("Other club", [ann], with_bot=False)
    other.add_bot(ann)
    await desk.wait(says("Other club"))
    assert len([m for m in desk.from_bot if says("New club")(m)]) == 1
