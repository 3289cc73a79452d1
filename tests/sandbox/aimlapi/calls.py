"""What the tests say to the provider."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING, Any

from PIL import Image

if TYPE_CHECKING:
    import httpx

    from sandbox.aimlapi import AimlApiSandbox

PATH = "/v2/video/generations"


def order(**changes: Any) -> dict[str, Any]:
    """A body that Sora takes, changed; a field set to None is left out."""
    body = {
        "model": "openai/sora-2-t2v",
        "prompt": "A fox runs through fresh snow at dawn",
        "duration": 4,
        "aspect_ratio": "16:9",
        "resolution": "720p",
        **changes,
    }
    return {name: value for name, value in body.items() if value is not None}


def data_uri(width: int, height: int, kind: str = "JPEG") -> str:
    """A picture of this size in a data URI."""
    buffer = io.BytesIO()
    Image.linear_gradient("L").resize((width, height)).convert("RGB").save(buffer, kind)
    return f"data:image/{kind.lower()};base64,{base64.b64encode(buffer.getvalue()).decode()}"


async def submit(client: httpx.AsyncClient, **changes: Any) -> str:
    """The id of a generation that was accepted."""
    response = await client.post(PATH, json=order(**changes))
    assert response.is_success, response.text
    identity: str = response.json()["id"]
    return identity


async def poll(client: httpx.AsyncClient, identity: str) -> dict[str, Any]:
    """What a poll says."""
    response = await client.get(PATH, params={"generation_id": identity})
    assert response.status_code == 200, response.text
    body: dict[str, Any] = response.json()
    return body


async def ended(
    provider: AimlApiSandbox, client: httpx.AsyncClient, **changes: Any
) -> dict[str, Any]:
    """The poll's answer about a new generation once it has ended."""
    identity = await submit(client, **changes)
    generation = provider.generations.by_id[identity]
    await provider.wait_until(lambda: generation.ended, f"{identity} to end")
    return await poll(client, identity)
