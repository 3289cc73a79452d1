"""Models that are left alone for a while: gone at the provider, or failing too often."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from storage import outages

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiosqlite import Connection

    from storage.admins import Admins

GONE = "gone"
GONE_SECONDS = 24 * 3600.0
"""How long a model that answered 404 is left alone; longer while it is not listed either."""
FAILING = "failing"
FAILING_SECONDS = 1800.0
STRIKES = 3
STRIKE_SECONDS = 600.0
"""So many failures of one model within so long, and it rests."""


@dataclass(frozen=True, slots=True)
class Rest:
    """Why a model is left alone, and until when."""

    reason: str
    until: float


class Rests:
    """Begins rests, tells the admins once of each, and knows which models rest now."""

    def __init__(self, admins: Admins, clock: Callable[[], float]) -> None:
        self._admins = admins
        self._clock = clock
        self._rests: dict[str, Rest] = {}

    @property
    def models(self) -> frozenset[str]:
        """The models that rest now."""
        return frozenset(self._now)

    @property
    def failing(self) -> frozenset[str]:
        """Those that only fail at present and will be asked again soon."""
        return frozenset(model for model, rest in self._now.items() if rest.reason == FAILING)

    @property
    def _now(self) -> dict[str, Rest]:
        now = self._clock()
        return {model: rest for model, rest in self._rests.items() if rest.until > now}

    async def restore(self, tx: Connection) -> None:
        """Take up the rests that began before the start."""
        now = self._clock()
        failing = await outages.resting_for(tx, FAILING, now=now)
        self._rests = {
            model: Rest(FAILING if model in failing else GONE, until)
            for model, until in (await outages.rests(tx, now=now)).items()
        }

    async def gone(self, tx: Connection, model: str) -> None:
        """Leave a model alone that the provider does not serve."""
        await self._rest(tx, model, GONE, GONE_SECONDS, tell="model_gone")

    async def still_gone(self, tx: Connection, model: str) -> None:
        """Leave a model alone for longer, of which nothing new is heard."""
        await self._rest(tx, model, GONE, GONE_SECONDS, tell=None)

    async def strike(self, tx: Connection, model: str, generation: int) -> None:
        """Count a failure that its sender is not to blame for; the third makes the model rest."""
        now = self._clock()
        await outages.strike(tx, model, generation, now=now)
        if await outages.strikes(tx, model, since=now - STRIKE_SECONDS) >= STRIKES:
            await self._rest(tx, model, FAILING, FAILING_SECONDS, tell="model_failing")

    async def _rest(
        self, tx: Connection, model: str, reason: str, seconds: float, *, tell: str | None
    ) -> None:
        now = self._clock()
        before, rest = self._now.get(model), Rest(reason, now + seconds)
        if before is None or rest.until > before.until:
            self._rests[model] = rest
        await outages.rest(tx, model, reason=reason, until=rest.until)
        # that it fails is known no longer than until it is gone
        news = before is None or (before.reason, reason) == (FAILING, GONE)
        if tell and news:
            cause = f"{tell}:{model}:{int(now)}"
            await self._admins.notify(tx, tell, cause=cause, now=now, model=model)
