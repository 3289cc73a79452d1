"""A finished video goes where it was asked for, else to the next best place, else it is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest
from telegram import ChatMemberRestricted

from sandbox.aimlapi import Fault as ProviderFault
from sandbox.telegram import Fault
from sandbox.telegram.actors import Topic
from storage import chats, generations
from tests.flows.predicates import says, shows_video
from tests.handlers.shared import settled, until

if TYPE_CHECKING:
    from sandbox.aimlapi import AimlApiSandbox
    from sandbox.telegram import Group, Person, PrivateChat, TelegramSandbox
    from storage.database import Connection
    from tests.harness import Harness

RENDER = 1.0
"""Seconds in which the place is lost."""


@pytest.fixture
def slow(provider: AimlApiSandbox) -> None:
    provider.render_seconds = RENDER


async def becomes(harness: Harness, state: str) -> None:
    """Wait until the one generation is in a state."""

    async def is_in_it(connection: Connection) -> bool:
        found = await generations.find(connection, 1)
        return found is not None and found.state == state

    await until(harness, is_in_it, 15)


async def test_a_message_deleted_in_a_topic_is_not_answered_but_the_video_comes_there(
    harness: Harness, telegram: TelegramSandbox, ann: Person, provider: AimlApiSandbox, slow: None
) -> None:
    """There, Telegram refuses an answer to no message, whatever is asked of it."""
    forum = telegram.group("Film club", [ann], forum=True)
    topic = forum.topic("Boats")
    async with harness.running():
        asked = await forum.send(ann, "/video a cat", topic=topic)
        await provider.wait_for_submissions(1)
        await forum.delete_message(asked)
        video = await forum.wait(shows_video("a cat"))
        assert (video.topic, video.reply_to) == (topic, None)


async def test_a_deleted_message_is_not_answered_but_the_video_comes(
    harness: Harness, chat: PrivateChat, ann: Person, provider: AimlApiSandbox, slow: None
) -> None:
    async with harness.running():
        asked = await chat.send(ann, "/video a cat")
        await provider.wait_for_submissions(1)
        await chat.delete_message(asked)
        assert (await chat.wait(shows_video("a cat"))).reply_to is None


@pytest.mark.parametrize("how", ["close", "delete"])
async def test_a_topic_that_is_closed_or_gone_leads_to_the_group(
    how: str, harness: Harness, telegram: TelegramSandbox, ann: Person, provider: AimlApiSandbox,
    slow: None,
) -> None:  # fmt: skip
    group = telegram.group("Film club", [ann], forum=True)
    topic = group.topic("Boats")
    async with harness.running():
        await group.send(ann, "/video a cat", topic=topic)
        await provider.wait_for_submissions(1)
        getattr(group, how)(topic)
        assert (await group.wait(shows_video("a cat"))).topic is None


@pytest.mark.parametrize("met", ["before", "unseen"])
@pytest.mark.parametrize("how", ["disband", "kick_bot", "read_only"])
async def test_a_group_that_is_lost_leads_to_the_private_chat(
    how: str, met: str, harness: Harness, telegram: TelegramSandbox, chat: PrivateChat, ann: Person,
    provider: AimlApiSandbox, slow: None,
) -> None:  # fmt: skip
    """Who met it unseen may have started the bot before this database was."""
    group = telegram.group("Film club", [ann])
    async with harness.running():
        if met == "before":
            await chat.send(ann, "/start")
        await group.send(ann, "/video a cat")
        await provider.wait_for_submissions(1)
        getattr(group, how)()
        await chat.wait(shows_video("a cat"))
        await becomes(harness, "delivered")


async def test_a_group_that_takes_no_videos_is_told_where_one_is(
    harness: Harness, telegram: TelegramSandbox, chat: PrivateChat, ann: Person,
    provider: AimlApiSandbox, slow: None,
) -> None:  # fmt: skip
    group = telegram.group("Film club", [ann])
    async with harness.running():
        asked = await group.send(ann, "/video a cat")
        await provider.wait_for_submissions(1)
        group.withheld = {"can_send_videos"}
        told = await group.wait(says("It is in our private chat", to=asked.message_id))
        opens = told.button("Open in private").url or ""
        video = await chat.wait(shows_video("a cat"))
        # as the link does, for whoever finds it no more
        await settled(harness)
        await chat.send(ann, f"/start {opens.partition('=')[2]}")
        again = await chat.wait(lambda m: m.video is not None and m is not video)
        assert again.caption == "a cat"
        bob = telegram.person("Bob")
        await telegram.private(bob).send(bob, f"/start {opens.partition('=')[2]}")
        await telegram.private(bob).wait(says("This is not your video"))
        async with harness.db.reading() as connection:
            known = await chats.by_telegram_id(connection, group.id)
        assert known is not None
        assert known.reachable, "it takes other messages"


async def test_a_group_that_takes_no_videos_is_told_that_one_is_kept_for_who_never_met_the_bot(
    harness: Harness, telegram: TelegramSandbox, ann: Person, provider: AimlApiSandbox, slow: None
) -> None:
    group = telegram.group("Film club", [ann])
    async with harness.running():
        asked = await group.send(ann, "/video a cat")
        await provider.wait_for_submissions(1)
        group.withheld = {"can_send_videos"}
        told = await group.wait(says("I keep it for you", to=asked.message_id))
        opens = told.button("Open in private").url or ""
        private = telegram.private(ann)
        await private.send(ann, f"/start {opens.partition('=')[2]}")
        await private.wait(shows_video("a cat"))


async def test_a_video_asked_in_the_groups_name_waits_until_it_takes_videos(
    harness: Harness, telegram: TelegramSandbox, ann: Person, provider: AimlApiSandbox, slow: None
) -> None:
    group = telegram.group("Film club", [ann])
    async with harness.running():
        await group.send(ann, "/video a cat")
        await provider.wait_for_submissions(1)
        async with harness.db.transaction() as tx:
            known = await chats.by_telegram_id(tx, group.id)
            assert known is not None
            await tx.execute(
                "UPDATE generations SET account_kind = 'chat', account_id = ?", (known.id,)
            )
        group.withheld = {"can_send_videos"}
        await group.wait(says("let me send videos, then send /start here"))
        group.withheld.clear()
        await group.send(ann, "/start@film_maker_bot", sender_chat=group)
        await group.wait(shows_video("a cat"))


@pytest.mark.parametrize("from_whom", ["members", "the bot"])
async def test_where_a_group_is_known_to_take_no_videos_nothing_is_charged(
    from_whom: str,
    harness: Harness,
    telegram: TelegramSandbox,
    ann: Person,
    provider: AimlApiSandbox,
) -> None:
    group = telegram.group("Film club", [ann])
    if from_whom == "members":
        group.withheld = {"can_send_videos"}
    else:
        rights = dict.fromkeys(ChatMemberRestricted.__slots__, True) | {"can_send_videos": False}
        me = {"status": "restricted", "user": telegram.world.bot.as_json(), "until_date": 0}
        telegram.faults.next("getChatMember", Fault.answers(rights | me), times=2)
    async with harness.running():
        for words in ("/video a cat", "/video"):
            asked = await group.send(ann, words)
            await group.wait(says("I am not allowed to send videos here", to=asked.message_id))
        group.withheld.clear()
        await group.send(ann, "/video a dog")
        await group.wait(shows_video("a dog"))
        assert len(provider.submissions) == 1


async def test_where_a_group_takes_no_word_its_order_is_refused_alone(
    harness: Harness, telegram: TelegramSandbox, chat: PrivateChat, ann: Person,
    provider: AimlApiSandbox,
) -> None:  # fmt: skip
    group = telegram.group("Film club", [ann])
    group.read_only()
    async with harness.running():
        await group.send(ann, "/video a cat")
        await chat.wait(says("I am not allowed to write here"))
    assert provider.submissions == []


async def test_a_topic_that_is_not_there_alone_with_the_bot_keeps_back_nothing(
    harness: Harness, telegram: TelegramSandbox, chat: PrivateChat, ann: Person
) -> None:
    gone = Topic(77, "Boats")
    async with harness.running():
        asked = await chat.send(ann, "/video a cat", topic=gone)
        await chat.wait(shows_video("a cat", to=asked.message_id))
        telegram.faults.next("sendVideo", Fault.error(400, "Bad Request: wrong file"))
        await chat.send(ann, "/video a dog", topic=gone)
        first = await chat.wait(lambda one: one.document)
        assert first.caption == "a dog"
        asked = await chat.send(ann, "a boat", topic=gone)
        await chat.wait(says("Make a video of this?", to=asked.message_id))
        asked = await chat.send(ann, "/video", topic=gone)
        await chat.wait(says("What should we see?", to=asked.message_id))
        await chat.send(ann, "/history", topic=gone)
        listed = await chat.wait(says("Tap a number"))
        await listed.press("1")
        await chat.wait(lambda one: one.document and one is not first)
    assert not [one for one in chat.from_bot if "Something broke" in (one.text or "")]


@pytest.fixture
async def closed(
    harness: Harness, telegram: TelegramSandbox, chat: PrivateChat, ann: Person
) -> Closed:
    """A topic of a group in which nothing may be written any more, nor in General."""
    forum = telegram.group("Film club", [ann], forum=True)
    topic = forum.topic("Boats")
    forum.close(topic)
    forum.is_general_closed = True
    return Closed(forum, topic)


class Closed(NamedTuple):
    """A forum, and its topic."""

    forum: Group
    topic: Topic


async def test_a_question_for_a_closed_topic_is_asked_and_answered_alone(
    harness: Harness, chat: PrivateChat, ann: Person, closed: Closed
) -> None:
    async with harness.running():
        await closed.forum.send(ann, "/video", topic=closed.topic)
        await chat.wait(says("What should we see?"))
        asked = await chat.send(ann, "a cat")
        await chat.wait(shows_video("a cat", to=asked.message_id))


async def test_a_card_for_a_closed_topic_is_shown_and_tapped_alone(
    harness: Harness, chat: PrivateChat, ann: Person, closed: Closed
) -> None:
    async with harness.running(confirm_credits=1):
        await closed.forum.send(ann, "/video a cat", topic=closed.topic)
        card = await chat.wait(says("Make a video of this?"))
        assert "of your" in (card.text or ""), "it is paid where it is tapped"
        await card.press("Make it")
        await chat.wait(shows_video("a cat"))


async def test_what_is_offered_instead_in_a_closed_topic_is_offered_alone(
    harness: Harness, chat: PrivateChat, ann: Person, closed: Closed
) -> None:
    async with harness.running():
        await closed.forum.send(ann, "/video a cat --seconds 5", topic=closed.topic)
        offered = await chat.wait(lambda one: one.buttons)
        await offered.press(offered.buttons[0][0].text)
        await chat.wait(shows_video("a cat"))


async def test_a_notice_for_a_closed_topic_is_said_alone_at_once(
    harness: Harness, chat: PrivateChat, ann: Person, closed: Closed, provider: AimlApiSandbox
) -> None:
    provider.faults.next("submit", ProviderFault.http(500))
    async with harness.running():
        await closed.forum.send(ann, "/video a cat", topic=closed.topic)
        await chat.wait(says("credits are back"), timeout=10)


async def test_a_group_that_became_a_supergroup_gets_its_video_there(
    harness: Harness, telegram: TelegramSandbox, ann: Person, provider: AimlApiSandbox, slow: None
) -> None:
    group = telegram.group("Film club", [ann], kind="group")
    async with harness.running():
        await group.send(ann, "/video a cat")
        await provider.wait_for_submissions(1)
        await group.migrate().wait(shows_video("a cat"))


async def test_somebody_who_blocked_the_bot_is_brought_the_video_when_they_are_back(
    harness: Harness, chat: PrivateChat, ann: Person, provider: AimlApiSandbox, slow: None
) -> None:
    async with harness.running():
        await chat.send(ann, "/video a cat")
        await provider.wait_for_submissions(1)
        chat.block(ann)
        await becomes(harness, "undeliverable")
        chat.unblock(ann)
        await chat.wait(says("I have a video for you"))
        await chat.wait(shows_video("a cat"))
        await becomes(harness, "delivered")


async def test_who_never_started_the_bot_finds_the_video_on_their_first_start(
    harness: Harness, telegram: TelegramSandbox, ann: Person, provider: AimlApiSandbox, slow: None
) -> None:
    group = telegram.group("Film club", [ann])
    async with harness.running():
        await group.send(ann, "/video a cat")
        await provider.wait_for_submissions(1)
        group.disband()
        await becomes(harness, "undeliverable")
        private = telegram.private(ann)
        await private.send(ann, "/start")
        await private.wait(shows_video("a cat"))
        await becomes(harness, "delivered")
        await private.send(ann, "/start")
        await private.wait(lambda m: "short video" in (m.text or "") and m is private.last)
        assert len([one for one in private.from_bot if one.video]) == 1


async def test_a_video_whose_file_is_gone_from_the_disk_is_fetched_again(
    harness: Harness, chat: PrivateChat, ann: Person, provider: AimlApiSandbox, slow: None
) -> None:
    async with harness.running():
        await chat.send(ann, "/video a cat")
        await provider.wait_for_submissions(1)
        chat.block(ann)
        await becomes(harness, "undeliverable")
        (harness.data / "videos" / "1.mp4").unlink()
        chat.unblock(ann)
        await chat.wait(shows_video("a cat"))
        assert len(provider.submissions) == 1
