"""What somebody can spend, from which pot, and what the operator gives to it."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generation.models.pricing import Period
from generation.orders import balances
from generation.orders.balances import (
    Balance,
    Draw,
    Pool,
    budget_share,
    choose_bought_draws,
    choose_draws,
)
from storage import generations, ledger
from storage.generations import Reason, State
from storage.ledger import Account, EntryKind, Pot
from tests.generation.orders.defaults import terms
from tests.storage.requests import ANN, NOW, ask

if TYPE_CHECKING:
    from storage.database import Database

ACCOUNT = Account.person(ANN)
DAY = 86_400.0


def balance(allowance: int, bought: int, granted: int = 0) -> Balance:
    """Credits in a person's pots."""
    return Balance(allowance=allowance, granted=granted, bought=bought, held=0, renews_at=None)


async def left(db: Database, now: float, account: Account = ACCOUNT, **changes: Any) -> Balance:
    """An account's balance at some time."""
    async with db.reading() as connection:
        return await balances.balance(connection, account, terms(**changes), now)


async def end(db: Database, generation: int, kind: EntryKind, now: float) -> None:
    """Capture or release what is held."""
    async with db.transaction() as tx:
        await ledger.end_holds(tx, generation, kind, now=now)


async def give(db: Database, credits_: int, account: Account = ACCOUNT) -> None:
    """Grant credits that stay."""
    async with db.transaction() as tx:
        await ledger.grant(tx, account, Pot.BOUGHT, credits_, cause="g", note=None, now=NOW)


@pytest.mark.parametrize(
    ("cost", "allowance", "bought", "draws"),
    [
        (9, 54, 0, ((Pot.ALLOWANCE, 9),)),
        (9, 9, 5, ((Pot.ALLOWANCE, 9),)),
        (9, 4, 5, ((Pot.ALLOWANCE, 4), (Pot.BOUGHT, 5))),
        (9, 0, 9, ((Pot.BOUGHT, 9),)),
        (9, 8, 0, None),
        (9, 4, 4, None),
        (5, 10, -5, ((Pot.ALLOWANCE, 5),)),
        (6, 10, -5, None),
        (1, 3, -5, None),
    ],
)
def test_the_allowance_is_drawn_first_and_a_debt_is_taken_off(
    cost: int, allowance: int, bought: int, draws: tuple[tuple[Pot, int], ...] | None
) -> None:
    expected = None if draws is None else tuple(Draw(pot, part) for pot, part in draws)
    assert choose_draws(cost, balance(allowance, bought)) == expected


@given(
    st.integers(1, 900), *[st.integers(0, 300)] * 3, *[st.integers(-100, 300)] * 2,
    st.none() | st.integers(0, 700),
)  # fmt: skip
def test_a_draw_is_the_cost_exactly_from_each_pot_in_its_turn(
    cost: int,
    pooled: int,
    allowance: int,
    granted: int,
    bought: int,
    shared: int,
    share: int | None,
) -> None:
    group = Pool(
        size=pooled, share=share, left=pooled, share_left=share, renews_at=None, bought=shared
    )
    most = pooled + max(0, shared) if share is None else min(share, pooled + max(0, shared))
    pooled = min(pooled, most)
    there = {
        (Pot.POOL, True): pooled, (Pot.BOUGHT, True): most - pooled,
        (Pot.ALLOWANCE, False): allowance, (Pot.GRANTED, False): granted,
        (Pot.BOUGHT, False): bought,
    }  # fmt: skip
    draws = choose_draws(cost, balance(allowance, bought, granted), group)
    if draws is None:
        assert cost > max(0, allowance + granted + bought) + most
        return
    parts = {(part.pot, part.shared): part.credits for part in draws}
    assert sum(parts.values()) == cost
    assert all(0 < part <= there[pot] for pot, part in parts.items()), "no pot is overdrawn"
    last = [*there].index((draws[-1].pot, draws[-1].shared))
    assert all(parts.get(pot, 0) == there[pot] for pot in [*there][:last]), "each in its turn"


@pytest.mark.parametrize(
    ("own", "shared", "share", "draws"),
    [
        (9, 0, None, (Draw(Pot.BOUGHT, 9),)),
        (8, 0, None, None),
        (9, 20, None, (Draw(Pot.BOUGHT, 9, shared=True),)),
        (9, 20, 4, (Draw(Pot.BOUGHT, 4, shared=True), Draw(Pot.BOUGHT, 5))),
        (9, 6, 20, (Draw(Pot.BOUGHT, 6, shared=True), Draw(Pot.BOUGHT, 3))),
        (9, -50, None, (Draw(Pot.BOUGHT, 9),)),
        (-5, 9, None, (Draw(Pot.BOUGHT, 9, shared=True),)),
        (2, 6, None, None),
    ],
)
def test_what_was_bought_pays_alone_only_where_it_suffices_the_groups_first(
    own: int, shared: int, share: int | None, draws: tuple[Draw, ...] | None
) -> None:
    group = Pool(size=50, share=share, left=50, share_left=share, renews_at=None, bought=shared)
    assert choose_bought_draws(9, balance(54, own), group) == draws
    if not shared:
        assert choose_bought_draws(9, balance(54, own)) == draws


@given(st.integers(0, 10_000_000), *[st.integers(0, 100)] * 4)
def test_the_operator_gives_all_that_was_not_bought_and_never_a_micro_dollar_less(
    price: int, pooled: int, allowance: int, granted: int, bought: int
) -> None:
    given_ = pooled + allowance + granted
    if (cost := given_ + bought) == 0:
        return
    parts = (pooled, allowance, granted, bought)
    pots = (Pot.POOL, Pot.ALLOWANCE, Pot.GRANTED, Pot.BOUGHT)
    share = budget_share(price, cost, tuple(map(Draw, pots, parts)))
    assert share == math.ceil(Fraction(price * given_, cost))
    assert 0 <= share <= price
    if not bought:
        assert share == price
    if not given_:
        assert share == 0


async def test_a_newcomer_has_the_whole_allowance(db: Database) -> None:
    fresh = await left(db, NOW)
    assert (fresh.allowance, fresh.bought, fresh.held, fresh.total) == (54, 0, 0, 54)
    assert fresh.renews_at is not None
    assert NOW < fresh.renews_at <= NOW + DAY


async def test_a_chat_has_no_allowance_and_no_day_it_renews_on(db: Database) -> None:
    account = Account.chat(1)
    await give(db, 7, account)
    pool = await left(db, NOW, account)
    assert (pool.allowance, pool.bought, pool.renews_at, pool.total) == (0, 7, None, 7)


async def test_what_is_held_is_gone_until_it_comes_back(db: Database) -> None:
    generation = await ask(db)
    assert (await left(db, NOW)).total == 45
    assert (await left(db, NOW)).held == 9
    await end(db, generation.id, EntryKind.RELEASE, NOW + 60)
    assert (await left(db, NOW + 60)).total == 54


async def test_what_was_captured_comes_back_with_the_next_period_only(db: Database) -> None:
    generation = await ask(db)
    await end(db, generation.id, EntryKind.CAPTURE, NOW + 60)
    assert (await left(db, NOW + 60)).allowance == 45
    assert (await left(db, NOW + 60)).held == 0
    assert (await left(db, NOW + DAY)).allowance == 54


async def test_a_hold_of_yesterday_released_today_gives_nothing_today(db: Database) -> None:
    old = await ask(db, "yesterday", now=NOW)
    today = NOW + DAY
    await ask(db, "today", now=today)
    assert (await left(db, today)).allowance == 45
    await end(db, old.id, EntryKind.RELEASE, today + 1)
    assert (await left(db, today + 1)).allowance == 45
    assert (await left(db, NOW)).allowance == 54 - 9, "only what was asked on a day counts on it"


async def test_a_release_of_bought_credits_comes_back_whenever_it_happens(db: Database) -> None:
    await give(db, 20)
    generation = await ask(db)
    async with db.transaction() as tx:
        await ledger.hold(
            tx, ACCOUNT, Pot.BOUGHT, 5, generation=generation.id, member=None, now=NOW
        )
    await end(db, generation.id, EntryKind.RELEASE, NOW + 40 * DAY)
    assert (await left(db, NOW + 40 * DAY)).bought == 20


@pytest.mark.parametrize("period", [Period.DAY, Period.WEEK, Period.MONTH])
async def test_the_allowance_renews_at_the_moment_that_is_told(
    db: Database, period: Period
) -> None:
    await ask(db)
    renews_at = (await left(db, NOW, period=period)).renews_at
    assert renews_at is not None
    assert (await left(db, renews_at - 0.001, period=period)).allowance == 45
    assert (await left(db, renews_at, period=period)).allowance == 54


async def test_a_lifetime_allowance_never_renews(db: Database) -> None:
    await ask(db)
    later = await left(db, NOW + 1000 * DAY, period=Period.LIFETIME)
    assert (later.allowance, later.renews_at) == (45, None)


async def test_an_allowance_that_was_lowered_is_never_less_than_nothing(db: Database) -> None:
    await ask(db)
    lowered = await left(db, NOW, free_credits=5)
    assert (lowered.allowance, lowered.total) == (0, 0)
    await give(db, 3)
    assert (await left(db, NOW, free_credits=5)).total == 3, "and takes nothing from what is bought"


async def test_only_a_payment_taken_back_leaves_a_debt_and_it_is_taken_off_the_other_pots(
    db: Database,
) -> None:
    async with db.transaction() as tx:
        await ledger.grant(tx, ACCOUNT, Pot.GRANTED, 3, cause="g", note=None, now=NOW)
        await tx.execute(
            "INSERT INTO ledger (account_kind, account_id, pot, kind, credits, cause, at)"
            " VALUES ('person', ?, 'bought', 'clawback', 50, 'taken back', ?)",
            (ANN, NOW),
        )
    found = await left(db, NOW)
    assert (found.allowance, found.granted, found.bought, found.total) == (54, 3, -50, 7)
    assert choose_draws(7, found) == (Draw(Pot.ALLOWANCE, 7),)
    assert choose_draws(8, found) is None


async def test_the_budget_is_what_is_left_of_the_ceiling(db: Database) -> None:
    first = await ask(db, "a")
    yesterday = await ask(db, "yesterday", now=NOW - DAY)
    async with db.transaction() as tx:
        await generations.change_state(
            tx, yesterday.id, State.QUEUED, State.SUBMITTING, reason=Reason.TURN_CAME, now=NOW - DAY
        )
        assert await balances.budget_left(tx, terms(), NOW) == 8_320_000, "it may be charged today"
        await generations.change_state(
            tx, yesterday.id, State.SUBMITTING, State.FAILED, reason=Reason.OTHER, now=NOW - DAY
        )
        assert await balances.budget_left(tx, terms(), NOW) == 9_160_000
        assert await balances.budget_left(tx, terms(budget_usd=None), NOW) is None
        assert await balances.budget_left(tx, terms(budget_usd=Decimal("0.5")), NOW) == -340_000
        assert await balances.budget_left(tx, terms(budget_period=Period.WEEK), NOW) == 9_160_000
        await generations.update(tx, first.id, uncharged=True)
        assert await balances.budget_left(tx, terms(), NOW) == 10_000_000
        month = await balances.budget_left(tx, terms(budget_period=Period.MONTH), NOW)
        assert month == 9_160_000, "the month knows yesterday's"
