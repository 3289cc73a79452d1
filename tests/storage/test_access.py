"""Who was let in and who was shut out by an admin."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from storage import chats, people
from storage.chats import ChatKind
from storage.people import Ban
from tests.storage.requests import ANN, BOB, NOW

if TYPE_CHECKING:
    from storage.database import Database


async def test_somebody_let_in_may_ask_until_they_are_shut_out(db: Database) -> None:
    async with db.transaction() as tx:
        assert await people.allow(tx, ANN, cause="update:1", by=BOB, now=NOW)
        assert await people.any_allowed(tx, [BOB, ANN])
        assert not await people.any_allowed(tx, [BOB])
        assert await people.deny(tx, ANN)
        assert not await people.deny(tx, ANN)
        assert not await people.any_allowed(tx, [ANN])


async def test_letting_somebody_in_twice_is_no_news(db: Database) -> None:
    async with db.transaction() as tx:
        await people.allow(tx, ANN, cause="update:1", by=BOB, now=NOW)
        assert not await people.allow(tx, ANN, cause="update:2", by=BOB, now=NOW)


async def test_an_update_delivered_again_lets_nobody_back_in(db: Database) -> None:
    async with db.transaction() as tx:
        await people.allow(tx, ANN, cause="update:1", by=BOB, now=NOW)
        assert not await people.allow(tx, BOB, cause="update:1", by=BOB, now=NOW)
        assert not await people.any_allowed(tx, [BOB])


async def test_nobody_among_nobody_is_allowed(db: Database) -> None:
    async with db.reading() as connection:
        assert not await people.any_allowed(connection, [])


OF_ANN = Ban(telegram_id=ANN, by=BOB, at=NOW, reason="rude")


async def test_somebody_shut_out_stays_out_until_the_ban_is_lifted(db: Database) -> None:
    async with db.transaction() as tx:
        assert await people.ban(tx, OF_ANN, cause="update:1")
        assert await people.any_banned(tx, [BOB, ANN])
        assert not await people.any_banned(tx, [BOB])
        assert await people.ban_of(tx, ANN) == OF_ANN
        assert await people.unban(tx, ANN)
        assert not await people.unban(tx, ANN)
        assert not await people.any_banned(tx, [ANN])
        assert await people.ban_of(tx, ANN) is None


async def test_a_second_ban_is_no_news_and_the_first_reason_stays(db: Database) -> None:
    again = Ban(telegram_id=ANN, by=ANN, at=NOW + 1)
    async with db.transaction() as tx:
        await people.ban(tx, OF_ANN, cause="update:1")
        assert not await people.ban(tx, again, cause="update:2")
        assert await people.ban_of(tx, ANN) == OF_ANN


async def test_an_update_delivered_again_bans_nobody_else(db: Database) -> None:
    async with db.transaction() as tx:
        await people.ban(tx, OF_ANN, cause="update:1")
        other = Ban(telegram_id=BOB, by=BOB, at=NOW)
        assert not await people.ban(tx, other, cause="update:1")
        assert not await people.any_banned(tx, [BOB])


async def test_nobody_among_nobody_is_banned(db: Database) -> None:
    async with db.reading() as connection:
        assert not await people.any_banned(connection, [])


@pytest.mark.parametrize("met_before", [True, False])
async def test_a_banned_group_that_moves_is_banned_where_it_goes(
    db: Database, met_before: bool
) -> None:
    async with db.transaction() as tx:
        club = await chats.upsert(tx, -5, kind=ChatKind.GROUP, now=NOW)
        if met_before:
            await chats.upsert(tx, -1005, kind=ChatKind.SUPERGROUP, now=NOW)
        await people.ban(tx, Ban(telegram_id=-5, by=BOB, at=NOW), cause="update:1")
    await chats.move(db, club.id, -1005, now=NOW)
    async with db.reading() as connection:
        assert await people.any_banned(connection, [-1005])
        assert not await people.any_banned(connection, [-5])
