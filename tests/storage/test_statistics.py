"""What the operator is told of all that was made, without holding anybody up."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from storage import people, statistics
from storage.generations import State
from storage.people import Ban
from storage.statistics import SLICE, Activity, Statistics
from tests.storage.requests import ANN, BOB, NOW, ask, meet, rows

if TYPE_CHECKING:
    import pytest

    from storage.database import Database
    from storage.generations import Generation


async def put(
    db: Database, made: Generation, state: State, *, spent: int | None = None, charged: bool = True
) -> None:
    """Bring a request to a state, past all rules."""
    async with db.transaction() as tx:
        await tx.execute(
            "UPDATE generations SET state = ?, spent_micros = ?, uncharged = ? WHERE id = ?",
            (state, spent, not charged, made.id),
        )


async def test_all_that_was_asked_is_counted(db: Database) -> None:
    await meet(db)
    await put(db, await ask(db, "a"), State.DELIVERED, spent=500_000)
    await put(db, await ask(db, "b", person=BOB), State.FAILED, charged=False)
    await ask(db, "c")
    assert await statistics.collect(db) == Statistics(
        asked=3,
        delivered=1,
        failed=1,
        in_work=1,
        people=2,
        spent_micros=500_000 + 840_000,  # what is known, else what is expected
    )


async def test_what_changes_no_more_is_counted_for_good_and_only_once(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(statistics, "SLICE", 2)
    await meet(db)
    for number in range(5):
        made = await ask(db, f"old:{number}", person=(ANN, BOB)[number % 2])
        await put(db, made, State.DELIVERED, spent=500_000 + number)
    late = NOW + statistics.SETTLED_SECONDS + 1
    await put(db, await ask(db, "new", now=late), State.FAILED)
    counted = await statistics.collect(db)
    slices = 0
    while True:
        async with db.transaction() as tx:
            if not await statistics.settle(tx, now=late):
                break
        slices += 1
        assert await statistics.collect(db) == counted, "whatever is settled already"
    assert slices == 3
    takings = db.usage.lock_acquisitions
    assert await statistics.collect(db) == counted
    assert db.usage.lock_acquisitions == takings + 2, "only what is new is counted again"
    assert (counted.asked, counted.people) == (6, 2)


async def test_others_have_their_turn_while_somebody_writes_down_what_is_exported(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(statistics, "SLICE", 2)
    await meet(db)
    slices = list[int]()
    for number in range(5):
        await ask(db, str(number))
    async for rows_ in statistics.export(db, since=0.0, until=NOW + 1):
        slices.append(len(rows_))
        async with asyncio.timeout(10), db.reading():
            pass
    assert slices == [2, 2, 1]


async def test_a_new_bot_has_made_nothing(db: Database) -> None:
    assert await statistics.collect(db) == Statistics(0, 0, 0, 0, 0, 0)


async def test_others_use_the_database_between_two_slices(db: Database) -> None:
    await meet(db)
    generation = await ask(db)
    columns = "state, reason, origin, chat, account_kind, account_id, kind, family, model, prompt,"
    columns += " seconds, fit, silent, credits, price_micros, budget_micros, due_at, created_at,"
    columns += " changed_at"
    async with db.transaction() as tx:
        await tx.execute(
            f"INSERT INTO generations (id, cause, {columns}) SELECT ?, 'last', {columns}"  # noqa: S608 - names above
            " FROM generations WHERE id = ?",
            (3 * SLICE, generation.id),
        )
    collecting = asyncio.create_task(statistics.collect(db))
    between = 0
    while not collecting.done():
        await rows(db, "SELECT 1")
        await asyncio.sleep(0)
        between += not collecting.done()
    assert between >= 3
    assert (await collecting).asked == 2


async def test_who_asked_for_most_comes_first_and_who_asked_for_nothing_last(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(statistics, "SLICE", 1)
    await meet(db)
    async with db.transaction() as tx:
        for person, name in ((ANN, "Ann"), (BOB, "Bob"), (1, "New")):
            await people.upsert(
                tx, person, name=name, username=name.lower(), language=None, now=NOW
            )
        await people.ban(tx, Ban(telegram_id=ANN, by=BOB, at=NOW), cause="ban")
    for cause, person in (("a", ANN), ("b", BOB), ("c", BOB)):
        await ask(db, cause, person=person)
    found, count = await statistics.most_active(db, limit=2)
    assert [(one.person, one.asked, one.is_banned) for one in found] == [
        (BOB, 2, False), (ANN, 1, True),
    ]  # fmt: skip
    [last], _ = await statistics.most_active(db, limit=2, skip=2)
    assert (last, count) == (Activity(1, "New", "new", 0, is_banned=False), 3)
    found, count = await statistics.most_active(db, limit=2, called="N")
    assert ([one.name for one in found], count) == (["Ann", "New"], 2)
