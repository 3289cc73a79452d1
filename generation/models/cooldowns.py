"""Models that are left alone for a while: gone at the provider, or failing too often."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage import outages
from storage.notices import NoticeKind
from storage.outages import Cooldown, CooldownReason

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiosqlite import Connection

    from storage.admins import Admins

GONE_SECONDS = 24 * 3600.0
"""How long a model that answered 404 is left alone; longer while it is not listed either."""
FAILING_SECONDS = 1800.0
"""How long a model that fails is left alone."""
FAILED_ACCOUNTS = 3
FAILED_WITHIN = 600.0
"""For so many accounts a model fails within so many seconds before it is left alone."""


class Cooldowns:
    """The models that are left alone now, known without asking the database.

    What is begun in a transaction counts once `adopt` is called, after its commit: one that is
    rolled back has changed nothing.
    """

    def __init__(self, admins: Admins, clock: Callable[[], float]) -> None:
        self._admins = admins
        self._clock = clock
        self._cooldowns: dict[str, Cooldown] = {}

    @property
    def models(self) -> frozenset[str]:
        """The models that are left alone."""
        return frozenset(self._now)

    @property
    def failing(self) -> frozenset[str]:
        """Those that only fail at present and will be asked again soon."""
        return frozenset(
            model for model, one in self._now.items() if one.reason is CooldownReason.FAILING
        )

    @property
    def _now(self) -> dict[str, Cooldown]:
        now = self._clock()
        return {model: one for model, one in self._cooldowns.items() if one.until > now}

    async def restore(self, tx: Connection) -> None:
        """Take up what began before the start."""
        found = await outages.cooldowns(tx, now=self._clock())
        self._cooldowns = {one.model: one for one in found}

    def adopt(self, cooldown: Cooldown | None) -> None:
        """Count what was committed, if anything began."""
        before = self._now.get(cooldown.model) if cooldown is not None else None
        if cooldown is not None and (before is None or cooldown.until > before.until):
            self._cooldowns[cooldown.model] = cooldown

    async def gone(self, tx: Connection, model: str) -> Cooldown:
        """Leave a model alone that the provider does not serve, and tell the admins once."""
        return await self._begin(
            tx, model, CooldownReason.GONE, GONE_SECONDS, tell=NoticeKind.MODEL_GONE
        )

    async def still_gone(self, tx: Connection, model: str) -> Cooldown:
        """Leave a model alone for longer, of which nothing new is known."""
        return await self._begin(tx, model, CooldownReason.GONE, GONE_SECONDS, tell=None)

    async def count_failure(self, tx: Connection, model: str, generation: int) -> Cooldown | None:
        """Count a failure its sender is not to blame for; None while the model is still asked.

        However often it fails for one account, that takes it from nobody else.
        """
        now = self._clock()
        await outages.count_failure(tx, model, generation, now=now)
        if await outages.accounts_failed(tx, model, since=now - FAILED_WITHIN) < FAILED_ACCOUNTS:
            return None
        return await self._begin(
            tx, model, CooldownReason.FAILING, FAILING_SECONDS, tell=NoticeKind.MODEL_FAILING
        )

    async def _begin(
        self,
        tx: Connection,
        model: str,
        reason: CooldownReason,
        seconds: float,
        *,
        tell: NoticeKind | None,
    ) -> Cooldown:
        now = self._clock()
        cooldown = Cooldown(model, reason, now + seconds)
        await outages.cool_down(tx, cooldown)
        before = self._now.get(model)
        # that it fails is known no longer than until it is gone
        is_news = before is None or (before.reason, reason) == (
            CooldownReason.FAILING,
            CooldownReason.GONE,
        )
        if tell is not None and is_news:
            await self._admins.notify(
                tx, tell, cause=f"{tell}:{model}:{int(now)}", now=now, model=model
            )
        return cooldown
