"""What is counted of generations: for limits, for estimates, for the operator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from storage.generations import UNFINISHED, listed
from storage.rows import every, number, one

if TYPE_CHECKING:
    from aiosqlite import Connection

    from storage.accounts import Account


async def asked_since(tx: Connection, account: Account, chat: int, *, since: float) -> int:
    """Count the videos an account asked for in a chat since then and got, or still may."""
    return await number(
        tx,
        "SELECT count(*) FROM generations WHERE account_kind = ? AND account_id = ? AND chat = ?"
        " AND created_at >= ? AND state NOT IN ('failed', 'cancelled')",
        (account.kind, account.id, chat, since),
    )


async def durations(
    tx: Connection, *, model: str, seconds: int, resolution: str | None, limit: int
) -> list[float]:
    """Return how long the last such generations took, in seconds, newest first."""
    rows = await every(
        tx,
        "SELECT ready_at - accepted_at AS took FROM generations WHERE model = ? AND seconds = ?"
        " AND resolution IS ? AND accepted_at IS NOT NULL AND ready_at IS NOT NULL"
        " ORDER BY ready_at DESC LIMIT ?",
        (model, seconds, resolution, limit),
    )
    return [row["took"] for row in rows]


async def budget_used(tx: Connection, *, since: float) -> int:
    """Return what the operator gave since then, in micro-dollars, as far as it may be charged."""
    return await number(
        tx,
        "SELECT sum(budget_micros) FROM generations WHERE created_at >= ? AND uncharged = 0",
        (since,),
    )


@dataclass(frozen=True, slots=True)
class Tally:
    """What happened since some moment; money in micro-dollars."""

    asked: int
    delivered: int
    failed: int
    in_work: int
    people: int
    spent_micros: int


async def tally(tx: Connection, *, since: float) -> Tally:
    """Count what happened to the requests made since then."""
    row = await one(
        tx,
        "SELECT count(*) AS asked,"
        " coalesce(sum(state = 'delivered'), 0) AS delivered,"
        " coalesce(sum(state IN ('failed', 'cancelled')), 0) AS failed,"
        f" coalesce(sum(state IN ({listed(UNFINISHED)})), 0) AS in_work,"
        " count(DISTINCT account_kind || account_id) AS people,"
        " coalesce(sum(CASE WHEN uncharged = 0 THEN coalesce(spent_micros, price_micros) END), 0)"
        " AS spent_micros FROM generations WHERE created_at >= ?",
        (since,),
    )
    assert row is not None  # noqa: S101 - an aggregate always returns a row
    return Tally(**dict(row))
