"""What admins do, in a process that is killed at each of it: it is done once, and said as done."""

from __future__ import annotations

import asyncio
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.flows.predicates import says, shows_video
from tests.groups.actions import confirmed
from tests.harness import ADMIN
from tests.reliability import invariants
from tests.reliability.crash_setup import BEFORE_WORK, BotLauncher, CrashSetup

if TYPE_CHECKING:
    from pathlib import Path

ACTS = (
    ("/grant {ann} 50", "grants._grant_person", "has 50 credits"),
    ("/limit {ann} 20", "limits.set_allowance", "is 20 credits"),
    ("/gift 30", "invites._send_link", "gets 30 credits"),
    ("/invite 2 40", "invites._send_link", "gets 40 credits"),
    ("/allow {ann}", "access.allow", "{ann} may use this bot."),
    ("/deny {ann}", "access.deny", "{ann} may not use this bot any more."),
    ("/pause 2h tea", "pausing.pause", "Paused"),
    ("/resume", "pausing.resume", "I take orders again"),
    ("/ban {ann} rude", "access.apply_ban", "{ann} is banned. /unban"),
    ("/unban {ann}", "access.apply_unban", "{ann} is welcome again"),
)
"""What is sent, the transaction that does it, and what is answered."""
DONE = [
    ("grant", "50"), ("limit", "54 → 20"), ("gift", "#1: 30"), ("invite", "#2: 2 × 40"),
    ("allow", ""), ("deny", ""), ("pause", "2h tea"), ("resume", ""), ("ban", "rude"),
    ("unban", ""), ("delete", "#1"),
]  # fmt: skip
LEFT = {
    "SELECT kind, credits FROM ledger WHERE pot = 'granted'": [("grant", 50)],
    "SELECT allowance FROM people WHERE allowance IS NOT NULL": [(20,)],
    "SELECT uses, credits FROM invites": [(1, 30), (2, 40)],
    "SELECT count(*) FROM pause": [(0,)],
    "SELECT count(*) FROM bans": [(0,)],
    "SELECT file_id FROM generations": [(None,)],
    "SELECT notices.kind FROM notices JOIN people ON people.id = person"
    " WHERE name = 'Ann' AND sent_at IS NOT NULL ORDER BY notices.id": [
        ("granted",), ("let_in",), ("banned",), ("unbanned",),
    ],
}  # fmt: skip


class AdminCrashSetup(CrashSetup):
    """A setup that is over once everybody has their answer."""

    def open_work(self) -> list[str]:
        # that an update is handled is written down in its own time
        return [one for one in super().open_work() if not one.startswith("an update neither")]


async def played(folder: Path, launcher: BotLauncher, *kills: str) -> tuple[int, list[str]]:
    """Have an admin do all acts in processes killed at these points, and check what is left.

    Returns how many of the points were reached, and which ones the last process passed.
    """
    async with AdminCrashSetup.open(folder, launcher) as setup:
        owner = setup.telegram.person("Olga", user_id=ADMIN)
        ann = setup.telegram.person("Ann")
        office, theirs = setup.telegram.private(owner), setup.telegram.private(ann)

        async def act() -> None:
            for words, _, answer in ACTS:
                await office.send(owner, words.format(ann=ann.id))
                await office.wait(says(answer.format(ann=ann.id)), 60)
            await confirmed(office, await office.wait(says("ugly")), "Delete", by=owner)

        async def order() -> None:
            await theirs.send(ann, "/video a cat")
            video = await theirs.wait(shows_video("a cat"), 60)
            await theirs.send(ann, "/report ugly", reply_to=video)
            await office.wait(says("ugly"), 60)

        await setup.run_process(until=asyncio.create_task(order()))
        setup.settings["ALLOWED_IDS"] = str(setup.telegram.person("Bob").id)
        people = asyncio.create_task(act())
        reached = 0
        try:
            for kill in kills:
                reached += await setup.run_process(kill, until=people)
            await setup.run_process(until=people)
        finally:
            people.cancel()
            await asyncio.gather(people, return_exceptions=True)
        with closing(setup.database()) as database:
            assert database.execute("SELECT act, details FROM audit ORDER BY id").fetchall() == DONE
            found = {query: database.execute(query).fetchall() for query in LEFT}
            assert found == LEFT
            assert invariants.wrong_always(database) == []
        return reached, [point.name for point in setup.points()]


async def test_killed_after_each_act_an_admin_is_told_that_it_is_done_and_it_is_done_once(
    tmp_path: Path,
) -> None:
    transactions = [transaction for _, transaction, _ in ACTS] + ["reports.take_down"]
    # the update of a killed act comes again, and opens its transaction again
    kills = [
        f"{one}, committed #{transactions[:place].count(one) + 1}"
        for place, one in enumerate(transactions)
    ]
    async with BotLauncher.open() as launcher:
        reached, _ = await played(tmp_path / "data", launcher, *kills)
    assert reached == len(kills)


@pytest.mark.soak
async def test_killed_at_any_point_an_admin_is_told_that_it_is_done_and_it_is_done_once(
    tmp_path: Path,
) -> None:
    failures = list[str]()
    async with BotLauncher.open() as launcher:
        _, points = await played(tmp_path / "undisturbed", launcher)
        for number, point in enumerate(points):
            if point.startswith(BEFORE_WORK):
                continue
            try:
                await played(tmp_path / str(number), launcher, point)
            except AssertionError as error:
                failures.append(f"killed at {point}: {error}")
    assert failures == []
