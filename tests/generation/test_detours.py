"""A request whose model is gone at submission: its holds end once and new ones begin."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from generation import lifecycle
from generation.alarms import Alarms
from generation.catalogue import Catalogue
from generation.detours import Detours
from generation.feeds import Feeds
from generation.lifecycle import IllegalStep
from generation.models import Offer
from storage import generations, ledger
from storage.generations import State
from storage.ledger import Pot
from tests.storage.asked import ask, found, rows

if TYPE_CHECKING:
    from sandbox.aimlapi import AimlApiSandbox
    from storage.database import Database
    from storage.generations import Generation
    from tests.generation.steps import Steps

VEO: dict[str, Any] = {
    "family": "veo-3.1-fast", "model": "google/veo-3.1-t2v-fast", "seconds": 4,
    "aspect_ratio": "16:9", "resolution": "720p", "price_micros": 600_000,
}  # fmt: skip


async def submitting(db: Database, generation: Generation) -> Generation:
    """Return a request on its way to the provider."""
    async with db.transaction() as tx:
        moved = await lifecycle.advance(
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
        queued = await lifecycle.reroute(tx, generation, reason="gone", now=2.0, credits=11, **VEO)
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
            await lifecycle.reroute(tx, generation, reason="gone", now=2.0, credits=10, **VEO)
    assert await held(steps.db, generation) == [("allowance", 9)]
    assert (await found(steps.db, generation)).state is State.SUBMITTING


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
            names=("veo-3.1-fast",), rests=steps.rests, alarms=Alarms(frozenset()),
            clock=steps.clock,
        )  # fmt: skip
    generation = await submitting(steps.db, await ask(steps.db, credits=9))
    async with steps.db.transaction() as tx:
        detours = Detours(catalogue, steps.rests, credit_usd=Decimal("0.10"))
        await detours.gone(tx, generation, now=3.0)
    assert (await found(steps.db, generation)).family == "veo-3.1-fast"
