"""The request log a lost submission can be found in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sandbox.aimlapi import AimlApiSandbox, Fault, Render
from tests.sandbox.aimlapi.calls import PATH, ended, order, submit

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx

START = 1_790_000_000.0  # 2026-09-21, in seconds since 1970


class Clock:
    """A clock that stands until it is set."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def provider(clock: Clock) -> AsyncIterator[AimlApiSandbox]:
    async with AimlApiSandbox(key="test-key", render_seconds=0.0, clock=clock) as sandbox:
        yield sandbox


async def rows(client: httpx.AsyncClient, **query: Any) -> list[dict[str, Any]]:
    response = await client.get("/v2/logs", params=query or {"period": "24h"})
    assert response.status_code == 200, response.text
    data: list[dict[str, Any]] = response.json()["data"]
    return data


async def test_a_row_ties_the_callers_id_to_the_generation(
    provider: AimlApiSandbox, client: httpx.AsyncClient
) -> None:
    headers = {"X-Client-Request-Id": "g-17"}
    identity = (await client.post(PATH, json=order(), headers=headers)).json()["id"]
    generation = provider.generations.by_id[identity]
    await provider.wait_until(lambda: generation.ended, "the generation to end")
    (row,) = await rows(client)
    assert row["client_request_id"] == "g-17"
    assert row["inference_id"] == identity
    assert row["status"] == "succeeded"
    assert row["model"] == "openai/sora-2-t2v"
    assert row["cost"] == {"usd": 0.84, "credits": 1_680_000}
    assert row["created"] == "2026-09-21T14:13:20.000Z"


async def test_a_failed_generation_costs_nothing(
    provider: AimlApiSandbox, client: httpx.AsyncClient
) -> None:
    provider.next_render = Render.failed()
    await ended(provider, client)
    (row,) = await rows(client)
    assert (row["status"], row["cost"]["usd"], row["client_request_id"]) == ("failed", 0, None)


async def test_only_what_reached_the_model_is_listed(
    provider: AimlApiSandbox, client: httpx.AsyncClient
) -> None:
    await client.post(PATH, json=order(duration=5))
    for status in (401, 403, 429, 500):
        provider.faults.next("submit", Fault.http(status))
        await client.post(PATH, json=order(), headers={"X-Client-Request-Id": str(status)})
    (row,) = await rows(client)
    assert (row["client_request_id"], row["status"]) == ("500", "failed")


async def test_a_row_appears_after_a_while(
    provider: AimlApiSandbox, client: httpx.AsyncClient, clock: Clock
) -> None:
    provider.logs.delay = 30
    await submit(client)
    assert await rows(client) == []
    clock.now += 30
    assert len(await rows(client)) == 1


async def test_a_pending_one_may_be_left_out(
    provider: AimlApiSandbox, client: httpx.AsyncClient
) -> None:
    provider.every_render = Render.never()
    await submit(client)
    assert len(await rows(client)) == 1
    provider.logs.lists_pending = False
    assert await rows(client) == []


async def test_pages_come_newest_first(
    provider: AimlApiSandbox, client: httpx.AsyncClient, clock: Clock
) -> None:
    provider.every_render = Render.never()
    provider.balance *= 10
    for _ in range(5):
        clock.now += 1
        await submit(client)
    query: dict[str, str | int] = {"period": "1h", "limit": 2, "offset": 2}
    page = (await client.get("/v2/logs", params=query)).json()
    assert page["pagination"] == {"limit": 2, "offset": 2, "total": 5, "has_more": True}
    expected = [one.id for one in provider.submissions[::-1]][2:4]
    assert [row["inference_id"] for row in page["data"]] == expected


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({"period": "2h"}, 1),
        ({"period": "1d"}, 2),
        ({"start": "2026-09-21T14:00:00Z", "end": "2026-09-21T15:00:00Z"}, 1),
        ({"start": "2026-09-21T16:00:00+02:00", "end": "2026-09-21T17:00:00+02:00"}, 1),
        ({"start": "2026-09-21T14:00:00", "end": "2026-09-22T00:00:00"}, 2),
        ({"period": "1d", "model": "openai/sora-2-t2v"}, 2),
        ({"period": "1d", "model": "sora-2-t2v"}, 2),
        ({"period": "1d", "model": "openai/sora-2-t2v,openai/sora-2-i2v"}, 0),
        ({"period": "1d", "status": "failed"}, 0),
        ({"period": "1d", "status": ["failed", "succeeded"]}, 2),
        ({"period": "1d", "key_prefix": "test"}, 2),
    ],
)
async def test_filters(
    client: httpx.AsyncClient, clock: Clock, query: dict[str, Any], count: int
) -> None:
    await submit(client)
    clock.now += 3 * 3600
    await submit(client)
    assert len(await rows(client, **query)) == count


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({}, 400),
        ({"period": "24"}, 400),
        ({"period": "0h"}, 400),
        ({"period": "93d"}, 400),
        ({"period": "1h", "start": "2026-09-21"}, 400),
        ({"start": "2026-09-21"}, 400),
        ({"start": "2026-09-21", "end": "2026-09-20"}, 400),
        ({"start": "2026-01-01", "end": "2026-09-20"}, 400),
        ({"start": "yesterday", "end": "today"}, 400),
        ({"period": "1h", "status": "succeeded,failed"}, 400),
        ({"period": "1h", "limit": "0"}, 400),
        ({"period": "1h", "limit": "101"}, 400),
        ({"period": "1h", "offset": "-1"}, 400),
        ({"period": "1h", "client_request_id": "g-17"}, 400),
        ({"period": "1h", "key_prefix": "other"}, 403),
    ],
)
async def test_a_wrong_question_is_refused(
    client: httpx.AsyncClient, query: dict[str, str], status: int
) -> None:
    response = await client.get("/v2/logs", params=query)
    assert response.status_code == status


async def test_more_than_200_calls_a_minute_are_too_many(
    client: httpx.AsyncClient, clock: Clock
) -> None:
    for _ in range(200):
        await rows(client)
    assert (await client.get("/v2/logs", params={"period": "1h"})).status_code == 429
    clock.now += 61
    assert await rows(client) == []
