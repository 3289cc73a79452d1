"""The ledger of credits: rows are only ever added, and balances are their sums."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from storage.database import read_row

if TYPE_CHECKING:
    import sqlite3

    from storage.database import Connection


class AccountKind(StrEnum):
    """What an account belongs to."""

    PERSON = "person"
    CHAT = "chat"


@dataclass(frozen=True, slots=True)
class Account:
    """The owner of credits: a person by Telegram user id, or a chat by our chat id."""

    kind: AccountKind
    id: int

    @classmethod
    def of(cls, row: sqlite3.Row) -> Account:
        """Return the account in a row."""
        return cls(AccountKind(row["account_kind"]), row["account_id"])

    @classmethod
    def person(cls, person: int) -> Account:
        """Return the account of a person."""
        return cls(AccountKind.PERSON, person)

    @classmethod
    def chat(cls, chat: int) -> Account:
        """Return the account of a chat."""
        return cls(AccountKind.CHAT, chat)

    def __str__(self) -> str:
        """Return it as it is written in causes."""
        return f"{self.kind}:{self.id}"

    @property
    def columns(self) -> dict[str, object]:
        """The columns that identify it in a row."""
        return {"account_kind": self.kind, "account_id": self.id}

    @property
    def is_person(self) -> bool:
        """Whether it belongs to a person, who has an allowance."""
        return self.kind is AccountKind.PERSON


class Pot(StrEnum):
    """The part of an account that credits belong to."""

    ALLOWANCE = "allowance"
    """Renewed each period; only holds on it are stored."""
    GRANTED = "granted"
    """Given by the operator, who pays for their use; they do not expire."""
    BOUGHT = "bought"
    """Paid for; they do not expire."""
    POOL = "pool"
    """Given to a group by the operator, for its members; renewed each period."""


class EntryKind(StrEnum):
    """The kind of a ledger entry."""

    HOLD = "hold"
    CAPTURE = "capture"
    RELEASE = "release"
    GRANT = "grant"
    PURCHASE = "purchase"
    REFUND = "refund"
    CLAWBACK = "clawback"


@dataclass(frozen=True, slots=True)
class Hold:
    """Credits held for a generation, not yet captured or released; `member` drew them."""

    id: int
    account: Account
    pot: Pot
    credits: int
    member: int | None
    at: float


async def hold(
    tx: Connection, account: Account, pot: Pot, credits_: int, *, generation: int,
    member: int | None, now: float,
) -> None:  # fmt: skip
    """Hold credits for a generation; `member` is the person who draws them from a group."""
    await tx.insert(
        "ledger", **account.columns, pot=pot, kind=EntryKind.HOLD, credits=credits_,
        generation=generation, member=member, at=now,
    )  # fmt: skip


_HOLDING = "'queued', 'submitting', 'unknown', 'generating'"
_IS_OPEN = "kind = 'hold' AND NOT EXISTS (SELECT 1 FROM ledger WHERE ends = held.id)"
"""Condition on a row `held`: it is a hold that has not ended."""


async def open_holds(tx: Connection, generation: int) -> list[Hold]:
    """Return the open holds of a generation."""
    rows = await tx.fetch_all(
        "SELECT id, account_kind, account_id, pot, credits, member, at FROM ledger AS held"
        f" WHERE generation = ? AND {_IS_OPEN} ORDER BY id",
        (generation,),
    )
    return [read_row(Hold, row, account=Account.of(row), pot=Pot(row["pot"])) for row in rows]


async def end_holds(tx: Connection, generation: int, kind: EntryKind, *, now: float) -> int:
    """Capture or release the open holds of a generation; return how many credits that were."""
    if kind not in {EntryKind.CAPTURE, EntryKind.RELEASE}:
        raise ValueError(f"a hold cannot end by a {kind}")
    ended = await tx.fetch_all(
        "INSERT INTO ledger (account_kind, account_id, pot, kind, credits, ends, generation, at)"
        " SELECT account_kind, account_id, pot, ?, credits, id, generation, ? FROM ledger AS held"
        f" WHERE generation = ? AND {_IS_OPEN} ORDER BY id RETURNING credits",
        (kind, now, generation),
    )
    return sum(row["credits"] for row in ended)


async def compensate(tx: Connection, generation: int, *, now: float) -> None:
    """Give back captured credits, once: the entry is a release that ends the capture."""
    await tx.execute(
        "INSERT INTO ledger (account_kind, account_id, pot, kind, credits, ends, generation, at)"
        " SELECT account_kind, account_id, pot, 'release', credits, id, generation, ?"
        " FROM ledger WHERE generation = ? AND kind = 'capture'",
        (now, generation),
    )


async def hold_less(tx: Connection, generation: int, credits_: int, *, now: float) -> int:
    """Hold fewer credits for a generation; return how many of them the operator pays for.

    The new holds are on the same pots and in the same period. Bought credits are released first,
    and of those the person's own before the group's. Raises ValueError if it is more than is held.
    """
    before = await open_holds(tx, generation)
    if credits_ > sum(held.credits for held in before):
        raise ValueError(f"generation {generation} holds less than {credits_} credits")
    await end_holds(tx, generation, EntryKind.RELEASE, now=now)
    left, given = credits_, 0
    for held in sorted(before, key=lambda held: held.pot is Pot.BOUGHT):
        if part := min(left, held.credits):
            await hold(
                tx, held.account, held.pot, part, generation=generation, member=held.member,
                now=held.at,
            )  # fmt: skip
        left -= part
        given += part if held.pot is not Pot.BOUGHT else 0
    return given


async def enter(
    tx: Connection, account: Account, pot: Pot, kind: EntryKind, credits_: int, *, cause: str,
    now: float, note: str | None = None,
) -> bool:  # fmt: skip
    """Add an entry that is no hold; return False if the cause has one already."""
    entered = await tx.insert_or_ignore(
        "ledger", **account.columns, pot=pot, kind=kind, credits=credits_, cause=cause, note=note,
        at=now,
    )  # fmt: skip
    return entered is not None


async def grant(
    tx: Connection, account: Account, pot: Pot, credits_: int, *, cause: str, note: str | None,
    now: float,
) -> bool:  # fmt: skip
    """Grant credits; return False if the cause did so already."""
    return await enter(tx, account, pot, EntryKind.GRANT, credits_, cause=cause, note=note, now=now)


async def given(tx: Connection, cause: str) -> int:
    """Return the credits of the entry with this cause, 0 if there is none."""
    return await tx.fetch_int("SELECT credits FROM ledger WHERE cause = ?", (cause,))


_LEFT = """sum(CASE WHEN kind IN ('grant', 'purchase', 'release') THEN credits
    WHEN kind IN ('hold', 'refund', 'clawback') THEN -credits ELSE 0 END)"""
"""Sums up the balance of a pot."""


async def stored(tx: Connection, account: Account, pot: Pot) -> int:
    """Return the balance of a pot that is not renewed; it is negative only after a clawback."""
    return await tx.fetch_int(
        f"SELECT {_LEFT} FROM ledger WHERE account_kind = ? AND account_id = ? AND pot = ?",
        (account.kind, account.id, pot),
    )


def unspent(*pots: Pot) -> str:
    """Return the statement that sums up all positive balances in these pots."""
    # one query per pot, because each has an index of its own
    left = [
        f"SELECT {_LEFT} AS left_over FROM ledger INDEXED BY ledger_{pot} WHERE pot = '{pot}'"
        " GROUP BY account_kind, account_id"
        for pot in pots
    ]
    return f"SELECT sum(max(0, left_over)) FROM ({' UNION ALL '.join(left)})"


async def owed(tx: Connection) -> int:
    """Return the unused credits of all accounts, granted and bought."""
    return await tx.fetch_int(unspent(Pot.GRANTED, Pot.BOUGHT))


def _drawn(held_by: str = "") -> str:
    """Return the query for credits held minus those released, fast by the ledger's indexes.

    A release ends a hold, or the capture that ended a hold.
    """
    whose = "account_kind = ?1 AND account_id = ?2 AND pot = ?3"
    return (
        "SELECT sum(credits) FROM"
        " (SELECT sum(held.credits) AS credits FROM ledger AS held"
        f" WHERE {whose} AND kind = 'hold' AND held.at >= ?4{held_by}"
        " UNION ALL SELECT -sum(released.credits) FROM (SELECT credits, ends FROM ledger"
        f" WHERE {whose} AND kind = 'release' AND at >= ?4) AS released"
        " JOIN ledger AS ended ON ended.id = released.ends"
        " JOIN ledger AS held ON held.id = coalesce(ended.ends, ended.id)"
        f" WHERE held.at >= ?4{held_by})"
    )


async def drawn(tx: Connection, account: Account, pot: Pot, *, since: float) -> int:
    """Return the credits held on a pot since a time, minus those released."""
    return await tx.fetch_int(_drawn(), (account.kind, account.id, pot, since))


async def drawn_by(
    tx: Connection, account: Account, pot: Pot, member: int | None, *, since: float
) -> int:
    """Return `drawn` for one member of a group; None is all anonymous senders together."""
    return await tx.fetch_int(
        _drawn(" AND held.member IS ?5"), (account.kind, account.id, pot, since, member)
    )


async def held(tx: Connection, account: Account) -> int:
    """Return the credits held for unfinished generations."""
    return await tx.fetch_int(
        # found by the account's pending generations, or its group's, which are few: holds are many
        "SELECT sum(held.credits) FROM (SELECT id FROM generations"
        " INDEXED BY generations_by_account_and_state"
        f" WHERE account_kind = ?1 AND account_id = ?2 AND state IN ({_HOLDING})"
        " UNION SELECT id FROM generations INDEXED BY generations_by_state"
        f" WHERE ?1 = 'chat' AND chat = ?2 AND state IN ({_HOLDING})) AS pending"
        " CROSS JOIN ledger AS held ON held.generation = pending.id"
        f" WHERE held.account_kind = ?1 AND held.account_id = ?2 AND held.{_IS_OPEN}",
        (account.kind, account.id),
    )
