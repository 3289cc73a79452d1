"""Which step may follow which, and what each of them does to credits, history and notices."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from generation.jobs import transitions
from generation.jobs.transitions import NEXT, IllegalStep, told
from storage import events, generations, ledger, notices
from storage.accounts import Account
from storage.generations import State
from storage.ledger import Pot
from tests.storage.asked import NOW, ask, everything, found, rows

if TYPE_CHECKING:
    from storage.database import Database
    from storage.generations import Generation

ALLOWED = {
    ("queued", "submitting"),
    ("queued", "cancelled"),
    ("queued", "failed"),
    ("submitting", "generating"),
    ("submitting", "queued"),
    ("submitting", "failed"),
    ("submitting", "unknown"),
    ("unknown", "generating"),
    ("unknown", "parked"),
    ("unknown", "failed"),
    ("generating", "ready"),
    ("generating", "failed"),
    ("generating", "parked"),
    ("parked", "ready"),
    ("parked", "failed"),
    ("ready", "delivered"),
    ("ready", "undeliverable"),
    ("undeliverable", "delivered"),
}
WAYS = [
    ("queued submitting generating ready delivered", ["hold", "capture"]),
    ("queued submitting generating ready undeliverable delivered", ["hold", "capture"]),
    ("queued submitting queued submitting generating ready", ["hold", "capture"]),
    ("queued submitting unknown generating ready", ["hold", "capture"]),
    ("queued cancelled", ["hold", "release"]),
    ("queued failed", ["hold", "release"]),
    ("queued submitting failed", ["hold", "release"]),
    ("queued submitting queued cancelled", ["hold", "release"]),
    ("queued submitting unknown failed", ["hold", "release"]),
    ("queued submitting generating failed", ["hold", "release"]),
    ("queued submitting unknown parked", ["hold", "release"]),
    ("queued submitting generating parked", ["hold", "release"]),
    ("queued submitting generating parked ready delivered", ["hold", "release"]),
    ("queued submitting unknown parked failed", ["hold", "release"]),
]


async def step(db: Database, generation: Generation, to: State, now: float = NOW) -> Generation:
    """Take a step that is allowed."""
    async with db.transaction() as tx:
        moved = await transitions.advance(tx, generation, to, reason=f"to {to}", now=now)
    assert moved is not None
    return moved


async def put(db: Database, state: State) -> Generation:
    """Return a request in a state, brought there past all rules."""
    generation = await ask(db)
    async with db.transaction() as tx:
        await tx.execute("UPDATE generations SET state = ?", (state,))
    return await found(db, generation)


@pytest.mark.parametrize("was", list(State))
@pytest.mark.parametrize("to", list(State))
async def test_a_step_is_taken_where_a_rule_allows_it_and_nowhere_else(
    db: Database, was: State, to: State
) -> None:
    generation = await put(db, was)
    if (was, to) in ALLOWED:
        assert (await step(db, generation, to)).state is to
        return
    before = await everything(db)
    with pytest.raises(IllegalStep, match=f"{was} → {to}"):
        await step(db, generation, to)
    assert await everything(db) == before


def test_the_rules_are_those_of_the_table() -> None:
    assert {(was, to) for was, after in NEXT.items() for to in after} == ALLOWED
    assert NEXT.keys() == set(State)


@pytest.mark.parametrize(("way", "ledger"), WAYS, ids=[way for way, _ in WAYS])
async def test_each_way_ends_the_hold_once_and_is_written_down(
    db: Database, way: str, ledger: list[str]
) -> None:
    generation = await ask(db)
    for number, state in enumerate(way.split()[1:], start=1):
        generation = await step(db, generation, State(state), NOW + number)
    assert await rows(db, "SELECT kind FROM ledger ORDER BY id") == [(kind,) for kind in ledger]
    async with db.reading() as connection:
        history = await events.of(connection, generation.id)
    assert " ".join(event.state for event in history) == way
    assert [event.at for event in history] == [NOW + number for number in range(len(history))]


@pytest.mark.parametrize("state", [State.SUBMITTING, State.UNKNOWN, State.GENERATING])
async def test_what_is_at_the_provider_moves_no_credits(db: Database, state: State) -> None:
    await put(db, state)
    assert await rows(db, "SELECT kind FROM ledger") == [("hold",)]


async def test_what_was_read_before_somebody_elses_step_takes_none(db: Database) -> None:
    stale = await ask(db)
    await step(db, stale, State.CANCELLED)
    before = await everything(db)
    async with db.transaction() as tx:
        assert (
            await transitions.advance(
                tx, stale, State.SUBMITTING, reason="late", now=NOW, owes=[told(stale, "x")]
            )
            is None
        )
    assert await everything(db) == before, "no event, no ledger row, no notice"


async def test_of_many_who_take_a_step_at_once_one_does(db: Database) -> None:
    generation = await ask(db)

    async def race(to: State) -> Generation | None:
        async with db.transaction() as tx:
            return await transitions.advance(tx, generation, to, reason="race", now=NOW)

    outcomes = await asyncio.gather(
        *(race(to) for to in (State.CANCELLED, State.FAILED, State.SUBMITTING) * 5)
    )
    assert sum(one is not None for one in outcomes) == 1
    assert len(await rows(db, "SELECT * FROM events")) == 2


async def test_a_step_begins_with_no_setbacks_and_is_due_at_once(db: Database) -> None:
    generation = await ask(db)
    async with db.transaction() as tx:
        await generations.note(tx, generation.id, setbacks=3, due_at=NOW + 99)
    moved = await step(db, await found(db, generation), State.SUBMITTING, NOW + 5)
    assert (moved.setbacks, moved.due_at, moved.changed_at) == (0, NOW + 5, NOW + 5)


async def test_facts_change_with_the_step(db: Database) -> None:
    generation = await put(db, State.SUBMITTING)
    async with db.transaction() as tx:
        moved = await transitions.advance(
            tx, generation, State.GENERATING, reason="taken", now=NOW,
            provider_id="video_1:openai/sora-2-t2v", due_at=NOW + 40, setbacks=2,
        )  # fmt: skip
    assert moved is not None
    assert (moved.provider_id, moved.due_at, moved.setbacks) == (
        "video_1:openai/sora-2-t2v", NOW + 40, 2,
    )  # fmt: skip


async def test_what_is_owed_is_written_with_the_step(db: Database) -> None:
    generation = await ask(db, thread_id=3)
    async with db.transaction() as tx:
        await transitions.advance(
            tx, generation, State.FAILED, reason="?", now=NOW,
            owes=[told(generation, "failed_broken", family="sora-2")],
        )  # fmt: skip
        (owed,) = await notices.owed(tx, 1)
    assert (owed.kind, owed.thread_id, owed.reply_to, owed.person) == ("failed_broken", 3, 10, 501)
    assert owed.facts == {"generation": generation.id, "credits": 9, "family": "sora-2"}


async def test_a_step_whose_notice_cannot_be_written_is_not_taken(db: Database) -> None:
    generation = await ask(db)

    async def fail_with_facts_that_are_no_json() -> None:
        async with db.transaction() as tx:
            await transitions.advance(
                tx, generation, State.FAILED, reason="?", now=NOW,
                owes=[told(generation, "x", fact=object())],
            )  # fmt: skip

    with pytest.raises(TypeError):
        await fail_with_facts_that_are_no_json()
    assert (await found(db, generation)).state is State.QUEUED
    assert await rows(db, "SELECT kind FROM ledger") == [("hold",)]


async def test_a_notice_to_a_chats_own_account_has_no_person(db: Database) -> None:
    generation = await ask(db, account=Account.chat(1))
    assert told(generation, "cancelled").person is None


async def test_a_wish_to_cancel_is_granted_with_credits_back_and_a_word(db: Database) -> None:
    generation = await ask(db)
    async with db.transaction() as tx:
        await transitions.call_back(tx, generation, now=NOW)
    assert await rows(db, "SELECT kind FROM ledger") == [("hold",), ("release",)]
    assert await rows(db, "SELECT state, uncharged FROM generations") == [("cancelled", 1)]
    assert await rows(db, "SELECT kind FROM notices") == [("cancelled",)]


@pytest.mark.parametrize(("credits_", "holds"), [(9, [9]), (4, [4])])
async def test_a_request_that_becomes_another_video_is_held_for_what_that_costs(
    db: Database, credits_: int, holds: list[int]
) -> None:
    generation = await put(db, State.SUBMITTING)
    async with db.transaction() as tx:
        queued = await transitions.reroute(
            tx, generation, reason="another model", now=NOW + 86_400,
            family="sora-2-pro", credits=credits_, price_micros=400_000,
        )  # fmt: skip
        assert queued is not None
        assert (queued.state, queued.credits, queued.family) == (
            State.QUEUED, credits_, "sora-2-pro",
        )  # fmt: skip
        held = await ledger.open_holds(tx, generation.id)
    assert [hold.credits for hold in held] == holds
    assert [hold.at for hold in held] == [NOW], "what yesterday gave is not taken from today"


async def test_a_request_never_becomes_a_dearer_video(db: Database) -> None:
    generation = await put(db, State.SUBMITTING)

    async def reroute() -> None:
        async with db.transaction() as tx:
            await transitions.reroute(tx, generation, reason="dearer", now=NOW, credits=10)

    before = await everything(db)
    with pytest.raises(IllegalStep, match="dearer"):
        await reroute()
    assert await everything(db) == before


async def test_a_cheaper_video_gives_bought_credits_back_first(db: Database) -> None:
    generation = await put(db, State.SUBMITTING)
    async with db.transaction() as tx:
        await ledger.hold(
            tx, generation.account, Pot.BOUGHT, 3, generation=generation.id, member=None, now=NOW
        )
        queued = await transitions.reroute(
            tx, generation, reason="cheaper", now=NOW, credits=10, price_micros=1_000_000
        )
        held = await ledger.open_holds(tx, generation.id)
    assert queued is not None
    assert [(hold.pot, hold.credits) for hold in held] == [(Pot.ALLOWANCE, 9), (Pot.BOUGHT, 1)]
    assert (await found(db, generation)).budget_micros == 900_000, "the operator gives nine tenths"
