"""Each fault as the caller sees it, and what it leaves behind."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import httpx
import pytest

from sandbox.aimlapi import AimlApiSandbox, Fault
from tests.sandbox.aimlapi.calls import PATH, order, submit

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.aimlapi.faults import Endpoint

CALLS: dict[Endpoint, str] = {
    "poll": f"{PATH}?generation_id=x",
    "logs": "/v2/logs?period=1h",
    "billing": "/v2/billing",
    "models": "/v1/models?id=sora-2-t2v",
    "deprecations": "/v1/models/deprecations",
    "key": "/v1/key",
    "download": "/cdn/generations/lynx/1-2.mp4",
}


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 429, 500, 502, 503, 504])
async def test_the_apis_own_errors(
    provider: AimlApiSandbox, client: httpx.AsyncClient, status: int
) -> None:
    provider.faults.next("submit", Fault.http(status))
    response = await client.post(PATH, json=order())
    assert response.status_code == status
    assert response.json()["message"]
    assert "retry-after" not in response.headers
    assert provider.generations.by_id == {}
    assert (await client.post(PATH, json=order())).status_code == 200


@pytest.mark.parametrize("endpoint", CALLS)
async def test_every_endpoint_can_fail_until_it_is_cleared(
    provider: AimlApiSandbox, client: httpx.AsyncClient, endpoint: Endpoint
) -> None:
    provider.faults.always(endpoint, Fault.http(503))
    for _ in range(2):
        assert (await client.get(CALLS[endpoint])).status_code == 503
    assert provider.faults.waiting() == {endpoint: ["HTTP 503 (always)"]}
    provider.faults.clear(endpoint)
    assert (await client.get(CALLS[endpoint])).status_code in (200, 404)
    assert provider.faults.waiting() == {}


async def test_a_fault_for_the_next_calls_goes_before_a_lasting_one(
    provider: AimlApiSandbox, client: httpx.AsyncClient
) -> None:
    provider.faults.next("submit", Fault.http(429, retry_after=2), times=2)
    provider.faults.always("submit", Fault.http(500))
    answers = [await client.post(PATH, json=order()) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [429, 429, 500]
    assert [answer.headers.get("retry-after") for answer in answers] == ["2", "2", None]
    provider.faults.clear()
    assert (await client.post(PATH, json=order())).is_success


async def test_moderation_before_the_start(
    provider: AimlApiSandbox, client: httpx.AsyncClient
) -> None:
    provider.error_shape = "problem"
    provider.faults.next("submit", Fault.moderation())
    response = await client.post(PATH, json=order())
    assert response.status_code == 400
    assert response.json()["error"]["name"] == "moderation_blocked"


async def test_a_validation_error_that_names_the_model(
    provider: AimlApiSandbox, client: httpx.AsyncClient
) -> None:
    provider.faults.next("submit", Fault.model_refused())
    response = await client.post(PATH, json=order())
    assert response.status_code == 400
    assert "model" in response.json()["errors"][0]


async def test_a_gateways_page(provider: AimlApiSandbox, client: httpx.AsyncClient) -> None:
    provider.faults.next("submit", Fault.html(502))
    response = await client.post(PATH, json=order())
    assert response.status_code == 502
    assert response.headers["content-type"].startswith("text/html")


async def test_half_a_json(provider: AimlApiSandbox, client: httpx.AsyncClient) -> None:
    provider.faults.next("poll", Fault.half_json())
    response = await client.get(CALLS["poll"])
    with pytest.raises(json.JSONDecodeError):
        response.json()


@pytest.mark.parametrize("fault", [Fault.truncated, Fault.hung_up])
async def test_a_broken_connection_before_the_effect(
    provider: AimlApiSandbox, client: httpx.AsyncClient, fault: Callable[[], Fault]
) -> None:
    provider.faults.next("submit", fault())
    with pytest.raises(httpx.RemoteProtocolError):
        await client.post(PATH, json=order())
    (submission,) = provider.submissions
    assert not submission.accepted
    assert provider.generations.by_id == {}


async def test_an_answer_lost_after_the_effect(
    provider: AimlApiSandbox, client: httpx.AsyncClient
) -> None:
    provider.faults.next("submit", Fault.answer_lost())
    with pytest.raises(httpx.RemoteProtocolError):
        await client.post(PATH, json=order(), headers={"X-Client-Request-Id": "lost-1"})
    (submission,) = provider.submissions
    assert submission.accepted
    rows = (await client.get(CALLS["logs"])).json()["data"]
    assert [(row["client_request_id"], row["inference_id"]) for row in rows] == [
        ("lost-1", submission.id)
    ]


async def test_a_refusal_is_lost_as_well(
    provider: AimlApiSandbox, client: httpx.AsyncClient
) -> None:
    provider.faults.next("submit", Fault.answer_lost())
    with pytest.raises(httpx.RemoteProtocolError):
        await client.post(PATH, json=order(duration=5))
    assert not provider.submissions[0].accepted


@pytest.mark.parametrize("endpoint", ["poll", "models", "download"])
async def test_a_body_without_an_end(
    provider: AimlApiSandbox, client: httpx.AsyncClient, endpoint: Endpoint
) -> None:
    provider.faults.next(endpoint, Fault.endless())
    received = 0
    async with client.stream("GET", CALLS[endpoint]) as response:
        async for piece in response.aiter_bytes():
            received += len(piece)
            if received > 5_000_000:
                break
    assert received > 5_000_000


async def test_the_right_answer_under_the_wrong_type(
    provider: AimlApiSandbox, client: httpx.AsyncClient
) -> None:
    provider.faults.next("submit", Fault.wrong_type("text/plain"))
    response = await client.post(PATH, json=order())
    assert response.headers["content-type"] == "text/plain"
    assert response.json()["id"] == provider.submissions[0].id


async def test_the_right_answer_late(provider: AimlApiSandbox, client: httpx.AsyncClient) -> None:
    provider.faults.next("billing", Fault.delay(0.3))
    with pytest.raises(httpx.ReadTimeout):
        await client.get(CALLS["billing"], timeout=0.1)
    provider.faults.next("billing", Fault.delay(0.05))
    assert (await client.get(CALLS["billing"])).is_success


@pytest.mark.parametrize("after_effect", [False, True])
async def test_an_answer_held_until_it_is_released(
    provider: AimlApiSandbox, client: httpx.AsyncClient, *, after_effect: bool
) -> None:
    release = asyncio.Event()
    provider.faults.next("submit", Fault.hang(release, after_effect=after_effect))
    posting = asyncio.create_task(submit(client))
    (submission,) = await provider.wait_for_submissions(1)
    if after_effect:
        await provider.wait_until(lambda: provider.submissions[0].accepted, "the effect")
    assert submission.status is None
    assert bool(provider.generations.by_id) is after_effect
    assert not posting.done()
    release.set()
    assert await posting in provider.generations.by_id


async def test_a_caller_who_leaves_while_it_hangs_has_no_effect(
    provider: AimlApiSandbox, client: httpx.AsyncClient
) -> None:
    release = asyncio.Event()
    provider.faults.next("submit", Fault.hang(release))
    with pytest.raises(httpx.ReadTimeout):
        await client.post(PATH, json=order(), timeout=0.2)
    await provider.wait_until(lambda: provider.submissions[0].status is not None, "the end")
    release.set()
    assert provider.generations.by_id == {}


async def test_closing_lets_nobody_hang() -> None:
    async with AimlApiSandbox(key="k") as provider:
        provider.faults.always("models", Fault.hang(asyncio.Event()))
        http = httpx.AsyncClient(base_url=provider.url)
        asking = asyncio.create_task(http.get(CALLS["models"]))
        await asyncio.wait({asking}, timeout=0.1)
    with pytest.raises(httpx.RemoteProtocolError):
        await asking
    await http.aclose()
