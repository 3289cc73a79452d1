"""`python -m tests.bench.polling`: how soon a finished video is noticed, and by how many polls.

In virtual time, seeded: the lag from "ready at the provider" to "asked", and the polls per
generation, of the documented loop, of ours after some were seen, and of the best schedule.

What is best is computed from the distribution itself, which nobody knows: of all schedules on a
grid of 0.1 to 0.5 s with at most the loop's mean number of polls, the one of the least mean lag,
exactly (dynamic programming over the next look, a price per poll as its multiplier). Its median is
what ours is held against; a schedule for the median alone would leave half of them late at will.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import random
import statistics
import sys
import time
from bisect import bisect_left
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import NormalDist
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from generation.jobs.polling import REFERENCE_SECONDS
from generation.jobs.schedule import next_poll

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

SEEN_REACTION = (0, 5, 20, 50, 200)
RUNS, DRAWS = 60, 100
"""How often it is learned anew, and how many are followed each time."""
DRIFT = 200
"""In how many generations the typical time moves by half."""
LAST = 1700.0
"""No generation takes longer."""
OWN = "by its own looks"


class Distribution(NamedTuple):
    """How long generations take: the share made by then, of those after so many others."""

    typical: float
    made: Callable[[float, int], float]
    why: str = ""

    def draw(self, chance: random.Random, place: int) -> float:
        """Draw how long one takes, to some milliseconds."""
        share, low, high = chance.random(), 0.0, LAST
        while high - low > 0.005:
            middle = (low + high) / 2
            low, high = (middle, high) if self.made(middle, place) < share else (low, middle)
        return high


def _normal(seconds: float, middle: float, spread: float) -> float:
    return NormalDist(math.log(middle), spread).cdf(math.log(max(seconds, 1e-9)))


def _about(middle: float, spread: float) -> Distribution:
    return Distribution(middle, lambda seconds, _: _normal(seconds, middle, spread))


def _even(first: float, last: float, why: str = "") -> Distribution:
    def made(seconds: float, _: int) -> float:
        return min(1.0, max(0.0, (seconds - first) / (last - first)))

    return Distribution((first + last) / 2, made, why)


def _drifting(by: float) -> Distribution:
    def made(seconds: float, place: int) -> float:
        return _normal(seconds, 80 * (1 + by * min(place, DRIFT) / DRIFT), 0.15)

    return Distribution(80, made)


def _humps(seconds: float, _: int) -> float:
    return (_normal(seconds, 40, 0.12) + _normal(seconds, 120, 0.12)) / 2


def _late_ones(seconds: float, _: int) -> float:
    return 0.85 * _normal(seconds, 80, 0.15) + 0.15 * _normal(seconds, 200, 0.6)


def _heavy(seconds: float, _: int) -> float:
    return 0.0 if seconds < 60 else 1.0 if seconds >= LAST - 1 else 1 - (60 / seconds) ** 2


DISTRIBUTIONS = {
    "very fast: 8–15 s": _even(8, 15),
    "fast: 20–30 s": _even(20, 30),
    "usual: 80 s ± 15 %": _about(80, 0.15),
    "usual: 80 s ± 25 %": _about(80, 0.25),
    "slow: 300 s ± 20 %": _about(300, 0.2),
    "two-humped: 40 and 120 s": Distribution(80, _humps),
    "drifting: 80 to 120 s": _drifting(0.5),
    "drifting: 80 to 40 s": _drifting(-0.5),
    "one in seven late": Distribution(80, _late_ones),
    "heavy tail: 60 s and more": Distribution(85, _heavy),
    "at once: 4–9 s": _even(
        4,
        9,
        "the loop asks once, so the one look that is as cheap has to come after the last of them:"
        " at 9 s instead of 10; half the lag would take about 1.2 polls",
    ),
    "wide: 80 s ± 40 %": _about(80, 0.4)._replace(
        why="the time is so uncertain that the best schedule itself needs more than half the"
        " loop's median lag"
    ),
}


@dataclass
class Followed:
    """Generations that were followed until they were noticed."""

    lags: list[float] = field(default_factory=list)
    asked: int = 0

    def __iadd__(self, more: Followed) -> Self:
        self.lags += more.lags
        self.asked += more.asked
        return self

    @property
    def median(self) -> float:
        """The median lag, in seconds."""
        return statistics.median(self.lags)

    @property
    def mean(self) -> float:
        """The mean lag, in seconds."""
        return statistics.fmean(self.lags)

    @property
    def polls(self) -> float:
        """The mean number of polls per generation."""
        return self.asked / len(self.lags)

    def figures(self) -> dict[str, float]:
        """What is printed."""
        last = sorted(self.lags)[len(self.lags) * 19 // 20]
        found = {"median": self.median, "p95": last, "mean": self.mean, "polls": self.polls}
        return {name: round(figure, 3) for name, figure in found.items()}


def followed(looks: Sequence[float], ready: Sequence[float]) -> Followed:
    """Ask at these times about generations that are ready at those."""
    places = [bisect_left(looks, moment) for moment in ready]
    lags = [looks[place] - moment for place, moment in zip(places, ready, strict=True)]
    return Followed(lags, sum(places) + len(places))


def loop() -> list[float]:
    """Return when the documented loop asks."""
    return [REFERENCE_SECONDS * number for number in range(1, 200)]


def schedule(seen: Sequence[float], typical: float) -> list[float]:
    """Return when ours asks, by what it has seen."""
    looks, at = list[float](), 0.0
    while at <= LAST:
        at = next_poll(now=at, accepted_at=0.0, durations=seen, typical=typical, fixed=None)
        looks.append(at)
    return looks


def learned(
    distribution: Distribution,
    number: int,
    chance: random.Random,
    wrong: float = 1.0,
    draws: int = DRAWS,
    *,
    own: bool = False,
) -> tuple[list[float], list[float]]:
    """Return when ours asks after it has seen so many, and when the next ones are ready.

    Args:
        distribution: how long they take.
        number: how many were seen.
        chance: where chance comes from.
        wrong: what the offer's figure is to be multiplied by.
        draws: how many the next ones are.
        own: whether it learns when it noticed them, instead of when they were ready.
    """
    typical, seen = distribution.typical * wrong, list[float]()
    looks, since = schedule(seen, typical), 0
    for place in range(number):
        ready = distribution.draw(chance, place)
        seen.append(looks[bisect_left(looks, ready)] if own else ready)
        since += 1
        if own and since > min(len(seen) // 4, 10):
            looks, since = schedule(seen, typical), 0
    return schedule(seen, typical), [distribution.draw(chance, number) for _ in range(draws)]


def best(distribution: Distribution, place: int, polls: float) -> list[float]:
    """Return the schedule of the least mean lag with at most so many polls in the mean."""
    last = next(one for one in range(1, int(LAST)) if distribution.made(one, place) > 0.9999)
    grid = min(0.5, max(0.1, last / 1500))
    cells = math.ceil(last / grid)
    made = [distribution.made(cell * grid, place) for cell in range(cells)] + [1.0]
    waited = [0.0]
    for cell in range(cells):
        waited.append(waited[-1] + (made[cell] + made[cell + 1]) / 2 * grid)

    def priced(price: float) -> tuple[list[float], float]:
        costs, following, latest = [0.0] * (cells + 1), [cells] * (cells + 1), cells
        for cell in range(cells - 1, -1, -1):
            own, begun = made[cell] * grid, waited[cell] + made[cell] * -cell * grid
            # the earlier it is, the earlier is the best next look: the cost is a Monge array
            nexts = range(cell + 1, latest + 1)
            costs[cell], latest = min((waited[to] - own * to + costs[to], to) for to in nexts)
            costs[cell] += price * (1 - made[cell]) - begun
            following[cell] = latest
        looks, cell, asked = list[float](), 0, 0.0
        while cell < cells:
            asked += 1 - made[cell]
            cell = following[cell]
            looks.append(cell * grid)
        return looks, asked

    low, high = 1e-3, 1e3
    for _ in range(16):
        price = math.sqrt(low * high)
        low, high = (price, high) if priced(price)[1] > polls else (low, price)
    looks = priced(high)[0]
    return [*looks, *(looks[-1] + REFERENCE_SECONDS * number for number in range(1, 200))]


def measure(name: str, seen: Sequence[int] = SEEN_REACTION) -> list[dict[str, Any]]:
    """Return the rows of a distribution."""
    distribution, rows = DISTRIBUTIONS[name], list[dict[str, Any]]()
    for own in (False, True):
        for number in seen if not own else seen[-2:]:
            ours, loops, ready = Followed(), Followed(), list[float]()
            for seed in range(RUNS):
                # other ones than those that the constants were tried on
                chance = random.Random(2000 + seed)
                looks, next_ones = learned(distribution, number, chance, own=own)
                ours += followed(looks, next_ones)
                loops += followed(loop(), next_ones)
                ready += next_ones
            bests = followed(best(distribution, number, loops.polls), ready)
            median = ours.median / loops.median
            rows.append(
                {
                    "distribution": name,
                    "seen": number,
                    "own": own,
                    "ours": ours.figures(),
                    "loop": loops.figures(),
                    "best": bests.figures(),
                    "by loop": round(median, 3),
                    "by best": round(ours.median / bests.median, 3),
                    "polls by loop": round(ours.polls / loops.polls, 3),
                }
            )
    return rows


def missed(row: dict[str, Any]) -> str:
    """Say which limit a row does not keep."""
    if row["own"] or DISTRIBUTIONS[row["distribution"]].why:
        return ""
    limits = [("by loop", 0.5), ("by best", 1.3)] if row["seen"] >= 50 else [("by loop", 1.0)]
    return ", ".join(
        f"{what} {row[what]} > {limit}"
        for what, limit in [*limits, ("polls by loop", 1.0)]
        if row[what] > limit
    )


def microseconds(distinct: int) -> float:
    """Return the processor time of a call, with so many sets of durations for 1000 calls."""
    chance = random.Random(1)
    sets = [tuple(chance.lognormvariate(4.4, 0.2) for _ in range(100)) for _ in range(distinct)]
    began = time.process_time()
    for number in range(1000):
        next_poll(
            now=100.0 + number % 60,
            accepted_at=40.0,
            durations=sets[number % distinct],
            typical=80.0,
            fixed=None,
        )
    return (time.process_time() - began) * 1000


def main() -> int:
    """Print the table; 1 where a limit is not kept."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.polling")
    parser.add_argument("--json", type=Path, help="write the figures to this file, too")
    arguments = parser.parse_args()
    rows, failed = list[dict[str, Any]](), False
    columns = ("median", "p95", "mean", "polls")
    print(f"{'lag in seconds':36}" + "".join(f"{column:>8}" for column in columns))
    for name, distribution in DISTRIBUTIONS.items():
        print(name)
        for row in measure(name):
            rows.append(row)
            known = f"ours after {row['seen']}" + (f", {OWN}" if row["own"] else "")
            ratios = f"   {row['by loop']:.2f} × loop {row['by best']:.2f} × best"
            verdict = missed(row)
            failed |= bool(verdict)
            labels = {"loop": "every 10 s", "ours": known, "best": "the best"}
            for who in ("ours",) if row["seen"] not in {0, 50} or row["own"] else labels:
                figures = "".join(f"{row[who][column]:8.2f}" for column in columns)
                print(f"  {labels[who]:34}{figures}" + (ratios if who == "ours" else ""))
            if verdict:
                print(f"  MISSED: {verdict}")
        if distribution.why:
            print(f"  no limit: {distribution.why}")
    costs = {"µs a call": microseconds(1), "µs a new set of durations": microseconds(1000)}
    print(", ".join(f"{figure:.1f} {what}" for what, figure in costs.items()))
    if arguments.json:
        about = {
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": f"{platform.machine()}, {os.cpu_count()} cores",
            "system": platform.system(),
            "python": platform.python_version(),
        }
        found = {**about, **costs, "rows": rows}
        arguments.json.write_text(json.dumps(found, indent=1, ensure_ascii=False), "utf-8")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
