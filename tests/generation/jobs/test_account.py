"""What is said of the provider's account follows from what days cost and what it holds."""

from __future__ import annotations

import pytest

from generation.jobs.account import Outlook
from storage.outages import ProviderBalance

DOLLAR = 1_000_000
WEEK = [2 * DOLLAR] * 7


@pytest.mark.parametrize(
    ("today", "days", "balance", "lasts"),
    [
        (0, WEEK, 5 * DOLLAR, 2.5),
        (0, [0] * 7, 5 * DOLLAR, None),
        (0, WEEK, None, None),
        (4 * DOLLAR, WEEK, 8 * DOLLAR, 2.0),
        (2 * DOLLAR, [0] * 7, 4 * DOLLAR, 2.0),
        # it is in use since three days: one with nothing counts, those before do not
        (0, [3 * DOLLAR, 0, 3 * DOLLAR, 0, 0, 0, 0], 6 * DOLLAR, 3.0),
        (0, WEEK, -DOLLAR, 0.0),
    ],
)
def test_money_lasts_as_long_as_days_were_dear(
    today: int, days: list[int], balance: int | None, lasts: float | None
) -> None:
    assert Outlook(today, days, balance).days_left == lasts


def test_a_warning_is_given_once_until_there_is_more_money() -> None:
    low, told = Outlook(0, WEEK, 4 * DOLLAR), ProviderBalance(4 * DOLLAR, 0.0, 1.0)
    assert low.should_warn(None)
    assert low.should_warn(ProviderBalance(9 * DOLLAR, 0.0, None))
    assert not low.should_warn(told)
    assert not Outlook(0, WEEK, 6 * DOLLAR).should_warn(None)
    assert not Outlook(0, WEEK, 3 * DOLLAR).has_recovered(told)
    assert not Outlook(0, WEEK, 4 * DOLLAR + 1).has_recovered(told), "a failed video came back"
    assert Outlook(0, WEEK, 5 * DOLLAR).has_recovered(told), "topped up"
    assert Outlook(0, [DOLLAR] * 7, 4 * DOLLAR).has_recovered(told), "lasts longer"


@pytest.mark.parametrize(
    ("today", "days", "is_surge"),
    [
        (6, WEEK, True),
        (5.9, WEEK, False),
        (6, [0, 2 * DOLLAR, 0, 2 * DOLLAR, 0, 2 * DOLLAR, 0], True),
        (50, [2 * DOLLAR, 2 * DOLLAR, 0, 0, 0, 0, 0], False),
        (0.9, [DOLLAR // 10] * 7, False),
    ],
)
def test_three_usual_days_in_one_are_a_surge(today: float, days: list[int], is_surge: bool) -> None:
    assert Outlook(int(today * DOLLAR), days, None).is_surge == is_surge
