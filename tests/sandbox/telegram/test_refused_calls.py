"""Methods, tokens, commands, invoices and inline results that the real server does not take."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

if TYPE_CHECKING:
    from sandbox.telegram import PrivateChat, TelegramSandbox
    from tests.sandbox.telegram.calls import Caller


@pytest.mark.parametrize("method", ["sendMesage", "getGameHighScores", "banChatMember"])
async def test_a_method_it_does_not_have_is_not_found(call: Caller, method: str) -> None:
    reply = await call(method)

    assert (reply.status, reply.description) == (404, f"Not Found: method {method} not found")


async def test_a_wrong_token_is_unauthorized(telegram: TelegramSandbox) -> None:
    async with httpx.AsyncClient(base_url=telegram.url) as http:
        wrong = await http.post("/bot7000000001:wrong/getMe")
        nonsense = await http.post("/botx/getMe")
        file = await http.get("/file/bot7000000001:wrong/photos/file_1.jpg")

    assert (wrong.status_code, wrong.json()["description"]) == (401, "Unauthorized")
    assert nonsense.status_code == 404
    assert file.status_code == 404


async def test_more_than_50_inline_results_are_refused(
    call: Caller,
) -> None:
    content = {"message_text": "x"}
    article = {"type": "article", "title": "t", "input_message_content": content}
    results = [{**article, "id": str(n)} for n in range(51)]

    reply = await call("answerInlineQuery", inline_query_id="1", results=results)

    assert reply.description == "Bad Request: RESULTS_TOO_MUCH"
    twice = await call("answerInlineQuery", inline_query_id="1", results=[results[0]] * 2)
    assert twice.description == "Bad Request: RESULT_ID_DUPLICATE"


@pytest.mark.parametrize(
    ("commands", "complaint"),
    [
        ([{"command": "Start", "description": "x"}], "BOT_COMMAND_INVALID"),
        ([{"command": "a" * 33, "description": "x"}], "BOT_COMMAND_INVALID"),
        ([{"command": "a", "description": ""}], "BOT_COMMAND_DESCRIPTION_INVALID"),
        ([{"command": f"c{n}", "description": "x"} for n in range(101)], "BOT_COMMANDS_TOO_MUCH"),
        ([{"command": "a"}], "commands[0].description is required"),
        ({"command": "a"}, "commands must be an array"),
    ],
)
async def test_wrong_commands_are_refused(call: Caller, commands: Any, complaint: str) -> None:
    reply = await call("setMyCommands", commands=commands)

    assert reply.status == 400
    assert complaint in reply.description


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"currency": "EUR"}, "CURRENCY_INVALID"),
        ({"prices": [{"label": "a", "amount": 1}] * 2}, "STARS_INVOICE_INVALID"),
        ({"payload": "x" * 129}, "INVOICE_PAYLOAD_INVALID"),
        ({"title": "x" * 33}, "INVOICE_TITLE_INVALID"),
        ({"provider_token": "x"}, "PAYMENT_PROVIDER_INVALID"),
        ({"description": ""}, "INVOICE_DESCRIPTION_INVALID"),
        ({"prices": [{"label": "a", "amount": 0}]}, "STARS_INVOICE_INVALID"),
        ({"start_parameter": "to buy"}, "START_PARAM_INVALID"),
        (
            {"reply_markup": {"inline_keyboard": [[{"text": "a", "callback_data": "b"}]]}},
            "REPLY_MARKUP_BUY_EMPTY",
        ),
    ],
)
async def test_a_wrong_invoice_is_refused(
    call: Caller, chat: PrivateChat, change: dict[str, Any], complaint: str
) -> None:
    right = {
        "title": "Credits",
        "description": "50 credits",
        "payload": "order-1",
        "currency": "XTR",
        "prices": [{"label": "50 credits", "amount": 50}],
    }

    reply = await call("sendInvoice", chat_id=chat.id, **right | change)

    assert reply.status == 400
    assert complaint in reply.description


async def test_a_refused_call_is_on_record_with_its_reason(
    call: Caller, telegram: TelegramSandbox
) -> None:
    await call("sendMessage", chat_id=1, text="x")

    (record,) = telegram.calls
    assert (record.method, record.error) == ("sendMessage", "Bad Request: chat not found")
    assert record.params == {"chat_id": 1, "text": "x"}
