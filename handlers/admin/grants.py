"""/grant: credits that do not expire, for a person or for those who write as a group or channel."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from generation.orders.reading import read_number
from handlers.admin.access import find_id, read_who, target_of_reply, unknown_text
from handlers.admin.records import record
from handlers.replies.keyboards import Button, CallbackData, ticked
from handlers.replies.more_credits import AnswerRequest
from handlers.replies.texts import sanitize, worth
from handlers.routing import Router
from storage import chats, ledger, notices, people
from storage.ledger import Account, Pot
from storage.notices import NoticeKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from telegram import Message

    from handlers.context import Services
    from handlers.replies.texts import Translator
    from handlers.senders import Sender
    from storage.database import Connection

router = Router()

MAX_CREDITS = 1_000_000
"""The most in one grant or pool: more is a typing error."""
MAX_NOTE_LENGTH = 200
"""Characters of the note of a grant."""


@dataclass(frozen=True, slots=True)
class Grant:
    """The arguments of /grant; `who` is an id, below zero for a group or channel, or an @name."""

    who: int | str
    credits: int
    note: str | None


def read_grant(words: Sequence[str], author: int | None = None) -> Grant | None:
    """Read `WHO CREDITS [NOTE]`, or `CREDITS [NOTE]` in a reply to an author; None for neither.

    A reply may still name another person, by @name or id: two numbers are an id and credits.
    """
    first, second = (*words, "", "")[:2]
    two_numbers = isinstance(read_who(first), int) and read_number(second) is not None
    named = author is None or first.startswith("@") or two_numbers
    who, rest = (read_who(first), words[1:]) if named else (author, words)
    credits_ = read_number(rest[0]) if rest else None
    if who is None or not credits_ or credits_ > MAX_CREDITS:
        return None
    return Grant(who, credits_, " ".join(rest[1:])[:MAX_NOTE_LENGTH] or None)


@router.command("grant")
async def grant(
    sender: Sender, message: Message, words: Sequence[str], cause: str, services: Services
) -> None:
    """Grant credits once, and owe the person a notice."""
    wanted = read_grant(words, target_of_reply(message.reply_to_message))
    text = (
        _usage(sender.translator)
        if wanted is None
        else await _grant(services, sender, wanted, cause)
    )
    await sender.reply(text, reply_to=message.message_id)


def _usage(translator: Translator) -> str:
    return translator.gettext(
        "Write /grant WHO CREDITS [NOTE]\n"
        "WHO: an id or an @name. With the id of a group or channel (below zero), whoever writes "
        "in its name gets them.\n"
        "CREDITS: up to {most}.\n"
        "\n"
        "Or forward somebody's message here and reply to it with:\n/grant CREDITS"
    ).format(most=translator.number(MAX_CREDITS))


async def _grant(services: Services, admin: Sender, wanted: Grant, cause: str) -> str:
    """Grant credits once; return the text that says what was done."""
    translator, number = admin.translator, await find_id(services, wanted.who)
    if number is not None and number > 0:
        return await _grant_person(services, admin, number, wanted, cause)
    async with services.db.transaction() as tx:
        chat = None if number is None else await chats.by_telegram_id(tx, number)
        if chat is None:
            return unknown_text(wanted.who, translator)
        account, whom = Account.chat(chat.id), chat.telegram_id
        await _store(tx, services, account, wanted, whom=whom, by=admin, cause=cause)
    # the grant is for those who write as the chat: members have their own credits and the pool
    return translator.gettext("{title} has {credits} more, for what is asked in its name.").format(
        title=sanitize(chat.title), credits=translator.credits(wanted.credits)
    )


async def _store(
    tx: Connection, services: Services, account: Account, wanted: Grant,
    *, whom: int, by: Sender, cause: str,
) -> None:  # fmt: skip
    now = services.clock()
    await ledger.grant(
        tx, account, Pot.GRANTED, wanted.credits, cause=cause, note=wanted.note, now=now
    )
    # the note is in the ledger only, where it is erased with the person's data
    await record(tx, services, by, cause, "grant", whom=whom, details=str(wanted.credits))


async def _grant_person(
    services: Services, admin: Sender, who: int, wanted: Grant, cause: str
) -> str:
    """Store a grant with its notice; return the text that says what was done."""
    now, cost, translator = services.clock(), services.usual_cost, admin.translator
    async with services.db.transaction() as tx:
        person = await people.find(tx, who)
        await _store(tx, services, Account.person(who), wanted, whom=who, by=admin, cause=cause)
        # if two buttons were tapped at once, the first one counts
        wanted = replace(wanted, credits=await ledger.given(tx, cause))
        if person is not None:
            chat = await notices.owe_person(
                tx, who, NoticeKind.GRANTED, cause=f"{cause}:granted", now=now,
                credits=wanted.credits, cost=cost, note=wanted.note,
            )  # fmt: skip
    if person is None:
        return translator.gettext(
            "{who} has never written to me. They get {credits} when they do."
        ).format(who=who, credits=translator.credits(wanted.credits))
    services.wake(chat)
    return translator.gettext("{name} has {credits} more.").format(
        name=sanitize(person.name), credits=translator.credits(wanted.credits)
    )


GRANTS = (1, 5, 20)
"""Grants that buttons offer, in usual videos."""


class GrantTo(CallbackData, prefix="grantto"):
    """Show the grants an admin can give a person."""

    person: int


class Give(CallbackData, prefix="give"):
    """Grant a person credits, once."""

    person: int
    credits: int


def amount_buttons(
    services: Services, sender: Sender, amounts: Iterable[int],
    to: Callable[[int], CallbackData], present: int | None = None,
) -> list[list[Button]]:  # fmt: skip
    """Return a button for each number of credits, the present one ticked; `to` makes its data."""
    labels = {amount: worth(sender.translator, amount, services.usual_cost) for amount in amounts}
    return [
        [Button(ticked(label, is_on=amount == present), to(amount))]
        for amount, label in labels.items()
    ]


@router.button(GrantTo, admins=True)
async def ask_grant(sender: Sender, press: GrantTo, services: Services) -> None:
    """Ask an admin how many credits to grant a person."""
    async with services.db.reading() as connection:
        name = await people.name_and_id(connection, press.person)
    amounts = [count * services.usual_cost for count in GRANTS]
    rows = amount_buttons(services, sender, amounts, partial(Give, press.person))
    await sender.answer()
    text = sender.translator.gettext(
        "How many credits for {name}?\n\nFor any other number, write:\n/grant {number} CREDITS"
    )
    await sender.reply(text.format(name=sanitize(name), number=press.person), buttons=rows)


@router.button(Give, admins=True)
async def grant_chosen(sender: Sender, press: Give, shown: int, services: Services) -> None:
    """Grant the credits of the button, once for each message that asks."""
    wanted, cause = Grant(press.person, press.credits, None), f"given:{sender.chat.id}:{shown}"
    text = await _grant_person(services, sender, press.person, wanted, cause)
    await sender.answer()
    await sender.show(text, (), shown)


@router.button(AnswerRequest, admins=True)
async def answer_request(
    sender: Sender, press: AnswerRequest, shown: int, services: Services
) -> None:
    """Answer a person's request for credits; the first admin's answer counts."""
    _, now = sender.translator.gettext, services.clock()
    cause = f"asked:{press.person}:{press.day}"
    async with services.db.transaction() as tx:
        name = sanitize(await people.name_and_id(tx, press.person))
        whom, details = press.person, str(press.credits)
        is_first = await record(tx, services, sender, cause, "grant", whom=whom, details=details)
        if is_first:
            kind = NoticeKind.GRANTED if press.credits else NoticeKind.CREDITS_DENIED
            chat = await notices.owe_person(
                tx, press.person, kind, cause=f"{cause}:answered", now=now,
                credits=press.credits, cost=services.usual_cost,
            )  # fmt: skip
            services.wake(chat)
        if is_first and press.credits:
            await ledger.grant(
                tx, Account.person(press.person), Pot.GRANTED, press.credits,
                cause=cause, note=None, now=now,
            )  # fmt: skip
    text = (
        _("{name} was answered already.")
        if not is_first
        else _("{name} has {credits} more.")
        if press.credits
        else _("I told {name} that there are no more for now.")
    ).format(name=name, credits=sender.translator.credits(press.credits))
    await sender.answer("" if is_first else text)
    await sender.show(text, (), shown)
