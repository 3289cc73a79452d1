"""Requests: made once per cause, changed only from the state they are in."""

from __future__ import annotations

import dataclasses
import sqlite3
from typing import TYPE_CHECKING

import pytest

from storage import chats, generations, statistics, videos
from storage.generations import PENDING, UNFINISHED, Changes, Reason, State
from storage.ledger import Account
from tests.storage.requests import ANN, BOB, NOW, ask, found, meet, request

if TYPE_CHECKING:
    from typing import Unpack

    from storage.database import Database
    from storage.generations import Generation

QUARTER = 900
"""Seconds: every zone's day begins with such a quarter of an hour."""


@pytest.fixture
async def generation(db: Database) -> Generation:
    """A queued request."""
    await meet(db)
    return await ask(db)


async def put(
    db: Database, generation: Generation, state: State, **changes: Unpack[Changes]
) -> None:
    """Bring a request to a state, past all rules."""
    async with db.transaction() as tx:
        present = await generations.find(tx, generation.id)
        assert present is not None
        await generations.change_state(
            tx, generation.id, present.state, state, reason=Reason.OTHER, now=NOW, **changes
        )


async def test_a_request_comes_back_as_it_was_asked(db: Database, generation: Generation) -> None:
    asked = request(
        "message:2", prompt="ein Kätzchen 🐈", silent=True, kind="i2v", picture="f", thread_id=4
    )
    async with db.transaction() as tx:
        made = await generations.insert(tx, asked, now=NOW)
        assert await generations.find(tx, made.id) == made
        assert await generations.by_cause(tx, "message:2") == made
    assert made.id != generation.id
    for field in dataclasses.fields(asked):
        assert getattr(made, field.name) == getattr(asked, field.name), field.name
    assert (made.state, made.due_at, made.created_at) == (State.QUEUED, NOW, NOW)


@pytest.mark.parametrize("origin", ["message", "card"])
@pytest.mark.parametrize("state", list(State))
async def test_a_message_or_a_card_makes_one_request_for_ever(
    db: Database, origin: str, state: State
) -> None:
    await meet(db)
    await put(db, await ask(db, "cause", origin=origin), state)
    with pytest.raises(sqlite3.IntegrityError, match="UNIQUE"):
        await ask(db, "cause", origin=origin)


@pytest.mark.parametrize("state", sorted(UNFINISHED))
async def test_a_press_makes_one_request_at_a_time(db: Database, state: State) -> None:
    await meet(db)
    await put(db, await ask(db, "press", origin="press"), state)
    with pytest.raises(sqlite3.IntegrityError, match="UNIQUE"):
        await ask(db, "press", origin="press")


@pytest.mark.parametrize("state", sorted(set(State) - UNFINISHED))
async def test_a_press_makes_another_once_the_first_is_over(db: Database, state: State) -> None:
    await meet(db)
    first = await ask(db, "press", origin="press")
    await put(db, first, state)
    second = await ask(db, "press", origin="press")
    async with db.reading() as connection:
        assert await generations.by_cause(connection, "press") == second


async def test_a_state_changes_only_from_the_one_it_was_read_in(
    db: Database, generation: Generation
) -> None:
    await put(db, generation, State.CANCELLED)
    async with db.transaction() as tx:
        late = await generations.change_state(
            tx, generation.id, State.QUEUED, State.SUBMITTING, reason=Reason.TURN_CAME, now=NOW
        )
    assert late is None
    assert (await found(db, generation)).reason is Reason.OTHER


async def test_a_fact_can_be_noted_for_one_state_only(db: Database, generation: Generation) -> None:
    async with db.transaction() as tx:
        assert not await generations.update(tx, generation.id, State.GENERATING, polls=3)
        assert await generations.update(tx, generation.id, State.QUEUED, polls=1)
        assert await generations.update(tx, generation.id, poll_setbacks=2)
    present = await found(db, generation)
    assert (present.polls, present.poll_setbacks) == (1, 2)


def test_what_was_agreed_on_is_never_changed() -> None:
    agreed = {"state", "cause", "chat", "account", "kind", "origin", "created_at", "id"}
    assert not agreed & Changes.__annotations__.keys()


@pytest.mark.parametrize("state", list(State))
async def test_pending_is_what_has_not_come_back_from_the_provider(
    db: Database, generation: Generation, state: State
) -> None:
    await put(db, generation, state)
    async with db.reading() as connection:
        mine = await generations.pending_of(connection, Account.person(ANN))
        others = await generations.pending_of(connection, Account.person(BOB))
        waiting = await chats.in_work(connection)
        work = await generations.in_work(connection, 1)
    assert bool(mine) is (state in PENDING)
    assert others == []
    assert waiting == ([1] if state in UNFINISHED else [])
    assert [one.id for one in work] == ([1] if state in UNFINISHED else [])


async def test_a_status_message_that_is_left_keeps_its_chat_in_work(
    db: Database, generation: Generation
) -> None:
    await put(db, generation, State.DELIVERED, status_message=5)
    async with db.transaction() as tx:
        assert await chats.in_work(tx) == [1]
        await generations.update(tx, generation.id, status_message=None)
        assert await chats.in_work(tx) == []


async def test_history_is_the_newest_videos_that_can_be_sent_again(db: Database) -> None:
    await meet(db)
    for number in range(5):
        one = await ask(db, f"message:{number}", person=BOB if number == 4 else ANN)
        if number == 3:
            await put(db, one, State.DELIVERED)
        else:
            await put(db, one, State.DELIVERED, file_id=f"file {number}", file_kind="video")
    account = Account.person(ANN)
    mine = await videos.finished_of(db, account, limit=2)
    assert [one.file_id for one in mine] == ["file 2", "file 1"]
    [before] = await videos.finished_of(db, account, limit=2, before=mine[-1].id)
    assert before.file_id == "file 0"
    assert await videos.finished_of(db, account, limit=2, before=before.id) == []
    assert await videos.finished_of(db, account, limit=2, kind="document") == []


async def test_videos_are_found_by_the_words_of_their_prompts_however_many_there_are(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(videos, "SLICE", 2)
    await meet(db)
    for number, prompt in enumerate(["Ein KÄTZCHEN im Regen", "ein Hund im Regen"] * 4):
        one = await ask(db, f"message:{number}", prompt=prompt)
        await put(db, one, State.DELIVERED, file_id=f"file {number}", file_kind="video")
    takings = db.usage.lock_acquisitions
    found = await videos.finished_of(db, Account.person(ANN), limit=3, words=["kätzchen", "regen"])
    assert [one.file_id for one in found] == ["file 6", "file 4", "file 2"]
    assert db.usage.lock_acquisitions == takings + 3, "others had their turn in between"
    assert await videos.finished_of(db, Account.person(ANN), limit=3, words=["zebra"]) == []


async def test_durations_are_those_of_the_same_kind_of_video_newest_first(db: Database) -> None:
    await meet(db)
    for number, (seconds, took) in enumerate([(4, 50), (4, 70), (8, 99), (4, 60)]):
        one = await ask(db, f"message:{number}", seconds=seconds)
        ready = NOW + 1000 * number
        await put(db, one, State.READY, accepted_at=ready - took, ready_at=ready)
    await ask(db, "unfinished")
    async with db.reading() as connection:
        found = await generations.durations(connection, request(), limit=2)
        none = await generations.durations(connection, request(resolution=None), limit=2)
    assert (found, none) == ([60, 70], [])


async def test_the_budget_counts_what_may_be_charged_since_then(db: Database) -> None:
    await meet(db)
    day = NOW - NOW % QUARTER
    early = day - 1
    await put(db, await ask(db, "over", now=early), State.FAILED)
    await ask(db, "still waits", now=early, budget_micros=1000)
    ready = await ask(db, "ready since", now=early, budget_micros=10_000)
    await put(db, ready, State.READY, ready_at=day)
    before = await ask(db, "ready before, delivered since", now=early, budget_micros=100_000)
    await put(db, before, State.DELIVERED, ready_at=early)
    await ask(db, "counts", budget_micros=100)
    await put(db, await ask(db, "failed", budget_micros=20), State.FAILED)
    await put(db, await ask(db, "cancelled", budget_micros=3), State.CANCELLED, uncharged=True)
    async with db.transaction() as tx:
        await tx.execute("UPDATE generations SET changed_at = ? WHERE cause = 'over'", (early,))
        assert await statistics.budget_used(tx, since=day) == 11_120
        without = {State.QUEUED}
        assert await statistics.budget_used(tx, since=day, without=without) == 10_020
