"""What the file itself refuses, whatever the program asks of it."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any

import pytest

from storage import generations, ledger
from storage.generations import Reason, State
from storage.ledger import Account, EntryKind, Pot
from tests.storage.requests import ANN, NOW, Event, ask, meet, rows, steps_of

if TYPE_CHECKING:
    from storage.database import Database


async def run(db: Database, statement: str, *values: Any) -> None:
    """Run one statement in a transaction of its own."""
    async with db.transaction() as tx:
        await tx.execute(statement, values)


async def test_every_table_is_strict(db: Database) -> None:
    loose = await rows(
        db,
        "SELECT name FROM pragma_table_list WHERE strict = 0 AND type = 'table'"
        " AND name NOT LIKE 'sqlite_%'",
    )
    assert loose == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE generations SET seconds = 'four'",
        "UPDATE generations SET due_at = 'soon'",
        "UPDATE chats SET telegram_id = 'me'",
        "INSERT INTO outages (reason, began_at, probe_at) VALUES ('key', 'now', 1.0)",
    ],
)
async def test_a_text_in_a_column_of_numbers_is_refused(db: Database, statement: str) -> None:
    await meet(db)
    await ask(db)
    with pytest.raises(sqlite3.IntegrityError, match="cannot store TEXT"):
        await run(db, statement)


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        ("UPDATE generations SET chat = 77", "FOREIGN KEY"),
        ("DELETE FROM chats", "FOREIGN KEY"),
        ("UPDATE generations SET state = 'lost'", "CHECK"),
        ("UPDATE generations SET credits = 0", "CHECK"),
        ("UPDATE generations SET kind = 'v2v'", "CHECK"),
        ("UPDATE chats SET kind = 'forum'", "CHECK"),
        ("INSERT INTO chats (telegram_id, kind, created_at) VALUES (501, 'private', 0)", "UNIQUE"),
    ],
)
async def test_what_makes_no_sense_is_refused(db: Database, statement: str, why: str) -> None:
    await meet(db)
    await ask(db)
    with pytest.raises(sqlite3.IntegrityError, match=why):
        await run(db, statement)


async def test_the_history_writes_itself(db: Database) -> None:
    await meet(db)
    generation = await ask(db)
    async with db.transaction() as tx:
        await generations.change_state(
            tx, generation.id, State.QUEUED, State.SUBMITTING,
            reason=Reason.TURN_CAME, now=NOW + 5,
        )  # fmt: skip
        await generations.update(tx, generation.id, due_at=NOW + 9)
        history = await steps_of(tx, generation.id)
    assert history == [
        Event(None, "queued", "asked for", NOW),
        Event("queued", "submitting", "its turn", NOW + 5),
    ], "one row per step, none for facts within a state"


async def test_a_step_that_is_rolled_back_leaves_no_trace_in_the_history(db: Database) -> None:
    await meet(db)
    generation = await ask(db)

    async def step_and_break() -> None:
        async with db.transaction() as tx:
            await generations.change_state(
                tx, generation.id, State.QUEUED, State.FAILED, reason=Reason.OTHER, now=NOW
            )
            raise LookupError

    with pytest.raises(LookupError):
        await step_and_break()
    assert await rows(db, "SELECT state FROM events") == [("queued",)]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE events SET reason = 'never happened'",
        "UPDATE events SET at = 0.0",
        "DELETE FROM events",
        "UPDATE ledger SET credits = 1",
        "UPDATE ledger SET kind = 'grant'",
        "UPDATE ledger SET pot = 'bought'",
        "UPDATE ledger SET account_kind = 'chat'",
        "UPDATE ledger SET at = 0.0",
        "UPDATE ledger SET cause = 'another'",
        "UPDATE ledger SET generation = NULL",
        "DELETE FROM ledger",
    ],
)
async def test_the_history_and_the_ledger_are_not_rewritten(db: Database, statement: str) -> None:
    await meet(db)
    await ask(db)
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        await run(db, statement)
    assert await rows(db, "SELECT reason, at FROM events") == [("asked for", NOW)]
    assert await rows(db, "SELECT kind, credits FROM ledger") == [("hold", 9)]


async def test_a_hold_ends_once(db: Database) -> None:
    await meet(db)
    generation = await ask(db)
    async with db.transaction() as tx:
        assert await ledger.end_holds(tx, generation.id, EntryKind.RELEASE, now=NOW) == 9
        assert await ledger.end_holds(tx, generation.id, EntryKind.CAPTURE, now=NOW) == 0
    with pytest.raises(sqlite3.IntegrityError, match=r"UNIQUE.*ledger\.ends"):
        await run(
            db,
            "INSERT INTO ledger (account_kind, account_id, pot, kind, credits, ends, generation,"
            " at) SELECT account_kind, account_id, pot, 'capture', credits, id, generation, at"
            " FROM ledger WHERE kind = 'hold'",
        )


@pytest.mark.parametrize("ending", ["hold", "grant", "purchase", "refund", "clawback"])
async def test_only_a_capture_or_a_release_ends_a_hold(db: Database, ending: str) -> None:
    await meet(db)
    generation = await ask(db)
    with pytest.raises(sqlite3.IntegrityError, match="CHECK"):
        await run(
            db,
            "INSERT INTO ledger (account_kind, account_id, pot, kind, credits, ends, generation,"
            " cause, at) VALUES ('person', 501, 'allowance', ?, 9, 1, ?, 'c', 0.0)",
            ending,
            generation.id,
        )


@pytest.mark.parametrize("kind", ["grant", "purchase", "refund", "clawback"])
async def test_credits_from_outside_always_name_their_cause(db: Database, kind: str) -> None:
    with pytest.raises(sqlite3.IntegrityError, match="CHECK"):
        await run(
            db,
            "INSERT INTO ledger (account_kind, account_id, pot, kind, credits, at)"
            " VALUES ('person', 501, 'bought', ?, 5, 0.0)",
            kind,
        )


async def test_a_grant_of_nothing_is_an_error_and_no_repetition(db: Database) -> None:
    async def grant_nothing() -> None:
        async with db.transaction() as tx:
            await ledger.grant(
                tx, Account.person(ANN), Pot.BOUGHT, 0, cause="update:1", note=None, now=NOW
            )

    with pytest.raises(sqlite3.IntegrityError, match="CHECK"):
        await grant_nothing()
