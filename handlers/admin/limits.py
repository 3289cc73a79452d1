"""/limit: the free credits of one person per period, or of a group's shared pool."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from generation.orders import balances
from generation.orders.reading import read_number
from handlers.admin.access import find_id, read_who, target_of_reply, unknown_text
from handlers.admin.grants import MAX_CREDITS, amount_buttons
from handlers.admin.records import record
from handlers.replies.keyboards import Button, CallbackData, clamp_page, page_buttons, ticked
from handlers.replies.texts import sanitize, worth
from handlers.routing import Router
from storage import chats, people
from storage.ledger import Account

if TYPE_CHECKING:
    from collections.abc import Sequence

    from telegram import Message

    from handlers.context import Services
    from handlers.replies.texts import Translator
    from handlers.senders import Sender
    from storage.chats import Chat
    from storage.database import Connection

router = Router()

POOLS = (50, 100, 300)
"""Pools that buttons offer, in credits per period."""


class _SetPool(CallbackData, prefix="setpool"):
    """Set a chat's pool, in credits per period; 0 removes it. `chat` is our number."""

    chat: int
    credits: int


async def show_pool(
    services: Services, sender: Sender, chat: Chat, message_id: int | None = None
) -> None:
    """Show an admin a group's pool, with buttons that change it."""
    _ = sender.translator.gettext
    async with services.db.reading() as connection:
        group = await chats.group_of(connection, chat.id)
    rows = amount_buttons(services, sender, POOLS, partial(_SetPool, chat.id), group.pool)
    none = Button(ticked(_("No pool"), is_on=not group.pool), _SetPool(chat.id, 0))
    text = _(
        "What the members of {title} share, renewed as the free allowance is.\n"
        "\n"
        "For any other number, and for how much each of them gets, write:\n"
        "/limit {number} CREDITS SHARE"
    ).format(title=sanitize(chat.title), number=chat.telegram_id)
    await sender.show(text, [*rows, [none]], message_id)


@router.button(_SetPool, admins=True)
async def set_pool(
    sender: Sender, press: _SetPool, shown: int, cause: str, services: Services
) -> None:
    """Set a group's pool to that of the button."""
    async with services.db.transaction() as tx:
        chat = await chats.find(tx, press.chat)
        if chat is not None:
            await _store_pool(tx, services, sender, chat, cause, pool=press.credits)
    if chat is None:
        await sender.answer(sender.translator.gettext("This button is old."))
        return
    await sender.answer(sender.translator.gettext("Saved."))
    await show_pool(services, sender, chat, shown)


@dataclass(frozen=True, slots=True)
class Limit:
    """The arguments of /limit: credits of a person, or of a group and at most for each member."""

    who: int | str
    credits: int
    share: int | None = None


def read_limit(words: Sequence[str], author: int | None = None) -> Limit | None:
    """Read `WHO CREDITS [SHARE]`, the share for a group only, or `CREDITS` in a reply."""
    answers = author is not None and len(words) == 1
    who, rest = (author, words) if answers else (read_who("".join(words[:1])), words[1:])
    if len(rest) not in {1, 2} or who is None:
        return None
    all_, share = read_number(rest[0]), read_number((*rest, "0")[1])
    is_person = not isinstance(who, int) or who > 0
    if all_ is None or share is None or max(all_, share) > MAX_CREDITS or (is_person and share):
        return None
    return Limit(who, all_, share or None)


def _usage(translator: Translator) -> str:
    return translator.gettext(
        "Write /limit WHO CREDITS\n"
        "WHO: an id or an @name. CREDITS: their free allowance, in place of everybody's.\n"
        "\n"
        "Or /limit ID CREDITS SHARE\n"
        "ID: a group's, below zero. CREDITS: its pool, renewed as the free allowance is; 0 takes "
        "it away. SHARE: at most so many of them for each member."
    )


class _ShowLimits(CallbackData, prefix="limits"):
    page: int


@router.command("limit")
async def limit(
    sender: Sender, message: Message, words: Sequence[str], cause: str, services: Services
) -> None:
    """Set the limit of a person or group, or show all limits."""
    wanted = read_limit(words, target_of_reply(message.reply_to_message))
    if wanted is not None:
        await sender.reply(await _set_limit(services, sender, wanted, cause))
    elif words:
        await sender.reply(_usage(sender.translator))
    else:
        await show_limits(sender, _ShowLimits(0), None, services)


async def _set_limit(services: Services, sender: Sender, wanted: Limit, cause: str) -> str:
    who = await find_id(services, wanted.who)
    if who is None:
        return unknown_text(wanted.who, sender.translator)
    if who > 0:
        return await set_allowance(services, sender, who, wanted.credits, cause)
    _ = sender.translator.gettext
    async with services.db.transaction() as tx:
        chat = await chats.by_telegram_id(tx, who)
        if chat is None:
            return _("I am in no group {number}.").format(number=who)
        pool = {"pool": wanted.credits, "share": wanted.share}
        await _store_pool(tx, services, sender, chat, cause, **pool)
    if not wanted.credits:
        return _("{title} has no pool any more.").format(title=sanitize(chat.title))
    text = _("{title} has a pool of {credits}.").format(
        title=sanitize(chat.title), credits=sender.translator.credits(wanted.credits)
    )
    return f"{text} {_share_line(wanted.share, sender.translator)}".strip()


async def set_allowance(
    services: Services, admin: Sender, who: int, credits_: int, cause: str
) -> str:
    """Set a person's allowance, or reset it to the usual one; return the text that says so."""
    _, usual = admin.translator.gettext, services.terms.free_credits
    async with services.db.transaction() as tx:
        person = await people.find(tx, who)
        if person is None:
            return _("I don't know {who}: they have never written to me.").format(who=who)
        before = services.terms.with_allowance(person.allowance).free_credits
        details = f"{before} → {credits_}"
        if await record(tx, services, admin, cause, "limit", whom=who, details=details):
            await people.set_allowance(tx, who, None if credits_ == usual else credits_)
    text = (
        _("The free allowance of {name} is as everybody's: {all}.")
        if credits_ == usual
        else _("The free allowance of {name} is {all} now.")
    )
    all_ = worth(admin.translator, credits_, services.usual_cost)
    return text.format(name=sanitize(person.name), all=all_)


async def _store_pool(
    tx: Connection, services: Services, admin: Sender, chat: Chat, cause: str, **pool: int | None
) -> None:
    """Store a group's pool, once for each update."""
    before, who = await chats.group_of(tx, chat.id), chat.telegram_id
    details = " ".join(
        [f"{before.pool} →", *(str(one) for one in pool.values() if one is not None)]
    )
    if await record(tx, services, admin, cause, "limit", whom=who, details=details):
        await chats.choose(tx, chat.id, **pool)


def _share_line(share: int | None, translator: Translator) -> str:
    if share is None:
        return ""
    return translator.gettext("Each member may use {share} of them.").format(
        share=translator.number(share)
    )


LIMITS_PER_PAGE = 10


@router.button(_ShowLimits, admins=True)
async def show_limits(
    sender: Sender, press: _ShowLimits, shown: int | None, services: Services
) -> None:
    """List people with their own allowance, then groups with a pool, and what is left of each."""
    translator = sender.translator
    await sender.answer()
    async with services.db.reading() as tx:
        persons, pools = await people.with_allowances(tx), await chats.with_pools(tx)
        all_ = [Account.person(one) for one in persons]
        all_ += [Account.chat(group.chat) for group in pools]
        number, pages = clamp_page(press.page, len(all_), LIMITS_PER_PAGE)
        first = number * LIMITS_PER_PAGE
        lines = [
            await _line(tx, services, one, translator)
            for one in all_[first : first + LIMITS_PER_PAGE]
        ]
    lines = lines or [translator.gettext("Everybody has the same allowance, and no group a pool.")]
    text = "\n".join([*lines, "", _usage(translator)])
    await sender.show(text, [page_buttons(number, pages, _ShowLimits)], shown)


async def _line(tx: Connection, services: Services, of: Account, translator: Translator) -> str:
    """Return a line with what is left of a person's allowance or a group's pool."""
    _, now = translator.gettext, services.clock()
    if of.is_person:
        balance = await balances.balance(tx, of, services.terms, now)
        return _("{name}: {left} of {all} left.").format(
            name=sanitize(await people.name_and_id(tx, of.id)),
            left=translator.number(balance.allowance),
            all=translator.credits(await people.allowance_of(tx, of.id) or 0),
        )
    chat = await chats.find(tx, of.id)
    pool = await balances.pool(tx, of.id, of, services.terms, now)
    if chat is None or pool is None:
        return ""
    line = _("{name} ({number}): {left} of {all} left.").format(
        name=sanitize(chat.title),
        number=chat.telegram_id,
        left=translator.number(pool.left),
        all=translator.credits(pool.size),
    )
    return f"{line} {_share_line(pool.share, translator)}".strip()


class LimitTo(CallbackData, prefix="limitto"):
    """Show the allowances an admin can give a person."""

    person: int


class _SetAllowance(CallbackData, prefix="allowance"):
    person: int
    credits: int


@router.button(LimitTo, admins=True)
async def ask_allowance(sender: Sender, press: LimitTo, services: Services) -> None:
    """Ask an admin how many free credits a person has per period."""
    translator, cost, usual = sender.translator, services.usual_cost, services.terms.free_credits
    async with services.db.reading() as connection:
        name = await people.name_and_id(connection, press.person)
        allowance = await people.allowance_of(connection, press.person)
    has = services.terms.with_allowance(allowance).free_credits
    amounts = sorted({0, cost, usual, 2 * usual, 5 * usual, has})
    rows = amount_buttons(services, sender, amounts, partial(_SetAllowance, press.person), has)
    await sender.answer()
    text = translator.gettext(
        "How many free credits for {name}? Everybody has {usual}.\n\n"
        "For any other number, write:\n/limit {number} CREDITS"
    )
    await sender.reply(
        text.format(name=sanitize(name), usual=translator.number(usual), number=press.person),
        buttons=rows,
    )


@router.button(_SetAllowance, admins=True)
async def set_chosen_allowance(
    sender: Sender, press: _SetAllowance, shown: int, cause: str, services: Services
) -> None:
    """Set a person's allowance to that of the button."""
    if press.credits > MAX_CREDITS:
        await sender.answer(sender.translator.gettext("This button is old."))
        return
    text = await set_allowance(services, sender, press.person, press.credits, cause)
    await sender.answer()
    await sender.show(text, (), shown)
