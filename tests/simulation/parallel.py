"""Runs simulations in parallel processes."""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import tempfile
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.harness import LoggedErrors
from tests.simulation.simulation import Simulation
from tests.simulation.virtual import VirtualLoop

if TYPE_CHECKING:
    from collections.abc import Sequence

AT_ONCE = 2
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - the fastest place, if it exists


@dataclass(frozen=True)
class SimulationResult:
    """The result of a simulation."""

    seed: str
    generations: int
    days: float
    faults: int
    runs: int
    wrong: list[str]


def simulate(seed: str, generations: int) -> SimulationResult:
    """Run a simulation of so many generations, from an empty database until all are finished."""
    errors = LoggedErrors()
    errors.expect("the provider refuses everything")
    logging.getLogger().addHandler(errors)

    async def run() -> SimulationResult:
        simulation = Simulation(Path(folder), seed, errors, generations=generations)
        wrong = await simulation.run()
        faults = sum(simulation.chaos.met.values())
        return SimulationResult(
            seed,
            simulation.accepted,
            simulation.days,
            faults,
            simulation.runs,
            errors.unexpected + wrong,
        )

    place = SHARED_MEMORY if SHARED_MEMORY.is_dir() else None
    try:
        with (
            tempfile.TemporaryDirectory(prefix="simulation-", dir=place) as folder,
            asyncio.Runner(loop_factory=VirtualLoop) as runner,
        ):
            return runner.run(run())
    finally:
        logging.getLogger().removeHandler(errors)


def simulate_all(seeds: Sequence[str], generations: int) -> list[SimulationResult]:
    """Run a simulation per seed, two at a time."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(AT_ONCE, spawn) as pool:
        return list(pool.map(simulate, seeds, [generations] * len(seeds)))
