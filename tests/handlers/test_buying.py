"""Credits for Stars: from /buy to the receipt, and what is paid with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from handlers.replies.more_credits import MOST_STARS, Purchase, packages
from storage import ledger, statistics
from storage.database import every
from storage.ledger import Account, Pot
from tests.handlers.commons import settled

if TYPE_CHECKING:
    from sandbox.telegram import Message, Person, PrivateChat
    from tests.house import House

SELLING: dict[str, Any] = {"stars_per_credit": 10, "support_contact": "@owner"}


async def bought(house: House, person: Person) -> int:
    async with house.db.reading() as connection:
        return await ledger.stored(connection, Account.person(person.id), Pot.BOUGHT)


async def moves(house: House) -> list[tuple[str, str, int]]:
    """Return the rows of the ledger: pot, kind, credits."""
    async with house.db.reading() as connection:
        rows = await every(connection, "SELECT pot, kind, credits FROM ledger ORDER BY id")
    return [(row["pot"], row["kind"], row["credits"]) for row in rows]


async def invoice(chat: PrivateChat, person: Person, credits_: int = 50) -> Message:
    """Choose a package; returns its invoice."""
    before = len([one for one in chat.from_bot if "invoice" in one.extra])
    await chat.send(person, "/buy")
    shown = await chat.wait(lambda one: any("⭐" in b.text for r in one.buttons for b in r))
    await shown.press(f"{credits_} credits")
    sent = [one for one in chat.from_bot if "invoice" in one.extra]
    assert len(sent) == before + 1
    return sent[-1]


async def pay(chat: PrivateChat, person: Person, credits_: int = 50, told: int = 1) -> None:
    """Buy a package and wait for the receipt."""
    answer = await chat.pay(await invoice(chat, person, credits_), person, told=told)
    assert answer["ok"], answer
    if told:
        await chat.wait(lambda one: "Thank you!" in (one.text or ""))


@pytest.mark.parametrize(
    ("cost", "price", "sold"),
    [
        (9, 10, [50, 90, 230, 450]),
        (1, 10, [10, 30, 50]),
        (84, 10, [420, 840, 1000]),
        (9, 10_000, [1]),
    ],
)
def test_packages_are_a_few_usual_videos_each_and_never_over_what_telegram_takes(
    cost: int, price: int, sold: list[int]
) -> None:
    assert packages(cost, price) == sold
    assert all(credits_ * price <= MOST_STARS for credits_ in sold)


def test_an_invoice_says_whose_it_is_what_it_sells_and_for_how_much() -> None:
    made = Purchase(2**52, 1_000_000, 10_000)
    assert Purchase.read(made.payload) == made
    assert len(made.payload.encode()) <= 128


@pytest.mark.parametrize(
    "payload",
    ["", "order-1", "credits:2:1:50:500", "credits:1:1:50", "credits:1:1:50:500:9",
     "credits:1:01:50:500", "credits:1:1:-50:500", "credits:1:1:0:500", "credits:1:1:50:x",
     "credits:1:1:\u0665:500", f"credits:1:1:50:{'9' * 200}"],
)  # fmt: skip
def test_what_is_no_invoice_of_ours_sells_nothing(payload: str) -> None:
    assert Purchase.read(payload) is None


async def test_a_video_is_paid_with_bought_credits_outside_of_the_budget(
    house: House, chat: PrivateChat, ann: Person
) -> None:
    async with house.running(free_credits=0, budget_usd=0, **SELLING):
        await chat.send(ann, "/buy")
        shown = await chat.wait(lambda one: bool(one.buttons))
        assert [row[0].text for row in shown.buttons] == [
            "50 credits, about 5 videos · 500 ⭐", "90 credits, about 10 videos · 900 ⭐",
            "230 credits, about 25 videos · 2,300 ⭐", "450 credits, about 50 videos · 4,500 ⭐",
        ]  # fmt: skip
        await pay(chat, ann)
        told = await chat.wait(lambda one: "Thank you!" in (one.text or ""))
        assert told.text == (
            "Thank you! You bought 50 credits, about 5 videos. They do not expire.\n"
            "Payment 1: 500 ⭐. Questions? /paysupport"
        )
        assert await bought(house, ann) == 50
        await chat.send(ann, "/video a lighthouse")
        await chat.wait(lambda one: one.video is not None)
        await settled(house)
        async with house.db.reading() as connection:
            assert await statistics.budget_used(connection, since=0.0) == 0
        assert await moves(house) == [
            ("bought", "purchase", 50), ("bought", "hold", 9), ("bought", "capture", 9),
        ]  # fmt: skip
