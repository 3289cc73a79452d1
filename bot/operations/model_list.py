"""`models`: lists every family that can be used, as a table or as JSON."""

from __future__ import annotations

import asyncio
import json
from decimal import Decimal
from typing import TYPE_CHECKING

import httpx

from generation.models import availability
from generation.models.availability import Feeds, FeedUnavailable, Snapshot
from generation.models.offer import ANY
from generation.provider.connections import Connections

if TYPE_CHECKING:
    from collections.abc import Sequence

    from generation.models.offer import Family, Offer

_CENTICENT = Decimal("0.0001")
PATIENCE_SECONDS = 5.0
"""How long the provider may take to answer; the list can be printed without it."""


async def ask(url: str) -> Snapshot:
    """Ask the provider what it serves; return an empty snapshot if it does not answer in time."""
    try:
        async with (
            asyncio.timeout(PATIENCE_SECONDS),
            httpx.AsyncClient(transport=Connections()) as http,
        ):
            feeds = Feeds(http, url=url)
            return Snapshot(await feeds.models(), await feeds.retired())
    except (FeedUnavailable, TimeoutError):
        return Snapshot()


def usable(known: Offer, snapshot: Snapshot) -> Offer:
    """Return the families that are served, at the provider's prices if known."""
    live = availability.at_live_prices(known, snapshot)
    return live.without(availability.gone(known, snapshot))


def as_json(offer: Offer) -> str:
    """Return families as a JSON list of objects.

    Prices are US dollars per second, as text, by resolution; `price_basis` is their source.
    """
    return json.dumps([_family(family) for family in offer], indent=2)


def as_text(offer: Offer, unknown_models: Sequence[str] = ()) -> str:
    """Return a table with a line per family, and the models that this version does not know."""
    rows = [("NAME", "MAKES VIDEOS OF", "SECONDS", "SHAPES", "US DOLLARS PER SECOND", "PRICE FROM")]
    rows += [
        (
            family.name,
            " and ".join(
                word for word, mode in (("text", family.t2v), ("photos", family.i2v)) if mode
            ),
            _summary(family.seconds),
            ", ".join(family.aspect_ratios),
            ", ".join(f"{usd} ({resolution})" for resolution, usd in _prices(family).items()),
            _basis(family),
        )
        for family in offer
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    if unknown_models:
        names = ", ".join(unknown_models)
        lines += ["", f"New at the provider, not known to this version: {names}"]
    return "\n".join(lines)


def _family(family: Family) -> dict[str, object]:
    return {
        "name": family.name,
        "t2v": family.t2v and family.t2v.model,
        "i2v": family.i2v and family.i2v.model,
        "seconds": family.seconds,
        "aspect_ratios": family.aspect_ratios,
        "resolutions": family.resolutions,
        "prices": {resolution: str(usd) for resolution, usd in _prices(family).items()},
        "price_basis": _basis(family),
    }


def _summary(seconds: Sequence[int]) -> str:
    """Format lengths as a range if none is missing between, else as a list."""
    first, last = seconds[0], seconds[-1]
    whole = len(seconds) > 2 and len(seconds) == last - first + 1  # noqa: PLR2004 - two are a list
    return f"{first} to {last}" if whole else ", ".join(map(str, seconds))


def _prices(family: Family) -> dict[str, Decimal]:
    """Return the price by resolution, the higher one if text and photos differ."""
    found: dict[str, Decimal] = {}
    for mode in family.modes.values():
        shortest = mode.seconds[0]
        for resolution in mode.resolutions or (None,):
            usd = mode.cost(shortest, resolution) / shortest
            name = resolution or ANY
            found[name] = max(usd.quantize(_CENTICENT).normalize(), found.get(name, usd))
    return found


def _basis(family: Family) -> str:
    """Return the source of the prices: `live`, or a hint and its month."""
    if all(mode.live for mode in family.modes.values()):
        return "live"
    hint = next(iter(family.modes.values())).price
    return f"{hint.basis} {hint.date}"
