"""The history of a generation, written by the database itself at each change of state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from storage.database import every, number

if TYPE_CHECKING:
    from aiosqlite import Connection


@dataclass(frozen=True, slots=True)
class Event:
    """One step of a generation; `was` is None for its acceptance."""

    was: str | None
    state: str
    reason: str
    at: float


async def newest(tx: Connection) -> int:
    """Return the number of the last step of any generation, 0 where there was none."""
    return await number(tx, "SELECT max(id) FROM events")


async def of(tx: Connection, generation: int) -> list[Event]:
    """Return a generation's steps, first to last."""
    rows = await every(
        tx,
        "SELECT was, state, reason, at FROM events WHERE generation = ? ORDER BY id",
        (generation,),
    )
    return [Event(row["was"], row["state"], row["reason"], row["at"]) for row in rows]
