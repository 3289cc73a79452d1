"""What the provider said last is kept, one answer per feed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage import feeds

if TYPE_CHECKING:
    from storage.database import Database


async def test_the_last_answer_of_each_feed_is_kept(db: Database) -> None:
    async with db.transaction() as tx:
        await feeds.keep(tx, "models", "[1]", now=1.0)
        await feeds.keep(tx, "deprecations", "[]", now=1.0)
        await feeds.keep(tx, "models", "[2]", now=2.0)
    async with db.reading() as connection:
        assert await feeds.kept(connection) == {"models": "[2]", "deprecations": "[]"}
