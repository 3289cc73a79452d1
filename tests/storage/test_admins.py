"""Messages to everybody who runs the bot, once per cause."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage import people
from storage.notices import Admins, NoticeKind
from tests.storage.requests import BOB, NOW, rows

if TYPE_CHECKING:
    from storage.database import Database

STRANGER = 7
"""An admin of the settings who never spoke to the bot."""


async def ring(db: Database, admins: Admins, cause: str = "outage:1") -> None:
    """Tell the admins."""
    async with db.transaction() as tx:
        await admins.notify(tx, NoticeKind.OUTAGE, cause=cause, now=NOW, reason="key")


async def owed(db: Database) -> list[tuple[object, ...]]:
    """To whom, in whose language, and what about."""
    return await rows(
        db,
        "SELECT telegram_id, person, cause FROM notices JOIN chats ON chats.id = chat"
        " ORDER BY telegram_id, cause",
    )


async def test_each_admin_is_told_in_private(db: Database) -> None:
    async with db.transaction() as tx:
        await people.upsert(tx, BOB, name="Bob", username=None, language="de", now=NOW)
        await people.make_admin(tx, BOB)
    await ring(db, Admins(frozenset({STRANGER, BOB})))
    assert await owed(db) == [
        (STRANGER, None, f"admin:{STRANGER}:outage:1"),
        (BOB, BOB, f"admin:{BOB}:outage:1"),
    ], "whoever never spoke has no language yet; who is admin twice is told once"


async def test_the_same_cause_rings_once_and_another_again(db: Database) -> None:
    admins = Admins(frozenset({STRANGER}))
    await ring(db, admins)
    await ring(db, admins)
    await ring(db, admins, "outage:2")
    assert [cause for _, _, cause in await owed(db)] == [
        f"admin:{STRANGER}:outage:1",
        f"admin:{STRANGER}:outage:2",
    ]


async def test_without_admins_nobody_is_told(db: Database) -> None:
    await ring(db, Admins(frozenset()))
    assert await owed(db) == []
