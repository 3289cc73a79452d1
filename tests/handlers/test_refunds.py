"""Payments that go back: by /refund, by Telegram, and what comes to light by its list."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from handlers.admin import refunds
from sandbox.telegram import Fault
from sandbox.telegram.stars import StarPayment
from storage import audit, payments
from storage.migrations import back_up
from tests.handlers.test_buying import SELLING, bought, invoice, moves, pay, says
from tests.harness import ADMIN

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from sandbox.telegram import Group, Message, Person, PrivateChat, TelegramSandbox
    from tests.harness import Harness


@pytest.fixture
async def paid(
    harness: Harness, chat: PrivateChat, place: PrivateChat | Group, ann: Person
) -> AsyncIterator[str]:
    """The bot, selling; Ann, who is known to it, bought 50 credits by this charge."""
    async with harness.running(free_credits=0, **SELLING):
        await pay(place, ann)
        await chat.wait(says("Thank you!"))
        (charge,) = harness.telegram.world.stars.payments
        yield charge


async def spend(chat: PrivateChat | Group, person: Person) -> None:
    await chat.send(person, "/video a lighthouse")
    await chat.wait(lambda one: one.video is not None)


async def asked(office: PrivateChat, owner: Person) -> Message:
    """Find Ann's payment by her name."""
    await office.send(owner, "/refund @ann")
    listed = await office.wait(says("Write /refund ID"))
    await listed.press("1")
    return await office.wait(lambda one: bool(one.buttons) and "used" in (one.text or ""))


def heard(chat: PrivateChat, wanted: Any, count: int) -> bool | None:
    """Whether so many messages of the bot are as wanted; None while they are not."""
    return len([one for one in chat.from_bot if wanted(one)]) == count or None


async def test_a_refund_shows_what_was_used_and_what_was_used_is_owed(
    paid: str,
    harness: Harness,
    chat: PrivateChat,
    place: PrivateChat | Group,
    ann: Person,
    office: PrivateChat,
    owner: Person,
) -> None:
    await spend(place, ann)
    card = await asked(office, owner)
    assert card.text is not None
    what = "50 credits" if place is chat else "50 credits for Film club"
    assert f"{what}, 500 ⭐" in card.text
    assert "9 of the credits are used. They would be owed." in card.text
    assert not harness.telegram.calls_of("refundStarPayment"), "it is only shown"
    await card.press("Give 500 ⭐ back")
    told = await chat.wait(says("was refunded"))
    owed = (
        "9 of them were used: you owe them, and the next credits pay them first."
        if place is chat
        else "9 of them were used: the next credits bought for the group pay them first."
    )
    assert owed in (told.text or "")
    if place is not chat:
        theirs = await place.wait(says("A payment for this group went back"))
        assert owed in (theirs.text or "")
    await office.wait(says("✅ Payment 1 went back: Ann"))
    assert (await moves(harness))[-2:] == [("bought", "refund", 41), ("bought", "clawback", 9)]
    assert await bought(harness, place) == -9
    assert harness.telegram.world.stars.payments[paid].refunded
    assert card.buttons == []
    # Telegram's own word about it, and a second tap, change nothing
    await office.send(owner, "/refund 1")
    await office.wait(says("went back"))
    assert len(await moves(harness)) == 5
    async with harness.db.reading() as connection:
        assert not await payments.is_buying_blocked(connection, ann.id)


async def test_a_refund_is_of_the_payment_that_was_shown_with_as_much_used_as_was_shown(
    paid: str,
    harness: Harness,
    place: PrivateChat | Group,
    ann: Person,
    office: PrivateChat,
    owner: Person,
) -> None:
    card = await asked(office, owner)
    await spend(place, ann)
    await card.press("Give 500 ⭐ back")
    await office.wait(lambda one: one is card and "9 of the credits are used" in (one.text or ""))
    async with harness.db.transaction() as tx:
        # after a restore, its number is another's
        await tx.execute("UPDATE payments SET paid_at = paid_at - 60")
    assert (await card.press("Give 500 ⭐ back")).text == "This button is old."
    assert harness.telegram.calls_of("refundStarPayment") == []
    assert not harness.telegram.world.stars.payments[paid].refunded


async def test_who_deleted_their_data_and_then_gets_their_stars_back_owes_nothing(
    paid: str,
    harness: Harness,
    chat: PrivateChat,
    place: PrivateChat | Group,
    ann: Person,
    office: PrivateChat,
    owner: Person,
) -> None:
    await chat.send(ann, "/deletemydata")
    question = await chat.wait(says("Delete everything I keep about you?"))
    assert says("50 bought")(question) is (place is chat)
    await question.press("Delete everything")
    await chat.wait(says("is deleted"))
    assert await bought(harness, place) == (0 if place is chat else 50), "a group's stay its own"
    await office.send(owner, "/refund 1")
    card = await office.wait(says("None of the credits is used."))
    await card.press("Give 500 ⭐ back")
    assert "you owe" not in ((await chat.wait(says("was refunded"))).text or "")
    assert harness.telegram.world.stars.payments[paid].refunded
    assert await bought(harness, place) == 0


async def test_a_payment_telegram_gave_back_before_counts_as_refunded(
    paid: str, harness: Harness, chat: PrivateChat, office: PrivateChat, owner: Person
) -> None:
    chat.refund(paid, notices=0)
    await (await asked(office, owner)).press("Give 500 ⭐ back")
    await office.wait(says("✅ Payment 1 went back: Ann"))
    assert harness.telegram.calls_of("refundStarPayment")[0].error is not None
    assert (await moves(harness))[-1] == ("bought", "refund", 50)


async def test_a_refund_telegram_refuses_takes_nothing_and_is_told(
    paid: str, harness: Harness, place: PrivateChat | Group, office: PrivateChat, owner: Person
) -> None:
    del harness.telegram.world.stars.payments[paid]
    card = await asked(office, owner)
    for count in (1, 2):
        await card.press("Give 500 ⭐ back")
        told = says("back (500 ⭐): Charge_not_found")
        await harness.telegram.world.changes.until(partial(heard, office, told, count), 10)
        assert len(harness.telegram.calls_of("refundStarPayment")) == count
    assert await bought(harness, place) == 50


@pytest.mark.parametrize(
    "fault",
    [
        Fault.dropped(), Fault.answer_lost(), Fault.flood(600), Fault.unreadable(),
        Fault.answers(False),
    ],
)  # fmt: skip
async def test_a_refund_whose_outcome_nobody_knows_is_gone_on_with_and_happens_once(
    harness: Harness,
    chat: PrivateChat,
    ann: Person,
    office: PrivateChat,
    owner: Person,
    fault: Fault,
) -> None:
    telegram = harness.telegram
    async with harness.running(**SELLING):
        await pay(chat, ann)
        telegram.faults.next("refundStarPayment", fault)
        card = await asked(office, owner)
        await card.press("Give 500 ⭐ back")
    async with harness.running(**SELLING):
        await chat.wait(says("was refunded"))
        await office.wait(says("✅ Payment 1 went back: Ann"))
        assert (await moves(harness)) == [("bought", "purchase", 50), ("bought", "refund", 50)]
        async with harness.db.reading() as connection:
            assert await payments.to_refund(connection) == []
    given = [one for one in telegram.world.stars.transactions if "receiver" in one]
    assert len(given) == 1


async def test_a_refund_that_two_admins_ask_for_at_once_happens_once_and_is_recorded_once(
    harness: Harness, chat: PrivateChat, ann: Person, office: PrivateChat, owner: Person
) -> None:
    telegram, second = harness.telegram, harness.telegram.person("Otto", user_id=ADMIN + 1)
    async with harness.running(admin_ids=frozenset({owner.id, second.id}), **SELLING):
        await pay(chat, ann)
        cards = [await asked(office, owner), await asked(telegram.private(second), second)]
        begun = telegram.faults.always("refundStarPayment", Fault.hang())
        taps = [asyncio.create_task(card.press("Give 500 ⭐ back")) for card in cards]
        await telegram.wait_for_call("refundStarPayment", count=2)
        begun.release()
        await asyncio.gather(*taps)
        await chat.wait(says("was refunded"))
        assert (await moves(harness)) == [("bought", "purchase", 50), ("bought", "refund", 50)]
        async with harness.db.reading() as connection:
            assert await audit.count(connection) == 1


async def test_a_refund_nobody_knows_of_holds_up_no_other(
    harness: Harness, chat: PrivateChat, ann: Person, owner: Person
) -> None:
    async with harness.running(**SELLING):
        asked_for = await invoice(chat, ann)
        for count in (1, 2):
            await chat.pay(asked_for, ann)
            await chat.wait(says(f"Payment {count}:"))
        async with harness.db.transaction() as tx:
            for count in (1, 2):
                await payments.ask_refund(tx, count, by=owner.id)
    harness.telegram.faults.next("refundStarPayment", Fault.error(500, "Internal Server Error"))
    async with harness.running(**SELLING):
        await chat.wait(says("Your payment 2 was refunded"))
        async with harness.db.reading() as connection:
            assert [one.id for one in await payments.to_refund(connection)] == [1]


async def test_what_telegram_takes_back_is_a_clawback_and_buying_waits_for_an_admin(
    paid: str,
    harness: Harness,
    chat: PrivateChat,
    place: PrivateChat | Group,
    ann: Person,
    office: PrivateChat,
    owner: Person,
) -> None:
    asked_before = await invoice(place, ann)
    await spend(place, ann)
    await office.send(owner, "/help")
    chat.refund(paid, notices=2)
    await chat.wait(says("was taken back"))
    warned = await office.wait(says("⚠️ Payment 1 of Ann ("))
    what = "50 credits" if place is chat else "50 credits for Film club"
    assert f"500 ⭐ for {what}, 9 of them used" in (warned.text or "")
    assert (await moves(harness))[-1] == ("bought", "clawback", 50)
    assert await bought(harness, place) == -9
    answer = await place.pay(asked_before, ann)
    assert "You cannot buy for now" in answer["error_message"]
    for _ in range(2):
        await warned.press("Let them buy again")
    async with harness.db.reading() as connection:
        assert await audit.count(connection) == 1
    assert (await place.pay(asked_before, ann))["ok"]
    await harness.telegram.world.changes.until(partial(heard, chat, says("Thank you!"), 2), 10)
    assert await bought(harness, place) == 41
    assert len([one for one in chat.from_bot if says("was taken back")(one)]) == 1


async def test_payments_and_refunds_nobody_told_of_come_to_light_once(
    harness: Harness,
    chat: PrivateChat,
    place: PrivateChat | Group,
    ann: Person,
    telegram: TelegramSandbox,
) -> None:
    telegram.faults.always("getStarTransactions", Fault.error(500, "Internal Server Error"))
    async with harness.running(**SELLING):
        await telegram.wait_for_call("getStarTransactions")
        await pay(place, ann)
        (first,) = telegram.world.stars.payments
        await pay(place, ann, 90, notices=0)
    chat.refund(first, notices=0)
    telegram.faults.clear()
    for _ in range(2):
        async with harness.running(**SELLING):
            await telegram.world.changes.until(partial(heard, chat, says("Payment 2"), 1), 10)
            await chat.wait(says("Your payment 1 of 500 ⭐ was taken back"))
            assert await bought(harness, place) == 90
            async with harness.db.reading() as connection:
                assert await connection.fetch_int("SELECT count(*) FROM payments") == 2
            assert await marked(harness) == 3


async def test_a_months_payments_are_a_file_for_the_books(
    harness: Harness,
    chat: PrivateChat,
    place: PrivateChat | Group,
    ann: Person,
    office: PrivateChat,
    owner: Person,
) -> None:
    async with harness.running(**SELLING):
        await pay(place, ann)
        await office.send(owner, "/export money")
        await office.wait(says("Write /export [payments] [YYYY-MM]"))
        await office.send(owner, "/export payments 2020-02")
        await office.wait(says("There is nothing in that time."))
        await office.send(owner, "/export payments")
        sent = await office.wait(lambda one: one.document is not None)
        assert sent.document is not None
        assert sent.document.file_name == "payments.csv"
        header, line = sent.document.path.read_text(encoding="utf-8-sig").splitlines()
        row = dict(zip(header.split(","), line.split(","), strict=True))
        assert (row["payment"], row["person"], row["stars"], row["credits"]) == (
            "1", str(ann.id), "500", "50"
        )  # fmt: skip
        assert (row["credit_usd"], row["went_back_at"]) == ("0.1", "")
        assert row["for_group"] == ("" if place is chat else "Film club")


async def test_a_long_list_of_transactions_is_read_in_pages_and_gone_on_with(
    harness: Harness, telegram: TelegramSandbox, ann: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refunds, "MAX_PAGES", 2)
    world = telegram.world
    for count in range(250):
        other = StarPayment(f"charge-{count}", ann, 5, "a hat")
        if not count:
            # what no invoice can be keeps nothing after it from being read
            other = StarPayment("charge-0", ann, 0, f"credits:1:{ann.id}:50:0")
        world.stars.record_payment(other, now=world.clock())

    async def read(mark: int) -> list[int]:
        telegram.calls.clear()
        async with harness.running(**SELLING):
            await until(lambda: marked(harness), mark)
            calls = telegram.calls_of("getStarTransactions")
            return [int(call.params.get("offset", 0)) for call in calls]

    assert await read(200) == [0, 100]
    assert await read(250) == [199, 200]
    world.stars.record_payment(StarPayment("charge-x", ann, 5, "a hat"), now=world.clock())
    assert await read(251) == [249, 250]
    world.stars.transactions.pop()
    world.stars.record_payment(StarPayment("charge-y", ann, 5, "a hat"), now=world.clock())
    assert await read(200) == [250, 0, 100], "another list is read anew"


async def marked(harness: Harness) -> int:
    async with harness.db.reading() as connection:
        return await connection.fetch_int("SELECT read FROM star_transactions")


async def test_what_was_paid_to_another_database_stays_there(
    harness: Harness, chat: PrivateChat, ann: Person, telegram: TelegramSandbox
) -> None:
    world = telegram.world
    payload = f"credits:1:{ann.id}:50:500"
    world.stars.record_payment(StarPayment("charge-old", ann, 500, payload), now=world.clock() - 60)
    async with harness.running(**SELLING):
        await until(lambda: marked(harness), 1)
        await pay(chat, ann, 90)
        assert await bought(harness, ann) == 90
    # also where the list is another one, and read anew
    world.stars.transactions.insert(0, world.stars.transactions[0] | {"id": "charge-older"})
    async with harness.running(**SELLING):
        await until(lambda: marked(harness), 3)
        assert await bought(harness, ann) == 90


async def until(look: Callable[[], Awaitable[int]], wanted: int) -> None:
    """Wait until a number is as wanted."""
    async with asyncio.timeout(20):
        while await look() != wanted:
            await asyncio.sleep(0.01)


async def test_a_restored_backup_catches_up_on_what_was_paid_since(
    harness: Harness,
    chat: PrivateChat,
    place: PrivateChat | Group,
    ann: Person,
    office: PrivateChat,
    owner: Person,
    tmp_path: Path,
) -> None:
    async with harness.running(**SELLING):
        await pay(place, ann)
        await pay(place, ann)
    back_up(harness.data / "bot.sqlite3", tmp_path / "backup")
    async with harness.running(**SELLING):
        await (await asked(office, owner)).press("Give 500 ⭐ back")
        await chat.wait(says("Your payment 1 was refunded"))
        await pay(place, ann, 90)
        await chat.wait(says("Payment 3:"))
    harness.data = tmp_path / "restored"
    harness.data.mkdir()
    (tmp_path / "backup").rename(harness.data / "bot.sqlite3")
    async with harness.running(**SELLING):
        until = harness.telegram.world.changes.until
        await until(partial(heard, chat, says("Payment 3:"), 2), 10)
        await until(partial(heard, chat, says("Your payment 1 was refunded"), 2), 10)
        assert await bought(harness, place) == 140
        async with harness.db.reading() as connection:
            assert not await payments.is_buying_blocked(connection, ann.id), (
                "the owner gave it back"
            )
