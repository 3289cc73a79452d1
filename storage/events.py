"""The history of a generation, written by the database itself at each change of state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from storage.rows import every

if TYPE_CHECKING:
    from aiosqlite import Connection


@dataclass(frozen=True, slots=True)
class Event:
    """One step of a generation; `was` is None for its acceptance."""

    was: str | None
    state: str
    reason: str
    at: float


async def of(tx: Connection, generation: int) -> list[Event]:
    """Return a generation's steps, first to last."""
    rows = await every(
        tx,
        "SELECT was, state, reason, at FROM events WHERE generation = ? ORDER BY id",
        (generation,),
    )
    return [Event(row["was"], row["state"], row["reason"], row["at"]) for row in rows]
