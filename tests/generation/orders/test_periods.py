"""Where days, weeks and months turn, in every time zone, with days of 23 and 25 hours."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from generation.models.pricing import Period, began_at, ends_at

ZONES = sorted(available_timezones())
TURNING = [Period.DAY, Period.WEEK, Period.MONTH]
BEGIN, END = datetime(2020, 1, 1, tzinfo=UTC), datetime(2037, 12, 31, tzinfo=UTC)


def at(text: str, zone: str = "UTC") -> float:
    """A moment of a zone, in seconds since 1970."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


@pytest.mark.parametrize(
    ("period", "zone", "now", "began", "ends"),
    [
        (Period.DAY, "UTC", "2026-11-20T14:00", "2026-11-20", "2026-11-21"),
        (Period.DAY, "UTC", "2026-11-20T00:00", "2026-11-20", "2026-11-21"),
        (Period.DAY, "UTC", "2026-12-31T23:59:59.999", "2026-12-31", "2027-01-01"),
        (Period.WEEK, "UTC", "2026-11-20T14:00", "2026-11-16", "2026-11-23"),
        (Period.WEEK, "UTC", "2026-11-23T00:00", "2026-11-23", "2026-11-30"),
        (Period.MONTH, "UTC", "2026-01-31T14:00", "2026-01-01", "2026-02-01"),
        (Period.MONTH, "UTC", "2028-02-29T14:00", "2028-02-01", "2028-03-01"),
        (Period.MONTH, "UTC", "2026-12-01T00:00", "2026-12-01", "2027-01-01"),
        (Period.DAY, "Europe/Berlin", "2026-03-29T12:00", "2026-03-29", "2026-03-30"),
        (Period.DAY, "Asia/Kathmandu", "2026-11-20T00:01", "2026-11-20", "2026-11-21"),
        (Period.MONTH, "Europe/Berlin", "2026-10-31T12:00", "2026-10-01", "2026-11-01"),
    ],
)
def test_a_period_begins_and_ends_at_midnight_of_its_zone(
    period: Period, zone: str, now: str, began: str, ends: str
) -> None:
    assert began_at(period, ZoneInfo(zone), at(now, zone)) == at(began, zone)
    assert ends_at(period, ZoneInfo(zone), at(now, zone)) == at(ends, zone)


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25)])
def test_a_day_is_as_long_as_the_zone_makes_it(day: str, hours: int) -> None:
    zone, now = ZoneInfo("Europe/Berlin"), at(f"{day}T12:00", "Europe/Berlin")
    ends = ends_at(Period.DAY, zone, now)
    assert ends is not None
    assert ends - began_at(Period.DAY, zone, now) == hours * 3600


def test_a_day_without_a_midnight_begins_with_its_first_moment() -> None:
    # clocks in Cairo went from 0:00 to 1:00 on this day
    began = began_at(Period.DAY, ZoneInfo("Africa/Cairo"), at("2026-04-24T12:00", "Africa/Cairo"))
    assert datetime.fromtimestamp(began, ZoneInfo("Africa/Cairo")).hour == 1
    before = datetime.fromtimestamp(began - 1, ZoneInfo("Africa/Cairo"))
    assert before.isoformat()[:19] == "2026-04-23T23:59:59"


def test_a_lifetime_has_no_end() -> None:
    now = at("2026-11-20T14:00")
    assert began_at(Period.LIFETIME, ZoneInfo("UTC"), now) == 0.0
    assert ends_at(Period.LIFETIME, ZoneInfo("UTC"), now) is None


@given(
    period=st.sampled_from(TURNING),
    name=st.sampled_from(ZONES),
    now=st.floats(BEGIN.timestamp(), END.timestamp()),
)
@example(Period.DAY, "America/Havana", at("2026-11-01T04:30"))
@example(Period.DAY, "Africa/Cairo", at("2026-04-23T22:30"))
def test_now_lies_within_its_period_and_periods_meet(period: Period, name: str, now: float) -> None:
    zone = ZoneInfo(name)
    began, ends = began_at(period, zone, now), ends_at(period, zone, now)
    assert ends is not None
    assert began <= now < ends
    assert began_at(period, zone, ends) == ends, "the next period begins where this one ends"
    assert ends_at(period, zone, began) == ends, "all of a period ends together"
    assert ends_at(period, zone, began - 1) == began, "the one before ends where this one begins"


@pytest.mark.parametrize("name", ZONES)
def test_days_follow_each_other_without_a_gap_through_a_whole_year(name: str) -> None:
    zone, now = ZoneInfo(name), at("2026-01-01T12:00")
    days = 0
    while now < at("2027-01-01T12:00"):
        ends = ends_at(Period.DAY, zone, now)
        assert ends is not None
        assert (
            timedelta(hours=22) <= timedelta(seconds=ends - now) <= timedelta(hours=36) or not days
        )
        assert began_at(Period.DAY, zone, ends) == ends
        now, days = ends, days + 1
    assert days in {365, 366}, "noon to noon in UTC may be either here"
