"""Health: whether updates come, the database takes what is written, and the scheduler works."""

from __future__ import annotations

import asyncio
import sqlite3
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot.scheduler import Scheduler
    from storage.database import Database

DEAF_SECONDS = 60.0
"""How long no update may be taken in, or none come, before the bot counts as deaf."""
STUCK_SECONDS = 90.0
"""How long nothing may be looked after: whoever does it looks around three times meanwhile."""
WRITE_SECONDS = 5.0
"""How long the database may take for a single row."""


class Health:
    """Looks at what the bot cannot do without, when somebody asks."""

    def __init__(
        self,
        *,
        db: Database,
        taken_at: Callable[[], float | None],
        scheduler: Scheduler,
        clock: Callable[[], float],
    ) -> None:
        self._db = db
        self._taken_at = taken_at
        self._scheduler = scheduler
        self._clock = clock
        self._began_at = clock()

    async def problems(self) -> dict[str, str]:
        """Return what is wrong, by the part that is; nothing where all is well."""
        database = await self._of_database()
        return self.of_tasks() | ({"database": database} if database else {})

    def of_tasks(self) -> dict[str, str]:
        """Return what is wrong, as far as is known without writing anything."""
        found = {"updates": self._of_updates(), "scheduler": self._of_scheduler()}
        return {part: problem for part, problem in found.items() if problem}

    def _of_updates(self) -> str:
        silence = self._clock() - (self._taken_at() or self._began_at)
        return f"nothing came from Telegram for {silence:.0f} s" if silence > DEAF_SECONDS else ""

    async def _of_database(self) -> str:
        try:
            async with asyncio.timeout(WRITE_SECONDS):
                await self._db.prove_writable()
        except TimeoutError:
            return f"it took nothing within {WRITE_SECONDS:.0f} s"
        except sqlite3.Error as error:
            return f"it cannot be written: {error}"
        return ""

    def _of_scheduler(self) -> str:
        silence = self._scheduler.silence()
        if silence is None:
            return "it has not started yet"
        return f"it looked after nothing for {silence:.0f} s" if silence > STUCK_SECONDS else ""
