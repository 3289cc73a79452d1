"""Counts over generations: for limits, for estimates, for the operator."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from storage import DAY_SECONDS
from storage.generations import UNFINISHED, Reason, State, sql_list
from storage.ledger import Account

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import AsyncIterator, Collection

    from storage.database import Connection, Database


async def asked_since(tx: Connection, account: Account, chat: int, *, since: float) -> int:
    """Count an account's requests in a chat since a time that have not failed.

    Everyone who writes as a group or channel counts as one: a person may have many channels.
    """
    whose, ids = ("AND account_id = ?", [account.id]) if account.is_person else ("", [])
    return await tx.fetch_int(
        f"SELECT count(*) FROM generations WHERE account_kind = ? {whose} AND chat = ?"
        " AND created_at >= ? AND state NOT IN ('failed', 'cancelled')",
        (account.kind, *ids, chat, since),
    )


async def ever_asked(tx: Connection, account: Account) -> bool:
    """Return whether an account ever asked for a video."""
    asked = "SELECT 1 FROM generations WHERE account_kind = ? AND account_id = ? LIMIT 1"
    return await tx.exists(asked, (account.kind, account.id))


LOOKED_AT = 100
"""Among how many of an account's last requests failures are searched."""


async def last_failures(tx: Connection, account: Account, *, limit: int) -> list[tuple[int, str]]:
    """Return the ids and reasons of an account's last failed requests, newest first."""
    rows = await tx.fetch_all(
        "SELECT id, reason FROM (SELECT id, state, reason FROM generations"
        " WHERE account_kind = ? AND account_id = ? ORDER BY id DESC LIMIT ?)"
        " WHERE state = 'failed' ORDER BY id DESC LIMIT ?",
        (account.kind, account.id, LOOKED_AT, limit),
    )
    return [(row["id"], row["reason"]) for row in rows]


MAX_LIFE_SECONDS = 3 * DAY_SECONDS
"""The longest life of a request: in the queue, until its deadline, and a day as parked."""


async def budget_used(
    tx: Connection, *, since: float, without: Collection[State] = frozenset()
) -> int:
    """Return what the operator pays in the period since a time, in micro-dollars.

    It includes requests from before that had not ended by then, and excludes those in the states
    `without`. The period begins at a full quarter of an hour.
    """
    return await tx.fetch_int(
        f"SELECT sum(micros) FROM budget WHERE asked >= ?1 - {MAX_LIFE_SECONDS}"
        f" AND (asked >= ?1 OR ended = 0 OR ended >= ?1) AND state NOT IN ({sql_list(without)})",
        (since,),
    )


SLICE = 1000
"""How many generations, or people, are read at a time, so that others wait little."""

_MOST_ACTIVE = "SELECT id FROM people ORDER BY asked DESC, id LIMIT ? OFFSET ?"


@dataclass(frozen=True, slots=True)
class Activity:
    """A person, and how many videos they asked for."""

    person: int
    name: str
    username: str | None
    asked: int
    is_banned: bool


async def most_active(
    db: Database, *, limit: int, skip: int = 0, called: str = ""
) -> tuple[list[Activity], int]:
    """Return a page of people, the most active first, and their number in all.

    With `called`, only people with that text in their name or username.
    """
    if called:
        first, all_ = await _find_by_name(db, called.casefold(), skip + limit)
        page = first[skip:]
    else:
        async with db.reading(in_thread=True) as tx:
            page = [row["id"] for row in await tx.fetch_all(_MOST_ACTIVE, (limit, skip))]
            all_ = await tx.fetch_int("SELECT count(*) FROM people")
    rows = await db.fetch_in_thread(
        "SELECT id, name, username, asked, telegram_id IS NOT NULL AS is_banned FROM people"
        f" LEFT JOIN bans ON telegram_id = id WHERE id IN ({', '.join('?' * len(page))})"
        " ORDER BY asked DESC, id",
        page,
    )
    return [
        Activity(row["id"], row["name"], row["username"], row["asked"], bool(row["is_banned"]))
        for row in rows
    ], all_


async def _find_by_name(db: Database, name: str, most: int) -> tuple[list[int], int]:
    """Return the ids of the most active people with this text in their name, and their number."""
    first, counted, after = list[tuple[int, int]](), 0, -1
    while True:
        rows = await db.fetch_in_thread(
            "SELECT id, name, username, asked FROM people WHERE id > ? ORDER BY id LIMIT ?",
            (after, SLICE),
        )
        found = [
            (-row["asked"], row["id"])
            for row in rows
            if name in f"{row['name']}\n{row['username'] or ''}".casefold()
        ]
        counted += len(found)
        first = sorted([*first, *found])[:most]
        if len(rows) < SLICE:
            return [person for _, person in first], counted
        after = rows[-1]["id"]


async def made_in(tx: Connection, chat: int) -> int:
    """Count all requests in a chat."""
    return await tx.fetch_int(
        f"SELECT count(*) FROM generations WHERE state IN ({sql_list([*State])}) AND chat = ?",
        (chat,),
    )


@dataclass(frozen=True, slots=True)
class Statistics:
    """Counts of all requests; money in micro-dollars."""

    asked: int
    delivered: int
    failed: int
    in_work: int
    people: int
    spent_micros: int


@dataclass(frozen=True, slots=True)
class Day:
    """Counts of the requests of one day, and of new people."""

    asked: int
    delivered: int
    spent_micros: int
    new_people: int


async def day(tx: Connection, *, since: float, until: float) -> Day:
    """Count the requests between two times."""
    [row] = await tx.fetch_all(
        "SELECT count(*) AS asked, coalesce(sum(state = 'delivered'), 0) AS delivered,"
        " coalesce(sum(CASE WHEN uncharged = 0 THEN coalesce(spent_micros, price_micros) END), 0)"
        " AS spent_micros, (SELECT count(*) FROM people WHERE created_at >= ?1"
        " AND created_at < ?2) AS new_people"
        " FROM generations WHERE created_at >= ?1 AND created_at < ?2",
        (since, until),
    )
    return Day(**dict(row))


_COUNTS = (
    "SELECT count(*), sum(state = 'delivered'), sum(state IN ('failed', 'cancelled')),"
    f" sum(state IN ({sql_list(UNFINISHED)})),"
    # people are counted by their first request, so that slices can be added up
    " sum(NOT EXISTS (SELECT 1 FROM generations AS before WHERE"
    " before.account_kind = made.account_kind AND before.account_id = made.account_id"
    " AND before.id < made.id)),"
    " sum(CASE WHEN uncharged = 0 THEN coalesce(spent_micros, price_micros) END)"
    " FROM generations AS made WHERE id > ? AND id <= ?"
)


async def _made(tx: Connection, since: float) -> range:
    """Return the ids of the requests since a time."""
    first = await tx.fetch_int(
        "SELECT id FROM generations WHERE created_at >= ? ORDER BY created_at, id LIMIT 1", (since,)
    )
    last = await tx.fetch_int("SELECT max(id) FROM generations")
    return range(first or last + 1, last + 1)


async def collect(db: Database) -> Statistics:
    """Count all requests ever, in slices that let other tasks use the database."""
    async with db.reading(in_thread=True) as tx:
        last = await tx.fetch_int("SELECT max(id) FROM generations")
        through, *counts = await _read_settled(tx)
    for start in range(through, last, SLICE):
        [row] = await db.fetch_in_thread(_COUNTS, (start, start + SLICE))
        counts = [count + (more or 0) for count, more in zip(counts, row, strict=True)]
    return Statistics(*counts)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request and its result.

    `took` is the seconds until the video was in the chat, or None. `charged` is the cost by the
    price list and `spent` the cost that the provider reported, or None, both in micro-dollars.
    """

    at: float
    took: float | None
    state: State
    reason: Reason
    account: Account
    chat: int
    seconds: int
    credits: int
    charged: int
    spent: int | None


async def asked(db: Database, *, since: float) -> AsyncIterator[list[Asked]]:
    """Yield all requests since a time, in slices that let other tasks use the database."""
    async with db.reading(in_thread=True) as tx:
        made = await _made(tx, since)
    for start in made[::SLICE]:
        rows = await db.fetch_in_thread(
            "SELECT created_at, changed_at, state, reason, account_kind, account_id, chat,"
            " seconds, credits, is_gift, uncharged, price_micros, spent_micros"
            " FROM generations WHERE id >= ? AND id < ? AND created_at >= ?",
            (start, start + SLICE, since),
        )
        yield [_as_asked(row) for row in rows]


def _as_asked(row: sqlite3.Row) -> Asked:
    state = State(row["state"])
    is_back = state in _CREDITS_BACK or row["is_gift"]
    return Asked(
        at=row["created_at"],
        took=row["changed_at"] - row["created_at"] if state is State.DELIVERED else None,
        state=state,
        reason=Reason(row["reason"]),
        account=Account.of(row),
        chat=row["chat"],
        seconds=row["seconds"],
        credits=0 if is_back else row["credits"],
        charged=0 if row["uncharged"] else row["price_micros"],
        spent=0 if row["uncharged"] else row["spent_micros"],
    )


MOST_EXPORTED = 100_000
"""How many requests are exported into one file, the newest ones."""


async def export(db: Database, *, since: float, until: float) -> AsyncIterator[list[sqlite3.Row]]:
    """Yield the requests between two times, oldest first, in slices."""
    async with db.reading(in_thread=True) as tx:
        made = await _made(tx, since)
        end = await tx.fetch_int("SELECT max(id) FROM generations WHERE created_at < ?", (until,))
    for start in range(max(made.start, end + 1 - MOST_EXPORTED), end + 1, SLICE):
        yield await db.fetch_in_thread(
            "SELECT made.*, people.name AS person, people.username, telegram_id, title"
            " FROM generations AS made JOIN chats ON chats.id = chat"
            " LEFT JOIN people ON account_kind = 'person' AND people.id = account_id"
            " WHERE made.id >= ? AND made.id < ? AND made.created_at >= ?"
            " AND made.created_at < ? ORDER BY made.id",
            (start, min(start + SLICE, end + 1), since, until),
        )


_CREDITS_BACK = frozenset({State.FAILED, State.CANCELLED, State.PARKED})
SETTLED_SECONDS = 40 * DAY_SECONDS
"""After how long a request cannot change any more: undelivered videos are kept for 30 days."""


async def _read_settled(tx: Connection) -> list[int]:
    """Return the id up to which requests are settled, and their counts."""
    columns = ", ".join(field.name for field in fields(Statistics))
    [row] = await tx.fetch_all(f"SELECT through, {columns} FROM settled")
    return [*row]


async def settle(tx: Connection, *, now: float) -> bool:
    """Add a slice of requests that cannot change to the settled counts; return if there was any."""
    through, *counts = await _read_settled(tx)
    until = min(through + SLICE, (await _made(tx, now - SETTLED_SECONDS)).start - 1)
    if until <= through:
        return False
    [row] = await tx.fetch_all(_COUNTS, (through, until))
    added = [count + (more or 0) for count, more in zip(counts, row, strict=True)]
    names = ", ".join(f"{field.name} = ?" for field in fields(Statistics))
    await tx.execute(f"UPDATE settled SET through = ?, {names}", (until, *added))
    return True


@dataclass(frozen=True, slots=True)
class StateChange:
    """A change of state of a generation, with the times of its stages."""

    id: int
    was: State | None
    state: State
    reason: str
    family: str
    at: float
    created_at: float
    accepted_at: float | None
    ready_at: float | None


async def state_changes_after(tx: Connection, event: int) -> list[StateChange]:
    """Return the next slice of state changes after an event, oldest first."""
    rows = await tx.fetch_all(
        "SELECT events.id, was, events.state, events.reason, family, at, created_at, accepted_at,"
        " ready_at FROM events JOIN generations ON generations.id = generation"
        " WHERE events.id > ? ORDER BY events.id LIMIT ?",
        (event, SLICE),
    )
    return [
        StateChange(row["id"], row["was"] and State(row["was"]), State(row["state"]), *row[3:])
        for row in rows
    ]


async def last_event(tx: Connection) -> int:
    """Return the id of the newest event."""
    return await tx.fetch_int("SELECT max(id) FROM events")


async def in_work(tx: Connection) -> dict[State, int]:
    """Count the unfinished generations by state."""
    rows = await tx.fetch_all(
        "SELECT state, count(*) AS found FROM generations"
        f" WHERE state IN ({sql_list(UNFINISHED)}) GROUP BY state"
    )
    found = {State(row["state"]): row["found"] for row in rows}
    return {state: found.get(state, 0) for state in State if state in UNFINISHED}


async def last_served(tx: Connection, *, since: float) -> list[tuple[Account, int, float]]:
    """Return account, chat and time of the last submissions since a time, the newest last."""
    rows = await tx.fetch_all(
        "SELECT account_kind, account_id, chat, max(submitted_at) AS at FROM generations"
        " INDEXED BY generations_by_turn WHERE submitted_at >= ?"
        " GROUP BY account_kind, account_id, chat ORDER BY at",
        (since,),
    )
    return [(Account.of(row), row["chat"], row["at"]) for row in rows]


async def budget_waiting(tx: Connection, account: Account) -> int:
    """Return what the operator pays for an account's queued requests, in micro-dollars."""
    return await tx.fetch_int(
        "SELECT sum(budget_micros) FROM generations"
        " WHERE account_kind = ? AND account_id = ? AND state = 'queued'",
        (account.kind, account.id),
    )


LOOKED_BACK = 500
"""Among how many of an account's last requests its last family is searched."""


async def last_family(tx: Connection, account: Account, kind: str) -> str | None:
    """Return the model family of the last request of this kind by an account, or None."""
    row = await tx.fetch_one(
        "SELECT family FROM (SELECT id, kind, family FROM generations"
        " WHERE account_kind = ? AND account_id = ? ORDER BY id DESC LIMIT ?)"
        " WHERE kind = ? ORDER BY id DESC LIMIT 1",
        (account.kind, account.id, LOOKED_BACK, kind),
    )
    return None if row is None else str(row["family"])
