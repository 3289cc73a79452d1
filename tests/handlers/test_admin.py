"""/allow and /deny: admins only, in private only."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from handlers.admin.access import read_who
from storage import ledger, people
from storage.ledger import Account, Pot
from tests.flows.predicates import says
from tests.groups.actions import made

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sandbox.telegram import Person, PrivateChat, TelegramSandbox
    from tests.harness import Harness

SOMEBODY_LET_IN = 4711


@pytest.fixture
async def admin(harness: Harness, ann: Person, chat: PrivateChat) -> AsyncIterator[PrivateChat]:
    """Ann, who runs a bot for a few, alone with it."""
    allowed = frozenset({SOMEBODY_LET_IN})
    async with harness.running(admin_ids=frozenset({ann.id}), allowed_ids=allowed):
        yield chat


@pytest.mark.parametrize(
    ("typed", "number"),
    [("7", 7), ("-1001234567890", -1001234567890)],
)
def test_an_id_is_read(typed: str, number: int) -> None:
    assert read_who(typed) == number


@pytest.mark.parametrize("typed", ["", "0", "-0", "ann", "@", "--7", "7.0", "9" * 19])
def test_what_is_no_id_and_no_name_is_refused(typed: str) -> None:
    assert read_who(typed) is None


async def test_an_allowed_person_may_ask_until_denied(
    admin: PrivateChat, telegram: TelegramSandbox, ann: Person, bob: Person
) -> None:
    theirs = telegram.private(bob)
    await theirs.send(bob, "/start")
    await theirs.wait(lambda message: "This bot is private" in (message.text or ""))
    await admin.send(ann, "/allow @bob")
    await admin.wait(lambda message: message.text == f"{bob.id} may use this bot.")
    await theirs.send(bob, "/video a cat")
    await theirs.wait(lambda message: message.video is not None)
    await admin.send(ann, f"/deny {bob.id}")
    await admin.wait(lambda message: "any more" in (message.text or ""))
    await theirs.send(bob, "/video a dog")
    await theirs.wait(lambda message: message is theirs.last and "private" in (message.text or ""))


async def test_an_allowed_group_counts_in_that_group_only(
    admin: PrivateChat, telegram: TelegramSandbox, ann: Person, bob: Person
) -> None:
    group = telegram.group("Film club", [ann, bob])
    await admin.send(ann, f"/allow {group.id}")
    await admin.wait(lambda message: message.text == f"{group.id} may use this bot.")
    await group.send(bob, f"/video@{telegram.bot.username} a cat")
    await group.wait(lambda message: message.video is not None)
    theirs = telegram.private(bob)
    await theirs.send(bob, "/start")
    await theirs.wait(lambda message: "This bot is private" in (message.text or ""))


async def test_what_the_settings_allow_cannot_be_denied_here(
    admin: PrivateChat, ann: Person
) -> None:
    await admin.send(ann, f"/deny {SOMEBODY_LET_IN}")
    await admin.wait(lambda message: "Remove it there" in (message.text or ""))
    await admin.send(ann, f"/allow {SOMEBODY_LET_IN}")
    await admin.wait(lambda message: "already" in (message.text or ""))


async def test_denying_somebody_never_allowed_says_so(admin: PrivateChat, ann: Person) -> None:
    await admin.send(ann, "/deny 99")
    await admin.wait(lambda message: "Nothing changed" in (message.text or ""))


@pytest.mark.parametrize("command", ["/allow", "/allow ann", "/deny", "/deny everybody"])
async def test_a_slip_is_answered_with_how_it_is_written(
    admin: PrivateChat, ann: Person, command: str
) -> None:
    await admin.send(ann, command)
    answer = await admin.wait(lambda message: message.text is not None)
    assert (answer.text or "").startswith(f"Write {command.split(maxsplit=1)[0]}")


async def test_people_are_listed_the_most_active_first_and_given_credits_by_buttons(
    harness: Harness, telegram: TelegramSandbox, chat: PrivateChat, ann: Person, bob: Person
) -> None:
    async with harness.running(admin_ids=frozenset({ann.id})):
        theirs = telegram.private(bob)
        for words in ("a boat", "a train"):
            await made(harness, theirs, bob, words)
        await chat.send(ann, "/people")
        shown = await chat.wait(says("1. @bob"))
        assert (shown.text or "").splitlines()[:2] == [
            f"1. @bob ({bob.id}): 2 videos", f"2. @ann ({ann.id}): 0 videos",
        ]  # fmt: skip
        await shown.press("1 · Grant", by=ann)
        asked = await chat.wait(says(f"How many credits for Bob ({bob.id})?"))
        assert [row[0].text for row in asked.buttons] == [
            "9 credits, about 1 video", "45 credits, about 5 videos",
            "180 credits, about 20 videos",
        ]  # fmt: skip
        assert (await asked.press("45 credits", by=bob)).text == "This button is not for you."
        button = asked.button("45 credits")
        await asked.press("45 credits", by=ann)
        await chat.wait(lambda m: m is asked and m.text == "Bob has 45 credits more.")
        await telegram.world.press(asked, button, by=ann, timeout=5)
        await theirs.wait(says("You were given 45 credits"))
        async with harness.db.reading() as connection:
            assert await ledger.stored(connection, Account.person(bob.id), Pot.GRANTED) == 45


async def test_somebody_of_the_list_is_banned_by_buttons(
    harness: Harness, telegram: TelegramSandbox, chat: PrivateChat, ann: Person, bob: Person
) -> None:
    async with harness.running(admin_ids=frozenset({ann.id})):
        theirs = telegram.private(bob)
        await made(harness, theirs, bob, "a boat")
        await chat.send(ann, "/people")
        shown = await chat.wait(says("1. @bob"))
        await shown.press("1 · Ban", by=ann)
        named = f"Yes, ban Bob ({bob.id})"
        await chat.wait(lambda m: m is shown and m.buttons[-1][0].text == named)
        answer = await shown.press(named, by=ann)
        assert answer.text.startswith(f"{bob.id} is banned.")
        await chat.send(ann, "/people")
        again = await chat.wait(says(f"1. @bob ({bob.id}): 1 video, banned"))
        assert again.labels == [
            "1 · Grant", "1 · Limit", "1 · Unban", "2 · Grant", "2 · Limit", "2 · Ban", "🏠 Home",
        ]  # fmt: skip
        assert (await again.press("1 · Unban", by=ann)).text == f"{bob.id} is welcome again."
        await theirs.wait(says("you can make videos with this bot again"))


async def test_many_people_have_pages(
    harness: Harness, telegram: TelegramSandbox, chat: PrivateChat, ann: Person
) -> None:
    async with harness.running(admin_ids=frozenset({ann.id})):
        async with harness.db.transaction() as tx:
            for number in range(1, 18):
                await people.upsert(
                    tx, number, name=f"t.me/P{number}", username=None, language=None, now=1.0
                )
        await chat.send(ann, "/people")
        shown = await chat.wait(says("1. "))
        await shown.press("▶ 2/3", by=ann)
        await chat.wait(lambda m: m is shown and (m.text or "").startswith("9. "))
        assert not any(entity["type"] == "url" for entity in shown.entities)
        await shown.press("▶ 3/3", by=ann)
        last = await chat.wait(lambda m: m is shown and (m.text or "").startswith("17. "))
        assert "18. @ann" in (last.text or "")
        assert [b.text for b in last.buttons[-2]] == ["◀ 2/3"]


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("/ban", "is banned"), ("/unban", "is welcome again"), ("/deny", "Saved"),
        ("/allow", "Saved"), ("/grant 5", "has 5 credits more"),
    ],
)  # fmt: skip
async def test_whoever_wrote_what_is_forwarded_is_meant_a_person_or_a_channel(
    harness: Harness, telegram: TelegramSandbox, chat: PrivateChat, ann: Person, bob: Person,
    command: str, answer: str,
) -> None:  # fmt: skip
    channel = telegram.group("News", [bob])
    async with harness.running(admin_ids=frozenset({ann.id})):
        await channel.send(bob, "/help")
        await channel.wait(says("/video"))
        await telegram.private(bob).send(bob, "/help")
        await telegram.private(bob).wait(says("/video"))
        for origin in (
            bob,
            {"type": "channel", "date": 1, "message_id": 1, "chat": channel.as_json()},
            {"type": "chat", "date": 1, "sender_chat": channel.as_json()},
        ):
            sent = await chat.send(ann, "spam", forwarded_from=bob)
            if isinstance(origin, dict):
                sent.forward_origin = origin
            if command == "/unban":
                await chat.send(ann, "/ban", reply_to=sent)
                await chat.wait(lambda m: m is chat.from_bot[-1] and "banned" in (m.text or ""))
            asked = await chat.send(ann, command, reply_to=sent)
            await chat.wait(says(answer, after=asked))


async def test_where_everyone_may_ask_allow_says_so(
    harness: Harness, chat: PrivateChat, ann: Person
) -> None:
    async with harness.running(admin_ids=frozenset({ann.id})):
        await chat.send(ann, "/allow 99")
        await chat.wait(lambda message: "everyone can use this bot" in (message.text or ""))


@pytest.mark.usefixtures("bot")
@pytest.mark.parametrize("command", ["/stats", "/grant 5 5", "/allow 5", "/deny 5"])
async def test_for_anybody_else_there_is_no_such_command(
    chat: PrivateChat, ann: Person, command: str
) -> None:
    await chat.send(ann, command)
    answer = await chat.wait(lambda message: message.text is not None)
    assert answer.text == f"I don't know {command.split(maxsplit=1)[0]}. /help shows what I can do."


async def test_in_a_group_even_an_admin_is_not_answered(
    admin: PrivateChat, telegram: TelegramSandbox, ann: Person
) -> None:
    group = telegram.group("Film club", [ann])
    await group.send(ann, f"/stats@{telegram.bot.username}")
    await group.send(ann, f"/help@{telegram.bot.username}")
    await group.wait(lambda message: "/video" in (message.text or ""))
    assert len(group.from_bot) == 1
    assert admin.from_bot == []
