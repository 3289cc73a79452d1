"""Thousands of people, requests and faults in virtual time; the same seed, the same town."""

from __future__ import annotations

import os
import random
import time
from typing import TYPE_CHECKING

import pytest

from tests.simulation.towns import lived, lived_side_by_side

if TYPE_CHECKING:
    from collections.abc import Callable

SEED = os.environ.get("SIMULATION_SEED", "")
"""A failure names the seed of its town: alone in SIMULATION_SEED, it lives again."""
USUAL = "20261120"
"""The same towns each time: what `make test` says depends on the code alone."""
A_TOWN = 1_600
"""Generations of one town."""


def seeds(generations: int, seed: str) -> list[str]:
    """The towns in which so many generations are made."""
    return [seed] if "-" in seed else [f"{seed}-{name}" for name in range(generations // A_TOWN)]


def live(seeds: list[str], record_property: Callable[[str, object], None]) -> None:
    began = time.monotonic()
    alone = len(seeds) == 1
    towns = [lived(seeds[0], A_TOWN)] if alone else lived_side_by_side(seeds, A_TOWN)
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
