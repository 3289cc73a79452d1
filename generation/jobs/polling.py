"""When to look for what is being made: densely where it may be finished, sparsely elsewhere."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from functools import lru_cache
from itertools import accumulate, pairwise
from statistics import median

LOOP_SECONDS = 10.0
"""A loop that polls so often is what the schedule is measured by: it polls as often in all."""
SHORTEST, LONGEST = 1.0, 60.0
"""Bounds of the time between two polls, in seconds."""
HORIZON = 7200.0
"""How long looks are planned for; after that it is looked for as seldom as ever."""
FEWEST, MANY = 3, 8
"""How many tell anything, and how many tell of a trend."""


@lru_cache(maxsize=1024)
def look_times(seen: tuple[float, ...], typical: float) -> tuple[float, ...]:
    """Return when to look for a result, in seconds after the start, for two hours.

    The looks are as dense as the square root of the hazard, the chance that what is not there yet
    comes now: no other times of as many looks notice it sooner on average. They are as many as
    those of a loop, or somewhat fewer, for few that were seen tell less than there is to know.

    While that is little, no look comes much before the loop's of the same number: then it cannot
    be asked for more often than by the loop, whatever it takes. Before anything is known, looks
    that are too early even for a figure three times too long are saved for about that figure.
    """
    known = len(seen) if len(seen) >= FEWEST else 0
    logs = sorted(_at_present([_log(one) for one in seen])) if known else [_log(typical)]
    middle, times = median(logs), [math.exp(log) for log in logs]
    edges, roots = _density_of_looks(logs, middle)
    first = min(LONGEST, max(1.0, times[0] // 60) * LOOP_SECONDS)

    def spread(scale: float, until: float, ahead: float = math.inf) -> list[float]:
        looks, at = list[float](), 0.0
        while at < until:
            wanted = _interpolated(roots, edges, _interpolated(edges, roots, at) + 1 / scale)
            late = at + max(LOOP_SECONDS, min(LONGEST, at / 10))
            if not known:
                latest = at + (LOOP_SECONDS if looks else first)
            else:
                latest = late if at > times[-1] else min(at + LONGEST, max(late, times[-1]))
            loops = LOOP_SECONDS * (len(looks) + 1)
            at = min(max(wanted, at + SHORTEST, loops - ahead), latest)
            looks.append(at)
        return looks

    loops = sum(math.ceil(time / LOOP_SECONDS) for time in times) / len(times)
    budget = max(1.0, loops * (1 - 0.3 / math.sqrt(known + 4) if known else 1.0))
    low, high = 1e-2, 1e2
    for _ in range(10):
        scale = math.sqrt(low * high)
        looks = spread(scale, min(times[-1], HORIZON))
        polls = 1 + sum(bisect_left(looks, time) for time in times) / len(times)
        low, high = (low, scale) if polls > budget else (scale, high)
    return tuple(spread(low, HORIZON, 0.04 * known * math.exp(middle)))


def _log(seconds: float) -> float:
    return math.log(min(86_400.0, max(1.0, seconds)))


def _at_present(logs: list[float]) -> list[float]:
    """Return what was seen as it would be by now, if there is a trend beyond chance in it."""
    number, mean = len(logs), sum(logs) / len(logs)
    places = [place - (number - 1) / 2 for place in range(number)]
    squares = sum(place * place for place in places)
    slope = sum(place * log for place, log in zip(places, logs, strict=True)) / squares
    if number < MANY or not slope:
        return logs
    rests = [log - mean - slope * place for place, log in zip(places, logs, strict=True)]
    chance = sum(rest * rest for rest in rests) / (number - 2) / (slope * slope * squares)
    slope *= max(0.0, 1 - chance / 8)
    moved = [log + slope * (number - place) for place, log in enumerate(logs)]
    return moved if _scatter(moved) < _scatter(logs) else logs


def _scatter(logs: list[float]) -> float:
    """Return how far apart neighbours are: less where they gather, be it about two middles."""
    ordered, step = sorted(logs), max(2, len(logs) // 4)
    pairs = zip(ordered, ordered[step:], strict=False)
    return sum(math.log(max(0.01, after - before)) for before, after in pairs)


def _density_of_looks(logs: list[float], middle: float) -> tuple[list[float], list[float]]:
    """Return moments, and the integral of the root of the hazard until each of them.

    Each that was seen comes again about so: within the reach of its next neighbours, on the side
    where they are nearer. One more comes at any time, and one does not come.
    """
    number = len(logs)
    cells, begins = 300, middle - 3.0
    steps = [0.0] * (cells + 1)

    def may_come(earliest: float, latest: float) -> None:
        first = min(cells - 1, max(0, round((earliest - begins) * 50)))
        last = min(cells, max(first + 1, round((latest - begins) * 50)))
        steps[first] += 1 / (last - first)
        steps[last] -= 1 / (last - first)

    near, least = 1 + round(0.2 * number**0.8), max(0.03, 0.5 * number**-0.6)
    padded = [-math.inf] * near + logs + [math.inf] * near
    for place, log in enumerate(logs):
        reach = max(least, min(log - padded[place], padded[place + 2 * near] - log, 0.5))
        may_come(log - 1.2 * reach, log + reach)
    may_come(middle - 1.2, middle + 1.2)
    edges = [math.exp(begins + cell / 50) for cell in range(cells + 1)]
    roots, left = [0.0], number + 2.0
    for made, (before, after) in zip(accumulate(steps), pairwise(edges), strict=False):
        share = max(0.0, made)
        roots.append(roots[-1] + math.sqrt(share / (left - share / 2) * (after - before)))
        left -= share
    return [*edges, max(HORIZON, edges[-1] + 1)], [*roots, roots[-1]]


def _interpolated(xs: list[float], ys: list[float], x: float) -> float:
    after = bisect_right(xs, x)
    if after in {0, len(xs)}:
        return ys[min(after, len(xs) - 1)]
    share = (x - xs[after - 1]) / (xs[after] - xs[after - 1])
    return ys[after - 1] + (ys[after] - ys[after - 1]) * share
