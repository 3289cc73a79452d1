"""Random faults, until they are switched off."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random


class Chaos:
    """Decides on faults by seeded dice, none if `is_clear`; `met` counts them by name."""

    def __init__(self, dice: random.Random) -> None:
        self.dice = dice
        self.is_off = False
        self.met: Counter[str] = Counter()

    def strikes(self, what: str, chance: float) -> bool:
        """Return whether a fault happens now."""
        if self.is_off or self.dice.random() >= chance:
            return False
        self.met[what] += 1
        return True

    def fault(self, where: str, chance: float, kinds: tuple[str, ...]) -> str | None:
        """Choose a fault of a request; None for none."""
        if self.is_off or self.dice.random() >= chance:
            return None
        kind = self.dice.choice(kinds)
        self.met[f"{where}: {kind}"] += 1
        return kind

    async def passes(self, least: float, most: float) -> None:
        """Wait a random number of seconds."""
        await asyncio.sleep(self.dice.uniform(least, most))
