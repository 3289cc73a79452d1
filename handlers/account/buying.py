"""/buy: credits for Telegram Stars, from the packages to the receipt."""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import TYPE_CHECKING

from telegram import LabeledPrice
from telegram.ext import MessageHandler, PreCheckoutQueryHandler, filters

from generation.orders import balances
from handlers.admin.refunds import credit, went_back
from handlers.ordering.refusals import ways_on_for
from handlers.replies import more_credits
from handlers.replies.keyboards import Button, CallbackData
from handlers.replies.more_credits import Purchase, ShowPackages
from handlers.replies.sending import Refused, SendError, Unreachable, translated
from handlers.replies.texts import paused, videos, worth
from handlers.routing import Router
from storage import outages, payments, people, statistics
from storage.ledger import Account
from storage.payments import Charge

if TYPE_CHECKING:
    from telegram import Message, PreCheckoutQuery, RefundedPayment, SuccessfulPayment, Update

    from handlers.context import Context, Services
    from handlers.replies.texts import Translator
    from handlers.senders import Sender
    from storage.database import Connection

router = Router()
logger = logging.getLogger(__name__)

CURRENCY = "XTR"
"""What Telegram calls its Stars."""
ANSWERED_WITHIN = 8.0
"""Seconds in which a payment is agreed to: Telegram waits ten."""
LARGEST_AMOUNT = 1 << 53
"""Beyond all that can be paid."""
LONGEST_TITLE, LONGEST_DESCRIPTION = 32, 255
"""Characters of an invoice."""


class Buy(CallbackData, prefix="package"):
    """Send an invoice for so many credits."""

    credits: int


@router.command("buy")
async def buy(sender: Sender, message: Message, services: Services) -> None:
    """Show what can be bought, in private."""
    if not sender.chat.is_private:
        await sender.invite("buy", message.message_id)
        return
    await show_packages(sender, services)


@router.button(ShowPackages)
async def show_packages(sender: Sender, services: Services) -> None:
    """Show the packages, or say why there are none for this person."""
    if not sender.chat.is_private:
        await sender.answer(sender.translator.gettext("This button is old."))
        return
    translator, price = sender.translator, services.policy.stars_per_credit
    cost, now = services.usual_cost, services.clock()
    async with services.db.reading() as connection:
        balance = await balances.balance(connection, sender.account, services.terms, now)
        hindrance = await hindrance_of(connection, services, sender.account.id, translator)
    await sender.answer()
    left = translator.gettext("You have {left}.").format(
        left=worth(translator, balance.total, cost)
    )
    if hindrance:
        rows = []
        if not price:
            rows = [await ways_on_for(services, sender, balance, services.usual_cost)]
        await sender.reply(f"{hindrance}\n{left}", buttons=rows)
        return
    rows = [
        [
            Button(
                f"{worth(translator, credits_, cost)} · {translator.number(credits_ * price)} ⭐",
                Buy(credits_),
            )
        ]
        for credits_ in more_credits.packages(cost, price)
    ]
    text = translator.gettext(
        "⭐ Credits for Telegram Stars. They do not expire, and come back if a video fails.\n"
        "{left}\n"
        "/terms · /paysupport"
    )
    await sender.reply(text.format(left=left), buttons=rows)


async def hindrance_of(
    tx: Connection, services: Services, person: int, translator: Translator
) -> str:
    """Say why somebody cannot buy now; empty where they can."""
    _, policy = translator.gettext, services.policy
    if not policy.stars_per_credit:
        return _("This bot sells no credits.")
    if (pause := await outages.paused(tx, now=services.clock())) is not None:
        return paused(pause, translator, services.clock())
    if await payments.is_paused(tx, person):
        return _(
            "You cannot buy for now: a payment of yours was taken back. Write /paysupport and what "
            "happened."
        )
    if await people.any_banned(tx, {person}):
        return _("You cannot make videos with this bot any more.")
    known = policy.allowed_ids | policy.admin_ids | {*await people.admins(tx)}
    is_in = not policy.allowed_ids or person in known or await people.any_allowed(tx, {person})
    # whoever was let in with a group spends there what they buy
    if not is_in and not await statistics.ever_asked(tx, Account.person(person)):
        return _("This bot is private. Ask its owner to allow you.")
    return ""


@router.button(Buy)
async def send_invoice(sender: Sender, press: Buy, services: Services, context: Context) -> None:
    """Send the invoice of a package; what it says is looked at once more before the payment."""
    translator, price = sender.translator, services.policy.stars_per_credit
    if sender.person is None or not sender.chat.is_private or not press.credits:
        await sender.answer(translator.gettext("This button is old."))
        return
    async with services.db.reading() as connection:
        hindrance = await hindrance_of(connection, services, sender.person.id, translator)
    stars = press.credits * price
    if not hindrance and stars > more_credits.MOST_STARS:
        hindrance = translator.gettext("The price has changed. Send /buy again.")
    if hindrance:
        await sender.answer(hindrance, alert=True)
        return
    bought = Purchase(sender.person.id, press.credits, stars)
    title = translator.credits(press.credits)
    description = translator.gettext(
        "About {videos}. Credits do not expire, and come back if a video fails."
    ).format(videos=videos(translator, press.credits // services.usual_cost))
    with translated():
        await context.bot.send_invoice(
            sender.chat.telegram_id,
            title[:LONGEST_TITLE],
            description[:LONGEST_DESCRIPTION],
            bought.payload,
            CURRENCY,
            [LabeledPrice(title, stars)],
            provider_token="",
            # a forwarded copy leads here, and cannot be paid by somebody else
            start_parameter="buy",
            message_thread_id=sender.thread_id,
        )
    await sender.answer()


async def check_out(update: Update, context: Context) -> None:
    """Agree to a payment, or say why not, within the ten seconds Telegram waits.

    Raises:
        SendError: it cannot be answered; Telegram takes no payment then.
    """
    query, services = update.pre_checkout_query, context.services
    if query is None:
        return
    async with services.db.reading() as connection:
        person = await people.find(connection, query.from_user.id)
        chosen = person.spoken if person else None
        translator = services.languages.translator(chosen or query.from_user.language_code)
        refusal = await _refusal(connection, services, query, translator)
    # what every start would wait for, and most processes never need
    import stamina  # noqa: PLC0415 - see above

    stamina.instrumentation.set_on_retry_hooks(())
    # a second answer changes nothing
    async for attempt in stamina.retry_context(
        on=SendError, attempts=None, timeout=ANSWERED_WITHIN, wait_initial=0.2, wait_max=2.0
    ):
        with attempt, suppress(Refused, Unreachable), translated():
            await query.answer(ok=not refusal, error_message=refusal[:LONGEST_DESCRIPTION] or None)


async def _refusal(
    tx: Connection, services: Services, query: PreCheckoutQuery, translator: Translator
) -> str:
    """Say why a payment is not taken; empty where it is."""
    _, bought = translator.gettext, Purchase.read(query.invoice_payload)
    if hindrance := await hindrance_of(tx, services, query.from_user.id, translator):
        return hindrance
    if bought is None or query.currency != CURRENCY:
        return _("This invoice is old. Send /buy for a new one.")
    if bought.buyer != query.from_user.id:
        return _("This invoice is somebody else's. Send /buy for your own.")
    price = bought.credits * services.policy.stars_per_credit
    if not query.total_amount == bought.stars == price:
        return _("The price has changed. Send /buy again.")
    return ""


async def take_payment(update: Update, context: Context) -> None:
    """Credit what was paid, once; whoever pays has what they paid for, banned or not."""
    message = update.message
    payer = message.from_user if message else None
    if message is None or message.successful_payment is None or payer is None:
        return
    charge = charge_of(message.successful_payment, payer.id, message.date.timestamp())
    if charge is not None:
        await credit(context.services, charge)


def charge_of(paid: SuccessfulPayment | RefundedPayment, person: int, at: float) -> Charge | None:
    """Return what a message tells of a payment; None where that is none."""
    bought = Purchase.read(paid.invoice_payload)
    if not 0 < paid.total_amount < LARGEST_AMOUNT:
        logger.warning("a payment of %d is none", paid.total_amount)
        return None
    return Charge(
        charge_id=paid.telegram_payment_charge_id,
        person=person,
        credits=bought.credits if bought and paid.currency == CURRENCY else 0,
        stars=paid.total_amount,
        paid_at=at,
    )


async def take_refund(update: Update, context: Context) -> None:
    """Note that a payment went back, by an admin or by Telegram itself."""
    message = update.message
    paid = message.refunded_payment if message else None
    if message is None or paid is None or message.chat.type != message.chat.PRIVATE:
        return
    # it is said in the payer's own chat
    charge = charge_of(paid, message.chat.id, message.date.timestamp())
    if charge is not None:
        await went_back(context.services, charge)


router.handlers += [
    PreCheckoutQueryHandler(check_out),
    MessageHandler(filters.UpdateType.MESSAGE & filters.SUCCESSFUL_PAYMENT, take_payment),
    MessageHandler(filters.UpdateType.MESSAGE & filters.StatusUpdate.REFUNDED_PAYMENT, take_refund),
]
