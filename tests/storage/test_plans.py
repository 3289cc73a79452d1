"""What is asked all the time is found by an index, however many videos were ever made."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from storage import (
    cards,
    chats,
    films,
    generations,
    inbox,
    ledger,
    notices,
    payments,
    statistics,
    videos,
)
from storage.database import Connection
from storage.generations import AT_PROVIDER, UNFINISHED, State
from storage.ledger import Account, Pot
from tests.storage.requests import ANN, NOW, request, rows

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from storage.database import Database

    Question = Callable[[Connection], Awaitable[object]]

SMALL = {
    "SCAN generations USING INDEX generations_untidy", "SCAN notices USING INDEX notices_owed",
    "SCAN boards USING COVERING INDEX sqlite_autoindex_boards_1",
    "SCAN inbox USING INDEX inbox_waiting", "SCAN ledger USING INDEX ledger_granted",
    "SCAN ledger USING INDEX ledger_bought",
}  # fmt: skip
"""Indexes of what is open, given or bought only: read from end to end, they are short."""
ACCOUNT = Account.person(ANN)


class Explained(Connection):
    """A connection that notes how SQLite is going to find what it is asked for."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection.thread)
        self._connection = connection
        self._asked: list[tuple[str, tuple[Any, ...]]] = []

    async def execute(self, statement: str, values: Iterable[Any] = ()) -> Any:
        self._asked.append((statement, tuple(values)))
        return await self._connection.execute(statement, values)

    async def fetch_all(self, statement: str, values: Iterable[Any] = ()) -> Any:
        self._asked.append((statement, tuple(values)))
        return await self._connection.fetch_all(statement, values)

    async def plans(self) -> list[str]:
        """Return every step of every plan."""
        steps = []
        for statement, values in self._asked:
            plan = await self._connection.fetch_all(f"EXPLAIN QUERY PLAN {statement}", values)
            steps += [row["detail"] for row in plan]
        return steps


@pytest.mark.parametrize(
    "question",
    [
        pytest.param(lambda tx: generations.in_work(tx, 1), id="what a chat waits for"),
        pytest.param(chats.in_work, id="which chats wait"),
        pytest.param(lambda tx: generations.in_states(tx, {State.QUEUED}), id="what is queued"),
        pytest.param(lambda tx: generations.in_states(tx, AT_PROVIDER), id="what has a slot"),
        pytest.param(lambda tx: generations.in_states(tx, UNFINISHED), id="all that is open"),
        pytest.param(lambda tx: generations.pending_of(tx, ACCOUNT), id="what somebody waits for"),
        pytest.param(lambda tx: generations.by_cause(tx, "message:1"), id="what a message made"),
        pytest.param(
            lambda tx: statistics.asked_since(tx, ACCOUNT, 1, since=NOW), id="what was asked today"
        ),
        pytest.param(lambda tx: statistics.last_served(tx, since=NOW), id="who was served lately"),
        pytest.param(
            lambda tx: generations.queue_entries(tx, now=NOW), id="who waits and who has a slot"
        ),
        pytest.param(lambda tx: statistics.budget_used(tx, since=NOW), id="what was given"),
        pytest.param(
            lambda tx: generations.durations(tx, request(), limit=20),
            id="how long one takes",
        ),
        pytest.param(lambda tx: notices.owed(tx, 1), id="what a chat is owed"),
        pytest.param(lambda tx: notices.last_about(tx, 1), id="what was said last about one"),
        pytest.param(lambda tx: notices.forget(tx, now=NOW), id="which notices are old"),
        pytest.param(lambda tx: cards.forget(tx, now=NOW), id="which cards are old"),
        pytest.param(statistics.in_work, id="how many are open, by state"),
        pytest.param(
            lambda tx: statistics.state_changes_after(tx, 1), id="what happened since then"
        ),
        pytest.param(statistics.last_event, id="what happened last"),
        pytest.param(inbox.depth, id="how many updates wait"),
        pytest.param(ledger.owed, id="what lies unspent"),
    ],
)
async def test_no_table_is_read_from_end_to_end_for(db: Database, question: Question) -> None:
    async with db.reading() as connection:
        explained = Explained(connection)
        tx: Any = explained
        await question(tx)
        plans = await explained.plans()
    assert plans
    read = [step for step in plans if step.startswith("SCAN") and "subquery" not in step]
    assert [step for step in read if step not in SMALL] == []


@pytest.mark.parametrize(
    ("question", "index"),
    [
        pytest.param(
            lambda tx: generations.in_work(tx, 1),
            {"generations_by_state", "generations_untidy"},
            id="what a chat waits for",
        ),
        pytest.param(
            lambda tx: generations.pending_of(tx, ACCOUNT),
            {"generations_by_account_and_state"},
            id="what somebody waits for",
        ),
        pytest.param(
            lambda tx: videos.kept_for(tx, ACCOUNT, now=NOW),
            {"generations_by_account_and_state"},
            id="what is kept for somebody",
        ),
        pytest.param(
            lambda tx: videos.kept_for_anonymous(tx, 1, now=NOW),
            {"generations_by_state"},
            id="what is kept of a group",
        ),
        pytest.param(
            lambda tx: statistics.asked_since(tx, ACCOUNT, 1, since=NOW),
            {"generations_by_account_and_time"},
            id="what somebody asked for today",
        ),
        pytest.param(
            lambda tx: statistics.budget_used(tx, since=NOW),
            {"sqlite_autoindex_budget_1"},
            id="what was given",
        ),
        pytest.param(
            lambda tx: films.latest(tx, ACCOUNT),
            {"generations_of_films", "sqlite_autoindex_cards_1"},
            id="which film is the latest",
        ),
        pytest.param(
            lambda tx: films.by_file_id(tx, "file"),
            {"generations_by_file_id"},
            id="whose file it is",
        ),
        pytest.param(
            lambda tx: tx.fetch_all(statistics._COUNTS, (0, 500)),  # noqa: SLF001 - a slice of it
            {"generations_by_account"},
            id="what operators are told",
        ),
        pytest.param(
            lambda tx: tx.fetch_all(statistics._MOST_ACTIVE, (8, 0)),  # noqa: SLF001 - as above
            {"people_by_asked"},
            id="who asked for most",
        ),
        pytest.param(
            lambda tx: ledger.stored(tx, ACCOUNT, Pot.BOUGHT),
            {"ledger_by_account"},
            id="what lies in a pot",
        ),
        pytest.param(ledger.owed, {"ledger_granted", "ledger_bought"}, id="what is owed"),
        pytest.param(
            lambda tx: payments.latest(tx, person=ANN, limit=5),
            {"payments_by_person"},
            id="what somebody paid",
        ),
        pytest.param(
            lambda tx: payments.is_buying_blocked(tx, ANN),
            {"payments_by_person"},
            id="whether one may buy",
        ),
        pytest.param(payments.to_refund, {"payments_to_refund"}, id="what is to go back"),
        pytest.param(
            lambda tx: statistics.last_failures(tx, ACCOUNT, limit=3),
            {"generations_by_account"},
            id="what failed last",
        ),
        pytest.param(
            lambda tx: inbox.forget(tx, now=NOW), {"inbox_handled"}, id="what Telegram repeats not"
        ),
    ],
)
async def test_long_histories_are_passed_over_for(
    db: Database, question: Question, index: set[str]
) -> None:
    """An index by the account or the chat alone would lead through all they ever made."""
    async with db.transaction() as connection:
        explained = Explained(connection)
        tx: Any = explained
        await question(tx)
        plans = await explained.plans()
    assert {match for step in plans for match in re.findall(r"INDEX (\w+)", step)} == index


@pytest.mark.parametrize(
    ("statements", "indexes"),
    [
        (chats._FORGOTTEN, {"generations_by_state", "generations_untidy"}),  # noqa: SLF001 - the statements themselves
        (
            chats._REST,  # noqa: SLF001
            {"generations_by_state", "ledger_by_account", "payments_by_chat"},
        ),
        (chats._SLICES, {"generations_by_state", "ledger_by_account"}),  # noqa: SLF001
    ],
)
async def test_a_chat_that_moves_is_found_by_what_is_open(
    db: Database, statements: tuple[str, ...], indexes: set[str]
) -> None:
    """An index of all that was ever made in a chat would lead through a long history."""
    plans = [
        step[3]
        for statement in statements
        for step in await rows(
            db, f"EXPLAIN QUERY PLAN {statement}", *range(len({*re.findall(r"\?\d?", statement)}))
        )
        if "SUBQUERY" not in step[3]
    ]
    assert all(step.startswith("SEARCH") for step in plans), plans
    found = {match for step in plans for match in re.findall(r"INDEX (\w+)", step)}
    assert found - {"cards_open", "notices_owed", "sqlite_autoindex_boards_1"} == indexes
