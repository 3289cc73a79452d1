"""Who was let in by an admin."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage import access
from tests.storage.asked import ANN, BOB, NOW

if TYPE_CHECKING:
    from storage.database import Database


async def test_somebody_let_in_may_ask_until_they_are_shut_out(db: Database) -> None:
    async with db.transaction() as tx:
        assert await access.allow(tx, ANN, cause="update:1", by=BOB, now=NOW)
        assert await access.any_allowed(tx, [BOB, ANN])
        assert not await access.any_allowed(tx, [BOB])
        assert await access.deny(tx, ANN)
        assert not await access.deny(tx, ANN)
        assert not await access.any_allowed(tx, [ANN])


async def test_letting_somebody_in_twice_is_no_news(db: Database) -> None:
    async with db.transaction() as tx:
        await access.allow(tx, ANN, cause="update:1", by=BOB, now=NOW)
        assert not await access.allow(tx, ANN, cause="update:2", by=BOB, now=NOW)


async def test_an_update_delivered_again_lets_nobody_back_in(db: Database) -> None:
    async with db.transaction() as tx:
        await access.allow(tx, ANN, cause="update:1", by=BOB, now=NOW)
        assert not await access.allow(tx, BOB, cause="update:1", by=BOB, now=NOW)
        assert not await access.any_allowed(tx, [BOB])


async def test_nobody_among_nobody_is_allowed(db: Database) -> None:
    async with db.reading() as connection:
        assert not await access.any_allowed(connection, [])
