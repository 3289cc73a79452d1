"""What is known of the provider: what it said last, what the account holds, when it is out.

And when else nothing is submitted: an admin's pause, models that are left alone for a while.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from storage import MONTH_SECONDS
from storage.database import changed, columns, every, number, one, one_as, put, value

if TYPE_CHECKING:
    import sqlite3

    from storage.database import Connection


async def keep_feed(tx: Connection, name: str, body: str, *, now: float) -> None:
    """Put what a feed of the provider says in the place of what it said before."""
    await put(tx, "feeds", name=name, body=body, heard_at=now)


async def kept_feeds(tx: Connection) -> dict[str, str]:
    """Return what each feed said last, by its name."""
    return {row["name"]: row["body"] for row in await every(tx, "SELECT name, body FROM feeds")}


@dataclass(frozen=True, slots=True)
class Outage:
    """Since when everything is held back and why; `probe_at` is when to look again.

    It is half open once a probe went well: then one order is tried, and tells whether it is over.
    """

    id: int
    reason: str
    began_at: float
    probe_at: float
    half_open: bool


def _outage(row: sqlite3.Row) -> Outage:
    return value(Outage, row, half_open=bool(row["half_open"]))


async def present(tx: Connection) -> Outage | None:
    """Return the outage that has not ended."""
    return await one_as(tx, _outage, "SELECT * FROM outages WHERE ended_at IS NULL")


async def begin(tx: Connection, reason: str, *, probe_at: float, now: float) -> Outage:
    """Note that everything is refused, and why; one that is half open opens again."""
    [row] = await every(
        tx,
        "INSERT INTO outages (reason, began_at, probe_at) VALUES (?, ?, ?)"
        " ON CONFLICT (ended_at IS NULL) WHERE ended_at IS NULL DO UPDATE SET"
        " reason = excluded.reason, half_open = 0,"
        " probe_at = CASE WHEN half_open THEN excluded.probe_at ELSE probe_at END"
        " RETURNING *",
        (reason, now, probe_at),
    )
    return _outage(row)


async def probed(
    tx: Connection, outage: int, *, half_open: bool, probe_at: float
) -> Outage | None:  # fmt: skip
    """Note how a probe went, and when the next is due; None where the outage has ended."""
    return await one_as(
        tx,
        _outage,
        "UPDATE outages SET half_open = ?, probe_at = ? WHERE id = ? AND ended_at IS NULL"
        " RETURNING *",
        (half_open, probe_at, outage),
    )


async def end(tx: Connection, outage: int, *, now: float) -> bool:
    """Note that the provider accepts requests again; False where that is known already."""
    return await changed(
        tx, "UPDATE outages SET ended_at = ? WHERE id = ? AND ended_at IS NULL", (now, outage)
    )


@dataclass(frozen=True, slots=True)
class Pause:
    """Why an admin has the bot paused ("" where they did not say), and until when if they know."""

    reason: str
    ends_at: float | None


async def begin_pause(tx: Connection, pause: Pause) -> None:
    """Take no orders from now on; another pause takes the place of one that lasts."""
    await put(tx, "pause", id=1, **columns(Pause, pause))


async def end_pause(tx: Connection) -> None:
    """Take orders again."""
    await tx.execute("DELETE FROM pause")


async def paused(tx: Connection, *, now: float) -> Pause | None:
    """Return the pause that lasts; it ends by itself where its end was named."""
    row = await one(
        tx, "SELECT reason, ends_at FROM pause WHERE ends_at IS NULL OR ends_at > ?", (now,)
    )
    return None if row is None else Pause(row["reason"], row["ends_at"])


@dataclass(frozen=True, slots=True)
class ProviderBalance:
    """What the account held at a time, in micro-dollars; `warned_at` is since when it is low."""

    micros: int
    heard_at: float
    warned_at: float | None


async def keep_balance(tx: Connection, heard: ProviderBalance) -> None:
    """Put what the account holds in the place of what it held."""
    await put(tx, "provider_balance", id=1, **columns(ProviderBalance, heard))


async def provider_balance(tx: Connection) -> ProviderBalance | None:
    """Return what the account held when it was last asked."""
    row = await one(tx, "SELECT micros, heard_at, warned_at FROM provider_balance")
    return None if row is None else ProviderBalance(**dict(row))


class CooldownReason(StrEnum):
    """Why a model is left alone."""

    GONE = "gone"
    FAILING = "failing"


@dataclass(frozen=True, slots=True)
class Cooldown:
    """A model that is left alone, why, and until when."""

    model: str
    reason: CooldownReason
    until: float


async def cool_down(tx: Connection, cooldown: Cooldown) -> None:
    """Leave a model alone, unless it is left alone for longer already."""
    await tx.execute(
        "INSERT INTO cooldowns (model, reason, until) VALUES (?, ?, ?) ON CONFLICT (model)"
        " DO UPDATE SET reason = excluded.reason, until = excluded.until"
        " WHERE excluded.until > until",
        (cooldown.model, cooldown.reason, cooldown.until),
    )


async def cooldowns(tx: Connection, *, now: float) -> list[Cooldown]:
    """Return the models that are left alone now."""
    rows = await every(
        tx,
        # another version may know other reasons
        "SELECT model, reason, until FROM cooldowns WHERE until > ? AND reason IN (?, ?)"
        " ORDER BY model",
        (now, *CooldownReason),
    )
    return [Cooldown(row["model"], CooldownReason(row["reason"]), row["until"]) for row in rows]


async def count_failure(tx: Connection, model: str, generation: int, *, now: float) -> None:
    """Note that a generation failed at a model, for no fault of its sender."""
    await put(tx, "model_failures", generation=generation, model=model, at=now)


async def accounts_failed(tx: Connection, model: str, *, since: float) -> int:
    """Return for how many accounts a model failed since then."""
    return await number(
        tx,
        "SELECT count(*) FROM (SELECT DISTINCT account_kind, account_id FROM model_failures AS one"
        " JOIN generations ON generations.id = one.generation WHERE one.model = ? AND at >= ?)",
        (model, since),
    )


async def forget(tx: Connection, *, now: float) -> bool:
    """Drop what is a month old: outages, models' failures and cooldowns; tell whether any were.

    The last outage stays: the next one has a number of its own.
    """
    old = now - MONTH_SECONDS
    dropped = [
        await changed(
            tx,
            "DELETE FROM outages WHERE ended_at < ? AND id <> (SELECT max(id) FROM outages)",
            (old,),
        ),
        await changed(tx, "DELETE FROM model_failures WHERE at < ?", (old,)),
        await changed(tx, "DELETE FROM cooldowns WHERE until < ?", (old,)),
    ]
    return any(dropped)
