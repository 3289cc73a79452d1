"""Updates from before Telegram is told they were received until they are handled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from storage.database import FORGOTTEN_AT_ONCE, MONTH_SECONDS, changed, every

if TYPE_CHECKING:
    from aiosqlite import Connection

KEPT_SECONDS = 48 * 3600
"""How long the id of a handled update is kept: Telegram repeats none older than 24 hours."""


@dataclass(frozen=True, slots=True)
class StoredUpdate:
    """An update as it came; `body` is Telegram's JSON, `received_at` in seconds since 1970.

    Those of one `queue_key`, a chat's id or else a person's, are handled in their order.
    """

    update_id: int
    queue_key: int
    body: str
    starts: int
    received_at: float


async def receive(
    tx: Connection, update_id: int, *, queue_key: int, body: str, now: float, starts: int = 0
) -> bool:
    """Write an update down; False where it is a repetition of one already written.

    `starts` is 1 where its handling begins with this.
    """
    return await changed(
        tx,
        "INSERT INTO inbox (update_id, queue_key, body, starts, received_at) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (update_id) DO NOTHING",
        (update_id, queue_key, body, starts, now),
    )


async def begin(tx: Connection, update_id: int) -> None:
    """Note that handling begins; an update that is begun often ended the process each time."""
    await tx.execute("UPDATE inbox SET starts = starts + 1 WHERE update_id = ?", (update_id,))


async def undo_begin(tx: Connection, update_id: int) -> None:
    """Note that handling ended early for no fault of the update."""
    await tx.execute(
        "UPDATE inbox SET starts = starts - 1 WHERE update_id = ? AND starts > 0", (update_id,)
    )


async def finish(tx: Connection, update_id: int, *, now: float) -> None:
    """Erase the content of a handled update; its id stays to recognise repetitions."""
    await tx.execute(
        "UPDATE inbox SET body = NULL, handled_at = ? WHERE update_id = ?", (now, update_id)
    )


async def set_aside(tx: Connection, update_id: int) -> None:
    """Keep an update that must not be tried again."""
    await tx.execute("UPDATE inbox SET set_aside = 1 WHERE update_id = ?", (update_id,))


async def waiting(tx: Connection) -> list[StoredUpdate]:
    """Return what was received and not yet handled, oldest first."""
    rows = await every(
        tx,
        "SELECT update_id, queue_key, body, starts, received_at FROM inbox"
        " WHERE handled_at IS NULL AND set_aside = 0 ORDER BY received_at, update_id",
    )
    return [StoredUpdate(**dict(row)) for row in rows]


async def forget(tx: Connection, *, now: float) -> bool:
    """Drop some ids of updates handled more than 48 hours ago; tell whether there were any."""
    return await changed(
        tx,
        "DELETE FROM inbox WHERE update_id IN"
        " (SELECT update_id FROM inbox WHERE handled_at < ? LIMIT ?)",
        (now - KEPT_SECONDS, FORGOTTEN_AT_ONCE),
    )


async def forget_set_aside(tx: Connection, *, now: float) -> bool:
    """Drop some updates that were set aside a month ago; tell whether there were any."""
    return await changed(
        tx,
        "DELETE FROM inbox WHERE update_id IN (SELECT update_id FROM inbox"
        " WHERE set_aside = 1 AND received_at < ? LIMIT ?)",
        (now - MONTH_SECONDS, FORGOTTEN_AT_ONCE),
    )
