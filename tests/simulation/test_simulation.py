"""Thousands of people, requests and faults in virtual time, reproducible by seed."""

from __future__ import annotations

import os
import random
import time
from typing import TYPE_CHECKING

import pytest

from tests.simulation.towns import simulate, simulate_all

if TYPE_CHECKING:
    from collections.abc import Callable

SEED = os.environ.get("SIMULATION_SEED", "")
"""A failure names its seed; with it in SIMULATION_SEED, that simulation alone is repeated."""
USUAL = "20261120"
"""The fixed seed, so that the result of `make test` depends on the code alone."""
A_TOWN = 1_600
"""Generations of one simulation."""


def seeds(generations: int, seed: str) -> list[str]:
    """Return the seeds of the simulations for so many generations."""
    return [seed] if "-" in seed else [f"{seed}-{name}" for name in range(generations // A_TOWN)]


def live(seeds: list[str], record_property: Callable[[str, object], None]) -> None:
    began = time.monotonic()
    alone = len(seeds) == 1
    towns = [simulate(seeds[0], A_TOWN)] if alone else simulate_all(seeds, A_TOWN)
    record_property(
        "figures",
        f"simulation of {seeds[0]}: {sum(town.generations for town in towns)} generations, "
        f"{sum(town.faults for town in towns)} faults, {sum(town.lives for town in towns)} lives, "
        f"{sum(town.days for town in towns):.0f} days, "
        f"{time.monotonic() - began:.0f} s",
    )
    wrong = [
        f"SIMULATION_SEED={town.seed}: {problem}" for town in towns for problem in town.wrong[:20]
    ]
    assert not wrong, "\n".join(wrong)
    assert all(town.generations >= A_TOWN for town in towns)


@pytest.mark.parametrize("seed", seeds(6_400, SEED or USUAL))
def test_whatever_goes_wrong_each_request_is_paid_and_delivered_or_given_back(
    seed: str, record_property: Callable[[str, object], None]
) -> None:
    live([seed], record_property)


@pytest.mark.soak
def test_so_it_is_a_million_times(record_property: Callable[[str, object], None]) -> None:
    live(seeds(1_000_000, SEED or str(random.randrange(10**9))), record_property)
