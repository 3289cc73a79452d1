"""Cards: the questions the bot asked, and the drafts of orders that wait for a tap.

An account has at most one open card in a chat; its next message there closes it. A card that is
`kept` is not part of that conversation, and stays open until it is tapped.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from storage import DELETE_BATCH, HOUR_SECONDS, chats
from storage.database import columns, read_row
from storage.ledger import Account

if TYPE_CHECKING:
    import sqlite3

    from storage.database import Connection

OPEN_SECONDS, CLOSED_SECONDS = 48 * HOUR_SECONDS, HOUR_SECONDS
"""How long the prompt of a card is stored, if it is open and if it is closed."""

FOLLOWS = "press:goon:"
"""The prefix of the cause of a card that asks how a video goes on."""


class CardKind(StrEnum):
    """What a card asks."""

    PROMPT = "prompt"
    """Make a video of this text?"""
    PICTURE = "picture"
    """What should happen in this picture? Without a picture: which one?"""
    QUESTION = "question"
    """What should we see? (after a bare command, or to change a video)"""


@dataclass(frozen=True, slots=True, kw_only=True)
class CardContent:
    """The content of a card; `message_id` is the message that caused it."""

    cause: str
    kind: CardKind
    chat: int
    thread_id: int | None
    account: Account
    message_id: int | None
    prompt: str
    picture: str | None = None
    picture_width: int | None = None
    picture_height: int | None = None
    picture_by: int | None = None
    kept: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Card(CardContent):
    """A stored card, shown by `card_message` once it is sent, with the options tapped on it."""

    id: int
    state: str
    card_message: int | None
    created_at: float
    options: str

    @property
    def text(self) -> str:
        """The options and the prompt; those in the prompt come last, and win."""
        return f"{self.options} {self.prompt}".strip()

    @property
    def wants_picture(self) -> bool:
        """Whether it asks for a picture."""
        return self.kind is CardKind.PICTURE and self.picture is None

    @property
    def asks_what_follows(self) -> bool:
        """Whether it asks how a video goes on."""
        return self.kind is CardKind.QUESTION and self.cause.startswith(FOLLOWS)


def _from_row(row: sqlite3.Row) -> Card:
    kind, kept = CardKind(row["kind"]), bool(row["kept"])
    return read_row(Card, row, account=Account.of(row), kind=kind, kept=kept)


async def ask(tx: Connection, content: CardContent, *, now: float) -> tuple[Card, Card | None]:
    """Store an open card, once per cause; return it, and the card that it closed."""
    known = await tx.fetch_one("SELECT * FROM cards WHERE cause = ?", (content.cause,))
    if known is not None:
        return _from_row(known), None
    closed = None
    if not content.kept:
        closed = await close_open(tx, content.chat, content.account, by=content.cause)
    held = columns(CardContent, content)
    row = await tx.insert("cards", **held, state="open", created_at=now)
    return _from_row(row), closed


async def find(tx: Connection, card: int) -> Card | None:
    """Return a card by its id."""
    return await tx.fetch_one_as(_from_row, "SELECT * FROM cards WHERE id = ?", (card,))


async def close_open(tx: Connection, chat: int, account: Account, *, by: str) -> Card | None:
    """Close and return the open card of an account in a chat, unless `by` is its own cause."""
    return await tx.fetch_one_as(
        _from_row,
        "UPDATE cards SET state = 'dropped', closed_by = ? WHERE chat = ? AND account_kind = ?"
        " AND account_id = ? AND state = 'open' AND kept = 0 AND cause <> ? RETURNING *",
        (by, chat, account.kind, account.id, by),
    )


async def to_close(tx: Connection, chat: int, account: Account, *, by: str) -> Card | None:
    """Return the card that a cause is to close, or has closed if it is handled again."""
    return await tx.fetch_one_as(
        _from_row,
        "SELECT * FROM cards WHERE chat = ? AND account_kind = ? AND account_id = ?"
        " AND state = 'open' AND kept = 0 AND cause <> ?"
        " UNION ALL SELECT * FROM cards WHERE closed_by = ? ORDER BY state DESC LIMIT 1",
        (chat, account.kind, account.id, by, by),
    )


async def of_message(tx: Connection, chat: int, account: Account, cause: str) -> Card | None:
    """Return the open card that a message of an account caused."""
    return await tx.fetch_one_as(
        _from_row,
        "SELECT * FROM cards WHERE cause = ? AND state = 'open' AND chat = ?"
        " AND account_kind = ? AND account_id = ?",
        (cause, chat, account.kind, account.id),
    )


async def closed_by(tx: Connection, cause: str) -> Card | None:
    """Return the card that a cause closed, whatever its state is now."""
    return await tx.fetch_one_as(_from_row, "SELECT * FROM cards WHERE closed_by = ?", (cause,))


async def reopen(tx: Connection, card: int, message: int, *, now: float) -> None:
    """Open a closed question again; the bot's `message` shows it now."""
    await tx.execute(
        "UPDATE cards SET state = 'open', card_message = ?, created_at = ?"
        " WHERE id = ? AND state = 'dropped'",
        (message, now, card),
    )


async def shown(tx: Connection, card: int, message: int, *, alone_with: int | None = None) -> None:
    """Store the message that shows a card, which moves to the person it was sent `alone_with`."""
    await tx.execute("UPDATE cards SET card_message = ? WHERE id = ?", (message, card))
    moved = None if alone_with is None else await find(tx, card)
    if moved is None or alone_with is None:
        return
    private = await chats.private_chat(tx, alone_with, now=moved.created_at)
    await close_open(tx, private.id, moved.account, by=moved.cause)
    await tx.execute(
        "UPDATE cards SET chat = ?, thread_id = NULL, message_id = NULL WHERE id = ?",
        (private.id, card),
    )


async def write(tx: Connection, card: int, content: CardContent) -> Card | None:
    """Replace prompt and picture of an open card; return None if it is not open."""
    return await tx.fetch_one_as(
        _from_row,
        "UPDATE cards SET kind = ?, prompt = ?, message_id = ?, picture = ?, picture_width = ?,"
        " picture_height = ?, picture_by = ? WHERE id = ? AND state = 'open' RETURNING *",
        (content.kind, content.prompt, content.message_id, content.picture, content.picture_width,
         content.picture_height, content.picture_by, card),
    )  # fmt: skip


async def choose(tx: Connection, card: int, prompt: str, options: str) -> Card | None:
    """Replace the options of an open card, and its prompt; return None if it is not open."""
    return await tx.fetch_one_as(
        _from_row,
        "UPDATE cards SET prompt = ?, options = ? WHERE id = ? AND state = 'open' RETURNING *",
        (prompt, options, card),
    )


async def close(tx: Connection, card: int, state: str) -> bool:
    """Set an open card to `started` or `dropped`; return False if it is not open."""
    return await tx.changed(
        "UPDATE cards SET state = ? WHERE id = ? AND state = 'open'", (state, card)
    )


async def forget(tx: Connection, *, now: float) -> bool:
    """Erase the content of a batch of old cards; return whether there were any."""
    return await tx.changed(
        "UPDATE cards SET state = iif(state = 'open', 'dropped', state), prompt = '',"
        " picture = NULL, picture_width = NULL, picture_height = NULL, picture_by = NULL"
        " WHERE id IN (SELECT id FROM cards WHERE (prompt <> '' OR picture IS NOT NULL)"
        " AND created_at < iif(state = 'open', ?, ?) AND created_at < ? LIMIT ?)",
        (now - OPEN_SECONDS, now - CLOSED_SECONDS, now - CLOSED_SECONDS, DELETE_BATCH),
    )
