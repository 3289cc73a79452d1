"""Whatever happens to many requests over many days, every credit is accounted for."""

from __future__ import annotations

import math
import random
from collections import Counter
from dataclasses import dataclass, field, replace
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

import pytest

from generation.jobs.lifecycle import apply
from generation.jobs.outcomes import TurnCame
from generation.jobs.transitions import NEXT_STATES, RELEVANT_STATES
from generation.models.pricing import Period, began_at
from generation.orders import balances
from generation.orders.balances import (
    Accepted,
    BudgetHeld,
    OverBudget,
    TooFewCredits,
    TooManyPending,
    accept,
)
from storage import generations, ledger, people
from storage.generations import State
from storage.ledger import Account, Pot
from tests.generation.jobs.table import POLICY, PRIVATE, ROWS
from tests.generation.orders.defaults import terms
from tests.storage.requests import NOW, Clock, meet, request, rows

if TYPE_CHECKING:
    from generation.jobs.lifecycle import AppliedTransition
    from generation.orders.balances import AcceptResult
    from storage.database import Database
    from storage.generations import Generation

PEOPLE = range(1, 6)
TERMS = terms(free_credits=40, budget_usd=Decimal(12), max_pending=4)
BACK = {State.FAILED, State.CANCELLED, State.PARKED}
"""States on whose way credits go back."""
CAUSES = [row for name, row in ROWS.items() if not name.startswith("model")]
"""What may happen to a request; a substitute costs something else, which is proved elsewhere."""


@dataclass(slots=True)
class Books:
    """What should be true, kept by other means than the ledger: plain sums in memory."""

    stored: Counter[tuple[int, Pot]] = field(default_factory=Counter)
    drawn: dict[int, tuple[int, float, dict[Pot, int], int]] = field(default_factory=dict)
    """Of each request whose credits are gone: who, when, from which pots, and the budget's part."""
    charged: dict[int, tuple[float, int, float]] = field(default_factory=dict)
    """Of each request that may be charged: when it was asked for, the budget's part, its end."""

    def accepted(self, generation: Generation, draws: dict[Pot, int]) -> None:
        """Note what a request drew."""
        one = generation.budget_micros
        self.drawn[generation.id] = (generation.account.id, generation.created_at, draws, one)
        self.charged[generation.id] = (generation.created_at, one, math.inf)

    def stepped(self, step: AppliedTransition) -> None:
        """Note what became of a request."""
        before, after = step.before, step.after
        if after.state is before.state:
            return
        if after.state in BACK:
            self.drawn.pop(before.id, None)
        _, given, ended_at = self.charged.pop(before.id, (0.0, 0, 0.0))
        if step.transition.changes.get("uncharged"):
            return
        real = after.spent_micros or before.price_micros
        if after.state is State.READY and before.state is State.GENERATING:
            given = math.ceil(Fraction(before.budget_micros * real, before.price_micros))
        elif before.state is not State.PARKED and after.state in BACK | {State.READY}:
            given = real  # nobody has paid for it, and it may have been made
        elif after.state is State.READY:
            given = real
        if after.state in {State.READY, State.FAILED} and before.state is not State.READY:
            ended_at = after.changed_at
        self.charged[before.id] = (before.created_at, given, ended_at)

    def allowance(self, person: int, now: float) -> int:
        """What is left of the allowance of the present day."""
        began = began_at(Period.DAY, TERMS.zone, now)
        return 40 - sum(
            pots.get(Pot.ALLOWANCE, 0)
            for who, at, pots, _ in self.drawn.values()
            if who == person and at >= began
        )

    def left(self, person: int, pot: Pot) -> int:
        """What is left of what was granted or bought."""
        gone = sum(pots.get(pot, 0) for who, _, pots, _ in self.drawn.values() if who == person)
        return self.stored[person, pot] - gone

    def budget(self, now: float) -> int:
        """What the operator gave on the present day."""
        began = began_at(Period.DAY, TERMS.zone, now)
        return sum(
            micros for at, micros, ended in self.charged.values() if at >= began or ended >= began
        )


class World:
    """People who ask and are given credits, and requests that go their ways."""

    def __init__(self, db: Database, seed: int) -> None:
        self.db, self.chance, self.clock = db, random.Random(seed), Clock(NOW)
        self.books = Books()
        self.open: list[Generation] = []
        self.answers: Counter[type[AcceptResult]] = Counter()
        self.turns = 0

    async def meet(self) -> None:
        """Make everybody known, and the chats in which they are told something."""
        for person in PEOPLE:
            await meet(self.db, person)
            async with self.db.transaction() as tx:
                await people.upsert(tx, person, name="P", username=None, language=None, now=NOW)
        while (await meet(self.db, 900 + self.chance.randrange(99))).id < PRIVATE:
            pass

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
            if generation.budget_micros:
                async with self.db.reading() as connection:
                    left = await balances.budget_left(connection, TERMS, self.clock.now)
                assert left is not None
                assert left >= 0, "the ceiling holds for what is accepted"
            async with self.db.reading() as connection:
                holds = await ledger.open_holds(connection, generation.id)
            assert sum(hold.credits for hold in holds) == cost
            self.books.accepted(generation, {hold.pot: hold.credits for hold in holds})
            self.open.append(generation)

    async def step(self) -> None:
        """Something happens to some request, now and then with a real price."""
        if not self.open:
            return
        generation = self.chance.choice(self.open)
        cause = self.chance.choice(
            [row for row in CAUSES if generation.state in RELEVANT_STATES[type(row.outcome)]]
        )
        async with self.db.transaction() as tx:
            if cause.request:
                await generations.update(tx, generation.id, **cause.request)
            outcome = cause.outcome
            if isinstance(outcome, TurnCame):  # no two submissions have one id
                self.turns += 1
                outcome = replace(outcome, request_id=f"r{self.turns}")
            steps = await apply(tx, generation.id, outcome, now=self.clock.now, policy=POLICY)
        for step in steps:
            self.books.stepped(step)
        if steps:
            self.open.remove(generation)
            if NEXT_STATES[steps[-1].after.state]:
                self.open.append(steps[-1].after)

    async def give(self, number: int) -> None:
        """Somebody is given credits; the update is delivered twice."""
        person, credits_ = self.chance.choice(PEOPLE), self.chance.randint(1, 60)
        pot = self.chance.choice([Pot.GRANTED, Pot.BOUGHT])
        for _ in range(2):
            async with self.db.transaction() as tx:
                await ledger.grant(
                    tx, Account.person(person), pot, credits_,
                    cause=f"update:{number}", note=None, now=self.clock.now,
                )  # fmt: skip
        self.books.stored[person, pot] += credits_

    async def check(self) -> None:
        """Hold the ledger against the books."""
        now = self.clock.now
        async with self.db.reading() as connection:
            for person in PEOPLE:
                balance = await balances.balance(connection, Account.person(person), TERMS, now)
                assert balance.allowance == self.books.allowance(person, now) >= 0
                assert balance.granted == self.books.left(person, Pot.GRANTED) >= 0
                assert balance.bought == self.books.left(person, Pot.BOUGHT) >= 0
            left = await balances.budget_left(connection, TERMS, now)
            assert left == 12_000_000 - self.books.budget(now)
            for person in PEOPLE:
                pending = await generations.pending_of(connection, Account.person(person))
                assert len(pending) <= TERMS.max_pending


@pytest.mark.parametrize("seed", range(6))
async def test_the_ledger_agrees_with_plain_sums_whatever_happens(db: Database, seed: int) -> None:
    world = World(db, seed)
    await world.meet()
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
    assert world.answers.keys() <= {Accepted, TooFewCredits, TooManyPending, OverBudget, BudgetHeld}
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
