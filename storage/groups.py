"""Groups: what their admins chose, their pool, and the boards that tell what is being made.

A board is the one message in a chat, per topic, that tells of all that is made there.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from storage.database import every, number, one

if TYPE_CHECKING:
    import sqlite3
    from zoneinfo import ZoneInfo

    from aiosqlite import Connection


HOURS_A_DAY = 24
GENERAL = 0
"""The number of a forum's first topic here: at Telegram it has none."""


class Asking(StrEnum):
    """Who may ask for videos in a group."""

    EVERYONE = "everyone"
    ADMINS = "admins"
    NOBODY = "nobody"
    """The bot is switched off here."""


@dataclass(frozen=True, slots=True)
class Group:
    """A group's choices; a group nobody touched has the defaults.

    `thread_id` is the only topic in which videos are made: 0 is General, None is everywhere.
    `per_day` is in videos per member, `pool` and `share` in credits per period, for all
    together and for each member. Between `quiet_from` and `quiet_until`, hours of the
    operator's day, no videos are made; both are None where there is no such time.
    """

    chat: int
    asking: Asking = Asking.EVERYONE
    thread_id: int | None = None
    per_day: int | None = None
    pool: int = 0
    share: int | None = None
    quiet_from: int | None = None
    quiet_until: int | None = None
    blurred: bool = False
    """Videos are covered until they are tapped."""
    own_pictures: bool = False
    """Members may bring to life only pictures they sent themselves."""
    topic: str | None = None
    """What the only topic is called, where that is known."""
    language: str | None = None
    """In which language all are spoken to, as Telegram's clients name it."""

    @property
    def quiet_hours(self) -> tuple[int, int] | None:
        """From and until, as a clock of 24 hours shows them; None where there are none."""
        if self.quiet_from is None or self.quiet_until is None:
            return None
        return self.quiet_from, self.quiet_until

    def is_quiet(self, zone: ZoneInfo, now: float) -> bool:
        """Whether no orders are taken now, and nothing rings."""
        if self.quiet_hours is None:
            return False
        begins, ends = self.quiet_hours
        # counted from where they begin, so that midnight is an hour like any other
        passed = datetime.fromtimestamp(now, zone).hour - begins
        return passed % HOURS_A_DAY < (ends - begins) % HOURS_A_DAY


_CHOICES = frozenset(field.name for field in dataclasses.fields(Group)) - {"chat"}


def _from_row(row: sqlite3.Row) -> Group:
    return Group(
        chat=row["chat"],
        asking=Asking(row["asking"]),
        thread_id=row["thread_id"],
        topic=row["topic"],
        per_day=row["per_day"],
        pool=row["pool"],
        share=row["share"],
        quiet_from=row["quiet_from"],
        quiet_until=row["quiet_until"],
        blurred=bool(row["blurred"]),
        own_pictures=bool(row["own_pictures"]),
        language=row["language"],
    )


async def find(tx: Connection, chat: int) -> Group:
    """Return a group's choices."""
    row = await one(tx, "SELECT * FROM groups WHERE chat = ?", (chat,))
    return Group(chat) if row is None else _from_row(row)


async def is_off(tx: Connection, telegram_id: int) -> bool:
    """Whether the bot is switched off in the group with Telegram's number."""
    return bool(
        await number(
            tx,
            "SELECT count(*) FROM groups JOIN chats ON chats.id = groups.chat"
            " WHERE telegram_id = ? AND asking = ?",
            (telegram_id, Asking.NOBODY),
        )
    )


async def choose(tx: Connection, chat: int, **choices: Any) -> None:
    """Remember choices for a group: any field of `Group` but the chat."""
    unknown = choices.keys() - _CHOICES
    if unknown:
        raise ValueError(f"not a group's choice: {', '.join(sorted(unknown))}")
    await tx.execute("INSERT INTO groups (chat) VALUES (?) ON CONFLICT DO NOTHING", (chat,))
    assignments = ", ".join(f"{name} = ?" for name in choices)
    await tx.execute(f"UPDATE groups SET {assignments} WHERE chat = ?", (*choices.values(), chat))


async def with_pools(tx: Connection) -> list[Group]:
    """Return the groups that were given a pool, the largest first."""
    rows = await every(tx, "SELECT * FROM groups WHERE pool > 0 ORDER BY pool DESC, chat")
    return [_from_row(row) for row in rows]


async def move(tx: Connection, chat: int, into: int) -> None:
    """Hand a group's choices on to the chat it became; topics of the old one mean nothing there."""
    await tx.execute("UPDATE groups SET thread_id = NULL, topic = NULL WHERE chat = ?", (chat,))
    if chat != into:
        await tx.execute("UPDATE OR REPLACE groups SET chat = ? WHERE chat = ?", (into, chat))


@dataclass(frozen=True, slots=True)
class Board:
    """A board as it stands in a chat; thread 0 is no topic."""

    chat: int
    thread_id: int
    message_id: int
    text: str
    changed_at: float


async def boards_of(tx: Connection, chat: int) -> dict[int, Board]:
    """Return a chat's boards by topic."""
    rows = await every(tx, "SELECT * FROM boards WHERE chat = ?", (chat,))
    return {row["thread_id"]: Board(**dict(row)) for row in rows}


async def put_board(tx: Connection, board: Board) -> None:
    """Remember how a board stands now."""
    await tx.execute(
        "INSERT OR REPLACE INTO boards (chat, thread_id, message_id, text, changed_at)"
        " VALUES (?, ?, ?, ?, ?)",
        (board.chat, board.thread_id, board.message_id, board.text, board.changed_at),
    )


async def forget_boards(tx: Connection, chat: int, thread_id: int | None = None) -> None:
    """Forget a board, or all of a chat's: their messages are gone."""
    await tx.execute(
        "DELETE FROM boards WHERE chat = ? AND coalesce(?, thread_id) = thread_id",
        (chat, thread_id),
    )


async def with_boards(tx: Connection) -> list[int]:
    """Return the chats in which a board stands."""
    return [row["chat"] for row in await every(tx, "SELECT DISTINCT chat FROM boards")]
