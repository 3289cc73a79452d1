"""What follows when the provider refuses everything, and when it serves again.

A bad key or an empty account holds back all requests: queued ones wait, new ones
are refused, admins are told once, and a probe looks every five minutes.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from generation.provider.errors import HeldBack, ProviderError
from storage import outages

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiosqlite import Connection

    from generation.provider.client import AimlApi
    from storage.admins import Admins
    from storage.database import Database
    from storage.outages import Outage

PROBE_SECONDS = 300.0
"""How often an outage is probed."""
LOOK_SECONDS = 30.0
"""How often to look whether a probe is due."""

logger = logging.getLogger(__name__)


class Outages:
    """Begins, probes and ends the times in which nothing is accepted."""

    def __init__(
        self,
        db: Database,
        api: AimlApi,
        admins: Admins,
        clock: Callable[[], float],
        *,
        probe_seconds: float = PROBE_SECONDS,
    ) -> None:
        self._db = db
        self._api = api
        self._admins = admins
        self._clock = clock
        self._probe_seconds = probe_seconds

    async def begin(self, tx: Connection, refusal: HeldBack) -> None:
        """Hold everything back, and tell the admins unless they know."""
        now = self._clock()
        probe_at = now + self._probe_seconds
        outage = await outages.begin(tx, str(refusal.reason), probe_at=probe_at, now=now)
        if outage is not None:
            logger.error("the provider refuses everything: %s", refusal.reason)
            await self._admins.notify(
                tx,
                "outage",
                cause=f"outage:{outage.id}",
                now=now,
                reason=outage.reason,
                explanation=str(refusal),
            )

    async def present(self) -> Outage | None:
        """Return the outage that lasts, after probing it where that is due."""
        async with self._db.reading() as connection:
            outage = await outages.present(connection)
        if outage is None or self._clock() < outage.probe_at:
            return outage
        if not await self._serves():
            async with self._db.transaction() as tx:
                probe_at = self._clock() + self._probe_seconds
                await outages.postpone(tx, outage.id, probe_at=probe_at)
            return outage
        await self.end(outage)
        return None

    async def end(self, outage: Outage) -> None:
        """Let requests through again, and tell the admins."""
        now = self._clock()
        async with self._db.transaction() as tx:
            if await outages.end(tx, outage.id, now=now):
                logger.info("the provider accepts requests again")
                await self._admins.notify(
                    tx, "outage_over", cause=f"outage:{outage.id}:over", now=now
                )

    async def _serves(self) -> bool:
        try:
            return await self._api.balance() > 0
        except HeldBack as refusal:
            # the balance may lie outside the key's scopes: then only a real order can tell
            return refusal.is_scope
        except ProviderError:
            return False
