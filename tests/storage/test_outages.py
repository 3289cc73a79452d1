"""Times in which nothing is accepted, one at a time, and models that rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage import outages
from storage.outages import RETURNS_WITHIN
from tests.storage.asked import NOW

if TYPE_CHECKING:
    from storage.database import Database


async def test_there_is_one_outage_at_a_time(db: Database) -> None:
    async with db.transaction() as tx:
        first = await outages.begin(tx, "key", probe_at=NOW + 300, now=NOW)
        assert first is not None
        assert await outages.begin(tx, "money", probe_at=NOW + 400, now=NOW + 1) is None
        assert await outages.present(tx) == first


async def test_an_outage_that_ended_makes_room_for_another(db: Database) -> None:
    async with db.transaction() as tx:
        first = await outages.begin(tx, "key", probe_at=NOW, now=NOW)
        assert first is not None
        assert await outages.end(tx, first.id, now=NOW + 5)
        assert not await outages.end(tx, first.id, now=NOW + 6), "it ends once"
        assert await outages.present(tx) is None
        second = await outages.begin(tx, "money", probe_at=NOW, now=NOW + 7)
        assert second is not None
        assert second.id != first.id


async def test_an_outage_that_soon_comes_again_is_the_same_one(db: Database) -> None:
    async with db.transaction() as tx:
        first = await outages.begin(tx, "money", probe_at=NOW, now=NOW)
        assert first is not None
        await outages.end(tx, first.id, now=NOW + 5)
        assert await outages.begin(tx, "money", probe_at=NOW + 400, now=NOW + 100) is None
        present = await outages.present(tx)
        assert present is not None
        assert (present.id, present.probe_at) == (first.id, NOW + 400)


async def test_an_outage_long_after_another_is_a_new_one(db: Database) -> None:
    async with db.transaction() as tx:
        first = await outages.begin(tx, "money", probe_at=NOW, now=NOW)
        assert first is not None
        await outages.end(tx, first.id, now=NOW + 5)
        second = await outages.begin(tx, "money", probe_at=NOW, now=NOW + 5 + RETURNS_WITHIN)
        assert second is not None
        assert second.id != first.id


async def test_a_probe_can_be_put_off(db: Database) -> None:
    async with db.transaction() as tx:
        outage = await outages.begin(tx, "key", probe_at=NOW, now=NOW)
        assert outage is not None
        await outages.postpone(tx, outage.id, probe_at=NOW + 300)
        present = await outages.present(tx)
    assert present is not None
    assert present.probe_at == NOW + 300


async def test_a_model_rests_until_its_time_and_never_shorter(db: Database) -> None:
    async with db.transaction() as tx:
        assert await outages.rest(tx, "sora", reason="404", until=NOW + 100)
        assert not await outages.rest(tx, "sora", reason="400", until=NOW + 50)
        assert set(await outages.rests(tx, now=NOW + 99)) == {"sora"}
        assert await outages.rests(tx, now=NOW + 100) == {}
        assert await outages.rest(tx, "sora", reason="404", until=NOW + 200)
        assert set(await outages.rests(tx, now=NOW + 199)) == {"sora"}
