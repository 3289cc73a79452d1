"""A group's choices, its boards, whose turn it was: written, read, handed on."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any

import pytest

from storage import chats, generations, statistics
from storage.chats import Asking, Board, ChatKind, Group
from storage.ledger import Account
from tests.storage.requests import ANN, BOB, NOW, request

if TYPE_CHECKING:
    from storage.chats import Chat
    from storage.database import Database


async def group(db: Database, telegram_id: int) -> Chat:
    async with db.transaction() as tx:
        return await chats.upsert(tx, telegram_id, kind=ChatKind.GROUP, title="Club", now=1.0)


async def test_a_group_nobody_touched_has_the_defaults(db: Database) -> None:
    club = await group(db, -5)
    async with db.reading() as connection:
        assert await chats.group_of(connection, club.id) == Group(club.id)


async def test_choices_are_kept_one_by_one(db: Database) -> None:
    club = await group(db, -5)
    async with db.transaction() as tx:
        await chats.choose(tx, club.id, pool=100, share=20)
        await chats.choose(tx, club.id, asking=Asking.ADMINS)
        await chats.choose(tx, club.id, per_day=3, thread_id=7)
        await chats.choose(tx, club.id, quiet_from=22, quiet_until=7)
        await chats.choose(tx, club.id, blurred=True)
        await chats.choose(tx, club.id, own_pictures=True)
        found = await chats.group_of(tx, club.id)
    assert found == Group(club.id, Asking.ADMINS, 7, 3, 100, 20, 22, 7, True, True)


async def test_choices_are_undone_one_by_one(db: Database) -> None:
    club = await group(db, -5)
    async with db.transaction() as tx:
        await chats.choose(tx, club.id, quiet_from=22, quiet_until=7, blurred=True)
        await chats.choose(tx, club.id, quiet_from=None, quiet_until=None)
        assert await chats.group_of(tx, club.id) == Group(club.id, blurred=True)
        await chats.choose(tx, club.id, blurred=False)
        assert await chats.group_of(tx, club.id) == Group(club.id)


@pytest.mark.parametrize(
    "choices",
    [
        {"quiet_from": 22},
        {"quiet_until": 7},
        {"quiet_from": 22, "quiet_until": 24},
        {"quiet_from": -1, "quiet_until": 7},
        {"quiet_from": 7, "quiet_until": 7},
        {"blurred": 2},
        {"own_pictures": None},
    ],
)
async def test_a_choice_that_makes_no_sense_is_refused(
    db: Database, choices: dict[str, Any]
) -> None:
    club = await group(db, -5)
    with pytest.raises(sqlite3.IntegrityError):
        async with db.transaction() as tx:
            await chats.choose(tx, club.id, **choices)


async def test_what_is_no_choice_is_refused(db: Database) -> None:
    club = await group(db, -5)
    with pytest.raises(ValueError, match="not a group's choice: title"):
        async with db.transaction() as tx:
            await chats.choose(tx, club.id, title="Club")


@pytest.mark.parametrize("met_before", [True, False])
async def test_a_group_that_moves_takes_its_choices_along_but_no_topic_and_no_board(
    db: Database, met_before: bool
) -> None:
    club = await group(db, -5)
    if met_before:
        await group(db, -1005)
    async with db.transaction() as tx:
        await chats.choose(tx, club.id, pool=100, thread_id=7)
        await chats.put_board(tx, Board(club.id, 7, 40, "🎬 Ann", 1.0))
    moved = await chats.move(db, club.id, -1005, now=NOW)
    async with db.reading() as tx:
        assert await chats.group_of(tx, moved.id) == Group(moved.id, pool=100)
        assert await chats.boards_of(tx, moved.id) == {}
        assert [one.chat for one in await chats.with_pools(tx)] == [moved.id]


async def test_a_board_is_kept_per_topic_and_forgotten(db: Database) -> None:
    club = await group(db, -5)
    async with db.transaction() as tx:
        general, films = Board(club.id, 0, 40, "a", 1.0), Board(club.id, 7, 41, "b", 1.0)
        for board in (general, films):
            await chats.put_board(tx, board)
        await chats.put_board(tx, Board(club.id, 7, 41, "c", 2.0))
        assert await chats.boards_of(tx, club.id) == {
            0: general,
            7: Board(club.id, 7, 41, "c", 2.0),
        }
        assert await chats.in_work(tx) == [club.id]
        await chats.forget_boards(tx, club.id, 7)
        assert await chats.boards_of(tx, club.id) == {0: general}
        await chats.forget_boards(tx, club.id)
        assert await chats.in_work(tx) == []


async def test_who_was_served_lately_is_known(db: Database) -> None:
    club = await group(db, -5)
    async with db.transaction() as tx:
        for number, (person, at) in enumerate([(ANN, 10.0), (ANN, 30.0), (BOB, 20.0)]):
            wish = request(f"message:{number}", chat=club.id, person=person)
            made = await generations.insert(tx, wish, now=1.0)
            await generations.update(tx, made.id, submitted_at=at)
        found = await statistics.last_served(tx, since=15.0)
    assert found == [(Account.person(BOB), club.id, 20.0), (Account.person(ANN), club.id, 30.0)]


async def test_failed_and_cancelled_videos_do_not_count_for_the_day(db: Database) -> None:
    club = await group(db, -5)
    async with db.transaction() as tx:
        for number, state in enumerate(["delivered", "failed", "cancelled", "queued"]):
            wish = request(f"message:{number}", chat=club.id)
            made = await generations.insert(tx, wish, now=100.0)
            await tx.execute("UPDATE generations SET state = ? WHERE id = ?", (state, made.id))
        asked = [
            await statistics.asked_since(tx, Account.person(ANN), club.id, since=since)
            for since in (0.0, 100.0, 101.0)
        ]
    assert asked == [2, 2, 0]
