"""A server on loopback, a client that has secrets to lose, and a place for the video."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.generation.media.fetch.download_server import Server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    server = Server()
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.origin = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    yield server
    server.over.set()
    listening.close()
    await listening.wait_closed()


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    secrets = {"Authorization": "Bearer secret", "X-Key": "secret"}
    async with httpx.AsyncClient(
        trust_env=False,
        headers=secrets,
        auth=("user", "secret"),
        cookies={"session": "secret"},
        follow_redirects=True,
    ) as client:
        yield client


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "video.mp4"
