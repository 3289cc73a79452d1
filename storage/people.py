"""People: their name and language, what they chose as defaults, who is an admin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from storage.rows import every, one

if TYPE_CHECKING:
    import sqlite3

    from aiosqlite import Connection


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody at Telegram; the defaults are None where they chose nothing."""

    id: int
    name: str
    username: str | None
    language: str | None
    is_admin: bool
    family: str | None
    seconds: int | None
    aspect_ratio: str | None
    resolution: str | None


_DEFAULTS = frozenset({"family", "seconds", "aspect_ratio", "resolution"})


def _from_row(row: sqlite3.Row) -> Person:
    return Person(
        id=row["id"],
        name=row["name"],
        username=row["username"],
        language=row["language"],
        is_admin=bool(row["is_admin"]),
        family=row["family"],
        seconds=row["seconds"],
        aspect_ratio=row["aspect_ratio"],
        resolution=row["resolution"],
    )


async def seen(
    tx: Connection,
    person: int,
    *,
    name: str,
    username: str | None,
    language: str | None,
    now: float,
) -> Person:
    """Note that somebody spoke to the bot: make them or bring them up to date."""
    if username is not None:
        # names change hands at Telegram; only their present holder may be found by it
        await tx.execute(
            "UPDATE people SET username = NULL WHERE username = ? COLLATE NOCASE AND id <> ?",
            (username, person),
        )
    row = await one(
        tx,
        """
        INSERT INTO people (id, name, username, language, created_at) VALUES (?, ?, ?, ?, ?)
        ON CONFLICT (id) DO UPDATE SET name = excluded.name, username = excluded.username,
            language = coalesce(excluded.language, language)
        RETURNING *
        """,
        (person, name, username, language, now),
    )
    assert row is not None  # noqa: S101 - an upsert always returns its row
    return _from_row(row)


async def find(tx: Connection, person: int) -> Person | None:
    """Return the person with this id."""
    row = await one(tx, "SELECT * FROM people WHERE id = ?", (person,))
    return None if row is None else _from_row(row)


async def by_username(tx: Connection, username: str) -> Person | None:
    """Return the person who was last seen with this @name (without the @)."""
    row = await one(tx, "SELECT * FROM people WHERE username = ? COLLATE NOCASE", (username,))
    return None if row is None else _from_row(row)


async def set_default(tx: Connection, person: int, **defaults: Any) -> None:
    """Remember what a person wants when they do not say; None forgets it.

    Args:
        tx: the open transaction.
        person: whose default.
        defaults: any of family, seconds, aspect_ratio, resolution.
    """
    unknown = defaults.keys() - _DEFAULTS
    if unknown:
        raise ValueError(f"not a default: {', '.join(sorted(unknown))}")
    assignments = ", ".join(f"{name} = ?" for name in defaults)
    await tx.execute(
        f"UPDATE people SET {assignments} WHERE id = ?",
        (*defaults.values(), person),
    )


async def make_admin(tx: Connection, person: int) -> None:
    """Give a person the admins' commands."""
    await tx.execute("UPDATE people SET is_admin = 1 WHERE id = ?", (person,))


async def admins(tx: Connection) -> list[int]:
    """Return the ids of those made admin in the chat (not those of the settings)."""
    return [row["id"] for row in await every(tx, "SELECT id FROM people WHERE is_admin = 1")]
