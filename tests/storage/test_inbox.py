"""Updates between Telegram and whoever handles them: written once, in order, then forgotten."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage import inbox
from storage.database import FORGOTTEN_AT_ONCE
from storage.inbox import KEPT_SECONDS, StoredUpdate
from tests.storage.asked import NOW, rows

if TYPE_CHECKING:
    from storage.database import Database


async def receive(db: Database, update_id: int, *, queue_key: int = 1, now: float = NOW) -> bool:
    """Write an update down."""
    async with db.transaction() as tx:
        return await inbox.receive(
            tx, update_id, queue_key=queue_key, body=f"body {update_id}", now=now
        )


async def waiting(db: Database) -> list[int]:
    """The updates still to be handled, in their order."""
    async with db.reading() as connection:
        return [stored.update_id for stored in await inbox.waiting(connection)]


async def test_an_update_received_again_is_known(db: Database) -> None:
    assert await receive(db, 5)
    assert not await receive(db, 5)
    assert await waiting(db) == [5]


async def test_an_update_received_again_after_it_was_handled_is_known(db: Database) -> None:
    await receive(db, 5)
    async with db.transaction() as tx:
        await inbox.finish(tx, 5, now=NOW)
    assert not await receive(db, 5)
    assert await waiting(db) == []


async def test_updates_wait_in_the_order_in_which_they_came(db: Database) -> None:
    # Telegram begins its ids anew, anywhere, after a week without updates
    for number, now in ((900, NOW), (901, NOW), (17, NOW + 1), (18, NOW + 2)):
        await receive(db, number, now=now)
    assert await waiting(db) == [900, 901, 17, 18]


async def test_a_waiting_update_is_whole(db: Database) -> None:
    await receive(db, 5, queue_key=-100)
    async with db.transaction() as tx:
        await inbox.begin(tx, 5)
        await inbox.begin(tx, 5)
        [stored] = await inbox.waiting(tx)
    assert stored == StoredUpdate(5, -100, "body 5", starts=2, received_at=NOW)


async def test_the_content_of_a_handled_update_is_erased(db: Database) -> None:
    await receive(db, 5)
    async with db.transaction() as tx:
        await inbox.finish(tx, 5, now=NOW + 1)
    assert await rows(db, "SELECT update_id, body, handled_at FROM inbox") == [(5, None, NOW + 1)]


async def test_an_update_set_aside_waits_no_more_and_is_kept(db: Database) -> None:
    await receive(db, 5)
    async with db.transaction() as tx:
        await inbox.set_aside(tx, 5)
        await inbox.forget(tx, now=NOW + 10 * KEPT_SECONDS)
    assert await waiting(db) == []
    assert await rows(db, "SELECT body FROM inbox") == [("body 5",)]


async def test_handled_updates_are_forgotten_after_48_hours_and_no_others(db: Database) -> None:
    for number in (1, 2, 3):
        await receive(db, number)
    async with db.transaction() as tx:
        await inbox.finish(tx, 1, now=NOW)
        await inbox.finish(tx, 2, now=NOW + 1)
        assert not await inbox.forget(tx, now=NOW + KEPT_SECONDS)
        assert await inbox.forget(tx, now=NOW + KEPT_SECONDS + 1)
        assert not await inbox.forget(tx, now=NOW + KEPT_SECONDS + 1)
    assert await rows(db, "SELECT update_id FROM inbox") == [(2,), (3,)]
    assert KEPT_SECONDS == 48 * 3600


async def test_a_transaction_forgets_so_many_that_others_need_not_wait(db: Database) -> None:
    async with db.transaction() as tx:
        for number in range(FORGOTTEN_AT_ONCE + 1):
            await inbox.receive(tx, number, queue_key=1, body="", now=NOW)
            await inbox.finish(tx, number, now=NOW)
        assert await inbox.forget(tx, now=NOW + 2 * KEPT_SECONDS)
    assert len(await rows(db, "SELECT 1 FROM inbox")) == 1
    async with db.transaction() as tx:
        assert await inbox.forget(tx, now=NOW + 2 * KEPT_SECONDS)
        assert not await inbox.forget(tx, now=NOW + 2 * KEPT_SECONDS)
