"""Requests for a video and how far each of them is: the record, not the rules."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from operator import itemgetter
from typing import TYPE_CHECKING, Any, TypedDict

from storage import database
from storage.database import (
    columns,
    exists,
    fetch_all,
    fetch_all_as,
    fetch_int,
    fetch_one,
    fetch_one_as,
)
from storage.ledger import Account

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection
    from typing import Unpack

    from storage.database import Connection


class State(StrEnum):
    """A generation's life; docs/architecture.md draws what leads where."""

    QUEUED = "queued"
    """Accepted, credits held, waiting for its turn."""
    SUBMITTING = "submitting"
    """Committed before the paid request leaves."""
    UNKNOWN = "unknown"
    """The paid request left and its answer was lost."""
    GENERATING = "generating"
    """The provider's id is stored."""
    PARKED = "parked"
    """Credits are back; still looked for, slowly."""
    READY = "ready"
    """The video is on disk."""
    DELIVERED = "delivered"
    """The video is in a chat."""
    UNDELIVERABLE = "undeliverable"
    """Nobody can receive the video now."""
    FAILED = "failed"
    """There will be no video; credits are back."""
    CANCELLED = "cancelled"
    """Called back in time; credits are back."""


class Reason(StrEnum):
    """Why a generation is in its state."""

    ASKED_FOR = "asked for"
    MODEL_REPLACED = "another model makes it"
    NOT_TAKEN = "surely not taken"
    ACCOUNT_REFUSED = "account refused"
    ITS_TURN = "its turn"
    ANSWER_LOST = "answer lost"
    PROCESS_STOPPED = "stopped meanwhile"
    TAKEN = "taken by the provider"
    FOUND_IN_LOG = "found in the log"
    DEADLINE_OVER = "deadline over"
    NEVER_ANSWERED = "never answered"
    LINK_DEAD = "link dead"
    NO_VIDEO = "no video at the link"
    VIDEO_ON_DISK = "video on disk"
    CAME_LATE = "late, on the house"
    SENT = "sent"
    NOBODY_RECEIVES = "nobody can receive it"
    ARRIVAL_UNKNOWN = "nobody knows whether it arrived"
    CANNOT_BE_PREPARED = "cannot be prepared"
    CALLED_BACK = "called back"
    BANNED = "banned"
    NO_TURN = "no turn"
    BOT_WAS_AWAY = "bot was away"
    PROVIDER_CLOSED = "provider refuses"
    PICTURE_LOST = "picture gone"
    PICTURE_UNUSABLE = "picture unusable"
    MODEL_GONE = "model gone"
    CONTENT_REFUSED = "moderation"
    PEOPLE_REFUSED = "people in the picture"
    REQUEST_REFUSED = "rejected"
    PROVIDER_BROKE = "provider broken"
    NO_ADDRESS = "finished without an address"
    RESULT_REFUSED = "result refused"
    NEVER_SEEN_AGAIN = "never seen again"
    VIDEO_LOST = "video lost"
    OTHER = "other"
    """What another version wrote and this one has no name for."""

    @classmethod
    def _missing_(cls, _value: object) -> Reason:
        return cls.OTHER


PENDING = frozenset({State.QUEUED, State.SUBMITTING, State.UNKNOWN, State.GENERATING})
"""What counts against MAX_PENDING_PER_USER."""
AT_PROVIDER = frozenset({State.SUBMITTING, State.UNKNOWN, State.GENERATING})
"""What takes one of PROVIDER_SLOTS."""
UNFINISHED = PENDING | {State.PARKED, State.READY}
"""What still has a step to take."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """What is asked for, by whom and where, and what it costs; fixed when it is accepted."""

    origin: str
    cause: str
    chat: int
    thread_id: int | None
    message_id: int | None
    account: Account
    kind: str
    family: str
    model: str
    prompt: str
    seconds: int
    aspect_ratio: str | None
    resolution: str | None
    fit: str
    silent: bool
    picture: str | None
    credits: int
    price_micros: int
    budget_micros: int
    picture_by: int | None = None
    parent: int | None = None


@dataclass(frozen=True, kw_only=True)
class Generation(Request):
    """A request with its number and how far it is; times in seconds since 1970, UTC.

    Each cause of a delay has a counter of its own: `refusals` of the submission and
    `picture_setbacks` before it, `poll_setbacks` and `dead_links` after it, `preparation_setbacks`
    and `send_setbacks` on the way back. `finished_at` is when the provider first called it finished
    and its video could not be had; `sends` counts those that may have arrived; `promised_at`
    is when its status says that it will be there.
    """

    id: int
    state: State
    reason: Reason
    spent_micros: int | None
    request_id: str | None
    submissions: int
    refusals: int
    picture_setbacks: int
    provider_id: str | None
    polls: int
    poll_setbacks: int
    finished_at: float | None
    dead_links: int
    due_at: float
    cancel_wanted: bool
    is_gift: bool
    status_message: int | None
    promised_at: float | None
    preparation_setbacks: int
    send_started_at: float | None
    sends: int
    send_setbacks: int
    delivered_chat: int | None
    delivered_message: int | None
    file_id: str | None
    file_kind: str | None
    file_unique_id: str | None
    created_at: float
    changed_at: float
    submitted_at: float | None
    accepted_at: float | None
    ready_at: float | None

    @property
    def may_follow(self) -> bool:
        """Whether it can be another scene of a film; what was only asked for begins one."""
        return self.parent is not None or self.origin != "message"

    def stands_in(self, chat: int) -> bool:
        """Whether it was sent to a chat, by our number, and not taken away there."""
        return self.delivered_chat == chat and self.delivered_message is not None


class Changes(TypedDict, total=False):
    """What may change of a generation, besides its state."""

    due_at: float
    # what it asks for, where another model makes it or the picture told the shape
    family: str
    model: str
    prompt: str
    seconds: int
    aspect_ratio: str | None
    fit: str
    resolution: str | None
    picture: str | None
    # what it costs and who bears it
    credits: int
    price_micros: int
    budget_micros: int
    spent_micros: int
    uncharged: bool
    is_gift: bool
    # how far it is at the provider
    request_id: str
    submissions: int
    submitted_at: float
    refusals: int
    picture_setbacks: int
    provider_id: str
    accepted_at: float
    polls: int
    poll_setbacks: int
    finished_at: float
    dead_links: int
    ready_at: float
    cancel_wanted: bool
    # how far it is on its way back
    status_message: int | None
    promised_at: float | None
    preparation_setbacks: int
    send_started_at: float | None
    sends: int
    send_setbacks: int
    delivered_chat: int
    delivered_message: int | None
    file_id: str | None
    file_unique_id: str | None
    file_kind: str
    thumbnail: str | None


_FIELDS = frozenset(field.name for field in dataclasses.fields(Generation)) - {"account"}


def from_row(row: sqlite3.Row) -> Generation:
    """Read a row of all columns."""
    names, in_order = _places(tuple(row.keys()))
    values = dict(zip(names, in_order(row), strict=True))
    values["account"] = Account.of(row)
    values["state"] = State(values["state"])
    values["reason"] = Reason(values["reason"])
    for name in ("silent", "cancel_wanted", "is_gift"):
        values[name] = bool(values[name])
    # as the class would, in a third of the time: every look at a chat reads some of these
    generation = object.__new__(Generation)
    vars(generation).update(values)
    return generation


@cache
def _places(present: tuple[str, ...]) -> tuple[tuple[str, ...], itemgetter[tuple[Any, ...]]]:
    """Return which columns are fields, and what takes those from a row by their places."""
    names = tuple(name for name in present if name in _FIELDS)
    return names, itemgetter(*map(present.index, names))


async def insert(
    tx: Connection, request: Request, *, now: float, due_at: float | None = None
) -> Generation:
    """Write a new request down as queued, due at once unless told otherwise.

    Raises:
        sqlite3.IntegrityError: the same cause has made one already.
    """
    row = await database.insert(
        tx, "generations", **columns(Request, request), state=State.QUEUED, reason=Reason.ASKED_FOR,
        due_at=now if due_at is None else due_at, created_at=now, changed_at=now,
    )  # fmt: skip
    return from_row(row)


async def find(tx: Connection, generation: int) -> Generation | None:
    """Return the generation with this number."""
    return await fetch_one_as(tx, from_row, "SELECT * FROM generations WHERE id = ?", (generation,))


async def is_taken_provider_id(tx: Connection, provider_id: str, generation: int) -> bool:
    """Whether the provider gave this id to another request than this one."""
    another = "SELECT 1 FROM generations WHERE provider_id = ? AND id <> ?"
    return await exists(tx, another, (provider_id, generation))


async def by_cause(tx: Connection, cause: str) -> Generation | None:
    """Return the newest generation that this made."""
    return await fetch_one_as(
        tx, from_row, "SELECT * FROM generations WHERE cause = ? ORDER BY id DESC LIMIT 1", (cause,)
    )


async def change_state(
    tx: Connection, generation: int, was: State, to: State, *, reason: Reason, now: float,
    **changes: Unpack[Changes],
) -> Generation | None:  # fmt: skip
    """Change the state if it is still `was`; None where somebody else was quicker.

    Only `generation.jobs.transitions` decides that, and the database writes the history.
    """
    return await fetch_one_as(
        tx,
        from_row,
        f"UPDATE generations SET state = ?, reason = ?, changed_at = ?{_assignments(changes)}"
        " WHERE id = ? AND state = ? RETURNING *",
        (to, reason, now, *changes.values(), generation, was),
    )


async def update(
    tx: Connection, generation: int, was: State | None = None, **changes: Unpack[Changes]
) -> Generation | None:
    """Change facts within a state; with `was`, only while it is in that state."""
    return await fetch_one_as(
        tx,
        from_row,
        f"UPDATE generations SET {_assignments(changes).removeprefix(', ')}"
        " WHERE id = ? AND coalesce(?, state) = state RETURNING *",
        (*changes.values(), generation, was),
    )


def _assignments(changes: Changes) -> str:
    return "".join(f", {name} = ?" for name in changes)


STATUS_LEFT = (
    "status_message IS NOT NULL AND (state <> 'undeliverable'"
    " OR EXISTS (SELECT 1 FROM chats WHERE chats.id = generations.chat AND reachable))"
)
"""A status message to take away; where the bot cannot speak, it waits as the video does."""


def sql_list(states: Collection[State]) -> str:
    """Write states as SQL lists them."""
    return ", ".join(f"'{state}'" for state in sorted(states))


async def in_work(tx: Connection, chat: int) -> list[Generation]:
    """Return what a chat still waits for, oldest first, and whose status message must go."""
    return await fetch_all_as(
        tx,
        from_row,
        # each half has an index of its own; of an OR, neither would be used
        "SELECT * FROM generations WHERE id IN ("
        f"SELECT id FROM generations WHERE chat = ? AND state IN ({sql_list(UNFINISHED)})"
        f" UNION SELECT id FROM generations INDEXED BY generations_untidy"
        f" WHERE chat = ? AND {STATUS_LEFT}"
        ") ORDER BY id",
        (chat, chat),
    )


async def in_states(
    tx: Connection, states: Collection[State], *, of: Account | None = None
) -> list[Generation]:
    """Return all generations in these states, of one account or of all, oldest first."""
    whose, values = "", tuple[object, ...]()
    if of is not None:
        whose, values = " AND account_kind = ? AND account_id = ?", (of.kind, of.id)
    return await fetch_all_as(
        tx,
        from_row,
        # of the order the index of all somebody ever made would be taken
        f"SELECT * FROM generations WHERE state IN ({sql_list(states)}){whose} ORDER BY +id",
        values,
    )


async def pending_of(tx: Connection, account: Account) -> list[Generation]:
    """Return what an account waits for at the provider or before it, oldest first."""
    return await in_states(tx, PENDING, of=account)


async def last_step_at(tx: Connection) -> float:
    """Return when the last step of any generation was taken, 0 where none was."""
    row = await fetch_one(tx, "SELECT at FROM events ORDER BY id DESC LIMIT 1")
    return 0.0 if row is None else float(row["at"])


async def queue_entries(
    tx: Connection, *, now: float
) -> list[tuple[State, tuple[int, int, Account]]]:
    """Return what waits for a slot or has one: its state; its number, chat and account."""
    rows = await fetch_all(
        tx,
        "SELECT state, id, chat, account_kind, account_id FROM generations"
        f" WHERE state IN ({sql_list(AT_PROVIDER)}) OR (state = 'queued' AND due_at <= ?)",
        (now,),
    )
    return [(State(row["state"]), (row["id"], row["chat"], Account.of(row))) for row in rows]


ALIKE = 50
"""Among how many the dearest is looked for: hardly more are made at an older price."""


async def max_recent_cost(tx: Connection, request: Request, *, since: float) -> int:
    """Return the most that one of the last alike videos really cost, 0 where none is known."""
    return await fetch_int(
        tx,
        "SELECT max(spent_micros) FROM (SELECT spent_micros, silent FROM generations"
        " WHERE model = ? AND seconds = ? AND resolution IS ? AND accepted_at IS NOT NULL"
        " AND ready_at >= ? ORDER BY ready_at DESC LIMIT ?) WHERE silent = ?",
        (request.model, request.seconds, request.resolution, since, ALIKE, request.silent),
    )


async def content_refused_at(
    tx: Connection, account: Account | None, *, chat: int = 0, since: float
) -> dict[int, float]:
    """Return when requests made since then were refused for their content, by their numbers.

    Those of an account, or in a chat those of all who wrote there as a group or a channel.
    """
    whose, values = (
        ("account_kind = ? AND account_id = ?", (account.kind, account.id))
        if account is not None
        else ("account_kind = 'chat' AND chat = ?", (chat,))
    )
    rows = await fetch_all(
        tx,
        f"SELECT id, changed_at FROM generations WHERE {whose}"
        " AND created_at >= ? AND state = 'failed' AND reason = ?",
        (*values, since, Reason.CONTENT_REFUSED),
    )
    return {row["id"]: row["changed_at"] for row in rows}


async def durations(
    tx: Connection, *, model: str, seconds: int, resolution: str | None, limit: int
) -> list[float]:
    """Return how long the last such generations took, in seconds, newest first."""
    rows = await fetch_all(
        tx,
        "SELECT ready_at - accepted_at AS took FROM generations WHERE model = ? AND seconds = ?"
        " AND resolution IS ? AND accepted_at IS NOT NULL AND ready_at IS NOT NULL"
        " ORDER BY ready_at DESC LIMIT ?",
        (model, seconds, resolution, limit),
    )
    return [row["took"] for row in rows]


async def shift_times(tx: Connection, seconds: float) -> None:
    """Shift the times of unfinished generations after the clock was set.

    If it was set ahead, `due_at` stays: a generation may have been queued since by the new clock.
    """
    await tx.execute(
        "UPDATE generations SET due_at = min(due_at, due_at + ?1), changed_at = changed_at + ?1,"
        " submitted_at = submitted_at + ?1, accepted_at = accepted_at + ?1,"
        f" finished_at = finished_at + ?1 WHERE state IN ({sql_list(UNFINISHED)})",
        (seconds,),
    )


async def make_due(tx: Connection, *, after: float, now: float) -> None:
    """Make everything unfinished due now that is due after `after`."""
    await tx.execute(
        f"UPDATE generations SET due_at = ? WHERE due_at > ? AND state IN ({sql_list(UNFINISHED)})",
        (now, after),
    )
