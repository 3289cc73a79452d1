"""When to look next: decisions over clocks, without one of their own."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

FIRST_LOOK = 0.6
"""The share of the expected time before which nothing is ready, so nothing is asked."""
SHORTEST, LONGEST = 2.0, 60.0
"""Bounds of the time between two polls, in seconds."""
PARKED_SECONDS = 600.0
"""How often a generation is looked for whose credits are back."""
PARKED_FOR = 24 * 3600.0
"""How long it is looked for."""
LONGEST_BACKOFF = 300.0
"""The longest wait after a setback, in seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long to wait, in seconds: a fixed poll interval, the deadline, the grace of `unknown`."""

    interval: float | None
    deadline: float
    grace: float | None


def expected(durations: Sequence[float], typical: float) -> float:
    """Return how long a generation takes, in seconds: our own median, else the offer's figure."""
    return median(durations) if durations else typical


def next_poll(*, now: float, accepted_at: float, expects: float, fixed: float | None) -> float:
    """Return when to poll next: rarely before anything can be ready, closely around it, then less.

    Args:
        now: seconds since 1970, UTC.
        accepted_at: when the provider took the request.
        expects: how long such a request takes, in seconds.
        fixed: the operator's own interval in seconds, or None.
    """
    if fixed is not None:
        return now + fixed
    first = accepted_at + FIRST_LOOK * expects
    if now < first:
        return max(first, now + SHORTEST)
    closely = expects / 12
    late = max(0.0, now - accepted_at - 1.5 * expects)
    return now + min(LONGEST, max(SHORTEST, closely + late / 4))


def backoff(setbacks: int, retry_after: float | None = None) -> float:
    """Return how long to wait after so many failures in a row, in seconds.

    A wait the other side asked for is obeyed where it is longer.
    """
    own = min(LONGEST_BACKOFF, 2.0 ** min(setbacks, 16))
    return max(own, retry_after or 0.0)


def grace(configured: float | None, expects: float) -> float:
    """Return how long a lost submission is looked for before credits go back, in seconds."""
    return configured if configured is not None else max(120.0, 2 * expects)
