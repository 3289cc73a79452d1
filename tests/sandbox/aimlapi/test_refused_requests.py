"""What the real API, or a mistake of ours, would have refused is refused here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from sandbox.aimlapi.submissions import BODY_LENGTH
from tests.sandbox.aimlapi.calls import PATH, data_uri, order

if TYPE_CHECKING:
    from sandbox.aimlapi import AimlApiSandbox

I2V = "openai/sora-2-i2v"
TOKEN = "bot123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"model": "openai/sora-3"}, "model"),
        ({"model": None}, "model"),
        ({"prompt": None}, "prompt"),
        ({"prompt": "   "}, "prompt"),
        ({"prompt": 5}, "prompt"),
        ({"prompt": "a" * 32_001}, "prompt"),
        ({"duration": "4"}, "duration"),
        ({"duration": 5}, "duration"),
        ({"duration": 4.5}, "duration"),
        ({"duration": True}, "duration"),
        ({"resolution": "1080p"}, "resolution"),
        ({"resolution": "720P"}, "resolution"),
        ({"aspect_ratio": "1:1"}, "aspect_ratio"),
        ({"seed": 7}, "seed"),
        ({"image_url": "https://example.org/a.png"}, "image_url"),
        ({"model": I2V}, "image_url"),
        ({"model": I2V, "image_url": "http://example.org/a.png"}, "image_url"),
        ({"model": I2V, "image_url": "file:///etc/passwd"}, "image_url"),
        ({"model": I2V, "image_url": "data:image/jpeg;base64,CQ=="}, "image_url"),
        ({"model": I2V, "image_url": "data:image/gif;base64,R0lGODlhAQABAAAAACw="}, "image_url"),
        ({"model": I2V, "image_url": "data:image/png;base64,%%%"}, "image_url"),
        (
            {
                "model": I2V,
                "image_url": data_uri(1280, 720, "PNG").replace("image/png", "image/jpeg"),
            },
            "image_url",
        ),
    ],
)
async def test_a_wrong_field_is_400_and_named(
    provider: AimlApiSandbox, client: httpx.AsyncClient, changes: dict[str, Any], names: str
) -> None:
    response = await client.post(PATH, json=order(**changes))
    assert response.status_code == 400, response.text
    assert names in response.json()["message"]
    assert response.json()["message"].startswith("Body validation error!")
    assert not provider.submissions[0].accepted
    assert provider.generations.by_id == {}


@pytest.mark.parametrize(
    ("changes", "width", "height", "taken"),
    [
        ({"model": I2V}, 1280, 720, True),
        ({"model": I2V}, 720, 1280, False),
        ({"model": I2V}, 1279, 720, False),
        ({"model": I2V, "aspect_ratio": "9:16"}, 720, 1280, True),
        ({"model": "openai/sora-2-pro-i2v"}, 1280, 720, True),
        ({"model": "openai/sora-2-pro-i2v", "resolution": "1080p"}, 1792, 1024, True),
        ({"model": "openai/sora-2-pro-i2v", "resolution": None}, 1792, 1024, True),
        ({"model": "openai/sora-2-pro-i2v", "resolution": "1080p"}, 1920, 1080, False),
        ({"model": "alibaba/wan-2-7-i2v", "duration": 5, "aspect_ratio": None}, 301, 403, True),
    ],
)
async def test_sora_wants_a_first_frame_of_exactly_the_videos_size(
    client: httpx.AsyncClient, changes: dict[str, Any], width: int, height: int, *, taken: bool
) -> None:
    body = order(**changes, image_url=data_uri(width, height, "WEBP"))
    response = await client.post(PATH, json=body)
    assert response.is_success is taken, response.text
    if not taken:
        assert response.status_code == 400
        message = "Inpaint image must match the requested width and height"
        assert response.json()["message"] == message


@pytest.mark.parametrize(
    ("headers", "content", "status"),
    [
        ({"Content-Type": "text/plain"}, b"{}", 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, b"model=x", 415),
        ({"Content-Type": "application/json"}, b"{", 400),
        ({"Content-Type": "application/json"}, b"\xff", 400),
        ({"Content-Type": "application/json"}, b"[]", 400),
        ({"Content-Type": "application/json"}, b" " * (BODY_LENGTH + 1), 413),
    ],
)
async def test_a_body_that_is_no_json_object_is_refused(
    client: httpx.AsyncClient, headers: dict[str, str], content: bytes, status: int
) -> None:
    response = await client.post(PATH, headers=headers, content=content)
    assert response.status_code == status


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    "authorization", ["", "Bearer", "Bearer other", "Basic dGVzdA==", "test-key"]
)
async def test_without_the_key_nothing_is_done(
    provider: AimlApiSandbox, method: str, authorization: str
) -> None:
    headers = {"Authorization": authorization}
    async with httpx.AsyncClient(base_url=provider.url, headers=headers) as stranger:
        response = await stranger.request(method, PATH, json=order())
        assert response.status_code == 401
        for path in ("/v2/logs?period=1h", "/v2/billing", "/v2/billing/detail", "/v1/key"):
            assert (await stranger.get(path)).status_code == 401, path
    assert provider.submissions == []


@pytest.mark.parametrize(
    "body",
    [
        order(model=I2V, image_url=f"https://api.telegram.org/file/{TOKEN}/photos/1.jpg"),
        order(prompt=f"animate https://api.telegram.org/file/{TOKEN}/photos/1.jpg"),
    ],
)
async def test_a_telegram_token_is_refused_loudly(
    provider: AimlApiSandbox, client: httpx.AsyncClient, body: dict[str, Any]
) -> None:
    response = await client.post(PATH, json=body)
    assert response.status_code == 400
    assert "TOKEN" in response.json()["message"]
    assert len(provider.violations) == 1


async def test_a_telegram_token_in_an_address_is_a_violation(
    provider: AimlApiSandbox, client: httpx.AsyncClient
) -> None:
    await client.get(PATH, params={"generation_id": f"/{TOKEN}/"})
    assert len(provider.violations) == 1


async def test_the_accounts_key_at_the_cdn_is_a_violation(
    provider: AimlApiSandbox, client: httpx.AsyncClient
) -> None:
    await client.get("/cdn/generations/lynx/1-2.mp4")
    assert len(provider.violations) == 1


async def test_an_unknown_address_answers_like_the_api(
    provider: AimlApiSandbox, client: httpx.AsyncClient
) -> None:
    provider.error_shape = "problem"
    response = await client.get("/v2/nothing")
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert problem["status"] == 404
    assert problem["instance"] == "/v2/nothing"
    assert problem["error"]["message"] == problem["message"]
    provider.error_shape = "documented"
    documented = (await client.get("/v2/nothing")).json()
    assert documented["statusCode"] == "404"
    assert documented["path"] == "/v2/nothing"


async def test_both_shapes_of_errors_come_in_turn(client: httpx.AsyncClient) -> None:
    kinds = [
        (await client.get("/v2/nothing")).headers["content-type"].partition(";")[0]
        for _ in range(4)
    ]
    assert kinds == ["application/problem+json", "application/json"] * 2
