"""People: their names, settings and rights, with invites and bans."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from storage.database import read_row

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection

    from storage.database import Connection
    from storage.ledger import Account


async def allow(tx: Connection, telegram_id: int, *, cause: str, by: int, now: float) -> bool:
    """Allow a person or chat; return False if it is allowed already."""
    new = {"telegram_id": telegram_id, "cause": cause, "allowed_by": by, "allowed_at": now}
    return await tx.insert_or_ignore("allowed", **new) is not None


_OF_SETTINGS = "ALLOWED_IDS:"
"""The prefix of the cause of what ALLOWED_IDS allows; the id in it follows."""


async def sync_allowed(tx: Connection, chats: Collection[int], *, now: float) -> dict[int, int]:
    """Store the groups in ALLOWED_IDS; return the new ids of those that moved, by the old."""
    causes = {f"{_OF_SETTINGS}{chat}": chat for chat in chats}
    rows = await tx.fetch_all(
        "SELECT telegram_id, cause FROM allowed WHERE cause LIKE ?", (f"{_OF_SETTINGS}%",)
    )
    noted = {row["cause"]: row["telegram_id"] for row in rows}
    for cause in noted.keys() - causes.keys():
        await deny(tx, noted[cause])
    for cause in causes.keys() - noted.keys():
        await allow(tx, causes[cause], cause=cause, by=0, now=now)
    present = {causes[cause]: noted[cause] for cause in noted.keys() & causes.keys()}
    return {chat: there for chat, there in present.items() if chat != there}


async def deny(tx: Connection, telegram_id: int) -> bool:
    """Undo an allow; return whether there was one."""
    return await tx.changed("DELETE FROM allowed WHERE telegram_id = ?", (telegram_id,))


async def any_allowed(tx: Connection, telegram_ids: Collection[int]) -> bool:
    """Return whether one of these is allowed."""
    marks = ", ".join("?" * len(telegram_ids))
    return await tx.exists(f"SELECT 1 FROM allowed WHERE telegram_id IN ({marks})", telegram_ids)


@dataclass(frozen=True, slots=True, kw_only=True)
class Invite:
    """A link that allows `uses` people, of whom `used` have used it, with credits for each."""

    id: int
    secret: str
    uses: int
    credits: int
    created_by: int
    revoked: bool
    used: int

    @property
    def is_usable(self) -> bool:
        """Whether one more person can use it."""
        return not self.revoked and self.used < self.uses


async def make_invite(
    tx: Connection, secret: str, *, uses: int, credits_: int, cause: str, by: int, now: float
) -> Invite:
    """Make a link, or return the one with the same cause."""
    new = {"secret": secret, "uses": uses, "credits": credits_}
    await tx.insert_or_ignore("invites", cause=cause, **new, created_by=by, created_at=now)
    [row] = await tx.fetch_all(f"{_INVITES} WHERE cause = ?", (cause,))
    return _invite_from(row)


async def invite(tx: Connection, number: int) -> Invite | None:
    """Return a link by its id."""
    return await tx.fetch_one_as(_invite_from, f"{_INVITES} WHERE id = ?", (number,))


async def invite_by_secret(tx: Connection, secret: str) -> Invite | None:
    """Return a link by its secret."""
    return await tx.fetch_one_as(_invite_from, f"{_INVITES} WHERE secret = ?", (secret,))


_USED = "(SELECT count(*) FROM invited WHERE invite = invites.id)"
_INVITES = f"SELECT id, secret, uses, credits, created_by, revoked, {_USED} AS used FROM invites"


def _invite_from(row: sqlite3.Row) -> Invite:
    return read_row(Invite, row, revoked=bool(row["revoked"]))


async def usable_invites(tx: Connection, *, limit: int, skip: int) -> tuple[list[Invite], int]:
    """Return a page of usable links, newest first, and their number in all."""
    good = f"WHERE revoked = 0 AND uses > {_USED}"
    rows = await tx.fetch_all(f"{_INVITES} {good} ORDER BY id DESC LIMIT ? OFFSET ?", (limit, skip))
    return [_invite_from(row) for row in rows], await tx.fetch_int(
        f"SELECT count(*) FROM invites {good}"
    )


async def revoke_invite(tx: Connection, number: int) -> bool:
    """Revoke a link; return False if it is revoked already."""
    return await tx.changed(
        "UPDATE invites SET revoked = 1 WHERE id = ? AND revoked = 0", (number,)
    )


async def use_invite(tx: Connection, number: int, person: int, *, now: float) -> None:
    """Store that a person used a link."""
    await tx.insert("invited", invite=number, person=person, used_at=now)


async def was_invited(tx: Connection, number: int, person: int) -> bool:
    """Return whether a person has used a link."""
    used = "SELECT 1 FROM invited WHERE invite = ? AND person = ?"
    return await tx.exists(used, (number, person))


@dataclass(frozen=True, slots=True, kw_only=True)
class Ban:
    """A ban of a person or chat by Telegram id (negative for chats), with admin and reason."""

    telegram_id: int
    by: int
    at: float
    reason: str | None = None


async def ban(tx: Connection, ban_: Ban, *, cause: str) -> bool:
    """Store a ban; return whether this cause made it, now or before."""
    await tx.insert_or_ignore(
        "bans", cause=cause, telegram_id=ban_.telegram_id, banned_by=ban_.by, banned_at=ban_.at,
        reason=ban_.reason,
    )  # fmt: skip
    made = "SELECT 1 FROM bans WHERE telegram_id = ? AND cause = ?"
    return await tx.exists(made, (ban_.telegram_id, cause))


async def unban(tx: Connection, telegram_id: int) -> bool:
    """Undo a ban; return whether there was one."""
    return await tx.changed("DELETE FROM bans WHERE telegram_id = ?", (telegram_id,))


async def ban_of(tx: Connection, telegram_id: int) -> Ban | None:
    """Return the ban of a person or chat, or None."""
    row = await tx.fetch_one("SELECT * FROM bans WHERE telegram_id = ?", (telegram_id,))
    return None if row is None else read_row(Ban, row, by=row["banned_by"], at=row["banned_at"])


async def any_banned(tx: Connection, telegram_ids: Collection[int]) -> bool:
    """Return whether one of these is banned."""
    marks = ", ".join("?" * len(telegram_ids))
    return await tx.exists(f"SELECT 1 FROM bans WHERE telegram_id IN ({marks})", telegram_ids)


@dataclass(frozen=True, slots=True)
class Person:
    """A person at Telegram, with their defaults for videos, which are None if not set.

    `language` is the one they chose, which is also in `spoken`, else that of their client. `fit` is
    how photos of another shape are fitted; `asks_first` asks for confirmation of each video.
    `allowance` is a number of free credits of their own, or None for the usual one.
    """

    id: int
    name: str
    username: str | None
    language: str | None
    is_admin: bool
    family: str | None
    seconds: int | None
    aspect_ratio: str | None
    resolution: str | None
    fit: str | None = None
    asks_first: bool = False
    spoken: str | None = None
    allowance: int | None = None


_DEFAULTS = frozenset(
    {"family", "seconds", "aspect_ratio", "resolution", "fit", "asks_first", "spoken"}
)


def _from_row(row: sqlite3.Row) -> Person:
    return read_row(
        Person,
        row,
        language=row["spoken"] or row["language"],
        is_admin=bool(row["is_admin"]),
        asks_first=bool(row["asks_first"]),
    )


async def upsert(
    tx: Connection,
    person: int,
    *,
    name: str,
    username: str | None,
    language: str | None,
    now: float,
) -> Person:
    """Insert a person, or update name and language."""
    if username is not None:
        # a username may pass to another person, and only that one may be found by it
        await tx.execute(
            "UPDATE people SET username = NULL WHERE username = ? COLLATE NOCASE AND id <> ?",
            (username, person),
        )
    [row] = await tx.fetch_all(
        """
        INSERT INTO people (id, name, username, language, created_at) VALUES (?, ?, ?, ?, ?)
        ON CONFLICT (id) DO UPDATE SET name = excluded.name, username = excluded.username,
            language = coalesce(excluded.language, language)
        RETURNING *
        """,
        (person, name, username, language, now),
    )
    return _from_row(row)


async def find(tx: Connection, person: int) -> Person | None:
    """Return a person by id."""
    return await tx.fetch_one_as(_from_row, "SELECT * FROM people WHERE id = ?", (person,))


async def of_account(tx: Connection, account: Account) -> Person | None:
    """Return the person of an account, or None if it is a chat's."""
    return await find(tx, account.id) if account.is_person else None


async def name_and_id(tx: Connection, person: int) -> str:
    """Return a person's name, if known, and the id that commands accept."""
    found = await find(tx, person)
    return f"{found.name} ({person})" if found and found.name != str(person) else str(person)


async def by_username(tx: Connection, username: str) -> Person | None:
    """Return the person with this username (without the @), or None."""
    return await tx.fetch_one_as(
        _from_row, "SELECT * FROM people WHERE username = ? COLLATE NOCASE", (username,)
    )


async def set_default(tx: Connection, person: int, **defaults: Any) -> None:
    """Store defaults of a person, see `_DEFAULTS`; None removes one. Raises ValueError."""
    unknown = defaults.keys() - _DEFAULTS
    if unknown:
        raise ValueError(f"not a default: {', '.join(sorted(unknown))}")
    assignments = ", ".join(f"{name} = ?" for name in defaults)
    await tx.execute(f"UPDATE people SET {assignments} WHERE id = ?", (*defaults.values(), person))


async def allowance_of(tx: Connection, person: int) -> int | None:
    """Return the free credits that an admin gave to a person, or None for the usual number."""
    row = await tx.fetch_one("SELECT allowance FROM people WHERE id = ?", (person,))
    return None if row is None else row["allowance"]


async def set_allowance(tx: Connection, person: int, credits_: int | None) -> None:
    """Set the free credits of a person per period; None is the usual number."""
    await tx.execute("UPDATE people SET allowance = ? WHERE id = ?", (credits_, person))


async def with_allowances(tx: Connection) -> list[int]:
    """Return the ids of people with an allowance of their own, the largest first."""
    rows = await tx.fetch_all(
        "SELECT id FROM people WHERE allowance IS NOT NULL ORDER BY allowance DESC, id"
    )
    return [row["id"] for row in rows]


async def make_admin(tx: Connection, person: int) -> None:
    """Make a person admin."""
    await tx.execute("UPDATE people SET is_admin = 1 WHERE id = ?", (person,))


async def admins(tx: Connection) -> list[int]:
    """Return the ids of people made admin in the chat (not those of the settings)."""
    return [row["id"] for row in await tx.fetch_all("SELECT id FROM people WHERE is_admin = 1")]


async def dismiss_admins(tx: Connection) -> list[int]:
    """Dismiss all people who were made admin in the chat; return their ids."""
    rows = await tx.fetch_all("UPDATE people SET is_admin = 0 WHERE is_admin = 1 RETURNING id")
    return [row["id"] for row in rows]
