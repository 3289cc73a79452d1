"""Chats by our own number; Telegram's id is one column, since it may change."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from storage import boards, cards, groups
from storage.rows import changed, one

if TYPE_CHECKING:
    import sqlite3

    from aiosqlite import Connection


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


_CHAT_COLUMNS = (
    ("generations", "chat"),
    ("generations", "delivered_chat"),
    ("cards", "chat"),
    ("notices", "chat"),
)
_ACCOUNT_TABLES = ("generations", "cards", "ledger")
_MESSAGE_COLUMNS = (
    ("generations", "chat", ("message_id", "thread_id", "status_message")),
    ("generations", "delivered_chat", ("delivered_message",)),
    ("cards", "chat", ("message_id", "thread_id", "card_message")),
    ("notices", "chat", ("reply_to", "thread_id")),
)


async def move(tx: Connection, chat: int, telegram_id: int) -> Chat:
    """Give a chat its new id at Telegram; where that id is known already, the two become one.

    Message ids and topics of the old chat mean nothing in the new one and are forgotten;
    whoever was let in or shut out by the old id is so by the new one.
    """
    known = await by_telegram_id(tx, telegram_id)
    if known is not None and known.id == chat:
        return known  # told of it before; what was chosen since then stays
    await _forget_messages(tx, chat)
    await _keep_decisions(tx, chat, telegram_id)
    await groups.move(tx, chat, chat if known is None else known.id)
    if known is None:
        await tx.execute(
            "UPDATE chats SET telegram_id = ?, kind = 'supergroup' WHERE id = ?",
            (telegram_id, chat),
        )
    else:
        await _merge(tx, chat, known.id)
    moved = await by_telegram_id(tx, telegram_id)
    assert moved is not None  # noqa: S101 - one of the branches above made sure
    return moved


async def _forget_messages(tx: Connection, chat: int) -> None:
    await boards.forget(tx, chat)
    await cards.forget_messages(tx, chat)
    for table, place, columns in _MESSAGE_COLUMNS:
        nothing = ", ".join(f"{column} = NULL" for column in columns)
        await tx.execute(f"UPDATE {table} SET {nothing} WHERE {place} = ?", (chat,))


async def _keep_decisions(tx: Connection, chat: int, telegram_id: int) -> None:
    for table in ("allowed", "bans"):
        # where both ids were decided about, one row is enough
        await tx.execute(
            f"UPDATE OR REPLACE {table} SET telegram_id = ?"
            " WHERE telegram_id = (SELECT telegram_id FROM chats WHERE id = ?)",
            (telegram_id, chat),
        )


async def _merge(tx: Connection, chat: int, into: int) -> None:
    for table, column in _CHAT_COLUMNS:
        await tx.execute(f"UPDATE {table} SET {column} = ? WHERE {column} = ?", (into, chat))
    for table in _ACCOUNT_TABLES:
        await tx.execute(
            f"UPDATE {table} SET account_id = ? WHERE account_kind = 'chat' AND account_id = ?",
            (into, chat),
        )
    await tx.execute("DELETE FROM chats WHERE id = ?", (chat,))
