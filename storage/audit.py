"""The audit log: what each admin did, on whom, when, and which update had them do it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from storage.database import exists, fetch_all, fetch_int, insert_or_ignore

if TYPE_CHECKING:
    from storage.database import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One act of an admin, named by the command that does it; `whom` is an id at Telegram."""

    id: int
    admin: int
    act: str
    whom: int | None
    details: str
    at: float


UNCHANGED = "="
"""The details of an act that found all as it was to be."""


async def record(
    tx: Connection, act: str, *, by: int, cause: str, now: float,
    whom: int | None = None, details: str = "",
) -> bool:  # fmt: skip
    """Write down what an admin does; False where the same cause did it already."""
    entry = {"cause": cause, "admin": by, "act": act, "whom": whom, "details": details, "at": now}
    return await insert_or_ignore(tx, "audit", **entry) is not None


async def did(tx: Connection, cause: str) -> bool:
    """Tell whether a cause changed something: an update that is handled once more says so again."""
    query = "SELECT 1 FROM audit WHERE cause = ? AND details <> ?"
    return await exists(tx, query, (cause, UNCHANGED))


async def count(tx: Connection) -> int:
    """Return how many entries there are; none is ever taken out."""
    return await fetch_int(tx, "SELECT max(id) FROM audit")


async def page(tx: Connection, *, limit: int, skip: int = 0) -> list[AuditEntry]:
    """Return some entries, newest first, but for the newest `skip`."""
    rows = await fetch_all(
        tx,
        "SELECT id, admin, act, whom, details, at FROM audit"
        " WHERE id <= (SELECT max(id) FROM audit) - ? ORDER BY id DESC LIMIT ?",
        (skip, limit),
    )
    return [AuditEntry(**dict(row)) for row in rows]
