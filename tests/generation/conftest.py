"""A database, a clock moved by hand, and the provider on this machine that lives by it."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

import pytest

from generation.media.pool import MediaProcesses
from generation.provider.connections import Connections
from sandbox.aimlapi import AimlApiSandbox
from storage import people
from storage.database import Database
from tests.databases import begin
from tests.generation.steps import Steps
from tests.storage.requests import ANN, NOW, Clock, meet

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    """A new database that knows Ann and her private chat, which has the number 1."""
    database = await Database.open(begin(tmp_path / "bot.sqlite3"))
    await meet(database)
    async with database.transaction() as tx:
        await people.upsert(tx, ANN, name="Ann", username="ann", language="en", now=NOW)
    yield database
    await database.close()


@pytest.fixture
def clock() -> Clock:
    """The time of the test, for us and for the provider."""
    return Clock()


@pytest.fixture
async def provider(clock: Clock) -> AsyncIterator[AimlApiSandbox]:
    """The AI/ML API, which makes videos at once."""
    async with AimlApiSandbox(key="sandbox-key-0123456789", clock=clock) as sandbox:
        sandbox.render_seconds = 0.0
        yield sandbox


@pytest.fixture
async def steps(
    db: Database, provider: AimlApiSandbox, clock: Clock, tmp_path: Path
) -> AsyncIterator[Steps]:
    """Everything that takes steps of a generation, as the bot wires it."""
    (tmp_path / "videos").mkdir()
    async with Connections() as connections, aclosing(MediaProcesses()) as media:
        yield Steps(db, provider, clock, connections=connections, media=media, folder=tmp_path)


@pytest.fixture
async def media() -> AsyncIterator[MediaProcesses]:
    """The processes that touch media, started when they are first needed."""
    async with aclosing(MediaProcesses()) as processes:
        yield processes
