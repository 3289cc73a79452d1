"""The audit log: what each admin did, to whom, when, and which update caused it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from storage.database import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """An action of an admin; `act` is its command, `whom` a Telegram id."""

    id: int
    admin: int
    act: str
    whom: int | None
    details: str
    at: float


UNCHANGED = "="
"""The details of an action that changed nothing."""


async def record(
    tx: Connection, act: str, *, by: int, cause: str, now: float,
    whom: int | None = None, details: str = "",
) -> bool:  # fmt: skip
    """Record an action; return False if it is recorded for this cause already."""
    entry = {"cause": cause, "admin": by, "act": act, "whom": whom, "details": details, "at": now}
    return await tx.insert_or_ignore("audit", **entry) is not None


async def did(tx: Connection, cause: str) -> bool:
    """Return whether a cause changed something, so that a repeated update is answered the same."""
    query = "SELECT 1 FROM audit WHERE cause = ? AND details <> ?"
    return await tx.exists(query, (cause, UNCHANGED))


async def count(tx: Connection) -> int:
    """Return the number of entries; none is ever deleted."""
    return await tx.fetch_int("SELECT max(id) FROM audit")


async def page(tx: Connection, *, limit: int, skip: int = 0) -> list[AuditEntry]:
    """Return a page of entries, newest first."""
    rows = await tx.fetch_all(
        "SELECT id, admin, act, whom, details, at FROM audit"
        " WHERE id <= (SELECT max(id) FROM audit) - ? ORDER BY id DESC LIMIT ?",
        (skip, limit),
    )
    return [AuditEntry(**dict(row)) for row in rows]
