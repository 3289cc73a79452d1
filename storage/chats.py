"""Chats, by ids of our own; the settings of groups, and their boards.

Telegram's id is only a column, because it may change. A board is the message in a group, one per
topic, that shows all unfinished videos there.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from storage.database import columns, read_row
from storage.generations import STATUS_LEFT, UNFINISHED, State, sql_list

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection
    from zoneinfo import ZoneInfo

    from storage.database import Connection, Database


class ChatKind(StrEnum):
    """Telegram's kinds of chat."""

    PRIVATE = "private"
    GROUP = "group"
    SUPERGROUP = "supergroup"
    CHANNEL = "channel"


@dataclass(frozen=True, slots=True)
class Chat:
    """A chat; `reachable` is False while the bot is blocked or removed there.

    `moved_at` is when it got its present Telegram id: earlier messages cannot be answered.
    """

    id: int
    telegram_id: int
    kind: ChatKind
    title: str
    reachable: bool
    moved_at: float = 0.0

    @property
    def is_private(self) -> bool:
        """Whether it is the bot's chat with one person."""
        return self.kind is ChatKind.PRIVATE


def _from_row(row: sqlite3.Row) -> Chat:
    return read_row(Chat, row, kind=ChatKind(row["kind"]), reachable=bool(row["reachable"]))


async def upsert(
    tx: Connection, telegram_id: int, *, kind: ChatKind, title: str = "", now: float
) -> Chat:
    """Insert a chat, or update kind and title and mark it as reachable."""
    [row] = await tx.fetch_all(
        """
        INSERT INTO chats (telegram_id, kind, title, created_at) VALUES (?, ?, ?, ?)
        ON CONFLICT (telegram_id) DO UPDATE
            SET kind = excluded.kind, title = excluded.title, reachable = 1
        RETURNING *
        """,
        (telegram_id, kind, title, now),
    )
    return _from_row(row)


_FOUND = (
    "SELECT own.* FROM chats AS asked JOIN chats AS own"
    " ON own.id = coalesce(asked.became, asked.id) WHERE asked."
)
"""Selects a chat, or the one it was merged into."""


async def find(tx: Connection, chat: int) -> Chat | None:
    """Return a chat by our id."""
    return await tx.fetch_one_as(_from_row, f"{_FOUND}id = ?", (chat,))


async def group_titles(tx: Connection) -> dict[int, str]:
    """Return the titles of all groups, by our ids."""
    rows = await tx.fetch_all("SELECT id, title FROM chats WHERE kind <> 'private'")
    return {row["id"]: row["title"] for row in rows}


async def by_telegram_id(tx: Connection, telegram_id: int) -> Chat | None:
    """Return a chat by Telegram's id."""
    return await tx.fetch_one_as(_from_row, f"{_FOUND}telegram_id = ?", (telegram_id,))


async def private_chat(tx: Connection, person: int, *, now: float) -> Chat:
    """Return the private chat with a person, whose Telegram id it has; insert it if missing."""
    new = {"telegram_id": person, "kind": ChatKind.PRIVATE, "title": "", "created_at": now}
    await tx.insert_or_ignore("chats", **new)
    [row] = await tx.fetch_all(f"{_FOUND}telegram_id = ?", (person,))
    return _from_row(row)


async def set_reachable(tx: Connection, chat: int, *, reachable: bool) -> bool:
    """Store whether the bot can send to a chat; return whether that has changed."""
    return await tx.changed(
        "UPDATE chats SET reachable = ? WHERE id = ? AND reachable <> ?",
        (reachable, chat, reachable),
    )


async def groups(tx: Connection, *, limit: int, skip: int = 0) -> tuple[list[Chat], int]:
    """Return a page of the groups the bot is in, newest first, and their number in all."""
    where = "FROM chats WHERE kind IN ('group', 'supergroup') AND reachable AND became IS NULL"
    rows = await tx.fetch_all(f"SELECT * {where} ORDER BY id DESC LIMIT ? OFFSET ?", (limit, skip))
    return [_from_row(row) for row in rows], await tx.fetch_int(f"SELECT count(*) {where}")


HOURS_A_DAY = 24
GENERAL = 0
"""Our id for a forum's General topic, which has none at Telegram."""


class Asking(StrEnum):
    """Who may ask for videos in a group."""

    EVERYONE = "everyone"
    ADMINS = "admins"
    NOBODY = "nobody"
    """The bot is switched off in this group."""


@dataclass(frozen=True, slots=True)
class Group:
    """The settings of a group.

    `thread_id` is the only topic in which videos are made: 0 is General, None is everywhere.
    `per_day` is in videos per member, `pool` and `share` in credits per period, for all
    together and for each member. Between `quiet_from` and `quiet_until`, hours in the
    operator's time zone, no videos are made; None means no quiet hours.
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
    """Videos are sent as spoilers."""
    own_pictures: bool = False
    """Members may animate only pictures they sent themselves."""
    topic: str | None = None
    """The name of the only topic, if known."""
    language: str | None = None
    """The language for all members, as Telegram names it."""
    family: str | None = None
    """This and the next three are defaults for videos; None leaves them to each member."""
    seconds: int | None = None
    aspect_ratio: str | None = None
    resolution: str | None = None

    @property
    def quiet_hours(self) -> tuple[int, int] | None:
        """The first hour and the hour after the last, from 0 to 23; None if there are none."""
        if self.quiet_from is None or self.quiet_until is None:
            return None
        return self.quiet_from, self.quiet_until

    def is_quiet(self, zone: ZoneInfo, now: float) -> bool:
        """Return whether it is quiet now: no orders, and messages without sound."""
        if self.quiet_hours is None:
            return False
        begins, ends = self.quiet_hours
        # counted from the beginning, because midnight may lie between
        passed = datetime.fromtimestamp(now, zone).hour - begins
        return passed % HOURS_A_DAY < (ends - begins) % HOURS_A_DAY


_CHOICES = frozenset(field.name for field in dataclasses.fields(Group)) - {"chat"}


def _group(row: sqlite3.Row) -> Group:
    blurred, own_pictures = bool(row["blurred"]), bool(row["own_pictures"])
    asking = Asking(row["asking"])
    return read_row(Group, row, asking=asking, blurred=blurred, own_pictures=own_pictures)


async def find_group(tx: Connection, chat: int) -> Group | None:
    """Return the settings of a group, or None if the chat is no group."""
    return await tx.fetch_one_as(
        lambda row: Group(chat) if row["chat"] is None else _group(row),
        "SELECT groups.* FROM chats LEFT JOIN groups ON groups.chat = chats.id"
        " WHERE chats.id = ? AND kind <> 'private'",
        (chat,),
    )


async def group_of(tx: Connection, chat: int) -> Group:
    """Return the settings of a group, or the defaults."""
    return await find_group(tx, chat) or Group(chat)


async def choose(tx: Connection, chat: int, **choices: Any) -> None:
    """Store settings of a group: any fields of `Group` but the chat. Raises ValueError."""
    unknown = choices.keys() - _CHOICES
    if unknown:
        raise ValueError(f"not a group's choice: {', '.join(sorted(unknown))}")
    await tx.insert_or_ignore("groups", chat=chat)
    assignments = ", ".join(f"{name} = ?" for name in choices)
    await tx.execute(f"UPDATE groups SET {assignments} WHERE chat = ?", (*choices.values(), chat))


async def with_pools(tx: Connection) -> list[Group]:
    """Return the groups that have a pool, the largest first."""
    pools = "SELECT * FROM groups WHERE pool > 0 ORDER BY pool DESC, chat"
    return await tx.fetch_all_as(_group, pools)


@dataclass(frozen=True, slots=True)
class Board:
    """A board as it was last sent or edited; thread 0 is no topic."""

    chat: int
    thread_id: int
    message_id: int
    text: str
    changed_at: float


async def boards_of(tx: Connection, chat: int) -> dict[int, Board]:
    """Return the boards of a chat, by topic."""
    rows = await tx.fetch_all("SELECT * FROM boards WHERE chat = ?", (chat,))
    return {row["thread_id"]: Board(**dict(row)) for row in rows}


async def put_board(tx: Connection, board: Board) -> None:
    """Store a board as it is shown now."""
    await tx.insert_or_replace("boards", **columns(Board, board))


async def forget_boards(tx: Connection, chat: int, thread_id: int | None = None) -> None:
    """Delete a board, or all boards of a chat: their messages are gone."""
    await tx.execute(
        "DELETE FROM boards WHERE chat = ? AND coalesce(?, thread_id) = thread_id",
        (chat, thread_id),
    )


async def in_work(tx: Connection) -> list[int]:
    """Return the chats that wait for a video or a notice, or where a status or a board stands."""
    rows = await tx.fetch_all(
        f"SELECT chat FROM generations WHERE state IN ({sql_list(UNFINISHED)})"
        f" UNION SELECT chat FROM generations WHERE {STATUS_LEFT}"
        " UNION SELECT chat FROM notices WHERE sent_at IS NULL AND given_up = 0"
        " UNION SELECT chat FROM boards"
    )
    return [row["chat"] for row in rows]


SLICE = 50
"""How many rows are moved to another chat per transaction, so that others wait little."""
_ITS_OWN = "account_id = iif(account_kind = 'chat' AND account_id = ?1, ?2, account_id)"


def _following(states: Collection[State], most: str = "") -> tuple[str, str]:
    """Return the statements that move generations and credits of a chat to another."""
    return (
        f"""UPDATE generations
            SET chat = ?2, delivered_chat = iif(delivered_chat = ?1, ?2, delivered_chat), {_ITS_OWN}
            WHERE id IN (
                SELECT id FROM generations WHERE chat = ?1 AND state IN ({sql_list(states)}){most}
            )""",
        f"""UPDATE ledger SET account_id = ?2 WHERE id IN (
            SELECT id FROM ledger WHERE account_kind = 'chat' AND account_id = ?1{most})""",
    )


_KEPT = UNFINISHED | {State.UNDELIVERABLE}
"""States of generations that are still to be sent."""
_SLICES = _following(frozenset(State) - _KEPT, " LIMIT ?3")
"""For rows of which there may be many."""
_REST = (
    *_following(frozenset(State)),
    # closed cards and sent notices are only ever looked up by their ids
    f"UPDATE OR IGNORE cards SET chat = ?2, {_ITS_OWN} WHERE chat = ?1 AND state = 'open'",
    "UPDATE notices SET chat = ?2 WHERE chat = ?1 AND sent_at IS NULL AND given_up = 0",
    "UPDATE OR IGNORE boards SET chat = ?2 WHERE chat = ?1",
    "UPDATE OR IGNORE groups SET chat = ?2 WHERE chat = ?1",
    "UPDATE payments SET chat = ?2 WHERE chat = ?1",
)
_FORGOTTEN = (
    f"""UPDATE generations SET message_id = NULL, thread_id = NULL
        WHERE chat = ? AND state IN ({sql_list(_KEPT)})""",
    """UPDATE generations INDEXED BY generations_untidy SET status_message = NULL
        WHERE chat = ? AND status_message IS NOT NULL""",
    # their buttons are gone
    """UPDATE cards SET state = 'dropped', message_id = NULL, thread_id = NULL, card_message = NULL
        WHERE chat = ? AND state = 'open'""",
    """UPDATE notices SET reply_to = NULL, thread_id = NULL
        WHERE chat = ? AND sent_at IS NULL AND given_up = 0""",
    "UPDATE groups SET thread_id = NULL, topic = NULL WHERE chat = ?",
    "DELETE FROM boards WHERE chat = ?",
)
"""Clears the ids of messages and topics of a chat that moved: they are not valid in the new one."""


async def follow(tx: Connection, chat: int, into: int) -> None:
    """Move all that is left in a chat to the one it was merged into."""
    for statement in _REST:
        await tx.execute(statement, (chat, into))
    await tx.execute("DELETE FROM groups WHERE chat = ?", (chat,))


async def move(db: Database, chat: int, telegram_id: int, *, now: float) -> Chat:
    """Give a chat its new Telegram id, and merge it with the chat that has that id.

    Our id and the history stay, and the old Telegram id refers to this chat, too; generations still
    to be sent lose the messages they would answer. Rows of the other chat are moved: finished ones
    in batches, the rest with the move itself. An interrupted move is resumed when Telegram reports
    it again.
    """
    while True:
        async with db.transaction(in_thread=True) as tx:
            here, known = await find(tx, chat), await by_telegram_id(tx, telegram_id)
            if here is None:
                raise ValueError(f"there is no chat {chat}")
            if known is not None and known.id == here.id:
                return known  # done before
            if known is None:
                kind, title = ChatKind.SUPERGROUP, here.title
                known = await upsert(tx, telegram_id, kind=kind, title=title, now=now)
            for statement in _SLICES:
                if await tx.changed(statement, (known.id, here.id, SLICE)):
                    break
            else:
                await _finish_move(tx, here, known, telegram_id, now)


async def _finish_move(
    tx: Connection, chat: Chat, known: Chat, telegram_id: int, now: float
) -> None:
    for statement in _FORGOTTEN:
        await tx.execute(statement, (chat.id,))
    for table in ("allowed", "bans"):
        # REPLACE, because both ids may have a row
        await tx.execute(
            f"UPDATE OR REPLACE {table} SET telegram_id = ? WHERE telegram_id = ?",
            (telegram_id, chat.telegram_id),
        )
    await follow(tx, known.id, chat.id)
    # its id, and those merged into it, refer to this chat now; so does the old Telegram id, under
    # which an invoice may still be paid; they are swapped by way of 0, because they are unique
    await tx.execute("UPDATE chats SET became = ?1 WHERE ?2 IN (id, became)", (chat.id, known.id))
    await tx.execute("UPDATE chats SET telegram_id = 0 WHERE telegram_id = ?", (telegram_id,))
    await tx.execute(
        "UPDATE chats SET telegram_id = ?, kind = 'supergroup', reachable = ?, moved_at = ?"
        " WHERE id = ?",
        (telegram_id, known.reachable, now, chat.id),
    )
    await tx.execute("UPDATE chats SET telegram_id = ? WHERE telegram_id = 0", (chat.telegram_id,))
