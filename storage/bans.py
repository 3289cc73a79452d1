"""People and chats an admin shut out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from storage.rows import changed, number, one

if TYPE_CHECKING:
    from collections.abc import Collection

    from aiosqlite import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Ban:
    """Who is shut out, by Telegram's id (a chat's is below zero), by which admin, when and why."""

    telegram_id: int
    by: int
    at: float
    reason: str | None = None


async def ban(tx: Connection, shut_out: Ban, *, cause: str) -> bool:
    """Shut a person or chat out; tell whether that is news."""
    return await changed(
        tx,
        "INSERT INTO bans (telegram_id, cause, banned_by, banned_at, reason)"
        " VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (shut_out.telegram_id, cause, shut_out.by, shut_out.at, shut_out.reason),
    )


async def lift(tx: Connection, telegram_id: int) -> bool:
    """Undo a ban; tell whether there was one."""
    return await changed(tx, "DELETE FROM bans WHERE telegram_id = ?", (telegram_id,))


async def find(tx: Connection, telegram_id: int) -> Ban | None:
    """Return the ban of a person or chat."""
    row = await one(tx, "SELECT * FROM bans WHERE telegram_id = ?", (telegram_id,))
    if row is None:
        return None
    return Ban(
        telegram_id=row["telegram_id"],
        by=row["banned_by"],
        at=row["banned_at"],
        reason=row["reason"],
    )


async def any_banned(tx: Connection, telegram_ids: Collection[int]) -> bool:
    """Whether one of these was shut out."""
    marks = ", ".join("?" * len(telegram_ids))
    return bool(
        await number(
            tx,
            f"SELECT count(*) FROM bans WHERE telegram_id IN ({marks})",
            tuple(telegram_ids),
        )
    )
