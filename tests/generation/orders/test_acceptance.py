"""Yes or no to a request: one look, one transaction, and a no changes nothing."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from generation.orders.balances import (
    Accepted,
    OverBudget,
    ProviderRefuses,
    Repeated,
    TooFewCredits,
    TooManyPending,
    accept,
)
from storage import generations, ledger, outages
from storage.generations import Reason, State
from storage.ledger import Account, Pot
from tests.generation.orders.test_balances import terms
from tests.storage.asked import ANN, BOB, NOW, everything, request, rows

if TYPE_CHECKING:
    from generation.orders.balances import Answer
    from storage.database import Database


async def order(
    db: Database,
    cause: str = "message:1",
    *,
    now: float = NOW,
    about: dict[str, Any] | None = None,
    **changes: Any,
) -> Answer:
    """Ask for something; `about` changes the operator's terms."""
    async with db.transaction() as tx:
        return await accept(tx, request(cause, **changes), terms(**(about or {})), now=now)


async def accepted(
    db: Database, cause: str = "message:1", **changes: Any
) -> generations.Generation:
    """Ask for something that is accepted."""
    answer = await order(db, cause, **changes)
    assert isinstance(answer, Accepted), answer
    return answer.generation


async def give(db: Database, credits_: int, person: int = ANN) -> None:
    """Grant credits that stay."""
    async with db.transaction() as tx:
        await ledger.grant(
            tx, Account.person(person), Pot.BOUGHT, credits_,
            cause=f"grant:{person}", note=None, now=NOW,
        )  # fmt: skip


async def put(db: Database, generation: generations.Generation, state: State) -> None:
    """Bring a request to a state, past all rules."""
    async with db.transaction() as tx:
        await generations.move(
            tx, generation.id, generation.state, state, reason=Reason.OTHER, now=NOW
        )


async def holds(db: Database) -> list[tuple[str, int]]:
    """What is held, pot by pot."""
    return await rows(db, "SELECT pot, credits FROM ledger WHERE kind = 'hold' ORDER BY id")


async def test_what_is_accepted_is_queued_with_its_credits_held(db: Database) -> None:
    generation = await accepted(db)
    assert (generation.state, generation.credits, generation.due_at) == (State.QUEUED, 9, NOW)
    assert await holds(db) == [("allowance", 9)]


async def test_a_request_draws_on_each_pot_it_needs(db: Database) -> None:
    await give(db, 20)
    generation = await accepted(db, about={"free_credits": 4})
    assert await holds(db) == [("allowance", 4), ("bought", 5)]
    assert generation.budget_micros == 840_000 * 4 // 9, "the operator gives what was not bought"


async def test_every_no_changes_nothing(db: Database) -> None:
    await give(db, 5)
    await accepted(db, "first")
    before = await everything(db)
    assert await order(db, about={"max_pending": 1}) == TooManyPending(1)
    assert isinstance(await order(db, credits=51), TooFewCredits)
    assert isinstance(await order(db, about={"budget_usd": Decimal("1.67")}), OverBudget)
    assert isinstance(await order(db, "first"), Repeated)
    assert await everything(db) == before


async def test_while_the_provider_refuses_nothing_is_accepted(db: Database) -> None:
    async with db.transaction() as tx:
        outage = await outages.begin(tx, "key", probe_at=NOW, now=NOW)
    before = await everything(db)
    assert await order(db) == ProviderRefuses()
    assert await everything(db) == before
    assert outage is not None
    async with db.transaction() as tx:
        await outages.end(tx, outage.id, now=NOW)
    await accepted(db)


async def test_the_same_message_is_accepted_once_whatever_became_of_it(db: Database) -> None:
    first = await accepted(db)
    for state in State:
        async with db.transaction() as tx:
            await tx.execute("UPDATE generations SET state = ?", (state,))
        answer = await order(db)
        assert isinstance(answer, Repeated)
        assert (answer.generation.id, answer.generation.state) == (first.id, state)
    assert await holds(db) == [("allowance", 9)]


async def test_a_repetition_is_known_even_where_nothing_is_left(db: Database) -> None:
    first = await accepted(db, about={"free_credits": 9, "max_pending": 1})
    assert await order(db, about={"free_credits": 9, "max_pending": 1}) == Repeated(first)


async def test_a_second_press_waits_for_the_first(db: Database) -> None:
    first = await accepted(db, "press:7:longer", origin="press")
    assert await order(db, "press:7:longer", origin="press") == Repeated(first)
    await put(db, first, State.FAILED)
    assert (await accepted(db, "press:7:longer", origin="press")).id != first.id


@pytest.mark.parametrize(
    ("state", "counts"),
    [
        (State.QUEUED, True),
        (State.SUBMITTING, True),
        (State.UNKNOWN, True),
        (State.GENERATING, True),
        (State.PARKED, False),
        (State.READY, False),
        (State.DELIVERED, False),
        (State.FAILED, False),
    ],
)
async def test_only_what_has_not_come_back_counts_as_pending(
    db: Database, state: State, *, counts: bool
) -> None:
    await put(db, await accepted(db, "first"), state)
    answer = await order(db, "second", about={"max_pending": 1})
    assert isinstance(answer, TooManyPending if counts else Accepted)


async def test_nobody_waits_for_anothers_requests(db: Database) -> None:
    await accepted(db, "first", about={"max_pending": 1})
    await accepted(db, "second", about={"max_pending": 1}, person=BOB)


async def test_thirty_at_once_on_an_allowance_for_six_are_six(db: Database) -> None:
    answers = await asyncio.gather(
        *(order(db, f"message:{number}", about={"max_pending": 30}) for number in range(30))
    )
    assert sum(isinstance(answer, Accepted) for answer in answers) == 6
    assert sum(isinstance(answer, TooFewCredits) for answer in answers) == 24
    assert await holds(db) == [("allowance", 9)] * 6


async def test_thirty_redeliveries_of_one_message_are_one_request(db: Database) -> None:
    answers = await asyncio.gather(*(order(db) for _ in range(30)))
    assert sum(isinstance(answer, Accepted) for answer in answers) == 1
    assert sum(isinstance(answer, Repeated) for answer in answers) == 29


async def test_the_ceiling_is_counted_to_the_last_micro_dollar(db: Database) -> None:
    await accepted(db, "a", about={"budget_usd": Decimal("1.68")}, person=1)
    await accepted(db, "b", about={"budget_usd": Decimal("1.68")}, person=2)
    ceiling = {"budget_usd": Decimal("2.519999")}
    assert isinstance(await order(db, "c", about=ceiling, person=3), OverBudget)
    await accepted(db, "c", about={"budget_usd": Decimal("2.52")}, person=3)


async def test_the_ceiling_holds_for_all_people_together(db: Database) -> None:
    answers = await asyncio.gather(
        *(
            order(db, f"message:{person}", person=person, about={"budget_usd": Decimal(5)})
            for person in range(1, 21)
        )
    )
    assert sum(isinstance(answer, Accepted) for answer in answers) == 5, "5 × 0.84 fit into 5"
    assert sum(isinstance(answer, OverBudget) for answer in answers) == 15


async def test_a_reached_ceiling_says_when_it_renews(db: Database) -> None:
    answer = await order(db, about={"budget_usd": Decimal(0)})
    assert isinstance(answer, OverBudget)
    assert answer.renews_at is not None
    await accepted(db, about={"budget_usd": Decimal(1)}, now=answer.renews_at)


async def test_a_renewed_budget_is_whole_again(db: Database) -> None:
    answer = await order(db, "a", about={"budget_usd": Decimal(1)})
    assert isinstance(answer, Accepted)
    full = await order(db, "b", about={"budget_usd": Decimal(1)})
    assert isinstance(full, OverBudget)
    assert full.renews_at is not None
    await accepted(db, "b", about={"budget_usd": Decimal(1)}, now=full.renews_at)


async def test_bought_credits_are_never_blocked_by_the_ceiling(db: Database) -> None:
    await give(db, 18)
    none = {"budget_usd": Decimal(0), "free_credits": 0}
    generation = await accepted(db, "a", about=none)
    assert generation.budget_micros == 0
    async with db.transaction() as tx:
        # the real price was higher than the ceiling: less than nothing is left
        await generations.note(tx, generation.id, budget_micros=5_000_000)
    await accepted(db, "b", about=none)


async def test_where_the_ceiling_is_reached_bought_credits_pay_alone(db: Database) -> None:
    await give(db, 10)
    generation = await accepted(db, "a", about={"budget_usd": Decimal("0.5")})
    assert await holds(db) == [("bought", 9)], "the allowance waits for the next period"
    assert generation.budget_micros == 0
    answer = await order(db, "b", about={"budget_usd": Decimal("0.5")})
    assert isinstance(answer, OverBudget), "one credit is left, the ceiling is still reached"


async def test_without_a_ceiling_nothing_is_over_it(db: Database) -> None:
    for person in range(1, 30):
        await accepted(db, f"message:{person}", person=person, about={"budget_usd": None})


async def test_a_no_for_want_of_credits_says_what_there_is(db: Database) -> None:
    answer = await order(db, credits=60)
    assert isinstance(answer, TooFewCredits)
    assert (answer.cost, answer.balance.total) == (60, 54)


async def test_a_chat_without_credits_of_its_own_is_refused(db: Database) -> None:
    answer = await order(db, account=Account.chat(1))
    assert isinstance(answer, TooFewCredits)
