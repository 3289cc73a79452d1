"""The provider's feeds of models, and pure functions that apply them to the offer.

Absence from the live list is no withdrawal: a deprecated model leaves the list and still works.
"""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, Generic, Literal, TypeVar

import httpx
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from generation.models.offer import KINDS, Offer, left_out
from generation.models.pricing import Rate, read_rates
from generation.provider.connections import read_body
from generation.provider.errors import truncate
from generation.provider.protocol import NONE_IF_INVALID, to_utf8

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from generation.models.offer import Family, Kind, Mode

BODY_LIMIT = 8_000_000
"""Limit of a response in bytes; the catalogue has about 519 000."""
HTTP_TIMEOUT = httpx.Timeout(20, connect=10)
TOTAL_TIMEOUT_SECONDS = 60.0
VIDEO_TYPE = "internal/video-generations/submit"
MAKES_VIDEOS = frozenset({"text_to_video", "image_to_video"})


class FeedUnavailable(Exception):
    """A feed could not be fetched, or has no usable content."""


def _rates_of(value: Any) -> Any:
    """Parse the provider's pricing; stored feeds contain parsed rates already."""
    return value if isinstance(value, list | tuple) else read_rates(value)


_Name = Annotated[str, Field(min_length=1, max_length=200)]


class _FeedEntry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    id: _Name
    aliases: tuple[_Name, ...] = ()

    @property
    def names(self) -> frozenset[str]:
        """The id and the aliases of the model."""
        return frozenset({self.id, *self.aliases})


EntryT = TypeVar("EntryT", bound=_FeedEntry)


class Listed(_FeedEntry):
    """A model of the live catalogue; its rates are empty if its price cannot be estimated."""

    type: str = ""
    capabilities: tuple[str, ...] = ()
    rates: Annotated[tuple[Rate, ...], BeforeValidator(_rates_of), Field(alias="pricing")] = ()

    @property
    def makes_videos(self) -> bool:
        """Whether it makes videos of a prompt or a picture."""
        return self.type == VIDEO_TYPE and not MAKES_VIDEOS.isdisjoint(self.capabilities)


class Retired(_FeedEntry):
    """A retired model: `deprecated` still works, and so does `superseded`, by its successor."""

    status: Literal["deprecated", "superseded", "withdrawn"]
    replaced_by: str | None = None


class Feed(BaseModel, Generic[EntryT]):
    """The response of a feed; invalid entries are ignored."""

    data: tuple[Annotated[EntryT | None, NONE_IF_INVALID], ...]

    @property
    def entries(self) -> tuple[EntryT, ...]:
        """The valid entries."""
        return tuple(one for one in self.data if one is not None)


class Feeds:
    """Reads both feeds at `url`; the caller opens and closes `http`."""

    def __init__(self, http: httpx.AsyncClient, *, url: str) -> None:
        self._http = http
        self._url = url.rstrip("/")

    async def models(self) -> tuple[Listed, ...]:
        """Return the listed video models. Raises FeedUnavailable, also if there are none."""
        listed = await self._ask("/v1/models?include=pricing,capabilities", Feed[Listed])
        models = tuple(one for one in listed if one.type == VIDEO_TYPE)
        if not models:
            raise FeedUnavailable("the list of models has no model for videos")
        return models

    async def retired(self) -> tuple[Retired, ...]:
        """Return the retired models. Raises FeedUnavailable."""
        return await self._ask("/v1/models/deprecations", Feed[Retired])

    async def _ask(self, path: str, feed: type[Feed[EntryT]]) -> tuple[EntryT, ...]:
        try:
            async with (
                asyncio.timeout(TOTAL_TIMEOUT_SECONDS),
                self._http.stream(
                    "GET",
                    self._url + path,
                    headers={"Accept": "application/json", "Accept-Encoding": "identity"},
                    timeout=HTTP_TIMEOUT,
                    follow_redirects=False,
                ) as response,
            ):
                response.raise_for_status()
                body = await read_body(response, BODY_LIMIT)
            return feed.model_validate_json(to_utf8(body)).entries
        except ValidationError as error:
            raise FeedUnavailable(f"{path}: the answer cannot be read") from error
        except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL, TimeoutError) as error:
            raise FeedUnavailable(truncate(f"{path}: {error!r}")) from error


PRICE_ALERT_SHARE = Decimal("0.2")
"""The share by which a price must change to notify the operator."""


@dataclass(frozen=True)
class Snapshot:
    """The last content of the feeds; empty before the first."""

    models: tuple[Listed, ...] = ()
    retired: tuple[Retired, ...] = ()

    @cached_property
    def listed(self) -> dict[str, Listed]:
        """The list's entries, by id and alias."""
        return _by_name(self.models)

    @cached_property
    def retirements(self) -> dict[str, Retired]:
        """The deprecation feed's entries, by id and alias."""
        return _by_name(self.retired)


def _by_name(entries: tuple[EntryT, ...]) -> dict[str, EntryT]:
    by_alias = {alias: one for one in entries for alias in one.aliases}
    return by_alias | {one.id: one for one in entries}


@dataclass(frozen=True, slots=True)
class PriceChange:
    """The price of a video of a family before and after a change, in US dollars."""

    family: str
    model: str
    resolution: str | None
    seconds: int
    silent: bool
    was: Decimal
    now: Decimal

    @property
    def by(self) -> Decimal:
        """The change as a share of the former price."""
        return abs(self.now - self.was) / self.was

    def __str__(self) -> str:
        at = f" at {self.resolution}" if self.resolution else ""
        silent = ", silent" if self.silent else ""
        video = f"{self.model}, {self.seconds} s{at}{silent}"
        return f"{video}: ${self.was:.2f} → ${self.now:.2f}"


def at_live_prices(known: Offer, snapshot: Snapshot) -> Offer:
    """Return the offer with live prices and successors."""
    if snapshot == Snapshot():
        return known
    live = tuple(_as_listed(family, known, snapshot) for family in known)
    return replace(known, families=live)


def _as_listed(family: Family, known: Offer, snapshot: Snapshot) -> Family:
    successors: dict[Kind, str] = {}
    changes: dict[str, object] = {"successors": successors}
    for kind, mode in family.modes.items():
        if successor := _successor(family, kind, known, snapshot):
            successors[kind] = successor
        listed = snapshot.listed.get(mode.model)
        if listed is not None and listed.rates:
            changes[kind] = mode.model_copy(update={"live": listed.rates})
    return family.model_copy(update=changes)


def _successor(family: Family, kind: Kind, known: Offer, snapshot: Snapshot) -> str | None:
    """Return the last family in the line of succession that is available for this kind."""
    successor = None
    for names in _succession(family.modes[kind].model, snapshot):
        for other in known:
            mode = other.mode(kind)
            ours = any(one.model in names for one in other.modes.values())
            if other != family and mode and ours and not _is_withdrawn(mode.model, snapshot):
                successor = other.name
    return successor


def _succession(model: str, snapshot: Snapshot) -> Iterator[frozenset[str]]:
    """Yield the names of each model that replaced the one before; a circle ends it."""
    gone, seen = snapshot.retirements.get(model), {model}
    while gone is not None and gone.status != "deprecated" and gone.replaced_by is not None:
        seen |= gone.names
        if gone.replaced_by in seen:
            return
        listed = snapshot.listed.get(gone.replaced_by)
        names = listed.names if listed else frozenset({gone.replaced_by})
        yield names
        gone = next(filter(None, map(snapshot.retirements.get, names)), None)


def _is_withdrawn(model: str, snapshot: Snapshot) -> bool:
    retirement = snapshot.retirements.get(model)
    return retirement is not None and retirement.status == "withdrawn"


def gone(known: Offer, snapshot: Snapshot) -> frozenset[str]:
    """Return the models not to offer: withdrawn, or replaced by a known one.

    A superseded model whose successor is unknown, or cannot do all that it does, is still requested
    by its old name, which the provider resolves.
    """
    dropped, kept = set[str](), set[str]()
    for family in known:
        for kind, mode in family.modes.items():
            retirement = snapshot.retirements.get(mode.model)
            if retirement is None or retirement.status == "deprecated":
                continue
            succeeded = retirement.status == "withdrawn" or _successor(
                family, kind, known, snapshot
            )
            (dropped if succeeded else kept).add(mode.model)
    return frozenset(dropped - kept)


def in_order(known: Offer, names: Iterable[str]) -> Offer:
    """Return the families that the operator names, each followed by its successors."""
    order = []
    for name in names:
        order += [name, *known[name].successors.values()]
    return known.only(order)


def price_changes(before: Offer, after: Offer) -> list[PriceChange]:
    """Return live prices that moved beyond `PRICE_ALERT_SHARE`, the worst of each resolution."""
    worst: dict[tuple[str, str, str | None], PriceChange] = {}
    for family in after:
        for kind in KINDS:
            old = before[family.name].mode(kind) if family.name in before else None
            new = family.mode(kind)
            if old is not None and new is not None and old.live and new.live:
                for one in _price_changes(family.name, old, new):
                    place = (one.family, one.model, one.resolution)
                    worst[place] = max(worst.get(place, one), one, key=lambda each: each.by)
    return [one for one in worst.values() if one.by > PRICE_ALERT_SHARE]


def _price_changes(family: str, old: Mode, new: Mode) -> Iterator[PriceChange]:
    """Yield every price of a mode, and its former price."""
    switch = (False, True) if new.fields.sound else (False,)
    videos = itertools.product(new.resolutions or (None,), new.seconds, switch)
    for resolution, seconds, silent in videos:
        if new.offers(seconds, resolution):
            was, now = (mode.cost(seconds, resolution, silent=silent) for mode in (old, new))
            yield PriceChange(family, new.model, resolution, seconds, silent, was, now)


def unknown_models(known: Offer, snapshot: Snapshot) -> list[str]:
    """Return the listed video models that are neither offered nor left out on purpose."""
    ours = {mode.model for family in known for mode in family.modes.values()} | left_out().keys()
    return sorted(
        one.id for one in snapshot.models if one.makes_videos and ours.isdisjoint(one.names)
    )
