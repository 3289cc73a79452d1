"""Where an allowance or a budget turns: days, weeks and months in the operator's time zone."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo


class Period(StrEnum):
    """How often something renews."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    LIFETIME = "lifetime"


def began_at(period: Period, zone: ZoneInfo, now: float) -> float:
    """Return when the present period began, in seconds since 1970, UTC."""
    if period is Period.LIFETIME:
        return 0.0
    return _midnight(_first_day(period, datetime.fromtimestamp(now, zone)), zone)


def ends_at(period: Period, zone: ZoneInfo, now: float) -> float | None:
    """Return when the next period begins; None where there is none."""
    if period is Period.LIFETIME:
        return None
    first = _first_day(period, datetime.fromtimestamp(now, zone))
    if period is Period.DAY:
        following = first + timedelta(days=1)
    elif period is Period.WEEK:
        following = first + timedelta(weeks=1)
    else:
        following = (first + timedelta(days=31)).replace(day=1)
    return _midnight(following, zone)


def _first_day(period: Period, today: datetime) -> datetime:
    if period is Period.WEEK:
        return today - timedelta(days=today.weekday())
    if period is Period.MONTH:
        return today.replace(day=1)
    return today


def _midnight(day: datetime, zone: ZoneInfo) -> float:
    # combined anew, so that a day of 23 or 25 hours keeps its own offset
    return datetime.combine(day.date(), time.min, zone).timestamp()
