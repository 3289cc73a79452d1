"""A generation from the request to its end, and what it costs."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import httpx
import pytest

from sandbox.aimlapi import AimlApiSandbox, Fault, Price, Render
from tests.sandbox.aimlapi.calls import PATH, data_uri, ended, order, poll, submit


async def test_a_prompt_becomes_a_file(
    provider: AimlApiSandbox, client: httpx.AsyncClient, anyone: httpx.AsyncClient
) -> None:
    state = await ended(provider, client)
    assert state["status"] == "completed"
    assert state["video"]["url"].startswith(f"{provider.url}/cdn/generations/")
    fetched = await anyone.get(state["video"]["url"])
    assert fetched.headers["content-type"] == "video/mp4"
    assert fetched.content == provider.clip_of(state["id"]).read_bytes()
    assert provider.violations == []


@pytest.mark.parametrize("status", [200, 201])
async def test_a_request_is_answered_with_an_opaque_id(
    provider: AimlApiSandbox, client: httpx.AsyncClient, status: int
) -> None:
    provider.submit_status = status
    headers = {"X-Client-Request-Id": "order:7"}
    response = await client.post(PATH, json=order(), headers=headers)
    assert response.status_code == status
    assert response.json()["status"] == "queued"
    identity = response.json()["id"]
    assert identity.startswith("video_")
    assert identity.endswith(":openai/sora-2-t2v")
    assert response.headers["x-inference-id"] == identity
    assert response.headers["x-client-request-id"] == "order:7"
    assert response.headers["x-request-id"]


@pytest.mark.parametrize("own_id", ["with space", "x" * 129, "sla/sh"])
async def test_an_ill_formed_client_request_id_is_dropped_and_the_call_still_runs(
    provider: AimlApiSandbox, client: httpx.AsyncClient, own_id: str
) -> None:
    response = await client.post(PATH, json=order(), headers={"X-Client-Request-Id": own_id})
    assert response.status_code == 200
    assert "x-client-request-id" not in response.headers
    assert provider.submissions[0].client_request_id is None


async def test_a_short_name_is_an_alias(
    provider: AimlApiSandbox, client: httpx.AsyncClient
) -> None:
    identity = await submit(client, model="sora-2-t2v")
    assert provider.generations.by_id[identity].model.id == "openai/sora-2-t2v"


async def test_statuses_go_backwards_and_may_be_unknown(
    provider: AimlApiSandbox, client: httpx.AsyncClient
) -> None:
    statuses = ("generating", "queued", "warming_up", "generating")
    provider.next_render = Render(ends="never", statuses=statuses)
    identity = await submit(client)
    said = [(await poll(client, identity))["status"] for _ in range(6)]
    assert said == [*statuses, "generating", "generating"]


async def test_a_generation_that_never_ends_stays_pending(
    provider: AimlApiSandbox, client: httpx.AsyncClient
) -> None:
    provider.next_render = Render.never()
    identity = await submit(client)
    assert (await poll(client, identity))["status"] == "queued"
    assert (await poll(client, identity))["status"] == "generating"
    assert provider.polls == [identity, identity]


async def test_a_video_may_come_as_an_array_and_without_usage(
    provider: AimlApiSandbox, client: httpx.AsyncClient
) -> None:
    provider.next_render = Render.works(video_as="array", usage=False)
    state = await ended(provider, client)
    assert isinstance(state["video"], list)
    assert "meta" not in state


async def test_completion_is_charged_once_and_said(
    provider: AimlApiSandbox, client: httpx.AsyncClient
) -> None:
    provider.balance = Decimal(5)
    identity = await submit(client, duration=8)
    generation = provider.generations.by_id[identity]
    await provider.wait_until(lambda: generation.ended, "the generation to end")
    for _ in range(2):
        answer = await client.get(PATH, params={"generation_id": identity})
    assert answer.json()["meta"]["usage"] == {"credits_used": 3_360_000, "usd_spent": 1.68}
    assert answer.headers["x-aimlapi-credits-used"] == "3360000"
    assert answer.headers["x-aimlapi-usd-spent"] == "1.68"
    assert provider.spent_usd == Decimal("1.68")
    assert provider.balance == Decimal("3.32")
    balance = await client.get("/v2/billing")
    assert balance.json() == {"current_balance": 3.32, "currency": "USD"}
    detail = (await client.get("/v2/billing/detail")).json()
    assert detail["current_balance"] == 3.32
    assert detail["autotopup_settings"]["is_enabled"] is False


@pytest.mark.parametrize("error_as", ["object", "string"])
async def test_a_refusal_on_the_way_costs_nothing(
    provider: AimlApiSandbox, client: httpx.AsyncClient, error_as: Any
) -> None:
    provider.next_render = Render.refused("No.", error_as=error_as)
    state = await ended(provider, client)
    assert state["status"] == "error"
    expected = "No." if error_as == "string" else {"name": "moderation_blocked", "message": "No."}
    assert state["error"] == expected
    assert provider.spent_usd == 0


async def test_only_the_next_generation_goes_the_special_way(
    provider: AimlApiSandbox, client: httpx.AsyncClient
) -> None:
    provider.next_render = Render.failed()
    assert (await ended(provider, client))["status"] == "error"
    assert (await ended(provider, client))["status"] == "completed"


async def test_a_late_generation_ends_after_the_others(
    provider: AimlApiSandbox, client: httpx.AsyncClient
) -> None:
    provider.next_render = Render.late(0.5)
    late = provider.generations.by_id[await submit(client)]
    await ended(provider, client)
    assert not late.ended
    await provider.wait_until(lambda: late.ended, "the late one to end")


async def test_what_is_under_way_is_held_against_the_balance(
    provider: AimlApiSandbox, client: httpx.AsyncClient
) -> None:
    provider.prices["openai/sora-2-t2v"] = Price(Decimal("0.50"))
    provider.balance = Decimal(3)
    provider.next_render = Render.never()
    await submit(client)
    response = await client.post(PATH, json=order())
    assert response.status_code == 403
    assert "run out of credits" in response.json()["message"]


async def test_an_unknown_id_is_404(client: httpx.AsyncClient) -> None:
    response = await client.get(PATH, params={"generation_id": "video_0:openai/sora-2-t2v"})
    assert response.status_code == 404


async def test_a_submission_is_recorded_without_its_pictures_bytes(
    provider: AimlApiSandbox, client: httpx.AsyncClient
) -> None:
    identity = await submit(
        client, model="openai/sora-2-i2v", image_url=data_uri(720, 1280), aspect_ratio="9:16"
    )
    provider.faults.next("submit", Fault.http(429))
    await client.post(PATH, json=order())
    taken, refused = await provider.wait_for_submissions(2)
    picture = taken.body["image_url"]
    assert (picture["width"], picture["height"], picture["media_type"]) == (720, 1280, "image/jpeg")
    assert len(picture["sha256"]) == 64
    assert (taken.accepted, taken.id, taken.status) == (True, identity, 200)
    assert (refused.accepted, refused.id, refused.status) == (False, None, 429)


async def test_whoever_watches_hears_what_happens(
    provider: AimlApiSandbox, client: httpx.AsyncClient, anyone: httpx.AsyncClient
) -> None:
    events = provider.events()
    state = await ended(provider, client)
    await anyone.get(state["video"]["url"])
    kinds = [(await anext(events)).kind]
    while kinds[-1] != "fetched":
        kinds.append((await anext(events)).kind)
    assert kinds == ["submitted", "accepted", "answered", "completed", "polled", "fetched"]


async def test_waiting_in_vain_says_for_what(provider: AimlApiSandbox) -> None:
    with pytest.raises(TimeoutError, match="3 submissions"):
        await provider.wait_for_submissions(3, timeout=0.01)


async def test_an_unfinished_generation_has_no_file_yet(
    provider: AimlApiSandbox, client: httpx.AsyncClient
) -> None:
    provider.next_render = Render.never()
    await submit(client)
    with pytest.raises(LookupError):
        provider.clip_of(provider.submissions[0])


async def test_the_port_and_the_key_can_be_chosen(
    provider: AimlApiSandbox, anyone: httpx.AsyncClient
) -> None:
    async with AimlApiSandbox(key="chosen") as first:
        port = httpx.URL(first.url).port or 0
    async with AimlApiSandbox(key="chosen", port=port) as second:
        assert second.url == first.url != provider.url
        headers = {"Authorization": "Bearer chosen"}
        answer = await anyone.get(f"{second.url}/v1/key", headers=headers)
        assert answer.json()["scopes"] == ["model:video"]


async def test_closing_gives_up_what_is_under_way() -> None:
    async with AimlApiSandbox(key="test-key", render_seconds=3600) as provider:
        headers = {"Authorization": "Bearer test-key"}
        async with httpx.AsyncClient(base_url=provider.url, headers=headers) as client:
            await submit(client)
            watching = provider.events()
    assert [event async for event in watching] == []
    assert provider.spent_usd == 0
