"""The table of generations: requests for videos, with their states."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from operator import itemgetter
from typing import TYPE_CHECKING, Any, TypedDict

from storage.database import columns
from storage.ledger import Account

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Mapping
    from typing import Unpack

    from storage.database import Connection


class State(StrEnum):
    """The state of a generation; docs/architecture.md has a diagram."""

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
    """Cancelled in time; credits are back."""


class Reason(StrEnum):
    """Why a generation is in its state. The values are stored, and never change."""

    REQUESTED = "asked for"
    MODEL_REPLACED = "another model makes it"
    SUBMISSION_NOT_ACCEPTED = "surely not taken"
    ACCOUNT_REFUSED = "account refused"
    TURN_CAME = "its turn"
    ANSWER_LOST = "answer lost"
    PROCESS_STOPPED = "stopped meanwhile"
    SUBMISSION_ACCEPTED = "taken by the provider"
    FOUND_IN_LOG = "found in the log"
    DEADLINE_OVER = "deadline over"
    NEVER_ANSWERED = "never answered"
    LINK_DEAD = "link dead"
    NO_VIDEO_AT_LINK = "no video at the link"
    VIDEO_ON_DISK = "video on disk"
    CAME_LATE = "late, on the house"
    DELIVERED = "sent"
    NO_RECIPIENT = "nobody can receive it"
    ARRIVAL_UNKNOWN = "nobody knows whether it arrived"
    PREPARATION_FAILED = "cannot be prepared"
    CANCELLED = "called back"
    BANNED = "banned"
    WAITED_TOO_LONG = "no turn"
    BOT_WAS_AWAY = "bot was away"
    PROVIDER_CLOSED = "provider refuses"
    PICTURE_LOST = "picture gone"
    PICTURE_UNUSABLE = "picture unusable"
    MODEL_GONE = "model gone"
    CONTENT_REFUSED = "moderation"
    PEOPLE_REFUSED = "people in the picture"
    REQUEST_REFUSED = "rejected"
    PROVIDER_FAILED = "provider broken"
    ADDRESS_MISSING = "finished without an address"
    RESULT_REFUSED = "result refused"
    NEVER_FINISHED = "never seen again"
    VIDEO_LOST = "video lost"
    OTHER = "other"
    """Stored by another version, and not known to this one."""

    @classmethod
    def _missing_(cls, _value: object) -> Reason:
        return cls.OTHER


PENDING = frozenset({State.QUEUED, State.SUBMITTING, State.UNKNOWN, State.GENERATING})
"""States that count against MAX_PENDING_PER_USER."""
AT_PROVIDER = frozenset({State.SUBMITTING, State.UNKNOWN, State.GENERATING})
"""States that take one of PROVIDER_SLOTS."""
UNFINISHED = PENDING | {State.PARKED, State.READY}
"""States from which a next step follows."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """A request for a video: its sender, its chat, its options and its price."""

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
    """A stored request with its state; times in seconds since 1970, UTC.

    Retries are counted by cause: `picture_setbacks` and `refusals` of the submission, then
    `poll_setbacks` and `dead_links`, then `preparation_setbacks` and `send_setbacks`. `finished_at`
    is when the provider first reported it as finished, but the download failed; `sends` counts
    uploads that may have arrived; `promised_at` is the arrival time shown in its status.
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
        """Whether it may continue a film: it has a parent, or was not ordered by a message."""
        return self.parent is not None or self.origin != "message"

    def stands_in(self, chat: int) -> bool:
        """Whether its video was sent to this chat (our id), and not deleted there."""
        return self.delivered_chat == chat and self.delivered_message is not None


class Changes(TypedDict, total=False):
    """The columns of a generation that may change, besides its state."""

    due_at: float
    # the request, if another model makes it or the picture decides the shape
    family: str
    model: str
    prompt: str
    seconds: int
    aspect_ratio: str | None
    fit: str
    resolution: str | None
    picture: str | None
    # its price, and who pays
    credits: int
    price_micros: int
    budget_micros: int
    spent_micros: int
    uncharged: bool
    is_gift: bool
    # at the provider
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
    # the delivery
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
    """Build a generation from a row of all columns."""
    names, in_order = _places(tuple(row.keys()))
    values = dict(zip(names, in_order(row), strict=True))
    values["account"] = Account.of(row)
    values["state"] = State(values["state"])
    values["reason"] = Reason(values["reason"])
    for name in ("silent", "cancel_wanted", "is_gift"):
        values[name] = bool(values[name])
    # three times as fast as the constructor, and this runs at every look at a chat
    generation = object.__new__(Generation)
    vars(generation).update(values)
    return generation


@cache
def _places(present: tuple[str, ...]) -> tuple[tuple[str, ...], itemgetter[tuple[Any, ...]]]:
    """Return the columns that are fields, and a getter of their values by index."""
    names = tuple(name for name in present if name in _FIELDS)
    return names, itemgetter(*map(present.index, names))


async def insert(
    tx: Connection, request: Request, *, now: float, due_at: float | None = None
) -> Generation:
    """Insert a request as queued, due now or at `due_at`.

    Raises sqlite3.IntegrityError if there is one with the same cause.
    """
    row = await tx.insert(
        "generations", **columns(Request, request), state=State.QUEUED, reason=Reason.REQUESTED,
        due_at=now if due_at is None else due_at, created_at=now, changed_at=now,
    )  # fmt: skip
    return from_row(row)


async def find(tx: Connection, generation: int) -> Generation | None:
    """Return a generation by its id."""
    return await tx.fetch_one_as(from_row, "SELECT * FROM generations WHERE id = ?", (generation,))


async def is_taken_provider_id(tx: Connection, provider_id: str, generation: int) -> bool:
    """Return whether another generation has this id at the provider."""
    another = "SELECT 1 FROM generations WHERE provider_id = ? AND id <> ?"
    return await tx.exists(another, (provider_id, generation))


async def by_cause(tx: Connection, cause: str) -> Generation | None:
    """Return the newest generation with this cause."""
    return await tx.fetch_one_as(
        from_row, "SELECT * FROM generations WHERE cause = ? ORDER BY id DESC LIMIT 1", (cause,)
    )


async def change_state(
    tx: Connection, generation: int, was: State, to: State, *, reason: Reason, now: float,
    **changes: Unpack[Changes],
) -> Generation | None:  # fmt: skip
    """Change the state from `was` to `to`; return None if it is no longer `was`.

    Only `generation.jobs.transitions` decides on this; a trigger writes the event.
    """
    state = {"state": to, "reason": reason, "changed_at": now}
    return await _update(tx, generation, was, state | changes)


async def update(
    tx: Connection, generation: int, was: State | None = None, **changes: Unpack[Changes]
) -> Generation | None:
    """Change columns but not the state; with `was`, only if that is the state."""
    return await _update(tx, generation, was, changes)


async def _update(
    tx: Connection, generation: int, was: State | None, changes: Mapping[str, object]
) -> Generation | None:
    return await tx.fetch_one_as(
        from_row,
        f"UPDATE generations SET {', '.join(f'{name} = ?' for name in changes)}"
        " WHERE id = ? AND coalesce(?, state) = state RETURNING *",
        (*changes.values(), generation, was),
    )


STATUS_LEFT = (
    "status_message IS NOT NULL AND (state <> 'undeliverable'"
    " OR EXISTS (SELECT 1 FROM chats WHERE chats.id = generations.chat AND reachable))"
)
"""Condition: there is a status message to delete, and the bot can do so in the chat."""


def sql_list(states: Collection[State]) -> str:
    """Return states as an SQL list."""
    return ", ".join(f"'{state}'" for state in sorted(states))


async def in_work(tx: Connection, chat: int) -> list[Generation]:
    """Return a chat's unfinished generations, and those with a status message to delete."""
    return await tx.fetch_all_as(
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
    """Return the generations in these states, of one account or of all, oldest first."""
    whose, values = "", tuple[object, ...]()
    if of is not None:
        whose, values = " AND account_kind = ? AND account_id = ?", (of.kind, of.id)
    return await tx.fetch_all_as(
        from_row,
        # +id, or SQLite would scan all of an account by the index that has this order
        f"SELECT * FROM generations WHERE state IN ({sql_list(states)}){whose} ORDER BY +id",
        values,
    )


async def pending_of(tx: Connection, account: Account) -> list[Generation]:
    """Return an account's generations that count as pending, oldest first."""
    return await in_states(tx, PENDING, of=account)


async def last_step_at(tx: Connection) -> float:
    """Return the time of the newest event, 0 if there is none."""
    row = await tx.fetch_one("SELECT at FROM events ORDER BY id DESC LIMIT 1")
    return 0.0 if row is None else float(row["at"])


async def queue_entries(
    tx: Connection, *, now: float
) -> list[tuple[State, tuple[int, int, Account]]]:
    """Return the generations that wait for a slot or have one: state, and (id, chat, account)."""
    rows = await tx.fetch_all(
        "SELECT state, id, chat, account_kind, account_id FROM generations"
        f" WHERE state IN ({sql_list(AT_PROVIDER)}) OR (state = 'queued' AND due_at <= ?)",
        (now,),
    )
    return [(State(row["state"]), (row["id"], row["chat"], Account.of(row))) for row in rows]


RECENT_COSTS = 50
"""How many recent videos are compared: older ones may have had another price."""


async def max_recent_cost(tx: Connection, request: Request, *, since: float) -> int:
    """Return the highest real cost among recent similar videos in micro-dollars, 0 if unknown."""
    return await tx.fetch_int(
        "SELECT max(spent_micros) FROM (SELECT spent_micros, silent FROM generations"
        " WHERE model = ? AND seconds = ? AND resolution IS ? AND accepted_at IS NOT NULL"
        " AND ready_at >= ? ORDER BY ready_at DESC LIMIT ?) WHERE silent = ?",
        (request.model, request.seconds, request.resolution, since, RECENT_COSTS, request.silent),
    )


async def content_refused_at(
    tx: Connection, account: Account | None, *, chat: int = 0, since: float
) -> dict[int, float]:
    """Return when an account's requests since a time were refused for content, by id.

    Without an account, of all who write as a group or channel in `chat`.
    """
    whose, values = (
        ("account_kind = ? AND account_id = ?", (account.kind, account.id))
        if account is not None
        else ("account_kind = 'chat' AND chat = ?", (chat,))
    )
    rows = await tx.fetch_all(
        f"SELECT id, changed_at FROM generations WHERE {whose}"
        " AND created_at >= ? AND state = 'failed' AND reason = ?",
        (*values, since, Reason.CONTENT_REFUSED),
    )
    return {row["id"]: row["changed_at"] for row in rows}


async def durations(tx: Connection, request: Request, *, limit: int) -> list[float]:
    """Return the durations of similar generations at the provider in seconds, newest first."""
    rows = await tx.fetch_all(
        "SELECT ready_at - accepted_at AS took FROM generations WHERE model = ? AND seconds = ?"
        " AND resolution IS ? AND accepted_at IS NOT NULL AND ready_at IS NOT NULL"
        " ORDER BY ready_at DESC LIMIT ?",
        (request.model, request.seconds, request.resolution, limit),
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
