"""The offer as the provider serves it: asked for after the start and daily, and kept.

Feeds that cannot be had or read change nothing.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from pydantic import TypeAdapter, ValidationError

from generation.models import availability
from generation.models.availability import Listed, NoFeed, Retired, Snapshot
from generation.models.cooldowns import GONE
from storage import feeds as kept
from storage import outages

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aiosqlite import Connection

    from generation.models.availability import Feeds
    from generation.models.cooldowns import Rests
    from generation.models.offer import Offer
    from storage.admins import Admins
    from storage.database import Database

_MODELS = TypeAdapter(tuple[Listed, ...])
_RETIRED = TypeAdapter(tuple[Retired, ...])

T = TypeVar("T")

logger = logging.getLogger(__name__)


class Catalogue:
    """Knows what can be ordered now, of the families `names` in their order."""

    def __init__(
        self,
        *,
        db: Database,
        feeds: Feeds,
        known: Offer,
        names: tuple[str, ...],
        rests: Rests,
        admins: Admins,
        clock: Callable[[], float],
    ) -> None:
        self._db = db
        self._feeds = feeds
        self._known = known
        self._names = names
        self._admins = admins
        self._clock = clock
        self._rests = rests
        self._take_up(Snapshot())

    @property
    def known(self) -> Offer:
        """Every family the program knows at the provider's prices."""
        return self._live

    @property
    def named(self) -> Offer:
        """Every family the operator names at the provider's prices, served or not."""
        return replace(self._named, resting=self.resting)

    @property
    def offer(self) -> Offer:
        """The families that are served now."""
        return availability.without(self._named, self.unserved)

    @property
    def unserved(self) -> frozenset[str]:
        """The models that are not asked for anything now."""
        return self._gone | self._rests.models

    @property
    def resting(self) -> frozenset[str]:
        """Those among them that only fail at present and will be asked again soon."""
        return self._rests.failing - self._gone

    @property
    def unknown_models(self) -> list[str]:
        """Models the provider lists that the program does not know."""
        return availability.unknown_models(self._known, self._snapshot)

    async def restore(self) -> None:
        """Take up what was snapshot and what rests since before the start."""
        async with self._db.reading() as connection:
            bodies = await kept.kept(connection)
            await self._rests.restore(connection)
        try:
            self._take_up(
                Snapshot(
                    _MODELS.validate_json(bodies.get("models", "[]")),
                    _RETIRED.validate_json(bodies.get("deprecations", "[]")),
                )
            )
        except ValidationError:
            # written by another version; the provider is asked in a moment
            logger.warning("what was kept of the provider's models cannot be read")

    async def refresh(self) -> None:
        """Ask the provider again, and tell the admins what became of the families named."""
        models = await _snapshot(self._feeds.models())
        retired = await _snapshot(self._feeds.retired())
        before, gone = self._named, self._gone
        self._take_up(
            Snapshot(
                self._snapshot.models if models is None else models,
                self._snapshot.retired if retired is None else retired,
            )
        )
        now = self._clock()
        async with self._db.transaction() as tx:
            if models is not None:
                await kept.keep(tx, "models", _MODELS.dump_json(models).decode(), now=now)
                await self._rest_longer(tx, now)
            if retired is not None:
                await kept.keep(tx, "deprecations", _RETIRED.dump_json(retired).decode(), now=now)
            await self._tell(tx, before, gone, now)
        for model in self.unknown_models:
            logger.info("the provider has a model this version does not know: %s", model)

    async def _rest_longer(self, tx: Connection, now: float) -> None:
        """Go on leaving alone what answered 404 and is not listed either."""
        for model in await outages.resting_for(tx, GONE, now=now):
            if self._snapshot.listed(model) is None:
                await self._rests.still_gone(tx, model)

    async def _tell(self, tx: Connection, before: Offer, gone: frozenset[str], now: float) -> None:
        successors = {
            mode.model: family.successors.get(kind)
            for family in self._named
            for kind, mode in family.modes.items()
        }
        for model in sorted(successors.keys() & self._gone - gone):
            successor = successors[model]
            await self._admins.notify(
                tx,
                "model_superseded" if successor else "model_withdrawn",
                now=now,
                model=model,
                successor=successor and self._live[successor].title,
                cause=f"model:{model}:{int(now)}",
            )
        if gone != self._gone and not self.offer.families:
            await self._admins.notify(tx, "nothing_served", now=now, cause=f"nothing:{int(now)}")
        moved = "\n".join(map(str, availability.moved(before, self._named)))
        if moved:
            await self._admins.notify(
                tx, "prices_moved", now=now, moved=moved, cause=f"prices:{int(now)}"
            )

    def _take_up(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._live = availability.at_live_prices(self._known, snapshot)
        self._named = availability.in_order(self._live, self._names)
        self._gone = availability.gone(self._known, snapshot)


async def _snapshot(feed: Awaitable[T]) -> T | None:
    try:
        return await feed
    except NoFeed as error:
        logger.warning("the provider's models stay as they were known: %s", error)
        return None
