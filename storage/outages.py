"""Times in which the provider refused everything, and models that are left alone for a while."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from storage.rows import changed, every, number, one

if TYPE_CHECKING:
    from aiosqlite import Connection


@dataclass(frozen=True, slots=True)
class Outage:
    """Since when everything is held back and why; `probe_at` is when to look again."""

    id: int
    reason: str
    began_at: float
    probe_at: float


async def present(tx: Connection) -> Outage | None:
    """Return the outage that has not ended."""
    row = await one(tx, "SELECT id, reason, began_at, probe_at FROM outages WHERE ended_at IS NULL")
    return None if row is None else Outage(**dict(row))


RETURNS_WITHIN = 900.0
"""Seconds after its end in which an outage that comes again is still the same one."""


async def begin(tx: Connection, reason: str, *, probe_at: float, now: float) -> Outage | None:
    """Note that everything is refused; None where that is known already.

    An account that is nearly empty may pass each probe and refuse each order: that is one outage,
    and nobody wants to be told of it every five minutes.
    """
    again = await changed(
        tx,
        "UPDATE outages SET ended_at = NULL, probe_at = ? WHERE reason = ? AND ended_at > ?"
        " AND id = (SELECT max(id) FROM outages)",
        (probe_at, reason, now - RETURNS_WITHIN),
    )
    if again:
        return None
    row = await one(
        tx,
        "INSERT INTO outages (reason, began_at, probe_at) VALUES (?, ?, ?)"
        " ON CONFLICT DO NOTHING RETURNING id, reason, began_at, probe_at",
        (reason, now, probe_at),
    )
    return None if row is None else Outage(**dict(row))


async def postpone(tx: Connection, outage: int, *, probe_at: float) -> None:
    """Look again later."""
    await tx.execute("UPDATE outages SET probe_at = ? WHERE id = ?", (probe_at, outage))


async def end(tx: Connection, outage: int, *, now: float) -> bool:
    """Note that the provider accepts requests again; False where that is known already."""
    return await changed(
        tx, "UPDATE outages SET ended_at = ? WHERE id = ? AND ended_at IS NULL", (now, outage)
    )


async def rest(tx: Connection, model: str, *, reason: str, until: float) -> bool:
    """Leave a model alone until then; False where it rests as long already."""
    return await changed(
        tx,
        "INSERT INTO rests (model, reason, until) VALUES (?, ?, ?) ON CONFLICT (model)"
        " DO UPDATE SET reason = excluded.reason, until = excluded.until"
        " WHERE excluded.until > until",
        (model, reason, until),
    )


async def rests(tx: Connection, *, now: float) -> dict[str, float]:
    """Return the models that are left alone now, and until when."""
    rows = await every(tx, "SELECT model, until FROM rests WHERE until > ?", (now,))
    return {row["model"]: row["until"] for row in rows}


async def resting_for(tx: Connection, reason: str, *, now: float) -> list[str]:
    """Return the models that are left alone for this reason."""
    rows = await every(tx, "SELECT model FROM rests WHERE until > ? AND reason = ?", (now, reason))
    return [row["model"] for row in rows]


async def strike(tx: Connection, model: str, generation: int, *, now: float) -> None:
    """Note that a generation failed at a model, for no fault of its sender."""
    await tx.execute(
        "INSERT INTO strikes (generation, model, at) VALUES (?, ?, ?)"
        " ON CONFLICT (generation) DO UPDATE SET model = excluded.model, at = excluded.at",
        (generation, model, now),
    )


async def strikes(tx: Connection, model: str, *, since: float) -> int:
    """Return how many generations failed at a model since then."""
    return await number(
        tx, "SELECT count(*) FROM strikes WHERE model = ? AND at >= ?", (model, since)
    )
