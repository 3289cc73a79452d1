"""What goes wrong, decided by dice: nothing at all once the weather is clear."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random


class Weather:
    """Rolls the seeded dice; `met` counts what went wrong."""

    def __init__(self, dice: random.Random) -> None:
        self.dice = dice
        self.is_clear = False
        self.met: Counter[str] = Counter()

    def strikes(self, what: str, chance: float) -> bool:
        """Tell whether this goes wrong now."""
        if self.is_clear or self.dice.random() >= chance:
            return False
        self.met[what] += 1
        return True

    def fault(self, where: str, chance: float, kinds: tuple[str, ...]) -> str | None:
        """Choose what goes wrong in an exchange, None for nothing."""
        if self.is_clear or self.dice.random() >= chance:
            return None
        kind = self.dice.choice(kinds)
        self.met[f"{where}: {kind}"] += 1
        return kind

    async def passes(self, least: float, most: float) -> None:
        """Let some seconds go by."""
        await asyncio.sleep(self.dice.uniform(least, most))
