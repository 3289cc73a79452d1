"""What was decided is written as a whole: state, history, credits, notices; then others learn."""

from __future__ import annotations

import ast
import asyncio
import logging
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from generation.jobs import lifecycle
from generation.jobs.lifecycle import IllegalTransition, apply
from generation.jobs.outcomes import (
    AccountRefused,
    CancelWanted,
    Credits,
    LinkDead,
    ModelNotServed,
    PictureLost,
    ProviderFailed,
    SubmissionAccepted,
    SubmissionNotAccepted,
    TurnCame,
    VideoOnDisk,
)
from generation.jobs.schedule import Estimate
from generation.jobs.transitions import decide
from generation.models.catalogue import FAILED_ACCOUNTS
from storage import generations, ledger, people
from storage.chats import ChatKind
from storage.generations import State
from storage.ledger import Account, Pot
from tests.generation.jobs.table import CHEAPER, DEARER, PAIRS, POLICY, ROWS, expected
from tests.storage.requests import ANN, BOB, NOW, ask, everything, found, meet, rows, steps_of

if TYPE_CHECKING:
    from generation.jobs.outcomes import Outcome, Transition
    from generation.orders.options import PricedChoice
    from storage.database import Database
    from storage.generations import Generation
    from tests.generation.steps import Steps

PROJECT = Path(__file__).parents[3]
TAKEN = frozenset({State.READY, State.UNDELIVERABLE, State.DELIVERED})
"""States in which the credits have been taken."""
GONE = frozenset({State.PARKED, State.FAILED, State.CANCELLED})
"""States in which they are back."""
ENDINGS = {
    Credits.CAPTURE: ["capture"],
    Credits.RELEASE: ["release"],
    Credits.HOLD_LESS: ["release", "hold"],
    Credits.COMPENSATE: ["release"],
    Credits.KEEP: [],
}


async def put(db: Database, state: State, **changes: Any) -> Generation:
    """Return a request in a state, brought there past all rules, and its credits with it."""
    generation = await ask(db)
    async with db.transaction() as tx:
        if state in TAKEN | GONE:
            kind = ledger.EntryKind.CAPTURE if state in TAKEN else ledger.EntryKind.RELEASE
            await ledger.end_holds(tx, generation.id, kind, now=NOW)
        await tx.execute("UPDATE generations SET state = ?", (state,))
        if changes:
            await generations.update(tx, generation.id, **changes)
    return await found(db, generation)


async def happens(
    db: Database, generation: Generation, outcome: Outcome, now: float = NOW
) -> list[lifecycle.AppliedTransition]:
    """Write what follows from an outcome."""
    async with db.transaction() as tx:
        return await apply(tx, generation.id, outcome, now=now, policy=POLICY)


async def kinds(db: Database) -> list[str]:
    """What happened to credits, in order."""
    return [kind for (kind,) in await rows(db, "SELECT kind FROM ledger ORDER BY id")]


@pytest.mark.parametrize(("name", "state"), [pair for pair in PAIRS if expected(*pair)])
async def test_what_was_decided_is_written(db: Database, name: str, state: State) -> None:
    row, wanted = ROWS[name], expected(name, state)
    assert wanted is not None
    await meet(db, 777)
    async with db.transaction() as tx:
        for number in range(3, 8):  # chats that rows are about
            await tx.execute(
                "INSERT INTO chats (id, telegram_id, kind, created_at)"
                " VALUES (?, ?, 'private', 0.0)",
                (number, 10_000 + number),
            )
    generation = await put(db, state, **row.request)
    before = await kinds(db)
    decided = decide(
        generation, row.outcome, now=NOW + row.after, policy=POLICY, estimate=Estimate(0.0)
    )
    assert decided is not None
    steps = await happens(db, generation, row.outcome, NOW + row.after)
    first = steps[0]
    assert first.transition == decided
    assert (first.after.state, first.transition.credits) == wanted
    for name_, value in decided.changes.items():
        if hasattr(first.after, name_):
            assert getattr(first.after, name_) == value, name_
    # what was parked or was a gift holds nothing that could end
    ends = [] if state is State.PARKED else ENDINGS[wanted[1]]
    also = ["release"] if decided.also is not None else []
    assert await kinds(db) == before + ends + also
    owed = await rows(db, "SELECT kind FROM notices ORDER BY id")
    assert owed == [(str(one.kind),) for step in steps for one in step.transition.owes]
    async with db.reading() as connection:
        history = [(one.was, one.state) for one in await steps_of(connection, generation.id)][2:]
    moves = [(str(one.before.state), str(one.after.state)) for one in steps]
    assert history == [move for move in moves if move[0] != move[1]]


@pytest.mark.parametrize(
    ("way", "credits_"),
    [
        ("TurnCame SubmissionAccepted VideoOnDisk", ["hold", "capture"]),
        (
            "TurnCame SubmissionNotAccepted TurnCame SubmissionAccepted VideoOnDisk",
            ["hold", "capture"],
        ),
        ("TurnCame AnswerLost SubmissionAccepted VideoOnDisk", ["hold", "capture"]),
        ("CancelWanted CancelWanted", ["hold", "release"]),
        ("TurnCame CancelWanted SubmissionNotAccepted", ["hold", "release"]),
        ("TurnCame SubmissionAccepted ProviderFailed ProviderFailed", ["hold", "release"]),
    ],
)
async def test_each_way_ends_the_hold_once(db: Database, way: str, credits_: list[str]) -> None:
    by_name: dict[str, Outcome] = {type(row.outcome).__name__: row.outcome for row in ROWS.values()}
    generation = await ask(db)
    for number, name in enumerate(way.split()):
        await happens(db, generation, by_name[name], NOW + number)
    assert await kinds(db) == credits_


async def test_what_follows_is_decided_by_what_the_request_is_by_now(db: Database) -> None:
    stale = await ask(db)
    await happens(db, stale, CancelWanted())
    before = await everything(db)
    assert await happens(db, stale, PictureLost()) == []
    assert await everything(db) == before, "no event, no ledger row, no notice"


async def test_of_many_outcomes_at_once_one_counts(db: Database) -> None:
    generation = await ask(db)
    outcomes: list[Outcome] = [CancelWanted(), PictureLost(), TurnCame("r", None)] * 5
    done = await asyncio.gather(*(happens(db, generation, one) for one in outcomes))
    # to call back what was submitted meanwhile is remembered, and no step
    moved = [step for steps in done for step in steps if step.before.state is not step.after.state]
    assert len(moved) == 1
    assert len(await rows(db, "SELECT * FROM events")) == 2


async def test_what_no_rule_allows_is_not_written(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong(generation: Generation, *_: Any, **__: Any) -> Transition:
        found = decide(generation, PictureLost(), now=NOW, policy=POLICY, estimate=Estimate(0.0))
        assert found is not None
        return replace(found, to=State.DELIVERED)

    monkeypatch.setattr(lifecycle, "decide", wrong)
    generation = await ask(db)
    before = await everything(db)
    with pytest.raises(IllegalTransition, match="queued → delivered"):
        await happens(db, generation, PictureLost())
    assert await everything(db) == before


def test_one_place_alone_moves_a_generation() -> None:
    movers = []
    for floor in ("bot", "handlers", "generation", "storage"):
        for path in (PROJECT / floor).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                match node:
                    case ast.Call(func=ast.Attribute(ast.Name("generations"), "change_state")):
                        movers.append(path.relative_to(PROJECT).as_posix())
                    case _:
                        pass
    assert movers == ["generation/jobs/lifecycle.py"]


async def test_a_step_whose_notice_cannot_be_written_is_not_taken(db: Database) -> None:
    generation = await ask(db)
    async with db.transaction() as tx:
        await tx.execute(
            "CREATE TEMP TRIGGER full BEFORE INSERT ON notices"
            " BEGIN SELECT RAISE(ABORT, 'the disk is full'); END"
        )
    with pytest.raises(Exception, match="the disk is full"):
        await happens(db, generation, PictureLost())
    assert (await found(db, generation)).state is State.QUEUED
    assert await kinds(db) == ["hold"]


async def mixed(db: Database) -> Generation:
    """Return a request of twelve credits, nine of the allowance and three bought."""
    generation = await put(db, State.SUBMITTING)
    async with db.transaction() as tx:
        await ledger.hold(
            tx, generation.account, Pot.BOUGHT, 3, generation=generation.id, member=None, now=NOW
        )
        await generations.update(tx, generation.id, credits=12)
    return generation


@pytest.mark.parametrize(
    ("credits_", "holds", "given"),
    [
        (4, [("allowance", 4)], 400_000),
        (11, [("allowance", 9), ("bought", 2)], -(-400_000 * 9 // 11)),
    ],
)
async def test_a_substitute_is_held_for_on_the_same_pots_and_bought_credits_go_back_first(
    db: Database, credits_: int, holds: list[tuple[str, int]], given: int
) -> None:
    generation = await mixed(db)
    cheaper = replace(CHEAPER, substitute=replace(must(CHEAPER.substitute), credits=credits_))
    (step,) = await happens(db, generation, ModelNotServed(cheaper), NOW + 86_400)
    async with db.reading() as connection:
        held = await ledger.open_holds(connection, generation.id)
    assert [(str(one.pot), one.credits) for one in held] == holds
    assert {one.at for one in held} == {NOW}, "what yesterday gave is not taken from today"
    assert step.after.budget_micros == given, "the operator gives nothing for bought credits"


async def test_a_dearer_substitute_is_never_made_by_itself(db: Database) -> None:
    generation = await mixed(db)
    (step,) = await happens(db, generation, ModelNotServed(DEARER))
    assert step.after.state is State.FAILED


def must(priced: PricedChoice | None) -> PricedChoice:
    """Return what is there."""
    assert priced is not None
    return priced


async def test_a_lost_video_is_given_back_once_and_to_its_own_pots(db: Database) -> None:
    generation = await put(db, State.READY, preparation_setbacks=99)
    gone = ROWS["video gone, last time"].outcome
    await happens(db, generation, gone)
    await happens(db, generation, gone)
    assert await kinds(db) == ["hold", "capture", "release"]
    async with db.reading() as connection:
        account = Account.person(ANN)
        assert await ledger.drawn(connection, account, Pot.ALLOWANCE, since=0.0) == 0
        assert await ledger.held(connection, account) == 0


async def test_what_rolls_back_has_told_nobody_anything(
    steps: Steps,
) -> None:
    generation = await steps.ask()
    await steps.advance(generation, TurnCame("r", None))

    async with steps.db.transaction() as tx:
        await tx.execute(
            "CREATE TEMP TRIGGER full BEFORE INSERT ON notices"
            " BEGIN SELECT RAISE(ABORT, 'the disk is full'); END"
        )
    with pytest.raises(Exception, match="the disk is full"):
        await steps.lifecycle.advance(generation, AccountRefused("key"))
    with pytest.raises(Exception, match="the disk is full"):
        await steps.lifecycle.advance(generation, ModelNotServed(DEARER))
    assert not steps.breaker.is_open
    assert steps.cooldowns.models == frozenset()
    async with steps.db.transaction() as tx:
        await tx.execute("DROP TRIGGER full")
    await steps.advance(generation, ModelNotServed(DEARER))
    assert steps.cooldowns.models == {generation.model}
    assert await steps.admins() == ["model_gone"], "told of once it is so"


async def test_three_failures_of_one_account_take_the_model_from_nobody_else(steps: Steps) -> None:
    async def fails(number: int, person: int) -> None:
        async with steps.db.transaction() as tx:
            await people.upsert(tx, person, name="P", username=None, language=None, now=NOW)
        generation = await steps.ask(f"message:{number}", person=person)
        await steps.advance(generation, TurnCame(f"r{number}", None))
        await steps.advance(generation, ProviderFailed())

    for number in range(FAILED_ACCOUNTS + 1):
        await fails(number, ANN)
    assert steps.cooldowns.models == frozenset()
    for number, person in enumerate((BOB, 503), start=100):
        await fails(number, person)
    assert steps.cooldowns.failing == {"openai/sora-2-t2v"}
    assert await steps.admins() == ["model_failing"]


async def test_a_generations_life_can_be_grepped_by_its_number(
    steps: Steps, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="generation.jobs.lifecycle")
    generation = await steps.ask()
    for outcome in (TurnCame("r", None), SubmissionNotAccepted(None, "429 slow down")):
        await steps.advance(generation, outcome)
    await steps.advance(generation, LinkDead())  # nothing follows
    lines = [vars(record) for record in caplog.records]
    assert [
        (line["event"], line["generation"], line["from"], line["to"], line["reason"])
        for line in lines
    ] == [
        ("transition", generation.id, "queued", "submitting", "its turn"),
        ("transition", generation.id, "submitting", "queued", "surely not taken"),
    ]
    assert "429 slow down" in caplog.records[-1].getMessage()


async def test_somebody_elses_request_is_not_cancelled(db: Database) -> None:
    generation = await ask(db)
    before = await everything(db)
    assert await lifecycle.cancel(db, generation.id, Account.person(BOB), now=NOW) is None
    assert await lifecycle.cancel(db, 99, Account.person(ANN), now=NOW) is None
    assert await everything(db) == before


async def test_a_cancelled_request_stays_cancelled_whoever_asks_again(db: Database) -> None:
    generation = await ask(db)
    for _ in range(2):
        after = await lifecycle.cancel(db, generation.id, generation.account, now=NOW)
        assert after is not None
        assert after.state is State.CANCELLED
    assert await kinds(db) == ["hold", "release"]
    assert await rows(db, "SELECT kind FROM notices") == [], "the answer itself says so"


async def test_who_is_banned_has_nothing_waiting_and_keeps_what_is_being_made(
    db: Database,
) -> None:
    waiting, made = await ask(db, "message:1"), await ask(db, "message:2")
    for outcome in (TurnCame("r", None), SubmissionAccepted("p")):
        await happens(db, made, outcome)
    async with db.transaction() as tx:
        stopped = await lifecycle.cancel_queued(tx, ANN, now=NOW)
    assert [step.after.id for step in stopped] == [waiting.id]
    assert (await found(db, made)).state is State.GENERATING
    assert await rows(db, "SELECT kind FROM notices") == [("failed_banned",)]


async def test_a_banned_group_is_not_told_of_it(db: Database) -> None:
    group = await meet(db, -100, ChatKind.GROUP)
    await ask(db, chat=group.id)
    async with db.transaction() as tx:
        assert len(await lifecycle.cancel_queued(tx, -100, now=NOW)) == 1
    assert await rows(db, "SELECT kind FROM notices") == []


async def test_what_is_finished_here_tells_how_long_the_next_one_takes(steps: Steps) -> None:
    for number, took in enumerate((40, 50, 600)):
        generation = await steps.ask(f"message:{number}")
        for outcome in (TurnCame(f"r{number}", None), SubmissionAccepted(f"p{number}")):
            await steps.advance(generation, outcome)
        steps.clock.now += took
        await steps.advance(generation, VideoOnDisk())
    assert await steps.estimates.of(generation) == 50
