"""Prices of videos: US dollars for the operator, credits for people, micro-dollars in storage.

Money is Decimal or integer, never float. Credits renew each day, week or month of the operator.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, time, timedelta
from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from generation.provider.protocol import NONE_IF_INVALID

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from zoneinfo import ZoneInfo


Unit = Literal["second", "video"]

_SECOND: tuple[Unit, Decimal] = ("second", Decimal(1))
_MINUTE: tuple[Unit, Decimal] = ("second", Decimal(60))
_VIDEO: tuple[Unit, Decimal] = ("video", Decimal(1))
_UNITS = (
    dict.fromkeys(("second", "seconds", "sec", "s"), _SECOND)
    | dict.fromkeys(("minute", "minutes"), _MINUTE)
    | dict.fromkeys(("video", "videos", "generation", "generations", "request", "requests"), _VIDEO)
)
"""Measures of the provider in our units; those of tokens and the like cannot be estimated."""


_MIN_NUMBER, _MAX_NUMBER = Decimal("0.000001"), Decimal(1_000_000)
"""Numbers outside these limits are treated as errors of the feed."""


class Rate(BaseModel):
    """US dollars per second or video for requests with these values; `usd` None if invalid."""

    model_config = ConfigDict(frozen=True)

    when: dict[str, str] = {}
    usd: Annotated[Decimal, Field(gt=0, le=1000)] | None
    unit: Unit = "video"

    def of(self, seconds: int) -> Decimal | None:
        """Return the price of a video of this length, or None if it is unknown."""
        if self.usd is None:
            return None
        return self.usd * seconds if self.unit == "second" else self.usd

    def suits(self, chosen: Mapping[str, object]) -> bool:
        """Whether the rate applies to these options; options not yet chosen match any value."""
        return all(
            name not in chosen or normalized(chosen[name]) == normalized(value)
            for name, value in self.when.items()
        )


_Quantity = Annotated[Decimal, Field(ge=_MIN_NUMBER, le=_MAX_NUMBER)]


class _Quoted(BaseModel):
    """A unit or a variant of the feed; invalid fields are None."""

    price: Annotated[Annotated[Decimal, Field(gt=0, le=_MAX_NUMBER)] | None, NONE_IF_INVALID] = None
    per: Annotated[_Quantity | None, NONE_IF_INVALID] = Decimal(1)
    measure: Annotated[str | None, NONE_IF_INVALID] = None
    unit: Annotated[str | None, NONE_IF_INVALID] = None
    when: Annotated[dict[str, Any] | None, NONE_IF_INVALID] = None

    def rate(self) -> Rate:
        when = {name: normalized(value) for name, value in (self.when or {}).items()}
        counted = _UNITS.get((self.measure or self.unit or "").casefold())
        if self.price is not None and self.per is not None and counted is not None:
            unit, ours = counted
            with suppress(ValidationError):
                return Rate(when=when, usd=self.price / self.per / ours, unit=unit)
        return Rate(when=when, usd=None)


class _Pricing(BaseModel):
    kind: str
    currency: str = "USD"
    units: tuple[Annotated[_Quoted | None, NONE_IF_INVALID], ...] = ()
    variants: tuple[Annotated[_Quoted | None, NONE_IF_INVALID], ...] = ()


def read_rates(pricing: object) -> tuple[Rate, ...]:
    """Parse the `pricing` of a model; return () if it has no reliable price.

    Several units of one price cannot be summed without knowing what each is for.
    """
    try:
        read = _Pricing.model_validate(pricing)
    except ValidationError:
        return ()
    quoted = {"fixed": read.units[:1] * (len(read.units) == 1), "variants": read.variants}
    rates = tuple((one or _Quoted()).rate() for one in quoted.get(read.kind, ()))
    # an invalid rate that may apply to any request makes all prices unreliable
    spoilt = any(rate.usd is None and not rate.when for rate in rates)
    return () if spoilt or read.currency != "USD" else rates


def cost(rates: Iterable[Rate], chosen: Mapping[str, object], seconds: int) -> Decimal | None:
    """Return the highest price that may apply in US dollars, None if none does or one is bad."""
    found = [rate.of(seconds) for rate in rates if rate.suits(chosen)]
    known = [usd for usd in found if usd is not None]
    return max(known) if known and len(known) == len(found) else None


def normalized(value: object) -> str:
    """Return a value in a form in which true and "True", 720p and "720P" are equal."""
    return str(value).strip().casefold()


_MICRO = Decimal(1_000_000)


def credits_for(usd: Decimal, credit_usd: Decimal) -> int:
    """Return a price in credits, rounded up, at least 1."""
    return max(1, int((usd / credit_usd).to_integral_value(ROUND_CEILING)))


def to_micros(usd: Decimal) -> int:
    """Return US dollars in micro-dollars, rounded half up."""
    return int((usd * _MICRO).to_integral_value(ROUND_HALF_UP))


def from_micros(micros: int) -> Decimal:
    """Return micro-dollars as US dollars."""
    return Decimal(micros) / _MICRO


def part_of(micros: int, part: int, whole: int) -> int:
    """Return the share `part` / `whole` of a price in micro-dollars, rounded up."""
    return -(-micros * part // max(1, whole))


class Period(StrEnum):
    """How often something renews."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    LIFETIME = "lifetime"


def began_at(period: Period, zone: ZoneInfo, now: float) -> float:
    """Return when the current period began, in Unix time."""
    if period is Period.LIFETIME:
        return 0.0
    return _midnight(_first_day(period, datetime.fromtimestamp(now, zone)), zone)


def ends_at(period: Period, zone: ZoneInfo, now: float) -> float | None:
    """Return when the next period begins, in Unix time, or None for a lifetime."""
    if period is Period.LIFETIME:
        return None
    first = _first_day(period, datetime.fromtimestamp(now, zone))
    days = {Period.DAY: 1, Period.WEEK: 7, Period.MONTH: 31}[period]
    return _midnight(_first_day(period, first + timedelta(days=days)), zone)


def _first_day(period: Period, today: datetime) -> datetime:
    if period is Period.WEEK:
        return today - timedelta(days=today.weekday())
    if period is Period.MONTH:
        return today.replace(day=1)
    return today


def _midnight(day: datetime, zone: ZoneInfo) -> float:
    # combined anew, so that a day of 23 or 25 hours keeps its own offset
    return datetime.combine(day.date(), time.min, zone).timestamp()
