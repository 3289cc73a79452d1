"""Credits move only here, by rows that are never changed; balances are their sums."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from storage.database import fetch_all, fetch_int, insert, insert_or_ignore, read_row

if TYPE_CHECKING:
    import sqlite3

    from storage.database import Connection


class AccountKind(StrEnum):
    """What an account belongs to."""

    PERSON = "person"
    CHAT = "chat"


@dataclass(frozen=True, slots=True)
class Account:
    """The owner of credits: a person by Telegram's user id, or a chat by our own chat id."""

    kind: AccountKind
    id: int

    @classmethod
    def of(cls, row: sqlite3.Row) -> Account:
        """Return the account that a row names."""
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
        """Write it as causes do."""
        return f"{self.kind}:{self.id}"

    @property
    def columns(self) -> dict[str, object]:
        """The columns in which a row names it."""
        return {"account_kind": self.kind, "account_id": self.id}

    @property
    def is_person(self) -> bool:
        """Whether this is somebody with a daily allowance."""
        return self.kind is AccountKind.PERSON


class Pot(StrEnum):
    """Where credits of an account lie."""

    ALLOWANCE = "allowance"
    """Renewed each period, never stored: only holds on it are."""
    GRANTED = "granted"
    """Given by the operator, who bears what they pay for; they stay."""
    BOUGHT = "bought"
    """Paid for; they stay."""
    POOL = "pool"
    """A group's, given by the operator for its members, and renewed."""


class Kind(StrEnum):
    """What a row does."""

    HOLD = "hold"
    CAPTURE = "capture"
    RELEASE = "release"
    GRANT = "grant"
    PURCHASE = "purchase"
    REFUND = "refund"
    CLAWBACK = "clawback"


@dataclass(frozen=True, slots=True)
class Hold:
    """Credits set aside for a generation, not yet captured or released."""

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
    """Set credits aside for a generation; `member` is who drew them from a group's."""
    await insert(
        tx, "ledger", **account.columns, pot=pot, kind=Kind.HOLD, credits=credits_,
        generation=generation, member=member, at=now,
    )  # fmt: skip


_HOLDING = "'queued', 'submitting', 'unknown', 'generating'"
"""The states in which a request has not ended, and holds credits."""
_IS_OPEN = "kind = 'hold' AND NOT EXISTS (SELECT 1 FROM ledger WHERE ends = held.id)"
"""Whether a row, called `held`, is a hold that has not ended."""


async def open_holds(tx: Connection, generation: int) -> list[Hold]:
    """Return the generation's holds that have not ended."""
    rows = await fetch_all(
        tx,
        "SELECT id, account_kind, account_id, pot, credits, member, at FROM ledger AS held"
        f" WHERE generation = ? AND {_IS_OPEN} ORDER BY id",
        (generation,),
    )
    return [read_row(Hold, row, account=Account.of(row), pot=Pot(row["pot"])) for row in rows]


async def end_holds(tx: Connection, generation: int, kind: Kind, *, now: float) -> int:
    """Capture or release what is still held for a generation; returns how many credits."""
    if kind not in {Kind.CAPTURE, Kind.RELEASE}:
        raise ValueError(f"a hold cannot end by a {kind}")
    ended = await fetch_all(
        tx,
        "INSERT INTO ledger (account_kind, account_id, pot, kind, credits, ends, generation, at)"
        " SELECT account_kind, account_id, pot, ?, credits, id, generation, ? FROM ledger AS held"
        f" WHERE generation = ? AND {_IS_OPEN} ORDER BY id RETURNING credits",
        (kind, now, generation),
    )
    return sum(row["credits"] for row in ended)


async def compensate(tx: Connection, generation: int, *, now: float) -> None:
    """Give back what was captured for a generation whose video nobody will have.

    The entry is a release that ends the capture: it is written once.
    """
    await tx.execute(
        "INSERT INTO ledger (account_kind, account_id, pot, kind, credits, ends, generation, at)"
        " SELECT account_kind, account_id, pot, 'release', credits, id, generation, ?"
        " FROM ledger WHERE generation = ? AND kind = 'capture'",
        (now, generation),
    )


async def hold_less(tx: Connection, generation: int, credits_: int, *, now: float) -> int:
    """Hold fewer credits for a generation than before; return how many of them the operator gives.

    The new holds stand on the same pots and in the same period; bought credits go back first, and
    of those one's own before the group's.

    Raises:
        ValueError: that is more than is held.
    """
    before = await open_holds(tx, generation)
    if credits_ > sum(held.credits for held in before):
        raise ValueError(f"generation {generation} holds less than {credits_} credits")
    await end_holds(tx, generation, Kind.RELEASE, now=now)
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
    tx: Connection, account: Account, pot: Pot, kind: Kind, credits_: int, *, cause: str,
    now: float, note: str | None = None,
) -> bool:  # fmt: skip
    """Write down credits that come or go for good; False where the same cause moved them."""
    entered = await insert_or_ignore(
        tx, "ledger", **account.columns, pot=pot, kind=kind, credits=credits_, cause=cause,
        note=note, at=now,
    )  # fmt: skip
    return entered is not None


async def grant(
    tx: Connection, account: Account, pot: Pot, credits_: int, *, cause: str, note: str | None,
    now: float,
) -> bool:  # fmt: skip
    """Give credits that stay; False where the same cause gave them already."""
    return await enter(tx, account, pot, Kind.GRANT, credits_, cause=cause, note=note, now=now)


async def given(tx: Connection, cause: str) -> int:
    """Return how many credits a cause moved."""
    return await fetch_int(tx, "SELECT credits FROM ledger WHERE cause = ?", (cause,))


_LEFT = """sum(CASE WHEN kind IN ('grant', 'purchase', 'release') THEN credits
    WHEN kind IN ('hold', 'refund', 'clawback') THEN -credits ELSE 0 END)"""
"""Adds up what came into pots and went out of them."""


async def stored(tx: Connection, account: Account, pot: Pot) -> int:
    """Return what lies in a pot that stores credits; below zero only after a clawback."""
    return await fetch_int(
        tx,
        f"SELECT {_LEFT} FROM ledger WHERE account_kind = ? AND account_id = ? AND pot = ?",
        (account.kind, account.id, pot),
    )


def unspent(*pots: Pot) -> str:
    """Return the statement that counts the credits of all who have some in these pots."""
    # pot by pot: each has an index of its own, and most rows are in neither
    left = [
        f"SELECT {_LEFT} AS left_over FROM ledger INDEXED BY ledger_{pot} WHERE pot = '{pot}'"
        " GROUP BY account_kind, account_id"
        for pot in pots
    ]
    return f"SELECT sum(max(0, left_over)) FROM ({' UNION ALL '.join(left)})"


async def owed(tx: Connection) -> int:
    """Return the credits of all who were given some, or bought some, and have not used them."""
    return await fetch_int(tx, unspent(Pot.GRANTED, Pot.BOUGHT))


def _drawn(held_by: str = "") -> str:
    """Write what was held less what was given back: few rows are read beside the index.

    What is given back ends a hold, or the capture that ended it.
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
    """Return the credits held since then and not released, from a pot of an account."""
    return await fetch_int(tx, _drawn(), (account.kind, account.id, pot, since))


async def drawn_by(
    tx: Connection, account: Account, pot: Pot, member: int | None, *, since: float
) -> int:
    """Return what one member drew from a group's pot since then; None is all who are nobody."""
    return await fetch_int(
        tx, _drawn(" AND held.member IS ?5"), (account.kind, account.id, pot, since, member)
    )


async def held(tx: Connection, account: Account) -> int:
    """Return the credits set aside for what is still being made."""
    return await fetch_int(
        tx,
        # what has not ended holds them, asked for by the account, or in its group: of all that was
        # ever held, and of all that others have under way, that is little
        "SELECT sum(held.credits) FROM (SELECT id FROM generations"
        " INDEXED BY generations_by_account_and_state"
        f" WHERE account_kind = ?1 AND account_id = ?2 AND state IN ({_HOLDING})"
        " UNION SELECT id FROM generations INDEXED BY generations_by_state"
        f" WHERE ?1 = 'chat' AND chat = ?2 AND state IN ({_HOLDING})) AS pending"
        " CROSS JOIN ledger AS held ON held.generation = pending.id"
        f" WHERE held.account_kind = ?1 AND held.account_id = ?2 AND held.{_IS_OPEN}",
        (account.kind, account.id),
    )
