"""What follows when the provider turns a submission down: each kind of refusal has one reaction."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from generation.jobs import schedule, transitions
from generation.jobs.transitions import told
from generation.provider.errors import (
    Broken,
    HeldBack,
    ModelGone,
    NotTaken,
    OutcomeUnknown,
    Rejected,
)
from storage.generations import State

if TYPE_CHECKING:
    from aiosqlite import Connection

    from generation.jobs.failover import Detours
    from generation.jobs.outages import Outages
    from generation.provider.errors import ProviderError
    from storage.generations import Generation

logger = logging.getLogger(__name__)


class Reactions:
    """Takes a generation from `submitting` to where a refusal leads."""

    def __init__(self, outages: Outages, detours: Detours) -> None:
        self._outages = outages
        self._detours = detours

    async def to(
        self, tx: Connection, generation: Generation, error: ProviderError, *, now: float
    ) -> None:
        """React to a refusal; one without a reaction is a bug of ours and is raised again."""
        logger.info("generation %d was not taken: %r", generation.id, error)
        match error:
            case NotTaken():
                await _back_to_queue(tx, generation, error.retry_after, now)
            case HeldBack():
                await self._outages.begin(tx, error)
                await _back_to_queue(tx, generation, None, now)
            case ModelGone():
                await self._detours.gone(tx, generation, now=now)
            case Rejected(moderation=True):
                kind, facts = self._detours.moderated(generation, people=error.people)
                await _fail(tx, generation, "moderation", kind, now, **facts)
            case Rejected():
                # no strike: the model answered, and whoever asks for nonsense may ask often
                await _fail(tx, generation, f"rejected: {error}", "failed_rejected", now)
            case Broken():
                await self._detours.strike(tx, generation)
                await _fail(tx, generation, "provider broken", "failed_broken", now)
            case OutcomeUnknown():
                await transitions.advance(
                    tx, generation, State.UNKNOWN, reason=f"answer lost: {error}", now=now
                )
            case _:
                raise error


async def _back_to_queue(
    tx: Connection, generation: Generation, retry_after: float | None, now: float
) -> None:
    queued = await transitions.advance(
        tx, generation, State.QUEUED, reason="surely not taken", now=now,
        due_at=now + schedule.backoff(generation.setbacks, retry_after),
        setbacks=generation.setbacks + 1,
    )  # fmt: skip
    if queued is not None and queued.cancel_wanted:
        await transitions.call_back(tx, queued, now=now)


async def _fail(
    tx: Connection, generation: Generation, reason: str, kind: str, now: float, **facts: Any
) -> None:
    await transitions.advance(
        tx, generation, State.FAILED, reason=reason, now=now,
        owes=[told(generation, kind, **facts)], uncharged=True,
    )  # fmt: skip
