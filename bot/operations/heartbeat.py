"""A sign of life on disk: the running bot writes it, `healthcheck` reads it in another process."""

from __future__ import annotations

import time
from math import inf
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FRESH_SECONDS = 60
"""A bot whose last beat is older than this hangs, or is gone."""


class Heartbeat:
    """The time of the last beat, in seconds since 1970, in a file of its own."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        self._path = path
        self._clock = clock

    def beat(self) -> None:
        """Write the time of now; a reader sees the old beat or the new one, never half of one."""
        fresh = self._path.with_name(f"{self._path.name}.new")
        fresh.write_text(f"{self._clock():.3f}\n", encoding="ascii")
        fresh.replace(self._path)

    def age(self, now: float) -> float:
        """Return the seconds since the last beat; infinite if there is none that can be read."""
        try:
            return now - float(self._path.read_text(encoding="ascii"))
        except (OSError, ValueError):
            return inf

    def is_fresh(self, now: float) -> bool:
        """Tell whether the bot lives. A beat from far ahead is as wrong as one from long ago."""
        return abs(self.age(now)) < FRESH_SECONDS
