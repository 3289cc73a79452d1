"""/grant: how it is read, whom it reaches, and that it gives once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from telegram import Message, Update

from handlers.admin.access import target_of_reply
from handlers.admin.grants import MAX_CREDITS, MAX_NOTE_LENGTH, Grant, read_grant
from storage import ledger
from storage.ledger import Account, Pot
from tests.flows.predicates import says

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sandbox.telegram import Person, PrivateChat, TelegramSandbox
    from tests.harness import Harness


@pytest.mark.parametrize(
    ("typed", "answers", "gift"),
    [
        ("1234 50", False, Grant(1234, 50, None)),
        ("@ann 50", False, Grant("ann", 50, None)),
        ("@ann 50 for the party", False, Grant("ann", 50, "for the party")),
        ("50", True, Grant(77, 50, None)),
        ("50 thank you", True, Grant(77, 50, "thank you")),
        ("@bob 50", True, Grant("bob", 50, None)),
        ("1234 50", True, Grant(1234, 50, None)),
        ("20 50", True, Grant(20, 50, None)),
        ("123456789 50 thank you", True, Grant(123456789, 50, "thank you")),
        ("-100123 50", False, Grant(-100123, 50, None)),
        ("-100123 50", True, Grant(-100123, 50, None)),
        (f"1 {MAX_CREDITS}", False, Grant(1, MAX_CREDITS, None)),
    ],
)
def test_a_grant_is_read_grant(typed: str, answers: bool, gift: Grant) -> None:
    assert read_grant(typed.split(), 77 if answers else None) == gift


@pytest.mark.parametrize(
    ("typed", "answers"),
    [
        ("", False),
        ("", True),
        ("50", False),
        ("ann 50", False),
        ("@ 50", False),
        ("@ann", False),
        ("@ann fifty", False),
        ("@ann -5", False),
        ("@ann 0", False),
        ("@ann 5.5", False),
        ("@ann \u0665", False),
        ("-100", True),
        ("--100 50", False),
        ("-0 50", False),
        ("0 50", False),
        ("0 50", True),
        ("@ 50", True),
        (f"@ann {MAX_CREDITS + 1}", False),
        ("123456789", True),
        ("50 0", True),
    ],
)
def test_a_slip_gives_nothing(typed: str, answers: bool) -> None:
    assert read_grant(typed.split(), 77 if answers else None) is None


@given(st.lists(st.text(min_size=1)), st.booleans())
def test_whatever_is_typed_gives_no_more_than_is_allowed(words: list[str], answers: bool) -> None:
    gift = read_grant(words, 77 if answers else None)
    assert gift is None or 0 < gift.credits <= MAX_CREDITS


def test_a_long_note_is_cut() -> None:
    gift = read_grant(["1", "5", "x" * 900])
    assert gift is not None
    assert gift.note == "x" * MAX_NOTE_LENGTH


USER = {"id": 7, "is_bot": False, "first_name": "Ann"}


@pytest.mark.parametrize(
    ("content", "author"),
    [
        ({"from": USER}, 7),
        ({"from": USER | {"is_bot": True}}, None),
        ({"from": USER | {"id": 777000}}, None),
        (
            {
                "from": USER,
                "forward_origin": {"type": "user", "date": 0, "sender_user": USER | {"id": 8}},
            },
            8,
        ),
        (
            {
                "from": USER,
                "forward_origin": {"type": "hidden_user", "date": 0, "sender_user_name": "Ann"},
            },
            None,
        ),
        (
            {
                "from": USER,
                "forward_origin": {
                    "type": "channel",
                    "date": 0,
                    "chat": {"id": -100, "type": "channel"},
                    "message_id": 1,
                },
            },
            -100,
        ),
        ({}, None),
    ],
)
def test_the_author_of_a_message_is_a_person_who_can_be_known_or_its_channel(
    content: dict[str, Any], author: int | None
) -> None:
    chat = {"id": 5, "type": "private"}
    message = Message.de_json({"message_id": 1, "date": 0, "chat": chat, **content}, None)
    assert target_of_reply(message) == author


@pytest.fixture
async def admin(harness: Harness, ann: Person, chat: PrivateChat) -> AsyncIterator[PrivateChat]:
    """Ann, who runs the bot, alone with it."""
    async with harness.running(admin_ids=frozenset({ann.id})):
        yield chat


async def bought(harness: Harness, person: Person) -> int:
    async with harness.db.reading() as connection:
        return await ledger.stored(connection, Account.person(person.id), Pot.GRANTED)


async def meet(telegram: TelegramSandbox, person: Person) -> PrivateChat:
    """Let somebody start the bot."""
    private = telegram.private(person)
    await private.send(person, "/start")
    await private.wait(lambda message: "short video" in (message.caption or ""))
    return private


async def test_credits_for_a_name_arrive_and_are_told(
    admin: PrivateChat, harness: Harness, telegram: TelegramSandbox, ann: Person, bob: Person
) -> None:
    theirs = await meet(telegram, bob)
    await admin.send(ann, "/grant @BOB 50 for the party")
    await admin.wait(lambda message: message.text == "Bob has 50 credits more.")
    told = await theirs.wait(lambda message: "given" in (message.text or ""))
    assert told.text == "You were given 50 credits, about 5 videos. for the party"
    assert await bought(harness, bob) == 50


async def test_credits_for_the_author_of_a_forwarded_message(
    admin: PrivateChat, harness: Harness, telegram: TelegramSandbox, ann: Person, bob: Person
) -> None:
    await meet(telegram, bob)
    forwarded = await admin.send(ann, "could I have more?", forwarded_from=bob)
    await admin.send(ann, "/grant 20", reply_to=forwarded)
    await admin.wait(lambda message: message.text == "Bob has 20 credits more.")
    assert await bought(harness, bob) == 20


async def test_credits_for_somebody_new_wait_for_them(
    admin: PrivateChat, harness: Harness, telegram: TelegramSandbox, ann: Person
) -> None:
    stranger = telegram.person("Cleo")
    await admin.send(ann, f"/grant {stranger.id} 5")
    await admin.wait(lambda message: "get 5 credits" in (message.text or ""))
    assert await bought(harness, stranger) == 5


async def test_a_name_nobody_has_gets_nothing(admin: PrivateChat, ann: Person) -> None:
    await admin.send(ann, "/grant @nobody 5")
    told = await admin.wait(lambda message: "don't know" in (message.text or ""))
    assert told.text == (
        "I don't know @nobody: they have never written to me. Their numeric id works too."
    )


async def test_an_answer_to_somebody_may_give_to_another_id(
    admin: PrivateChat, harness: Harness, telegram: TelegramSandbox, ann: Person, bob: Person
) -> None:
    stranger = telegram.person("Cleo")
    forwarded = await admin.send(ann, "Cleo should have more", forwarded_from=bob)
    await admin.send(ann, f"/grant {stranger.id} 50", reply_to=forwarded)
    await admin.wait(lambda message: "get 50 credits" in (message.text or ""))
    assert (await bought(harness, stranger), await bought(harness, bob)) == (50, 0)


async def test_who_writes_as_the_group_is_given_credits_by_its_id(
    admin: PrivateChat, harness: Harness, telegram: TelegramSandbox, ann: Person, bob: Person
) -> None:
    club = telegram.group("Film club", [ann, bob])
    await club.send(bob, "/video a cat", sender_chat=club)
    await club.wait(lambda message: "credits" in (message.text or ""))
    await admin.send(ann, f"/grant {club.id} 9")
    told = await admin.wait(lambda message: "in its name" in (message.text or ""))
    assert told.text == "Film club has 9 credits more, for what is asked in its name."
    await club.send(bob, "/video a dog", sender_chat=club)
    await club.wait(lambda message: message.video is not None)
    assert (await bought(harness, bob), await bought(harness, ann)) == (0, 0)


async def test_no_name_becomes_a_command_that_an_admin_could_tap(
    admin: PrivateChat, telegram: TelegramSandbox, ann: Person
) -> None:
    eve = telegram.person("/resume")
    await meet(telegram, eve)
    club = telegram.group("/unban", [ann, eve])
    await club.send(eve, "/video a cat", sender_chat=club)
    await club.wait(lambda message: "credits" in (message.text or ""))
    for words in (
        f"/grant {eve.id} 5", f"/grant {club.id} 5", f"/limit {eve.id} 5", f"/limit {club.id} 5",
        f"/limit {club.id} 0",
    ):  # fmt: skip
        sent = await admin.send(ann, words)
        told = await admin.wait(says("", after=sent))
        assert [one for one in told.entities if one["type"] == "bot_command"] == [], told.text


async def test_a_chat_that_never_took_the_bot_in_gets_nothing(
    admin: PrivateChat, harness: Harness, ann: Person
) -> None:
    await admin.send(ann, "/grant -1001234567 50")
    await admin.wait(lambda message: "don't know the chat -1001234567" in (message.text or ""))
    async with harness.db.reading() as connection:
        assert await connection.fetch_int("SELECT count(*) FROM ledger") == 0


async def test_telegrams_stand_ins_get_nothing(admin: PrivateChat, ann: Person) -> None:
    await admin.send(ann, "/grant 1087968824 5")
    await admin.wait(lambda message: "share the id 1087968824" in (message.text or ""))


async def test_a_slip_is_answered_with_how_it_is_written(admin: PrivateChat, ann: Person) -> None:
    await admin.send(ann, "/grant lots")
    await admin.wait(lambda message: "/grant WHO CREDITS" in (message.text or ""))


@pytest.mark.usefixtures("admin")
async def test_nobody_else_can_grant(
    harness: Harness, telegram: TelegramSandbox, bob: Person
) -> None:
    theirs = telegram.private(bob)
    await theirs.send(bob, f"/grant {bob.id} 1000")
    answer = await theirs.wait(lambda message: message.text is not None)
    assert answer.text == "I don't know /grant. /help shows what I can do."
    assert await bought(harness, bob) == 0


async def test_a_forwarded_grant_is_somebody_elses_word(
    admin: PrivateChat, harness: Harness, ann: Person, bob: Person
) -> None:
    await admin.send(ann, f"/grant {bob.id} 1000", forwarded_from=bob)
    await admin.wait(lambda message: "don't know /grant" in (message.text or ""))
    assert await bought(harness, bob) == 0


async def test_a_grant_delivered_twice_gives_once(
    admin: PrivateChat, harness: Harness, ann: Person, bob: Person
) -> None:
    sent = await admin.send(ann, f"/grant {bob.id} 50")
    await admin.wait(lambda message: "get 50 credits" in (message.text or ""))
    assert harness.bot is not None
    app = harness.bot.app
    first = Update.de_json({"update_id": 10**9, "message": sent.as_json()}, app.bot)
    for _ in range(2):
        await app.process_update(first)
    assert await bought(harness, bob) == 100


async def test_a_gift_is_taken_once_by_one_and_told_to_both(
    harness: Harness, telegram: TelegramSandbox, chat: PrivateChat, ann: Person, bob: Person
) -> None:
    async with harness.running(admin_ids=frozenset({ann.id}), allowed_ids=frozenset({ann.id})):
        await chat.send(ann, "/gift lots")
        await chat.wait(lambda message: "Write /gift CREDITS" in (message.text or ""))
        await chat.send(ann, "/gift 50")
        made = await chat.wait(lambda message: "gets 50 credits" in (message.text or ""))
        payload = (made.text or "").rpartition("?start=")[2]
        theirs = telegram.private(bob)
        # as another kind of link it would be taken without a word to who made it
        await theirs.send(bob, f"/start {payload.replace('gift', 'invite')}")
        await theirs.wait(lambda message: "no longer good" in (message.text or ""))
        for _ in range(2):
            await theirs.send(bob, f"/start {payload}")
        await theirs.wait(
            lambda message: message.text == "You were given 50 credits, about 5 videos."
        )
        await chat.wait(lambda message: "🎁 Bob" in (message.text or ""))
        cleo = telegram.person("Cleo")
        late = telegram.private(cleo)
        await late.send(cleo, f"/start {payload}")
        await late.wait(lambda message: "no longer good" in (message.text or ""))
        assert (await bought(harness, bob), await bought(harness, cleo)) == (50, 0)
        await chat.send(ann, "/gift 30")
        made = await chat.wait(lambda message: "gets 30 credits" in (message.text or ""))
        payload = (made.text or "").rpartition("?start=")[2]
        for place, one in ((theirs, bob), (late, cleo)):
            # at once
            await place.send(one, f"/start {payload}")
        for place, one in ((theirs, bob), (late, cleo)):
            await place.send(one, "/terms")
            await place.wait(lambda message: "sells nothing" in (message.text or ""))
        assert sorted([await bought(harness, bob), await bought(harness, cleo)]) in (
            [0, 80],
            [30, 50],
        )
        await theirs.send(bob, "/video a cat")
        await theirs.wait(lambda message: message.video is not None)
