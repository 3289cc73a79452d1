"""/ban and /unban: who is shut out makes no videos, and what waits of theirs costs nothing."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from handlers.ordering import drafts, placing
from storage import generations
from storage.generations import State
from storage.ledger import Account
from tests.flows.predicates import says, shows_video
from tests.groups.actions import confirmed, finish, held_up, made, spent
from tests.handlers.shared import settled
from tests.storage.requests import steps_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sandbox.aimlapi import AimlApiSandbox
    from sandbox.telegram import Group, Person, PrivateChat, TelegramSandbox
    from tests.harness import Harness

SHUT_OUT = "You cannot make videos with this bot any more."


@pytest.fixture
async def admin(harness: Harness, ann: Person, chat: PrivateChat) -> AsyncIterator[PrivateChat]:
    """Ann, who runs a bot that everyone may use, alone with it."""
    async with harness.running(admin_ids=frozenset({ann.id}), provider_slots=1):
        yield chat


@pytest.fixture
def bobs(telegram: TelegramSandbox, bob: Person) -> PrivateChat:
    """Bob alone with the bot."""
    return telegram.private(bob)


async def ban(admin: PrivateChat, ann: Person, words: str) -> None:
    """Ban somebody and wait until that is done."""
    await admin.send(ann, f"/ban {words}")
    await admin.wait(says("is banned. /unban"))


async def left(group: Group) -> None:
    """Wait until the bot is out of a group."""
    async with asyncio.timeout(5):
        while group.bot_status != "left":
            await asyncio.sleep(0.01)


async def test_a_banned_person_makes_no_videos_until_unbanned(
    harness: Harness,
    admin: PrivateChat,
    bobs: PrivateChat,
    ann: Person,
    bob: Person,
    provider: AimlApiSandbox,
) -> None:
    await admin.send(ann, f"/ban {bob.id} rude pictures")
    await admin.wait(says(f"{bob.id} is banned. /unban {bob.id} takes it back."))
    for words in ("/video a boat", "a boat", "/video"):
        asked = await bobs.send(bob, words)
        await bobs.wait(says(f"{SHUT_OUT} The reason: rude pictures.", to=asked.message_id))
    assert provider.submissions == []
    await admin.send(ann, f"/unban {bob.id}")
    await admin.wait(says(f"{bob.id} is welcome again."))
    await bobs.wait(says("you can make videos with this bot again"))
    await made(harness, bobs, bob, "a boat")


def slowed(monkeypatch: pytest.MonkeyPatch) -> tuple[asyncio.Event, asyncio.Event]:
    """Have orders wait half-way; return what tells of one that is read, and what lets it go on."""
    reads, goes_on = asyncio.Event(), asyncio.Event()

    async def slowly(*order: Any) -> Any:
        reads.set()
        await goes_on.wait()
        return await drafts.quote_draft(*order)

    monkeypatch.setattr(placing, "quote_draft", slowly)
    return reads, goes_on


async def test_who_is_denied_while_an_order_of_theirs_is_read_gets_no_video(
    harness: Harness, chat: PrivateChat, bobs: PrivateChat, ann: Person, bob: Person,
    provider: AimlApiSandbox, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    reads, goes_on = slowed(monkeypatch)
    allowed = frozenset({4711})
    async with harness.running(admin_ids=frozenset({ann.id}), allowed_ids=allowed):
        await chat.send(ann, f"/allow {bob.id}")
        await chat.wait(says("may use this bot."))
        asked = await bobs.send(bob, "/video a boat")
        await reads.wait()
        await chat.send(ann, f"/deny {bob.id}")
        await chat.wait(says("may not use this bot any more"))
        goes_on.set()
        await bobs.wait(says("This bot is private.", to=asked.message_id))
        async with harness.db.reading() as connection:
            assert await generations.in_states(connection, {*State}) == []
    assert provider.submissions == []


async def test_who_is_banned_while_an_order_of_theirs_is_read_gets_no_video(
    harness: Harness, admin: PrivateChat, bobs: PrivateChat, club: Group, ann: Person, bob: Person,
    provider: AimlApiSandbox, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    reads, goes_on = slowed(monkeypatch)
    asked = await bobs.send(bob, "/video a boat")
    await reads.wait()
    reads.clear()
    await club.send(bob, "/video a boat")
    await reads.wait()
    await ban(admin, ann, f"{bob.id} rude pictures")
    goes_on.set()
    await bobs.wait(says(f"{SHUT_OUT} The reason: rude pictures.", to=asked.message_id))
    await club.send(ann, "/help")
    await club.wait(says("/video"))
    async with harness.db.reading() as connection:
        assert await generations.in_states(connection, {*State}) == []
    assert (provider.submissions, len(club.from_bot)) == ([], 1)


async def test_in_a_group_a_banned_person_meets_silence_and_others_do_not(
    harness: Harness, admin: PrivateChat, club: Group, ann: Person, bob: Person
) -> None:
    await ban(admin, ann, str(bob.id))
    for words in ("/video a boat", "/video", "/animate"):
        await club.send(bob, words)
    await club.send(ann, "/help")
    await club.wait(says("/video"))
    assert len(club.from_bot) == 1
    await made(harness, club, ann, "a train")


async def test_in_a_group_a_banned_person_reads_why_in_the_pop_up_of_a_press(
    harness: Harness, admin: PrivateChat, club: Group, ann: Person, bob: Person
) -> None:
    video = await made(harness, club, ann, "a boat")
    await ban(admin, ann, str(bob.id))
    said = len(club.from_bot)
    assert (await video.press("Again", by=bob)).text == SHUT_OUT
    assert len(club.from_bot) == said


async def test_who_is_banned_is_told_why_once(
    harness: Harness, admin: PrivateChat, bobs: PrivateChat, ann: Person, bob: Person
) -> None:
    await made(harness, bobs, bob, "a boat")
    for words in ("rude pictures.", "again"):
        await admin.send(ann, f"/ban {bob.id} {words}")
        await admin.wait(says("is banned"))
    await bobs.wait(says(f"{SHUT_OUT} The reason: rude pictures."))
    await admin.wait(says("is banned already: rude pictures."))
    assert sum(SHUT_OUT in (message.text or "") for message in bobs.from_bot) == 1


async def test_who_can_be_asked_is_named(
    harness: Harness, chat: PrivateChat, bobs: PrivateChat, ann: Person, bob: Person
) -> None:
    async with harness.running(admin_ids=frozenset({ann.id}), support_contact="@keeper"):
        await ban(chat, ann, str(bob.id))
        await bobs.send(bob, "/video a boat")
        await bobs.wait(says(f"{SHUT_OUT} Questions? @keeper"))


async def test_an_allowed_person_is_banned_all_the_same(
    harness: Harness, chat: PrivateChat, bobs: PrivateChat, ann: Person, bob: Person
) -> None:
    async with harness.running(admin_ids=frozenset({ann.id}), allowed_ids=frozenset({bob.id})):
        await ban(chat, ann, str(bob.id))
        await bobs.send(bob, "/video a boat")
        await bobs.wait(says(SHUT_OUT))


async def test_what_waits_fails_with_its_credits_back_and_what_is_made_is_sent(
    harness: Harness,
    admin: PrivateChat,
    bobs: PrivateChat,
    ann: Person,
    bob: Person,
    provider: AimlApiSandbox,
) -> None:
    provider.render_seconds = 1.5
    await bobs.send(bob, "/video a boat")
    await provider.wait_for_submissions(1)
    await bobs.send(bob, "/video a train")
    await bobs.wait(says("in line"))
    statements = list[str]()
    await harness.db.trace(statements.append)
    await ban(admin, ann, str(bob.id))
    await bobs.wait(says(f"{SHUT_OUT} 9 credits are back."))
    banned, failed = (
        next(place for place, one in enumerate(statements) if words in one)
        for words in ("INSERT INTO bans", "'failed'")
    )
    assert "COMMIT" not in statements[banned:failed], "a kill between would let it be made"
    await bobs.wait(shows_video("a boat"))
    await settled(harness)
    assert len(provider.submissions) == 1
    assert await spent(harness, bob) == 9
    async with harness.db.reading() as connection:
        [last] = [
            one
            for one in await generations.in_states(connection, {generations.State.FAILED})
            if one.account == Account.person(bob.id)
        ]
        history = await steps_of(connection, last.id)
    assert [(step.was, step.state, step.reason) for step in history][-1] == (
        "queued", "failed", "banned",
    )  # fmt: skip


async def test_a_video_that_waits_in_a_group_fails_there_without_a_word(
    harness: Harness,
    admin: PrivateChat,
    club: Group,
    ann: Person,
    bob: Person,
    provider: AimlApiSandbox,
) -> None:
    provider.render_seconds = 1.5
    await club.send(ann, "/video a boat")
    await provider.wait_for_submissions(1)
    await club.send(bob, "/video a train")
    await harness.telegram.wait_for_call("setMessageReaction", count=2)
    await ban(admin, ann, str(bob.id))
    await club.wait(shows_video("a boat"))
    await settled(harness)
    assert await spent(harness, bob) == 0
    assert not [m for m in club.from_bot if "cannot make videos" in (m.text or "")]


async def test_what_a_banned_channel_asked_for_in_a_group_ends_with_its_credits_back(
    harness: Harness, admin: PrivateChat, telegram: TelegramSandbox, club: Group, ann: Person,
    bob: Person, provider: AimlApiSandbox,
) -> None:  # fmt: skip
    news = telegram.group("News", [bob], with_bot=False)
    await club.send(bob, "/help", sender_chat=news)
    await club.wait(says("/video"))
    await admin.send(ann, f"/limit {club.id} 100")
    await admin.wait(says("has a pool of 100 credits"))
    await held_up(provider, club, ann)
    await club.send(bob, "/video a train", sender_chat=news)
    await harness.telegram.wait_for_call("setMessageReaction", count=2)
    await ban(admin, ann, str(news.id))
    finish(provider)
    await club.wait(shows_video("a boat"))
    await settled(harness)
    assert len(provider.submissions) == 1
    await admin.send(ann, "/limit")
    await admin.wait(says(f"Film club ({club.id}): 91 of 100 credits left."))


async def test_whoever_runs_the_bot_cannot_be_banned(
    harness: Harness, admin: PrivateChat, ann: Person
) -> None:
    await admin.send(ann, f"/ban {ann.id}")
    await admin.wait(says(f"{ann.id} runs this bot, so there is no banning them."))
    await made(harness, admin, ann, "a boat")


async def test_a_second_ban_says_why_the_first_was(
    admin: PrivateChat, ann: Person, bob: Person
) -> None:
    await ban(admin, ann, f"{bob.id} rude pictures")
    await admin.send(ann, f"/ban {bob.id}")
    await admin.wait(says(f"{bob.id} is banned already: rude pictures"))
    await admin.send(ann, "/unban 99")
    await admin.wait(says("99 was not banned. Nothing changed."))


async def test_a_banned_group_is_left_and_left_again_when_it_takes_the_bot_in(
    admin: PrivateChat,
    telegram: TelegramSandbox,
    club: Group,
    ann: Person,
    bob: Person,
) -> None:
    await club.send(bob, "/help")
    await club.wait(says("/video"))
    await ban(admin, ann, str(club.id))
    await left(club)
    said = len(club.from_bot)
    club.add_bot(bob)
    await telegram.wait_for_call("leaveChat", count=2)
    await left(club)
    assert len(club.from_bot) == said, "no greeting"
    await admin.send(ann, f"/unban {club.id}")
    await admin.wait(says("is welcome again"))
    club.add_bot(bob)
    await club.wait(says("Hello!"))


async def test_a_group_that_takes_the_bot_in_can_be_banned_by_a_button(
    admin: PrivateChat, telegram: TelegramSandbox, ann: Person, bob: Person
) -> None:
    group = telegram.group("New club", [ann, bob], with_bot=False)
    group.add_bot(bob)
    told = await admin.wait(says("New club"))
    assert (await told.press("Ban", by=bob)).text == "This button is not for you."
    assert group.bot_status == "member"
    first = await confirmed(admin, told, "Ban", by=ann)
    assert first.text == f"{group.id} is banned. /unban {group.id} takes it back."
    await left(group)
    second = await confirmed(admin, told, "Ban", by=ann)
    assert second.text == f"{group.id} is banned already."


async def test_taken_in_by_somebody_banned_it_leaves_at_once(
    admin: PrivateChat, telegram: TelegramSandbox, ann: Person, bob: Person
) -> None:
    await ban(admin, ann, str(bob.id))
    group = telegram.group("New club", [ann, bob], with_bot=False)
    group.add_bot(bob)
    await left(group)
    assert group.from_bot == []


@pytest.mark.usefixtures("bot")
@pytest.mark.parametrize("command", ["/ban 5", "/unban 5"])
async def test_for_anybody_else_there_is_no_such_command(
    chat: PrivateChat, ann: Person, command: str
) -> None:
    await chat.send(ann, command)
    await chat.wait(says(f"I don't know {command.partition(' ')[0]}."))


@pytest.mark.parametrize("command", ["/ban", "/ban bob", "/unban", "/unban bob"])
async def test_a_slip_is_answered_with_how_it_is_written(
    admin: PrivateChat, ann: Person, command: str
) -> None:
    await admin.send(ann, command)
    await admin.wait(says(f"Write {command.partition(' ')[0]}"))


async def test_who_is_banned_gets_no_kept_video_by_letting_the_bot_in_again(
    harness: Harness, admin: PrivateChat, bobs: PrivateChat, ann: Person, bob: Person,
    provider: AimlApiSandbox,
) -> None:  # fmt: skip
    provider.render_seconds = 0.5
    await bobs.send(bob, "/video a boat")
    await provider.wait_for_submissions(1)
    bobs.block(bob)
    await settled(harness)
    await ban(admin, ann, str(bob.id))
    bobs.unblock(bob)
    await bobs.send(bob, "/start")
    await bobs.wait(says(SHUT_OUT))
    assert not any(message.video for message in bobs.from_bot)


async def test_an_edit_of_somebody_banned_orders_nothing_and_changes_no_card(
    harness: Harness, admin: PrivateChat, bobs: PrivateChat, ann: Person, bob: Person,
    provider: AimlApiSandbox,
) -> None:  # fmt: skip
    said = await bobs.send(bob, "a boat")
    card = await bobs.wait(says("Make a video of this?"))
    await ban(admin, ann, str(bob.id))
    await bobs.edit(said, "a train")
    await bobs.send(bob, "/start")
    await bobs.wait(says(SHUT_OUT))
    assert "a train" not in (card.text or "")
    assert provider.submissions == []
