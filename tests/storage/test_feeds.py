"""What the provider said last is kept, one answer per feed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage import outages

if TYPE_CHECKING:
    from storage.database import Database


async def test_the_last_answer_of_each_feed_is_kept(db: Database) -> None:
    async with db.transaction() as tx:
        await outages.save_feed(tx, "models", "[1]", now=1.0)
        await outages.save_feed(tx, "deprecations", "[]", now=1.0)
        await outages.save_feed(tx, "models", "[2]", now=2.0)
    async with db.reading() as connection:
        assert await outages.load_feeds(connection) == {"models": "[2]", "deprecations": "[]"}
