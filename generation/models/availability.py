"""What becomes of the offer when the provider says what it serves: decisions over values only.

Absence from the live list is no withdrawal: a deprecated model leaves it and still serves.
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
"""Bytes of an answer that are read; the catalogue has about 519 000."""
HTTP_TIMEOUT = httpx.Timeout(20, connect=10)
TOTAL_TIMEOUT_SECONDS = 60.0
VIDEO_TYPE = "internal/video-generations/submit"
MAKES_VIDEOS = frozenset({"text_to_video", "image_to_video"})


class FeedUnavailable(Exception):
    """A feed could not be had, or says nothing that can be used."""


def _rates_of(value: Any) -> Any:
    """Read the provider's own form; what was kept here is in ours already."""
    return value if isinstance(value, list | tuple) else read_rates(value)


_Name = Annotated[str, Field(min_length=1, max_length=200)]


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    id: _Name
    aliases: tuple[_Name, ...] = ()

    @property
    def names(self) -> frozenset[str]:
        """Every name the model can be asked by."""
        return frozenset({self.id, *self.aliases})


Entry = TypeVar("Entry", bound=_Entry)


class Listed(_Entry):
    """A model of the live catalogue; its rates are empty where its price cannot be foretold."""

    type: str = ""
    capabilities: tuple[str, ...] = ()
    rates: Annotated[tuple[Rate, ...], BeforeValidator(_rates_of), Field(alias="pricing")] = ()

    @property
    def makes_videos(self) -> bool:
        """Whether a prompt or a picture becomes a video there."""
        return self.type == VIDEO_TYPE and not MAKES_VIDEOS.isdisjoint(self.capabilities)


class Retired(_Entry):
    """A model that goes: `deprecated` still serves, so does `superseded`, by its successor."""

    status: Literal["deprecated", "superseded", "withdrawn"]
    replaced_by: str | None = None


class Feed(BaseModel, Generic[Entry]):
    """What a feed answers; whatever makes no sense in it is left out."""

    data: tuple[Annotated[Entry | None, NONE_IF_INVALID], ...]

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The entries that make sense."""
        return tuple(one for one in self.data if one is not None)


class Feeds:
    """Asks for both feeds at `url`; `http` is opened and closed by whoever gives it."""

    def __init__(self, http: httpx.AsyncClient, *, url: str) -> None:
        self._http = http
        self._url = url.rstrip("/")

    async def models(self) -> tuple[Listed, ...]:
        """Return the video models listed now. Raises FeedUnavailable, also where there are none."""
        listed = await self._ask("/v1/models?include=pricing,capabilities", Feed[Listed])
        models = tuple(one for one in listed if one.type == VIDEO_TYPE)
        if not models:
            raise FeedUnavailable("the list of models has no model for videos")
        return models

    async def retired(self) -> tuple[Retired, ...]:
        """Return the models that go or are gone. Raises FeedUnavailable."""
        return await self._ask("/v1/models/deprecations", Feed[Retired])

    async def _ask(self, path: str, feed: type[Feed[Entry]]) -> tuple[Entry, ...]:
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
"""The share by which a price must move for the operator to be told."""


@dataclass(frozen=True)
class Snapshot:
    """What the provider said last; empty while it said nothing."""

    models: tuple[Listed, ...] = ()
    retired: tuple[Retired, ...] = ()

    @cached_property
    def _listed(self) -> dict[str, Listed]:
        by_alias = {alias: one for one in self.models for alias in one.aliases}
        return by_alias | {one.id: one for one in self.models}

    @cached_property
    def _retired(self) -> dict[str, Retired]:
        by_alias = {alias: one for one in self.retired for alias in one.aliases}
        return by_alias | {one.id: one for one in self.retired}

    def listed(self, model: str) -> Listed | None:
        """Return the list's entry for an id or an alias."""
        return self._listed.get(model)

    def retirement(self, model: str) -> Retired | None:
        """Return the deprecation feed's entry for an id or an alias."""
        return self._retired.get(model)


@dataclass(frozen=True, slots=True)
class PriceChange:
    """A price that moved: what a video of the family cost, and what it costs, in dollars."""

    family: str
    model: str
    resolution: str | None
    seconds: int
    silent: bool
    was: Decimal
    now: Decimal

    @property
    def by(self) -> Decimal:
        """How far it moved, as a share of what it was."""
        return abs(self.now - self.was) / self.was

    def __str__(self) -> str:
        at = f" at {self.resolution}" if self.resolution else ""
        silent = ", silent" if self.silent else ""
        video = f"{self.model}, {self.seconds} s{at}{silent}"
        return f"{video}: ${self.was:.2f} → ${self.now:.2f}"


def at_live_prices(known: Offer, snapshot: Snapshot) -> Offer:
    """Return the offer with the provider's prices, and with who succeeds whom."""
    if snapshot == Snapshot():
        return known
    live = tuple(_as_listed(family, known, snapshot) for family in known)
    return replace(known, families=live)


def _as_listed(family: Family, known: Offer, snapshot: Snapshot) -> Family:
    changes: dict[str, object] = {"successors": _successors(family, known, snapshot)}
    for kind, mode in family.modes.items():
        listed = snapshot.listed(mode.model)
        if listed is not None and listed.rates:
            changes[kind] = mode.model_copy(update={"live": listed.rates})
    return family.model_copy(update=changes)


def _successors(family: Family, known: Offer, snapshot: Snapshot) -> dict[Kind, str]:
    """Return the families that took over this family's models, as far as they are known."""
    found = {
        kind: _successor(family, kind, mode.model, known, snapshot)
        for kind, mode in family.modes.items()
    }
    return {kind: successor for kind, successor in found.items() if successor is not None}


def _successor(
    family: Family, kind: Kind, model: str, known: Offer, snapshot: Snapshot
) -> str | None:
    """Return the last family in the line of succession that is served and can do this."""
    successor = None
    for names in _succession(model, snapshot):
        for other in known:
            mode = other.mode(kind)
            ours = any(one.model in names for one in other.modes.values())
            if other != family and mode and ours and not _is_withdrawn(mode.model, snapshot):
                successor = other.name
    return successor


def _succession(model: str, snapshot: Snapshot) -> Iterator[frozenset[str]]:
    """Give the names of each model that took over from the one before; a circle ends it."""
    gone, seen = snapshot.retirement(model), {model}
    while gone is not None and gone.status != "deprecated" and gone.replaced_by is not None:
        seen |= gone.names
        if gone.replaced_by in seen:
            return
        listed = snapshot.listed(gone.replaced_by)
        names = listed.names if listed else frozenset({gone.replaced_by})
        yield names
        gone = next(filter(None, map(snapshot.retirement, names)), None)


def _is_withdrawn(model: str, snapshot: Snapshot) -> bool:
    retirement = snapshot.retirement(model)
    return retirement is not None and retirement.status == "withdrawn"


def gone(known: Offer, snapshot: Snapshot) -> frozenset[str]:
    """Return the models nobody should be offered: withdrawn, or succeeded by one that is known.

    A superseded model whose successor is not known, or cannot do all that it does, is asked for by
    its old name: that resolves.
    """
    dropped, kept = set[str](), set[str]()
    for family in known:
        for kind, mode in family.modes.items():
            retirement = snapshot.retirement(mode.model)
            if retirement is None or retirement.status == "deprecated":
                continue
            succeeded = retirement.status == "withdrawn" or _successor(
                family, kind, mode.model, known, snapshot
            )
            (dropped if succeeded else kept).add(mode.model)
    return frozenset(dropped - kept)


def in_order(known: Offer, names: Iterable[str]) -> Offer:
    """Return the families that the operator names, each followed by those that succeed it."""
    order = []
    for name in names:
        order += [name, *known[name].successors.values()]
    return known.only(order)


def price_changes(before: Offer, after: Offer) -> list[PriceChange]:
    """Return the live prices that moved by more than a fifth.

    Of all lengths, with sound and without, the one that moved most speaks for its resolution.
    """
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
    """Give every price there is for a mode, and what it was."""
    switch = (False, True) if new.fields.sound else (False,)
    videos = itertools.product(new.resolutions or (None,), new.seconds, switch)
    for resolution, seconds, silent in videos:
        if new.offers(seconds, resolution):
            was, now = (mode.cost(seconds, resolution, silent=silent) for mode in (old, new))
            yield PriceChange(family, new.model, resolution, seconds, silent, was, now)


def unknown_models(known: Offer, snapshot: Snapshot) -> list[str]:
    """Return the ids of listed models for prompts or pictures that the program does not know.

    What is left out on purpose is known.
    """
    ours = {mode.model for family in known for mode in family.modes.values()} | left_out().keys()
    return sorted(
        one.id for one in snapshot.models if one.makes_videos and ours.isdisjoint(one.names)
    )
