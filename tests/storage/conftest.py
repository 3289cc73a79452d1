"""An open database, closed after the test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from storage.database import Database
from tests.databases import begin

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    """A new file, migrated."""
    database = await Database.open(begin(tmp_path / "bot.sqlite3"))
    yield database
    await database.close()
