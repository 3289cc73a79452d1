"""Requests as a handler would write them, and a clock that is moved by hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from storage import chats, generations, ledger
from storage.chats import ChatKind
from storage.generations import Request
from storage.ledger import Account, Pot

if TYPE_CHECKING:
    from storage.chats import Chat
    from storage.database import Connection, Database
    from storage.generations import Generation

NOW = 1_790_000_000.0
"""When a test begins: 2026-09-21, 14:13:20 UTC."""
ANN, BOB = 501, 502
"""People, by their ids at Telegram."""


@dataclass(slots=True)
class Clock:
    """Tells the time it was set to."""

    now: float = NOW

    def __call__(self) -> float:
        """Return the time in seconds since 1970, UTC."""
        return self.now


def request(
    cause: str = "message:1", *, chat: int = 1, person: int = ANN, **changes: Any
) -> Request:
    """A request for four seconds of a cat: nine credits, 0.84 dollars."""
    values: dict[str, Any] = {
        "origin": "message",
        "cause": cause,
        "chat": chat,
        "thread_id": None,
        "message_id": 10,
        "account": Account.person(person),
        "kind": "t2v",
        "family": "sora-2",
        "model": "openai/sora-2-t2v",
        "prompt": "a cat",
        "seconds": 4,
        "aspect_ratio": "16:9",
        "resolution": "720p",
        "fit": "crop",
        "silent": False,
        "picture": None,
        "credits": 9,
        "price_micros": 840_000,
        "budget_micros": 840_000,
    }
    return Request(**(values | changes))


async def meet(db: Database, telegram_id: int = ANN, kind: ChatKind = ChatKind.PRIVATE) -> Chat:
    """Make a chat known."""
    async with db.transaction() as tx:
        return await chats.upsert(tx, telegram_id, kind=kind, now=NOW)


async def ask(
    db: Database, cause: str = "message:1", *, now: float = NOW, **changes: Any
) -> Generation:
    """Queue a request with its credits held on the allowance."""
    asked = request(cause, **changes)
    async with db.transaction() as tx:
        generation = await generations.insert(tx, asked, now=now)
        await ledger.hold(
            tx,
            asked.account,
            Pot.ALLOWANCE,
            asked.credits,
            generation=generation.id,
            member=None,
            now=now,
        )
    return generation


async def found(db: Database, generation: Generation) -> Generation:
    """Read a generation anew."""
    async with db.reading() as connection:
        present = await generations.find(connection, generation.id)
    assert present is not None
    return present


async def rows(db: Database, statement: str, *values: Any) -> list[tuple[Any, ...]]:
    """Return what a SELECT finds, as tuples."""
    async with db.reading() as connection:
        return [tuple(row) for row in await connection.fetch_all(statement, values)]


async def everything(db: Database) -> dict[str, list[tuple[Any, ...]]]:
    """Return all rows of all tables: what is the same before and after has not been touched."""
    tables = await rows(db, "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
    return {name: await rows(db, f"SELECT * FROM {name}") for (name,) in tables}  # noqa: S608 - names of the schema


@dataclass(frozen=True)
class Event:
    """One step of a generation's history; `was` is None for its acceptance."""

    was: str | None
    state: str
    reason: str
    at: float


async def steps_of(tx: Connection, generation: int) -> list[Event]:
    """Return a generation's steps as the database wrote them, first to last."""
    query = "SELECT was, state, reason, at FROM events WHERE generation = ? ORDER BY id"
    return [Event(*row) for row in await tx.fetch_all(query, (generation,))]
