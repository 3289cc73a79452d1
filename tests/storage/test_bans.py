"""Who was shut out by an admin."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from storage import bans, chats
from storage.bans import Ban
from storage.chats import ChatKind
from tests.storage.asked import ANN, BOB, NOW

if TYPE_CHECKING:
    from storage.database import Database

OF_ANN = Ban(telegram_id=ANN, by=BOB, at=NOW, reason="rude")


async def test_somebody_shut_out_stays_out_until_the_ban_is_lifted(db: Database) -> None:
    async with db.transaction() as tx:
        assert await bans.ban(tx, OF_ANN, cause="update:1")
        assert await bans.any_banned(tx, [BOB, ANN])
        assert not await bans.any_banned(tx, [BOB])
        assert await bans.find(tx, ANN) == OF_ANN
        assert await bans.lift(tx, ANN)
        assert not await bans.lift(tx, ANN)
        assert not await bans.any_banned(tx, [ANN])
        assert await bans.find(tx, ANN) is None


async def test_a_second_ban_is_no_news_and_the_first_reason_stays(db: Database) -> None:
    again = Ban(telegram_id=ANN, by=ANN, at=NOW + 1)
    async with db.transaction() as tx:
        await bans.ban(tx, OF_ANN, cause="update:1")
        assert not await bans.ban(tx, again, cause="update:2")
        assert await bans.find(tx, ANN) == OF_ANN


async def test_an_update_delivered_again_bans_nobody_else(db: Database) -> None:
    async with db.transaction() as tx:
        await bans.ban(tx, OF_ANN, cause="update:1")
        other = Ban(telegram_id=BOB, by=BOB, at=NOW)
        assert not await bans.ban(tx, other, cause="update:1")
        assert not await bans.any_banned(tx, [BOB])


async def test_nobody_among_nobody_is_banned(db: Database) -> None:
    async with db.reading() as connection:
        assert not await bans.any_banned(connection, [])


@pytest.mark.parametrize("met_before", [True, False])
async def test_a_banned_group_that_moves_is_banned_where_it_goes(
    db: Database, met_before: bool
) -> None:
    async with db.transaction() as tx:
        club = await chats.seen(tx, -5, kind=ChatKind.GROUP, now=NOW)
        if met_before:
            await chats.seen(tx, -1005, kind=ChatKind.SUPERGROUP, now=NOW)
        await bans.ban(tx, Ban(telegram_id=-5, by=BOB, at=NOW), cause="update:1")
    await chats.move(db, club.id, -1005)
    async with db.reading() as connection:
        assert await bans.any_banned(connection, [-1005])
        assert not await bans.any_banned(connection, [-5])
