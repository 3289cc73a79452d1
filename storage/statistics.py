"""What is counted of generations: for limits, for estimates, for the operator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from storage.database import every, number, one
from storage.generations import PENDING, UNFINISHED, State, listed
from storage.ledger import Account

if TYPE_CHECKING:
    from collections.abc import Collection

    from storage.database import Connection, Database


async def asked_since(tx: Connection, account: Account, chat: int, *, since: float) -> int:
    """Count the videos an account asked for in a chat since then and got, or still may.

    Who writes as a group or as one of their channels counts as one: there may be many channels.
    """
    whose, ids = ("AND account_id = ?", [account.id]) if account.is_person else ("", [])
    return await number(
        tx,
        f"SELECT count(*) FROM generations WHERE account_kind = ? {whose} AND chat = ?"
        " AND created_at >= ? AND state NOT IN ('failed', 'cancelled')",
        (account.kind, *ids, chat, since),
    )


LONGEST_LIFE = 3 * 24 * 3600.0
"""Seconds within which a request ends: its turn, its deadline, and the day it is looked for."""
_MAY_BE_CHARGED = PENDING | {State.PARKED}


async def budget_used(
    tx: Connection, *, since: float, without: Collection[State] = frozenset()
) -> int:
    """Return what the operator gives in the period since then, in micro-dollars.

    That is what was asked for in it, or before and had not ended by then, so far as it may be
    charged, and is in none of the states `without`.
    """
    return await number(
        tx,
        "SELECT sum(budget_micros) FROM generations"
        f" WHERE created_at >= ?1 - {LONGEST_LIFE} AND uncharged = 0 AND budget_micros > 0"
        f" AND (created_at >= ?1 OR state IN ({listed(_MAY_BE_CHARGED)})"
        f" OR coalesce(ready_at, changed_at) >= ?1) AND state NOT IN ({listed(without)})",
        (since,),
    )


SLICE, ACCOUNTS = 1000, 100
"""How many generations, and accounts, are counted at a time: others wait for it."""


@dataclass(frozen=True, slots=True)
class Activity:
    """Somebody who wrote to the bot, and how many videos they asked for."""

    person: int
    name: str
    username: str | None
    asked: int
    is_banned: bool


async def most_active(db: Database, *, limit: int, skip: int = 0) -> tuple[list[Activity], int]:
    """Return people, who asked for most first, and how many there are in all.

    Counted account by account, in slices that let others between.
    """
    asked: dict[int, int] = {}
    after = -1
    while True:
        async with db.reading(aside=True) as tx:
            rows = await every(
                tx,
                "SELECT account_id, count(*) AS asked FROM generations"
                " WHERE account_kind = 'person' AND account_id > ?"
                " GROUP BY account_id ORDER BY account_id LIMIT ?",
                (after, ACCOUNTS),
            )
        asked |= {row["account_id"]: row["asked"] for row in rows}
        if len(rows) < ACCOUNTS:
            break
        after = rows[-1]["account_id"]
    async with db.reading(aside=True) as tx:
        everybody = [row["id"] for row in await every(tx, "SELECT id FROM people")]
        everybody.sort(key=lambda person: (-asked.get(person, 0), person))
        page = everybody[skip : skip + limit]
        rows = await every(
            tx,
            "SELECT id, name, username, telegram_id IS NOT NULL AS is_banned FROM people"
            f" LEFT JOIN bans ON telegram_id = id WHERE id IN ({', '.join('?' * len(page))})",
            page,
        )
    found = {
        row["id"]: Activity(
            row["id"], row["name"], row["username"], asked.get(row["id"], 0), bool(row["is_banned"])
        )
        for row in rows
    }
    return [found[person] for person in page], len(everybody)


@dataclass(frozen=True, slots=True)
class Statistics:
    """What happened to the requests of some time; money in micro-dollars."""

    asked: int
    delivered: int
    failed: int
    in_work: int
    people: int
    spent_micros: int


_COUNTS = (
    "SELECT count(*), sum(state = 'delivered'), sum(state IN ('failed', 'cancelled')),"
    f" sum(state IN ({listed(UNFINISHED)})),"
    " sum(CASE WHEN uncharged = 0 THEN coalesce(spent_micros, price_micros) END)"
    " FROM generations"
)


async def collect(db: Database, *, since: float = 0.0) -> Statistics:
    """Count what happened to the requests made since then, in slices that let others between."""
    async with db.reading(aside=True) as tx:
        first = await number(
            tx,
            "SELECT id FROM generations WHERE created_at >= ? ORDER BY created_at, id LIMIT 1",
            (since,),
        )
        last = await number(tx, "SELECT max(id) FROM generations")
    counts = [0] * 5
    accounts: set[tuple[str, int]] = set()
    for start in range(first or last + 1, last + 1, SLICE):
        made = " WHERE id >= ? AND id < ? AND created_at >= ?"
        values = (start, start + SLICE, since)
        async with db.reading(aside=True) as tx:
            [row] = await every(tx, _COUNTS + made, values)
            counts = [count + (more or 0) for count, more in zip(counts, row, strict=True)]
            accounts.update(
                (row["account_kind"], row["account_id"])
                for row in await every(
                    tx, f"SELECT DISTINCT account_kind, account_id FROM generations{made}", values
                )
            )
    asked, delivered, failed, in_work, spent_micros = counts
    return Statistics(asked, delivered, failed, in_work, len(accounts), spent_micros)


async def last_served(tx: Connection, *, since: float) -> list[tuple[Account, int, float]]:
    """Return who was submitted since then, in which chat and when last, the latest last."""
    rows = await every(
        tx,
        "SELECT account_kind, account_id, chat, max(submitted_at) AS at FROM generations"
        " INDEXED BY generations_by_turn WHERE submitted_at >= ?"
        " GROUP BY account_kind, account_id, chat ORDER BY at",
        (since,),
    )
    return [(Account.of(row), row["chat"], row["at"]) for row in rows]


async def budget_waiting(tx: Connection, account: Account) -> int:
    """Return what the operator gives to an account's queued requests, in micro-dollars."""
    return await number(
        tx,
        "SELECT sum(budget_micros) FROM generations"
        " WHERE account_kind = ? AND account_id = ? AND state = 'queued'",
        (account.kind, account.id),
    )


LOOKED_BACK = 500
"""How many of somebody's requests their habits are read from."""


async def last_family(tx: Connection, account: Account, kind: str) -> str | None:
    """Return the family of the last video an account asked for, of this kind."""
    row = await one(
        tx,
        "SELECT family FROM (SELECT id, kind, family FROM generations"
        " WHERE account_kind = ? AND account_id = ? ORDER BY id DESC LIMIT ?)"
        " WHERE kind = ? ORDER BY id DESC LIMIT 1",
        (account.kind, account.id, LOOKED_BACK, kind),
    )
    return None if row is None else str(row["family"])
