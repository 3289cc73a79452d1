"""People as they were last seen, and what they chose."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from storage import people
from tests.storage.requests import ANN, BOB, NOW, rows

if TYPE_CHECKING:
    from storage.database import Database
    from storage.people import Person


async def see(
    db: Database,
    person: int,
    username: str | None,
    *,
    name: str = "Ann",
    language: str | None = "en",
) -> Person:
    """Note that somebody spoke."""
    async with db.transaction() as tx:
        return await people.upsert(
            tx, person, name=name, username=username, language=language, now=NOW
        )


async def called(db: Database, username: str) -> int | None:
    """Who answers to an @name."""
    async with db.reading() as connection:
        person = await people.by_username(connection, username)
    return None if person is None else person.id


async def test_somebody_seen_again_is_brought_up_to_date(db: Database) -> None:
    await see(db, ANN, "ann")
    person = await see(db, ANN, "anna", name="Anna", language="de")
    assert (person.name, person.username, person.language) == ("Anna", "anna", "de")
    assert await called(db, "ann") is None


async def test_a_language_that_is_not_told_is_not_forgotten(db: Database) -> None:
    await see(db, ANN, "ann", language="de")
    assert (await see(db, ANN, "ann", language=None)).language == "de"


async def test_a_name_is_found_however_it_is_written(db: Database) -> None:
    await see(db, ANN, "Ann_From_Rome")
    assert await called(db, "ann_from_rome") == ANN


async def test_a_name_that_changed_hands_leads_to_its_present_holder(db: Database) -> None:
    await see(db, ANN, "sunny")
    await see(db, BOB, "Sunny", name="Bob")
    assert await called(db, "sunny") == BOB
    assert await rows(db, "SELECT username FROM people WHERE id = ?", ANN) == [(None,)]


async def test_people_without_a_name_do_not_take_each_others(db: Database) -> None:
    await see(db, ANN, None)
    await see(db, BOB, None)
    assert await rows(db, "SELECT count(*) FROM people WHERE username IS NULL") == [(2,)]


async def test_looking_somebody_up_by_name_reads_the_index(db: Database) -> None:
    plan = await rows(
        db, "EXPLAIN QUERY PLAN SELECT * FROM people WHERE username = ? COLLATE NOCASE", "ann"
    )
    assert "people_by_username" in plan[0][3]


async def test_defaults_are_kept_until_they_are_taken_back(db: Database) -> None:
    await see(db, ANN, "ann")
    async with db.transaction() as tx:
        await people.set_default(tx, ANN, family="sora-2-pro", seconds=8)
        await people.set_default(tx, ANN, seconds=None, resolution="1080p")
        person = await people.find(tx, ANN)
    assert person is not None
    assert (person.family, person.seconds, person.resolution) == ("sora-2-pro", None, "1080p")
    assert (await see(db, ANN, "ann")).family == "sora-2-pro", "being seen again changes no default"


async def test_only_defaults_can_be_set_as_defaults(db: Database) -> None:
    async def set_admin() -> None:
        async with db.transaction() as tx:
            await people.set_default(tx, ANN, is_admin=1)

    await see(db, ANN, "ann")
    with pytest.raises(ValueError, match="not a default: is_admin"):
        await set_admin()


async def test_admins_of_the_chat_are_listed(db: Database) -> None:
    await see(db, ANN, "ann")
    await see(db, BOB, "bob")
    async with db.transaction() as tx:
        await people.make_admin(tx, BOB)
        assert await people.admins(tx) == [BOB]
    assert (await see(db, BOB, "bob")).is_admin


async def test_nobody_is_found_who_was_never_seen(db: Database) -> None:
    async with db.reading() as connection:
        assert await people.find(connection, ANN) is None
    assert await called(db, "ann") is None
