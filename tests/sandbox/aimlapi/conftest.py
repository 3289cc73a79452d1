"""The provider's sandbox and a client that holds its key."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from sandbox.aimlapi import AimlApiSandbox

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def provider() -> AsyncIterator[AimlApiSandbox]:
    async with AimlApiSandbox(key="test-key", render_seconds=0.0) as sandbox:
        yield sandbox


@pytest.fixture
async def client(provider: AimlApiSandbox) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Authorization": f"Bearer {provider.key}"}
    async with httpx.AsyncClient(base_url=provider.url, headers=headers, timeout=20) as http:
        yield http


@pytest.fixture
async def anyone() -> AsyncIterator[httpx.AsyncClient]:
    """A client without a key, as files are fetched."""
    async with httpx.AsyncClient(timeout=20) as http:
        yield http
