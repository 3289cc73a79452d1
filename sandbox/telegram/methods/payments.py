"""Telegram Stars: invoices, pre-checkout queries, refunds, and the list of transactions."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from sandbox.telegram.errors import bad_request
from sandbox.telegram.methods.posting import Params, post_message

if TYPE_CHECKING:
    from sandbox.telegram.messages import Json
    from sandbox.telegram.world import World

_PAYLOAD_BYTES = 128
_TITLE_LIMIT = 32
_DESCRIPTION_LIMIT = 255
_CHECKOUT_SECONDS = 10
_TRANSACTIONS_LIMIT = 100
_START_PARAMETER = re.compile(r"[\w-]{0,64}", re.ASCII)


async def send_invoice(world: World, params: Params) -> Json:
    """Serve sendInvoice, in Telegram Stars only."""
    if params["currency"] != "XTR":
        raise bad_request("CURRENCY_INVALID")
    if params.get("provider_token"):
        raise bad_request("PAYMENT_PROVIDER_INVALID")
    prices = params["prices"]
    if len(prices) != 1 or prices[0]["amount"] < 1:
        raise bad_request("STARS_INVOICE_INVALID")
    if not 1 <= len(params["payload"].encode()) <= _PAYLOAD_BYTES:
        raise bad_request("INVOICE_PAYLOAD_INVALID")
    if not 1 <= len(params["title"]) <= _TITLE_LIMIT:
        raise bad_request("INVOICE_TITLE_INVALID")
    if not 1 <= len(params["description"]) <= _DESCRIPTION_LIMIT:
        raise bad_request("INVOICE_DESCRIPTION_INVALID")
    if not _START_PARAMETER.fullmatch(params.get("start_parameter", "")):
        raise bad_request("START_PARAM_INVALID")
    rows = (params.get("reply_markup") or {}).get("inline_keyboard", [])
    if rows and not (rows[0] and rows[0][0].get("pay")):
        raise bad_request("REPLY_MARKUP_BUY_EMPTY")
    invoice = {
        "title": params["title"],
        "description": params["description"],
        "start_parameter": params.get("start_parameter", ""),
        "currency": "XTR",
        "total_amount": prices[0]["amount"],
    }
    content: dict[str, Any] = {"extra": {"invoice": invoice}, "payload": params["payload"]}
    return post_message(world, params, "invoices", **content).as_json()


async def answer_pre_checkout_query(world: World, params: Params) -> bool:
    """Serve answerPreCheckoutQuery."""
    if not params["ok"] and not params.get("error_message"):
        raise bad_request("error message must be non-empty")
    world.checkouts.settle(
        params["pre_checkout_query_id"], params, now=world.clock(), within=_CHECKOUT_SECONDS
    )
    return True


async def refund_star_payment(world: World, params: Params) -> bool:
    """Serve refundStarPayment, once per payment."""
    payment = world.stars.payments.get(params["telegram_payment_charge_id"])
    if payment is None or payment.person.id != params["user_id"]:
        raise bad_request("CHARGE_NOT_FOUND")
    if payment.refunded:
        raise bad_request("CHARGE_ALREADY_REFUNDED")
    world.refund(payment)
    return True


async def get_star_transactions(world: World, params: Params) -> Json:
    """Serve getStarTransactions: a page, oldest first."""
    limit, offset = params.get("limit", _TRANSACTIONS_LIMIT), params.get("offset", 0)
    if not 1 <= limit <= _TRANSACTIONS_LIMIT:
        raise bad_request("limit must be between 1 and 100")
    if offset < 0:
        raise bad_request("offset must be non-negative")
    return {"transactions": world.stars.transactions[offset : offset + limit]}


METHODS = {
    "answerPreCheckoutQuery": answer_pre_checkout_query,
    "getStarTransactions": get_star_transactions,
    "refundStarPayment": refund_star_payment,
    "sendInvoice": send_invoice,
}
