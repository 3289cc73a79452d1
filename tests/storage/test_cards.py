"""Questions the bot asked: one per cause, answered once."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from storage import cards
from storage.accounts import Account
from storage.cards import CardKind, Draft
from tests.storage.asked import ANN, BOB, NOW, meet

if TYPE_CHECKING:
    from storage.cards import Card
    from storage.database import Database

DRAFT = Draft(
    cause="message:1", kind=CardKind.PROMPT, chat=1, thread_id=None,
    account=Account.person(ANN), message_id=10, prompt="a cat",
)  # fmt: skip


async def ask(db: Database, draft: Draft = DRAFT) -> Card:
    """Write a card down."""
    async with db.transaction() as tx:
        return await cards.ask(tx, draft, now=NOW)


@pytest.fixture
async def card(db: Database) -> Card:
    """An open card."""
    await meet(db)
    return await ask(db)


async def test_the_same_cause_returns_the_card_it_made(db: Database, card: Card) -> None:
    assert await ask(db, replace(DRAFT, prompt="another")) == card
    assert (card.state, card.prompt) == ("open", "a cat")


async def test_a_card_keeps_its_picture(db: Database, card: Card) -> None:
    draft = replace(
        DRAFT, cause="message:2", kind=CardKind.PICTURE, prompt="", picture="file",
        picture_width=640, picture_height=480,
    )  # fmt: skip
    other = await ask(db, draft)
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


async def test_a_card_is_found_by_the_message_that_shows_it(db: Database, card: Card) -> None:
    async with db.transaction() as tx:
        assert await cards.by_message(tx, 1, 77) is None
        await cards.shown(tx, card.id, 77)
        shown = await cards.by_message(tx, 1, 77)
    assert shown is not None
    assert shown.id == card.id


async def test_open_cards_are_the_askers_own_newest_first(db: Database, card: Card) -> None:
    newer = await ask(db, replace(DRAFT, cause="message:2"))
    await ask(db, replace(DRAFT, cause="message:3", account=Account.person(BOB)))
    async with db.transaction() as tx:
        assert await cards.open_of(tx, 1, DRAFT.account) == [newer, card]
        await cards.close(tx, newer.id, "dropped")
        assert await cards.open_of(tx, 1, DRAFT.account) == [card]
        await cards.close(tx, card.id, "started")
        assert await cards.open_of(tx, 1, DRAFT.account) == []


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
    card = await ask(db, replace(DRAFT, kind=kind, picture=picture, prompt=prompt))
    assert card.is_question is is_question
    assert card.wants_picture is (kind is CardKind.PICTURE and picture is None)
