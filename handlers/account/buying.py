"""/buy: credits for Telegram Stars, from the packages to the payment.

In private, people buy their own credits; in a group, any member pays for the group's pool.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from telegram import LabeledPrice
from telegram.constants import InvoiceLimit
from telegram.ext import MessageHandler, PreCheckoutQueryHandler, filters

from generation.orders import balances
from handlers.admin.refunds import credit, reconcile, reverse_payment
from handlers.membership import pool_text
from handlers.ordering.placing import refusal_reason
from handlers.ordering.refusals import more_credits_buttons
from handlers.replies import more_credits
from handlers.replies.keyboards import Button, CallbackData
from handlers.replies.more_credits import Purchase, ShowPackages, charge_for
from handlers.replies.sending import Refused, SendError, Unreachable, translate_errors
from handlers.replies.texts import pause_text, sanitize, truncate, videos, worth
from handlers.routing import Router, access_refusal
from storage import SHARED_IDS, chats, outages, payments, people, statistics
from storage.chats import Asking
from storage.ledger import Account

if TYPE_CHECKING:
    from telegram import PreCheckoutQuery, RefundedPayment, SuccessfulPayment, Update

    from handlers.context import Context, Services
    from handlers.replies.texts import Translator
    from handlers.senders import Sender
    from storage.database import Connection
    from storage.payments import Charge

router = Router()
logger = logging.getLogger(__name__)

CURRENCY = "XTR"
"""Telegram's currency code for Stars."""
CHECKOUT_TIMEOUT = 8.0
"""Seconds for answering a pre-checkout query: Telegram waits ten."""
MAX_AMOUNT = 1 << 53
"""Telegram's whole numbers stay below this; a larger amount is invalid."""


class Buy(CallbackData, prefix="package"):
    """Send an invoice for so many credits: in a group for its pool, else for the presser."""

    credits: int


@router.command("buy")
@router.button(ShowPackages)
async def buy(sender: Sender, update: Update, context: Context) -> None:
    """Show the packages, or say why nothing can be bought."""
    services, translator, message = context.services, sender.translator, update.message
    if sender.chat.is_private:
        await show_packages(sender, services)
        return
    reply_to = message.message_id if message else None
    if why := await _refusal_in_group(sender, context):
        await sender.answer(why, alert=True)
        if sender.press is None:
            await sender.reply(why, reply_to=reply_to)
        return
    await sender.answer()
    text = translator.gettext(
        "⭐ Credits for all of {group}. They do not expire, and come back if a video fails. "
        "Anyone here can pay."
    ).format(group=sanitize(sender.chat.title))
    lines = filter(None, (text, await pool_text(services, sender), "/terms · /paysupport"))
    packages = _packages(translator, services.usual_cost, services.policy.stars_per_credit)
    await sender.reply("\n".join(lines), buttons=packages, reply_to=reply_to)


async def _refusal_in_group(sender: Sender, context: Context) -> str:
    """Return why the sender cannot buy for their group now, or "" if they can."""
    services = context.services
    if refusal := access_refusal(sender, {"orders": True}, services):
        return refusal
    async with services.db.reading() as connection:
        if closed := await _sales_refusal(connection, services, sender.translator):
            return closed
    # the daily limit on videos does not limit purchases
    group = sender.group and replace(sender.group, per_day=None)
    return await refusal_reason(context, replace(sender, group=group)) or ""


def _packages(translator: Translator, cost: int, price: int) -> list[list[Button]]:
    return [
        [
            Button(
                f"{worth(translator, credits_, cost)} · {translator.number(credits_ * price)} ⭐",
                Buy(credits_),
            )
        ]
        for credits_ in more_credits.packages(cost, price)
    ]


async def show_packages(sender: Sender, services: Services) -> None:
    """Show the packages in private, or say why the sender cannot buy."""
    translator, price = sender.translator, services.policy.stars_per_credit
    cost, now = services.usual_cost, services.clock()
    async with services.db.reading() as connection:
        balance = await balances.balance(connection, sender.account, services.terms, now)
        why = await _purchase_refusal(connection, services, sender.account.id, translator)
    await sender.answer()
    left = translator.gettext("You have {left}.").format(
        left=worth(translator, balance.total, cost)
    )
    if why:
        rows = []
        if not price:
            rows = [await more_credits_buttons(services, sender, balance, cost)]
        await sender.reply(f"{why}\n{left}", buttons=rows)
        return
    rows = _packages(translator, cost, price)
    text = translator.gettext(
        "⭐ Credits for Telegram Stars. They do not expire, and come back if a video fails.\n"
        "{left}\n"
        "/terms · /paysupport"
    )
    await sender.reply(text.format(left=left), buttons=rows)


async def _sales_refusal(tx: Connection, services: Services, translator: Translator) -> str:
    if not services.policy.stars_per_credit:
        return translator.gettext("This bot sells no credits.")
    pause = await outages.paused(tx, now=services.clock())
    return "" if pause is None else pause_text(pause, translator, services.clock())


async def _purchase_refusal(
    tx: Connection,
    services: Services,
    person: int,
    translator: Translator,
    *,
    group: int | None = None,
) -> str:
    """Return why a person cannot buy now, or "" if they can; `group` is Telegram's id."""
    _, policy = translator.gettext, services.policy
    if closed := await _sales_refusal(tx, services, translator):
        return closed
    if await payments.is_buying_blocked(tx, person):
        return _(
            "You cannot buy for now: a payment of yours was taken back. Write /paysupport and what "
            "happened."
        )
    if await people.any_banned(tx, {person}):
        return _("You cannot make videos with this bot any more.")
    if group is not None:
        return await _group_refusal(tx, services, person, group, translator)
    known = policy.allowed_ids | policy.admin_ids | {*await people.admins(tx)}
    is_in = not policy.allowed_ids or person in known or await people.any_allowed(tx, {person})
    # members of an allowed group may buy: they spend the credits there
    if not is_in and not await statistics.ever_asked(tx, Account.person(person)):
        return _("This bot is private. Ask its owner to allow you.")
    return ""


async def _group_refusal(
    tx: Connection, services: Services, person: int, group: int, translator: Translator
) -> str:
    """Return why a person cannot pay for a group, by Telegram's id, or "" if they can."""
    chat, policy = await chats.by_telegram_id(tx, group), services.policy
    if chat is None or chat.telegram_id != group:
        # the group became a supergroup, which has another id
        return translator.gettext("This invoice is old. Send /buy for a new one.")
    choices, ids = await chats.group_of(tx, chat.id), {person, chat.telegram_id}
    known = policy.allowed_ids | policy.admin_ids
    is_in = not policy.allowed_ids or ids & known or await people.any_allowed(tx, ids)
    is_off = not chat.reachable or choices.asking is Asking.NOBODY
    if is_off or not is_in or await people.any_banned(tx, ids):
        return translator.gettext(
            "I do not work in that group any more, so nothing can be bought for it."
        )
    return ""


@router.button(Buy)
async def send_invoice(sender: Sender, press: Buy, shown: int | None, context: Context) -> None:
    """Send the invoice of a package; it is checked again before the payment."""
    services, translator, group = context.services, sender.translator, sender.group
    if sender.person is None or not press.credits or shown is None:
        await sender.answer(translator.gettext("This button is old."))
        return
    stars = press.credits * services.policy.stars_per_credit
    if group is not None:
        why = await _refusal_in_group(sender, context)
        bought = Purchase(sender.chat.telegram_id, press.credits, stars, sender.thread_id)
    else:
        async with services.db.reading() as connection:
            why = await _purchase_refusal(connection, services, sender.person.id, translator)
        bought = Purchase(sender.person.id, press.credits, stars)
    if not why and stars > more_credits.MAX_STARS:
        why = translator.gettext("The price has changed. Send /buy again.")
    if why:
        await sender.answer(why, alert=True)
        return
    title = more_credits.sold(press.credits, sender.chat.title if group else None, translator)
    title = truncate(title, InvoiceLimit.MAX_TITLE_LENGTH)
    description = (
        translator.gettext("About {videos}. Credits do not expire, and come back if a video fails.")
        if group is None
        else translator.gettext(
            "About {videos} for all of this group; anyone here can pay. Credits do not expire, and "
            "come back if a video fails."
        )
    ).format(videos=videos(translator, press.credits // services.usual_cost))
    with translate_errors():
        await context.bot.send_invoice(
            sender.chat.telegram_id,
            title,
            description[: InvoiceLimit.MAX_DESCRIPTION_LENGTH],
            bought.payload,
            CURRENCY,
            [LabeledPrice(title, stars)],
            provider_token="",
            # with it, a forwarded copy opens the bot and cannot be paid elsewhere
            start_parameter="buy",
            message_thread_id=sender.thread_id,
        )
    await sender.answer()
    if group is not None:
        # in a group, the invoice replaces the list of packages
        with suppress(SendError):
            await sender.outbox.delete(sender.chat, shown)


async def _check_out(update: Update, context: Context) -> None:
    """Accept or refuse a payment, within the ten seconds Telegram waits.

    Raises:
        SendError: the answer could not be sent; Telegram then takes no payment.
    """
    query, services = update.pre_checkout_query, context.services
    if query is None:
        return
    async with services.db.reading() as connection:
        person = await people.find(connection, query.from_user.id)
        chosen = person.spoken if person else None
        translator = services.languages.translator(chosen or query.from_user.language_code)
        refusal = await _checkout_refusal(connection, services, query, translator)
    # importing it slows every start down, and most processes never need it
    import stamina  # noqa: PLC0415 - see above

    stamina.instrumentation.set_on_retry_hooks(())
    error = refusal[: InvoiceLimit.MAX_DESCRIPTION_LENGTH] or None
    # a second answer changes nothing
    async for attempt in stamina.retry_context(
        on=SendError, attempts=None, timeout=CHECKOUT_TIMEOUT, wait_initial=0.2, wait_max=2.0
    ):
        with attempt, suppress(Refused, Unreachable), translate_errors():
            await query.answer(ok=not refusal, error_message=error)


async def _checkout_refusal(
    tx: Connection, services: Services, query: PreCheckoutQuery, translator: Translator
) -> str:
    _, bought = translator.gettext, Purchase.read(query.invoice_payload)
    person, group = query.from_user.id, bought.group if bought else None
    if why := await _purchase_refusal(tx, services, person, translator, group=group):
        return why
    if bought is None or query.currency != CURRENCY:
        return _("This invoice is old. Send /buy for a new one.")
    if group is None and bought.owner != person:
        return _("This invoice is somebody else's. Send /buy for your own.")
    price = bought.credits * services.policy.stars_per_credit
    if not query.total_amount == bought.stars == price:
        return _("The price has changed. Send /buy again.")
    return ""


async def _take_payment(update: Update, context: Context) -> None:
    """Credit a payment, once; a banned payer gets their credits too."""
    message = update.message
    payer = message.from_user if message else None
    if message is None or message.successful_payment is None or payer is None:
        return
    if payer.id in SHARED_IDS:
        # an anonymous admin of a group: Telegram's list of payments names the payer
        await reconcile(context.bot, context.services)
        return
    charge = _charge_of(message.successful_payment, payer.id, message.date.timestamp())
    if charge is not None:
        await credit(context.services, charge, payer)


def _charge_of(paid: SuccessfulPayment | RefundedPayment, person: int, at: float) -> Charge | None:
    """Return the payment a message reports, or None if its amount is invalid."""
    bought = Purchase.read(paid.invoice_payload)
    if not 0 < paid.total_amount < MAX_AMOUNT:
        logger.warning("a payment has an invalid amount: %d", paid.total_amount)
        return None
    return charge_for(
        bought if paid.currency == CURRENCY else None,
        paid.telegram_payment_charge_id,
        person=person,
        stars=paid.total_amount,
        paid_at=at,
    )


async def _take_refund(update: Update, context: Context) -> None:
    """Record that a payment was refunded, by an admin or by Telegram itself."""
    message = update.message
    paid = message.refunded_payment if message else None
    if message is None or paid is None or message.chat.type != message.chat.PRIVATE:
        return
    # the message comes in the payer's private chat
    charge = _charge_of(paid, message.chat.id, message.date.timestamp())
    if charge is not None:
        await reverse_payment(context.services, charge)


router.handlers += [
    PreCheckoutQueryHandler(_check_out),
    MessageHandler(filters.UpdateType.MESSAGE & filters.SUCCESSFUL_PAYMENT, _take_payment),
    MessageHandler(
        filters.UpdateType.MESSAGE & filters.StatusUpdate.REFUNDED_PAYMENT, _take_refund
    ),
]
