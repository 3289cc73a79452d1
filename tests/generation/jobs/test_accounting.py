"""Whatever happens to many requests over many days, every credit is accounted for."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from generation.jobs import transitions
from generation.jobs.transitions import NEXT
from generation.orders import balances
from generation.orders.acceptance import Accepted, OverBudget, TooFewCredits, TooManyPending, accept
from generation.orders.balances import Period, began_at
from storage import generations, ledger
from storage.accounts import Account
from storage.generations import State
from storage.ledger import Pot
from tests.generation.orders.test_balances import terms
from tests.storage.asked import NOW, Clock, request, rows

if TYPE_CHECKING:
    from generation.orders.acceptance import Answer
    from storage.database import Database
    from storage.generations import Generation

PEOPLE = range(1, 6)
TERMS = terms(free_credits=40, budget_usd=Decimal(12), max_pending=4)
BACK = {State.FAILED, State.CANCELLED, State.PARKED}
"""States on whose way credits go back."""


@dataclass(slots=True)
class Books:
    """What should be true, kept by other means than the ledger: plain sums in memory."""

    bought: Counter[int] = field(default_factory=Counter)
    drawn: dict[int, tuple[int, float, dict[Pot, int], int]] = field(default_factory=dict)
    """Of each request whose credits are gone: who, when, from which pots, and the budget's part."""
    charged: dict[int, tuple[float, int]] = field(default_factory=dict)
    """Of each request that may be charged: when it was asked for, and the budget's part."""

    def accepted(self, generation: Generation, draws: dict[Pot, int]) -> None:
        """Note what a request drew."""
        one = generation.budget_micros
        self.drawn[generation.id] = (generation.account.id, generation.created_at, draws, one)
        self.charged[generation.id] = (generation.created_at, one)

    def allowance(self, person: int, now: float) -> int:
        """What is left of the allowance of the present day."""
        began = began_at(Period.DAY, TERMS.zone, now)
        return 40 - sum(
            pots.get(Pot.ALLOWANCE, 0)
            for who, at, pots, _ in self.drawn.values()
            if who == person and at >= began
        )

    def stored(self, person: int) -> int:
        """What is left of what was bought."""
        gone = sum(
            pots.get(Pot.BOUGHT, 0) for who, _, pots, _ in self.drawn.values() if who == person
        )
        return self.bought[person] - gone

    def budget(self, now: float) -> int:
        """What the operator gave on the present day."""
        began = began_at(Period.DAY, TERMS.zone, now)
        return sum(micros for at, micros in self.charged.values() if at >= began)


class World:
    """People who ask and are given credits, and requests that go their ways."""

    def __init__(self, db: Database, seed: int) -> None:
        self.db, self.chance, self.clock = db, random.Random(seed), Clock(NOW)
        self.books = Books()
        self.open: list[Generation] = []
        self.answers: Counter[type[Answer]] = Counter()

    async def ask(self, number: int) -> None:
        """Somebody asks for something."""
        cost = self.chance.randint(1, 30)
        asked = request(
            f"message:{number}", person=self.chance.choice(PEOPLE),
            credits=cost, price_micros=cost * 95_000,
        )  # fmt: skip
        async with self.db.transaction() as tx:
            answer = await accept(tx, asked, TERMS, now=self.clock.now)
        self.answers[type(answer)] += 1
        if isinstance(answer, Accepted):
            generation = answer.generation
            async with self.db.reading() as connection:
                holds = await ledger.open_holds(connection, generation.id)
            assert sum(hold.credits for hold in holds) == cost
            self.books.accepted(generation, {hold.pot: hold.credits for hold in holds})
            self.open.append(generation)

    async def step(self) -> None:
        """Some request takes a step, now and then with a real price."""
        if not self.open:
            return
        generation = self.chance.choice(self.open)
        to = self.chance.choice(sorted(NEXT[generation.state]))
        uncharged = to in {State.FAILED, State.CANCELLED} and self.chance.random() < 0.8
        async with self.db.transaction() as tx:
            moved = await transitions.advance(
                tx, generation, to, reason="step", now=self.clock.now, uncharged=uncharged
            )
        assert moved is not None
        if to in BACK:
            self.books.drawn.pop(generation.id, None)
        if uncharged:
            self.books.charged.pop(generation.id, None)
        self.open.remove(generation)
        if NEXT[to]:
            self.open.append(moved)

    async def give(self, number: int) -> None:
        """Somebody is given credits; the update is delivered twice."""
        person, credits_ = self.chance.choice(PEOPLE), self.chance.randint(1, 60)
        for _ in range(2):
            async with self.db.transaction() as tx:
                await ledger.grant(
                    tx, Account.person(person), Pot.BOUGHT, credits_,
                    cause=f"update:{number}", note=None, now=self.clock.now,
                )  # fmt: skip
        self.books.bought[person] += credits_

    async def check(self) -> None:
        """Hold the ledger against the books."""
        now = self.clock.now
        async with self.db.reading() as connection:
            for person in PEOPLE:
                balance = await balances.balance(connection, Account.person(person), TERMS, now)
                assert balance.allowance == self.books.allowance(person, now) >= 0
                assert balance.bought == self.books.stored(person) >= 0
            left = await balances.budget_left(connection, TERMS, now)
            assert left == 12_000_000 - self.books.budget(now)
            assert left is not None
            assert left >= 0, "the ceiling holds"
            for person in PEOPLE:
                pending = await generations.pending_of(connection, Account.person(person))
                assert len(pending) <= TERMS.max_pending


@pytest.mark.parametrize("seed", range(6))
async def test_the_ledger_agrees_with_plain_sums_whatever_happens(db: Database, seed: int) -> None:
    world = World(db, seed)
    for number in range(250):
        match world.chance.random():
            case luck if luck < 0.4:
                await world.ask(number)
            case luck if luck < 0.9:
                await world.step()
            case luck if luck < 0.93:
                await world.give(number)
            case _:
                world.clock.now += world.chance.uniform(60, 20_000)
        await world.check()
    assert world.answers.keys() >= {Accepted, TooFewCredits}, "the walk met what it is about"
    assert world.answers.keys() <= {Accepted, TooFewCredits, TooManyPending, OverBudget}
    twice = await rows(
        db, "SELECT ends FROM ledger WHERE ends IS NOT NULL GROUP BY ends HAVING count(*) > 1"
    )
    assert twice == []
    unended = await rows(
        db,
        "SELECT state FROM ledger AS held JOIN generations ON generations.id = generation"
        " WHERE held.kind = 'hold' AND NOT EXISTS (SELECT 1 FROM ledger WHERE ends = held.id)",
    )
    assert {state for (state,) in unended} <= {"queued", "submitting", "unknown", "generating"}
