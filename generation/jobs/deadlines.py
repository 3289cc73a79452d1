"""What ends without a video: parked with its credits back, given up, or failed unbilled."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from generation.jobs import schedule, transitions
from generation.jobs.transitions import told
from storage.generations import State

if TYPE_CHECKING:
    from aiosqlite import Connection

    from generation.jobs.failover import Detours
    from generation.provider.client import Failed
    from storage.database import Database
    from storage.generations import Generation

logger = logging.getLogger(__name__)


async def park(
    tx: Connection, generation: Generation, reason: str, kind: str, *, now: float
) -> None:
    """Give credits back for what is late; it is still looked for, slowly."""
    await transitions.advance(
        tx,
        generation,
        State.PARKED,
        reason=reason,
        now=now,
        due_at=now + schedule.PARKED_SECONDS,
        owes=[told(generation, kind)],
    )


async def overdue(tx: Connection, generation: Generation, deadline: float, *, now: float) -> bool:
    """Park what is past its deadline in seconds, give up what was parked a day; tell whether so."""
    if generation.state is State.PARKED:
        return await give_up(tx, generation, now=now)
    if now - (generation.accepted_at or generation.changed_at) <= deadline:
        return False
    await park(tx, generation, "deadline over", "parked_late", now=now)
    return True


async def give_up(tx: Connection, generation: Generation, *, now: float) -> bool:
    """End what was parked for a day, silently; tell whether it was ended."""
    if now - generation.changed_at <= schedule.PARKED_FOR:
        return False
    await transitions.advance(tx, generation, State.FAILED, reason="never seen again", now=now)
    return True


async def fail_unbilled(
    db: Database, generation: Generation, failed: Failed, detours: Detours, *, now: float
) -> None:
    """Give credits back for what the provider could not make: it bills nothing for that."""
    logger.info("generation %d failed at the provider: %s", generation.id, failed.name)
    kind, facts = "failed_broken", dict[str, Any]()
    if failed.moderation:
        kind, facts = detours.moderated(generation, people=failed.people)
    owes = []
    if generation.state is not State.PARKED:  # whoever was parked has been told already
        owes = [told(generation, kind, **facts)]
    async with db.transaction() as tx:
        if not failed.moderation:
            await detours.strike(tx, generation)
        await transitions.advance(
            tx,
            generation,
            State.FAILED,
            reason=f"provider: {failed.name}",
            now=now,
            owes=owes,
            uncharged=True,
            spent_micros=0,
        )
