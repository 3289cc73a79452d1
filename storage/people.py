"""People: their name and language, what they chose as defaults, who is an admin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from storage.database import (
    changed,
    exists,
    fetch_all,
    fetch_int,
    fetch_one,
    fetch_one_as,
    insert,
    insert_or_ignore,
    read_row,
)

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection

    from storage.database import Connection
    from storage.ledger import Account


async def allow(tx: Connection, telegram_id: int, *, cause: str, by: int, now: float) -> bool:
    """Let a person or chat in; tell whether that is news."""
    new = {"telegram_id": telegram_id, "cause": cause, "allowed_by": by, "allowed_at": now}
    return await insert_or_ignore(tx, "allowed", **new) is not None


_OF_SETTINGS = "ALLOWED_IDS:"
"""How the cause begins of what the settings allow; the id that stands there follows."""


async def sync_allowed(tx: Connection, chats: Collection[int], *, now: float) -> dict[int, int]:
    """Note which chats the settings let in, so that the decision follows one that moves.

    Returns the present ids of those that moved, by the ids that stand in the settings.
    """
    causes = {f"{_OF_SETTINGS}{chat}": chat for chat in chats}
    rows = await fetch_all(
        tx, "SELECT telegram_id, cause FROM allowed WHERE cause LIKE ?", (f"{_OF_SETTINGS}%",)
    )
    noted = {row["cause"]: row["telegram_id"] for row in rows}
    for cause in noted.keys() - causes.keys():
        await deny(tx, noted[cause])
    for cause in causes.keys() - noted.keys():
        await allow(tx, causes[cause], cause=cause, by=0, now=now)
    present = {causes[cause]: noted[cause] for cause in noted.keys() & causes.keys()}
    return {chat: there for chat, there in present.items() if chat != there}


async def deny(tx: Connection, telegram_id: int) -> bool:
    """Undo an allow; tell whether there was one."""
    return await changed(tx, "DELETE FROM allowed WHERE telegram_id = ?", (telegram_id,))


async def any_allowed(tx: Connection, telegram_ids: Collection[int]) -> bool:
    """Whether one of these was let in."""
    marks = ", ".join("?" * len(telegram_ids))
    return await exists(tx, f"SELECT 1 FROM allowed WHERE telegram_id IN ({marks})", telegram_ids)


@dataclass(frozen=True, slots=True, kw_only=True)
class Invite:
    """A link that lets so many people in, with credits for each; `used` is by how many it was."""

    id: int
    secret: str
    uses: int
    credits: int
    created_by: int
    revoked: bool
    used: int

    @property
    def is_usable(self) -> bool:
        """Whether it lets somebody in."""
        return not self.revoked and self.used < self.uses


async def make_invite(
    tx: Connection, secret: str, *, uses: int, credits_: int, cause: str, by: int, now: float
) -> Invite:
    """Make a link, or return the one that the same cause made already."""
    new = {"secret": secret, "uses": uses, "credits": credits_}
    await insert_or_ignore(tx, "invites", cause=cause, **new, created_by=by, created_at=now)
    [row] = await fetch_all(tx, f"{_INVITES} WHERE cause = ?", (cause,))
    return _invite_from(row)


async def invite(tx: Connection, number: int) -> Invite | None:
    """Return the link with this number."""
    return await fetch_one_as(tx, _invite_from, f"{_INVITES} WHERE id = ?", (number,))


async def invite_by_secret(tx: Connection, secret: str) -> Invite | None:
    """Return the link with this secret."""
    return await fetch_one_as(tx, _invite_from, f"{_INVITES} WHERE secret = ?", (secret,))


_USED = "(SELECT count(*) FROM invited WHERE invite = invites.id)"
_INVITES = f"SELECT id, secret, uses, credits, created_by, revoked, {_USED} AS used FROM invites"


def _invite_from(row: sqlite3.Row) -> Invite:
    return read_row(Invite, row, revoked=bool(row["revoked"]))


async def usable_invites(tx: Connection, *, limit: int, skip: int = 0) -> tuple[list[Invite], int]:
    """Return some links that still let somebody in, newest first, and how many there are."""
    good = f"WHERE revoked = 0 AND uses > {_USED}"
    rows = await fetch_all(
        tx, f"{_INVITES} {good} ORDER BY id DESC LIMIT ? OFFSET ?", (limit, skip)
    )
    return [_invite_from(row) for row in rows], await fetch_int(
        tx, f"SELECT count(*) FROM invites {good}"
    )


async def revoke_invite(tx: Connection, number: int) -> bool:
    """Let nobody in by a link any more; tell whether that is news."""
    return await changed(
        tx, "UPDATE invites SET revoked = 1 WHERE id = ? AND revoked = 0", (number,)
    )


async def use_invite(tx: Connection, number: int, person: int, *, now: float) -> None:
    """Note that somebody used a link."""
    await insert(tx, "invited", invite=number, person=person, used_at=now)


async def was_invited(tx: Connection, number: int, person: int) -> bool:
    """Whether somebody used a link before."""
    used = "SELECT 1 FROM invited WHERE invite = ? AND person = ?"
    return await exists(tx, used, (number, person))


@dataclass(frozen=True, slots=True, kw_only=True)
class Ban:
    """Who is shut out, by Telegram's id (a chat's is below zero), by which admin, when and why."""

    telegram_id: int
    by: int
    at: float
    reason: str | None = None


async def ban(tx: Connection, shut_out: Ban, *, cause: str) -> bool:
    """Shut a person or chat out; tell whether this is what did it, also where it is repeated."""
    who, why = shut_out.telegram_id, shut_out.reason
    new = {"telegram_id": who, "banned_by": shut_out.by, "banned_at": shut_out.at, "reason": why}
    await insert_or_ignore(tx, "bans", cause=cause, **new)
    did = "SELECT 1 FROM bans WHERE telegram_id = ? AND cause = ?"
    return await exists(tx, did, (who, cause))


async def unban(tx: Connection, telegram_id: int) -> bool:
    """Undo a ban; tell whether there was one."""
    return await changed(tx, "DELETE FROM bans WHERE telegram_id = ?", (telegram_id,))


async def ban_of(tx: Connection, telegram_id: int) -> Ban | None:
    """Return the ban of a person or chat."""
    row = await fetch_one(tx, "SELECT * FROM bans WHERE telegram_id = ?", (telegram_id,))
    return None if row is None else read_row(Ban, row, by=row["banned_by"], at=row["banned_at"])


async def any_banned(tx: Connection, telegram_ids: Collection[int]) -> bool:
    """Whether one of these was shut out."""
    marks = ", ".join("?" * len(telegram_ids))
    return await exists(tx, f"SELECT 1 FROM bans WHERE telegram_id IN ({marks})", telegram_ids)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody at Telegram; the defaults are None where they chose nothing.

    `language` is the one they chose, which is also in `spoken`, else what their client claims.
    `fit` is what becomes of a photo of another shape; they may want to be asked before each video.
    `allowance` is how many free credits they have, where those are others than everybody's.
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
    """Note that somebody spoke to the bot: make them or bring them up to date."""
    if username is not None:
        # names change hands at Telegram; only their present holder may be found by it
        await tx.execute(
            "UPDATE people SET username = NULL WHERE username = ? COLLATE NOCASE AND id <> ?",
            (username, person),
        )
    [row] = await fetch_all(
        tx,
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
    """Return the person with this id."""
    return await fetch_one_as(tx, _from_row, "SELECT * FROM people WHERE id = ?", (person,))


async def of_account(tx: Connection, account: Account) -> Person | None:
    """Return the person whose account it is; None where it is a chat's."""
    return await find(tx, account.id) if account.is_person else None


async def name_and_id(tx: Connection, person: int) -> str:
    """Write somebody's name, where it is known, and the number that commands take."""
    found = await find(tx, person)
    return f"{found.name} ({person})" if found and found.name != str(person) else str(person)


async def by_username(tx: Connection, username: str) -> Person | None:
    """Return the person who was last seen with this @name (without the @)."""
    return await fetch_one_as(
        tx, _from_row, "SELECT * FROM people WHERE username = ? COLLATE NOCASE", (username,)
    )


async def set_default(tx: Connection, person: int, **defaults: Any) -> None:
    """Remember what a person wants when they do not say, see `_DEFAULTS`; None forgets it."""
    unknown = defaults.keys() - _DEFAULTS
    if unknown:
        raise ValueError(f"not a default: {', '.join(sorted(unknown))}")
    assignments = ", ".join(f"{name} = ?" for name in defaults)
    await tx.execute(f"UPDATE people SET {assignments} WHERE id = ?", (*defaults.values(), person))


async def allowance_of(tx: Connection, person: int) -> int | None:
    """Return how many free credits an admin gave somebody; None where it is as many as all."""
    row = await fetch_one(tx, "SELECT allowance FROM people WHERE id = ?", (person,))
    return None if row is None else row["allowance"]


async def set_allowance(tx: Connection, person: int, credits_: int | None) -> None:
    """Give somebody as many free credits per period; None is as many as everybody."""
    await tx.execute("UPDATE people SET allowance = ? WHERE id = ?", (credits_, person))


async def with_allowances(tx: Connection) -> list[int]:
    """Return the ids of those who have others than everybody, the largest first."""
    rows = await fetch_all(
        tx, "SELECT id FROM people WHERE allowance IS NOT NULL ORDER BY allowance DESC, id"
    )
    return [row["id"] for row in rows]


async def make_admin(tx: Connection, person: int) -> None:
    """Give a person the admins' commands."""
    await tx.execute("UPDATE people SET is_admin = 1 WHERE id = ?", (person,))


async def admins(tx: Connection) -> list[int]:
    """Return the ids of those made admin in the chat (not those of the settings)."""
    return [row["id"] for row in await fetch_all(tx, "SELECT id FROM people WHERE is_admin = 1")]


async def dismiss_admins(tx: Connection) -> list[int]:
    """Take the admins' commands from all who were made admin in the chat; returns their ids."""
    rows = await fetch_all(tx, "UPDATE people SET is_admin = 0 WHERE is_admin = 1 RETURNING id")
    return [row["id"] for row in rows]
