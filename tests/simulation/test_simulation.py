"""Thousands of people, requests and faults in virtual time, reproducible by seed."""

from __future__ import annotations

import os
import random
import time
from typing import TYPE_CHECKING

import pytest

from tests.simulation.parallel import simulate, simulate_all

if TYPE_CHECKING:
    from collections.abc import Callable

SEED = os.environ.get("SIMULATION_SEED", "")
"""A failure names its seed; with it in SIMULATION_SEED, that simulation alone is repeated."""
USUAL = "20261120"
"""The fixed seed, so that the result of `make test` depends on the code alone."""
SIZE = 1_600
"""Generations of one simulation."""


def seeds(generations: int, seed: str) -> list[str]:
    """Return the seeds of the simulations for so many generations."""
    return [seed] if "-" in seed else [f"{seed}-{name}" for name in range(generations // SIZE)]


def run_simulations(seeds: list[str], record_property: Callable[[str, object], None]) -> None:
    began = time.monotonic()
    alone = len(seeds) == 1
    results = [simulate(seeds[0], SIZE)] if alone else simulate_all(seeds, SIZE)
    record_property(
        "figures",
        f"simulation of {seeds[0]}: {sum(one.generations for one in results)} generations, "
        f"{sum(one.faults for one in results)} faults, {sum(one.runs for one in results)} runs, "
        f"{sum(one.days for one in results):.0f} days, "
        f"{time.monotonic() - began:.0f} s",
    )
    wrong = [
        f"SIMULATION_SEED={one.seed}: {problem}" for one in results for problem in one.wrong[:20]
    ]
    assert not wrong, "\n".join(wrong)
    assert all(one.generations >= SIZE for one in results)


@pytest.mark.parametrize("seed", seeds(6_400, SEED or USUAL))
def test_whatever_goes_wrong_each_request_is_paid_and_delivered_or_given_back(
    seed: str, record_property: Callable[[str, object], None]
) -> None:
    run_simulations([seed], record_property)


@pytest.mark.soak
def test_so_it_is_a_million_times(record_property: Callable[[str, object], None]) -> None:
    run_simulations(seeds(1_000_000, SEED or str(random.randrange(10**9))), record_property)
