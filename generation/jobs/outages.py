"""The circuit breaker of the provider: while it refuses the account, nothing is submitted.

A bad key or an empty account opens it: queued requests wait, new ones are refused, the admins are
told. A probe looks every five minutes; once that goes well it is half open, and one order is tried:
when the provider takes it, the outage is over.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from generation.provider.errors import HeldBack, ProviderError
from storage import outages
from storage.notices import NoticeKind

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

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


class CircuitBreaker:
    """Lets submissions through: all while closed, one at a time while half open, else none.

    What is written in a transaction counts once `adopt` is called, after its commit.
    """

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
        self._outage: Outage | None = None
        self._trial = asyncio.Lock()

    @property
    def outage(self) -> Outage | None:
        """The outage in which nothing is let through; None while it is half open, too."""
        return None if self._is_half_open else self._outage

    @property
    def is_open(self) -> bool:
        """Whether nothing is let through."""
        return self.outage is not None

    @property
    def _is_half_open(self) -> bool:
        return self._outage is not None and self._outage.half_open

    async def restore(self, connection: Connection) -> None:
        """Take up the outage that began before the start."""
        self._outage = await outages.present(connection)

    def adopt(self, outage: Outage | None) -> None:
        """Count what was committed: the outage that lasts, if any."""
        self._outage = outage

    async def open(self, tx: Connection, reason: str, explanation: str, *, now: float) -> Outage:
        """Note that the account is refused; the admins are told each reason once per outage."""
        outage = await outages.begin(tx, reason, probe_at=now + self._probe_seconds, now=now)
        known = self._outage
        if known is None or (known.id, known.reason) != (outage.id, reason):
            logger.error("the provider refuses everything: %s", explanation)
            await self._admins.notify(
                tx,
                NoticeKind.OUTAGE,
                cause=f"outage:{outage.id}:{reason}",
                now=now,
                reason=reason,
                explanation=explanation,
            )
        return outage

    async def close(self, tx: Connection, *, now: float) -> Outage | None:
        """Note that an order was taken: that ends an outage which is half open."""
        outage = self._outage
        if outage is None or not outage.half_open:
            return outage
        if await outages.end(tx, outage.id, now=now):
            logger.info("the provider accepts requests again")
            await self._admins.notify(
                tx, NoticeKind.OUTAGE_OVER, cause=f"outage:{outage.id}:over", now=now
            )
        return None

    @asynccontextmanager
    async def passage(self) -> AsyncIterator[bool]:
        """Wait until a submission may leave, and tell whether it may.

        While it is half open the others wait until one has told whether the outage is over.
        """
        if self._is_half_open:
            async with self._trial:
                if self._is_half_open:
                    yield True
                    return
        yield not self.is_open

    async def present(self) -> Outage | None:
        """Return the outage that lasts, after probing it where that is due."""
        outage = self._outage
        if outage is None or outage.half_open or self._clock() < outage.probe_at:
            return outage
        serves = await self._serves()
        probe_at = self._clock() + self._probe_seconds
        async with self._db.transaction() as tx:
            outage = await outages.probed(tx, outage.id, half_open=serves, probe_at=probe_at)
        self._outage = outage
        return outage

    async def _serves(self) -> bool:
        try:
            return await self._api.balance() > 0
        except HeldBack as refusal:
            # the balance may lie outside the key's scopes: then only a real order can tell
            return refusal.is_scope
        except ProviderError:
            return False
