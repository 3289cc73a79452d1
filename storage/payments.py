"""Payments in Telegram Stars: each is credited once, and refunded at most once.

The credits themselves are in the ledger.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from storage import chats, ledger
from storage.database import columns, read_row
from storage.ledger import Account, EntryKind, Pot

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import AsyncIterator

    from storage.database import Connection, Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """A payment as Telegram reports it; `credits` is 0 if the invoice cannot be read.

    If it is for a group, `group` is its Telegram id, and `thread_id` the topic of the invoice. If
    the group is unknown, the payer gets the credits.
    """

    charge_id: str
    person: int
    credits: int
    stars: int
    paid_at: float
    group: int | None = None
    thread_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment(Charge):
    """A stored payment.

    `chat` is our id of the group that got the credits, and `title` its name; both are None if
    the payer got them. `refund_by` is the admin who wants to refund it, `ended_at` when it was
    refunded, `taken_back` whether Telegram did so on its own. `credit_micros` is the value of a
    credit at that time, `given_up` how many credits were erased with their owner's data.
    """

    id: int
    chat: int | None
    title: str | None
    credit_micros: int
    refund_by: int | None
    ended_at: float | None
    taken_back: bool
    given_up: int

    @property
    def account(self) -> Account:
        """The account that got the credits."""
        return Account.person(self.person) if self.chat is None else Account.chat(self.chat)

    @property
    def kept(self) -> int:
        """Its credits without those given up."""
        return self.credits - self.given_up


_TITLE = "(SELECT title FROM chats WHERE chats.id = payments.chat) AS title"
_PAYMENTS = f"SELECT *, {_TITLE} FROM payments"


def _from_row(row: sqlite3.Row) -> Payment:
    return read_row(Payment, row, taken_back=bool(row["taken_back"]), group=None, thread_id=None)


async def credit(tx: Connection, charge: Charge, *, credit_micros: int) -> Payment | None:
    """Store a payment and its credits; return None if that is done already."""
    group = None if charge.group is None else await chats.by_telegram_id(tx, charge.group)
    told = columns(Charge, charge)
    del told["group"], told["thread_id"]
    row = await tx.insert_or_ignore(
        "payments", **told, chat=group.id if group else None, credit_micros=credit_micros
    )
    payment = None if row is None else await find(tx, row["id"])
    if payment is not None:
        await _enter(tx, payment, EntryKind.PURCHASE, charge.credits, charge.paid_at)
    return payment


async def _enter(
    tx: Connection, payment: Payment, kind: EntryKind, credits_: int, now: float
) -> None:
    if credits_:
        await ledger.enter(
            tx, payment.account, Pot.BOUGHT, kind, credits_,
            cause=f"{kind}:{payment.charge_id}", now=now,
        )  # fmt: skip


async def find(tx: Connection, payment: int) -> Payment | None:
    """Return a payment by its id."""
    return await tx.fetch_one_as(_from_row, f"{_PAYMENTS} WHERE id = ?", (payment,))


async def by_charge(tx: Connection, charge_id: str) -> Payment | None:
    """Return a payment by Telegram's charge id."""
    return await tx.fetch_one_as(_from_row, f"{_PAYMENTS} WHERE charge_id = ?", (charge_id,))


async def latest(tx: Connection, *, person: int | None = None, limit: int) -> list[Payment]:
    """Return the newest payments, of one person or of all, newest first."""
    of_whom, values = ("", ()) if person is None else (" WHERE person = ?", (person,))
    return await tx.fetch_all_as(
        _from_row, f"{_PAYMENTS}{of_whom} ORDER BY id DESC LIMIT ?", (*values, limit)
    )


SLICE = 500
"""How many payments are read at a time, so that others wait little."""


async def between(
    db: Database, since: float, until: float
) -> AsyncIterator[list[tuple[Payment, str | None]]]:
    """Yield payments with their payers' names, oldest first, in slices."""
    after = since, 0
    while True:
        rows = await db.fetch_in_thread(
            f"SELECT payments.*, {_TITLE}, name FROM payments"
            " LEFT JOIN people ON people.id = person"
            " WHERE (paid_at, payments.id) > (?, ?) AND paid_at < ?"
            " ORDER BY paid_at, payments.id LIMIT ?",
            (*after, until, SLICE),
        )
        yield [(_from_row(row), row["name"]) for row in rows]
        if len(rows) < SLICE:
            return
        after = rows[-1]["paid_at"], rows[-1]["id"]


async def used(tx: Connection, payment: Payment) -> int:
    """Return how many of a payment's credits are spent or held; the oldest are used first."""
    left = await ledger.stored(tx, payment.account, Pot.BOUGHT)
    same = "person = ? AND chat IS NULL" if payment.chat is None else "chat = ?"
    later = await tx.fetch_int(
        "SELECT sum(credits - given_up) FROM payments"
        f" WHERE {same} AND id > ? AND ended_at IS NULL",
        (payment.account.id, payment.id),
    )
    return payment.kept - max(0, min(payment.kept, left - later))


async def give_up(tx: Connection, person: int) -> None:
    """Store, before they are erased, how many unused credits each payment of a person has.

    Then a later refund leaves no debt. Credits bought for groups are not erased.
    """
    own = await tx.fetch_all_as(
        _from_row,
        f"{_PAYMENTS} WHERE person = ? AND chat IS NULL AND ended_at IS NULL ORDER BY id",
        (person,),
    )
    lying = [(one, one.kept - await used(tx, one)) for one in own]
    for payment, credits_ in lying:
        await tx.execute(
            "UPDATE payments SET given_up = given_up + ? WHERE id = ?", (credits_, payment.id)
        )


async def ask_refund(tx: Connection, payment: int, *, by: int) -> bool:
    """Store who refunds a payment, before Telegram is asked; return False if it is refunded."""
    return await tx.changed(
        "UPDATE payments SET refund_by = ? WHERE id = ? AND ended_at IS NULL AND refund_by IS NULL",
        (by, payment),
    )


async def drop_refund(tx: Connection, payment: int) -> bool:
    """Store that Telegram refused a refund; return False if none is under way."""
    return await tx.changed(
        "UPDATE payments SET refund_by = NULL"
        " WHERE id = ? AND ended_at IS NULL AND refund_by IS NOT NULL",
        (payment,),
    )


async def to_refund(tx: Connection) -> list[Payment]:
    """Return the payments whose refund has no known result yet."""
    return await tx.fetch_all_as(
        _from_row, f"{_PAYMENTS} WHERE refund_by IS NOT NULL AND ended_at IS NULL ORDER BY id"
    )


async def end(tx: Connection, charge_id: str, *, now: float) -> tuple[Payment, int] | None:
    """Store that a payment was refunded; return None if that is done, or it is unknown.

    Returns it with the number of its used credits. Unused credits are removed; used ones become a
    clawback, which may leave a debt. If no admin asked for the refund, Telegram took it back, and
    all credits become a clawback.
    """
    payment = await tx.fetch_one_as(
        _from_row,
        "UPDATE payments SET ended_at = ?, taken_back = refund_by IS NULL"
        f" WHERE charge_id = ? AND ended_at IS NULL RETURNING *, {_TITLE}",
        (now, charge_id),
    )
    if payment is None:
        return None
    spent = await used(tx, payment)
    unused = 0 if payment.taken_back else payment.kept - spent
    await _enter(tx, payment, EntryKind.REFUND, unused, now)
    await _enter(tx, payment, EntryKind.CLAWBACK, payment.kept - unused, now)
    return payment, spent


async def is_buying_blocked(tx: Connection, person: int) -> bool:
    """Return whether a person may not buy, because Telegram took a payment back."""
    unforgiven = "SELECT 1 FROM payments WHERE person = ? AND taken_back = 1 AND forgiven = 0"
    return await tx.exists(unforgiven, (person,))


async def forgive(tx: Connection, person: int) -> bool:
    """Let a person buy again whose payments were taken back; False if they already may."""
    return await tx.changed(
        "UPDATE payments SET forgiven = 1 WHERE person = ? AND taken_back = 1 AND forgiven = 0",
        (person,),
    )


RATES = (
    "SELECT DISTINCT credit_micros FROM payments WHERE ended_at IS NULL AND credits > 0"
    " ORDER BY credit_micros"
)
"""Selects the values of a credit at which people bought theirs."""


async def has_payments(tx: Connection) -> bool:
    """Return whether there are payments at all."""
    return await tx.exists("SELECT 1 FROM payments LIMIT 1")


@dataclass(frozen=True, slots=True)
class TransactionCursor:
    """How many of Telegram's transactions were read, and the id of the last of them.

    Transactions from before `since` belong to another database.
    """

    read: int
    last_id: str
    since: float


async def read_cursor(tx: Connection, *, now: float) -> TransactionCursor:
    """Return how far the transactions were read; at first, make a cursor that begins now."""
    await tx.insert_or_ignore("star_transactions", one=1, read=0, last_id="", since=now)
    [row] = await tx.fetch_all("SELECT read, last_id, since FROM star_transactions")
    return TransactionCursor(*row)


async def move_cursor(tx: Connection, read: int, last_id: str) -> None:
    """Store how far the transactions were read."""
    await tx.execute("UPDATE star_transactions SET read = ?, last_id = ?", (read, last_id))
