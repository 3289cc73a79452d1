"""A request whose model is gone at submission: its holds end once and new ones begin."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import httpx

from generation.jobs.outcomes import CancelWanted
from generation.models.availability import Feeds
from generation.models.catalogue import FAILED_ACCOUNTS, FAILING_SECONDS, Catalogue
from generation.models.offer import Offer
from generation.orders.substitutes import Substitutes
from storage import ledger
from storage.generations import Reason, State
from storage.notices import Admins
from tests.storage.requests import ANN, rows

if TYPE_CHECKING:
    from sandbox.aimlapi import AimlApiSandbox
    from storage.database import Database
    from storage.generations import Generation
    from tests.generation.steps import Steps
    from tests.storage.requests import Clock


async def held(db: Database, generation: Generation) -> list[tuple[str, int]]:
    """Return what is held for a request, by pot."""
    async with db.reading() as connection:
        return [
            (one.pot, one.credits) for one in await ledger.open_holds(connection, generation.id)
        ]


async def failing(steps: Steps, model: str) -> None:
    """Let a model fail for so many people that it is left alone."""
    for number in range(FAILED_ACCOUNTS):
        failed = await steps.ask(f"failed:{number}", person=ANN + number)
        async with steps.db.transaction() as tx:
            steps.cooldowns.adopt(await steps.cooldowns.count_failure(tx, model, failed.id))
        await steps.advance(failed, CancelWanted())


async def test_a_queued_request_whose_model_fails_is_made_with_the_next_and_not_sent_there(
    steps: Steps, provider: AimlApiSandbox
) -> None:
    pro = "openai/sora-2-pro-t2v"
    generation = await steps.ask(
        family="sora-2-pro", model=pro, resolution="1080p", credits=21, price_micros=2_100_000,
        budget_micros=2_100_000,
    )  # fmt: skip
    await failing(steps, pro)
    queued = await steps.submit(generation)
    assert (queued.state, queued.family, queued.model) == (
        State.QUEUED, "sora-2", "openai/sora-2-t2v",
    )  # fmt: skip
    assert (queued.resolution, queued.credits, queued.price_micros) == ("720p", 9, 840_000)
    assert queued.budget_micros == 840_000
    assert await held(steps.db, generation) == [("allowance", 9)]
    assert provider.submissions == []
    assert await steps.history(generation) == ["queued"], "it took no step"
    ((kind, facts),) = await rows(
        steps.db, "SELECT kind, facts FROM notices WHERE generation = ?", generation.id
    )
    assert kind == "substituted"
    assert json.loads(facts).items() >= {"was": "Sora 2 Pro", "cooling": True, "cost": 9}.items()
    assert (await steps.submit(queued)).state is State.GENERATING
    assert [one.model for one in provider.submissions] == ["openai/sora-2-t2v"]


async def test_a_queued_request_whose_model_fails_fails_where_the_next_is_dearer(
    steps: Steps, provider: AimlApiSandbox
) -> None:
    generation = await steps.ask()
    await failing(steps, generation.model)
    ended = await steps.submit(generation)
    assert (ended.state, ended.reason) == (State.FAILED, "model gone")
    assert await held(steps.db, generation) == []
    assert await steps.uncharged(generation)
    assert provider.submissions == []
    ((kind, facts),) = await rows(
        steps.db, "SELECT kind, facts FROM notices WHERE generation = ?", generation.id
    )
    assert kind == "failed_model_gone"
    assert (
        json.loads(facts).items() >= {"family": "sora-2-pro", "cost": 13, "cooling": True}.items()
    )


async def test_a_queued_request_is_sent_once_its_model_was_left_alone(
    steps: Steps, clock: Clock
) -> None:
    generation = await steps.ask()
    await failing(steps, generation.model)
    clock.now += FAILING_SECONDS
    assert (await steps.submit(generation)).state is State.GENERATING


async def test_a_queued_request_that_was_cancelled_meanwhile_is_left_alone(steps: Steps) -> None:
    generation = await steps.ask(family="sora-2-pro", model="openai/sora-2-pro-t2v", credits=13)
    await failing(steps, generation.model)
    await steps.advance(generation, CancelWanted())
    assert (await steps.submit(generation)).model == generation.model
    assert await held(steps.db, generation) == []
    assert await steps.told() == []


async def test_a_request_called_back_meanwhile_is_not_made_with_another_model(
    steps: Steps, provider: AimlApiSandbox
) -> None:
    provider.withdraw("openai/sora-2-t2v")
    generation = await steps.note(
        await steps.ask(credits=99, price_micros=9_900_000), cancel_wanted=True
    )
    assert (await steps.submit(generation)).state is State.CANCELLED
    assert await held(steps.db, generation) == []


async def test_a_model_that_costs_the_operator_more_waits_for_a_tap_though_the_credits_are_the_same(
    steps: Steps, provider: AimlApiSandbox
) -> None:
    provider.withdraw("openai/sora-2-t2v")
    # 13 credits stand for up to $1.30, the next model costs $1.26, and this one was $1.25
    asked = await steps.ask(credits=13, price_micros=1_250_000, budget_micros=1_250_000)
    assert (await steps.submit(asked)).reason is Reason.MODEL_GONE
    asked = await steps.ask("message:2", credits=13, price_micros=1_260_000)
    assert (await steps.submit(asked)).model == "openai/sora-2-pro-t2v"


async def test_a_retired_family_that_is_no_longer_named_can_still_be_replaced(
    steps: Steps, provider: AimlApiSandbox
) -> None:
    found = await with_families(steps, provider, "veo-3.1-fast")
    failover = found.instead_of(await steps.ask())
    assert failover.substitute is not None
    assert failover.substitute.choice.family.name == "veo-3.1-fast"


async def with_families(steps: Steps, provider: AimlApiSandbox, *names: str) -> Substitutes:
    """Return the substitutes there are where the operator names these families."""
    async with httpx.AsyncClient() as http:
        catalogue = Catalogue(
            db=steps.db, feeds=Feeds(http, url=provider.url), bundled=Offer.load(), names=names,
            cooldowns=steps.cooldowns, admins=Admins(frozenset()), clock=steps.clock,
        )  # fmt: skip
    return Substitutes(catalogue)


async def test_a_queued_request_for_a_model_that_left_the_offer_is_made_with_another(
    steps: Steps, provider: AimlApiSandbox
) -> None:
    generation = await steps.ask(family="sora-1", model="openai/sora-1", credits=9)
    queued = await steps.submit(generation)
    assert (queued.state, queued.model, queued.seconds) == (
        State.QUEUED, "openai/sora-2-t2v", 4,
    )  # fmt: skip
    ((facts,),) = await rows(steps.db, "SELECT facts FROM notices")
    assert json.loads(facts)["was"] == "sora-1", "nobody knows its title any more"
    assert (await steps.submit(queued)).state is State.GENERATING
    assert [one.model for one in provider.submissions] == ["openai/sora-2-t2v"]
