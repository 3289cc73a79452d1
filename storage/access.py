"""People and chats an admin let in, beside those of the settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage.rows import changed, number

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
