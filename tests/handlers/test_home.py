"""/admin: one message from which the operator sees people, groups, models and money."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest

from sandbox.telegram.messages import Button
from storage import ledger, notices
from storage.ledger import Account, Pot
from tests.flows.predicates import says
from tests.groups.actions import made

if TYPE_CHECKING:
    from sandbox.telegram import Message, Person, PrivateChat, TelegramSandbox
    from storage.database import Connection
    from tests.harness import Harness

TODAY = "📅 Today"


async def turn(chat: PrivateChat, home: Message, label: str, words: str, by: Person) -> None:
    """Press a button of the message and wait until it shows these words."""
    await home.press(label, by=by)
    await chat.wait(lambda seen: seen is home and words in (seen.text or ""))


async def fill(tx: Connection, statement: str, count: int, *values: float) -> None:
    """Insert what is selected from `n`, the numbers from 1 to a count."""
    numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)"
    await tx.execute(f"{numbers} {statement}", (count, *values))


async def test_home_of_a_new_bot_and_its_empty_pages(
    harness: Harness, chat: PrivateChat, ann: Person
) -> None:
    async with harness.running(admin_ids=frozenset({ann.id}), models=("sora-2",)):
        await chat.send(ann, "/admin")
        home = await chat.wait(says(TODAY))
        assert home.text == (
            "📅 Today\nAsked for: 0 · delivered: 0\nSpent: $0.00 · new people: 1\n"
            "Being made: 0 · waiting: 0"
        )
        for label, words in (
            ("People", f"1. @ann ({ann.id}): 0 videos"), ("Groups", "I am in no group."),
            ("Models", "Sora 2 · 4 seconds · $0.84 · 9 credits\n✅ Served"),
            ("Money", "Owed in unspent credits: 0 credits, $0.00."),
            ("Audit", "No admin has done anything here yet."), ("Links", "No link is good."),
        ):  # fmt: skip
            await turn(chat, home, label, words, ann)
            await turn(chat, home, "Home", TODAY, ann)
        assert len(chat.from_bot) == 1, "one message shows it all"


async def test_home_leads_to_people_groups_models_and_money_of_a_bot_in_use(
    harness: Harness, telegram: TelegramSandbox, chat: PrivateChat, ann: Person, bob: Person
) -> None:
    club = telegram.group("Film club", [ann, bob])
    async with harness.running(admin_ids=frozenset({ann.id}), budget_usd=10):
        await made(harness, club, bob, "a boat")
        await chat.send(ann, "/grant @bob 50")
        await chat.wait(says("50 credits more"))
        await chat.send(ann, "/admin")
        home = await chat.wait(says("Asked for: 1 · delivered: 1\nSpent: $0.84 · new people: 2"))
        assert (await home.press("People", by=bob)).text == "This button is not for you."
        await turn(chat, home, "Groups", "1. Film club: 1 video, no pool", ann)
        await home.press("1 · Pool", by=ann)
        pool = await chat.wait(says("What the members of Film club share"))
        assert [row[0].text for row in pool.buttons] == [
            "50 credits, about 5 videos", "100 credits, about 11 videos",
            "300 credits, about 33 videos", "✓ No pool",
        ]  # fmt: skip
        await pool.press("100 credits", by=ann)
        await chat.wait(lambda m: m is pool and m.buttons[1][0].text.startswith("✓ 100"))
        await turn(chat, home, "Home", TODAY, ann)
        await turn(
            chat, home, "Groups", "1. Film club: 1 video, pool: 100 of 100 credits left", ann
        )
        await turn(chat, home, "Home", TODAY, ann)
        await turn(chat, home, "Money", "Budget: $9.16 of $10.00 left.", ann)
        assert "AI/ML API: $99.16 left" in (home.text or "")
        assert "At $0.84 a day it lasts about 4 months." in (home.text or "")
        assert "Owed in unspent credits: 50 credits, $5.00." in (home.text or "")
        async with harness.db.transaction() as tx:
            cooldowns = harness.services.catalogue.cooldowns
            gone = await cooldowns.gone(tx, "openai/sora-2-t2v")
        cooldowns.adopt(gone)
        await turn(chat, home, "Home", TODAY, ann)
        await turn(
            chat, home, "Models", "⚠️ openai/sora-2-t2v was not found. I try it again in", ann
        )
        await turn(chat, home, "Home", TODAY, ann)
        await home.press("Pause", by=ann)
        await chat.wait(says("Paused: I take no orders now."))
        await chat.send(ann, "/admin")
        paused = await chat.wait(says("⏸ I am taking a break."))
        await paused.press("Resume", by=ann)
        await chat.wait(says("I take orders again"))


@pytest.mark.slow
async def test_a_page_that_is_no_more_is_the_last_one_there_is(
    harness: Harness, telegram: TelegramSandbox, chat: PrivateChat, ann: Person, bob: Person
) -> None:
    """Nobody reads that there is nothing while there is something on the pages before."""
    async with harness.running(admin_ids=frozenset({ann.id})):
        await made(harness, telegram.group("Film club", [ann, bob]), bob, "a boat")
        for words, done in (
            ("/invite 2", "This link is for 2 people."), ("/limit @bob 7", "of Bob is 7 credits"),
        ):  # fmt: skip
            await chat.send(ann, words)
            await chat.wait(says(done))
        await chat.send(ann, "/admin")
        home = await chat.wait(says(TODAY))
        for data, words in (
            ("people:7:", "1. @bob"), ("groups:7", "1. Film club"),
            ("invites:7", "#1: 0 of 2 used"), ("limits:7", "of 7 credits left"),
        ):  # fmt: skip
            stale = Button("▶ 8/8", data=data)
            await telegram.world.press(home, stale, by=ann, timeout=10)
            await chat.wait(says(words))


async def test_of_two_gifts_tapped_at_once_one_is_given_and_told(
    harness: Harness, telegram: TelegramSandbox, chat: PrivateChat, ann: Person, bob: Person
) -> None:
    async with harness.running(admin_ids=frozenset({ann.id})):
        theirs = telegram.private(bob)
        await theirs.send(bob, "/help")
        await theirs.wait(says("/video"))
        await chat.send(ann, "/people bob")
        await (await chat.wait(says("1. @bob"))).press("1 · Grant", by=ann)
        asked = await chat.wait(says("How many credits for Bob"))
        buttons = [row[0] for row in asked.buttons[:2]]
        await asyncio.gather(
            *[telegram.world.press(asked, one, by=ann, timeout=10) for one in buttons]
        )
        await telegram.wait_for_call("editMessageText", count=2)
        told = await theirs.wait(says("You were given"))
        async with harness.db.reading() as connection:
            has = await ledger.stored(connection, Account.person(bob.id), Pot.GRANTED)
        assert asked.text == f"Bob has {has} credits more."
        assert f"given {has} credits" in (told.text or "")


async def test_a_group_is_left_by_a_tap_that_can_be_taken_back(
    harness: Harness, telegram: TelegramSandbox, chat: PrivateChat, ann: Person, bob: Person
) -> None:
    club, now = telegram.group("Film club", [ann, bob]), time.time()
    # the time stands still: however long it takes here, it can be taken back
    async with harness.running(admin_ids=frozenset({ann.id}), undo_seconds=1, clock=lambda: now):
        await club.send(bob, "/help")
        await club.wait(says("/video"))
        await chat.send(ann, "/admin")
        home = await chat.wait(says(TODAY))
        await turn(chat, home, "Groups", "1. Film club", ann)
        await home.press("1 · Leave", by=ann)
        asked = await chat.wait(says("I leave Film club in 5 seconds."))
        assert (await asked.press("Undo", by=bob)).text == "This button is not for you."
        button = asked.button("Undo")
        await turn(chat, asked, "Undo", "I stay in Film club.", ann)
        async with harness.db.reading() as connection:
            assert await notices.owed(connection, club.id) == []
        await telegram.world.press(asked, button, by=ann, timeout=5)
        await chat.wait(says("I have left Film club already."))
    async with harness.running(admin_ids=frozenset({ann.id})):
        await home.press("1 · Leave", by=ann)
        await club.wait(says("My owner took me out of this group. Goodbye!"))
        await telegram.wait_for_call("leaveChat")
    assert club.bot_status == "left"


async def test_ten_thousand_people_and_a_thousand_groups_are_pages_of_one_short_message(
    harness: Harness, chat: PrivateChat, ann: Person
) -> None:
    async with harness.running(admin_ids=frozenset({ann.id})):
        await chat.send(ann, "/help")
        await chat.wait(says("/video"))
        async with harness.db.transaction(in_thread=True) as tx:
            await fill(
                tx,
                "INSERT INTO people (id, name, created_at) SELECT i,"
                " 'Анна ' || i || ' ' || substr(hex(zeroblob(30)), 1, 50), 1.0 FROM n",
                10_000,
            )
            await fill(
                tx,
                "INSERT INTO chats (telegram_id, kind, title, created_at) SELECT -i,"
                " 'supergroup', 'Club ' || i || ' ' || hex(zeroblob(100)), 1.0 FROM n",
                1000,
            )
            await fill(
                tx,
                "INSERT INTO generations (state, reason, origin, cause, chat, account_kind,"
                " account_id, kind, family, model, prompt, seconds, fit, silent, credits,"
                " price_micros, budget_micros, due_at, created_at, changed_at) SELECT 'delivered',"
                " 'sent', 'message', 'm' || i, 1, 'person', 1 + i % 100, 't2v', 'sora-2', 'm', 'p',"
                " 4, 'crop', 0, 9, 840000, 0, 1, ?, ? FROM n",
                10_000, time.time(), time.time(),
            )  # fmt: skip
        await chat.send(ann, "/admin")
        home = await chat.wait(says("Asked for: 10,000 · delivered: 10,000\nSpent: $8,400.00"))
        await turn(chat, home, "People", "1. Анна 1 ", ann)
        assert len(home.text or "") < 1500
        await turn(chat, home, "▶ 2/1251", "9. Анна 9 ", ann)
        await turn(chat, home, "Home", TODAY, ann)
        await turn(chat, home, "Groups", "1. Club 1000 0000", ann)
        assert len(home.text or "") < 1500
        await turn(chat, home, "▶ 2/125", "9. Club 992 ", ann)
        await chat.send(ann, "/people анна 9999")
        found = await chat.wait(says("1. Анна 9999 "))
        assert (found.text or "").splitlines()[1] == ""
        await chat.send(ann, "/people @an")
        await chat.wait(says(f"1. @ann ({ann.id})"))
        await chat.send(ann, "/people nobody")
        await chat.wait(says("Nobody here."))
