"""/refund, and how payments are credited, reversed and compared with Telegram's list."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from telegram import TransactionPartnerUser
from telegram.constants import StarTransactionsLimit
from telegram.constants import TransactionPartnerUser as TransactionKind

from generation.models import pricing
from handlers.admin.access import find_id, read_who, unknown_text
from handlers.admin.records import record
from handlers.replies.keyboards import Button, CallbackData
from handlers.replies.more_credits import Purchase, charge_for, sold
from handlers.replies.sending import Refused, SendError, Unreachable, Unreadable, translate_errors
from handlers.replies.texts import sanitize
from handlers.routing import Router
from handlers.senders import STALE_MESSAGE_SECONDS
from storage import notices, payments, people
from storage.notices import Notice, NoticeKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from telegram import StarTransaction, User
    from telegram.ext import ExtBot

    from handlers.context import Context, Services
    from handlers.replies.sending import Urgency
    from handlers.replies.texts import Translator
    from handlers.senders import Sender
    from storage.database import Connection
    from storage.payments import Charge, Payment

router = Router()
logger = logging.getLogger(__name__)

ALREADY_REFUNDED = "CHARGE_ALREADY_REFUNDED"
"""Telegram's error for a payment that was refunded before."""
MAX_PAGES = 100
"""Pages of Telegram's list that are read in a day; the next day continues."""
LATEST_SHOWN = 5
"""Payments listed by /refund without a number."""


async def credit(services: Services, charge: Charge, payer: User) -> bool:
    """Store a payment with its credits and its receipt; return False if it was stored before."""
    now, rate = services.clock(), pricing.to_micros(services.offer.credit_usd)
    async with services.db.transaction() as tx:
        payment = await payments.credit(tx, charge, credit_micros=rate)
        if payment is None:
            return False
        # in a group, the payer may never have written to the bot
        await people.upsert(
            tx, payer.id, name=payer.first_name, username=payer.username,
            language=payer.language_code, now=now,
        )  # fmt: skip
        if not payment.credits:
            logger.warning("payment %d is for an invoice that cannot be read", payment.id)
            await _tell_admins(tx, services, payment, NoticeKind.PAYMENT_UNREADABLE, now)
        await _owe_notices(
            tx, services, payment, now, payer=NoticeKind.PURCHASED,
            group=NoticeKind.GROUP_PURCHASED, thread_id=charge.thread_id,
        )  # fmt: skip
    return True


async def reverse_payment(services: Services, charge: Charge) -> None:
    """Take back the credits of a payment that was refunded, once, and notify all concerned."""
    now, rate = services.clock(), pricing.to_micros(services.offer.credit_usd)
    async with services.db.transaction() as tx:
        await payments.credit(tx, charge, credit_micros=rate)
        known = await payments.by_charge(tx, charge.charge_id)
        if known and not known.refund_by and now - services.restored_at < STALE_MESSAGE_SECONDS:
            # an admin may have refunded it after the backup that was restored
            await payments.ask_refund(tx, known.id, by=0)
        ended = await payments.end(tx, charge.charge_id, now=now)
        if ended is None:
            return
        payment, spent = ended
        facts = {"used": spent}
        to_payer, to_admins = (
            (NoticeKind.TAKEN_BACK, NoticeKind.PAYMENT_TAKEN_BACK)
            if payment.taken_back
            else (NoticeKind.REFUNDED, NoticeKind.REFUND_DONE)
        )
        await _tell_admins(tx, services, payment, to_admins, now, **facts)
        await _owe_notices(
            tx, services, payment, now, payer=to_payer, group=NoticeKind.GROUP_REFUNDED, **facts
        )


async def _owe_notices(
    tx: Connection, services: Services, payment: Payment, now: float, *, payer: NoticeKind,
    group: NoticeKind, thread_id: int | None = None, **more: Any,
) -> None:  # fmt: skip
    """Owe a notice to the payer, and to the group that was paid for."""
    cause, facts = f"payment:{payment.id}", _facts(payment) | {"cost": services.usual_cost} | more
    chat = await notices.owe_person(
        tx, payment.person, payer, cause=f"{cause}:{payer}", now=now, **facts
    )
    services.wake(chat)
    if payment.chat is not None:
        person = await people.find(tx, payment.person)
        notice = Notice(
            cause=f"{cause}:{group}", chat=payment.chat, kind=group, thread_id=thread_id,
            facts=facts | {"name": person.name if person else ""},
        )  # fmt: skip
        await notices.owe(tx, notice, now=now)
        services.wake(payment.chat)


async def _tell_admins(
    tx: Connection, services: Services, payment: Payment, kind: NoticeKind, now: float, **more: Any
) -> None:
    facts = _facts(payment) | {"name": await people.name_and_id(tx, payment.person)} | more
    # each refusal by Telegram is reported
    when = f":{now}" if kind is NoticeKind.REFUND_REFUSED else ""
    await services.admins.notify(
        tx, kind, cause=f"payment:{payment.id}:{kind}{when}", now=now, **facts
    )


def _facts(payment: Payment) -> dict[str, Any]:
    return {
        "payment": payment.id,
        "person": payment.person,
        "credits": payment.credits,
        "stars": payment.stars,
        "for_group": payment.title,
    }


async def _send_refund(bot: ExtBot[Urgency], services: Services, payment: Payment) -> None:
    """Ask Telegram to refund a payment, which it does once even if it is asked again.

    Raises:
        SendError: the outcome is unknown; ask again later.
    """
    try:
        with translate_errors():
            is_done = await bot.refund_star_payment(payment.person, payment.charge_id)
        if is_done is not True:
            raise Unreadable(f"payment {payment.id} may be refunded: {is_done!r}")
    except (Refused, Unreachable) as refusal:
        if ALREADY_REFUNDED not in str(refusal).upper():
            kind, why, now = NoticeKind.REFUND_REFUSED, str(refusal), services.clock()
            async with services.db.transaction() as tx:
                if await payments.drop_refund(tx, payment.id):
                    await _tell_admins(tx, services, payment, kind, now, why=why)
            return
    await reverse_payment(services, payment)


async def retry_refunds(bot: ExtBot[Urgency], services: Services) -> None:
    """Ask again for each refund whose outcome is unknown, even if one of them fails.

    Raises:
        SendError: the outcome of at least one is still unknown.
    """
    async with services.db.reading() as connection:
        waiting = await payments.to_refund(connection)
    unknown_yet: SendError | None = None
    for payment in waiting:
        try:
            await _send_refund(bot, services, payment)
        except SendError as error:
            unknown_yet = error
    if unknown_yet is not None:
        raise unknown_yet


async def reconcile(bot: ExtBot[Urgency], services: Services) -> None:
    """Compare the payments with Telegram's list, from where the last comparison stopped.

    An unknown payment is credited, a refunded one reversed. Transactions older than the first
    comparison are skipped: they belong to the database that was in use then.

    Raises:
        SendError: Telegram does not return the list now.
    """
    async with services.db.transaction() as tx:
        cursor = await payments.read_cursor(tx, now=services.clock())
    read, last_id = cursor.read, cursor.last_id
    if read:
        last = await _read_page(bot, read - 1, 1)
        if not last or last[0].id != last_id:
            logger.warning("Telegram's list of transactions changed: reading it from the start")
            read = 0
    for _ in range(MAX_PAGES):
        page = await _read_page(bot, read, StarTransactionsLimit.MAX_LIMIT)
        for transaction in page:
            # Telegram's dates are in whole seconds
            if transaction.date.timestamp() >= int(cursor.since):
                await _apply_transaction(services, transaction)
        read, last_id = read + len(page), page[-1].id if page else last_id
        async with services.db.transaction() as tx:
            await payments.move_cursor(tx, read, last_id)
        if len(page) < StarTransactionsLimit.MAX_LIMIT:
            return


async def _read_page(bot: ExtBot[Urgency], offset: int, limit: int) -> Sequence[StarTransaction]:
    with translate_errors():
        return (await bot.get_star_transactions(offset, limit)).transactions


async def _apply_transaction(services: Services, transaction: StarTransaction) -> None:
    """Credit the payment, or reverse the refunded payment, that a transaction reports."""
    partner = transaction.source or transaction.receiver
    if not isinstance(partner, TransactionPartnerUser):
        return
    charge: Charge | None = None
    bought = Purchase.read(partner.invoice_payload or "") if transaction.amount > 0 else None
    if bought is not None and partner.transaction_type == TransactionKind.INVOICE_PAYMENT:
        charge = charge_for(
            bought,
            transaction.id,
            person=partner.user.id,
            stars=transaction.amount,
            paid_at=transaction.date.timestamp(),
        )
    if transaction.source is None:
        async with services.db.reading() as connection:
            charge = await payments.by_charge(connection, transaction.id) or charge
        if charge is not None:
            await reverse_payment(services, charge)
    elif charge is not None and await credit(services, charge, partner.user):
        logger.warning("credited a missed payment of %d Stars from Telegram's list", charge.stars)


class _ShowRefund(CallbackData, prefix="torefund"):
    payment: int


class Refund(CallbackData, prefix="refund"):
    """Refund a payment of which `used` credits were shown as used.

    After a restore, its number may belong to another payment: `paid_at` must match too.
    """

    payment: int
    paid_at: int
    used: int


@router.command("refund")
async def refund(sender: Sender, words: Sequence[str], services: Services) -> None:
    """Show a payment and how much of it is used, with a button that refunds it."""
    who = read_who(words[0]) if words else None
    if isinstance(who, int):
        await _show(services, sender, who, None)
    else:
        await _list(services, sender, who)


async def _list(services: Services, sender: Sender, name: str | None) -> None:
    """List the latest payments, of all people or of one, with a button for each."""
    _ = sender.translator.gettext
    person = None if name is None else await find_id(services, name)
    if name is not None and person is None:
        await sender.reply(unknown_text(name, sender.translator))
        return
    async with services.db.reading() as connection:
        found = await payments.latest(connection, person=person, limit=LATEST_SHOWN)
        lines = [await _payment_line(connection, services, one, sender.translator) for one in found]
    usage = _("Write /refund ID\nID: the number of a payment, or an @name to see theirs.")
    row = [Button(str(one.id), _ShowRefund(one.id)) for one in found if one.ended_at is None]
    await sender.reply("\n".join([usage, *lines]), buttons=[row])


async def _payment_line(
    tx: Connection, services: Services, payment: Payment, translator: Translator
) -> str:
    line = (
        translator.gettext("/refund {payment} · {name}: {credits}, {stars} ⭐, {time} ago")
        if payment.ended_at is None
        else translator.gettext(
            "Payment {payment} · {name}: {credits}, {stars} ⭐, {time} ago, went back"
        )
    )
    return line.format(
        payment=payment.id,
        name=sanitize(await people.name_and_id(tx, payment.person)),
        credits=sold(payment.credits, payment.title, translator),
        stars=translator.number(payment.stars),
        time=translator.duration(max(1.0, services.clock() - payment.paid_at)),
    )


@router.button(_ShowRefund, admins=True)
async def show_refund(sender: Sender, press: _ShowRefund, services: Services) -> None:
    """Show the payment of a button."""
    await sender.answer()
    await _show(services, sender, press.payment, None)


async def _show(services: Services, sender: Sender, number: int, shown: int | None) -> None:
    _ = sender.translator.gettext
    async with services.db.reading() as connection:
        payment = await payments.find(connection, number)
        if payment is not None:
            line = await _payment_line(connection, services, payment, sender.translator)
            spent = await payments.used(connection, payment)
    if payment is None:
        await sender.reply(_("There is no payment {number}.").format(number=number))
        return
    if payment.ended_at is not None:
        await sender.show(line, (), shown)
        return
    used = (
        sender.translator.ngettext(
            "{used} of the credits is used. It would be owed.",
            "{used} of the credits are used. They would be owed.",
            spent,
            used=sender.translator.number(spent),
        )
        if spent
        else _("None of the credits is used.")
    )
    label = _("Give {stars} ⭐ back").format(stars=sender.translator.number(payment.stars))
    if payment.refund_by is not None:
        used = _("I asked Telegram to give it back, and ask again until it answers.")
    gives = Refund(number, int(payment.paid_at), spent)
    await sender.show(f"{line}\n{used}", [[Button(label, gives, style="danger")]], shown)


@router.button(Refund, admins=True)
async def confirm_refund(
    sender: Sender, press: Refund, shown: int, *, cause: str, services: Services, context: Context
) -> None:
    """Record that a payment is to be refunded, then ask Telegram to refund it."""
    is_as_shown = False
    async with services.db.transaction() as tx:
        payment = await payments.find(tx, press.payment)
        if payment is not None and int(payment.paid_at) == press.paid_at:
            # more of it may have been used since
            is_as_shown = await payments.used(tx, payment) <= press.used
            if is_as_shown and await payments.ask_refund(tx, payment.id, by=sender.account.id):
                details = f"{payment.id}: {payment.stars} ⭐"
                whom = payment.person
                await record(tx, services, sender, cause, "refund", whom=whom, details=details)
    if payment is None or int(payment.paid_at) != press.paid_at:
        await sender.answer(sender.translator.gettext("This button is old."))
        return
    await sender.answer()
    if is_as_shown and payment.ended_at is None:
        try:
            await _send_refund(context.bot, services, payment)
        except SendError as error:
            logger.warning("the refund of payment %d has an unknown outcome: %r", payment.id, error)
    await _show(services, sender, press.payment, shown)
