"""Updates from before Telegram is told they were received until they are handled.

Their rows, and the backlog in memory: which may wait for the one before them, and whose turn it is.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from storage import FORGOTTEN_AT_ONCE, HOUR_SECONDS, MONTH_SECONDS
from storage.database import changed, columns, fetch_all, fetch_int, fetch_one, insert_or_ignore

if TYPE_CHECKING:
    from storage.database import Connection

MOST_OF_SENDER, MOST_OF_CHAT, MOST_OF_MEMBER = 50, 200, 3
"""How many updates may wait: of a sender, in a chat, and of a group's member meant for the bot."""
TOLD_SECONDS = HOUR_SECONDS
"""How seldom somebody is told that some of theirs were left out."""
READ_AT_ONCE = 200
"""How many updates are in memory at a time while what waits is read."""
KEPT_SECONDS = 48 * HOUR_SECONDS
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
    new = StoredUpdate(update_id, queue_key, body, starts, received_at=now)
    return await insert_or_ignore(tx, "inbox", **columns(StoredUpdate, new)) is not None


async def begin(tx: Connection, update_id: int) -> str | None:
    """Note that handling begins, and return the body; None where it is erased.

    An update that is begun often ended the process each time.
    """
    row = await fetch_one(
        tx, "UPDATE inbox SET starts = starts + 1 WHERE update_id = ? RETURNING body", (update_id,)
    )
    return None if row is None else row["body"]


async def often_begun(tx: Connection, starts: int) -> set[int]:
    """Return the numbers of what waits and was begun so often."""
    rows = await fetch_all(
        tx,
        "SELECT update_id FROM inbox WHERE handled_at IS NULL AND set_aside = 0 AND starts >= ?",
        (starts,),
    )
    return {row["update_id"] for row in rows}


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


async def waiting(tx: Connection, after: StoredUpdate | None = None) -> list[StoredUpdate]:
    """Return the next of what was received and not yet handled, oldest first."""
    rows = await fetch_all(
        tx,
        "SELECT update_id, queue_key, body, starts, received_at FROM inbox"
        " WHERE handled_at IS NULL AND set_aside = 0 AND (received_at, update_id) > (?, ?)"
        " ORDER BY received_at, update_id LIMIT ?",
        (after.received_at if after else -1.0, after.update_id if after else 0, READ_AT_ONCE),
    )
    return [StoredUpdate(**dict(row)) for row in rows]


async def depth(tx: Connection) -> int:
    """Count what was received and not yet handled."""
    return await fetch_int(
        tx, "SELECT count(*) FROM inbox WHERE handled_at IS NULL AND set_aside = 0"
    )


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


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an update comes from: the chat whose order is kept, and who acted there, by ids.

    Those who write as a group or a channel are one `sender` there: one person may have many such
    identities. `is_for_bot` is whether it asks the bot for an answer; what is not `is_bounded` may
    always wait.
    """

    kind: str
    chat: int
    sender: int
    is_for_bot: bool = False
    is_bounded: bool = True


@dataclass(slots=True)
class _ChatBacklog:
    """What waits in a chat, by sender; `serving` is whose update is being handled."""

    serving: int
    waiting: dict[int, deque[tuple[int, Origin]]]

    @property
    def count(self) -> int:
        return sum(map(len, self.waiting.values()))


class Backlog:
    """The numbers of updates that wait for the one before them: bounded, and fair within a chat.

    Senders have their turns in a chat one after the other, each in their own order, so that one
    member's many updates stand before nobody else's. What is over a bound is dropped unread; the
    first of it, once an hour, is kept for its sender to be told.
    """

    def __init__(self) -> None:
        self._chats: dict[int, _ChatBacklog] = {}
        self._of_sender = Counter[int]()
        self._excess: set[int] = set()
        self._told: dict[tuple[int, int], float] = {}

    def is_excess(self, update_id: int) -> bool:
        """Whether this one is handed out only for its sender to be told of those left out."""
        return update_id in self._excess

    def admit(self, update_id: int, origin: Origin, now: float) -> tuple[bool, int | None]:
        """Decide whether an update may come in, and which other one is dropped for it."""
        chat = self._chats.get(origin.chat)
        if chat is None or not origin.is_bounded:
            return True, None
        mine = chat.waiting.get(origin.sender, ())
        if any(update_id == number for number, _ in mine):
            return False, None  # it waits already: Telegram repeats what was not confirmed
        if mine and origin.kind == "my_chat_member" == mine[-1][1].kind:
            # only how it stands now counts
            return True, self._drop_last(chat, origin.sender)
        if self._of_sender[origin.sender] < MOST_OF_SENDER and not (
            origin.chat < 0
            and origin.is_for_bot
            and sum(one.is_for_bot for _, one in mine) >= MOST_OF_MEMBER
        ):
            if chat.count < MOST_OF_CHAT:
                return True, None
            loudest = max(chat.waiting, key=lambda sender: len(chat.waiting[sender]))
            if len(chat.waiting[loudest]) > len(mine) + 1:
                return True, self._drop_last(chat, loudest)
        return self._is_to_tell(update_id, origin, now), None

    def _is_to_tell(self, update_id: int, origin: Origin, now: float) -> bool:
        """Decide whether one over a bound is kept for its sender to be told, and remember it."""
        key = (origin.chat, origin.sender)
        if not origin.is_for_bot or now - self._told.get(key, -TOLD_SECONDS) < TOLD_SECONDS:
            return False
        self._told = {one: at for one, at in self._told.items() if now - at < TOLD_SECONDS}
        self._told[key] = now
        self._excess.add(update_id)
        return True

    def is_idle(self, chat: int) -> bool:
        """Whether nothing of a chat is being handled, or waits."""
        return chat not in self._chats

    def add(self, update_id: int, origin: Origin) -> bool:
        """Line an update up; tell whether it is its turn at once."""
        chat = self._chats.get(origin.chat)
        if chat is None:
            self._chats[origin.chat] = _ChatBacklog(origin.sender, {})
            return True
        chat.waiting.setdefault(origin.sender, deque()).append((update_id, origin))
        self._of_sender[origin.sender] += 1
        return False

    def next(self, update_id: int, chat_id: int) -> tuple[int, Origin] | None:
        """Note that an update of a chat is done, and return whose turn it is there."""
        self._excess.discard(update_id)
        chat = self._chats[chat_id]
        if (served := chat.waiting.pop(chat.serving, None)) is not None:
            # behind all who came meanwhile
            chat.waiting[chat.serving] = served
        if not chat.waiting:
            del self._chats[chat_id]
            return None
        chat.serving = next(iter(chat.waiting))
        return self._take(chat, chat.serving, 0)

    def _drop_last(self, chat: _ChatBacklog, sender: int) -> int | None:
        places = [place for place, (_, one) in enumerate(chat.waiting[sender]) if one.is_bounded]
        if not places:
            return None
        update_id, _ = self._take(chat, sender, places[-1])
        self._excess.discard(update_id)
        return update_id

    def _take(self, chat: _ChatBacklog, sender: int, place: int) -> tuple[int, Origin]:
        waiting = chat.waiting[sender]
        taken = waiting[place]
        del waiting[place]
        if not waiting:
            del chat.waiting[sender]
        self._of_sender[sender] -= 1
        if not self._of_sender[sender]:
            del self._of_sender[sender]
        return taken
