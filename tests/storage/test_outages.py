"""Times in which the account is refused, one at a time, and models that are left alone."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from storage import outages
from storage.outages import Cooldown, CooldownReason
from tests.storage.requests import ANN, BOB, NOW, ask, meet

if TYPE_CHECKING:
    from storage.database import Database

GONE = Cooldown("sora", CooldownReason.GONE, NOW + 100)
FAILING = Cooldown("veo", CooldownReason.FAILING, NOW + 50)


async def test_there_is_one_outage_at_a_time_with_its_newest_reason(db: Database) -> None:
    async with db.transaction() as tx:
        first = await outages.begin(tx, "key", probe_at=NOW + 300, now=NOW)
        second = await outages.begin(tx, "money", probe_at=NOW + 400, now=NOW + 1)
        assert second == replace(first, reason="money"), "and its probe is put off by nobody"
        assert await outages.current(tx) == second


async def test_an_outage_that_ended_makes_room_for_another(db: Database) -> None:
    async with db.transaction() as tx:
        first = await outages.begin(tx, "key", probe_at=NOW, now=NOW)
        assert await outages.end(tx, first.id, now=NOW + 5)
        assert not await outages.end(tx, first.id, now=NOW + 6), "it ends once"
        assert await outages.current(tx) is None
        second = await outages.begin(tx, "money", probe_at=NOW, now=NOW + 7)
    assert second.id != first.id


async def test_a_probe_that_goes_well_leaves_it_half_open(db: Database) -> None:
    async with db.transaction() as tx:
        first = await outages.begin(tx, "key", probe_at=NOW, now=NOW)
        probed = await outages.probed(tx, first.id, half_open=True, probe_at=NOW + 300)
        assert probed == replace(first, half_open=True, probe_at=NOW + 300)
        assert await outages.current(tx) == probed
        await outages.end(tx, first.id, now=NOW)
        assert await outages.probed(tx, first.id, half_open=True, probe_at=NOW) is None


async def test_a_refusal_opens_it_again_until_the_next_probe(db: Database) -> None:
    async with db.transaction() as tx:
        first = await outages.begin(tx, "key", probe_at=NOW, now=NOW)
        await outages.probed(tx, first.id, half_open=True, probe_at=NOW + 300)
        again = await outages.begin(tx, "key", probe_at=NOW + 600, now=NOW + 300)
    assert again == replace(first, probe_at=NOW + 600), "since it began"


async def test_a_model_is_left_alone_until_its_time_and_never_shorter(db: Database) -> None:
    async with db.transaction() as tx:
        await outages.cool_down(tx, GONE)
        await outages.cool_down(tx, FAILING)
        await outages.cool_down(tx, replace(FAILING, model="sora"))
        assert await outages.cooldowns(tx, now=NOW + 49) == [GONE, FAILING]
        assert await outages.cooldowns(tx, now=NOW + 50) == [GONE]
        assert await outages.cooldowns(tx, now=NOW + 100) == []
        longer = replace(GONE, until=NOW + 200)
        await outages.cool_down(tx, longer)
        assert await outages.cooldowns(tx, now=NOW + 100) == [longer]


async def test_failures_count_by_account_however_many_one_has(db: Database) -> None:
    await meet(db)
    mine = [await ask(db, f"message:{number}", person=ANN) for number in range(3)]
    other = await ask(db, "message:9", person=BOB)
    async with db.transaction() as tx:
        for generation in mine:
            await outages.count_failure(tx, "sora", generation.id, now=NOW)
        assert await outages.accounts_failed(tx, "sora", since=NOW) == 1
        await outages.count_failure(tx, "sora", other.id, now=NOW + 5)
        assert await outages.accounts_failed(tx, "sora", since=NOW) == 2
        assert await outages.accounts_failed(tx, "sora", since=NOW + 1) == 1
        assert await outages.accounts_failed(tx, "veo", since=NOW) == 0
