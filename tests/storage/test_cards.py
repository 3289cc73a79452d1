"""Questions the bot asked: one per cause, answered once."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from handlers.ordering import drafts
from storage import cards
from storage.cards import CardContent, CardKind
from storage.ledger import Account
from tests.storage.requests import ANN, BOB, NOW, meet

if TYPE_CHECKING:
    from storage.cards import Card
    from storage.database import Database

CONTENT = CardContent(
    cause="message:1", kind=CardKind.PROMPT, chat=1, thread_id=None,
    account=Account.person(ANN), message_id=10, prompt="a cat",
)  # fmt: skip


async def ask(db: Database, content: CardContent = CONTENT) -> Card:
    """Write a card down."""
    async with db.transaction() as tx:
        card, _ = await cards.ask(tx, content, now=NOW)
    return card


@pytest.fixture
async def card(db: Database) -> Card:
    """An open card."""
    await meet(db)
    return await ask(db)


async def test_the_same_cause_returns_the_card_it_made(db: Database, card: Card) -> None:
    assert await ask(db, replace(CONTENT, prompt="another")) == card
    assert (card.state, card.prompt) == ("open", "a cat")


async def test_a_card_keeps_its_picture(db: Database, card: Card) -> None:
    content = replace(
        CONTENT, cause="message:2", kind=CardKind.PICTURE, prompt="", picture="file",
        picture_width=640, picture_height=480,
    )  # fmt: skip
    other = await ask(db, content)
    async with db.reading() as connection:
        assert await cards.find(connection, other.id) == other
    assert other.id != card.id
    assert (other.picture, other.picture_width, other.picture_height) == ("file", 640, 480)


@pytest.mark.parametrize("answer", ["started", "dropped"])
async def test_a_card_is_answered_once(db: Database, card: Card, answer: str) -> None:
    async with db.transaction() as tx:
        assert await cards.close(tx, card.id, answer)
        for again in ("started", "dropped"):
            assert not await cards.close(tx, card.id, again)
        present = await cards.find(tx, card.id)
    assert present is not None
    assert present.state == answer


async def test_words_are_put_on_an_open_card_only(db: Database, card: Card) -> None:
    async with db.transaction() as tx:
        assert await cards.write(tx, card.id, replace(card, prompt="a dog"))
        await cards.close(tx, card.id, "started")
        assert not await cards.write(tx, card.id, replace(card, prompt="a horse"))
        present = await cards.find(tx, card.id)
    assert present is not None
    assert present.prompt == "a dog"


async def state_of(db: Database, card: Card) -> str:
    async with db.reading() as connection:
        present = await cards.find(connection, card.id)
    assert present is not None
    return present.state


async def test_a_card_takes_the_place_of_the_one_that_was_open(db: Database, card: Card) -> None:
    async with db.transaction() as tx:
        newer, replaced = await cards.ask(tx, replace(CONTENT, cause="message:2"), now=NOW)
    assert replaced is not None
    assert replaced.id == card.id
    assert await state_of(db, card) == "dropped"
    assert await state_of(db, newer) == "open"


async def test_cards_of_others_and_in_other_chats_stay(db: Database, card: Card) -> None:
    elsewhere = await meet(db, -100)
    await ask(db, replace(CONTENT, cause="message:2", account=Account.person(BOB)))
    await ask(db, replace(CONTENT, cause="message:3", chat=elsewhere.id))
    assert await state_of(db, card) == "open"


async def test_no_two_cards_can_be_open_between_an_account_and_a_chat(
    db: Database, card: Card
) -> None:
    newer = await ask(db, replace(CONTENT, cause="message:2"))
    with pytest.raises(sqlite3.IntegrityError):
        async with db.transaction() as tx:
            await cards.reopen(tx, card.id, 9, now=NOW)
    assert await state_of(db, newer) == "open"


async def test_a_kept_card_stays_whatever_else_is_asked(db: Database, card: Card) -> None:
    kept = await ask(db, replace(CONTENT, cause="message:2", kept=True))
    assert await state_of(db, card) == "open"
    async with db.transaction() as tx:
        assert await cards.close_open(tx, 1, CONTENT.account, by="message:3") is not None
    assert await state_of(db, kept) == "open"


async def test_what_closed_a_card_finds_it_when_it_is_handled_once_more(
    db: Database, card: Card
) -> None:
    async with db.transaction() as tx:
        found = await cards.to_close(tx, 1, CONTENT.account, by="message:2")
        assert found == card
        assert await cards.close_open(tx, 1, CONTENT.account, by="message:2") is not None
        assert await cards.close_open(tx, 1, CONTENT.account, by="message:2") is None
        again = await cards.to_close(tx, 1, CONTENT.account, by="message:2")
        assert again is not None
        assert (again.id, again.state) == (card.id, "dropped")
        assert await cards.to_close(tx, 1, CONTENT.account, by="message:3") is None


async def test_what_put_a_card_up_does_not_close_it(db: Database, card: Card) -> None:
    async with db.transaction() as tx:
        assert await cards.close_open(tx, 1, CONTENT.account, by=CONTENT.cause) is None
    assert await state_of(db, card) == "open"


async def test_a_question_whose_answer_was_none_is_open_anew(db: Database, card: Card) -> None:
    async with db.transaction() as tx:
        await cards.close_open(tx, 1, CONTENT.account, by="message:2")
        await cards.reopen(tx, card.id, 9, now=NOW + 5)
        present = await cards.close_open(tx, 1, CONTENT.account, by="message:3")
    assert present is not None
    assert (present.id, present.card_message, present.created_at) == (card.id, 9, NOW + 5)


@pytest.mark.parametrize(
    ("kind", "picture", "prompt", "is_question"),
    [
        (CardKind.PROMPT, None, "a cat", False),
        (CardKind.QUESTION, None, "", True),
        (CardKind.QUESTION, "file", "--model sora-2", True),
        (CardKind.PICTURE, "file", "", True),
        (CardKind.PICTURE, "file", "it rains", False),
        (CardKind.PICTURE, None, "it rains", True),
    ],
)
async def test_what_is_said_next_answers_a_question_and_no_other_card(
    db: Database, kind: CardKind, picture: str | None, prompt: str, is_question: bool
) -> None:
    await meet(db)
    card = await ask(db, replace(CONTENT, kind=kind, picture=picture, prompt=prompt))
    assert drafts.is_question(card) is is_question
    assert card.wants_picture is (kind is CardKind.PICTURE and picture is None)
