"""What the provider said last is kept, one answer per feed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage import feeds, outages

if TYPE_CHECKING:
    from storage.database import Database


async def test_the_last_answer_of_each_feed_is_kept(db: Database) -> None:
    async with db.transaction() as tx:
        await feeds.keep(tx, "models", "[1]", now=1.0)
        await feeds.keep(tx, "deprecations", "[]", now=1.0)
        await feeds.keep(tx, "models", "[2]", now=2.0)
    async with db.reading() as connection:
        assert await feeds.kept(connection) == {"models": "[2]", "deprecations": "[]"}


async def test_models_rest_until_their_time_and_for_their_reason(db: Database) -> None:
    async with db.transaction() as tx:
        await outages.rest(tx, "a", reason="gone", until=10.0)
        await outages.rest(tx, "b", reason="failing", until=20.0)
    async with db.reading() as connection:
        assert await outages.rests(connection, now=5.0) == {"a": 10.0, "b": 20.0}
        assert await outages.rests(connection, now=15.0) == {"b": 20.0}
        assert await outages.resting_for(connection, "gone", now=5.0) == ["a"]
        assert await outages.resting_for(connection, "gone", now=15.0) == []
