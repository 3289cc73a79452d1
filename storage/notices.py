"""Notices, an outbox: messages stored with the change they report, and sent at least once."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import Enum, StrEnum, auto
from typing import TYPE_CHECKING, Any

from storage import DAY_SECONDS, DELETE_BATCH, MONTH_SECONDS, chats, people
from storage.database import columns, read_row

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Mapping

    from storage.database import Connection


MOST_ASKING_A_DAY = 20
"""How many questions of one kind are sent to the admins per day."""


class AskResult(Enum):
    """The result of a question to the admins."""

    SENT = auto()
    ALREADY_ASKED = auto()
    """They were asked for the same cause before."""
    TOO_MANY = auto()
    """The limit per day is reached."""
    NO_ADMINS = auto()


@dataclass(frozen=True, slots=True)
class Admins:
    """Stores notices to all admins, of the settings and of the chat, and wakes the scheduler."""

    admin_ids: frozenset[int]
    wake: Callable[[int], None] = field(default=lambda _chat: None)

    async def notify(
        self, tx: Connection, kind: NoticeKind, *, cause: str, now: float, **facts: Any
    ) -> list[int]:
        """Store a notice to each admin, once per cause; return their chats."""
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
        """Store a question to each admin, once per cause, if the limit per day allows it.

        The limit counts causes with the same text before the colon; `in_a_crowd` ignores it.
        """
        if await self.were_told(tx, cause):
            return AskResult.ALREADY_ASKED
        about, day = cause[: cause.index(":") + 1], now - DAY_SECONDS
        if not in_a_crowd and await self.times_told(tx, about, since=day) >= MOST_ASKING_A_DAY:
            return AskResult.TOO_MANY
        told = await self.notify(tx, kind, cause=cause, now=now, **facts)
        return AskResult.SENT if told else AskResult.NO_ADMINS

    async def were_told(self, tx: Connection, cause: str) -> bool:
        """Return whether there is a notice to an admin for this cause."""
        causes = [f"admin:{admin}:{cause}" for admin in await self._ids(tx)]
        marks = ", ".join("?" * len(causes))
        known = f"SELECT count(*) FROM notices WHERE cause IN ({marks})"
        return bool(await tx.fetch_int(known, causes))

    async def times_told(self, tx: Connection, about: str, *, since: float) -> int:
        """Count the causes since a time that begin with `about`, which ends with a colon."""
        begins = f"admin:{min(await self._ids(tx), default=0)}:{about}"
        return await tx.fetch_int(
            "SELECT count(*) FROM notices WHERE cause >= ? AND cause < ? AND created_at >= ?",
            (begins, f"{begins[:-1]};", since),
        )

    async def _ids(self, tx: Connection) -> list[int]:
        return sorted({*self.admin_ids, *await people.admins(tx)})

    async def notify_of_move(self, tx: Connection, old: int, new: int, *, now: float) -> None:
        """Tell the admins that a group in ALLOWED_IDS has a new id."""
        cause, kind = f"moved:{old}", NoticeKind.ALLOWED_CHAT_MOVED
        await self.notify(tx, kind, cause=cause, now=now, was=old, moved=new)


class NoticeKind(StrEnum):
    """What a notice is about."""

    # to the sender of a request
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
    # never sent
    UNKNOWN = "unknown"
    """Stored by another version, and not known to this one."""

    @classmethod
    def _missing_(cls, _value: object) -> NoticeKind:
        return cls.UNKNOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A message to send: `kind` chooses the text, `facts` are its values.

    `cause` makes it unique; `person` is the reader, whose language is used.
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
    """A stored notice that is not sent yet; `sends` counts the attempts."""

    id: int
    due_at: float
    sends: int

    def __str__(self) -> str:
        """Return how the log names it."""
        about = "" if self.generation is None else f" about generation {self.generation}"
        return f"notice {self.id} ({self.kind}){about}"


def _from_row(row: sqlite3.Row) -> Owed:
    return read_row(Owed, row, kind=NoticeKind(row["kind"]), facts=_facts(row["facts"]))


def _facts(text: str) -> dict[str, Any]:
    """Parse facts; return none if they are damaged, which is reported when the text is made."""
    try:
        facts = json.loads(text)
    except ValueError:
        facts = None
    return facts if isinstance(facts, dict) else {}


async def owe(tx: Connection, notice: Notice, *, now: float, due_at: float | None = None) -> bool:
    """Store a notice, due now or at `due_at`; return False if the cause has one already."""
    said = columns(Notice, notice) | {"facts": json.dumps(dict(notice.facts))}
    due_at = now if due_at is None else due_at
    return await tx.insert_or_ignore("notices", **said, due_at=due_at, created_at=now) is not None


async def owe_person(
    tx: Connection, person: int, kind: NoticeKind, /, *, cause: str, now: float,
    due_at: float | None = None, **facts: Any,
) -> int:  # fmt: skip
    """Store a notice to a person in private; return the chat."""
    chat = await chats.private_chat(tx, person, now=now)
    known = person if await people.find(tx, person) else None
    notice = Notice(cause=cause, chat=chat.id, kind=kind, facts=facts, person=known)
    await owe(tx, notice, now=now, due_at=due_at)
    return chat.id


async def owed(tx: Connection, chat: int) -> list[Owed]:
    """Return the notices to be sent to a chat, oldest first."""
    return await tx.fetch_all_as(
        _from_row,
        "SELECT * FROM notices WHERE chat = ? AND sent_at IS NULL AND given_up = 0 ORDER BY id",
        (chat,),
    )


async def last_about(tx: Connection, generation: int) -> Owed | None:
    """Return the last notice about a generation, sent or not."""
    return await tx.fetch_one_as(
        _from_row,
        "SELECT * FROM notices WHERE generation = ? ORDER BY id DESC LIMIT 1",
        (generation,),
    )


async def sent(tx: Connection, notice: int, *, now: float) -> None:
    """Store that a notice was sent; only facts about generations are kept, to be shown again."""
    await tx.execute(
        "UPDATE notices SET sent_at = ?, facts = iif(generation IS NULL, '{}', facts) WHERE id = ?",
        (now, notice),
    )


async def try_later(tx: Connection, notice: int, *, due_at: float) -> None:
    """Count an attempt; the next one is due at `due_at`."""
    await tx.execute(
        "UPDATE notices SET sends = sends + 1, due_at = ? WHERE id = ?", (due_at, notice)
    )


async def redirect(tx: Connection, notice: int, chat: int, *, now: float) -> None:
    """Send a notice to another chat, as no answer to a message."""
    await tx.execute(
        "UPDATE notices SET chat = ?, thread_id = NULL, reply_to = NULL, sends = 0, due_at = ?"
        " WHERE id = ?",
        (chat, now, notice),
    )


async def give_up(tx: Connection, notice: int) -> None:
    """Stop trying: nobody can receive it."""
    await tx.execute(
        "UPDATE notices SET given_up = 1, facts = iif(generation IS NULL, '{}', facts)"
        " WHERE id = ?",
        (notice,),
    )


async def withdraw(tx: Connection, chat: int, kind: NoticeKind) -> bool:
    """Give up all notices of a kind to a chat; return whether there were any."""
    return await tx.changed(
        "UPDATE notices SET given_up = 1"
        " WHERE chat = ? AND kind = ? AND sent_at IS NULL AND given_up = 0",
        (chat, kind),
    )


async def forget(tx: Connection, *, now: float) -> bool:
    """Delete a batch of notices sent or given up a month ago; return whether there were any."""
    return await tx.changed(
        "DELETE FROM notices WHERE id IN (SELECT id FROM notices WHERE created_at < ?"
        " AND (given_up = 1 OR sent_at < ?) LIMIT ?)",
        (now - MONTH_SECONDS, now - MONTH_SECONDS, DELETE_BATCH),
    )
