"""The live catalogue and the deprecation feed."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.aimlapi import Price, Retirement
from sandbox.aimlapi.schemas import find, models
from sandbox.aimlapi.shapes import seconds_of, size_of
from tests.sandbox.aimlapi.calls import PATH, order

if TYPE_CHECKING:
    import httpx

    from sandbox.aimlapi import AimlApiSandbox

SORA = "openai/sora-2-t2v"


async def listed(client: httpx.AsyncClient, **filters: str) -> list[dict[str, Any]]:
    response = await client.get("/v1/models", params=filters)
    assert response.status_code == 200
    data: list[dict[str, Any]] = response.json()["data"]
    return data


async def test_the_catalogue_needs_no_key(
    provider: AimlApiSandbox, anyone: httpx.AsyncClient
) -> None:
    response = await anyone.get(f"{provider.url}/v1/models", params={"id": "sora-2-t2v"})
    (model,) = response.json()["data"]
    assert model["id"] == SORA
    assert model["aliases"] == ["sora-2-t2v"]
    assert model["type"] == "internal/video-generations/submit"
    assert {"pricing", "capabilities", "modalities"}.isdisjoint(model)


async def test_sections_are_there_when_asked_for(client: httpx.AsyncClient) -> None:
    (model,) = await listed(client, id="openai/sora-2-pro-i2v", include="pricing,capabilities,x")
    assert model["capabilities"] == ["image_to_video", "audio_generation"]
    assert model["pricing"]["kind"] == "variants"
    prices = {one["when"]["resolution"]: one["price"] for one in model["pricing"]["variants"]}
    assert prices == {"720p": 0.315, "1080p": 0.525}
    (model,) = await listed(client, id=SORA, include="all")
    assert model["pricing"]["units"] == [
        {"name": "video", "measure": "second", "price": 0.21, "per": 1}
    ]
    assert model["modalities"] == {"input": ["text"], "output": ["video"]}


async def test_filters_are_or_within_and_and_between(client: httpx.AsyncClient) -> None:
    both = await listed(client, id="sora-2-t2v,sora-2-i2v")
    assert len(both) == 2
    photo = await listed(client, id="sora-2-t2v,sora-2-i2v", capabilities="image_to_video")
    assert [model["id"] for model in photo] == ["openai/sora-2-i2v"]
    assert await listed(client, id="nobody/knows") == []


async def test_a_price_changes_the_quote_and_the_tag(
    provider: AimlApiSandbox, client: httpx.AsyncClient
) -> None:
    params = {"id": SORA, "include": "pricing"}
    first = await client.get("/v1/models", params=params)
    known = {"If-None-Match": first.headers["etag"]}
    again = await client.get("/v1/models", params=params, headers=known)
    assert (again.status_code, again.content) == (304, b"")
    provider.prices[SORA] = Price(Decimal("0.30"))
    changed = await client.get("/v1/models", params=params, headers=known)
    assert changed.json()["data"][0]["pricing"]["units"][0]["price"] == 0.3


async def test_a_withdrawn_model_is_404_everywhere_and_in_the_feed(
    provider: AimlApiSandbox, client: httpx.AsyncClient
) -> None:
    provider.withdraw(SORA)
    assert (await client.post(PATH, json=order())).status_code == 404
    assert (await client.get(f"/model/{SORA}")).status_code == 404
    assert await listed(client, id=SORA) == []
    feed = (await client.get("/v1/models/deprecations", params={"status": "Withdrawn"})).json()
    assert [entry["id"] for entry in feed["data"]] == [SORA]
    assert feed["data"][0]["aliases"] == ["sora-2-t2v"]
    provider.restore(SORA)
    assert (await client.post(PATH, json=order())).is_success
    assert len(await listed(client, id=SORA)) == 1


async def test_a_model_may_go_without_notice(
    provider: AimlApiSandbox, client: httpx.AsyncClient
) -> None:
    provider.withdraw(SORA, announced=False)
    assert (await client.post(PATH, json=order())).status_code == 404
    feed = (await client.get("/v1/models/deprecations")).json()["data"]
    assert SORA not in [entry["id"] for entry in feed]


async def test_a_deprecated_model_with_a_date_is_served_but_no_longer_listed(
    provider: AimlApiSandbox, client: httpx.AsyncClient
) -> None:
    provider.retire(SORA, Retirement("deprecated", "2026-03-24", "2026-12-24"))
    assert await listed(client, id=SORA) == []
    assert (await client.get(f"/model/{SORA}")).json()["id"] == SORA
    assert (await client.post(PATH, json=order())).is_success


async def test_a_superseded_model_still_resolves(
    provider: AimlApiSandbox, client: httpx.AsyncClient
) -> None:
    retirement = Retirement("superseded", "2026-05-01", replaced_by="google/veo-3.1-t2v")
    provider.retire(SORA, retirement)
    assert (await client.post(PATH, json=order())).is_success


@pytest.mark.parametrize(
    ("filters", "count"),
    [
        ({}, 3),
        ({"status": "withdrawn"}, 1),
        ({"status": "withdrawn,deprecated"}, 3),
        ({"status": "gone"}, 3),
        ({"since": "2026-08-01"}, 1),
        ({"since": "soon"}, 3),
    ],
)
async def test_filters_of_the_feed(
    provider: AimlApiSandbox, client: httpx.AsyncClient, filters: dict[str, str], count: int
) -> None:
    provider.retire(SORA, Retirement("withdrawn", "2026-03-24", "2026-09-24"))
    response = await client.get("/v1/models/deprecations", params=filters)
    data = response.json()["data"]
    assert len(data) == count
    assert data[0]["id"] == SORA
    known = {"If-None-Match": response.headers["etag"]}
    again = await client.get("/v1/models/deprecations", params=filters, headers=known)
    assert again.status_code == 304


def test_every_model_has_a_size_and_a_length() -> None:
    for model in models().values():
        width, height = size_of(model, {}, (301, 403))
        assert width % 2 == height % 2 == 0, model.id
        assert 300 <= min(width, height) <= max(width, height) <= 5200, model.id
        assert 1 <= seconds_of(model, {}) <= 30, model.id


def test_every_models_own_defaults_are_what_it_accepts() -> None:
    for model in models().values():
        defaults = {
            name: field["default"] for name, field in model.fields.items() if "default" in field
        }
        problems = model.problems({"model": model.id, **defaults})
        assert all("required property" in problem for problem in problems), (model.id, problems)


def test_an_alias_never_hides_a_model() -> None:
    for model in models().values():
        assert find(model.id) is model
