"""Faults on demand, as a bot's program meets them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from sandbox.telegram import Fault, TelegramSandbox
from tests.sandbox.telegram.calls import Caller

if TYPE_CHECKING:
    from sandbox.telegram import Person, PrivateChat


async def test_an_error_has_no_effect_and_meets_one_call(
    call: Caller, telegram: TelegramSandbox, chat: PrivateChat
) -> None:
    telegram.faults.next("sendMessage", Fault.error(500, "Internal Server Error"))

    spoilt = await call("sendMessage", chat_id=chat.id, text="one")
    taken = await call("sendMessage", chat_id=chat.id, text="two")

    assert (spoilt.status, spoilt.description) == (500, "Internal Server Error")
    assert taken.status == 200
    assert [message.text for message in chat.messages] == ["two"]


async def test_a_lost_answer_leaves_its_effect(
    call: Caller, telegram: TelegramSandbox, chat: PrivateChat
) -> None:
    telegram.faults.next("sendMessage", Fault.answer_lost())

    with pytest.raises(httpx.RemoteProtocolError):
        await call("sendMessage", chat_id=chat.id, text="x")

    assert chat.last.text == "x"
    assert telegram.calls[-1].error == "connection closed"


async def test_a_dropped_call_has_no_effect(
    call: Caller, telegram: TelegramSandbox, chat: PrivateChat
) -> None:
    telegram.faults.next("sendMessage", Fault.dropped())

    with pytest.raises(httpx.RemoteProtocolError):
        await call("sendMessage", chat_id=chat.id, text="x")

    assert chat.messages == []


async def test_a_bad_gateway_answers_with_a_page(telegram: TelegramSandbox) -> None:
    telegram.faults.next("*", Fault.bad_gateway())

    async with httpx.AsyncClient() as http:
        answer = await http.post(f"{telegram.url}/bot{telegram.token}/getMe")

    assert answer.status_code == 502
    assert answer.headers["content-type"].startswith("text/html")


async def test_a_hanging_call_goes_on_when_released(
    call: Caller, telegram: TelegramSandbox, chat: PrivateChat
) -> None:
    rule = telegram.faults.next("sendMessage", Fault.hang())
    hanging = asyncio.create_task(call("sendMessage", chat_id=chat.id, text="x"))
    await telegram.wait_for_call("sendMessage")
    assert chat.messages == []

    rule.release()

    assert (await hanging).result["text"] == "x"
    assert rule.hits == 1


async def test_a_caller_that_gave_up_hanging_leaves_no_effect(
    call: Caller, telegram: TelegramSandbox, chat: PrivateChat
) -> None:
    rule = telegram.faults.next("sendMessage", Fault.hang())
    hanging = asyncio.create_task(call("sendMessage", chat_id=chat.id, text="x"))
    record = await telegram.wait_for_call("sendMessage")
    hanging.cancel()
    await asyncio.wait({hanging})

    rule.release()
    await telegram.world.changes.until(lambda: record.error, 5)

    assert (record.error, chat.messages) == ("connection closed", [])


async def test_a_fault_lasts_for_its_number_of_calls_or_until_released(
    call: Caller, telegram: TelegramSandbox
) -> None:
    telegram.faults.next("getMe", Fault.flood(1), times=2)
    lasting = telegram.faults.always("getChat", Fault.error(400, "Bad Request: chat not found"))

    assert [(await call("getMe")).status for _ in range(3)] == [429, 429, 200]
    assert [(await call("getChat", chat_id=1)).status for _ in range(4)] == [400] * 4
    lasting.release()
    assert lasting.hits == 4


async def test_a_delay_answers_later(call: Caller, telegram: TelegramSandbox) -> None:
    telegram.faults.next("getMe", Fault.delay(0.05))
    loop = asyncio.get_running_loop()
    before = loop.time()

    assert (await call("getMe")).status == 200
    assert loop.time() - before >= 0.05


async def test_clearing_lets_everything_through(call: Caller, telegram: TelegramSandbox) -> None:
    telegram.faults.always("*", Fault.hang())
    hanging = asyncio.create_task(call("getMe"))
    await telegram.wait_for_call("getMe")

    telegram.faults.clear()

    assert (await hanging).status == 200
    assert (await call("getMe")).status == 200


async def test_flood_limits_are_kept_when_asked_for(clock: Any) -> None:
    async with (
        TelegramSandbox(flood_limits=True, clock=clock) as telegram,
        httpx.AsyncClient() as http,
    ):
        call = Caller(http, telegram)
        ann = telegram.person("Ann")
        chat, group = telegram.private(ann), telegram.group("Film club", [ann])
        private = [await call("sendMessage", chat_id=chat.id, text=str(n)) for n in range(6)]
        grouped = [await call("sendMessage", chat_id=group.id, text=str(n)) for n in range(21)]
        clock.now += 60
        later = await call("sendMessage", chat_id=group.id, text="later")

    assert [reply.status for reply in private] == [200] * 5 + [429]
    assert private[-1].parameters == {"retry_after": 5}
    assert [reply.status for reply in grouped] == [200] * 20 + [429]
    assert grouped[-1].description == "Too Many Requests: retry after 60"
    assert later.status == 200


async def test_a_fault_for_one_chat_leaves_others_alone(
    call: Caller, telegram: TelegramSandbox, chat: PrivateChat, bob: Person
) -> None:
    other = telegram.private(bob)
    telegram.faults.next("sendMessage", Fault.flood(3), chat_id=other.id)

    here = await call("sendMessage", chat_id=chat.id, text="x")
    there = await call.form("sendMessage", chat_id=str(other.id), text="x")

    assert here.status == 200
    assert (there.status, there.parameters) == (429, {"retry_after": 3})
