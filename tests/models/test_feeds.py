"""The provider's feeds: down, malformed, empty, endless; and prices that move."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from starlette.responses import JSONResponse, Response

from sandbox.aimlapi import Fault
from sandbox.aimlapi.billing import Price
from storage import generations

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

    from sandbox.aimlapi import AimlApiSandbox
    from tests.harness import Harness
    from tests.models.scenes import Scene

SORA = "openai/sora-2-t2v"


def instead(answer: Callable[[], Response]) -> Fault:
    """Return a fault that answers something else."""

    async def meet(_request: Request, _go_on: Callable[..., Awaitable[Response]]) -> Response:
        return answer()

    return Fault("another answer", meet)


def listing(*entries: Any) -> Fault:
    """Return a fault that lists these."""
    return instead(lambda: JSONResponse({"object": "list", "data": list(entries)}))


async def orders_as_ever(scene: Scene, provider: AimlApiSandbox) -> None:
    """Sora is still the default at its price; nobody is told anything."""
    await scene.ask("/video a boat")
    await scene.video()
    assert [one.model for one in provider.submissions] == [SORA]
    assert await scene.until_settled("hold", "capture") == [("hold", 9), ("capture", 9)]
    assert scene.admin.from_bot == []


@pytest.mark.parametrize(
    "fault",
    [
        Fault.http(503),
        Fault.html(502),
        Fault.hung_up(),
        Fault.truncated(),
    ],
    ids=lambda fault: fault.name,
)
async def test_feeds_that_are_down_change_nothing(
    harness: Harness, scene: Scene, provider: AimlApiSandbox, fault: Fault
) -> None:
    for feed in ("models", "deprecations"):
        provider.faults.always(feed, fault)
    async with harness.running():
        await scene.refreshed()
        await orders_as_ever(scene, provider)


@pytest.mark.parametrize(
    "fault",
    [
        Fault.half_json(),
        Fault.endless(),
        instead(lambda: JSONResponse({"object": "list"})),
        instead(lambda: JSONResponse({"data": {"id": SORA}})),
        instead(lambda: JSONResponse([SORA])),
        listing({"id": 7}, None, "text", {"status": "withdrawn"}, {"id": SORA, "status": "gone"}),
    ],
    ids=["half", "endless", "no data", "an object", "a bare list", "odd entries"],
)
async def test_malformed_feeds_change_nothing(
    harness: Harness, scene: Scene, provider: AimlApiSandbox, fault: Fault
) -> None:
    for feed in ("models", "deprecations"):
        provider.faults.always(feed, fault)
    async with harness.running():
        await scene.refreshed()
        await orders_as_ever(scene, provider)


async def test_a_catalogue_of_no_models_withdraws_none(
    harness: Harness, scene: Scene, provider: AimlApiSandbox
) -> None:
    provider.faults.always("models", listing())
    async with harness.running():
        await scene.refreshed()
        await orders_as_ever(scene, provider)


async def test_where_nothing_is_served_nothing_is_held_and_the_admin_knows(
    harness: Harness, scene: Scene, provider: AimlApiSandbox
) -> None:
    for model in provider.prices:
        provider.withdraw(model)
    async with harness.running():
        await scene.told("None of the families in MODELS is served")
        await scene.ask("/video a boat")
        await scene.said("No model can do that right now.")
        await scene.ask("/models")
        await scene.said("There is nothing to choose right now.")
        assert await scene.ledger() == []
        assert provider.submissions == []


async def test_what_was_heard_last_is_known_after_a_start_with_the_feeds_down(
    harness: Harness, scene: Scene, provider: AimlApiSandbox
) -> None:
    provider.withdraw(SORA)
    provider.prices["openai/sora-2-pro-t2v"] = Price(Decimal("0.5"))
    async with harness.running():
        await scene.refreshed()
    provider.faults.always("models", Fault.http(500))
    provider.faults.always("deprecations", Fault.http(500))
    async with harness.running():
        await scene.until(
            lambda: (
                harness.services.offer.names[0] == "sora-2"
                and harness.services.offer["sora-2"].t2v is None
            ),
            "what was kept is known",
        )
        pro = harness.services.offer["sora-2-pro"].t2v
        assert pro is not None
        assert [rate.usd for rate in pro.live] == [Decimal("0.5")]


async def test_a_price_that_moves_in_flight_changes_only_what_is_ordered_later(
    harness: Harness, scene: Scene, provider: AimlApiSandbox
) -> None:
    provider.render_seconds = 1.0
    async with harness.running():
        await scene.refreshed()
        await scene.ask("/video a boat")
        await provider.wait_for_submissions(1)
        provider.prices[SORA] = Price(Decimal("0.42"))
        await scene.refreshed()
        told = await scene.told("Prices moved")
        assert "openai/sora-2-t2v, 4 s at 720p: $0.84 → $1.68" in (told.text or "")
        await scene.video()
        assert await scene.until_settled("hold", "capture") == [("hold", 9), ("capture", 9)]
        provider.render_seconds = 0.05
        await scene.ask("/video another boat")
        await provider.wait_for_submissions(2)
        assert (await scene.ledger())[2] == ("hold", 17)
        async with harness.db.reading() as connection:
            first = await generations.find(connection, 1)
        assert first is not None
        assert (first.price_micros, first.spent_micros) == (840_000, 840_000)


async def test_a_price_that_moves_by_less_than_a_fifth_is_not_worth_a_message(
    harness: Harness, scene: Scene, provider: AimlApiSandbox
) -> None:
    async with harness.running():
        await scene.refreshed()
        provider.prices[SORA] = Price(Decimal("0.25"))
        await scene.refreshed()
        await scene.ask("/video a boat")
        await scene.video()
        assert (await scene.ledger())[0] == ("hold", 10)
        assert scene.admin.from_bot == []


async def test_a_model_nobody_knows_is_listed_for_the_operator(
    harness: Harness, scene: Scene, provider: AimlApiSandbox
) -> None:
    entry = {
        "id": "maker/brand-new",
        "aliases": [],
        "type": "internal/video-generations/submit",
        "capabilities": ["text_to_video"],
        "pricing": {"kind": "variable"},
    }
    provider.faults.next("models", listing(entry))
    async with harness.running():
        await scene.until(
            lambda: harness.services.catalogue.unknown_models == ["maker/brand-new"],
            "it is known of",
        )


async def test_what_is_left_out_on_purpose_is_not_listed_as_new(
    harness: Harness, scene: Scene
) -> None:
    async with harness.running():
        await scene.refreshed()
        assert harness.services.catalogue.unknown_models == []


async def test_a_tap_never_costs_more_than_its_button_says(
    harness: Harness, scene: Scene, provider: AimlApiSandbox
) -> None:
    async with harness.running():
        await scene.refreshed()
        await scene.ask("a boat at dawn")
        card = await scene.said("9 of your 54 credits")
        provider.prices[SORA] = Price(Decimal("0.42"))
        await scene.refreshed()
        await card.press("Make it · 9")
        dearer = await scene.said("17 of your 54 credits")
        assert await scene.ledger() == []
        await dearer.press("Make it · 17")
        await scene.video()
        assert (await scene.ledger())[0] == ("hold", 17)


async def test_a_prompt_too_long_for_its_model_is_proposed_to_one_that_takes_it(
    harness: Harness, scene: Scene, provider: AimlApiSandbox
) -> None:
    async with harness.running(models=("hailuo-2.3", "sora-2")):
        await scene.refreshed()
        await scene.ask("/video " + "a boat " * 300)
        proposal = await scene.said("2,099 characters; Hailuo 2.3 takes 2,000")
        await proposal.press("Sora 2")
        await scene.video()
        assert [one.model for one in provider.submissions] == [SORA]
