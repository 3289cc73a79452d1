"""/grant and /limit: credits from the operator.

A grant stays, for a person or for who speaks as a group or channel; a group's pool is renewed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from generation.orders import balances
from handlers.admin.access import GrantTo, find_id, meant_by, read_who, unknown
from handlers.commands import read_number
from handlers.replies.keyboards import Button, CallbackData
from handlers.replies.more_credits import AnswerRequest
from handlers.replies.texts import unlinked, worth
from handlers.routing import Router
from storage import chats, ledger, people
from storage import notices as owing
from storage.ledger import Account, Pot
from storage.notices import Notice, NoticeKind

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
        text = await _give(services, who, gift, cause, sender.translator)
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
    services: Services, who: int | Chat | None, gift: Gift, cause: str, translator: Translator
) -> str:
    """Give once; say what was done."""
    if who is None:
        return unknown(gift.who, translator)
    if isinstance(who, int):
        return await _give_person(services, who, gift, cause, translator)
    async with services.db.transaction() as tx:
        await _enter(tx, Account.chat(who.id), gift, cause, services.clock())
    # its members have credits of their own each, and the pool beside them
    return translator.gettext("{title} has {credits} more, for what is asked in its name.").format(
        title=who.title, credits=translator.credits(gift.credits)
    )


async def _enter(tx: Connection, account: Account, gift: Gift, cause: str, now: float) -> None:
    await ledger.grant(tx, account, Pot.GRANTED, gift.credits, cause=cause, note=gift.note, now=now)


async def _give_person(
    services: Services, who: int, gift: Gift, cause: str, translator: Translator
) -> str:
    """Write the grant and the notice of it in one."""
    now, cost = services.clock(), services.usual_cost
    async with services.db.transaction() as tx:
        person = await people.find(tx, who)
        await _enter(tx, Account.person(who), gift, cause, now)
        if person is not None:
            chat = await chats.private_with(tx, who, name=person.name, now=now)
            notice = Notice(
                cause=f"{cause}:granted",
                chat=chat.id,
                kind=NoticeKind.GRANTED,
                facts={"credits": gift.credits, "cost": cost, "note": gift.note},
                person=who,
            )
            await owing.owe(tx, notice, now=now)
    if person is None:
        return translator.gettext(
            "{who} has never written to me. They get {credits} when they do."
        ).format(who=who, credits=translator.credits(gift.credits))
    services.wake(chat.id)
    return translator.gettext("{name} has {credits} more.").format(
        name=person.name, credits=translator.credits(gift.credits)
    )


GIFTS, POOLS = (1, 5, 20), (10, 50, 200)
"""What buttons give a person once, and a group per period, in usual videos."""


@dataclass(frozen=True, slots=True)
class Give(CallbackData):
    """Give a person credits once."""

    prefix: ClassVar[str] = "give"
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
async def give(sender: Sender, press: Give, shown: int | None, services: Services) -> None:
    """Give what was chosen, once for each time it was asked."""
    if shown is None:
        await sender.answer(sender.translator.gettext("This button is old."))
        return
    gift, cause = Gift(press.person, press.credits, None), f"given:{sender.chat.id}:{shown}"
    text = await _give_person(services, press.person, gift, cause, sender.translator)
    await sender.answer()
    await sender.show(text, (), shown)


@router.button(AnswerRequest, admins=True)
async def answer_request(
    sender: Sender, press: AnswerRequest, shown: int | None, services: Services
) -> None:
    """Answer who asked for credits; of several admins the first one counts."""
    _, now = sender.translator.gettext, services.clock()
    if shown is None:
        await sender.answer(_("This button is old."))
        return
    cause = f"asked:{press.person}:{press.day}"
    async with services.db.transaction() as tx:
        chat = await chats.private_with(tx, press.person, now=now)
        name = unlinked(await people.called(tx, press.person))
        notice = Notice(
            cause=f"{cause}:answered",
            chat=chat.id,
            kind=NoticeKind.GRANTED if press.credits else NoticeKind.CREDITS_DENIED,
            facts={"credits": press.credits, "cost": services.usual_cost},
            person=press.person,
        )
        is_first = await owing.owe(tx, notice, now=now)
        if is_first and press.credits:
            gift = Gift(press.person, press.credits, None)
            await _enter(tx, Account.person(press.person), gift, cause, now)
    services.wake(chat.id)
    text = (
        _("{name} was answered already.")
        if not is_first
        else _("{name} has {credits} more.")
        if press.credits
        else _("I told {name} that there are no more for now.")
    ).format(name=name, credits=sender.translator.credits(press.credits))
    await sender.answer("" if is_first else text)
    await sender.show(text, (), shown)


@dataclass(frozen=True, slots=True)
class SetPool(CallbackData):
    """Give a chat, by our number, a pool of so many credits per period; 0 takes it away."""

    prefix: ClassVar[str] = "setpool"
    chat: int
    credits: int


async def show_pool(
    services: Services, sender: Sender, chat: Chat, message_id: int | None = None
) -> None:
    """Show an admin what a group's members may share, and what it could be."""
    _, cost = sender.translator.gettext, services.usual_cost
    async with services.db.reading() as connection:
        group = await chats.group_of(connection, chat.id)
    rows = [
        [
            Button(
                f"{'✓ ' if amount == group.pool else ''}{worth(sender.translator, amount, cost)}",
                SetPool(chat.id, amount),
            )
        ]
        for amount in (count * cost for count in POOLS)
    ]
    none = _("No pool") if group.pool else _("✓ No pool")
    text = _(
        "What the members of {title} share, renewed as the free allowance is.\n"
        "\n"
        "For any other number, and for how much each of them gets, write:\n"
        "/limit {number} CREDITS SHARE"
    ).format(title=unlinked(chat.title), number=chat.telegram_id)
    await sender.show(text, [*rows, [Button(none, SetPool(chat.id, 0))]], message_id)


@router.button(SetPool, admins=True)
async def set_pool(sender: Sender, press: SetPool, shown: int | None, services: Services) -> None:
    """Give a group the pool that was chosen."""
    async with services.db.transaction() as tx:
        chat = await chats.find(tx, press.chat)
        if chat is not None and shown is not None:
            await chats.choose(tx, chat.id, pool=press.credits)
    if chat is None or shown is None:
        await sender.answer(sender.translator.gettext("This button is old."))
        return
    await sender.answer(sender.translator.gettext("Saved."))
    await show_pool(services, sender, chat, shown)


@dataclass(frozen=True, slots=True)
class Limit:
    """What /limit asks for: the group by Telegram's id, credits for all and for each member."""

    group: int
    credits: int
    share: int | None


def read_limit(words: Sequence[str]) -> Limit | None:
    """Read `ID CREDITS [SHARE]`; None where it is something else."""
    if len(words) not in {2, 3}:
        return None
    group, all_, share = read_who(words[0]), read_number(words[1]), read_number((*words, "0")[2])
    if not isinstance(group, int) or group > 0 or all_ is None or share is None:
        return None
    return None if max(all_, share) > MOST_CREDITS else Limit(group, all_, share or None)


def limit_usage(translator: Translator) -> str:
    """Say how /limit is written."""
    return translator.gettext(
        "Write /limit ID CREDITS [SHARE]\n"
        "ID: the group's, below zero.\n"
        "CREDITS: for the whole group, renewed as the free allowance is. 0 takes the pool away.\n"
        "SHARE: at most so many of them for each member."
    )


@router.command("limit")
async def limit(sender: Sender, words: Sequence[str], services: Services) -> None:
    """Show the pools, or set a group's."""
    wanted = read_limit(words)
    if wanted is not None:
        text = await _set(services, sender, wanted)
    elif words:
        text = limit_usage(sender.translator)
    else:
        text = await _shown(services, sender)
    await sender.reply(text)


async def _set(services: Services, sender: Sender, wanted: Limit) -> str:
    _ = sender.translator.gettext
    async with services.db.transaction() as tx:
        chat = await chats.by_telegram_id(tx, wanted.group)
        if chat is None:
            return _("I am in no group {number}.").format(number=wanted.group)
        await chats.choose(tx, chat.id, pool=wanted.credits, share=wanted.share)
    if not wanted.credits:
        return _("{title} has no pool any more.").format(title=chat.title)
    text = _("{title} has a pool of {credits}.").format(
        title=chat.title, credits=sender.translator.credits(wanted.credits)
    )
    return f"{text} {_each(wanted.share, sender.translator)}".strip()


def _each(share: int | None, translator: Translator) -> str:
    if share is None:
        return ""
    return translator.gettext("Each member may use {share} of them.").format(
        share=translator.number(share)
    )


async def _shown(services: Services, sender: Sender) -> str:
    """List the pools with what is left in each."""
    lines, translator = [], sender.translator
    async with services.db.reading() as connection:
        for group in await chats.with_pools(connection):
            chat = await chats.find(connection, group.chat)
            pool = await balances.pool(
                connection, group.chat, Account.chat(group.chat), services.terms, services.clock()
            )
            if chat is not None and pool is not None:
                line = translator.gettext("{title} ({number}): {left} of {all} left.").format(
                    title=chat.title,
                    number=chat.telegram_id,
                    left=translator.number(pool.left),
                    all=translator.credits(pool.all),
                )
                lines.append(f"{line} {_each(pool.share, translator)}".strip())
    return "\n\n".join([*lines, limit_usage(translator)])
