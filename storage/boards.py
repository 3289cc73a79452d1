"""The one message per chat and topic that tells what is being made there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from storage.rows import every

if TYPE_CHECKING:
    from aiosqlite import Connection


@dataclass(frozen=True, slots=True)
class Board:
    """A board as it stands in a chat; thread 0 is no topic."""

    chat: int
    thread_id: int
    message_id: int
    text: str
    changed_at: float


async def of(tx: Connection, chat: int) -> dict[int, Board]:
    """Return a chat's boards by topic."""
    rows = await every(tx, "SELECT * FROM boards WHERE chat = ?", (chat,))
    return {row["thread_id"]: Board(**dict(row)) for row in rows}


async def put(tx: Connection, board: Board) -> None:
    """Remember how a board stands now."""
    await tx.execute(
        "INSERT OR REPLACE INTO boards (chat, thread_id, message_id, text, changed_at)"
        " VALUES (?, ?, ?, ?, ?)",
        (board.chat, board.thread_id, board.message_id, board.text, board.changed_at),
    )


async def forget(tx: Connection, chat: int, thread_id: int | None = None) -> None:
    """Forget a board, or all of a chat's: their messages are gone."""
    await tx.execute(
        "DELETE FROM boards WHERE chat = ? AND coalesce(?, thread_id) = thread_id",
        (chat, thread_id),
    )


async def chats(tx: Connection) -> list[int]:
    """Return the chats in which a board stands."""
    return [row["chat"] for row in await every(tx, "SELECT DISTINCT chat FROM boards")]
