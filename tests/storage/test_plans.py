"""What is asked all the time is found by an index, however many videos were ever made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from storage import cards, generations, notices, statistics
from storage.accounts import Account
from storage.generations import AT_PROVIDER, UNFINISHED, State
from tests.storage.asked import ANN, NOW

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from aiosqlite import Connection

    from storage.database import Database

    Question = Callable[[Connection], Awaitable[object]]

SMALL = {"SCAN generations USING INDEX generations_untidy", "SCAN notices USING INDEX notices_owed"}
"""Indexes of what is open only: read from end to end, they are short."""
ACCOUNT = Account.person(ANN)


class Explained:
    """A connection that notes how SQLite is going to find what it is asked for."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._asked: list[tuple[str, tuple[Any, ...]]] = []

    def execute_fetchall(self, statement: str, values: Iterable[Any] = ()) -> Any:
        self._asked.append((statement, tuple(values)))
        return self._connection.execute_fetchall(statement, values)

    def execute(self, statement: str, values: Iterable[Any] = ()) -> Any:
        self._asked.append((statement, tuple(values)))
        return self._connection.execute(statement, values)

    async def plans(self) -> list[str]:
        """Return every step of every plan."""
        steps = []
        for statement, values in self._asked:
            async with self._connection.execute(
                f"EXPLAIN QUERY PLAN {statement}", values
            ) as cursor:
                steps += [row["detail"] async for row in cursor]
        return steps


@pytest.mark.parametrize(
    "question",
    [
        pytest.param(lambda tx: generations.in_work(tx, 1), id="what a chat waits for"),
        pytest.param(generations.chats_in_work, id="which chats wait"),
        pytest.param(lambda tx: generations.in_states(tx, {State.QUEUED}), id="the line"),
        pytest.param(lambda tx: generations.in_states(tx, AT_PROVIDER), id="what has a slot"),
        pytest.param(lambda tx: generations.in_states(tx, UNFINISHED), id="all that is open"),
        pytest.param(lambda tx: generations.pending_of(tx, ACCOUNT), id="what somebody waits for"),
        pytest.param(lambda tx: generations.by_cause(tx, "message:1"), id="what a message made"),
        pytest.param(lambda tx: generations.last_turns(tx, since=NOW), id="who had a turn lately"),
        pytest.param(lambda tx: generations.turns(tx, now=NOW), id="who waits and who has a slot"),
        pytest.param(lambda tx: statistics.budget_used(tx, since=NOW), id="what was given"),
        pytest.param(
            lambda tx: statistics.durations(tx, model="m", seconds=4, resolution="720p", limit=20),
            id="how long one takes",
        ),
        pytest.param(lambda tx: notices.owed(tx, 1), id="what a chat is owed"),
        pytest.param(notices.chats_owed, id="who is owed something"),
        pytest.param(lambda tx: notices.last_about(tx, 1), id="what was said last about one"),
        pytest.param(lambda tx: notices.forget(tx, now=NOW), id="which notices are old"),
        pytest.param(lambda tx: cards.forget(tx, now=NOW), id="which cards are old"),
    ],
)
async def test_no_table_is_read_from_end_to_end_for(db: Database, question: Question) -> None:
    async with db.reading() as connection:
        explained = Explained(connection)
        tx: Any = explained
        await question(tx)
        plans = await explained.plans()
    assert plans
    assert [step for step in plans if step.startswith("SCAN") and step not in SMALL] == []
