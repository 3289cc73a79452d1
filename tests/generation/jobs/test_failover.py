"""A request whose model is gone at submission: its holds end once and new ones begin."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from generation.jobs import transitions
from generation.jobs.failover import Detours
from generation.jobs.transitions import IllegalStep
from generation.models.availability import Feeds
from generation.models.catalogue import Catalogue
from generation.models.cooldowns import FAILING_SECONDS, STRIKES
from generation.models.offer import Offer
from storage import generations, ledger
from storage.admins import Admins
from storage.generations import State
from storage.ledger import Pot
from tests.storage.asked import NOW, ask, found, rows

if TYPE_CHECKING:
    from sandbox.aimlapi import AimlApiSandbox
    from storage.database import Database
    from storage.generations import Generation
    from tests.generation.steps import Steps
    from tests.storage.asked import Clock

VEO: dict[str, Any] = {
    "family": "veo-3.1-fast", "model": "google/veo-3.1-t2v-fast", "seconds": 4,
    "aspect_ratio": "16:9", "resolution": "720p", "price_micros": 600_000,
}  # fmt: skip


async def submitting(db: Database, generation: Generation) -> Generation:
    """Return a request on its way to the provider."""
    async with db.transaction() as tx:
        moved = await transitions.advance(
            tx, generation, State.SUBMITTING, reason="its turn", now=1.0, request_id="r"
        )
    assert moved is not None
    return moved


async def held(db: Database, generation: Generation) -> list[tuple[str, int]]:
    """Return what is held for a request, by pot."""
    async with db.reading() as connection:
        return [
            (one.pot, one.credits) for one in await ledger.open_holds(connection, generation.id)
        ]


async def test_the_new_holds_are_on_the_same_pots_and_cost_what_the_new_video_does(
    steps: Steps,
) -> None:
    db = steps.db
    generation = await ask(db, credits=9, price_micros=840_000, budget_micros=840_000)
    async with db.transaction() as tx:
        await ledger.hold(
            tx, generation.account, Pot.BOUGHT, 4, generation=generation.id, member=None, now=1.0
        )
        await tx.execute("UPDATE generations SET credits = 13")
    generation = await submitting(db, await found(db, generation))
    async with db.transaction() as tx:
        queued = await transitions.reroute(
            tx, generation, reason="gone", now=2.0, credits=11, **VEO
        )
    assert queued is not None
    assert (queued.state, queued.family, queued.credits) == (State.QUEUED, "veo-3.1-fast", 11)
    assert await held(db, generation) == [("allowance", 9), ("bought", 2)]
    ends = await rows(db, "SELECT ends, count(*) FROM ledger WHERE ends IS NOT NULL GROUP BY ends")
    assert [count for _, count in ends] == [1, 1], "each hold ends once"
    (budget,) = (await rows(db, "SELECT budget_micros FROM generations"))[0]
    assert budget == 600_000 * 9 // 11, "the operator gives nothing for bought credits"


async def test_something_dearer_is_never_taken_by_itself(steps: Steps) -> None:
    generation = await submitting(steps.db, await ask(steps.db, credits=9))
    with pytest.raises(IllegalStep):
        async with steps.db.transaction() as tx:
            await transitions.reroute(tx, generation, reason="gone", now=2.0, credits=10, **VEO)
    assert await held(steps.db, generation) == [("allowance", 9)]
    assert (await found(steps.db, generation)).state is State.SUBMITTING


async def failing(steps: Steps, model: str) -> None:
    """Let a model fail so often that it rests."""
    for number in range(STRIKES):
        struck = await ask(steps.db, f"struck:{number}")
        async with steps.db.transaction() as tx:
            await steps.rests.strike(tx, model, struck.id)
            await transitions.advance(tx, struck, State.CANCELLED, reason="test", now=NOW)


async def test_a_queued_request_whose_model_rests_is_made_with_the_next_and_not_sent_there(
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
    assert kind == "rerouted"
    assert json.loads(facts).items() >= {"was": "Sora 2 Pro", "rests": True, "cost": 9}.items()
    assert (await steps.submit(queued)).state is State.GENERATING
    assert [one.model for one in provider.submissions] == ["openai/sora-2-t2v"]


async def test_a_queued_request_whose_model_rests_fails_where_the_next_is_dearer(
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
    assert json.loads(facts).items() >= {"family": "sora-2-pro", "cost": 13, "rests": True}.items()


async def test_a_queued_request_is_sent_once_its_model_has_rested(
    steps: Steps, clock: Clock
) -> None:
    generation = await steps.ask()
    await failing(steps, generation.model)
    clock.now += FAILING_SECONDS
    assert (await steps.submit(generation)).state is State.GENERATING


async def test_a_queued_request_that_was_cancelled_meanwhile_is_left_alone(steps: Steps) -> None:
    generation = await steps.ask(family="sora-2-pro", model="openai/sora-2-pro-t2v", credits=13)
    await failing(steps, generation.model)
    async with steps.db.transaction() as tx:
        await transitions.advance(tx, generation, State.CANCELLED, reason="cancelled", now=NOW)
    assert (await steps.submit(generation)).model == generation.model
    assert await held(steps.db, generation) == []
    assert await steps.told() == []


async def test_a_request_called_back_meanwhile_is_not_made_with_another_model(
    steps: Steps, provider: AimlApiSandbox
) -> None:
    provider.withdraw("openai/sora-2-t2v")
    generation = await submitting(steps.db, await ask(steps.db, credits=99))
    async with steps.db.transaction() as tx:
        await generations.note(tx, generation.id, cancel_wanted=1)
        detours = Detours(steps.catalogue, steps.rests, credit_usd=Decimal("0.10"))
        await detours.gone(tx, generation, now=3.0)
    assert (await found(steps.db, generation)).state is State.CANCELLED
    assert await held(steps.db, generation) == []


async def test_a_retired_family_that_is_no_longer_named_can_still_be_replaced(
    steps: Steps, provider: AimlApiSandbox
) -> None:
    async with httpx.AsyncClient() as http:
        catalogue = Catalogue(
            db=steps.db, feeds=Feeds(http, url=provider.url), known=Offer.load(),
            names=("veo-3.1-fast",), rests=steps.rests, admins=Admins(frozenset()),
            clock=steps.clock,
        )  # fmt: skip
    generation = await submitting(steps.db, await ask(steps.db, credits=9))
    async with steps.db.transaction() as tx:
        detours = Detours(catalogue, steps.rests, credit_usd=Decimal("0.10"))
        await detours.gone(tx, generation, now=3.0)
    assert (await found(steps.db, generation)).family == "veo-3.1-fast"
