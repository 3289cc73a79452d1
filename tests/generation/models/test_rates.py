"""What the provider asks for a video, in all the forms in which it says so."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generation.models.pricing import cost, read_rates
from tests.generation.models.known import mode_of

SORA = mode_of("openai/sora-2-pro-t2v")


def fixed(**unit: Any) -> dict[str, Any]:
    return {"kind": "fixed", "currency": "USD", "units": [{"measure": "second", **unit}]}


def variants(*found: dict[str, Any]) -> dict[str, Any]:
    return {
        "kind": "variants",
        "currency": "USD",
        "dimensions": ["resolution"],
        "variants": [{"unit": "second", "per": 1, **one} for one in found],
    }


@pytest.mark.parametrize(
    ("pricing", "seconds", "usd"),
    [
        (fixed(price=0.21, per=1), 4, "0.84"),
        (fixed(price=2.1, per=10), 4, "0.84"),
        (fixed(price="0.21"), 4, "0.84"),
        (fixed(measure="minute", price=12.6), 4, "0.84"),
        (fixed(measure="video", price=0.5), 12, "0.5"),
        (fixed(measure="generation", price=5, per=10), 12, "0.5"),
    ],
)
def test_a_price_is_for_as_many_units_as_it_says(
    pricing: dict[str, Any], seconds: int, usd: str
) -> None:
    assert cost(read_rates(pricing), {}, seconds) == Decimal(usd)


def test_the_variant_of_what_was_chosen_counts_whatever_its_spelling() -> None:
    rates = read_rates(
        variants(
            {"when": {"resolution": "720P", "generate_audio": True}, "price": 0.4},
            {"when": {"resolution": "720P", "generate_audio": False}, "price": 0.2},
            {"when": {"resolution": "1080P"}, "price": 0.9},
        )
    )
    assert cost(rates, {"resolution": "720p", "generate_audio": True}, 1) == Decimal("0.4")
    assert cost(rates, {"resolution": "720p", "generate_audio": False}, 1) == Decimal("0.2")
    assert cost(rates, {"resolution": "1080p", "generate_audio": True}, 1) == Decimal("0.9")


def test_a_variant_by_length_counts_for_that_length() -> None:
    rates = read_rates(
        variants(
            {"when": {"duration": 5}, "price": 0.35, "unit": "video"},
            {"when": {"duration": "10"}, "price": 0.7, "unit": "video"},
        )
    )
    assert cost(rates, {"duration": 10}, 10) == Decimal("0.7")


def test_where_several_may_apply_the_dearest_does() -> None:
    rates = read_rates(
        variants({"when": {"provider": "a"}, "price": 0.1}, {"when": {"provider": "b"}, "price": 3})
    )
    assert cost(rates, {"resolution": "720p"}, 1) == Decimal(3)


@pytest.mark.parametrize(
    "odd",
    [
        {"price": 0},
        {"price": -1},
        {"price": "free"},
        {"price": None},
        {"price": 0.1, "per": 0},
        {"price": 0.1, "per": "1e-999999"},
        {"price": 5000},
        {"price": 1, "unit": "megapixel"},
        {"price": 1, "unit": 7},
    ],
    ids=str,
)
def test_a_variant_that_makes_no_sense_spoils_only_what_it_may_be_about(
    odd: dict[str, Any],
) -> None:
    rates = read_rates(
        variants(
            {"when": {"resolution": "480p"}} | odd,
            {"when": {"resolution": "720p"}, "price": 0.1},
            {"when": {"resolution": "1080p"}, "price": 0.2},
        )
    )
    assert cost(rates, {"resolution": "720p"}, 4) == Decimal("0.4")
    assert cost(rates, {"resolution": "1080p"}, 4) == Decimal("0.8")
    assert cost(rates, {"resolution": "480p"}, 4) is None, "the hint stands in"
    assert cost(rates, {}, 4) is None, "it may be meant"


def test_a_variant_that_is_none_at_all_spoils_every_price() -> None:
    for odd in (None, "0.21", {"when": ["720p"], "price": 0}):
        pricing = {"kind": "variants", "variants": [{"price": 1, "unit": "second"}, odd]}
        assert read_rates(pricing) == ()


def test_where_a_variant_makes_no_sense_the_hint_stands_in_for_it() -> None:
    rates = read_rates(
        variants(
            {"when": {"resolution": "720p"}, "price": 0},
            {"when": {"resolution": "1080p"}, "price": 0.2},
        )
    )
    live = SORA.model_copy(update={"live": rates})
    assert live.cost(4, "720p") == Decimal("1.26")
    assert live.cost(4, "1080p") == Decimal("0.8")


@pytest.mark.parametrize(
    "pricing",
    [
        {"kind": "variable"},
        None,
        "0.21",
        {},
        {"kind": "fixed", "units": []},
        fixed(price=0),
        fixed(price=-1),
        fixed(price="NaN"),
        fixed(price=1, per=0),
        fixed(price=1, measure="million tokens"),
        fixed(price=1) | {"currency": "EUR"},
        {"kind": "fixed", "units": [{"measure": "second", "price": 1}] * 2},
        variants({"price": 1}, {"price": 1, "unit": "megapixel"}),
    ],
    ids=str,
)
def test_what_cannot_be_foretold_is_no_price(pricing: object) -> None:
    assert read_rates(pricing) == ()


def test_a_model_without_a_live_price_costs_what_is_hinted() -> None:
    assert SORA.cost(4, "720p") == Decimal("1.26")


def test_a_live_price_takes_the_place_of_the_hint() -> None:
    rates = read_rates(
        variants(
            {"when": {"resolution": "720p"}, "price": 0.1},
            {"when": {"resolution": "1080p"}, "price": 0.2},
        )
    )
    live = SORA.model_copy(update={"live": rates})
    assert live.cost(4, "720p") == Decimal("0.4")
    assert live.cost(4, "1080p") == Decimal("0.8")


def test_a_live_price_that_leaves_out_a_resolution_leaves_it_to_the_hint() -> None:
    rates = read_rates(variants({"when": {"resolution": "720p"}, "price": 0.1}))
    live = SORA.model_copy(update={"live": rates})
    assert live.cost(4, "1080p") == Decimal("2.1")


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_reading_a_price_never_fails(pricing: object) -> None:
    assert isinstance(read_rates(pricing), tuple)
