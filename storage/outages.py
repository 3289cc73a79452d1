"""The state of the provider: its last feeds, the balance of the account, its outages.

And other reasons to submit nothing: an admin's pause, the cooldown of a model, and the content
brake of an account whose requests were refused by moderation.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from storage import DAY_SECONDS, HOUR_SECONDS, MONTH_SECONDS, generations
from storage.database import columns, read_row

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from storage.database import Connection
    from storage.ledger import Account


async def save_feed(tx: Connection, name: str, body: str, *, now: float) -> None:
    """Store the content of a feed of the provider, replacing the last one."""
    await tx.insert_or_replace("feeds", name=name, body=body, heard_at=now)


async def load_feeds(tx: Connection) -> dict[str, str]:
    """Return the last content of each feed, by its name."""
    return {row["name"]: row["body"] for row in await tx.fetch_all("SELECT name, body FROM feeds")}


@dataclass(frozen=True, slots=True)
class Outage:
    """A time in which nothing is submitted; `probe_at` is when the provider is probed next.

    It is half open after a successful probe: then one request is submitted, which decides.
    """

    id: int
    reason: str
    began_at: float
    probe_at: float
    half_open: bool


def _outage(row: sqlite3.Row) -> Outage:
    return read_row(Outage, row, half_open=bool(row["half_open"]))


async def current(tx: Connection) -> Outage | None:
    """Return the outage that has not ended, or None."""
    return await tx.fetch_one_as(_outage, "SELECT * FROM outages WHERE ended_at IS NULL")


async def begin(tx: Connection, reason: str, *, probe_at: float, now: float) -> Outage:
    """Store that an outage has begun, or that a half-open one has opened again."""
    [row] = await tx.fetch_all(
        "INSERT INTO outages (reason, began_at, probe_at) VALUES (?, ?, ?)"
        " ON CONFLICT (ended_at IS NULL) WHERE ended_at IS NULL DO UPDATE SET"
        " reason = excluded.reason, half_open = 0,"
        " probe_at = CASE WHEN half_open THEN excluded.probe_at ELSE probe_at END"
        " RETURNING *",
        (reason, now, probe_at),
    )
    return _outage(row)


async def probed(tx: Connection, outage: int, *, half_open: bool, probe_at: float) -> Outage | None:
    """Store the result of a probe, and when the next is due; return None if the outage is over."""
    return await tx.fetch_one_as(
        _outage,
        "UPDATE outages SET half_open = ?, probe_at = ? WHERE id = ? AND ended_at IS NULL"
        " RETURNING *",
        (half_open, probe_at, outage),
    )


async def end(tx: Connection, outage: int, *, now: float) -> bool:
    """Store that an outage has ended; return False if it had ended already."""
    return await tx.changed(
        "UPDATE outages SET ended_at = ? WHERE id = ? AND ended_at IS NULL", (now, outage)
    )


@dataclass(frozen=True, slots=True)
class Pause:
    """An admin's pause: the reason, which may be "", and its end, None if it is open."""

    reason: str
    ends_at: float | None


async def begin_pause(tx: Connection, pause: Pause) -> None:
    """Take no orders from now on; this replaces an earlier pause."""
    await tx.insert_or_replace("pause", id=1, **columns(Pause, pause))


async def end_pause(tx: Connection) -> None:
    """Take orders again."""
    await tx.execute("DELETE FROM pause")


async def paused(tx: Connection, *, now: float) -> Pause | None:
    """Return the present pause, or None."""
    query = "SELECT reason, ends_at FROM pause WHERE ends_at IS NULL OR ends_at > ?"
    return await tx.fetch_one_as(lambda row: Pause(*row), query, (now,))


@dataclass(frozen=True, slots=True)
class ProviderBalance:
    """The balance of the account in micro-dollars; `warned_at` is since when it is low, or None."""

    micros: int
    heard_at: float
    warned_at: float | None


async def keep_balance(tx: Connection, heard: ProviderBalance) -> None:
    """Store the balance, replacing the last one."""
    await tx.insert_or_replace("provider_balance", id=1, **columns(ProviderBalance, heard))


async def provider_balance(tx: Connection) -> ProviderBalance | None:
    """Return the balance last read, or None."""
    query = "SELECT micros, heard_at, warned_at FROM provider_balance"
    return await tx.fetch_one_as(lambda row: ProviderBalance(*row), query)


class CooldownReason(StrEnum):
    """Why a model is in cooldown."""

    GONE = "gone"
    FAILING = "failing"


@dataclass(frozen=True, slots=True)
class Cooldown:
    """A model that is not used until a time, and why."""

    model: str
    reason: CooldownReason
    until: float


async def cool_down(tx: Connection, cooldown: Cooldown) -> None:
    """Begin or extend the cooldown of a model."""
    await tx.execute(
        "INSERT INTO cooldowns (model, reason, until) VALUES (?, ?, ?) ON CONFLICT (model)"
        " DO UPDATE SET reason = excluded.reason, until = excluded.until"
        " WHERE excluded.until > until",
        (cooldown.model, cooldown.reason, cooldown.until),
    )


async def cooldowns(tx: Connection, *, now: float) -> list[Cooldown]:
    """Return the cooldowns that have not ended."""
    rows = await tx.fetch_all(
        # another version may know other reasons
        "SELECT model, reason, until FROM cooldowns WHERE until > ? AND reason IN (?, ?)"
        " ORDER BY model",
        (now, *CooldownReason),
    )
    return [Cooldown(row["model"], CooldownReason(row["reason"]), row["until"]) for row in rows]


async def count_failure(tx: Connection, model: str, generation: int, *, now: float) -> None:
    """Store that a generation failed at a model, for no fault of its sender."""
    await tx.insert_or_replace("model_failures", generation=generation, model=model, at=now)


async def accounts_failed(tx: Connection, model: str, *, since: float) -> int:
    """Count the accounts for which a model has failed since a time."""
    return await tx.fetch_int(
        "SELECT count(*) FROM (SELECT DISTINCT account_kind, account_id FROM model_failures AS one"
        " JOIN generations ON generations.id = one.generation WHERE one.model = ? AND at >= ?)",
        (model, since),
    )


async def forget(tx: Connection, *, now: float) -> bool:
    """Delete outages, failures and cooldowns of a month ago; return whether there were any.

    The last outage stays, so that its id is not given again.
    """
    old = now - MONTH_SECONDS
    dropped = [
        await tx.changed(
            "DELETE FROM outages WHERE ended_at < ? AND id <> (SELECT max(id) FROM outages)", (old,)
        ),
        await tx.changed("DELETE FROM model_failures WHERE at < ?", (old,)),
        await tx.changed("DELETE FROM cooldowns WHERE until < ?", (old,)),
    ]
    return any(dropped)


@dataclass(frozen=True, slots=True)
class ContentBrake:
    """An account may not order for a while, because moderation refused several of its requests.

    `began_at` is when that first happened, `until` when it ends.
    """

    began_at: float
    until: float


REFUSALS_BEFORE_BRAKE = 3
"""How many refusals in an hour start the brake; after that, each further refusal does."""
BRAKES = (HOUR_SECONDS, 6 * HOUR_SECONDS, DAY_SECONDS)
"""How long the brake lasts at the first, the second and each further time."""


def content_brake(refused_at: Sequence[float]) -> ContentBrake | None:
    """Return the brake that follows from the times of refusals, oldest first, or None.

    Refusals during a brake do not count: they were ordered before. A day without refusals after a
    brake starts the count anew.
    """
    level, began_at, until = 0, 0.0, 0.0
    for place, at in enumerate(refused_at):
        if at < until:
            continue
        if at - until > DAY_SECONDS:
            level = 0
        lately = sum(at - one <= HOUR_SECONDS for one in refused_at[: place + 1])
        if level or lately >= REFUSALS_BEFORE_BRAKE:
            began_at = began_at if level else at
            until = at + BRAKES[min(level, len(BRAKES) - 1)]
            level += 1
    return ContentBrake(began_at, until) if level else None


async def content_brake_of(
    tx: Connection, account: Account, chat: int, now: float
) -> ContentBrake | None:
    """Return the present or last brake of an account; anonymous senders of a chat share one."""
    since = now - len(BRAKES) * DAY_SECONDS
    refused_at = await generations.content_refused_at(tx, account, since=since)
    if not account.is_person:
        refused_at |= await generations.content_refused_at(tx, None, chat=chat, since=since)
    return content_brake(sorted(refused_at.values()))


async def wait_reason(
    tx: Connection, account: Account, chat: int, now: float
) -> Pause | ContentBrake | None:
    """Return why an account may not order now: a pause, a brake, or None."""
    if (pause := await paused(tx, now=now)) is not None:
        return pause
    found = await content_brake_of(tx, account, chat, now)
    return found if found is not None and now < found.until else None
