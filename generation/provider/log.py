"""The provider's log, read once for all whose submissions were lost about the same time."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from generation.provider.errors import ProviderError, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from generation.provider.client import AimlApi, Logged
    from storage.generations import Generation

LOOKUP_SECONDS = 15.0
"""How often the log is searched for a lost submission."""
TOGETHER_SECONDS = 600
"""Submissions of such a span of time are looked for in one reading."""
CLOCK_SKEW = timedelta(seconds=60)
"""How far the provider's clock may be from ours."""
WINDOW = timedelta(hours=1)
"""How long after a submission its row may be dated, clocks that differ included."""

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class _Reading:
    """What the log said at a time, and who was told: nobody learns anything by it twice."""

    at: float
    found: Mapping[str, Logged]
    told: set[int] = field(default_factory=set)


class LogReadings:
    """Searches the log, seldom enough for its limit, and not at all while it asks for a pause."""

    def __init__(self, api: AimlApi, clock: Callable[[], float]) -> None:
        self._api = api
        self._clock = clock
        self._lock = asyncio.Lock()
        self._readings: dict[int, _Reading] = {}
        self._paused_until = 0.0

    @property
    def wait(self) -> float:
        """Seconds until it is worth searching again: the provider may have asked for a pause."""
        return max(LOOKUP_SECONDS, self._paused_until - self._clock())

    async def find(self, generation: Generation, request_id: str) -> Logged | None:
        """Return the submission sent with this id; None where the log does not show it (yet)."""
        span = int(submitted_at(generation)) // TOGETHER_SECONDS
        async with self._lock:
            now = self._clock()
            self._readings = {
                key: one
                for key, one in self._readings.items()
                if 0 <= now - one.at < LOOKUP_SECONDS
            }
            reading = self._readings.get(span)
            if reading is None or generation.id in reading.told:
                if now < self._paused_until:
                    return None
                reading = self._readings[span] = _Reading(now, await self._read(span))
            reading.told.add(generation.id)
            return reading.found.get(request_id)

    async def _read(self, span: int) -> Mapping[str, Logged]:
        begins = datetime.fromtimestamp(span * TOGETHER_SECONDS, UTC)
        ends = begins + timedelta(seconds=TOGETHER_SECONDS)
        try:
            return await self._api.log(since=begins - CLOCK_SKEW, until=ends + WINDOW)
        except ProviderError as error:
            # out of reach: as if nothing were there yet
            logger.info("the log cannot be read: %r", error)
            if isinstance(error, Unavailable) and error.retry_after is not None:
                self._paused_until = self._clock() + error.retry_after
            return {}


def submitted_at(generation: Generation) -> float:
    """Return when a generation was sent to the provider, in seconds since 1970."""
    return generation.submitted_at or generation.changed_at
