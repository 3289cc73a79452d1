"""What videos cost."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generation.models.offer import Offer
from generation.models.pricing import credits_for, from_micros, to_micros
from tests.generation.models.known import mode_of

OFFER = Offer.load()
MONEY = st.decimals(min_value=0, max_value=1000, places=6)


@pytest.mark.parametrize(
    ("model", "seconds", "resolution", "usd"),
    [
        ("openai/sora-2-t2v", 4, "720p", "0.84"),
        ("openai/sora-2-i2v", 12, "720p", "2.52"),
        ("openai/sora-2-pro-t2v", 4, "720p", "1.26"),
        ("openai/sora-2-pro-t2v", 4, "1080p", "2.1"),
        ("openai/sora-2-pro-i2v", 12, "1080p", "6.3"),
    ],
)
def test_a_video_costs_its_seconds_at_its_resolution(
    model: str, seconds: int, resolution: str, usd: str
) -> None:
    assert mode_of(model).cost(seconds, resolution) == Decimal(usd)


def test_a_resolution_that_is_not_offered_has_no_price() -> None:
    with pytest.raises(KeyError):
        mode_of("openai/sora-2-t2v").cost(4, "1080p")


@pytest.mark.parametrize(
    ("usd", "credit_usd", "expected"),
    [
        ("0.84", "0.10", 9),
        ("0.80", "0.10", 8),
        ("0.8000001", "0.10", 9),
        ("2.52", "0.10", 26),
        ("0.001", "0.10", 1),
        ("0", "0.10", 1),
        ("0.84", "1", 1),
        ("0.84", "0.03", 28),
    ],
)
def test_credits_are_rounded_up_and_at_least_one(usd: str, credit_usd: str, expected: int) -> None:
    assert credits_for(Decimal(usd), Decimal(credit_usd)) == expected


@given(usd=MONEY, credit_usd=st.decimals(min_value="0.01", max_value=10, places=2))
def test_credits_pay_for_the_price_and_one_fewer_would_not(
    usd: Decimal, credit_usd: Decimal
) -> None:
    credits_needed = credits_for(usd, credit_usd)

    assert credits_needed * credit_usd >= usd
    assert credits_needed == 1 or (credits_needed - 1) * credit_usd < usd


@given(usd=MONEY)
def test_money_survives_storage_to_the_micro_dollar(usd: Decimal) -> None:
    assert from_micros(to_micros(usd)) == usd


def test_less_than_a_micro_dollar_is_rounded_to_the_nearest() -> None:
    assert to_micros(Decimal("0.0000005")) == 1
    assert to_micros(Decimal("0.0000004")) == 0
