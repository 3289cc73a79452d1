"""The shape of a picture: what is lost of it, and which model keeps it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generation.media.pictures import share_lost
from generation.models.offer import Offer
from generation.orders.options import Defaults
from generation.orders.quotes import Quote, quote
from generation.orders.substitutes import find_uncropped


def quoted(text: str, size: tuple[int, int] | None, *families: str, **more: Any) -> Quote:
    found = quote(
        text, kind="i2v", offer=Offer.load().only(families or ("sora-2", "kling-3")),
        defaults=Defaults(), picture_size=size, **more,
    )  # fmt: skip
    assert isinstance(found, Quote), found
    return found


@pytest.mark.parametrize(
    ("size", "family", "shape", "lost"),
    [
        ((1600, 900), "sora-2", "16:9", 0.0),
        ((4000, 3000), "sora-2", "16:9", 0.25),
        ((3000, 4000), "sora-2", "9:16", 0.25),
        ((1000, 1000), "sora-2", "16:9", 7 / 16),
        ((4000, 3000), "seedance-2", "4:3", 0.0),
        ((4000, 3000), "kling-3", None, 0.0),
        ((6000, 1500), "kling-3", None, 5 / 12),  # no model takes a panorama of 4:1
        (None, "sora-2", None, 0.0),
    ],
)
def test_the_shape_that_loses_least_is_taken_and_what_it_loses_is_known(
    size: tuple[int, int] | None, family: str, shape: str | None, lost: float
) -> None:
    found = quoted("waves", size, family)
    assert found.aspect_ratio == shape
    assert found.cut_share == pytest.approx(lost, abs=0.01)
    assert found.cuts == found.cuts_unasked == (lost > 0.15)


@pytest.mark.parametrize("option", ["--fit crop", "--fit pad", "--ar 16:9"])
def test_what_somebody_chose_to_lose_is_not_asked_about(option: str) -> None:
    found = quoted(f"waves {option}", (1000, 1000), "sora-2")
    assert not found.cuts_unasked
    assert found.cut_share == (0 if option == "--fit pad" else pytest.approx(7 / 16, abs=0.01))


@pytest.mark.parametrize(
    ("families", "expected"),
    [
        (("sora-2", "veo-3.1", "kling-3", "seedance-2"), "kling-3"),
        (("sora-2", "seedance-2", "kling-3"), "seedance-2"),
        (("sora-2", "wan-2.5", "seedance-2"), "seedance-2"),
        (("sora-2", "sora-2-pro", "veo-3.1"), None),
        (("sora-2",), None),
    ],
)
def test_the_first_other_model_that_loses_least_is_offered(
    families: tuple[str, ...], expected: str | None
) -> None:
    found = quoted("waves --model sora-2", (4000, 3000), *families)
    other = find_uncropped(found.choice, found.prompt, (4000, 3000), Offer.load().only(families))
    assert (other and other.choice.family.name) == expected


def test_a_model_that_refuses_people_or_takes_shorter_words_is_not_offered() -> None:
    offer = Offer.load()
    size = (4000, 3000)
    for family in offer.for_kind("i2v"):
        long = quoted("wave " * 400 + "--model sora-2", size, "sora-2")
        other = find_uncropped(long.choice, long.prompt, size, offer.only(["sora-2", family.name]))
        limit = family.i2v.prompt_limit if family.i2v else None
        if limit is not None and limit < 2000:
            assert other is None, family.name


@given(
    picture=st.tuples(st.integers(16, 9999), st.integers(16, 9999)),
    frame=st.tuples(st.integers(16, 4096), st.integers(16, 4096)),
)
def test_what_is_cut_away_is_what_the_other_shape_has_less(
    picture: tuple[int, int], frame: tuple[int, int]
) -> None:
    lost = share_lost(picture, frame)
    assert 0 <= lost < 1
    turned = share_lost((picture[1], picture[0]), (frame[1], frame[0]))
    assert turned == pytest.approx(lost)
