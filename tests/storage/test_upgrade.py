"""A file that the version before typed transitions wrote goes on where it was, row by row."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aiosqlite
import pytest

from storage import generations, ledger, notices, outages, statistics
from storage.database import Database
from storage.generations import Reason, State
from storage.ledger import Account, EntryKind, Pot
from storage.migrations import migrate, steps
from storage.notices import NoticeKind
from storage.outages import Cooldown, CooldownReason
from tests.storage.requests import ANN, NOW

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

BEFORE = next(number for number, one in enumerate(steps()) if "ADD COLUMN refusals" in one)
"""The version before."""
REASONS = {
    "asked for": Reason.REQUESTED,
    "surely not taken": Reason.SUBMISSION_NOT_ACCEPTED,
    "its turn": Reason.TURN_CAME,
    "answer lost: no answer: ReadTimeout('')": Reason.ANSWER_LOST,
    "taken by the provider": Reason.SUBMISSION_ACCEPTED,
    "found in the log": Reason.FOUND_IN_LOG,
    "deadline over": Reason.DEADLINE_OVER,
    "video on disk": Reason.VIDEO_ON_DISK,
    "late, on the house": Reason.CAME_LATE,
    "sent": Reason.DELIVERED,
    "called back by its sender": Reason.CANCELLED,
    "sora-2 is not served": Reason.MODEL_REPLACED,
    "picture: too_small": Reason.PICTURE_UNUSABLE,
    "rejected: 400 Bad Request": Reason.REQUEST_REFUSED,
    "provider: Internal": Reason.PROVIDER_FAILED,
    "result: NotAVideo": Reason.NO_VIDEO_AT_LINK,
    "result: UnsafeLink": Reason.RESULT_REFUSED,
    "something else": Reason.OTHER,
}
INSERT = """
    INSERT INTO generations (state, reason, origin, cause, chat, account_kind, account_id, kind,
        family, model, prompt, seconds, fit, silent, credits, price_micros, budget_micros,
        setbacks, due_at, created_at, changed_at)
    VALUES (?, ?, 'message', ?, 1, 'person', 501, 't2v', 'sora-2', 'openai/sora-2-t2v', 'a cat', 4,
        'crop', 0, 9, 840000, 840000, 3, ?, ?, ?)
"""


@pytest.fixture
async def old(tmp_path: Path) -> AsyncIterator[aiosqlite.Connection]:
    """A file of the version before, in which Ann has asked."""
    async with aiosqlite.connect(tmp_path / "bot.sqlite3", isolation_level=None) as connection:
        await migrate(connection, steps()[:BEFORE])
        await connection.execute(
            "INSERT INTO chats (telegram_id, kind, created_at) VALUES (?, 'private', 0.0)", (ANN,)
        )
        await connection.execute(
            "INSERT INTO people (id, name, created_at) VALUES (?, 'Ann', 0.0)", (ANN,)
        )
        yield connection


async def ask(old: aiosqlite.Connection, state: str, reason: str, cause: str = "message") -> None:
    """Write a request as that version did."""
    values = (state, reason, f"{cause}:{state}:{reason}", NOW, NOW, NOW)
    await old.execute(INSERT, values)


async def upgraded(old: aiosqlite.Connection, tmp_path: Path) -> Database:
    """Open the file with this version."""
    await old.close()
    return await Database.open(tmp_path / "bot.sqlite3")


async def test_each_setback_is_counted_on_for_its_own_cause(
    old: aiosqlite.Connection, tmp_path: Path
) -> None:
    for state in State:
        await ask(old, state, "its turn")
    db = await upgraded(old, tmp_path)
    async with db.reading() as connection:
        found = await generations.in_states(connection, set(State))
    await db.close()
    counted = {
        one.state: (one.refusals, one.poll_setbacks, one.send_setbacks)
        for one in found
        if one.refusals + one.poll_setbacks + one.send_setbacks
    }
    assert counted == {
        State.QUEUED: (3, 0, 0),
        State.SUBMITTING: (3, 0, 0),
        State.GENERATING: (0, 3, 0),
        State.PARKED: (0, 3, 0),
        State.READY: (0, 0, 3),
    }
    assert len(found) == len(State), "all of them can be read"
    assert {one.due_at for one in found} == {NOW}


async def test_each_reason_has_its_name_and_the_history_its_words(
    old: aiosqlite.Connection, tmp_path: Path
) -> None:
    for reason in REASONS:
        await ask(old, "failed", reason)
    db = await upgraded(old, tmp_path)
    async with db.reading() as connection:
        found = await generations.in_states(connection, {State.FAILED})
        asked = await connection.fetch_all("SELECT reason FROM events ORDER BY id")
        words = [row["reason"] for row in asked]
    await db.close()
    assert [one.reason for one in found] == [*REASONS.values()]
    assert words == [*REASONS]


async def test_what_came_late_is_known_to_be_a_gift(
    old: aiosqlite.Connection, tmp_path: Path
) -> None:
    for way in (["parked", "ready"], ["parked", "ready", "undeliverable"], ["ready"]):
        await ask(old, "generating", "taken by the provider", "-".join(way))
        for state in way:
            await old.execute(
                "UPDATE generations SET state = ? WHERE id = (SELECT max(id) FROM generations)",
                (state,),
            )
    db = await upgraded(old, tmp_path)
    async with db.reading() as connection:
        found = await generations.in_states(connection, set(State))
    await db.close()
    assert [one.is_gift for one in found] == [True, True, False]


async def test_what_is_owed_can_still_be_said(old: aiosqlite.Connection, tmp_path: Path) -> None:
    for kind, facts in (
        ("rerouted", '{"was": "Sora 2", "rests": true}'),
        ("failed_model_gone", '{"was": "Sora 2", "rests": false}'),
        ("model_superseded", '{"model": "m", "heir": "Veo"}'),
        ("granted", '{"credits": 9}'),
    ):
        await old.execute(
            "INSERT INTO notices (cause, chat, kind, facts, due_at, created_at)"
            " VALUES (?, 1, ?, ?, 0.0, 0.0)",
            (kind, kind, facts),
        )
    db = await upgraded(old, tmp_path)
    async with db.reading() as connection:
        owed = await notices.owed(connection, 1)
    await db.close()
    assert [(one.kind, one.facts) for one in owed] == [
        (NoticeKind.SUBSTITUTED, {"was": "Sora 2", "cooling": True}),
        (NoticeKind.FAILED_MODEL_GONE, {"was": "Sora 2", "cooling": False}),
        (NoticeKind.MODEL_SUPERSEDED, {"model": "m", "successor": "Veo"}),
        (NoticeKind.GRANTED, {"credits": 9}),
    ]


async def test_an_outage_lasts_and_models_are_still_left_alone(
    old: aiosqlite.Connection, tmp_path: Path
) -> None:
    await ask(old, "failed", "provider broken")
    for statement in (
        "INSERT INTO outages (reason, began_at, probe_at) VALUES ('key', 1.0, 2.0)",
        "INSERT INTO rests (model, reason, until) VALUES ('a', 'gone', 9.0), ('b', 'failing', 9.0)",
        "INSERT INTO strikes (generation, model, at) VALUES (1, 'a', 5.0)",
    ):
        await old.execute(statement)
    db = await upgraded(old, tmp_path)
    async with db.transaction() as tx:
        outage = await outages.current(tx)
        cooldowns = await outages.cooldowns(tx, now=5.0)
        failed = await outages.accounts_failed(tx, "a", since=5.0)
    await db.close()
    assert outage is not None
    assert (outage.reason, outage.probe_at, outage.half_open) == ("key", 2.0, False)
    assert cooldowns == [
        Cooldown("a", CooldownReason.GONE, 9.0), Cooldown("b", CooldownReason.FAILING, 9.0),
    ]  # fmt: skip
    assert failed == 1


async def test_what_was_granted_is_in_its_own_pot_and_counts_in_the_budget(
    old: aiosqlite.Connection, tmp_path: Path
) -> None:
    """Before, it lay with what is bought, and what it paid for counted nothing."""
    await old.execute(
        "INSERT INTO ledger (id, account_kind, account_id, pot, kind, credits, cause, note, at)"
        " VALUES (1, 'person', 501, 'bought', 'grant', 100, 'update:1', 'welcome', 0.0)"
    )
    for number, state in enumerate(("queued", "delivered", "failed"), start=1):
        await ask(old, state, "other", state)
        await old.execute("UPDATE generations SET budget_micros = 0 WHERE id = ?", (number,))
        await old.execute(
            "INSERT INTO ledger (id, account_kind, account_id, pot, kind, credits, generation, at)"
            " VALUES (?, 'person', 501, 'bought', 'hold', 9, ?, 0.0)",
            (2 * number, number),
        )
        if state != "queued":
            ending = "capture" if state == "delivered" else "release"
            await old.execute(
                "INSERT INTO ledger"
                " (id, account_kind, account_id, pot, kind, credits, ends, generation, at)"
                " VALUES (?, 'person', 501, 'bought', ?, 9, ?, ?, 0.0)",
                (2 * number + 1, ending, 2 * number, number),
            )
    await old.execute("UPDATE generations SET spent_micros = 900000 WHERE state = 'delivered'")
    await old.execute("UPDATE generations SET uncharged = 1 WHERE state = 'failed'")
    db = await upgraded(old, tmp_path)
    account = Account.person(ANN)
    async with db.transaction() as tx:
        assert await ledger.stored(tx, account, Pot.BOUGHT) == 0
        assert await ledger.stored(tx, account, Pot.GRANTED) == 100 - 18
        assert await statistics.budget_used(tx, since=NOW - NOW % 900) == 840_000 + 900_000
        ended = await ledger.end_holds(tx, 1, EntryKind.RELEASE, now=NOW)
        assert ended == 9, "it goes on as before"
        assert await ledger.stored(tx, account, Pot.GRANTED) == 100 - 9
        again = await ledger.grant(
            tx, account, Pot.GRANTED, 100, cause="update:1", note=None, now=NOW
        )
        assert not again, "the update that granted it grants nothing a second time"
    await db.close()
