"""Times in which the provider refuses everything: begun once, probed, ended without anybody."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from generation.jobs.outages import PROBE_SECONDS
from sandbox.aimlapi import Fault
from storage.generations import State
from storage.outages import RETURNS_WITHIN

if TYPE_CHECKING:
    from sandbox.aimlapi import AimlApiSandbox
    from tests.generation.steps import Steps
    from tests.storage.asked import Clock


async def test_it_begins_with_the_first_refusal_and_rings_once(
    steps: Steps, provider: AimlApiSandbox
) -> None:
    provider.faults.always("submit", Fault.http(401))
    for number in range(4):
        await steps.submit(await steps.ask(f"message:{number}"))
    outage = await steps.outages.present()
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
    outage = await steps.outages.present()
    assert outage is not None
    assert outage.reason == reason


async def test_it_is_probed_every_five_minutes_and_not_before(
    steps: Steps, provider: AimlApiSandbox, clock: Clock
) -> None:
    provider.faults.next("submit", Fault.http(401))
    await steps.submit(await steps.ask())
    clock.now += PROBE_SECONDS - 1
    assert await steps.outages.present() is not None, "the provider serves, nobody has asked it"
    clock.now += 1
    assert await steps.outages.present() is None
    assert await steps.admins() == ["outage", "outage_over"]


async def test_it_lasts_while_probes_fail(
    steps: Steps, provider: AimlApiSandbox, clock: Clock
) -> None:
    provider.faults.next("submit", Fault.http(401))
    await steps.submit(await steps.ask())
    for fault in (Fault.http(401), Fault.http(500), Fault.hung_up(), Fault.html(502)):
        clock.now += PROBE_SECONDS
        provider.faults.next("billing", fault)
        outage = await steps.outages.present()
        assert outage is not None, fault.name
        again = await steps.outages.present()
        assert again is not None
        assert again.probe_at == clock.now + PROBE_SECONDS
    assert await steps.admins() == ["outage"]


async def test_an_empty_account_lasts_until_there_is_money(
    steps: Steps, provider: AimlApiSandbox, clock: Clock
) -> None:
    provider.balance = Decimal(0)
    generation = await steps.submit(await steps.ask())
    assert generation.state is State.QUEUED
    clock.now += PROBE_SECONDS
    assert await steps.outages.present() is not None
    provider.balance = Decimal(20)
    clock.now += PROBE_SECONDS
    assert await steps.outages.present() is None
    assert (await steps.submit(generation)).state is State.GENERATING


async def test_a_key_that_may_not_see_the_balance_is_tried_with_an_order(
    steps: Steps, provider: AimlApiSandbox, clock: Clock
) -> None:
    provider.faults.next("submit", Fault.http(401))
    await steps.submit(await steps.ask())
    provider.faults.always("billing", Fault.http(403, "Missing scope"))
    clock.now += PROBE_SECONDS
    assert await steps.outages.present() is None


async def test_each_outage_is_told_of(steps: Steps, provider: AimlApiSandbox, clock: Clock) -> None:
    for number in range(2):
        provider.faults.next("submit", Fault.http(401))
        await steps.submit(await steps.ask(f"message:{number}"))
        clock.now += PROBE_SECONDS
        assert await steps.outages.present() is None
        clock.now += RETURNS_WITHIN
    assert await steps.admins() == ["outage", "outage_over"] * 2


async def test_an_account_that_passes_probes_and_refuses_orders_is_told_of_once(
    steps: Steps, provider: AimlApiSandbox, clock: Clock
) -> None:
    for number in range(3):
        provider.faults.next("submit", Fault.http(403, "You've run out of credits"))
        await steps.submit(await steps.ask(f"message:{number}"))
        assert await steps.outages.present() is not None
        clock.now += PROBE_SECONDS
        assert await steps.outages.present() is None
    assert await steps.admins() == ["outage", "outage_over"]
