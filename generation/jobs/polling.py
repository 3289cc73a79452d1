"""Times of polls for a generation: dense when it is likely to finish, sparse otherwise."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from functools import lru_cache
from itertools import accumulate, pairwise
from statistics import median

REFERENCE_SECONDS = 10.0
"""Interval of the fixed polling loop whose number of polls the plan must not exceed."""
MIN_POLL_SECONDS, MAX_POLL_SECONDS = 1.0, 60.0
"""Bounds of the time between two polls, in seconds."""
HORIZON = 7200.0
"""How long polls are planned ahead, in seconds; later ones are `MAX_POLL_SECONDS` apart."""
MIN_SAMPLES, MIN_TREND_SAMPLES = 3, 8
"""Durations needed before they are used at all, and before a trend in them is."""


@lru_cache(maxsize=1024)
def poll_times(seen: tuple[float, ...], typical: float) -> tuple[float, ...]:
    """Return when to poll for a result, in seconds after the start, for `HORIZON` seconds.

    `seen` are the durations of earlier generations, newest last; `typical` is used if there are
    too few.

    The density of polls is the square root of the hazard, the chance that an unfinished generation
    finishes now: this minimizes the average delay until a result is noticed, for a given number
    of polls. That number is at most that of the reference loop, and somewhat smaller while few
    durations are known.

    With few durations, no poll comes much before the poll of the reference loop with the same
    number, so that there are never more polls than in the loop, however long it takes. With none,
    the first poll is late if `typical` is long: polls that would be too early even if it were
    three times too long are left out.
    """
    known = len(seen) if len(seen) >= MIN_SAMPLES else 0
    logs = sorted(_extrapolate([_log(one) for one in seen])) if known else [_log(typical)]
    middle, times = median(logs), [math.exp(log) for log in logs]
    edges, roots = _poll_density(logs, middle)
    first = min(MAX_POLL_SECONDS, max(1.0, times[0] // 60) * REFERENCE_SECONDS)

    def spread(scale: float, until: float, ahead: float = math.inf) -> list[float]:
        polls, at = list[float](), 0.0
        while at < until:
            wanted = _interpolate(roots, edges, _interpolate(edges, roots, at) + 1 / scale)
            late = at + max(REFERENCE_SECONDS, min(MAX_POLL_SECONDS, at / 10))
            if not known:
                latest = at + (REFERENCE_SECONDS if polls else first)
            elif at > times[-1]:
                latest = late
            else:
                latest = min(at + MAX_POLL_SECONDS, max(late, times[-1]))
            loops = REFERENCE_SECONDS * (len(polls) + 1)
            at = min(max(wanted, at + MIN_POLL_SECONDS, loops - ahead), latest)
            polls.append(at)
        return polls

    loops = sum(math.ceil(time / REFERENCE_SECONDS) for time in times) / len(times)
    budget = max(1.0, loops * (1 - 0.3 / math.sqrt(known + 4) if known else 1.0))
    low, high = 1e-2, 1e2
    for _ in range(10):
        scale = math.sqrt(low * high)
        polls = spread(scale, min(times[-1], HORIZON))
        count = 1 + sum(bisect_left(polls, time) for time in times) / len(times)
        low, high = (low, scale) if count > budget else (scale, high)
    return tuple(spread(low, HORIZON, 0.04 * known * math.exp(middle)))


def _log(seconds: float) -> float:
    return math.log(min(86_400.0, max(1.0, seconds)))


def _extrapolate(logs: list[float]) -> list[float]:
    """Return the durations shifted along their trend to the present, if it is more than chance."""
    number, mean = len(logs), sum(logs) / len(logs)
    places = [place - (number - 1) / 2 for place in range(number)]
    squares = sum(place * place for place in places)
    slope = sum(place * log for place, log in zip(places, logs, strict=True)) / squares
    if number < MIN_TREND_SAMPLES or not slope:
        return logs
    residuals = [log - mean - slope * place for place, log in zip(places, logs, strict=True)]
    chance = sum(one * one for one in residuals) / (number - 2) / (slope * slope * squares)
    slope *= max(0.0, 1 - chance / 8)
    moved = [log + slope * (number - place) for place, log in enumerate(logs)]
    return moved if _scatter(moved) < _scatter(logs) else logs


def _scatter(logs: list[float]) -> float:
    """Return how far apart neighbours are: small also for values clustered around two centres."""
    ordered, step = sorted(logs), max(2, len(logs) // 4)
    pairs = zip(ordered, ordered[step:], strict=False)
    return sum(math.log(max(0.01, after - before)) for before, after in pairs)


def _poll_density(logs: list[float], middle: float) -> tuple[list[float], list[float]]:
    """Return times, and the integral of the square root of the hazard up to each of them.

    The density is estimated with one kernel for each duration seen, as wide as the distance to its
    nearer neighbours. One more duration is spread over all times, and one never ends.
    """
    number = len(logs)
    cells, begins = 300, middle - 3.0
    steps = [0.0] * (cells + 1)

    def add_kernel(earliest: float, latest: float) -> None:
        first = min(cells - 1, max(0, round((earliest - begins) * 50)))
        last = min(cells, max(first + 1, round((latest - begins) * 50)))
        steps[first] += 1 / (last - first)
        steps[last] -= 1 / (last - first)

    near, least = 1 + round(0.2 * number**0.8), max(0.03, 0.5 * number**-0.6)
    padded = [-math.inf] * near + logs + [math.inf] * near
    for place, log in enumerate(logs):
        reach = max(least, min(log - padded[place], padded[place + 2 * near] - log, 0.5))
        add_kernel(log - 1.2 * reach, log + reach)
    add_kernel(middle - 1.2, middle + 1.2)
    edges = [math.exp(begins + cell / 50) for cell in range(cells + 1)]
    roots, left = [0.0], number + 2.0
    for made, (before, after) in zip(accumulate(steps), pairwise(edges), strict=False):
        share = max(0.0, made)
        roots.append(roots[-1] + math.sqrt(share / (left - share / 2) * (after - before)))
        left -= share
    return [*edges, max(HORIZON, edges[-1] + 1)], [*roots, roots[-1]]


def _interpolate(xs: list[float], ys: list[float], x: float) -> float:
    after = bisect_right(xs, x)
    if after in {0, len(xs)}:
        return ys[min(after, len(xs) - 1)]
    share = (x - xs[after - 1]) / (xs[after] - xs[after - 1])
    return ys[after - 1] + (ys[after] - ys[after - 1]) * share
