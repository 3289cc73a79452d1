"""The inbox: updates that are received and not yet handled.

Their rows, and the backlog in memory, which bounds them and decides which is next in a chat.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING

from storage import DELETE_BATCH, HOUR_SECONDS, MONTH_SECONDS
from storage.database import columns

if TYPE_CHECKING:
    from storage.database import Connection

MAX_PER_SENDER, MAX_PER_CHAT, MAX_PER_MEMBER = 50, 200, 3
"""How many updates may wait: per sender, per chat, and per group member if meant for the bot."""
EXCESS_NOTICE_SECONDS = HOUR_SECONDS
"""The shortest time between two notices to a sender that updates were dropped."""
PAGE_SIZE = 200
"""How many updates are loaded at a time while the inbox is restored."""
HANDLED_ID_SECONDS = 48 * HOUR_SECONDS
"""How long the id of a handled update is kept: Telegram repeats none older than 24 hours."""


@dataclass(frozen=True, slots=True)
class StoredUpdate:
    """An update as received; `body` is Telegram's JSON, `received_at` in seconds since 1970.

    Updates with the same `queue_key`, the id of a chat or else of a person, are handled in order.
    """

    update_id: int
    queue_key: int
    body: str
    starts: int
    received_at: float


async def receive(
    tx: Connection, update_id: int, *, queue_key: int, body: str, now: float, starts: int = 0
) -> bool:
    """Store an update, with `starts` 1 if it begins at once; return False if it is stored."""
    new = StoredUpdate(update_id, queue_key, body, starts, received_at=now)
    return await tx.insert_or_ignore("inbox", **columns(StoredUpdate, new)) is not None


async def begin(tx: Connection, update_id: int) -> str | None:
    """Count a start of handling and return the body, or None if it is erased.

    Several starts mean that the process ended during each.
    """
    started = "UPDATE inbox SET starts = starts + 1 WHERE update_id = ? RETURNING body"
    return await tx.fetch_one_as(itemgetter("body"), started, (update_id,))


async def often_begun(tx: Connection, starts: int) -> set[int]:
    """Return the ids of waiting updates whose handling was begun at least `starts` times."""
    rows = await tx.fetch_all(
        "SELECT update_id FROM inbox WHERE handled_at IS NULL AND set_aside = 0 AND starts >= ?",
        (starts,),
    )
    return {row["update_id"] for row in rows}


async def undo_begin(tx: Connection, update_id: int) -> None:
    """Take back one start: handling was interrupted for no fault of the update."""
    await tx.execute(
        "UPDATE inbox SET starts = starts - 1 WHERE update_id = ? AND starts > 0", (update_id,)
    )


async def finish(tx: Connection, update_id: int, *, now: float) -> None:
    """Erase the body of a handled update; its id stays to recognise repetitions."""
    await tx.execute(
        "UPDATE inbox SET body = NULL, handled_at = ? WHERE update_id = ?", (now, update_id)
    )


async def set_aside(tx: Connection, update_id: int) -> None:
    """Keep an update that must not be tried again."""
    await tx.execute("UPDATE inbox SET set_aside = 1 WHERE update_id = ?", (update_id,))


async def waiting(tx: Connection, after: StoredUpdate | None = None) -> list[StoredUpdate]:
    """Return the next page of updates that are not handled, oldest first."""
    rows = await tx.fetch_all(
        "SELECT update_id, queue_key, body, starts, received_at FROM inbox"
        " WHERE handled_at IS NULL AND set_aside = 0 AND (received_at, update_id) > (?, ?)"
        " ORDER BY received_at, update_id LIMIT ?",
        (after.received_at if after else -1.0, after.update_id if after else 0, PAGE_SIZE),
    )
    return [StoredUpdate(**dict(row)) for row in rows]


async def depth(tx: Connection) -> int:
    """Count the updates that are not handled."""
    return await tx.fetch_int(
        "SELECT count(*) FROM inbox WHERE handled_at IS NULL AND set_aside = 0"
    )


async def forget(tx: Connection, *, now: float) -> bool:
    """Delete a batch of updates handled over 48 hours ago; return whether there were any."""
    return await tx.changed(
        "DELETE FROM inbox WHERE update_id IN"
        " (SELECT update_id FROM inbox WHERE handled_at < ? LIMIT ?)",
        (now - HANDLED_ID_SECONDS, DELETE_BATCH),
    )


async def forget_set_aside(tx: Connection, *, now: float) -> bool:
    """Delete a batch of updates set aside over a month ago; return whether there were any."""
    return await tx.changed(
        "DELETE FROM inbox WHERE update_id IN (SELECT update_id FROM inbox"
        " WHERE set_aside = 1 AND received_at < ? LIMIT ?)",
        (now - MONTH_SECONDS, DELETE_BATCH),
    )


@dataclass(frozen=True, slots=True)
class Origin:
    """The chat and sender of an update, by their ids.

    Everyone who writes as a group or channel counts as one `sender` per chat, because one person
    may have many such identities. `is_for_bot` is whether it asks the bot for an answer; an update
    that is not `is_bounded` is exempt from limits.
    """

    kind: str
    chat: int
    sender: int
    is_for_bot: bool = False
    is_bounded: bool = True


@dataclass(slots=True)
class _ChatBacklog:
    """The waiting updates of a chat, by sender; `serving` is whose update is being handled."""

    serving: int
    waiting: dict[int, deque[tuple[int, Origin]]]

    @property
    def count(self) -> int:
        return sum(map(len, self.waiting.values()))


class Backlog:
    """The ids of waiting updates, bounded, and scheduled round-robin among the senders of a chat.

    Updates over a limit are dropped unread; the first in an hour is kept, so that its sender can
    be told.
    """

    def __init__(self) -> None:
        self._chats: dict[int, _ChatBacklog] = {}
        self._of_sender = Counter[int]()
        self._excess: set[int] = set()
        self._notified: dict[tuple[int, int], float] = {}

    def is_excess(self, update_id: int) -> bool:
        """Return whether an update is over the limit, and kept only to tell its sender."""
        return update_id in self._excess

    def admit(self, update_id: int, origin: Origin, now: float) -> tuple[bool, int | None]:
        """Decide whether an update is accepted, and which other one is dropped for it."""
        chat = self._chats.get(origin.chat)
        if chat is None or not origin.is_bounded:
            return True, None
        mine = chat.waiting.get(origin.sender, ())
        if any(update_id == number for number, _ in mine):
            return False, None  # a repetition: it is not confirmed yet
        if mine and origin.kind == "my_chat_member" == mine[-1][1].kind:
            # only the newest status of a membership counts
            return True, self._drop_last(chat, origin.sender)
        if self._of_sender[origin.sender] < MAX_PER_SENDER and not (
            origin.chat < 0
            and origin.is_for_bot
            and sum(one.is_for_bot for _, one in mine) >= MAX_PER_MEMBER
        ):
            if chat.count < MAX_PER_CHAT:
                return True, None
            loudest = max(chat.waiting, key=lambda sender: len(chat.waiting[sender]))
            if len(chat.waiting[loudest]) > len(mine) + 1:
                return True, self._drop_last(chat, loudest)
        return self._should_notify(update_id, origin, now), None

    def _should_notify(self, update_id: int, origin: Origin, now: float) -> bool:
        """Return whether an update over the limit is kept to tell its sender, and remember that."""
        key = (origin.chat, origin.sender)
        if (
            not origin.is_for_bot
            or now - self._notified.get(key, -EXCESS_NOTICE_SECONDS) < EXCESS_NOTICE_SECONDS
        ):
            return False
        self._notified = {
            one: at for one, at in self._notified.items() if now - at < EXCESS_NOTICE_SECONDS
        }
        self._notified[key] = now
        self._excess.add(update_id)
        return True

    def is_idle(self, chat: int) -> bool:
        """Return whether no update of a chat is being handled or waits."""
        return chat not in self._chats

    def add(self, update_id: int, origin: Origin) -> bool:
        """Queue an update; return whether it can be handled at once."""
        chat = self._chats.get(origin.chat)
        if chat is None:
            self._chats[origin.chat] = _ChatBacklog(origin.sender, {})
            return True
        chat.waiting.setdefault(origin.sender, deque()).append((update_id, origin))
        self._of_sender[origin.sender] += 1
        return False

    def next(self, update_id: int, chat_id: int) -> tuple[int, Origin] | None:
        """Note that an update of a chat is handled, and return the next one there."""
        self._excess.discard(update_id)
        chat = self._chats[chat_id]
        if (served := chat.waiting.pop(chat.serving, None)) is not None:
            # this sender goes to the end
            chat.waiting[chat.serving] = served
        if not chat.waiting:
            del self._chats[chat_id]
            return None
        chat.serving = next(iter(chat.waiting))
        return self._take(chat, chat.serving, 0)

    def _drop_last(self, chat: _ChatBacklog, sender: int) -> int | None:
        bounded = [index for index, (_, one) in enumerate(chat.waiting[sender]) if one.is_bounded]
        if not bounded:
            return None
        update_id, _ = self._take(chat, sender, bounded[-1])
        self._excess.discard(update_id)
        return update_id

    def _take(self, chat: _ChatBacklog, sender: int, index: int) -> tuple[int, Origin]:
        waiting = chat.waiting[sender]
        taken = waiting[index]
        del waiting[index]
        if not waiting:
            del chat.waiting[sender]
        self._of_sender[sender] -= 1
        if not self._of_sender[sender]:
            del self._of_sender[sender]
        return taken
