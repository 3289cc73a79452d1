"""A payment and a refund whose process is killed at any point: each happens once."""

from __future__ import annotations

import asyncio
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.telegram.stars import StarPayment
from tests.harness import ADMIN
from tests.reliability import invariants
from tests.reliability.crash_setup import BEFORE_WORK, BotLauncher, CrashSetup

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from pathlib import Path


@dataclass(frozen=True)
class Sale:
    """What people do, what the ledger says in the end, and what somebody has read by then.

    It is `for_group` where all of a group has what was bought. `points` are words of those points
    at which money is at stake.
    """

    act: Callable[[CrashSetup, Sale], Coroutine[Any, Any, None]]
    rows: tuple[tuple[str, int], ...]
    words: tuple[str, ...]
    points: tuple[str, ...]
    for_group: bool = False

    def of_group(self, words: str) -> Sale:
        """Return the same in a group, in which these words are read besides."""
        return replace(self, for_group=True, words=(*self.words, words))


class PaymentCrashSetup(CrashSetup):
    """A setup with a payment; its work is done once the credits are where they belong."""

    sale: Sale

    def open_work(self) -> list[str]:
        # that an update is handled is written down in its own time
        left = [one for one in super().open_work() if not one.startswith("an update neither")]
        return left or self.wrong()

    def wrong(self) -> list[str]:
        """What must not be: the ledger is not as expected, or nobody was told."""
        with closing(self.database()) as database:
            found = database.execute("SELECT kind, credits FROM ledger ORDER BY id").fetchall()
            kinds = {row[0] for row in database.execute("SELECT account_kind FROM ledger")}
            problems = invariants.wrong_always(database)
        world = self.telegram.world
        said = [one.text or "" for chat in world.chats.values() for one in chat.from_bot]
        given = sum("receiver" in one for one in world.stars.transactions)
        if found != list(self.sale.rows):
            problems.append(f"the ledger says {found}")
        if kinds != {"chat" if self.sale.for_group else "person"}:
            problems.append(f"it is the credits of {kinds}")
        problems += [
            f"nobody read {words!r}"
            for words in self.sale.words
            if not any(words in text for text in said)
        ]
        if given != len(self.sale.rows) - 1:
            problems.append(f"Telegram gave back {given} times")
        return problems


async def pay(setup: CrashSetup, sale: Sale) -> None:
    """Ann has paid, and the bot is not told yet."""
    ann = setup.telegram.person("Ann")
    world = setup.telegram.world
    payload = f"credits:1:{ann.id}:50:500"
    if sale.for_group:
        club = setup.telegram.group("Film club", [ann])
        asked = await club.send(ann, "/help")
        await club.wait(lambda one: one.reply_to == asked.message_id, 60)
        payload = f"credits:2:{-club.id}:0:50:500"
    paid = StarPayment("charge-1", ann, 500, payload)
    world.stars.record_payment(paid, now=world.clock())
    setup.telegram.private(ann).service(ann, successful_payment=paid.as_json())


async def refund(setup: CrashSetup, sale: Sale) -> None:
    """The owner gives it back, as soon as the bot knows of it."""
    await pay(setup, sale)
    owner = setup.telegram.person("Olga", user_id=ADMIN)
    office, world = setup.telegram.private(owner), setup.telegram.world
    (ann,) = (one for one in world.people.values() if one.first_name == "Ann")
    await setup.telegram.private(ann).wait(lambda one: "Thank you!" in (one.text or ""), 60)
    await office.send(owner, "/refund 1")
    card = await office.wait(lambda one: bool(one.buttons), 60)
    await card.press("Give 500 ⭐ back", timeout=60)


PAYMENT = Sale(
    pay, (("purchase", 50),), ("Thank you!",), ("intake._write", "credit", "sendMessage")
)
REFUND = Sale(
    refund,
    (("purchase", 50), ("refund", 50)),
    ("was refunded",),
    ("confirm", "refundStar", "went_"),
)
SALES = {
    "payment": PAYMENT,
    "refund": REFUND,
    "payment for a group": PAYMENT.of_group("bought 50 credits"),
    "refund of a group's": REFUND.of_group("A payment for this group went back"),
}


async def survived(sale: Sale, kill: str, folder: Path, launcher: BotLauncher) -> PaymentCrashSetup:
    """Kill a process at a point, and let the next one do the open work."""
    async with PaymentCrashSetup.open(folder, launcher) as setup:
        setup.sale = sale
        people = asyncio.create_task(sale.act(setup, sale))
        try:
            if not kill or await setup.run_process(kill, until=people):
                await setup.run_process(until=people)
        finally:
            people.cancel()
            with suppress(asyncio.CancelledError):
                await people
        return setup


async def sweep(sale: Sale, folder: Path, at: tuple[str, ...] = ("",)) -> None:
    async with BotLauncher.open() as launcher:
        setup = await survived(sale, "", folder / "undisturbed", launcher)
        points = [
            point.name
            for point in setup.points()
            if not point.name.startswith(BEFORE_WORK) and any(word in point.name for word in at)
        ]
        assert points
        failures = []
        for number, point in enumerate(points):
            setup = await survived(sale, point, folder / str(number), launcher)
            failures += [f"killed at {point}: {one}" for one in setup.wrong()]
    assert failures == []


@pytest.mark.parametrize("sale", SALES.values(), ids=SALES)
async def test_killed_where_money_is_at_stake_it_moves_it_once(sale: Sale, tmp_path: Path) -> None:
    await sweep(sale, tmp_path, sale.points)


@pytest.mark.soak
@pytest.mark.parametrize("sale", SALES.values(), ids=SALES)
async def test_killed_at_any_point_it_moves_it_once(sale: Sale, tmp_path: Path) -> None:
    await sweep(sale, tmp_path)
