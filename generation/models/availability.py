"""What becomes of the offer when the provider says what it serves: decisions over values only.

Absence from the live list is no withdrawal: a deprecated model leaves it and still serves.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING

from generation.models import prices
from generation.models.offer import KINDS, Offer, left_out

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from generation.models.feeds import Listed, Retired
    from generation.models.offer import Family, Kind, Mode

TOLD_FROM = Decimal("0.2")
"""The share by which a price must move for the operator to be told."""


@dataclass(frozen=True)
class Heard:
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
class Moved:
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


def at_live_prices(known: Offer, heard: Heard) -> Offer:
    """Return the offer with the provider's prices, and with who succeeds whom."""
    return Offer(tuple(_as_heard(family, known, heard) for family in known))


def _as_heard(family: Family, known: Offer, heard: Heard) -> Family:
    changes: dict[str, object] = {"heirs": _heirs(family, known, heard)}
    for kind, mode in family.modes.items():
        listed = heard.listed(mode.model)
        if listed is not None and listed.rates:
            changes[kind] = mode.model_copy(update={"live": listed.rates})
    return family.model_copy(update=changes)


def _heirs(family: Family, known: Offer, heard: Heard) -> dict[Kind, str]:
    """Return the families that took over this family's models, as far as they are known."""
    found = {
        kind: _heir(family, kind, mode.model, known, heard) for kind, mode in family.modes.items()
    }
    return {kind: heir for kind, heir in found.items() if heir is not None}


def _heir(family: Family, kind: Kind, model: str, known: Offer, heard: Heard) -> str | None:
    """Return the last family in the line of succession that is served and can do this."""
    heir = None
    for names in _succession(model, heard):
        for other in known:
            mode = other.mode(kind)
            ours = any(one.model in names for one in other.modes.values())
            if other != family and mode and ours and not _is_withdrawn(mode.model, heard):
                heir = other.name
    return heir


def _succession(model: str, heard: Heard) -> Iterator[frozenset[str]]:
    """Give the names of each model that took over from the one before; a circle ends it."""
    gone, seen = heard.retirement(model), {model}
    while gone is not None and gone.status != "deprecated" and gone.replaced_by is not None:
        seen |= gone.names
        if gone.replaced_by in seen:
            return
        listed = heard.listed(gone.replaced_by)
        names = listed.names if listed else frozenset({gone.replaced_by})
        yield names
        gone = next(filter(None, map(heard.retirement, names)), None)


def _is_withdrawn(model: str, heard: Heard) -> bool:
    retirement = heard.retirement(model)
    return retirement is not None and retirement.status == "withdrawn"


def gone(known: Offer, heard: Heard) -> frozenset[str]:
    """Return the models nobody should be offered: withdrawn, or succeeded by one that is known.

    A superseded model whose successor is not known, or cannot do all that it does, is asked for by
    its old name: that resolves.
    """
    dropped, kept = set[str](), set[str]()
    for family in known:
        heirs = _heirs(family, known, heard)
        for kind, mode in family.modes.items():
            retirement = heard.retirement(mode.model)
            if retirement is None or retirement.status == "deprecated":
                continue
            succeeded = retirement.status == "withdrawn" or kind in heirs
            (dropped if succeeded else kept).add(mode.model)
    return frozenset(dropped - kept)


def in_order(known: Offer, names: Iterable[str]) -> Offer:
    """Return the families that the operator names, each followed by those that succeed it."""
    order = []
    for name in names:
        order += [name, *known[name].heirs.values()]
    return known.only(order)


def without(offer: Offer, models: Collection[str]) -> Offer:
    """Return the offer without these models, and without families that have no other."""
    left = (
        family.model_copy(
            update={kind: None for kind, mode in family.modes.items() if mode.model in models}
        )
        for family in offer
    )
    return Offer(tuple(family for family in left if family.modes))


def able(offer: Offer, kind: Kind) -> Offer:
    """Return the families that can do this."""
    return Offer(tuple(family for family in offer if family.mode(kind) is not None))


def moved(before: Offer, after: Offer) -> list[Moved]:
    """Return the live prices that moved by more than a fifth.

    Of all lengths, with sound and without, the one that moved most speaks for its resolution.
    """
    worst: dict[tuple[str, str, str | None], Moved] = {}
    for family in after:
        for kind in KINDS:
            old = before[family.name].mode(kind) if family.name in before else None
            new = family.mode(kind)
            if old is not None and new is not None and old.live and new.live:
                for one in _moved(family.name, old, new):
                    place = (one.family, one.model, one.resolution)
                    worst[place] = max(worst.get(place, one), one, key=lambda each: each.by)
    return [one for one in worst.values() if one.by > TOLD_FROM]


def _moved(family: str, old: Mode, new: Mode) -> Iterator[Moved]:
    """Give every price there is for a mode, and what it was."""
    switch = (False, True) if new.fields.sound else (False,)
    videos = itertools.product(new.resolutions or (None,), new.seconds, switch)
    for resolution, seconds, silent in videos:
        if new.offers(seconds, resolution):
            was, now = (
                prices.price(mode, seconds, resolution, silent=silent) for mode in (old, new)
            )
            yield Moved(family, new.model, resolution, seconds, silent, was, now)


def strangers(known: Offer, heard: Heard) -> list[str]:
    """Return the ids of listed models for prompts or pictures that the program does not know.

    What is left out on purpose is known.
    """
    ours = {mode.model for family in known for mode in family.modes.values()} | left_out().keys()
    return sorted(one.id for one in heard.models if one.makes_videos and ours.isdisjoint(one.names))
