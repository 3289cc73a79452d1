"""What the provider said of its models when it was last asked, for the time it cannot be asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage.database import every

if TYPE_CHECKING:
    from aiosqlite import Connection


async def keep(tx: Connection, name: str, body: str, *, now: float) -> None:
    """Put an answer in the place of the one before."""
    await tx.execute(
        "INSERT INTO feeds (name, body, heard_at) VALUES (?, ?, ?) ON CONFLICT (name)"
        " DO UPDATE SET body = excluded.body, heard_at = excluded.heard_at",
        (name, body, now),
    )


async def kept(tx: Connection) -> dict[str, str]:
    """Return the last answers, by feed."""
    return {row["name"]: row["body"] for row in await every(tx, "SELECT name, body FROM feeds")}
