"""Payments kept right: credited once, given back once by /refund, compared with Telegram's list."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from generation.models import pricing
from handlers.routing import Router
from storage import chats, notices, payments, people
from storage.notices import Admins, Notice, NoticeKind

if TYPE_CHECKING:
    from handlers.context import Services
    from storage.database import Connection
    from storage.payments import Charge, Payment

router = Router()
logger = logging.getLogger(__name__)


async def credit(services: Services, charge: Charge) -> bool:
    """Write down a payment with its credits and its receipt; False where that is done already."""
    now, rate = services.clock(), pricing.to_micros(services.terms.credit_usd)
    async with services.db.transaction() as tx:
        payment = await payments.credit(tx, charge, credit_micros=rate)
        if payment is None:
            return False
        if not payment.credits:
            logger.error("payment %d is by an invoice nobody can read", payment.id)
            await _tell_admins(tx, services, payment, NoticeKind.PAYMENT_UNREADABLE, now)
        chat = await _tell_payer(tx, services, payment, NoticeKind.PURCHASED, now)
    services.wake(chat)
    return True


async def went_back(services: Services, charge_id: str) -> None:
    """Take back what a payment bought that went back, once."""
    async with services.db.transaction() as tx:
        await payments.end(tx, charge_id, now=services.clock())


async def _tell_payer(
    tx: Connection, services: Services, payment: Payment, kind: NoticeKind, now: float
) -> int:
    """Owe who paid a word about it; returns their chat."""
    chat = await chats.private_with(tx, payment.person, now=now)
    notice = Notice(
        cause=f"payment:{payment.id}:{kind}",
        chat=chat.id,
        kind=kind,
        facts=_facts(payment) | {"cost": services.usual_cost},
        person=payment.person if await people.find(tx, payment.person) else None,
    )
    await notices.owe(tx, notice, now=now)
    return chat.id


async def _tell_admins(
    tx: Connection, services: Services, payment: Payment, kind: NoticeKind, now: float
) -> None:
    admins = Admins(services.policy.admin_ids, services.wake)
    name = await people.called(tx, payment.person)
    cause = f"payment:{payment.id}:{kind}"
    await admins.notify(tx, kind, cause=cause, now=now, name=name, **_facts(payment))


def _facts(payment: Payment) -> dict[str, int]:
    return {"payment": payment.id, "credits": payment.credits, "stars": payment.stars}
