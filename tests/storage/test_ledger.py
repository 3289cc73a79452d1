"""Balances are sums of rows that are never changed."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage import ledger
from storage.ledger import Account, EntryKind, Pot
from tests.storage.requests import ANN, BOB, NOW, ask, meet, rows

if TYPE_CHECKING:
    from storage.database import Database
    from storage.generations import Generation

ACCOUNT = Account.person(ANN)
NEWCOMERS = itertools.count(10_000)
"""Ids nobody had before."""


@pytest.fixture
async def generation(db: Database) -> Generation:
    """A request of nine credits, held on the allowance."""
    await meet(db)
    return await ask(db)


async def test_the_same_cause_grants_once(db: Database) -> None:
    async with db.transaction() as tx:
        for expected in (True, False, False):
            assert expected is await ledger.grant(
                tx, ACCOUNT, Pot.BOUGHT, 5, cause="update:1", note="welcome", now=NOW
            )
        assert await ledger.stored(tx, ACCOUNT, Pot.BOUGHT) == 5


async def test_a_hold_is_drawn_until_it_is_released(db: Database, generation: Generation) -> None:
    async with db.transaction() as tx:
        assert await ledger.drawn(tx, ACCOUNT, Pot.ALLOWANCE, since=NOW) == 9
        assert await ledger.held(tx, ACCOUNT) == 9
        await ledger.end_holds(tx, generation.id, EntryKind.RELEASE, now=NOW + 1)
        assert await ledger.drawn(tx, ACCOUNT, Pot.ALLOWANCE, since=NOW) == 0
        assert await ledger.held(tx, ACCOUNT) == 0


async def test_what_is_captured_stays_drawn_and_is_held_no_more(
    db: Database, generation: Generation
) -> None:
    async with db.transaction() as tx:
        await ledger.end_holds(tx, generation.id, EntryKind.CAPTURE, now=NOW + 1)
        assert await ledger.drawn(tx, ACCOUNT, Pot.ALLOWANCE, since=NOW) == 9
        assert await ledger.held(tx, ACCOUNT) == 0


async def test_a_hold_counts_from_the_moment_it_was_made(
    db: Database, generation: Generation
) -> None:
    async with db.transaction() as tx:
        assert await ledger.drawn(tx, ACCOUNT, Pot.ALLOWANCE, since=NOW + 0.001) == 0
        await ledger.end_holds(tx, generation.id, EntryKind.RELEASE, now=NOW + 10)
        assert await ledger.drawn(tx, ACCOUNT, Pot.ALLOWANCE, since=NOW + 5) == 0


async def test_each_pot_of_a_request_has_its_own_hold(db: Database, generation: Generation) -> None:
    async with db.transaction() as tx:
        await ledger.grant(tx, ACCOUNT, Pot.BOUGHT, 7, cause="g", note=None, now=NOW)
        await ledger.hold(
            tx, ACCOUNT, Pot.BOUGHT, 4, generation=generation.id, member=None, now=NOW
        )
        holds = await ledger.open_holds(tx, generation.id)
        assert [(one.pot, one.credits) for one in holds] == [(Pot.ALLOWANCE, 9), (Pot.BOUGHT, 4)]
        assert await ledger.stored(tx, ACCOUNT, Pot.BOUGHT) == 3
        assert await ledger.end_holds(tx, generation.id, EntryKind.RELEASE, now=NOW) == 13
        assert await ledger.stored(tx, ACCOUNT, Pot.BOUGHT) == 7, "each goes back to its own pot"
        assert await ledger.open_holds(tx, generation.id) == []


async def test_a_capture_takes_nothing_a_second_time(db: Database, generation: Generation) -> None:
    async with db.transaction() as tx:
        await ledger.grant(tx, ACCOUNT, Pot.BOUGHT, 7, cause="g", note=None, now=NOW)
        await ledger.hold(
            tx, ACCOUNT, Pot.BOUGHT, 4, generation=generation.id, member=None, now=NOW
        )
        await ledger.end_holds(tx, generation.id, EntryKind.CAPTURE, now=NOW)
        assert await ledger.stored(tx, ACCOUNT, Pot.BOUGHT) == 3


async def test_nobody_sees_anothers_credits(db: Database, generation: Generation) -> None:
    assert generation.account == ACCOUNT
    async with db.transaction() as tx:
        await ledger.grant(tx, ACCOUNT, Pot.BOUGHT, 7, cause="g", note=None, now=NOW)
        for other in (Account.person(BOB), Account.chat(ANN)):
            assert await ledger.stored(tx, other, Pot.BOUGHT) == 0
            assert await ledger.drawn(tx, other, Pot.ALLOWANCE, since=0.0) == 0
            assert await ledger.held(tx, other) == 0
        assert await ledger.stored(tx, ACCOUNT, Pot.POOL) == 0


async def test_only_a_clawback_leaves_a_debt(db: Database) -> None:
    async with db.transaction() as tx:
        await ledger.grant(tx, ACCOUNT, Pot.BOUGHT, 5, cause="g", note=None, now=NOW)
        await tx.execute(
            "INSERT INTO ledger (account_kind, account_id, pot, kind, credits, cause, at)"
            " VALUES ('person', ?, 'bought', 'clawback', 8, 'refund:1', ?)",
            (ANN, NOW),
        )
        assert await ledger.stored(tx, ACCOUNT, Pot.BOUGHT) == -3


@pytest.mark.parametrize("kind", [kind for kind in EntryKind if kind not in ("capture", "release")])
async def test_a_hold_is_not_ended_by_anything_else(
    db: Database, generation: Generation, kind: EntryKind
) -> None:
    async def end() -> None:
        async with db.transaction() as tx:
            await ledger.end_holds(tx, generation.id, kind, now=NOW)

    with pytest.raises(ValueError, match="cannot end"):
        await end()


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["grant", "hold", "capture", "release"]), st.integers(1, 20)),
        max_size=20,
    )
)
async def test_the_balance_is_what_came_in_less_what_is_held_or_taken(
    db: Database, generation: Generation, steps: list[tuple[str, int]]
) -> None:
    granted = held = taken = 0
    async with db.transaction() as tx:
        person = Account.person(next(NEWCOMERS))
        # what holds credits is asked for by whom they belong to
        await tx.execute("UPDATE generations SET account_id = ?", (person.id,))
        for number, (kind, amount) in enumerate(steps):
            match kind:
                case "grant":
                    cause = f"{person.id}:{number}"
                    await ledger.grant(
                        tx, person, Pot.BOUGHT, amount, cause=cause, note=None, now=NOW
                    )
                    granted += amount
                case "hold":
                    await ledger.hold(
                        tx, person, Pot.BOUGHT, amount,
                        generation=generation.id, member=None, now=NOW,
                    )  # fmt: skip
                    held += amount
                case _:
                    await ledger.end_holds(tx, generation.id, EntryKind(kind), now=NOW)
                    taken, held = taken + (held if kind == "capture" else 0), 0
            assert await ledger.stored(tx, person, Pot.BOUGHT) == granted - held - taken
            assert await ledger.held(tx, person) == held
        await ledger.end_holds(tx, generation.id, EntryKind.RELEASE, now=NOW)


async def test_the_ledger_knows_who_drew_from_a_pool(db: Database, generation: Generation) -> None:
    async with db.transaction() as tx:
        await tx.execute("INSERT INTO people (id, name, created_at) VALUES (?, 'Ann', 0.0)", (ANN,))
        await ledger.hold(
            tx, Account.chat(1), Pot.POOL, 2, generation=generation.id, member=ANN, now=NOW
        )
    assert await rows(db, "SELECT account_kind, member FROM ledger WHERE pot = 'pool'") == [
        ("chat", ANN)
    ]
