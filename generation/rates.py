"""What the provider asks for a video, read from its live catalogue.

A price there is `fixed`, comes in `variants` by what one chooses, or is `variable` and cannot be
told before. Money is Decimal; `per` says for how many units a price is.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Unit = Literal["second", "video"]

_UNITS: dict[str, tuple[Unit, Decimal]] = {
    "second": ("second", Decimal(1)),
    "seconds": ("second", Decimal(1)),
    "sec": ("second", Decimal(1)),
    "s": ("second", Decimal(1)),
    "minute": ("second", Decimal(60)),
    "minutes": ("second", Decimal(60)),
    "video": ("video", Decimal(1)),
    "videos": ("video", Decimal(1)),
    "generation": ("video", Decimal(1)),
    "generations": ("video", Decimal(1)),
    "request": ("video", Decimal(1)),
    "requests": ("video", Decimal(1)),
}
"""What a measure counts, and how many of ours it holds; tokens and the like cannot be foretold."""


class Rate(BaseModel):
    """US dollars per second or per video, for requests that have these values."""

    model_config = ConfigDict(frozen=True)

    when: dict[str, str] = {}
    usd: Annotated[Decimal, Field(gt=0, le=1000)]
    unit: Unit

    def of(self, seconds: int) -> Decimal:
        """Return what a video of this length costs."""
        return self.usd * seconds if self.unit == "second" else self.usd

    def suits(self, chosen: Mapping[str, object]) -> bool:
        """Whether nothing that was chosen speaks against it."""
        return all(
            name not in chosen or spelt(chosen[name]) == spelt(value)
            for name, value in self.when.items()
        )


class _Quoted(BaseModel):
    """A unit or a variant, as the provider writes them."""

    model_config = ConfigDict(extra="ignore")

    price: Annotated[Decimal, Field(gt=0)]
    per: Annotated[Decimal, Field(gt=0)] = Decimal(1)
    measure: str = ""
    unit: str = ""
    when: dict[str, Any] = {}

    def rate(self) -> Rate | None:
        counted = _UNITS.get((self.measure or self.unit).casefold())
        if counted is None:
            return None
        unit, ours = counted
        when = {name: spelt(value) for name, value in self.when.items()}
        return Rate(when=when, usd=self.price / self.per / ours, unit=unit)


class _Pricing(BaseModel):
    model_config = ConfigDict(extra="ignore")

    kind: str
    currency: str = "USD"
    units: tuple[_Quoted, ...] = ()
    variants: tuple[_Quoted, ...] = ()


def read_rates(pricing: object) -> tuple[Rate, ...]:
    """Read the `pricing` of a model; nothing where it tells no price that can be counted on.

    Several units of one price cannot be added up without knowing what each is for.
    """
    try:
        read = _Pricing.model_validate(pricing)
        quoted = {"fixed": read.units[:1] * (len(read.units) == 1), "variants": read.variants}
        rates = [one.rate() for one in quoted.get(read.kind, ())]
    except ValidationError:
        return ()
    if read.currency != "USD" or None in rates:
        return ()
    return tuple(rate for rate in rates if rate is not None)


def cost(rates: Iterable[Rate], chosen: Mapping[str, object], seconds: int) -> Decimal | None:
    """Return the price of a video in US dollars: the dearest that may apply, None if none does."""
    return max((rate.of(seconds) for rate in rates if rate.suits(chosen)), default=None)


def spelt(value: object) -> str:
    """Spell a value so that true and "True", 720p and "720P" are the same."""
    return str(value).strip().casefold()
