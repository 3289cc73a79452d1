"""Yes or no to a request: one look, one transaction, and a no changes nothing."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from generation.orders import balances
from generation.orders.balances import (
    Accepted,
    BudgetHeld,
    OverBudget,
    ProviderRefuses,
    Repeated,
    TooFewCredits,
    TooManyPending,
    accept,
    affordable_price,
)
from storage import chats, generations, ledger, outages, people
from storage.chats import ChatKind
from storage.generations import Changes, Reason, State
from storage.ledger import Account, EntryKind, Pot
from storage.outages import ContentBrake, content_brake
from tests.generation.orders.defaults import terms
from tests.storage.requests import ANN, BOB, NOW, everything, meet, request, rows

if TYPE_CHECKING:
    from typing import Unpack

    from generation.orders.balances import AcceptResult
    from storage.database import Database


async def order(
    db: Database,
    cause: str = "message:1",
    *,
    now: float = NOW,
    about: dict[str, Any] | None = None,
    **changes: Any,
) -> AcceptResult:
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


async def give(db: Database, credits_: int, person: int = ANN, pot: Pot = Pot.BOUGHT) -> None:
    """Put credits that stay into a pot."""
    async with db.transaction() as tx:
        await ledger.grant(
            tx, Account.person(person), pot, credits_,
            cause=f"{pot}:{person}", note=None, now=NOW,
        )  # fmt: skip


async def put(
    db: Database, generation: generations.Generation, state: State, **changes: Unpack[Changes]
) -> None:
    """Bring a request to a state, past all rules."""
    async with db.transaction() as tx:
        await generations.change_state(
            tx, generation.id, generation.state, state, reason=Reason.OTHER, now=NOW, **changes
        )


async def made(db: Database, cause: str, spent: int | None = None, **changes: Any) -> None:
    """Let a request be accepted, made and charged."""
    generation = await accepted(db, cause, **changes)
    done: Changes = {"accepted_at": NOW, "ready_at": NOW}
    if spent is not None:
        done = {**done, "spent_micros": spent, "budget_micros": spent}
    await put(db, generation, State.READY, **done)


async def holds(db: Database) -> list[tuple[str, int]]:
    """What is held, pot by pot."""
    return await rows(db, "SELECT pot, credits FROM ledger WHERE kind = 'hold' ORDER BY id")


async def test_what_is_accepted_is_queued_with_its_credits_held(db: Database) -> None:
    generation = await accepted(db)
    assert (generation.state, generation.credits, generation.due_at) == (State.QUEUED, 9, NOW)
    assert await holds(db) == [("allowance", 9)]


async def test_a_request_draws_on_each_pot_it_needs(db: Database) -> None:
    await give(db, 3, pot=Pot.GRANTED)
    await give(db, 20)
    generation = await accepted(db, about={"free_credits": 4})
    assert await holds(db) == [("allowance", 4), ("granted", 3), ("bought", 2)]
    assert generation.budget_micros == -(-840_000 * 7 // 9), "the operator gives all but the bought"


async def test_what_was_granted_is_the_operators_money(db: Database) -> None:
    """Ten people with grants alone fill the ceiling as ten with an allowance do."""
    for person in range(1, 12):
        await give(db, 9, person, Pot.GRANTED)
        await made(db, f"message:{person}", person=person, about={"free_credits": 0})
    over = await order(db, "last", person=BOB)
    assert isinstance(over, OverBudget), "11 × $0.84 leave less than one more takes"
    await give(db, 9, 12, Pot.GRANTED)
    assert isinstance(await order(db, "granted", person=12, about={"free_credits": 0}), OverBudget)


async def test_one_accounts_waiting_requests_hold_a_third_of_the_ceiling_and_always_one(
    db: Database,
) -> None:
    few = {"budget_usd": Decimal(5), "max_pending": 9}
    first = await accepted(db, "a", about=few)
    assert await order(db, "b", about=few) == BudgetHeld(own=True), "2 × $0.84 are over $1.67"
    await accepted(db, "c", about=few, person=BOB)
    await put(db, first, State.SUBMITTING)
    await accepted(db, "b", about=few)
    await give(db, 9)
    await accepted(db, "d", about=few)
    assert (await holds(db))[-1] == ("bought", 9), "what was paid for may wait"
    alone = {"budget_usd": Decimal("0.84")}
    async with db.transaction() as tx:
        await tx.execute("UPDATE generations SET uncharged = 1")
    await accepted(db, "one", about=alone, person=7)


async def test_a_ceiling_full_of_what_is_only_held_may_have_room_in_a_few_minutes(
    db: Database,
) -> None:
    full = {"budget_usd": Decimal(2)}
    await accepted(db, "a", about=full)
    second = await accepted(db, "b", about=full, person=BOB)
    for state in (State.SUBMITTING, State.UNKNOWN, State.GENERATING):
        await put(db, second, state)
        second = replace(second, state=state)
        assert await order(db, "c", about=full, person=3) == BudgetHeld(own=False)
    await put(db, second, State.READY, ready_at=NOW)
    assert await order(db, "c", about=full, person=3) == BudgetHeld(own=False)
    less = {"budget_usd": Decimal("1.67")}
    assert isinstance(await order(db, "c", about=less, person=3), OverBudget)


async def test_what_alike_videos_really_cost_lately_is_what_the_budget_counts(
    db: Database,
) -> None:
    await made(db, "dearer", spent=1_000_000)
    dearer = await accepted(db, "a")
    assert (dearer.credits, dearer.price_micros, dearer.budget_micros) == (9, 1_000_000, 1_000_000)
    other = await accepted(db, "b", seconds=8, price_micros=1_680_000)
    assert other.price_micros == 1_680_000, "that one is not alike"
    tomorrow = await accepted(db, "c", now=NOW + balances.PRICE_MEMORY_SECONDS + 1, person=BOB)
    assert tomorrow.price_micros == 840_000, "a misread price is not believed for ever"


async def test_a_request_leaves_only_while_the_budget_reaches_for_its_price_of_today(
    db: Database,
) -> None:
    some = {"budget_usd": Decimal("2.60")}
    waiting = await accepted(db, "waits", about=some)
    await made(db, "dearer", about=some, person=BOB, spent=1_500_000)
    async with db.transaction() as tx:
        assert await affordable_price(tx, waiting, terms(**some), NOW) is None, (
            "1.5 + 1.5 are over 2.6"
        )
        assert await affordable_price(tx, waiting, terms(), NOW) == 1_500_000
        bought = replace(waiting, budget_micros=0)
        assert await affordable_price(tx, bought, terms(**some), NOW) == 1_500_000
        tomorrow = NOW + balances.PRICE_MEMORY_SECONDS + 1
        assert await affordable_price(tx, waiting, terms(**some), tomorrow) == 840_000


async def test_every_no_changes_nothing(db: Database) -> None:
    await give(db, 5)
    await accepted(db, "first")
    before = await everything(db)
    assert await order(db, about={"max_pending": 1}) == TooManyPending(1)
    assert isinstance(await order(db, credits=51), TooFewCredits)
    assert isinstance(await order(db, about={"budget_usd": Decimal("1.67")}), BudgetHeld)
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
    many = {"max_pending": 30, "budget_usd": None}
    answers = await asyncio.gather(
        *(order(db, f"message:{number}", about=many) for number in range(30))
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
    assert await order(db, "c", about=ceiling, person=3) == BudgetHeld(own=False)
    await accepted(db, "c", about={"budget_usd": Decimal("2.52")}, person=3)


async def test_the_ceiling_holds_for_all_people_together(db: Database) -> None:
    answers = await asyncio.gather(
        *(
            order(db, f"message:{person}", person=person, about={"budget_usd": Decimal(5)})
            for person in range(1, 21)
        )
    )
    assert sum(isinstance(answer, Accepted) for answer in answers) == 5, "5 × 0.84 fit into 5"
    assert sum(isinstance(answer, BudgetHeld) for answer in answers) == 15


async def test_a_reached_ceiling_says_when_it_renews(db: Database) -> None:
    answer = await order(db, about={"budget_usd": Decimal(0)})
    assert isinstance(answer, OverBudget)
    assert answer.renews_at is not None
    await accepted(db, about={"budget_usd": Decimal(1)}, now=answer.renews_at)


async def test_a_ceiling_lowered_below_what_waits_is_reached_and_frees_in_no_few_minutes(
    db: Database,
) -> None:
    await accepted(db, "waits")
    assert isinstance(await order(db, "b", about={"budget_usd": Decimal(0)}), OverBudget)


async def test_a_renewed_budget_is_whole_again(db: Database) -> None:
    await made(db, "a", about={"budget_usd": Decimal(1)})
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
        await generations.update(tx, generation.id, budget_micros=5_000_000)
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


async def group(db: Database, bought: int, **choices: Any) -> Account:
    """A group, in which so many credits were bought for all."""
    chat = await meet(db, -100_123, ChatKind.SUPERGROUP)
    account = Account.chat(chat.id)
    async with db.transaction() as tx:
        await people.upsert(tx, ANN, name="Ann", username=None, language=None, now=NOW)
        await chats.choose(tx, chat.id, **choices or {"pool": 0})
        await ledger.enter(tx, account, Pot.BOUGHT, EntryKind.PURCHASE, bought, cause="p", now=NOW)
    return account


async def all_holds(db: Database) -> dict[str, int]:
    """What is held and has not ended, by the kind of account and the pot."""
    found = await rows(
        db,
        "SELECT account_kind || ' ' || pot, sum(credits) FROM ledger AS held WHERE kind = 'hold'"
        " AND NOT EXISTS (SELECT 1 FROM ledger WHERE ends = held.id) GROUP BY account_kind, pot",
    )
    return dict(found)


@pytest.mark.parametrize(
    ("share", "drawn", "kept", "then"),
    [
        (None, {"chat pool": 4, "chat bought": 3, "person allowance": 1, "person bought": 1},
         {"chat pool": 4, "person allowance": 1}, {"chat bought": 3, "person bought": 6}),
        (5, {"chat pool": 4, "chat bought": 1, "person allowance": 1, "person bought": 3},
         {"chat pool": 4, "person allowance": 1}, {"chat bought": 1, "person bought": 8}),
        (3, {"chat pool": 3, "person allowance": 1, "person bought": 5},
         {"chat pool": 3, "person allowance": 1, "person bought": 1}, {"person bought": 9}),
    ],
)  # fmt: skip
async def test_in_a_group_its_pool_pays_then_what_was_bought_for_it_then_ones_own(
    db: Database,
    share: int | None,
    drawn: dict[str, int],
    kept: dict[str, int],
    then: dict[str, int],
) -> None:
    account = await group(db, 3, pool=4, share=share)
    await give(db, 20)
    first = await accepted(db, chat=account.id, about={"free_credits": 1})
    assert await all_holds(db) == drawn
    given_ = sum(credits_ for pot, credits_ in drawn.items() if not pot.endswith("bought"))
    assert first.budget_micros == -(-840_000 * given_ // 9), "what is bought is paid for"
    async with db.transaction() as tx:
        # what was paid for goes back first, one's own before the group's
        await ledger.hold_less(tx, first.id, 5, now=NOW)
    assert await all_holds(db) == kept
    async with db.transaction() as tx:
        await ledger.end_holds(tx, first.id, EntryKind.CAPTURE, now=NOW)
    await accepted(db, "message:2", chat=account.id, about={"free_credits": 1})
    assert await all_holds(db) == then, "the share counts both pots"


async def test_where_the_ceiling_is_reached_what_was_bought_for_the_group_pays_first(
    db: Database,
) -> None:
    account, before = await group(db, 15, pool=50, share=12), dict[str, int]()
    await give(db, 20)
    none = {"budget_usd": Decimal(0)}
    for number, drawn in enumerate([(9, 0), (12, 6), (12, 15)]):
        generation = await accepted(db, f"message:{number}", chat=account.id, about=none)
        assert generation.budget_micros == 0
        before = await all_holds(db)
        assert (before["chat bought"], before.get("person bought", 0)) == drawn
    assert isinstance(await order(db, "last", person=BOB, chat=account.id, about=none), OverBudget)
    assert await all_holds(db) == before


async def test_who_writes_as_the_group_has_what_was_bought_for_it_once(db: Database) -> None:
    account = await group(db, 9)
    dear = await order(db, "a", chat=account.id, account=account, credits=10)
    assert isinstance(dear, TooFewCredits)
    assert dear.available == 9
    await accepted(db, "b", chat=account.id, account=account)
    assert await rows(db, "SELECT account_kind, pot, member FROM ledger WHERE kind = 'hold'") == [
        ("chat", "bought", None)
    ]
    answer = await order(db, "c", chat=account.id, account=account, credits=1)
    assert isinstance(answer, TooFewCredits)


async def test_a_groups_debt_takes_nothing_from_its_members_or_its_pool(db: Database) -> None:
    account = await group(db, 5, pool=4)
    async with db.transaction() as tx:
        await ledger.enter(tx, account, Pot.BOUGHT, EntryKind.CLAWBACK, 100, cause="c", now=NOW)
    await accepted(db, chat=account.id)
    assert await all_holds(db) == {"chat pool": 4, "person allowance": 5}
    async with db.transaction() as tx:
        await ledger.enter(tx, account, Pot.BOUGHT, EntryKind.PURCHASE, 96, cause="d", now=NOW)
        own, pool = await balances.balance_and_pool(
            tx, account.id, Account.person(BOB), terms(), NOW
        )
    assert pool is not None
    assert (own.total, pool.total) == (54, 1), "what is bought next pays the debt first"


MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0


@pytest.mark.parametrize(
    ("refused_at", "until"),
    [
        pytest.param([], None, id="nothing"),
        pytest.param([0, MINUTE], None, id="two in an hour"),
        pytest.param([0, 30 * MINUTE, HOUR + 1], None, id="three in more than an hour"),
        pytest.param([0, MINUTE, HOUR], 2 * HOUR, id="three in an hour"),
        pytest.param(
            [0, 1, 2, 3, 4], 2 + HOUR, id="what was ordered before the wait counts no more"
        ),
        pytest.param([0, 1, 2, 61 * MINUTE], 61 * MINUTE + 6 * HOUR, id="one after the first wait"),
        pytest.param([0, 1, 2, 61 * MINUTE, 8 * HOUR], 8 * HOUR + DAY, id="one after the second"),
        pytest.param([0, 1, 2, 1.5 * HOUR, DAY], 2 * DAY, id="one within a day after it"),
        pytest.param([0, 1, 2, 2 * DAY], None, id="a quiet day ends the matter"),
    ],
)
def test_an_account_waits_longer_each_time_its_prompts_are_refused(
    refused_at: list[float], until: float | None
) -> None:
    brake = content_brake([NOW + at for at in refused_at])
    assert (None if brake is None else round(brake.until - NOW, 3)) == until


async def refuse(
    db: Database, account: Account, times: int, *, now: float = NOW, **asked: Any
) -> None:
    """Let the provider refuse so many orders of an account for their content."""
    for _ in range(times):
        [(count,)] = await rows(db, "SELECT count(*) FROM generations")
        async with db.transaction() as tx:
            made = await generations.insert(
                tx, request(f"refused:{count}", account=account, **asked), now=now
            )
            await generations.change_state(
                tx, made.id, State.QUEUED, State.FAILED, reason=Reason.CONTENT_REFUSED, now=now
            )


async def test_who_waits_orders_nothing_and_pays_nothing(db: Database) -> None:
    await refuse(db, Account.person(ANN), 2)
    assert isinstance(await order(db, "message:1"), Accepted)
    await refuse(db, Account.person(ANN), 1)
    before = await everything(db)
    assert await order(db, "message:2") == ContentBrake(NOW, NOW + HOUR)
    assert await everything(db) == before
    assert isinstance(await order(db, "message:2", now=NOW + HOUR), Accepted)


async def test_many_channels_of_one_group_wait_as_one_there_and_nowhere_else(db: Database) -> None:
    for channel in (2, 3, 4):
        await refuse(db, Account.chat(channel), 1)
    async with db.reading() as connection:
        there = [
            await outages.wait_reason(connection, account, chat, NOW)
            for account, chat in (
                (Account.chat(5), 1), (Account.chat(5), 2), (Account.chat(2), 2),
                (Account.person(ANN), 1),
            )
        ]  # fmt: skip
    assert there == [ContentBrake(NOW, NOW + HOUR), None, None, None]


async def test_one_member_s_refused_prompts_stop_nobody_else(db: Database) -> None:
    await refuse(db, Account.person(ANN), 3)
    assert isinstance(await order(db, account=Account.person(BOB)), Accepted)
