"""/grant: credits from the operator that stay, for a person or for who speaks as a chat."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from generation.orders.reading import read_number
from handlers.admin.access import find_id, meant_by, read_who, unknown
from handlers.admin.records import record
from handlers.replies.keyboards import Button, CallbackData
from handlers.replies.more_credits import AnswerRequest
from handlers.replies.texts import unlinked, worth
from handlers.routing import Router
from storage import chats, ledger, notices, people
from storage.ledger import Account, Pot
from storage.notices import NoticeKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from telegram import Message

    from handlers.context import Services
    from handlers.replies.texts import Translator
    from handlers.senders import Sender
    from storage.chats import Chat
    from storage.database import Connection

router = Router()

MOST_CREDITS = 1_000_000
"""In one grant or one pool: more is a slip of the finger."""
LONGEST_NOTE = 200
"""Characters of the note that goes with it."""


@dataclass(frozen=True, slots=True)
class Gift:
    """What /grant asks for; `who` is an id, an @name without its @, or None: the one answered.

    The id of a group or channel is below zero.
    """

    who: int | str | None
    credits: int
    note: str | None


def read_grant(words: Sequence[str], *, answers_somebody: bool) -> Gift | None:
    """Read `WHO CREDITS [NOTE]`, or `CREDITS [NOTE]` in an answer to somebody's message.

    None where it is neither. An answer may still name somebody else, by @name or by id: two
    numbers are always an id and credits.
    """
    first, second = (*words, "", "")[:2]
    two_numbers = isinstance(read_who(first), int) and read_number(second) is not None
    named = not answers_somebody or first.startswith("@") or two_numbers
    who, rest = (read_who(first), words[1:]) if named else (None, words)
    credits_ = read_number(rest[0]) if rest else None
    if (named and who is None) or not credits_ or credits_ > MOST_CREDITS:
        return None
    return Gift(who, credits_, " ".join(rest[1:])[:LONGEST_NOTE] or None)


@router.command("grant")
async def grant(
    sender: Sender, message: Message, words: Sequence[str], cause: str, services: Services
) -> None:
    """Give credits once, and owe the person a word about it."""
    author = meant_by(message.reply_to_message)
    gift = read_grant(words, answers_somebody=author is not None)
    if gift is None:
        text = grant_usage(sender.translator)
    else:
        named = author if gift.who is None else gift.who
        who = None if named is None else await _found(services, named)
        text = await _give(services, sender, who, gift, cause)
    await sender.reply(text, reply_to=message.message_id)


def grant_usage(translator: Translator) -> str:
    """Say how /grant is written."""
    return translator.gettext(
        "Write /grant WHO CREDITS [NOTE]\n"
        "WHO: an id or an @name. With the id of a group or channel (below zero), whoever writes "
        "in its name gets them.\n"
        "CREDITS: up to {most}.\n"
        "\n"
        "Or forward somebody's message here and reply to it with:\n/grant CREDITS"
    ).format(most=translator.number(MOST_CREDITS))


async def _found(services: Services, who: int | str) -> int | Chat | None:
    """Return a person's id, or a chat the bot has heard of."""
    number = await find_id(services, who)
    if number is None or number > 0:
        return number
    async with services.db.reading() as connection:
        return await chats.by_telegram_id(connection, number)


async def _give(
    services: Services, admin: Sender, who: int | Chat | None, gift: Gift, cause: str
) -> str:
    """Give once; say what was done."""
    translator = admin.translator
    if who is None:
        return unknown(gift.who, translator)
    if isinstance(who, int):
        return await _give_person(services, admin, who, gift, cause)
    async with services.db.transaction() as tx:
        account, whom = Account.chat(who.id), who.telegram_id
        await _enter(tx, services, account, gift, whom=whom, by=admin, cause=cause)
    # its members have credits of their own each, and the pool beside them
    return translator.gettext("{title} has {credits} more, for what is asked in its name.").format(
        title=unlinked(who.title), credits=translator.credits(gift.credits)
    )


async def _enter(
    tx: Connection, services: Services, account: Account, gift: Gift,
    *, whom: int, by: Sender, cause: str,
) -> None:  # fmt: skip
    now = services.clock()
    await ledger.grant(tx, account, Pot.GRANTED, gift.credits, cause=cause, note=gift.note, now=now)
    # the note stands in the ledger, where it goes with what else is known of a person
    await record(tx, services, by, cause, "grant", whom=whom, details=str(gift.credits))


async def _give_person(services: Services, admin: Sender, who: int, gift: Gift, cause: str) -> str:
    """Write the grant and the notice of it in one."""
    now, cost, translator = services.clock(), services.usual_cost, admin.translator
    async with services.db.transaction() as tx:
        person = await people.find(tx, who)
        await _enter(tx, services, Account.person(who), gift, whom=who, by=admin, cause=cause)
        # of two buttons tapped at once, the first one gave
        gift = replace(gift, credits=await ledger.given(tx, cause))
        if person is not None:
            chat = await notices.owe_person(
                tx, who, NoticeKind.GRANTED, cause=f"{cause}:granted", now=now,
                credits=gift.credits, cost=cost, note=gift.note,
            )  # fmt: skip
    if person is None:
        return translator.gettext(
            "{who} has never written to me. They get {credits} when they do."
        ).format(who=who, credits=translator.credits(gift.credits))
    services.wake(chat)
    return translator.gettext("{name} has {credits} more.").format(
        name=unlinked(person.name), credits=translator.credits(gift.credits)
    )


GIFTS = (1, 5, 20)
"""What buttons give a person once, in usual videos."""


class GrantTo(CallbackData, prefix="grantto"):
    """Ask how many credits a person is given."""

    person: int


class Give(CallbackData, prefix="give"):
    """Give a person credits once."""

    person: int
    credits: int


@router.button(GrantTo, admins=True)
async def choose_gift(sender: Sender, press: GrantTo, services: Services) -> None:
    """Ask an admin how much somebody of the list of people is given."""
    cost = services.usual_cost
    async with services.db.reading() as connection:
        name = await people.called(connection, press.person)
    rows = [
        [Button(worth(sender.translator, count * cost, cost), Give(press.person, count * cost))]
        for count in GIFTS
    ]
    await sender.answer()
    text = sender.translator.gettext(
        "How many credits for {name}?\n\nFor any other number, write:\n/grant {number} CREDITS"
    )
    await sender.reply(text.format(name=unlinked(name), number=press.person), buttons=rows)


@router.button(Give, admins=True)
async def give(sender: Sender, press: Give, shown: int, services: Services) -> None:
    """Give what was chosen, once for each time it was asked."""
    gift, cause = Gift(press.person, press.credits, None), f"given:{sender.chat.id}:{shown}"
    text = await _give_person(services, sender, press.person, gift, cause)
    await sender.answer()
    await sender.show(text, (), shown)


@router.button(AnswerRequest, admins=True)
async def answer_request(
    sender: Sender, press: AnswerRequest, shown: int, services: Services
) -> None:
    """Answer who asked for credits; of several admins the first one counts."""
    _, now = sender.translator.gettext, services.clock()
    cause = f"asked:{press.person}:{press.day}"
    async with services.db.transaction() as tx:
        name = unlinked(await people.called(tx, press.person))
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
