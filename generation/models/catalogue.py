"""The catalogue: the offer as the provider serves it, and the models that are left alone for now.

The provider is asked after the start and daily, and what it said is kept.

Feeds that cannot be had or read change nothing.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from pydantic import TypeAdapter, ValidationError

from generation.models import availability
from generation.models.availability import FeedUnavailable, Listed, Retired, Snapshot
from storage import DAY_SECONDS, outages
from storage.notices import NoticeKind
from storage.outages import Cooldown, CooldownReason

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Self

    from generation.models.availability import Feeds
    from generation.models.offer import Offer
    from storage.database import Connection, Database
    from storage.notices import Admins

GONE_SECONDS = DAY_SECONDS
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


_MODELS = TypeAdapter(tuple[Listed, ...])
_RETIRED = TypeAdapter(tuple[Retired, ...])

T = TypeVar("T")

logger = logging.getLogger(__name__)


@dataclass(eq=False, kw_only=True)
class Catalogue:
    """Knows what can be ordered now, of the families `names` in their order."""

    db: Database
    feeds: Feeds
    bundled: Offer
    names: tuple[str, ...]
    cooldowns: Cooldowns
    admins: Admins
    clock: Callable[[], float]

    def __post_init__(self) -> None:
        self._served = _Served.of(self.bundled, self.names, Snapshot())
        self._offered = self._served.named, frozenset[str](), self._served.named

    @property
    def known(self) -> Offer:
        """Every family the program knows at the provider's prices."""
        return self._served.live

    @property
    def named(self) -> Offer:
        """Every family the operator names at the provider's prices, served or not."""
        return replace(self._served.named, resting=self.resting)

    @property
    def offer(self) -> Offer:
        """The families that are served now; the same object while they are the same."""
        named, unserved = self._served.named, self.unserved
        if self._offered[0] is not named or self._offered[1] != unserved:
            self._offered = named, unserved, named.without(unserved)
        return self._offered[2]

    @property
    def unserved(self) -> frozenset[str]:
        """The models that are not asked for anything now."""
        return self._served.gone | self.cooldowns.models

    @property
    def resting(self) -> frozenset[str]:
        """Those among them that only fail at present and will be asked again soon."""
        return self.cooldowns.failing - self._served.gone

    @property
    def unknown_models(self) -> list[str]:
        """Models the provider lists that the program does not know."""
        return availability.unknown_models(self.bundled, self._served.snapshot)

    async def restore(self) -> None:
        """Take up what the provider said, and what is left alone, since before the start."""
        async with self.db.reading() as connection:
            bodies = await outages.load_feeds(connection)
            await self.cooldowns.restore(connection)
        try:
            snapshot = Snapshot(
                _MODELS.validate_json(bodies.get("models", "[]")),
                _RETIRED.validate_json(bodies.get("deprecations", "[]")),
            )
        except ValidationError:
            # written by another version; the provider is asked in a moment
            logger.warning("what was kept of the provider's models cannot be read")
        else:
            self._served = _Served.of(self.bundled, self.names, snapshot)

    async def refresh(self) -> None:
        """Ask the provider again, and tell the admins what became of the families named.

        Raises:
            FeedUnavailable: a feed could not be had; what the other says is taken up all the same.
        """
        models = await _answer(self.feeds.models())
        retired = await _answer(self.feeds.retired())
        snapshot = Snapshot(
            self._served.snapshot.models if isinstance(models, FeedUnavailable) else models,
            self._served.snapshot.retired if isinstance(retired, FeedUnavailable) else retired,
        )
        served = _Served.of(self.bundled, self.names, snapshot)
        now = self.clock()
        prolonged: list[Cooldown] = []
        async with self.db.transaction() as tx:
            if not isinstance(models, FeedUnavailable):
                await outages.save_feed(tx, "models", _MODELS.dump_json(models).decode(), now=now)
                prolonged = await self._prolong(tx, snapshot, now)
            if not isinstance(retired, FeedUnavailable):
                await outages.save_feed(
                    tx, "deprecations", _RETIRED.dump_json(retired).decode(), now=now
                )
            await self._tell(tx, self._served, served, now)
        self._served = served
        for cooldown in prolonged:
            self.cooldowns.adopt(cooldown)
        for model in self.unknown_models:
            logger.info("the provider has a model this version does not know: %s", model)
        for answer in (models, retired):
            if isinstance(answer, FeedUnavailable):
                raise answer

    async def _prolong(self, tx: Connection, snapshot: Snapshot, now: float) -> list[Cooldown]:
        """Go on leaving alone what answered 404 and is not listed either."""
        return [
            await self.cooldowns.still_gone(tx, one.model)
            for one in await outages.cooldowns(tx, now=now)
            if one.reason is CooldownReason.GONE and snapshot.listed(one.model) is None
        ]

    async def _tell(self, tx: Connection, before: _Served, after: _Served, now: float) -> None:
        successors = {
            mode.model: family.successors.get(kind)
            for family in after.named
            for kind, mode in family.modes.items()
        }
        for model in sorted(successors.keys() & after.gone - before.gone):
            successor = successors[model]
            await self.admins.notify(
                tx,
                NoticeKind.MODEL_SUPERSEDED if successor else NoticeKind.MODEL_WITHDRAWN,
                now=now,
                model=model,
                successor=successor and after.live[successor].title,
                cause=f"model:{model}:{int(now)}",
            )
        unserved = after.gone | self.cooldowns.models
        left = after.named.without(unserved).families
        if before.gone != after.gone and not left:
            await self.admins.notify(
                tx, NoticeKind.NOTHING_SERVED, now=now, cause=f"nothing:{int(now)}"
            )
        moved = "\n".join(map(str, availability.price_changes(before.named, after.named)))
        if moved:
            await self.admins.notify(
                tx, NoticeKind.PRICES_MOVED, now=now, moved=moved, cause=f"prices:{int(now)}"
            )


@dataclass(frozen=True, slots=True)
class _Served:
    """What the provider said, and what it makes of the offer: its prices, and what is gone."""

    snapshot: Snapshot
    live: Offer
    named: Offer
    gone: frozenset[str]

    @classmethod
    def of(cls, known: Offer, names: tuple[str, ...], snapshot: Snapshot) -> Self:
        live = availability.at_live_prices(known, snapshot)
        named = availability.in_order(live, names)
        return cls(snapshot, live, named, availability.gone(known, snapshot))


async def _answer(feed: Awaitable[T]) -> T | FeedUnavailable:
    try:
        return await feed
    except FeedUnavailable as error:
        return error
