"""Times in which the provider refuses everything: begun once, probed, ended without anybody."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from generation.jobs.outcomes import CancelWanted
from generation.jobs.schedule import PROBE_SECONDS
from generation.orders.balances import Accepted, accept
from sandbox.aimlapi import Fault
from storage import HOUR_SECONDS
from storage.generations import Reason, State
from tests.generation.orders.defaults import terms
from tests.storage.requests import Clock, request, rows

if TYPE_CHECKING:
    from sandbox.aimlapi import AimlApiSandbox
    from storage.outages import Outage
    from tests.generation.steps import Steps


async def half_open(steps: Steps, fault: Fault, cause: str = "refused") -> Outage:
    """Have the account refused, cancel what was refused, and let a probe go well."""
    steps.provider.faults.next("submit", fault)
    refused = await steps.submit(await steps.ask(cause))
    await steps.advance(refused, CancelWanted())
    steps.clock.now += PROBE_SECONDS
    outage = await steps.breaker.present()
    assert outage is not None
    return outage


async def test_it_begins_with_the_first_refusal_and_rings_once(
    steps: Steps, provider: AimlApiSandbox
) -> None:
    provider.faults.always("submit", Fault.http(401))
    for number in range(4):
        await steps.submit(await steps.ask(f"message:{number}"))
    outage = await steps.breaker.present()
    assert outage is not None
    assert outage.reason == "key"
    assert await steps.admins() == ["outage"]


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (Fault.http(401), "key"),
        (Fault.http(403), "money"),
        (Fault.http(403, "This key may not do that"), "forbidden"),
    ],
)
async def test_it_is_told_what_is_wrong_with_the_account(
    steps: Steps, provider: AimlApiSandbox, fault: Fault, reason: str
) -> None:
    provider.faults.next("submit", fault)
    await steps.submit(await steps.ask())
    outage = await steps.breaker.present()
    assert outage is not None
    assert outage.reason == reason


async def test_it_is_probed_every_five_minutes_and_not_before(
    steps: Steps, provider: AimlApiSandbox, clock: Clock
) -> None:
    provider.faults.next("submit", Fault.http(401))
    await steps.submit(await steps.ask())
    clock.now += PROBE_SECONDS - 1
    assert steps.breaker.is_open
    await steps.breaker.present()
    assert steps.breaker.is_open, "the provider serves, nobody has asked it"
    clock.now += 1
    await steps.breaker.present()
    assert not steps.breaker.is_open


async def test_it_is_probed_at_once_where_the_clock_was_set_back_by_hours(
    steps: Steps, provider: AimlApiSandbox, clock: Clock
) -> None:
    provider.faults.next("submit", Fault.http(401))
    await steps.submit(await steps.ask())
    clock.now -= 6 * HOUR_SECONDS
    await steps.breaker.present()
    assert not steps.breaker.is_open


async def test_a_probe_that_goes_well_ends_nothing_yet(
    steps: Steps, provider: AimlApiSandbox, clock: Clock
) -> None:
    outage = await half_open(steps, Fault.http(401))
    assert outage.half_open
    assert await steps.admins() == ["outage"]
    clock.now += 10 * PROBE_SECONDS
    assert await steps.breaker.present() == outage, "and nothing more is probed"


async def test_it_is_over_when_an_order_was_taken(steps: Steps, provider: AimlApiSandbox) -> None:
    await half_open(steps, Fault.http(401))
    assert (await steps.submit(await steps.ask("tried"))).state is State.GENERATING
    assert await steps.breaker.present() is None
    assert await steps.admins() == ["outage", "outage_over"]


async def test_nearly_no_money_says_nothing_more_however_often_it_is_tried(
    steps: Steps, provider: AimlApiSandbox, clock: Clock
) -> None:
    provider.faults.always("submit", Fault.http(403, "You've run out of credits"))
    generation = await steps.submit(await steps.ask())
    for _ in range(5):  # the balance is not zero, so each probe goes well
        clock.now += PROBE_SECONDS
        outage = await steps.breaker.present()
        assert outage is not None
        assert outage.half_open
        generation = await steps.submit(generation)
        assert steps.breaker.is_open
    assert await steps.admins() == ["outage"]
    assert len(await rows(steps.db, "SELECT id FROM outages")) == 1, "since it began once"


async def test_while_it_is_half_open_one_order_is_tried_and_the_others_wait(
    steps: Steps, provider: AimlApiSandbox
) -> None:
    await half_open(steps, Fault.http(401))
    orders = [await steps.ask(f"message:{number}") for number in range(3)]
    provider.faults.next("submit", Fault.http(401))
    await asyncio.gather(*map(steps.submissions.submit, orders))
    assert len(provider.submissions) == 2, "the first refusal, and one that was tried"
    states = [(await steps.again(order)).state for order in orders]
    assert states == [State.QUEUED] * 3
    assert steps.breaker.is_open


async def test_once_one_was_taken_the_others_follow(steps: Steps, provider: AimlApiSandbox) -> None:
    await half_open(steps, Fault.http(401))
    orders = [await steps.ask(f"message:{number}") for number in range(3)]
    await asyncio.gather(*map(steps.submissions.submit, orders))
    states = [(await steps.again(order)).state for order in orders]
    assert states == [State.GENERATING] * 3
    assert await steps.admins() == ["outage", "outage_over"]


@pytest.mark.parametrize(
    "fault", [Fault.http(429), Fault.http(400), Fault.hung_up()], ids=lambda fault: fault.name
)
async def test_an_answer_that_says_nothing_of_the_account_leaves_it_to_the_next_order(
    steps: Steps, provider: AimlApiSandbox, fault: Fault
) -> None:
    await half_open(steps, Fault.http(401))
    provider.faults.next("submit", fault)
    await steps.submit(await steps.ask("tried"))
    outage = await steps.breaker.present()
    assert outage is not None
    assert outage.half_open
    steps.clock.now += 1  # where it asked too often, it rests first
    assert (await steps.submit(await steps.ask("next"))).state is State.GENERATING
    assert await steps.breaker.present() is None


async def test_new_orders_are_accepted_again_while_it_is_half_open(steps: Steps) -> None:
    await half_open(steps, Fault.http(401))
    async with steps.db.transaction() as tx:
        answer = await accept(tx, request("new"), terms(), now=steps.clock.now)
    assert isinstance(answer, Accepted), "nobody else might be there to be tried"


async def test_each_reason_is_told_of_once(
    steps: Steps, provider: AimlApiSandbox, clock: Clock
) -> None:
    generation = await steps.ask()
    for fault in (
        Fault.http(403, "You've run out of credits"), Fault.http(401),
        Fault.http(403, "You've run out of credits"), Fault.http(401),
    ):  # fmt: skip
        provider.faults.next("submit", fault)
        generation = await steps.submit(generation)
        clock.now += PROBE_SECONDS
        await steps.breaker.present()
    told = await rows(
        steps.db, "SELECT facts ->> 'reason' FROM notices WHERE kind = 'outage' ORDER BY id"
    )
    assert told == [("money",), ("key",)]


async def test_it_lasts_while_probes_fail(
    steps: Steps, provider: AimlApiSandbox, clock: Clock
) -> None:
    provider.faults.next("submit", Fault.http(401))
    await steps.submit(await steps.ask())
    for fault in (Fault.http(401), Fault.http(500), Fault.hung_up(), Fault.html(502)):
        clock.now += PROBE_SECONDS
        # over a connection that was kept it is asked anew at once, which may go wrong as well
        for _ in range(2 if fault.name == Fault.hung_up().name else 1):
            provider.faults.next("billing", fault)
        await steps.breaker.present()
        assert steps.breaker.is_open, fault.name
        again = await steps.breaker.present()
        assert again is not None
        assert again.probe_at == clock.now + PROBE_SECONDS
    assert await steps.admins() == ["outage"]


async def test_polls_that_are_refused_put_no_probe_off(
    steps: Steps, provider: AimlApiSandbox, clock: Clock
) -> None:
    generation = await steps.taken()
    provider.faults.always("poll", Fault.http(401))
    for _ in range(3):
        generation = await steps.poll(generation)
        clock.now += PROBE_SECONDS / 3
    outage = await steps.breaker.present()
    assert outage is not None
    assert outage.half_open


async def test_an_empty_account_lasts_until_there_is_money(
    steps: Steps, provider: AimlApiSandbox, clock: Clock
) -> None:
    provider.balance = Decimal(0)
    generation = await steps.submit(await steps.ask())
    assert generation.state is State.QUEUED
    clock.now += PROBE_SECONDS
    await steps.breaker.present()
    assert steps.breaker.is_open
    provider.balance = Decimal(20)
    clock.now += PROBE_SECONDS
    await steps.breaker.present()
    assert (await steps.submit(generation)).state is State.GENERATING


async def test_a_key_that_may_not_see_the_balance_is_tried_with_an_order(
    steps: Steps, provider: AimlApiSandbox, clock: Clock
) -> None:
    provider.faults.next("submit", Fault.http(401))
    await steps.submit(await steps.ask())
    provider.faults.always("billing", Fault.http(403, "Missing scope"))
    clock.now += PROBE_SECONDS
    outage = await steps.breaker.present()
    assert outage is not None
    assert outage.half_open


async def test_each_outage_is_told_of(steps: Steps, provider: AimlApiSandbox) -> None:
    for number in range(2):
        await half_open(steps, Fault.http(401), f"refused:{number}")
        assert (await steps.submit(await steps.ask(f"taken:{number}"))).state is State.GENERATING
    assert await steps.admins() == ["outage", "outage_over"] * 2


async def test_a_start_knows_of_the_outage_that_lasts(
    steps: Steps, provider: AimlApiSandbox
) -> None:
    provider.faults.next("submit", Fault.http(401))
    await steps.submit(await steps.ask())
    steps.breaker.adopt(None)  # as after a start
    await steps.submissions.recover()
    assert steps.breaker.is_open


async def test_too_many_requests_hold_back_all_and_then_one_by_one(
    steps: Steps, provider: AimlApiSandbox, clock: Clock
) -> None:
    asked = [await steps.ask(f"message:{number}") for number in range(20)]
    provider.faults.next("submit", Fault.http(429, retry_after=7), times=2)
    await asyncio.gather(*map(steps.submissions.submit, asked))
    first = len(provider.submissions)
    assert first <= 20, "those that had left"
    assert steps.breaker.is_open
    assert steps.breaker.outage is None, "nobody is told of an outage"
    waiting = [one for one in asked if (await steps.again(one)).state is State.QUEUED]
    assert waiting
    clock.now += 6
    await asyncio.gather(*map(steps.submissions.submit, waiting))
    assert len(provider.submissions) == first, "nobody asks before that"
    clock.now += 2
    provider.faults.next("submit", Fault.http(429))
    await asyncio.gather(*map(steps.submissions.submit, waiting))
    assert len(provider.submissions) == first + 1, "one tells for all that it is still so"
    clock.now += 600
    await asyncio.gather(*map(steps.submissions.submit, waiting))
    assert [(await steps.again(one)).state for one in asked] == [State.GENERATING] * 20
    assert await steps.admins() == []


async def test_a_rate_limit_lasts_no_longer_where_the_clock_was_set_back_by_hours(
    steps: Steps, provider: AimlApiSandbox, clock: Clock
) -> None:
    steps.lifecycle.uptime = uptime = Clock(clock.now)
    provider.faults.next("submit", Fault.http(429, retry_after=7))
    waiting = await steps.submit(await steps.ask())
    clock.now -= 6 * HOUR_SECONDS
    await steps.lifecycle.adjust_to_clock()
    assert steps.breaker.is_open
    for time in (clock, uptime):
        time.now += 8
    assert (await steps.submit(waiting)).state is State.GENERATING


async def test_a_refusal_of_one_model_alone_closes_no_other(
    steps: Steps, provider: AimlApiSandbox
) -> None:
    refusal = Fault.http(403, "You do not have access to the model openai/sora-2-t2v")
    provider.faults.next("submit", refusal)
    refused = await steps.submit(await steps.ask())
    assert (refused.state, refused.reason) == (State.FAILED, Reason.MODEL_GONE)
    assert not steps.breaker.is_open
    pro = await steps.ask(
        "other", family="sora-2-pro", model="openai/sora-2-pro-t2v", credits=13,
        price_micros=1_260_000,
    )  # fmt: skip
    assert (await steps.submit(pro)).state is State.GENERATING
    assert await steps.admins() == ["model_gone"]
