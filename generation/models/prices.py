"""What a video costs: US dollars for the operator, credits for people, micro-dollars in storage.

Money is Decimal or integer, never float.
"""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING

from generation.models import rates
from generation.models.offer import ANY

if TYPE_CHECKING:
    from generation.models.offer import Mode

_MICRO = Decimal(1_000_000)


def price(
    mode: Mode,
    seconds: int,
    resolution: str | None,
    *,
    aspect_ratio: str | None = None,
    silent: bool = False,
) -> Decimal:
    """Return the price of a video in US dollars: the provider's own where it is known.

    `resolution` is None for a model that has none; a shape not known yet is the dearest. Raises
    KeyError for a resolution that is not offered.
    """
    hinted = mode.price.usd_per_second[resolution or ANY] * seconds
    chosen = mode.choices(
        seconds=seconds, aspect_ratio=aspect_ratio, resolution=resolution, silent=silent
    )
    asked = rates.cost(mode.live, chosen, seconds)
    return hinted if asked is None else asked


def credits_for(usd: Decimal, credit_usd: Decimal) -> int:
    """Return the credits a price takes: each credit begun counts, and nothing is free."""
    return max(1, int((usd / credit_usd).to_integral_value(ROUND_CEILING)))


def to_micros(usd: Decimal) -> int:
    """Return US dollars as whole micro-dollars, the nearest."""
    return int((usd * _MICRO).to_integral_value(ROUND_HALF_UP))


def from_micros(micros: int) -> Decimal:
    """Return micro-dollars as US dollars."""
    return Decimal(micros) / _MICRO
