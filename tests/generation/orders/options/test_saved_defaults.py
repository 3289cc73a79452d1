"""What a person saved is used where nothing is said, and bent where it no longer fits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generation.orders.options import Defaults, Options, Problem, resolve
from tests.generation.orders.options.settling import ALL, NOBODY, chosen


def test_a_length_and_a_resolution_that_do_not_go_together_are_told_apart() -> None:
    pixverse = ALL.only(["pixverse-5.5"])
    both = resolve(Options(seconds="8", resolution="1080p"), NOBODY, pixverse, "t2v")
    assert both == Problem("seconds", "8", ("5", "10"), "pixverse-5.5")
    saved = Defaults(seconds=8, resolution="1080p")
    assert chosen(Options(seconds="8"), saved, offer=pixverse).resolution == "720p"
    assert chosen(Options(resolution="1080p"), saved, offer=pixverse).seconds == 10
    assert chosen(Options(), saved, offer=pixverse).seconds == 10


def test_saved_defaults_are_used_where_nothing_is_said() -> None:
    saved = Defaults("sora-2-pro", 8, "9:16", "1080p")
    choice = chosen(Options(seconds="12"), saved)

    assert (choice.family.name, choice.seconds) == ("sora-2-pro", 12)
    assert (choice.aspect_ratio, choice.resolution) == ("9:16", "1080p")


@pytest.mark.parametrize(
    ("saved", "family", "seconds", "shape", "resolution"),
    [
        (Defaults("sora-3", 12, "9:16", "720p"), "sora-2", 12, "9:16", "720p"),
        (Defaults("sora-2", 10, "3:4", "1080p"), "sora-2", 8, "9:16", "720p"),
        (Defaults("veo-3.1", 12, "21:9", "4k"), "veo-3.1", 8, "16:9", "1080p"),
        (Defaults("veo-3.1", 5, "1:1", "1440p"), "veo-3.1", 4, "16:9", "1080p"),
        (Defaults("sora-2", 0, "odd", "odd"), "sora-2", 4, "16:9", "720p"),
    ],
)
def test_saved_defaults_that_no_longer_fit_become_the_nearest(
    saved: Defaults, family: str, seconds: int, shape: str, resolution: str
) -> None:
    choice = chosen(defaults=saved)

    assert (choice.family.name, choice.seconds) == (family, seconds)
    assert (choice.aspect_ratio, choice.resolution) == (shape, resolution)


@given(
    st.builds(
        Defaults,
        family=st.none() | st.sampled_from(ALL.names) | st.text(),
        seconds=st.none() | st.integers(),
        aspect_ratio=st.none() | st.text() | st.from_regex(r"\d+:\d+", fullmatch=True),
        resolution=st.none() | st.text() | st.from_regex(r"\d+p", fullmatch=True),
    ),
    st.sampled_from(["t2v", "i2v"]),
)
def test_whatever_was_saved_something_on_offer_comes_of_it(defaults: Defaults, kind: str) -> None:
    choice = chosen(defaults=defaults, offer=ALL, kind=kind)

    assert choice.seconds in choice.mode.seconds
    assert choice.resolution in (choice.mode.resolutions or (None,))
    assert choice.mode.offers(choice.seconds, choice.resolution)
    assert choice.aspect_ratio in {None, *choice.mode.aspect_ratios}
