"""When to look again: densely where it may be made, sparsely elsewhere, and after setbacks less."""

from __future__ import annotations

import itertools
import math
import random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generation.jobs.polling import (
    HORIZON,
    MAX_POLL_SECONDS,
    MIN_POLL_SECONDS,
    MIN_SAMPLES,
    REFERENCE_SECONDS,
    poll_times,
)
from generation.jobs.schedule import (
    MAX_BACKOFF,
    MAX_DURATIONS,
    backoff,
    grace,
    link_backoff,
    next_poll,
)
from tests.bench.polling import DISTRIBUTIONS, Followed, followed, learned, loop

if TYPE_CHECKING:
    from collections.abc import Sequence

ACCEPTED = 1_790_000_000.0

odd = st.sampled_from([0.0, -5.0, 1e9, math.inf, math.nan])
durations = st.lists(st.floats(0.5, 4000) | odd, max_size=30)
figures = st.floats(1, 600) | odd


def due(after: float, seen: Sequence[float] = (), typical: float = 75) -> float:
    """Say how long after its acceptance what was asked about just now is asked about again."""
    asked = ACCEPTED + after
    at = next_poll(now=asked, accepted_at=ACCEPTED, durations=seen, typical=typical, fixed=None)
    return at - ACCEPTED


def beside_the_loop(name: str, seen: int, typical: float = 1.0) -> tuple[Followed, Followed]:
    """Follow generations with a schedule that has learned from so many, and with a loop."""
    ours, loops = Followed(), Followed()
    for seed in range(12):  # one set of fifty may mislead
        chance = random.Random(seed)
        looks, ready = learned(DISTRIBUTIONS[name], seen, chance, typical, draws=60)
        ours += followed(looks, ready)
        loops += followed(loop(), ready)
    return ours, loops


@pytest.mark.parametrize("name", [name for name in DISTRIBUTIONS if not name.startswith("at once")])
def test_after_fifty_it_is_noticed_in_half_the_time_by_as_many_polls(name: str) -> None:
    ours, loops = beside_the_loop(name, 50)
    assert ours.median <= (0.5 if not name.startswith("wide") else 0.67) * loops.median
    assert ours.mean < 0.8 * loops.mean
    # drifting upwards, the next takes longer than what was seen
    assert ours.polls <= 1.05 * loops.polls


@pytest.mark.parametrize("seen", [0, MIN_SAMPLES - 1, MIN_SAMPLES, 5, 20])
@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_before_that_it_is_never_worse_than_a_loop(name: str, seen: int) -> None:
    ours, loops = beside_the_loop(name, seen)
    assert ours.median <= loops.median
    assert ours.mean <= 1.1 * loops.mean
    # a loop that needs one poll leaves nothing for those that are later than all before
    assert ours.polls <= 1.06 * loops.polls


@pytest.mark.parametrize("wrong", [1 / 3, 3])
@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_a_wrong_figure_of_the_offer_makes_nothing_worse_than_a_loop(
    name: str, wrong: float
) -> None:
    ours, loops = beside_the_loop(name, 0, wrong)
    assert ours.median <= 1.02 * loops.median
    assert ours.polls <= loops.polls


@given(st.floats(1, 3600))
@settings(max_examples=20, deadline=None)
def test_before_anything_is_known_no_look_comes_before_the_loops(typical: float) -> None:
    for number, look in enumerate(poll_times((), typical), 1):
        assert look >= REFERENCE_SECONDS * number - 1e-6


@pytest.mark.parametrize("seen", [(75.0,) * 3, (60.0, 75.0, 90.0) * 6])
def test_what_does_not_come_is_asked_for_less_and_less(seen: tuple[float, ...]) -> None:
    looks = [look for look in poll_times(seen, 75) if look < 1800]
    assert len(looks) < 0.6 * 1800 / REFERENCE_SECONDS
    waits = [after - before for before, after in itertools.pairwise(looks) if before > 250]
    assert waits == pytest.approx(sorted(waits))
    assert waits[-1] == pytest.approx(MAX_POLL_SECONDS)


@settings(max_examples=40, deadline=None)
@given(durations, figures)
def test_looks_are_neither_too_dense_nor_too_far_apart(seen: list[float], typical: float) -> None:
    looks = poll_times(tuple(seen), typical)
    assert looks[-1] >= HORIZON
    gaps = [after - before for before, after in itertools.pairwise(looks)]
    assert all(MIN_POLL_SECONDS - 1e-6 <= gap <= MAX_POLL_SECONDS + 1e-6 for gap in gaps)


@settings(max_examples=40, deadline=None)
@given(durations, figures, st.floats(-1000, 100_000), st.floats(0, 1000))
def test_the_next_look_is_never_now_and_who_looks_later_looks_again_later(
    seen: list[float], typical: float, after: float, more: float
) -> None:
    first, second = due(after, seen, typical), due(after + more, seen, typical)
    assert first >= after + MIN_POLL_SECONDS - 1e-3
    assert second >= first - 1e-3
    # nor does a clock that was set back keep anybody waiting
    assert first <= after + MAX_POLL_SECONDS + 1e-3


def test_only_the_newest_count_however_many_there_are() -> None:
    newest = [60.0 + number % 30 for number in range(MAX_DURATIONS)]
    assert due(0, [500.0] * 10_000 + newest) == due(0, newest)
    assert due(0, tuple(newest)) == due(0, newest)


@given(st.floats(0, 100_000), st.floats(0.05, 600))
def test_the_operators_own_interval_is_kept_to(after: float, own: float) -> None:
    at = next_poll(
        now=ACCEPTED + after, accepted_at=ACCEPTED, durations=(75,), typical=75, fixed=own
    )
    assert at - ACCEPTED == pytest.approx(after + own, abs=1e-5), "to what a float can tell"


@given(st.integers(0, 10_000), st.integers(0, 10_000))
def test_waits_after_setbacks_grow_and_are_bounded(fewer: int, more: int) -> None:
    fewer, more = sorted((fewer, more))
    assert 1 <= backoff(fewer) <= backoff(more) <= MAX_BACKOFF


@given(st.integers(0, 50), st.floats(0, 600))
def test_a_wait_that_was_asked_for_is_never_cut_short(setbacks: int, asked: float) -> None:
    assert backoff(setbacks, asked) == max(backoff(setbacks), asked)


@given(st.integers(0, 100), st.floats(0.001, 900))
def test_a_dead_link_is_asked_for_more_and_more_seldom_within_the_time_left(
    dead_links: int, left: float
) -> None:
    assert 0 < link_backoff(dead_links, left) <= min(left, MAX_BACKOFF)
    assert link_backoff(dead_links, 900) <= link_backoff(dead_links + 1, 900)


@pytest.mark.parametrize(
    ("configured", "estimate", "seconds"),
    [(None, 30, 120), (None, 60, 120), (None, 200, 400), (5, 200, 5), (0, 200, 0)],
)
def test_the_grace_is_the_operators_or_twice_the_usual_time(
    configured: float | None, estimate: float, seconds: float
) -> None:
    assert grace(configured, estimate) == seconds
