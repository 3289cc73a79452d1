"""Messages owed to people and admins: written with the change they tell of, sent at least once."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import Enum, StrEnum, auto
from typing import TYPE_CHECKING, Any

from storage import DAY_SECONDS, DELETE_BATCH, MONTH_SECONDS, chats, people
from storage.database import (
    changed,
    columns,
    fetch_all_as,
    fetch_int,
    fetch_one_as,
    insert_or_ignore,
    read_row,
)

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Mapping

    from storage.database import Connection


MOST_ASKING_A_DAY = 20
"""How many people admins hear of in a day who ask for the same: a crowd fills nobody's chat."""


class AskResult(Enum):
    """What became of a question to the admins."""

    SENT = auto()
    ALREADY_ASKED = auto()
    """The same cause owed it to them already."""
    TOO_MANY = auto()
    """They hear of no more who ask for the same today."""
    NO_ADMINS = auto()
    """There is no admin."""


@dataclass(frozen=True, slots=True)
class Admins:
    """Knows the admins of the settings; those made in the chat are looked up.

    `wake` tells whoever sends what is owed that there is something for a chat.
    """

    admin_ids: frozenset[int]
    wake: Callable[[int], None] = field(default=lambda _chat: None)

    async def notify(
        self, tx: Connection, kind: NoticeKind, *, cause: str, now: float, **facts: Any
    ) -> list[int]:
        """Owe each admin a message, once per cause; returns the chats to which it is owed."""
        told = []
        for admin in await self._ids(tx):
            chat = await owe_person(
                tx, admin, kind, cause=f"admin:{admin}:{cause}", now=now, **facts
            )
            told.append(chat)
            self.wake(chat)
        return told

    async def ask(
        self, tx: Connection, kind: NoticeKind, *, cause: str, now: float,
        in_a_crowd: bool = False, **facts: Any,
    ) -> AskResult:  # fmt: skip
        """Owe each admin a question, once per cause, whose first word is what is asked for.

        Of a crowd that asks for the same they hear some, and whoever is heard `in_a_crowd`.
        """
        if await self.were_told(tx, cause):
            return AskResult.ALREADY_ASKED
        about, day = cause[: cause.index(":") + 1], now - DAY_SECONDS
        if not in_a_crowd and await self.times_told(tx, about, since=day) >= MOST_ASKING_A_DAY:
            return AskResult.TOO_MANY
        told = await self.notify(tx, kind, cause=cause, now=now, **facts)
        return AskResult.SENT if told else AskResult.NO_ADMINS

    async def were_told(self, tx: Connection, cause: str) -> bool:
        """Whether a cause owed any of them a message already."""
        causes = [f"admin:{admin}:{cause}" for admin in await self._ids(tx)]
        marks = ", ".join("?" * len(causes))
        known = f"SELECT count(*) FROM notices WHERE cause IN ({marks})"
        return bool(await fetch_int(tx, known, causes))

    async def times_told(self, tx: Connection, about: str, *, since: float) -> int:
        """Count the causes that begin so, up to a colon, and owed them a message since then."""
        begins = f"admin:{min(await self._ids(tx), default=0)}:{about}"
        return await fetch_int(
            tx,
            "SELECT count(*) FROM notices WHERE cause >= ? AND cause < ? AND created_at >= ?",
            (begins, f"{begins[:-1]};", since),
        )

    async def _ids(self, tx: Connection) -> list[int]:
        return sorted({*self.admin_ids, *await people.admins(tx)})

    async def notify_of_move(self, tx: Connection, old: int, new: int, *, now: float) -> None:
        """Owe each admin word that an id of the settings' means a group that has another now."""
        cause, kind = f"moved:{old}", NoticeKind.ALLOWED_CHAT_MOVED
        await self.notify(tx, kind, cause=cause, now=now, was=old, moved=new)


class NoticeKind(StrEnum):
    """What a notice is about."""

    # to who asked for a video
    CANCELLED = "cancelled"
    SUBSTITUTED = "substituted"
    PARKED_LATE = "parked_late"
    PARKED_UNKNOWN = "parked_unknown"
    FAILED_BANNED = "failed_banned"
    FAILED_BROKEN = "failed_broken"
    FAILED_CLOSED = "failed_closed"
    FAILED_LOST = "failed_lost"
    FAILED_MODEL_GONE = "failed_model_gone"
    FAILED_MODERATION = "failed_moderation"
    FAILED_PEOPLE = "failed_people"
    FAILED_PICTURE = "failed_picture"
    FAILED_PICTURE_GONE = "failed_picture_gone"
    FAILED_REJECTED = "failed_rejected"
    FAILED_AWAY = "failed_away"
    FAILED_WAITED = "failed_waited"
    UNDELIVERABLE = "undeliverable"
    ELSEWHERE = "elsewhere"
    # to a group
    GOODBYE = "goodbye"
    GROUP_PURCHASED = "group_purchased"
    GROUP_REFUNDED = "group_refunded"
    # to a person
    BANNED = "banned"
    UNBANNED = "unbanned"
    BRAKED = "braked"
    LET_IN = "let_in"
    NOT_LET_IN = "not_let_in"
    FILM = "film"
    CREDITS_DENIED = "credits_denied"
    GRANTED = "granted"
    PURCHASED = "purchased"
    REFUNDED = "refunded"
    SUPPORT_ANSWERED = "support_answered"
    TAKEN_BACK = "taken_back"
    RENEWED = "renewed"
    # to the admins
    GIFT_TAKEN = "gift_taken"
    ACCESS_WANTED = "access_wanted"
    ADDED = "added"
    ALLOWED_CHAT_MOVED = "allowed_chat_moved"
    BAD_RESULT = "bad_result"
    BALANCE_LOW = "balance_low"
    CONTENT_BRAKE = "content_brake"
    CREDITS_WANTED = "credits_wanted"
    MODEL_FAILING = "model_failing"
    MODEL_GONE = "model_gone"
    MODEL_SUPERSEDED = "model_superseded"
    MODEL_WITHDRAWN = "model_withdrawn"
    MORNING = "morning"
    NOTHING_SERVED = "nothing_served"
    OUTAGE = "outage"
    OUTAGE_OVER = "outage_over"
    PAYMENT_TAKEN_BACK = "payment_taken_back"
    PAYMENT_UNREADABLE = "payment_unreadable"
    REFUND_DONE = "refund_done"
    REFUND_REFUSED = "refund_refused"
    PRICES_MOVED = "prices_moved"
    REPORTED = "reported"
    SPENDING_SURGE = "spending_surge"
    SET_ASIDE = "set_aside"
    SUPPORT_WANTED = "support_wanted"
    UNREADABLE = "unreadable"
    # to nobody: there are no words for it
    UNKNOWN = "unknown"
    """What another version wrote and this one has no name for."""

    @classmethod
    def _missing_(cls, _value: object) -> NoticeKind:
        return cls.UNKNOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What is owed to whom: `kind` chooses the words, `facts` fill them in.

    `cause` makes it unique; `person` is whose language it is said in.
    """

    cause: str
    chat: int
    kind: NoticeKind
    facts: Mapping[str, Any]
    thread_id: int | None = None
    reply_to: int | None = None
    person: int | None = None
    generation: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed(Notice):
    """A notice with its number, not sent yet; `sends` counts the attempts."""

    id: int
    due_at: float
    sends: int

    def __str__(self) -> str:
        """Write what the log calls it."""
        about = "" if self.generation is None else f" about generation {self.generation}"
        return f"notice {self.id} ({self.kind}){about}"


def _from_row(row: sqlite3.Row) -> Owed:
    return read_row(Owed, row, kind=NoticeKind(row["kind"]), facts=_facts(row["facts"]))


def _facts(text: str) -> dict[str, Any]:
    """Read facts; none where they are damaged: whoever puts them into words says so."""
    try:
        facts = json.loads(text)
    except ValueError:
        facts = None
    return facts if isinstance(facts, dict) else {}


async def owe(tx: Connection, notice: Notice, *, now: float, due_at: float | None = None) -> bool:
    """Write down that a message is owed; False where the same cause owes it already.

    It is sent at once unless a later time is given.
    """
    said = columns(Notice, notice) | {"facts": json.dumps(dict(notice.facts))}
    due_at = now if due_at is None else due_at
    return await insert_or_ignore(tx, "notices", **said, due_at=due_at, created_at=now) is not None


async def owe_person(
    tx: Connection, person: int, kind: NoticeKind, /, *, cause: str, now: float,
    due_at: float | None = None, **facts: Any,
) -> int:  # fmt: skip
    """Write down that a person is owed a message, alone with them; returns our chat with them."""
    chat = await chats.private_chat(tx, person, now=now)
    known = person if await people.find(tx, person) else None
    notice = Notice(cause=cause, chat=chat.id, kind=kind, facts=facts, person=known)
    await owe(tx, notice, now=now, due_at=due_at)
    return chat.id


async def owed(tx: Connection, chat: int) -> list[Owed]:
    """Return what is owed to a chat, oldest first."""
    return await fetch_all_as(
        tx,
        _from_row,
        "SELECT * FROM notices WHERE chat = ? AND sent_at IS NULL AND given_up = 0 ORDER BY id",
        (chat,),
    )


async def last_about(tx: Connection, generation: int) -> Owed | None:
    """Return the last notice about a generation, sent or not."""
    return await fetch_one_as(
        tx,
        _from_row,
        "SELECT * FROM notices WHERE generation = ? ORDER BY id DESC LIMIT 1",
        (generation,),
    )


async def sent(tx: Connection, notice: int, *, now: float) -> None:
    """Note that a notice arrived; only of a generation its words may be asked for again."""
    await tx.execute(
        "UPDATE notices SET sent_at = ?, facts = iif(generation IS NULL, '{}', facts) WHERE id = ?",
        (now, notice),
    )


async def try_later(tx: Connection, notice: int, *, due_at: float) -> None:
    """Count an attempt and wait until `due_at` for the next."""
    await tx.execute(
        "UPDATE notices SET sends = sends + 1, due_at = ? WHERE id = ?", (due_at, notice)
    )


async def redirect(tx: Connection, notice: int, chat: int, *, now: float) -> None:
    """Owe a notice to another chat from now on, in which nothing is answered yet."""
    await tx.execute(
        "UPDATE notices SET chat = ?, thread_id = NULL, reply_to = NULL, sends = 0, due_at = ?"
        " WHERE id = ?",
        (chat, now, notice),
    )


async def give_up(tx: Connection, notice: int) -> None:
    """Stop trying: nobody can be told."""
    await tx.execute(
        "UPDATE notices SET given_up = 1, facts = iif(generation IS NULL, '{}', facts)"
        " WHERE id = ?",
        (notice,),
    )


async def withdraw(tx: Connection, chat: int, kind: NoticeKind) -> bool:
    """Owe a chat nothing of a kind any more; tell whether something was owed."""
    return await changed(
        tx,
        "UPDATE notices SET given_up = 1"
        " WHERE chat = ? AND kind = ? AND sent_at IS NULL AND given_up = 0",
        (chat, kind),
    )


async def forget(tx: Connection, *, now: float) -> bool:
    """Drop some notices that were sent or given up, a month after; tell whether there were any."""
    return await changed(
        tx,
        "DELETE FROM notices WHERE id IN (SELECT id FROM notices WHERE created_at < ?"
        " AND (given_up = 1 OR sent_at < ?) LIMIT ?)",
        (now - MONTH_SECONDS, now - MONTH_SECONDS, DELETE_BATCH),
    )
