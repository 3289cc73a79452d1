"""The right place for everything: topics, groups that move or go, people who are nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sandbox.aimlapi import Fault as ProviderFault
from sandbox.telegram import Fault
from storage import chats, generations, videos
from storage.ledger import Account
from tests.flows.predicates import says, shows_video
from tests.groups.actions import made
from tests.groups.test_pools import give
from tests.handlers.shared import settled, until
from tests.harness import ADMIN

if TYPE_CHECKING:
    from bot.app import Bot
    from sandbox.aimlapi import AimlApiSandbox
    from sandbox.telegram import Group, Person, PrivateChat, TelegramSandbox
    from storage.database import Connection
    from tests.harness import Harness


@pytest.fixture
def forum(telegram: TelegramSandbox, ann: Person, bob: Person) -> Group:
    """A group with topics."""
    return telegram.group("Forum", [ann, bob], forum=True)


async def test_everything_goes_to_the_topic_it_was_asked_in(
    bot: Bot, forum: Group, ann: Person, bob: Person, provider: AimlApiSandbox
) -> None:
    films = forum.topic("Films")
    asked = await forum.send(ann, "/video a boat", topic=films)
    assert (await forum.wait(shows_video("a boat", to=asked.message_id))).topic is films
    question = await forum.send(bob, "/video", topic=films)
    assert (await forum.wait(says("What should we see?", to=question.message_id))).topic is films
    provider.faults.next("submit", ProviderFault.moderation())
    refused = await forum.send(bob, "/video nothing that is allowed", topic=films)
    assert (await forum.wait(says("was refused", to=refused.message_id))).topic is films


async def test_general_is_addressed_without_an_id(
    bot: Bot, telegram: TelegramSandbox, forum: Group, ann: Person
) -> None:
    asked = await forum.send(ann, "/video a boat")
    video = await forum.wait(shows_video("a boat", to=asked.message_id))
    assert video.topic is None
    assert all("message_thread_id" not in call.params for call in telegram.calls_of("sendVideo"))


@pytest.mark.parametrize("what", ["close", "delete"])
async def test_a_topic_that_is_closed_or_deleted_meanwhile_sends_the_video_to_general(
    bot: Bot, harness: Harness, forum: Group, ann: Person, provider: AimlApiSandbox, what: str
) -> None:
    provider.render_seconds = 0.5
    films = forum.topic("Films")
    await forum.send(ann, "/video a boat", topic=films)
    await provider.wait_for_submissions(1)
    getattr(forum, what)(films)
    video = await forum.wait(shows_video("a boat"))
    assert video.topic is None
    await settled(harness)


async def test_a_prompt_that_was_deleted_is_not_answered_but_its_video_comes(
    bot: Bot, club: Group, ann: Person, provider: AimlApiSandbox
) -> None:
    provider.render_seconds = 0.5
    asked = await club.send(ann, "/video a boat")
    await provider.wait_for_submissions(1)
    await club.delete_message(asked)
    video = await club.wait(shows_video("a boat"))
    assert video.reply_to is None


@pytest.mark.parametrize("moment", ["submission", "polling", "upload"])
async def test_a_group_that_becomes_a_supergroup_in_the_middle_gets_its_video_there(
    bot: Bot,
    harness: Harness,
    telegram: TelegramSandbox,
    ann: Person,
    provider: AimlApiSandbox,
    moment: str,
) -> None:
    group = telegram.group("Old club", [ann], kind="group")
    if moment == "submission":
        provider.faults.next("submit", ProviderFault.delay(0.5))
    if moment == "polling":
        provider.render_seconds = 0.8
    stuck = telegram.faults.next("sendVideo", Fault.hang()) if moment == "upload" else None
    for _ in range(40):
        # so that the message ids of the old group mean something else in the new one
        await group.send(ann, "chat")
    await group.send(ann, "/video a boat")
    if moment == "upload":
        await telegram.wait_for_call("sendVideo")
    else:
        await provider.wait_for_submissions(1)
    new = group.migrate()
    for _ in range(60):
        await new.send(ann, "chat in the new place")
    if stuck is not None:
        stuck.release()
    video = await new.wait(shows_video("a boat"))
    assert video.reply_to is None, "the old group's message ids mean other messages here"
    await settled(harness)
    assert len([m for m in new.messages if m.video]) == 1
    assert len(provider.submissions) == 1
    async with harness.db.reading() as connection:
        old = await chats.by_telegram_id(connection, group.id)
        chat = await chats.by_telegram_id(connection, new.id)
        assert chat is not None
        assert old == chat, "known by either id"
    [generation] = await videos.finished_of(harness.db, Account.person(ann.id), limit=5)
    assert generation.chat == generation.delivered_chat == chat.id
    assert generation.message_id is None


async def test_a_supergroup_the_bot_met_before_its_group_moved_becomes_one_with_it(
    bot: Bot, harness: Harness, telegram: TelegramSandbox, ann: Person, provider: AimlApiSandbox
) -> None:
    group = telegram.group("Old club", [ann], kind="group")
    provider.render_seconds = 1.0
    await group.send(ann, "/video a boat")
    await provider.wait_for_submissions(1)
    async with harness.db.transaction() as tx:
        # the first word from the new chat overtakes the news of the move
        await chats.upsert(
            tx, -1_000_000_000_000 + group.id, kind=chats.ChatKind.SUPERGROUP, now=1.0
        )
    new = group.migrate()
    await new.wait(shows_video("a boat"))
    await settled(harness)
    async with harness.db.reading() as connection:
        chat = await chats.by_telegram_id(connection, new.id)
        assert chat is not None
        assert await chats.by_telegram_id(connection, group.id) == chat, "known by either id"


@pytest.mark.parametrize("fate", ["read_only", "kick_bot", "disband"])
async def test_a_group_that_takes_nothing_any_more_leaves_the_private_chat(
    bot: Bot,
    harness: Harness,
    club: Group,
    chat: PrivateChat,
    ann: Person,
    provider: AimlApiSandbox,
    fate: str,
) -> None:
    await chat.send(ann, "/start")
    provider.render_seconds = 0.5
    await club.send(ann, "/video a boat")
    await provider.wait_for_submissions(1)
    getattr(club, fate)()
    await chat.wait(shows_video("a boat"))
    await settled(harness)
    assert [m for m in club.messages if m.video] == []


async def test_an_anonymous_admin_and_a_channel_are_owners_of_their_own(
    harness: Harness, telegram: TelegramSandbox, club: Group, ann: Person, bob: Person
) -> None:
    channel = telegram.group("Channel", [bob])
    async with harness.running():
        for speaker in (club, channel):
            asked = await club.send(ann, "/video a boat", sender_chat=speaker)
            await club.wait(says("more than is left", to=asked.message_id))
        async with harness.db.reading() as connection:
            for shared in (1087968824, 136817688):
                assert await generations.pending_of(connection, Account.person(shared)) == []


async def test_a_group_heard_again_after_it_was_lost_is_reachable(
    bot: Bot, harness: Harness, club: Group, ann: Person
) -> None:
    await made(harness, club, ann, "a boat")
    club.kick_bot()
    await _until_reachable(harness, club, reachable=False)
    club.add_bot(ann)
    await club.wait(says("Hello!"))
    await _until_reachable(harness, club, reachable=True)


async def test_a_group_that_takes_the_bot_back_gets_what_was_asked_in_its_name(
    bot: Bot,
    harness: Harness,
    telegram: TelegramSandbox,
    club: Group,
    ann: Person,
    provider: AimlApiSandbox,
) -> None:
    await give(telegram, club, ann, "100")
    provider.render_seconds = 0.5
    await club.send(ann, "/video a boat", sender_chat=club)
    await provider.wait_for_submissions(1)
    club.kick_bot()
    await settled(harness)
    assert [m for m in club.messages if m.video] == []
    club.add_bot(ann)
    await club.wait(shows_video("a boat"))


async def _until_reachable(harness: Harness, group: Group, *, reachable: bool) -> None:
    async def is_so(connection: Connection) -> bool:
        chat = await chats.by_telegram_id(connection, group.id)
        return chat is not None and chat.reachable is reachable

    await until(harness, is_so, 5)


async def test_a_group_of_allowed_ids_stays_let_in_as_a_supergroup_and_admins_are_told(
    harness: Harness, telegram: TelegramSandbox, ann: Person
) -> None:
    desk = telegram.private(telegram.person("Olga", user_id=ADMIN))
    group = telegram.group("Old club", [ann], kind="group")
    allowed = frozenset({group.id})
    async with harness.running(allowed_ids=allowed):
        await made(harness, group, ann, "a boat")
        new = group.migrate()
        await made(harness, new, ann, "a train")
        told = await desk.wait(says("ALLOWED_IDS"))
        assert f"write {new.id} in the place of {group.id} in .env" in (told.text or "")
    async with harness.running(allowed_ids=allowed):
        await made(harness, new, ann, "a plane")
        assert len([m for m in desk.from_bot if says("ALLOWED_IDS")(m)]) == 1, "told once"
    async with harness.running(allowed_ids=frozenset({new.id})):
        await made(harness, new, ann, "a kite")
    async with harness.running(allowed_ids=frozenset({ann.id + 1})):
        refused = await new.send(ann, "/video a bike")
        await new.wait(says("This bot is private", to=refused.message_id))
