"""/paysupport passes questions to the admins, and their answers back; /terms shows the terms."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telegram.ext import filters

from handlers.replies.keyboards import button_data, is_from_bot
from handlers.replies.letting_in import asked_text
from handlers.replies.more_credits import AnswerSupport, WriteBack, sold
from handlers.replies.texts import contact_text, sanitize, truncate
from handlers.routing import ANY_COMMAND, PredicateFilter, Router, access_refusal
from storage import DAY_SECONDS, notices, payments, people, statistics
from storage.ledger import Account
from storage.notices import NoticeKind

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from telegram import Message

    from handlers.context import Services
    from handlers.replies.keyboards import CallbackData
    from handlers.replies.texts import Translator
    from handlers.senders import Sender
    from storage.database import Connection
    from storage.payments import Payment

router = Router()

MAX_QUESTION_LENGTH, MAX_ANSWER_LENGTH = 1000, 3500
"""Characters of a question and of an answer that are passed on."""
MAX_QUESTIONS_A_DAY = 5
"""Questions of one person that are passed on in a day."""
PAYMENTS, FAILURES = 5, 3
"""How many of the person's latest payments and failed videos the admins see."""


@router.command("paysupport")
async def ask_support(
    sender: Sender, message: Message, words: Sequence[str], *, cause: str, services: Services
) -> None:
    """Pass a question on to the admins, or explain how to ask."""
    if not sender.chat.is_private or sender.person is None:
        await sender.invite("paysupport", message.message_id)
    elif text := await _ban_text(sender, services):
        await sender.reply(text)
    elif words:
        await _forward_question(sender, " ".join(words), cause, services)
    else:
        await explain(sender, services)


async def _ban_text(sender: Sender, services: Services) -> str | None:
    """Return the refusal of a banned sender who never paid; None for all others."""
    async with services.db.reading() as connection:
        if await payments.latest(connection, person=sender.account.id, limit=1):
            return None
    return access_refusal(sender, {}, services)


async def _forward_question(sender: Sender, words: str, cause: str, services: Services) -> None:
    """Owe the admins a notice with a question, and with the sender's payments and failures."""
    _, now, person = sender.translator.gettext, services.clock(), sender.account.id
    admins, about = services.admins, f"support:{person}:"
    async with services.db.transaction() as tx:
        paid = await payments.latest(tx, person=person, limit=PAYMENTS)
        if await admins.times_told(tx, about, since=now - DAY_SECONDS) >= MAX_QUESTIONS_A_DAY:
            text = _("You asked often today. Please wait for the answer.")
        else:
            told = await admins.ask(
                tx, NoticeKind.SUPPORT_WANTED, cause=f"{about}{cause}", now=now,
                # questions of people who paid are always passed on
                in_a_crowd=bool(paid),
                person=person, name=await people.name_and_id(tx, person),
                words=truncate(words, MAX_QUESTION_LENGTH),
                payments=[await _payment_facts(tx, payment, now) for payment in paid],
                failures=await statistics.last_failures(
                    tx, Account.person(person), limit=FAILURES
                ),
            )  # fmt: skip
            passed_on = _("I passed that on. The answer comes here.")
            text = asked_text(sender.translator, told, before=passed_on, now=passed_on)
    await sender.reply(_with_contact(text, services, sender.translator))


async def _payment_facts(tx: Connection, payment: Payment, now: float) -> dict[str, Any]:
    return {
        "payment": payment.id,
        "credits": payment.credits,
        "for_group": payment.title,
        "stars": payment.stars,
        "ago": max(1.0, now - payment.paid_at),
        "used": await payments.used(tx, payment) if payment.ended_at is None else None,
    }


def _with_contact(text: str, services: Services, translator: Translator) -> str:
    contact = services.policy.support_contact
    return f"{text}\n{contact_text(translator, contact)}" if contact else text


async def explain(sender: Sender, services: Services) -> None:
    """Explain how to ask, and list the sender's payments."""
    translator, now = sender.translator, services.clock()
    lines = [
        translator.gettext(
            "Is something wrong with a payment? Write /paysupport and what happened, in one "
            "message. I pass it on to the owner of this bot, and bring you the answer."
        )
    ]
    async with services.db.reading() as connection:
        of_sender = await payments.latest(connection, person=sender.account.id, limit=PAYMENTS)
    for payment in of_sender:
        line = (
            translator.gettext("Payment {payment}: {credits}, {stars} ⭐, {time} ago")
            if payment.ended_at is None
            else translator.gettext(
                "Payment {payment}: {credits}, {stars} ⭐, {time} ago, refunded"
            )
        )
        lines.append(
            line.format(
                payment=payment.id,
                credits=sold(payment.credits, payment.title, translator),
                stars=translator.number(payment.stars),
                time=translator.duration(max(1.0, now - payment.paid_at)),
            )
        )
    await sender.reply(_with_contact("\n".join(lines), services, translator))


def _replies_to(kind: type[CallbackData]) -> PredicateFilter:
    """Return the filter of replies to messages of ours that have a button of a kind."""

    def holds(message: Message) -> bool:
        asked = message.reply_to_message
        return is_from_bot(asked) and bool(button_data(asked, kind))

    return PredicateFilter(holds)


_IN_PRIVATE = filters.ChatType.PRIVATE & ~filters.FORWARDED & ~ANY_COMMAND


@router.message(_IN_PRIVATE & _replies_to(AnswerSupport), admins=True)
async def answer_support(sender: Sender, message: Message, cause: str, services: Services) -> None:
    """Pass an admin's answer on to the person who asked, once."""
    _, now = sender.translator.gettext, services.clock()
    asked = button_data(message.reply_to_message, AnswerSupport)[0]
    if message.text is None:
        await sender.reply(_("I can pass on words only."), reply_to=message.message_id)
        return
    async with services.db.transaction() as tx:
        chat = await notices.owe_person(
            tx, asked.person, NoticeKind.SUPPORT_ANSWERED, cause=f"{cause}:support", now=now,
            words=message.text[:MAX_ANSWER_LENGTH],
        )  # fmt: skip
        name = await people.name_and_id(tx, asked.person)
    services.wake(chat)
    words = _("I pass it on to {name}.").format(name=sanitize(name))
    await sender.reply(words, reply_to=message.message_id)


@router.message(_IN_PRIVATE & _replies_to(WriteBack), when_banned=True)
async def write_back(sender: Sender, message: Message, cause: str, services: Services) -> None:
    """Pass a reply to an admin's answer on to the admins."""
    if refusal := await _ban_text(sender, services):
        await sender.reply(refusal)
        return
    if message.text is None:
        text = sender.translator.gettext("I can pass on words only.")
        await sender.reply(text, reply_to=message.message_id)
        return
    await _forward_question(sender, message.text, cause, services)


@router.button(WriteBack, when_banned=True)
@router.button(AnswerSupport, admins=True)
async def explain_answering(sender: Sender) -> None:
    """Explain that a reply to the message is passed on."""
    text = sender.translator.gettext("Reply to this message with your answer, and I pass it on.")
    await sender.answer(text, alert=True)


@router.command("terms")
async def terms(sender: Sender, message: Message, services: Services) -> None:
    """Show the terms of sale, and where to read more."""
    _, policy = sender.translator.gettext, services.policy
    lines = []
    if policy.stars_per_credit:
        lines.append(
            _(
                "Credits are for videos made by this bot. They do not expire. If a video fails, "
                "its credits come back by themselves. For a refund, write /paysupport."
            )
        )
    if policy.terms_url:
        lines.append(_("Our terms: {address}").format(address=policy.terms_url))
    if not lines:
        lines.append(_("This bot sells nothing, and has no terms of its own."))
    reply_to = None if sender.chat.is_private else message.message_id
    await sender.reply(
        _with_contact("\n".join(lines), services, sender.translator), reply_to=reply_to
    )
