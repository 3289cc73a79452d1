"""Telegram Stars: what is paid, paid back, and listed, as the real server has it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.telegram.schema import check_object

if TYPE_CHECKING:
    from sandbox.telegram import Message, Person, PrivateChat, TelegramSandbox
    from tests.sandbox.telegram.calls import Caller
    from tests.sandbox.telegram.conftest import Clock


async def invoice(call: Caller, chat: PrivateChat) -> Message:
    """Let the bot send an invoice of 50 Stars."""
    sent = await call(
        "sendInvoice",
        chat_id=chat.id, title="Credits", description="50 credits", payload="order-1",
        currency="XTR", prices=[{"label": "50 credits", "amount": 50}],
    )  # fmt: skip
    assert sent.result["invoice"]["total_amount"] == 50
    return chat.last


async def pay(
    telegram: TelegramSandbox, call: Caller, chat: PrivateChat, by: Person, **how: Any
) -> list[dict[str, Any]]:
    """Pay an invoice with the bot's agreement; returns the messages the bot is told of."""
    asked = await invoice(call, chat)
    queued = telegram.world.updates.push

    def agree(kind: str, content: dict[str, Any]) -> None:
        queued(kind, content)
        if kind == "pre_checkout_query":
            given = {"pre_checkout_query_id": content["id"], "ok": True}
            telegram.world.checkouts.settle(
                content["id"], given, now=telegram.world.clock(), within=10
            )

    # answers at once, as a quick bot does
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(telegram.world.updates, "push", agree)
        await chat.pay(asked, by, **how)
    return [one["message"] for one in await call.updates() if "message" in one]


async def test_a_payment_may_be_told_twice_under_one_charge(
    telegram: TelegramSandbox, call: Caller, chat: PrivateChat, ann: Person
) -> None:
    told = await pay(telegram, call, chat, ann, notices=2)
    charges = [one["successful_payment"]["telegram_payment_charge_id"] for one in told]
    assert len(charges) == 2
    assert len(set(charges)) == 1


async def test_a_payment_goes_back_once_and_whole(
    telegram: TelegramSandbox, call: Caller, chat: PrivateChat, ann: Person, bob: Person
) -> None:
    (told,) = await pay(telegram, call, chat, ann)
    charge = told["successful_payment"]["telegram_payment_charge_id"]
    wrong = await call("refundStarPayment", user_id=bob.id, telegram_payment_charge_id=charge)
    assert wrong.description == "Bad Request: CHARGE_NOT_FOUND"
    back = await call("refundStarPayment", user_id=ann.id, telegram_payment_charge_id=charge)
    assert back.result is True
    again = await call("refundStarPayment", user_id=ann.id, telegram_payment_charge_id=charge)
    assert again.description == "Bad Request: CHARGE_ALREADY_REFUNDED"
    assert chat.last.extra["refunded_payment"]["total_amount"] == 50
    result = (await call("getStarTransactions")).result
    check_object("StarTransactions", result)
    listed = result["transactions"]
    assert [one["id"] for one in listed] == [charge, charge]
    assert ["source" in one for one in listed] == [True, False]


async def test_transactions_come_in_pages_the_oldest_first(
    telegram: TelegramSandbox, call: Caller, chat: PrivateChat, ann: Person
) -> None:
    await pay(telegram, call, chat, ann, notices=0)
    (charge,) = telegram.world.stars.payments
    chat.refund(charge, notices=0)
    pages = [
        (await call("getStarTransactions", offset=offset, limit=1)).result["transactions"]
        for offset in range(3)
    ]
    assert [len(page) for page in pages] == [1, 1, 0]
    assert ["receiver" in page[0] for page in pages[:2]] == [False, True]


@pytest.mark.parametrize(("offset", "limit"), [(0, 101), (0, 0), (-1, 10)])
async def test_a_page_out_of_bounds_is_refused(call: Caller, offset: int, limit: int) -> None:
    assert (await call("getStarTransactions", offset=offset, limit=limit)).status == 400


async def test_a_payment_not_agreed_to_within_ten_seconds_is_none(
    telegram: TelegramSandbox, call: Caller, chat: PrivateChat, ann: Person, clock: Clock
) -> None:
    asked = await invoice(call, chat)
    paying = asyncio.create_task(chat.pay(asked, ann, timeout=0.2))
    (query,) = [one["pre_checkout_query"] for one in await call.updates(timeout=5)]
    clock.now += 11
    late = await call("answerPreCheckoutQuery", pre_checkout_query_id=query["id"], ok=True)
    assert "query is too old" in late.description
    with pytest.raises(AssertionError):
        await paying
    assert telegram.world.stars.payments == {}
