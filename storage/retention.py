"""Videos nobody could receive: whose they are, and which are kept no longer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage import generations
from storage.database import every
from storage.generations import State
from storage.ledger import AccountKind

if TYPE_CHECKING:
    from aiosqlite import Connection

    from storage.generations import Generation
    from storage.ledger import Account

KEPT_SECONDS = 30 * 24 * 3600.0
"""How long such a video waits for its owner."""


async def of(tx: Connection, account: Account, *, now: float) -> list[Generation]:
    """Return what is kept for somebody, oldest first."""
    return await _kept(
        tx, "account_kind = ? AND account_id = ?", (account.kind, account.id), now=now
    )


async def of_nobody(tx: Connection, chat: int, *, now: float) -> list[Generation]:
    """Return what is kept of a chat's anonymous admins and channels, oldest first."""
    return await _kept(tx, "account_kind = ? AND chat = ?", (AccountKind.CHAT, chat), now=now)


async def _kept(
    tx: Connection, whose: str, values: tuple[object, ...], *, now: float
) -> list[Generation]:
    rows = await every(
        tx,
        f"SELECT id FROM generations WHERE {whose} AND state = ? AND changed_at > ? ORDER BY id",
        (*values, State.UNDELIVERABLE, now - KEPT_SECONDS),
    )
    found = [await generations.find(tx, row["id"]) for row in rows]
    return [generation for generation in found if generation is not None]


async def outdated(tx: Connection, *, now: float) -> set[int]:
    """Return the numbers of what was kept long enough."""
    rows = await every(
        tx,
        "SELECT id FROM generations WHERE state = ? AND changed_at <= ?",
        (State.UNDELIVERABLE, now - KEPT_SECONDS),
    )
    return {row["id"] for row in rows}
