"""Payments: what is bought, used, given back and taken back adds up, in whatever order."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from storage import chats, ledger, payments, people, personal_data
from storage.chats import ChatKind
from storage.ledger import Account, EntryKind, Pot
from storage.payments import Charge
from storage.personal_data import Erasure
from tests.storage.requests import ANN, BOB, NOW, ask, meet

if TYPE_CHECKING:
    from storage.database import Connection, Database

ACCOUNT = Account.person(ANN)
CLUB = -100_123
"""A group, by Telegram's id."""


def charge(number: int, credits_: int = 50, person: int = ANN, group: int | None = None) -> Charge:
    return Charge(
        charge_id=f"charge-{number}",
        person=person,
        credits=credits_,
        stars=500,
        paid_at=NOW,
        group=group,
    )


async def bought(tx: Connection, account: Account = ACCOUNT) -> int:
    return await ledger.stored(tx, account, Pot.BOUGHT)


async def club(db: Database) -> Account:
    """The account of a group."""
    return Account.chat((await meet(db, CLUB, ChatKind.SUPERGROUP)).id)


async def unspent(tx: Connection) -> int:
    return await tx.fetch_int(ledger.unspent(Pot.BOUGHT))


async def test_a_charge_is_credited_and_ended_once(db: Database) -> None:
    async with db.transaction() as tx:
        first = await payments.credit(tx, charge(1), credit_micros=100_000)
        assert first is not None
        assert await payments.credit(tx, charge(1, 9000), credit_micros=1) is None
        assert (await bought(tx), await unspent(tx)) == (50, 50)
        assert await payments.ask_refund(tx, first.id, by=BOB)
        assert [one.id for one in await payments.to_refund(tx)] == [first.id]
        assert await payments.end(tx, "charge-1", now=NOW) is not None
        assert await payments.end(tx, "charge-1", now=NOW) is None
        assert not await payments.ask_refund(tx, first.id, by=BOB)
        assert not await payments.drop_refund(tx, first.id)
        assert await payments.to_refund(tx) == []
        assert (await bought(tx), await payments.is_buying_blocked(tx, ANN)) == (0, False)


async def test_what_was_taken_back_pauses_its_payer_until_that_is_forgiven(db: Database) -> None:
    async with db.transaction() as tx:
        for number, person in enumerate((ANN, BOB, ANN)):
            await payments.credit(tx, charge(number, person=person), credit_micros=100_000)
        await payments.end(tx, "charge-0", now=NOW)
        assert [await payments.is_buying_blocked(tx, one) for one in (ANN, BOB)] == [True, False]
        await payments.forgive(tx, ANN)
        assert not await payments.is_buying_blocked(tx, ANN)
        await payments.end(tx, "charge-2", now=NOW)
        assert await payments.is_buying_blocked(tx, ANN), (
            "what was forgiven is not what comes later"
        )


async def test_the_oldest_payment_is_used_first(db: Database) -> None:
    await meet(db)
    generation = await ask(db)
    async with db.transaction() as tx:
        first, second = [
            one
            for number in (1, 2)
            if (one := await payments.credit(tx, charge(number), credit_micros=1))
        ]
        await ledger.hold(
            tx, ACCOUNT, Pot.BOUGHT, 60, generation=generation.id, member=None, now=NOW
        )
        assert [await payments.used(tx, one) for one in (first, second)] == [50, 10]
        await ledger.end_holds(tx, generation.id, EntryKind.RELEASE, now=NOW)
        assert [await payments.used(tx, one) for one in (first, second)] == [0, 0]


async def test_what_was_given_up_with_the_data_is_not_owed_when_its_payment_goes_back(
    db: Database,
) -> None:
    async with db.transaction() as tx:
        await people.upsert(tx, ANN, name="Ann", username=None, language=None, now=NOW)
        for number in (1, 2):
            await payments.credit(tx, charge(number), credit_micros=1)
        await ledger.enter(tx, ACCOUNT, Pot.BOUGHT, EntryKind.REFUND, 60, cause="spent", now=NOW)
        for number in (1, 2):
            wanted = Erasure(cause=f"update:{number}", person=ANN, asked_at=NOW)
            assert await personal_data.ask_erasure(tx, wanted) is True
        assert await personal_data.open_erasures(tx) == [wanted], "it covers the first"
        await payments.credit(tx, charge(3), credit_micros=1)
        assert await bought(tx) == 50
        known = [await payments.by_charge(tx, f"charge-{number}") for number in (1, 2, 3)]
        assert [await payments.used(tx, one) for one in known if one] == [50, 10, 0]
        await payments.ask_refund(tx, 2, by=BOB)
        await payments.end(tx, "charge-2", now=NOW)
        assert await bought(tx) == 40, "10 of it were used, 40 gone before"
        await payments.ask_refund(tx, 3, by=BOB)
        await payments.end(tx, "charge-3", now=NOW)
        assert await bought(tx) == -10


async def test_what_is_paid_for_a_group_is_the_groups_whatever_becomes_of_its_payer(
    db: Database,
) -> None:
    account = await club(db)
    async with db.transaction() as tx:
        await people.upsert(tx, ANN, name="Ann", username=None, language=None, now=NOW)
        for number, (person, group) in enumerate([(ANN, None), (ANN, CLUB), (BOB, CLUB)]):
            await payments.credit(tx, charge(number, person=person, group=group), credit_micros=1)
        unknown = await payments.credit(tx, charge(3, group=CLUB - 1), credit_micros=1)
        assert unknown is not None
        assert unknown.account == ACCOUNT, "of a group nobody knows, the credits are the payer's"
        assert (await bought(tx), await bought(tx, account), await unspent(tx)) == (100, 100, 200)
        await ledger.enter(tx, account, Pot.BOUGHT, EntryKind.REFUND, 60, cause="spent", now=NOW)
        known = [await payments.by_charge(tx, f"charge-{number}") for number in range(4)]
        assert [await payments.used(tx, one) for one in known if one] == [0, 50, 10, 0]
        wanted = Erasure(cause="update:1", person=ANN, asked_at=NOW)
        assert await personal_data.ask_erasure(tx, wanted)
        assert (await bought(tx), await bought(tx, account)) == (0, 40)
        await payments.end(tx, "charge-1", now=NOW)
        assert (await bought(tx), await bought(tx, account)) == (0, -10)
        paused = [await payments.is_buying_blocked(tx, one) for one in (ANN, BOB)]
        assert paused == [True, False], "who paid waits for an admin, and no other of the group"
    supergroup = await meet(db, CLUB - 5, ChatKind.SUPERGROUP)
    async with db.transaction() as tx:
        await payments.credit(tx, charge(4, group=CLUB - 5), credit_micros=1)
    await chats.move(db, account.id, CLUB - 5, now=NOW)
    async with db.transaction() as tx:
        assert await bought(tx, account) == 40
        await payments.credit(tx, charge(5, group=CLUB - 5), credit_micros=1)
        assert await bought(tx, account) == 90
        assert await bought(tx, Account.chat(supergroup.id)) == 0
        late = await payments.by_charge(tx, "charge-4")
        assert late is not None
        assert (late.account, await payments.used(tx, late)) == (account, 10)


@pytest.mark.parametrize("seed", range(20))
async def test_whatever_happens_in_whatever_order_adds_up(db: Database, seed: int) -> None:
    dice, left, open_ = random.Random(seed), 0, list[int]()
    account, group = (await club(db), CLUB) if seed % 2 else (ACCOUNT, None)
    async with db.transaction() as tx:
        for number in range(60):
            act = dice.choice(["buy", "spend", "refund", "take back"])
            if act == "buy":
                credits_ = dice.randint(1, 100)
                paid = charge(number, credits_, group=group)
                await payments.credit(tx, paid, credit_micros=1)
                open_.append(number)
                left += credits_
            elif act == "spend" and left > 0:
                spent = dice.randint(1, left)
                # what a capture leaves, without the request it is for
                refund, cause = EntryKind.REFUND, f"spent:{number}"
                await ledger.enter(tx, account, Pot.BOUGHT, refund, spent, cause=cause, now=NOW)
                left -= spent
            elif open_:
                ends = open_.pop(dice.randrange(len(open_)))
                known = await payments.by_charge(tx, f"charge-{ends}")
                assert known is not None
                if act == "refund":
                    await payments.ask_refund(tx, known.id, by=BOB)
                ended = await payments.end(tx, known.charge_id, now=NOW)
                assert ended is not None
                payment, used = ended
                assert 0 <= used <= payment.credits
                assert payment.taken_back is (act != "refund")
                # a refund takes what is left of it, and never more than there is
                assert payment.credits - used <= max(0, left)
                left -= payment.credits
            assert await bought(tx, account) == left
            assert await unspent(tx) == max(0, left)
