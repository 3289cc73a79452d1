"""When to look again: rarely before anything can be ready, closely around it, then less."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generation.jobs.schedule import (
    FIRST_LOOK,
    LONGEST,
    LONGEST_BACKOFF,
    SHORTEST,
    backoff,
    grace,
    link_wait,
    next_poll,
)

expectations = st.floats(1, 3600)
elapsed = st.floats(0, 100_000)
ACCEPTED = 1_790_000_000.0


def poll_at(after: float, estimate: float, fixed: float | None = None) -> float:
    """When to poll next, in seconds after the acceptance."""
    due = next_poll(now=ACCEPTED + after, accepted_at=ACCEPTED, estimate=estimate, fixed=fixed)
    return due - ACCEPTED


@given(elapsed, expectations)
def test_nothing_is_asked_before_anything_can_be_ready(after: float, estimate: float) -> None:
    assert poll_at(after, estimate) >= FIRST_LOOK * estimate - 1e-3


@given(elapsed, expectations)
def test_the_next_look_is_never_now_and_never_far(after: float, estimate: float) -> None:
    wait = poll_at(after, estimate) - after
    first = max(0.0, FIRST_LOOK * estimate - after)
    assert 0 < wait <= max(first, LONGEST) + 1e-3
    if after >= FIRST_LOOK * estimate:
        assert wait >= SHORTEST - 1e-3


@given(elapsed, st.floats(0, 1000), expectations)
def test_who_looks_later_looks_again_later(after: float, more: float, estimate: float) -> None:
    assert poll_at(after + more, estimate) >= poll_at(after, estimate) - 1e-3


@given(st.floats(1, 600))
def test_a_video_that_comes_when_expected_is_noticed_soon(estimate: float) -> None:
    at, looks = 0.0, 0
    while at < estimate:
        at, looks = poll_at(at, estimate), looks + 1
    assert at - estimate <= max(SHORTEST, estimate / 12) + 1e-3, "noticed within a twelfth"
    assert looks <= 7, "after few questions"


def test_a_video_that_does_not_come_is_asked_for_less_and_less() -> None:
    times = [0.0]
    while times[-1] < 1800:
        times.append(poll_at(times[-1], 75))
    waits = [after - before for before, after in itertools.pairwise(times[1:])]
    assert waits == sorted(waits)
    assert waits[-1] == LONGEST
    assert len(times) < 60


@given(elapsed, expectations, st.floats(0.05, 600))
def test_the_operators_own_interval_is_kept_to(after: float, estimate: float, own: float) -> None:
    assert poll_at(after, estimate, own) == pytest.approx(after + own, abs=1e-5), (
        "to what a float can tell"
    )


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
