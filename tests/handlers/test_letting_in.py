"""A stranger asks to be let in by a button or comes by a link of /invite; no id is typed."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from handlers.admin.invites import read_invite
from storage import DAY_SECONDS, ledger
from storage.ledger import Account, Pot
from storage.notices import MOST_ASKING_A_DAY
from tests.flows.predicates import says
from tests.groups.actions import confirmed, made

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sandbox.telegram import Message, Person, PrivateChat, TelegramSandbox
    from tests.harness import Harness

PRIVATE = "This bot is private."


@pytest.fixture
async def admin(harness: Harness, ann: Person, chat: PrivateChat) -> AsyncIterator[PrivateChat]:
    """Ann, who runs a bot for a few, alone with it."""
    async with harness.running(admin_ids=frozenset({ann.id}), allowed_ids=frozenset({4711})):
        yield chat


async def refused(chat: PrivateChat, person: Person, words: str = "/video a cat") -> Message:
    """Let a stranger ask for a video, and return what they are told."""
    asked = await chat.send(person, words)
    return await chat.wait(says(PRIVATE, to=asked.message_id))


@pytest.mark.parametrize(
    ("words", "read"),
    [
        ("", (1, 0)), ("5", (5, 0)), ("5 100", (5, 100)),
        ("0", None), ("1001", None), ("5 x", None), ("5 100 1", None), ("5 2000000", None),
    ],
)  # fmt: skip
def test_an_invite_is_read(words: str, read: tuple[int, int] | None) -> None:
    assert read_invite(words.split()) == read


async def test_a_stranger_who_asks_is_let_in_by_a_tap_of_an_admin_and_told(
    harness: Harness, admin: PrivateChat, telegram: TelegramSandbox, ann: Person, bob: Person
) -> None:
    theirs = telegram.private(bob)
    refusal = await refused(theirs, bob)
    assert (await refusal.press("Ask the owner", by=bob)).text.startswith("I asked the owner")
    assert (await refusal.press("Ask the owner", by=bob)).text.startswith("I asked today already.")
    card = await admin.wait(says(f"Bob @\u200bbob ({bob.id}) asks to use this bot."))
    assert (await card.press("Allow", by=bob)).text == "This button is not for you."
    button = card.button("Allow")
    await card.press("Allow", by=ann)
    await admin.wait(lambda m: m is card and m.text == "Bob may use this bot now, and is told.")
    await theirs.wait(says("Good news: you can use this bot now."))
    await telegram.world.press(card, button, by=ann, timeout=5)
    await made(harness, theirs, bob, "a cat")
    assert (await refusal.press("Ask the owner", by=bob)).text.startswith("You can use this bot.")
    assert sum("asks to use" in (m.text or "") for m in admin.from_bot) == 0
    await admin.send(ann, "/deny @bob")
    await admin.wait(says("any more"))
    await refused(theirs, bob, "/start")
    await admin.send(ann, "/allow @bob")
    await admin.wait(says("may use this bot."))
    await made(harness, theirs, bob, "a dog")


async def test_a_stranger_may_be_denied_or_banned_and_a_group_be_asked_for(
    admin: PrivateChat, telegram: TelegramSandbox, ann: Person, bob: Person
) -> None:
    theirs, eve = telegram.private(bob), telegram.person("Eve")
    await (await refused(theirs, bob)).press("Ask the owner", by=bob)
    card = await admin.wait(says(f"({bob.id}) asks"))
    await card.press("Deny", by=ann)
    await theirs.wait(says("does not let anybody else in for now"))
    hers = telegram.private(eve)
    await (await refused(hers, eve)).press("Ask the owner", by=eve)
    card = await admin.wait(says(f"({eve.id}) asks"))
    assert (await confirmed(admin, card, "Ban", by=ann)).text.startswith(f"{eve.id} is banned.")
    await hers.wait(says("You cannot make videos with this bot any more."))
    # nobody is told good news that is none, whoever else taps, or writes it
    assert (await card.press("Allow", by=ann)).text.startswith(f"{eve.id} is banned.")
    await admin.send(ann, f"/allow {eve.id}")
    await admin.wait(says(f"{eve.id} is banned."))
    assert not [one for one in hers.from_bot if "Good news" in (one.text or "")]
    club = telegram.group("Film club", [ann, bob])
    asked = await club.send(bob, "/video a cat")
    told = await club.wait(says("Ask its owner to allow this group.", to=asked.message_id))
    await told.press("Ask the owner", by=bob)
    card = await admin.wait(says(f"The group Film club ({club.id}) asks"))
    await card.press("Allow", by=ann)
    await club.wait(says("Good news: you can use me here now."))


async def test_who_was_let_in_and_shut_out_again_may_ask_once_more_the_next_day(
    harness: Harness, chat: PrivateChat, telegram: TelegramSandbox, ann: Person, bob: Person
) -> None:
    ahead, theirs = 0.0, telegram.private(bob)
    operated: dict[str, Any] = {"admin_ids": frozenset({ann.id}), "allowed_ids": frozenset({4711})}
    async with harness.running(clock=lambda: time.time() + ahead, **operated):
        refusal = await refused(theirs, bob)
        await refusal.press("Ask the owner", by=bob)
        await (await chat.wait(says(f"({bob.id}) asks"))).press("Allow", by=ann)
        await theirs.wait(says("Good news"))
        await chat.send(ann, "/deny @bob")
        await chat.wait(says("any more"))
        again = (await refusal.press("Ask the owner", by=bob)).text
        assert again.startswith("I asked today already."), again
        ahead = DAY_SECONDS
        again = (await refusal.press("Ask the owner", by=bob)).text
        assert again.startswith("I asked the owner"), again
        await (await chat.wait(says(f"({bob.id}) asks"))).press("Allow", by=ann)
        await made(harness, theirs, bob, "a cat")


async def test_a_flood_of_strangers_fills_no_admins_chat(
    harness: Harness, admin: PrivateChat, telegram: TelegramSandbox, ann: Person, bob: Person
) -> None:
    crowd = [telegram.person(f"P{number}") for number in range(3)]
    async with harness.db.transaction() as tx:
        await tx.execute(
            "INSERT INTO chats (telegram_id, kind, created_at) VALUES (?, 'private', 0)", (ann.id,)
        )
        await tx.execute(
            "WITH RECURSIVE told(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM told WHERE n < ?1)"
            " INSERT INTO notices (cause, chat, kind, facts, due_at, created_at, sent_at)"
            " SELECT 'admin:' || ?2 || ':access:' || n, id, 'access_wanted',"
            " '{}', 0, unixepoch(), 1.0 FROM told, chats WHERE telegram_id = ?2",
            (MOST_ASKING_A_DAY - 2, ann.id),
        )
    answers = []
    for one in crowd:
        refusal = await refused(telegram.private(one), one)
        answers.append((await refusal.press("Ask the owner", by=one)).text)
    assert answers[0].startswith("I asked the owner")
    assert answers[1].startswith("I asked the owner")
    assert answers[2] == "Many people ask today. Please try again tomorrow."


async def test_a_link_lets_as_many_in_as_it_says_with_credits_once_each_until_it_is_revoked(
    harness: Harness, admin: PrivateChat, telegram: TelegramSandbox, ann: Person, bob: Person
) -> None:
    eve, joe = telegram.person("Eve"), telegram.person("Joe")
    await admin.send(ann, "/invite 0")
    await admin.wait(says("Write /invite [N] [CREDITS]"))
    await admin.send(ann, "/invite 2 100")
    made_ = await admin.wait(says("This link is for 2 people. Each gets 100 credits, about 11"))
    payload = (made_.text or "").rpartition("?start=")[2]
    theirs = telegram.private(bob)
    await theirs.send(bob, f"/start {payload}")
    await theirs.wait(says("You were given 100 credits, about 11 videos."))
    await theirs.wait(lambda m: "👋" in (m.text or m.caption or ""))
    await theirs.send(bob, f"/start {payload}")
    await theirs.wait(lambda m: "👋" in (m.text or m.caption or "") and m is theirs.from_bot[-1])
    await made(harness, theirs, bob, "a boat")
    async with harness.db.reading() as connection:
        assert await ledger.stored(connection, Account.person(bob.id), Pot.GRANTED) == 100
    await admin.send(ann, "/deny @bob")
    await admin.wait(says("any more"))
    await theirs.send(bob, f"/start {payload}")
    again = await theirs.wait(says("This link is no longer good."))
    assert again.button("Ask the owner").text
    await telegram.private(eve).send(eve, f"/start {payload}")
    await telegram.private(eve).wait(says("You were given 100 credits"))
    await telegram.private(joe).send(joe, f"/start {payload}")
    await telegram.private(joe).wait(says("This link is no longer good."))
    await admin.send(ann, "/invite")
    second = await admin.wait(says("This link is for 1 person.\n"))
    payload = (second.text or "").rpartition("?start=")[2]
    await admin.send(ann, "/admin")
    home = await admin.wait(says("📅 Today"))
    await home.press("Links", by=ann)
    number = await admin.wait(lambda m: m is home and "0 of 1 used, 0" in (m.text or ""))
    assert "#1:" not in (number.text or ""), "used up"
    await confirmed(admin, home, "Revoke #2", by=ann)
    await admin.wait(lambda m: m is home and m.text == "This link is revoked. 0 people used it.")
    for word in (payload, "invite-guessed"):
        asked = await telegram.private(joe).send(joe, f"/start {word}")
        await telegram.private(joe).wait(says("good.", after=asked))
