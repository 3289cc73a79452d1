"""When to look again: densely where it may be made, sparsely elsewhere, and after setbacks less."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generation.jobs.schedule import (
    LEARNS_FROM,
    LONGEST,
    LONGEST_BACKOFF,
    LOOP_SECONDS,
    SHORTEST,
    backoff,
    grace,
    link_wait,
    look_times,
    next_poll,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

ACCEPTED = 1_790_000_000.0
DRAWS = 3_000

durations = st.lists(st.floats(0.5, 4000), max_size=20)
figures = st.floats(1, 600)
Draw = Callable[[random.Random], float]


def about(middle: float, spread: float) -> Draw:
    """Durations around one, spread by so much of it."""
    return lambda chance: middle * math.exp(chance.gauss(0, spread))


def humps(chance: random.Random) -> float:
    """Durations of two kinds."""
    return about(chance.choice((40, 120)), 0.12)(chance)


def followed(looks: Sequence[float], draw: Draw) -> tuple[float, float, float]:
    """Follow many generations: their median lag, that of the slowest in twenty, and the looks."""
    chance, lags, polls = random.Random(1), list[float](), 0
    for _ in range(DRAWS):
        made, at = draw(chance), 0.0
        while at < made:
            due = next_poll(now=ACCEPTED + at, accepted_at=ACCEPTED, looks=looks, fixed=None)
            at, polls = due - ACCEPTED, polls + 1
        lags.append(at - made)
    lags.sort()
    return lags[DRAWS // 2], lags[DRAWS * 19 // 20], polls / DRAWS


def loop(draw: Draw) -> tuple[float, float, float]:
    """The same for a loop that polls every ten seconds."""
    return followed([LOOP_SECONDS * number for number in range(1, 1000)], draw)


@pytest.mark.parametrize(
    ("draw", "typical", "median", "last"),
    [
        (about(75, 0.15), 75, 1.8, 5),
        (about(75, 0.25), 75, 2.5, 6),
        (about(75, 0.5), 75, 4.0, 9),
        (about(300, 0.2), 300, 2.2, 6),
        (humps, 75, 3.0, 7),
        (about(40, 0.2), 75, 2.0, 5),
        (about(200, 0.2), 75, 2.0, 6),
        (about(8, 0.3), 75, 3.0, 6),
    ],
)
def test_what_was_seen_makes_as_many_looks_as_a_loop_notice_sooner(
    draw: Draw, typical: float, median: float, last: float
) -> None:
    chance = random.Random(2)
    looks = look_times([draw(chance) for _ in range(LEARNS_FROM)], typical)
    found, loops = followed(looks, draw), loop(draw)
    assert found[0] <= median < loops[0]
    assert found[1] <= last < loops[1]
    assert found[2] <= 1.15 * loops[2] + 0.3


@pytest.mark.parametrize("spread", [0.15, 0.25, 0.5])
@pytest.mark.parametrize("typical", [20, 75, 300])
def test_the_offers_figure_alone_is_better_than_a_loop(typical: float, spread: float) -> None:
    draw = about(typical, spread)
    found, loops = followed(look_times([], typical), draw), loop(draw)
    assert found[0] < 0.7 * loops[0]
    assert found[1] < loops[1]
    assert found[2] <= 1.15 * loops[2] + 0.3


def test_a_figure_that_is_twice_too_long_costs_no_more_than_a_loop() -> None:
    draw = about(40, 0.2)
    found, loops = followed(look_times([], 80), draw), loop(draw)
    assert found[0] <= 1.2 * loops[0]
    assert found[2] <= loops[2]


@pytest.mark.parametrize("seen", [[], [75.0], [60.0, 75.0, 90.0] * 6])
def test_what_does_not_come_is_asked_for_less_and_less(seen: list[float]) -> None:
    looks = [look for look in look_times(seen, 75) if look < 1800]
    assert len(looks) < 1800 / LOOP_SECONDS
    waits = [after - before for before, after in itertools.pairwise(looks) if before > 200]
    assert waits == sorted(waits)
    assert waits[-1] > 2 * waits[0]


@settings(deadline=None)
@given(durations, figures)
def test_looks_are_neither_too_dense_nor_too_far_apart(seen: list[float], typical: float) -> None:
    looks = look_times(seen, typical)
    assert looks
    gaps = [after - before for before, after in itertools.pairwise(looks)]
    assert all(SHORTEST - 1e-6 <= gap <= LONGEST + 1e-6 for gap in gaps)


@settings(deadline=None)
@given(durations, figures, st.floats(0, 100_000), st.floats(0, 1000))
def test_the_next_look_is_never_now_and_who_looks_later_looks_again_later(
    seen: list[float], typical: float, after: float, more: float
) -> None:
    looks = look_times(seen, typical)
    first, second = (
        next_poll(now=ACCEPTED + at, accepted_at=ACCEPTED, looks=looks, fixed=None)
        for at in (after, after + more)
    )
    assert first >= ACCEPTED + after + SHORTEST / 2 - 1e-3
    assert second >= first - 1e-3


@given(st.floats(0, 100_000), st.floats(0.05, 600))
def test_the_operators_own_interval_is_kept_to(after: float, own: float) -> None:
    due = next_poll(now=ACCEPTED + after, accepted_at=ACCEPTED, looks=(1.0, 2.0), fixed=own)
    assert due - ACCEPTED == pytest.approx(after + own, abs=1e-5), "to what a float can tell"


@given(st.integers(0, 10_000), st.integers(0, 10_000))
def test_waits_after_setbacks_grow_and_are_bounded(fewer: int, more: int) -> None:
    fewer, more = sorted((fewer, more))
    assert 1 <= backoff(fewer) <= backoff(more) <= LONGEST_BACKOFF


@given(st.integers(0, 50), st.floats(0, 600))
def test_a_wait_that_was_asked_for_is_never_cut_short(setbacks: int, asked: float) -> None:
    assert backoff(setbacks, asked) == max(backoff(setbacks), asked)


@given(st.integers(0, 100), st.floats(0.001, 900))
def test_a_dead_link_is_asked_for_more_and_more_seldom_within_the_time_left(
    dead_links: int, left: float
) -> None:
    assert 0 < link_wait(dead_links, left) <= min(left, LONGEST_BACKOFF)
    assert link_wait(dead_links, 900) <= link_wait(dead_links + 1, 900)


@pytest.mark.parametrize(
    ("configured", "estimate", "seconds"),
    [(None, 30, 120), (None, 60, 120), (None, 200, 400), (5, 200, 5), (0, 200, 0)],
)
def test_the_grace_is_the_operators_or_twice_the_usual_time(
    configured: float | None, estimate: float, seconds: float
) -> None:
    assert grace(configured, estimate) == seconds
