"""Towns side by side, one process each: what each lived through, and what was wrong in it."""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import tempfile
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.house import Breakage
from tests.simulation.town import Town
from tests.simulation.virtual import VirtualLoop

if TYPE_CHECKING:
    from collections.abc import Sequence

AT_ONCE = 2
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - the fastest place there is, where there is one


@dataclass(frozen=True)
class Lived:
    """A town's life, by its seed."""

    seed: str
    generations: int
    days: float
    faults: int
    lives: int
    wrong: list[str]


def lived(seed: str, generations: int) -> Lived:
    """Let a town live through so many generations, from an empty database to rest."""
    errors = Breakage()
    errors.expect("the provider refuses everything")
    logging.getLogger().addHandler(errors)

    async def live() -> Lived:
        town = Town(Path(folder), seed, errors, generations=generations)
        wrong = await town.live()
        faults = sum(town.weather.met.values())
        return Lived(seed, town.accepted, town.days, faults, town.lives, errors.unexpected + wrong)

    place = SHARED_MEMORY if SHARED_MEMORY.is_dir() else None
    try:
        with (
            tempfile.TemporaryDirectory(prefix="simulation-", dir=place) as folder,
            asyncio.Runner(loop_factory=VirtualLoop) as runner,
        ):
            return runner.run(live())
    finally:
        logging.getLogger().removeHandler(errors)


def lived_side_by_side(seeds: Sequence[str], generations: int) -> list[Lived]:
    """Let one town per seed live, two at a time."""
    apart = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(AT_ONCE, apart) as pool:
        return list(pool.map(lived, seeds, [generations] * len(seeds)))
