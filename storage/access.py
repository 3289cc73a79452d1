"""Access: people and chats an admin let in, beside those of the settings, or shut out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from storage.rows import changed, number, one

if TYPE_CHECKING:
    from collections.abc import Collection

    from aiosqlite import Connection


async def allow(tx: Connection, telegram_id: int, *, cause: str, by: int, now: float) -> bool:
    """Let a person or chat in; tell whether that is news."""
    return await changed(
        tx,
        "INSERT INTO allowed (telegram_id, cause, allowed_by, allowed_at) VALUES (?, ?, ?, ?)"
        " ON CONFLICT DO NOTHING",
        (telegram_id, cause, by, now),
    )


async def deny(tx: Connection, telegram_id: int) -> bool:
    """Undo an allow; tell whether there was one."""
    return await changed(tx, "DELETE FROM allowed WHERE telegram_id = ?", (telegram_id,))


async def any_allowed(tx: Connection, telegram_ids: Collection[int]) -> bool:
    """Whether one of these was let in."""
    marks = ", ".join("?" * len(telegram_ids))
    return bool(
        await number(
            tx,
            f"SELECT count(*) FROM allowed WHERE telegram_id IN ({marks})",
            tuple(telegram_ids),
        )
    )


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


async def unban(tx: Connection, telegram_id: int) -> bool:
    """Undo a ban; tell whether there was one."""
    return await changed(tx, "DELETE FROM bans WHERE telegram_id = ?", (telegram_id,))


async def ban_of(tx: Connection, telegram_id: int) -> Ban | None:
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
