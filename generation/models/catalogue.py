"""The catalogue: the offer with live prices and availability, and models in a cooldown.

The provider's feeds are read after the start and daily, and stored. A feed that cannot be fetched
or parsed changes nothing.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from functools import partial
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
"""Cooldown of a model that answered 404; prolonged while it is not listed either."""
FAILING_SECONDS = 1800.0
"""Cooldown of a model that fails."""
FAILED_ACCOUNTS = 3
FAILED_WITHIN = 600.0
"""A model gets a cooldown if it fails for `FAILED_ACCOUNTS` within this many seconds."""


class Cooldowns:
    """The models in a cooldown; one begun in a transaction counts once `adopt` is called."""

    def __init__(self, admins: Admins, clock: Callable[[], float]) -> None:
        self._admins = admins
        self._clock = clock
        self._cooldowns: dict[str, Cooldown] = {}

    @property
    def models(self) -> frozenset[str]:
        """The models in a cooldown."""
        return frozenset(self._now)

    @property
    def failing(self) -> frozenset[str]:
        """Those whose cooldown is short, because they only fail."""
        return frozenset(
            model for model, one in self._now.items() if one.reason is CooldownReason.FAILING
        )

    @property
    def _now(self) -> dict[str, Cooldown]:
        now = self._clock()
        return {model: one for model, one in self._cooldowns.items() if one.until > now}

    async def restore(self, tx: Connection) -> None:
        """Load the cooldowns that began before the start."""
        found = await outages.cooldowns(tx, now=self._clock())
        self._cooldowns = {one.model: one for one in found}

    def adopt(self, cooldown: Cooldown | None) -> None:
        """Apply a committed cooldown, if there is one."""
        before = self._now.get(cooldown.model) if cooldown is not None else None
        if cooldown is not None and (before is None or cooldown.until > before.until):
            self._cooldowns[cooldown.model] = cooldown

    async def gone(self, tx: Connection, model: str) -> Cooldown:
        """Begin or prolong the cooldown of a model that is not served; notify admins once."""
        return await self._begin(tx, model, CooldownReason.GONE)

    async def count_failure(self, tx: Connection, model: str, generation: int) -> Cooldown | None:
        """Count a failure that is not the sender's fault; return a cooldown if one begins.

        Failures for one account alone begin none, so that they take the model from nobody else.
        """
        now = self._clock()
        await outages.count_failure(tx, model, generation, now=now)
        if await outages.accounts_failed(tx, model, since=now - FAILED_WITHIN) < FAILED_ACCOUNTS:
            return None
        return await self._begin(tx, model, CooldownReason.FAILING)

    async def _begin(self, tx: Connection, model: str, reason: CooldownReason) -> Cooldown:
        now, is_gone = self._clock(), reason is CooldownReason.GONE
        cooldown = Cooldown(model, reason, now + (GONE_SECONDS if is_gone else FAILING_SECONDS))
        await outages.cool_down(tx, cooldown)
        before = self._now.get(model)
        # a model known to fail is news again once it is gone
        if before is None or (is_gone and before.reason is not reason):
            tell = NoticeKind.MODEL_GONE if is_gone else NoticeKind.MODEL_FAILING
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
    """The models that can be ordered now, of the families `names` in their order."""

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
        """All families the program knows, at live prices."""
        return self._served.live

    @property
    def named(self) -> Offer:
        """All families the operator names, at live prices, available or not."""
        return replace(self._served.named, cooling_models=self.cooling_models)

    @property
    def offer(self) -> Offer:
        """The available families; the same object while they are the same."""
        named, unserved = self._served.named, self.unserved
        if self._offered[0] is not named or self._offered[1] != unserved:
            self._offered = named, unserved, named.without(unserved)
        return self._offered[2]

    @property
    def unserved(self) -> frozenset[str]:
        """The models that are unavailable now."""
        return self._served.gone | self.cooldowns.models

    @property
    def cooling_models(self) -> frozenset[str]:
        """Those among them that are only in a short cooldown after failures."""
        return self.cooldowns.failing - self._served.gone

    @property
    def unknown_models(self) -> list[str]:
        """Models that the provider lists and the program does not know."""
        return availability.unknown_models(self.bundled, self._served.snapshot)

    async def restore(self) -> None:
        """Load the stored feeds and the cooldowns from before the start."""
        async with self.db.reading() as connection:
            bodies = await outages.load_feeds(connection)
            await self.cooldowns.restore(connection)
        try:
            snapshot = Snapshot(
                _MODELS.validate_json(bodies.get("models", "[]")),
                _RETIRED.validate_json(bodies.get("deprecations", "[]")),
            )
        except ValidationError:
            # stored by another version; the feeds are read again in a moment
            logger.warning("the stored feeds of the provider's models cannot be parsed")
        else:
            self._served = _Served.of(self.bundled, self.names, snapshot)

    async def refresh(self) -> None:
        """Read the feeds, and notify the admins of changes to the named families.

        Raises FeedUnavailable if one could not be read; the other is applied all the same.
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
        """Prolong the cooldowns of models that answered 404 and are not listed either."""
        return [
            await self.cooldowns.gone(tx, one.model)
            for one in await outages.cooldowns(tx, now=now)
            if one.reason is CooldownReason.GONE and snapshot.listed.get(one.model) is None
        ]

    async def _tell(self, tx: Connection, before: _Served, after: _Served, now: float) -> None:
        successors = {
            mode.model: family.successors.get(kind)
            for family in after.named
            for kind, mode in family.modes.items()
        }
        notify = partial(self.admins.notify, tx, now=now)
        for model in sorted(successors.keys() & after.gone - before.gone):
            successor = successors[model]
            kind = NoticeKind.MODEL_SUPERSEDED if successor else NoticeKind.MODEL_WITHDRAWN
            title = successor and after.live[successor].title
            await notify(kind, model=model, successor=title, cause=f"model:{model}:{int(now)}")
        unserved = after.gone | self.cooldowns.models
        left = after.named.without(unserved).families
        if before.gone != after.gone and not left:
            await notify(NoticeKind.NOTHING_SERVED, cause=f"nothing:{int(now)}")
        moved = "\n".join(map(str, availability.price_changes(before.named, after.named)))
        if moved:
            await notify(NoticeKind.PRICES_MOVED, moved=moved, cause=f"prices:{int(now)}")


@dataclass(frozen=True, slots=True)
class _Served:
    """A snapshot of the feeds, and the offer at its prices and without what is gone."""

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
