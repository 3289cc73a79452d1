"""Chats by our own number; Telegram's id is one column, since it may change."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from storage import groups
from storage.database import changed, every, one

if TYPE_CHECKING:
    import sqlite3

    from aiosqlite import Connection

    from storage.database import Database


class ChatKind(StrEnum):
    """Telegram's kinds of chat."""

    PRIVATE = "private"
    GROUP = "group"
    SUPERGROUP = "supergroup"
    CHANNEL = "channel"


@dataclass(frozen=True, slots=True)
class Chat:
    """A place to speak; `reachable` is False while the bot is blocked or removed there."""

    id: int
    telegram_id: int
    kind: ChatKind
    title: str
    reachable: bool

    @property
    def is_private(self) -> bool:
        """Whether one person is alone with the bot here."""
        return self.kind is ChatKind.PRIVATE


def _from_row(row: sqlite3.Row) -> Chat:
    return Chat(
        id=row["id"],
        telegram_id=row["telegram_id"],
        kind=ChatKind(row["kind"]),
        title=row["title"],
        reachable=bool(row["reachable"]),
    )


async def seen(
    tx: Connection, telegram_id: int, *, kind: ChatKind, title: str = "", now: float
) -> Chat:
    """Note that the bot heard from a chat: make it or bring it up to date."""
    row = await one(
        tx,
        """
        INSERT INTO chats (telegram_id, kind, title, created_at) VALUES (?, ?, ?, ?)
        ON CONFLICT (telegram_id) DO UPDATE
            SET kind = excluded.kind, title = excluded.title, reachable = 1
        RETURNING *
        """,
        (telegram_id, kind, title, now),
    )
    assert row is not None  # noqa: S101 - an upsert always returns its row
    return _from_row(row)


async def find(tx: Connection, chat: int) -> Chat | None:
    """Return the chat with our number."""
    row = await one(tx, "SELECT * FROM chats WHERE id = ?", (chat,))
    return None if row is None else _from_row(row)


async def by_telegram_id(tx: Connection, telegram_id: int) -> Chat | None:
    """Return the chat with Telegram's number."""
    row = await one(tx, "SELECT * FROM chats WHERE telegram_id = ?", (telegram_id,))
    return None if row is None else _from_row(row)


async def private_with(tx: Connection, person: int, *, name: str = "", now: float) -> Chat:
    """Return the private chat with a person; its Telegram id is the person's own."""
    await tx.execute(
        "INSERT INTO chats (telegram_id, kind, title, created_at) VALUES (?, 'private', ?, ?)"
        " ON CONFLICT (telegram_id) DO NOTHING",
        (person, name, now),
    )
    chat = await by_telegram_id(tx, person)
    assert chat is not None  # noqa: S101 - inserted above where it was missing
    return chat


async def set_reachable(tx: Connection, chat: int, *, reachable: bool) -> bool:
    """Note that the bot can, or cannot, speak there; tell whether that is news."""
    return await changed(
        tx,
        "UPDATE chats SET reachable = ? WHERE id = ? AND reachable <> ?",
        (reachable, chat, reachable),
    )


SLICE = 50
"""How many rows of a chat that moves are written at a time: others wait for it."""


def _slice(table: str, column: str, *messages: str, also: str = "") -> str:
    """Write a statement that hands on the next rows of a chat, without the ids of its messages."""
    forgotten = "".join(f", {name} = NULL" for name in messages)
    return (
        f"UPDATE {table} SET {column} = ?2{forgotten}{also} WHERE id IN (SELECT id FROM {table}"
        f" WHERE {column} = ?1 AND id > ?3 ORDER BY id LIMIT ?4) RETURNING id"
    )


# what stands in a chat whose messages are out of reach can be tapped no more
_CLOSED = ", state = iif(state = 'open', 'dropped', state)"
_ITS_OWN = ", account_id = iif(account_kind = 'chat' AND account_id = ?1, ?2, account_id)"
_POOL = (
    "UPDATE ledger SET account_id = ?2 WHERE id IN (SELECT id FROM ledger WHERE ?1 <> ?2"
    " AND account_kind = 'chat' AND account_id = ?1 AND pot = 'pool' AND ?3 >= 0 LIMIT ?4)"
    " RETURNING id"
)
"""Nobody draws on it meanwhile: the group's choices, its pool among them, follow last."""
_SLICES = (
    _slice("generations", "chat", "message_id", "thread_id", "status_message", also=_ITS_OWN),
    _slice("generations", "delivered_chat", "delivered_message"),
    _slice("cards", "chat", "message_id", "thread_id", "card_message", also=_ITS_OWN + _CLOSED),
    _slice("notices", "chat", "reply_to", "thread_id"),
    _POOL,
)


async def move(db: Database, chat: int, telegram_id: int) -> Chat:
    """Give a chat its new id at Telegram; where that id is known already, the two become one.

    Message ids and topics of the old chat mean nothing in the new one and are forgotten;
    whoever was let in or shut out by the old id is so by the new one. What was made in it
    follows in slices that let others between, the chat itself last: a move that was
    interrupted goes on when it is told of again.
    """
    after: dict[tuple[int, str], int] = {}
    while True:
        async with db.transaction() as tx:
            known = await by_telegram_id(tx, telegram_id)
            if known is not None and known.id == chat:
                return known  # told of it before; what was chosen since then stays
            into = chat if known is None else known.id
            for statement in _SLICES:
                place = into, statement
                rows = await every(tx, statement, (chat, into, after.get(place, 0), SLICE))
                if rows:
                    after[place] = max(row["id"] for row in rows)
                    break
            else:
                await _finish_move(tx, chat, into, telegram_id)
                moved = await by_telegram_id(tx, telegram_id)
                assert moved is not None  # noqa: S101 - it was known, or is now
                return moved


async def _finish_move(tx: Connection, chat: int, into: int, telegram_id: int) -> None:
    await groups.forget_boards(tx, chat)
    await groups.move(tx, chat, into)
    for table in ("allowed", "bans"):
        # where both ids were decided about, one row is enough
        await tx.execute(
            f"UPDATE OR REPLACE {table} SET telegram_id = ?"
            " WHERE telegram_id = (SELECT telegram_id FROM chats WHERE id = ?)",
            (telegram_id, chat),
        )
    if into == chat:
        await tx.execute(
            "UPDATE chats SET telegram_id = ?, kind = 'supergroup' WHERE id = ?",
            (telegram_id, chat),
        )
        return
    await tx.execute(
        "UPDATE ledger SET account_id = ? WHERE account_kind = 'chat' AND account_id = ?",
        (into, chat),
    )
    await tx.execute("DELETE FROM chats WHERE id = ?", (chat,))
