"""A process that is killed at any point of its work, and the next that goes on with it.

As SQLite's makers test theirs: the process dies at its first point, at its second, and
so on, until one does all its work. Afterwards everything must be finished, paid once
or paid back, whatever the point was; also when the next process is killed in its turn.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import time
from contextlib import closing, suppress
from typing import TYPE_CHECKING

import pytest

from tests.reliability import invariants, scenes
from tests.reliability.crash_setup import BotLauncher, CrashSetup

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from tests.reliability.scenes import Scene

AT_ONCE = 2
SEED = os.environ.get("CRASH_SEED", "20261120")
FREE_CREDITS = 54
GOING_AGAIN = 5.0
"""Seconds after a start within which open work must be taken up."""
Kills = tuple[str, ...]
"""Where the processes of a run are killed, one after the other; the last one is not killed."""


async def undisturbed(scene: Scene, folder: Path) -> list[str]:
    """Return the names of the points that a process passes if it is not killed."""
    async with BotLauncher.open() as launcher, CrashSetup.open(folder, launcher) as setup:
        await scene.prepare(setup)
        async with asyncio.TaskGroup() as group:
            people = group.create_task(scene.act(setup)) if scene.act else None
            assert not await setup.run_process(until=people)
        assert wrong(setup) == []
        return [point.name for point in setup.points()]


async def survived(scene: Scene, kills: Kills, folder: Path, launcher: BotLauncher) -> list[str]:
    """Kill processes one by one; return what is wrong once the last has done its work."""
    async with CrashSetup.open(folder, launcher) as setup:
        await scene.prepare(setup)
        people = asyncio.create_task(scene.act(setup)) if scene.act else None
        try:
            for kill in kills:
                if not await setup.run_process(kill, until=people):
                    break  # it did all its work: the point was not reached
            else:
                await setup.run_process(until=people)
        except AssertionError as error:
            return [str(error)]
        finally:
            if people is not None:
                people.cancel()
                with suppress(asyncio.CancelledError):
                    await people
        return wrong(setup)


def wrong(setup: CrashSetup) -> list[str]:
    """Return what is wrong once a run is over, wherever its processes were killed."""
    with closing(setup.database()) as database:
        problems = [
            *invariants.wrong_always(database),
            *invariants.overdrawn(database, FREE_CREDITS),
            *invariants.damaged(database),
            *invariants.untold(database),
            *setup.provider.violations,
        ]
        states = [row[0] for row in database.execute("SELECT state FROM generations")]
        set_aside = database.execute("SELECT 1 FROM inbox WHERE set_aside = 1").fetchone()
    if len(states) != (0 if set_aside and not states else 1):
        problems.append(f"one request made {len(states)} generations")
    taken = sum(submission.accepted for submission in setup.provider.submissions)
    if taken > 1:
        problems.append(f"the provider was paid {taken} times")
    said = [message for chat in setup.telegram.world.chats.values() for message in chat.from_bot]
    copies = sum(message.video is not None for message in said)
    if copies > 1 + setup.unknown_sends:
        problems.append(f"{copies} copies of the video after {setup.unknown_sends} unknown sends")
    if states == ["delivered"] and not copies:
        problems.append("delivered, and nowhere to be seen")
    if states and states != ["undeliverable"] and not said:
        problems.append("nobody was told anything")
    if states != ["undeliverable"]:
        problems += [f"left on the disk: {file.name}" for file in setup.files()]
    problems += [
        f"process {process} took {took:.1f} s to go on"
        for process, took in setup.delays().items()
        if took > GOING_AGAIN
    ]
    return problems


async def sweep(scene: Scene, runs: Iterable[Kills], folder: Path) -> list[str]:
    """Make all runs, two at a time; return what went wrong in which."""
    waiting, failures = iter(enumerate(runs)), []

    async def take_turns() -> None:
        async with BotLauncher.open() as launcher:
            for number, kills in waiting:
                problems = await survived(scene, kills, folder / str(number), launcher)
                if problems:
                    failures.append(f"killed at {', then at '.join(kills)}: {problems}")

    await asyncio.gather(*(take_turns() for _ in range(AT_ONCE)))
    return failures


def with_a_second(points: list[str]) -> list[Kills]:
    """Let each point be followed by a second kill, somewhere in what the next process does."""
    dice = random.Random(SEED)
    return [
        (point, str(dice.randint(1, max(4, len(points) - number + 4))))
        for number, point in enumerate(points)
    ]


@pytest.mark.parametrize("scene", [scenes.TEXT, scenes.PHOTO], ids=lambda scene: scene.name)
async def test_killed_at_any_point_and_once_more_it_loses_nothing_and_pays_once(
    scene: Scene, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    began = time.monotonic()
    points = await undisturbed(scene, tmp_path / "undisturbed")
    once = [(point,) for point in points]
    failures = await sweep(scene, [*once, *with_a_second(points)], tmp_path)
    took = time.monotonic() - began
    record_property(
        "figures",
        f"{scene.name}: killed at each of {len(points)} points, and again with a second kill "
        f"(seed {SEED}), {took:.0f} s",
    )
    assert not failures, f"CRASH_SEED={SEED}\n" + "\n".join(failures)


@pytest.mark.soak
@pytest.mark.parametrize(
    "scene",
    [scenes.TEXT, scenes.PHOTO, scenes.REFUSED, scenes.CANCELLED, scenes.CARD],
    ids=lambda scene: scene.name,
)
async def test_killed_at_any_two_points_it_loses_nothing_and_pays_once(
    scene: Scene, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    began = time.monotonic()
    points = await undisturbed(scene, tmp_path / "undisturbed")
    numbers = [str(number) for number in range(1, len(points) + 1)]
    once = [(point,) for point in points]
    pairs = list(itertools.product(points, numbers))
    failures = await sweep(scene, [*once, *pairs], tmp_path)
    took = time.monotonic() - began
    record_property(
        "figures", f"{scene.name}: {len(pairs)} pairs of {len(points)} points, {took:.0f} s"
    )
    assert not failures, "\n".join(failures)


CONTINUE = (
    "placing._ask_first, committed #1", "order_card.show_card, committed #1",
    "placing._store_order, committed #1", "GET file, answered #1", "POST generations, answered #1",
)  # fmt: skip
JOIN = (
    "films.send_film, committed #1", "GET file, answered #4", "POST sendVideo, to send #1",
    "POST sendVideo, answered #1", "notice_sender._note_sent, to commit #1",
)  # fmt: skip
"""What of these no other scene passes, or with other things at stake."""


async def test_killed_while_a_film_goes_on_or_is_joined_it_pays_and_sends_once(
    tmp_path: Path,
) -> None:
    async with (
        BotLauncher.open() as launcher,
        CrashSetup.open(tmp_path / "film", launcher) as setup,
    ):
        setup.settings = {"FREE_CREDITS": "900", "BUDGET_USD": "none"}
        first = asyncio.create_task(scenes.first_scene(setup))
        # that its updates are handled would be written down in its own time
        await setup.run_process("POST editMessageReplyMarkup, answered #1", until=first)
        await first
        failures = list[str]()
        for kill in (*CONTINUE, *JOIN):
            joins = kill in JOIN
            before, unknown = counted(setup), kill in JOIN[-2:]
            act = scenes.whole_film(setup) if joins else scenes.next_scene(setup)
            people = asyncio.create_task(act)
            if not await setup.run_process(kill, until=people):
                failures.append(f"{kill}: never reached, but {setup.points()}")
            elif not await setup.run_process(until=people) and people.exception() is None:
                made, paid, shown = (
                    now - was for now, was in zip(counted(setup), before, strict=True)
                )
                if (made, paid) != ((0, 0) if joins else (1, 1)):
                    failures.append(f"{kill}: {made} scenes made, {paid} paid")
                if not 1 <= shown <= 1 + (joins and unknown):
                    failures.append(f"{kill}: {shown} videos came")
        with closing(setup.database()) as database:
            failures += [
                *invariants.wrong_always(database), *invariants.damaged(database),
                *invariants.untold(database), *setup.provider.violations,
            ]  # fmt: skip
            parents = database.execute("SELECT DISTINCT parent FROM generations WHERE id > 1")
            assert parents.fetchall() == [(1,)]
    assert not failures, "\n".join(failures)


def counted(setup: CrashSetup) -> tuple[int, int, int]:
    """How many were made, how many the provider took, and how many videos stand in the chat."""
    with closing(setup.database()) as database:
        (made,) = database.execute("SELECT count(*) FROM generations WHERE state = 'delivered'")
    (chat,) = setup.telegram.world.chats.values()
    taken = sum(submission.accepted for submission in setup.provider.submissions)
    return made[0], taken, sum(message.video is not None for message in chat.from_bot)
