"""The only place where a generation changes its state.

Each step is one guarded UPDATE in the transaction of its ledger rows and of the
notices it owes; the history is written by the database (see storage/schema).

    queued ──► submitting ──► generating ──► ready ──► delivered
      ▲ │          │  │          ▲   │         ▲ │         ▲
      └─┼──────────┘  ▼          │   ▼         │ ▼         │
        │          unknown ──────┘  parked ────┘ undeliverable
        ▼             └───────────►  │
      cancelled, failed ◄────────────┘
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from storage import generations, ledger, notices
from storage.generations import State
from storage.ledger import Kind, Pot
from storage.notices import Notice

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from aiosqlite import Connection

    from storage.generations import Generation

NEXT: Mapping[State, frozenset[State]] = MappingProxyType(
    {
        State.QUEUED: frozenset({State.SUBMITTING, State.CANCELLED, State.FAILED}),
        State.SUBMITTING: frozenset({State.GENERATING, State.QUEUED, State.FAILED, State.UNKNOWN}),
        State.UNKNOWN: frozenset({State.GENERATING, State.PARKED, State.FAILED}),
        State.GENERATING: frozenset({State.READY, State.FAILED, State.PARKED}),
        State.PARKED: frozenset({State.READY, State.FAILED}),
        State.READY: frozenset({State.DELIVERED, State.UNDELIVERABLE}),
        State.UNDELIVERABLE: frozenset({State.DELIVERED}),
        State.DELIVERED: frozenset(),
        State.FAILED: frozenset(),
        State.CANCELLED: frozenset(),
    }
)
"""Which state may follow which."""

_ENDS_HOLDS: Mapping[State, Kind] = MappingProxyType(
    {
        State.READY: Kind.CAPTURE,
        State.FAILED: Kind.RELEASE,
        State.CANCELLED: Kind.RELEASE,
        State.PARKED: Kind.RELEASE,
    }
)


GIFT = "late, on the house"
"""The reason of a video that came after its credits went back."""


class IllegalStep(Exception):
    """The program asked for a step that no rule allows: a bug of ours."""


async def advance(
    tx: Connection,
    generation: Generation,
    to: State,
    *,
    reason: str,
    now: float,
    owes: Iterable[Notice] = (),
    **changes: Any,
) -> Generation | None:
    """Take one step; None where the generation is no longer as it was read.

    Args:
        tx: the open transaction.
        generation: as it was read; the step is taken only from that state.
        to: the state that follows.
        reason: why, for the history.
        now: seconds since 1970, UTC.
        owes: messages that the step makes necessary.
        changes: facts that change with it; `due_at` is now and `setbacks` is 0 unless given.

    Raises:
        IllegalStep: no rule leads from the present state to that one.
    """
    if to not in NEXT[generation.state]:
        raise IllegalStep(f"generation {generation.id}: {generation.state} → {to}")
    facts = {"due_at": now, "setbacks": 0} | changes
    moved = await generations.move(
        tx, generation.id, generation.state, to, reason=reason, now=now, changes=facts
    )
    if moved is None:
        return None
    if to in _ENDS_HOLDS:
        # a second end finds nothing open: parked → ready is a gift, parked → failed is silent
        await ledger.end_holds(tx, generation.id, _ENDS_HOLDS[to], now=now)
    for notice in owes:
        await notices.owe(tx, notice, now=now)
    return moved


async def reroute(
    tx: Connection,
    generation: Generation,
    *,
    reason: str,
    now: float,
    owes: Iterable[Notice] = (),
    **changes: Any,
) -> Generation | None:
    """Let a request that was not taken wait in the queue as another video, at no more credits.

    Its holds end and new ones stand in their place, on the same pots and in the same period; None
    where it is no longer as it was read.
    """
    step = _remake if generation.state is State.QUEUED else _back
    queued = await step(tx, generation, reason=reason, now=now, owes=owes, **changes)
    if queued is None:
        return None
    before = await ledger.open_holds(tx, generation.id)
    await ledger.end_holds(tx, generation.id, Kind.RELEASE, now=now)
    left, given = queued.credits, 0
    for held in before:
        if part := min(left, held.credits):
            await ledger.hold(
                tx, held.account, held.pot, part, generation=generation.id, member=held.member,
                now=held.at,
            )  # fmt: skip
        left -= part
        given += part if held.pot is not Pot.BOUGHT else 0
    if left > 0:
        raise IllegalStep(f"generation {generation.id}: rerouted to something dearer")
    share = queued.price_micros * given // queued.credits
    await generations.note(tx, generation.id, budget_micros=share)
    return queued


async def _back(tx: Connection, generation: Generation, **changes: Any) -> Generation | None:
    return await advance(tx, generation, State.QUEUED, **changes)


async def _remake(
    tx: Connection,
    generation: Generation,
    *,
    reason: str,
    now: float,
    owes: Iterable[Notice],
    **changes: Any,
) -> Generation | None:
    """Change what a request is for that waits already; that is no step, so none is recorded."""
    facts = {"due_at": now, "setbacks": 0, "reason": reason} | changes
    if not await generations.note(tx, generation.id, State.QUEUED, **facts):
        return None
    for notice in owes:
        await notices.owe(tx, notice, now=now)
    return await generations.find(tx, generation.id)


async def call_back(tx: Connection, generation: Generation, *, now: float) -> None:
    """Cancel a queued request because its sender wished so while it was being submitted."""
    await advance(
        tx, generation, State.CANCELLED, reason="called back", now=now,
        owes=[told(generation, "cancelled")], uncharged=True,
    )  # fmt: skip


def told(generation: Generation, kind: str, **facts: Any) -> Notice:
    """Say a message is owed where the generation was asked for, in its sender's language."""
    return Notice(
        cause=f"generation:{generation.id}:{kind}",
        chat=generation.chat,
        kind=kind,
        facts={"generation": generation.id, "credits": generation.credits} | facts,
        thread_id=generation.thread_id,
        reply_to=generation.message_id,
        person=generation.account.id if generation.account.is_person else None,
        generation=generation.id,
    )
