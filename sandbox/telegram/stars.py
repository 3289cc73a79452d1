"""Payments to the bot in Telegram Stars, and the list of its transactions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sandbox.telegram.actors import Person

Json = dict[str, Any]


@dataclass(eq=False, slots=True)
class StarPayment:
    """A payment of a person to the bot."""

    charge_id: str
    person: Person
    stars: int
    payload: str
    refunded: bool = False

    def as_json(self) -> Json:
        """Return the SuccessfulPayment or RefundedPayment object."""
        return {
            "currency": "XTR",
            "total_amount": self.stars,
            "invoice_payload": self.payload,
            "telegram_payment_charge_id": self.charge_id,
            "provider_payment_charge_id": "",
        }


class Stars:
    """The bot's payments by charge id, and every transaction, oldest first."""

    def __init__(self) -> None:
        self.payments: dict[str, StarPayment] = {}
        self.transactions: list[Json] = []

    def record_payment(self, payment: StarPayment, *, now: float) -> None:
        """Record a payment."""
        self.payments[payment.charge_id] = payment
        self._record(payment, "source", now)

    def record_refund(self, payment: StarPayment, *, now: float) -> None:
        """Record a refund, under the payment's own id."""
        payment.refunded = True
        self._record(payment, "receiver", now)

    def _record(self, payment: StarPayment, side: str, now: float) -> None:
        partner = {
            "type": "user",
            "transaction_type": "invoice_payment",
            "user": payment.person.as_json(),
            "invoice_payload": payment.payload,
        }
        self.transactions.append(
            {
                "id": payment.charge_id,
                "amount": payment.stars,
                "date": int(now),
                side: partner,
            }
        )
