"""/limit: credits per period, for a group's members to share; /pause and /resume: none for now."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from generation.orders import balances
from generation.orders.balances import DAY_SECONDS, HOUR_SECONDS
from handlers.admin.access import read_who
from handlers.admin.grants import MOST_CREDITS
from handlers.commands import read_number
from handlers.replies.keyboards import Button, CallbackData
from handlers.replies.texts import paused, shortened, unlinked, worth
from handlers.routing import Router
from storage import audit, chats, generations, outages
from storage.generations import AT_PROVIDER, State
from storage.ledger import Account
from storage.outages import Pause

if TYPE_CHECKING:
    from collections.abc import Sequence

    from handlers.context import Services
    from handlers.replies.texts import Translator
    from handlers.senders import Sender
    from storage.chats import Chat
    from storage.database import Connection

router = Router()

POOLS = (50, 100, 300)
"""What buttons give a group per period, in credits."""


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
        for amount in POOLS
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
async def set_pool(
    sender: Sender, press: SetPool, shown: int | None, cause: str, services: Services
) -> None:
    """Give a group the pool that was chosen."""
    async with services.db.transaction() as tx:
        chat = await chats.find(tx, press.chat)
        if chat is not None and shown is not None:
            await _choose(tx, sender, chat, cause, services.clock(), pool=press.credits)
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
async def limit(sender: Sender, words: Sequence[str], cause: str, services: Services) -> None:
    """Show the pools, or set a group's."""
    wanted = read_limit(words)
    if wanted is not None:
        text = await _set(services, sender, wanted, cause)
    elif words:
        text = limit_usage(sender.translator)
    else:
        text = await _shown(services, sender)
    await sender.reply(text)


async def _choose(
    tx: Connection, admin: Sender, chat: Chat, cause: str, now: float, **pool: int | None
) -> None:
    """Give a group a pool, once for each update that asks for it."""
    was = await chats.group_of(tx, chat.id)
    details = " ".join(str(number) for number in pool.values() if number is not None)
    if await audit.record(
        tx, "limit", by=admin.account.id, cause=cause, whom=chat.telegram_id, now=now,
        details=f"{was.pool} → {details}",
    ):  # fmt: skip
        await chats.choose(tx, chat.id, **pool)


async def _set(services: Services, sender: Sender, wanted: Limit, cause: str) -> str:
    _ = sender.translator.gettext
    async with services.db.transaction() as tx:
        chat = await chats.by_telegram_id(tx, wanted.group)
        if chat is None:
            return _("I am in no group {number}.").format(number=wanted.group)
        await _choose(
            tx, sender, chat, cause, services.clock(), pool=wanted.credits, share=wanted.share
        )
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


LONGEST_REASON = 200
"""Characters of the reason of a pause that are kept."""
LONGEST_PAUSE = 30 * DAY_SECONDS
"""Seconds of the longest pause that ends by itself."""
_UNITS = {"m": 60.0, "h": HOUR_SECONDS, "d": DAY_SECONDS}
_LASTS = re.compile(r"(?:\d{1,4}[mhd])+", re.ASCII | re.IGNORECASE)


def read_pause(words: Sequence[str], now: float) -> Pause | None:
    """Read `[TIME] [REASON]`, where TIME is such as 30m, 2h or 1d12h; None where it is too long."""
    ends_at = None
    if words and _LASTS.fullmatch(words[0]):
        parts = re.findall(r"(\d+)(\D)", words[0].lower())
        lasts = sum(int(count) * _UNITS[unit] for count, unit in parts)
        if not 0 < lasts <= LONGEST_PAUSE:
            return None
        ends_at, words = now + lasts, words[1:]
    return Pause(shortened(" ".join(words), LONGEST_REASON), ends_at)


@router.command("pause")
async def pause(sender: Sender, words: Sequence[str], cause: str, services: Services) -> None:
    """Take no orders for a while; what waits goes on waiting, what is made is delivered."""
    translator, now = sender.translator, services.clock()
    wanted = read_pause(words, now)
    if wanted is None:
        await sender.reply(
            translator.gettext(
                "Write /pause [TIME] [REASON]\n"
                "TIME: such as 30m, 2h or 1d, at most 30d. Without it, /resume ends the pause."
            )
        )
        return
    async with services.db.transaction() as tx:
        details = " ".join(words)[:LONGEST_REASON]
        if await audit.record(
            tx, "pause", by=sender.account.id, cause=cause, now=now, details=details
        ):
            await outages.begin_pause(tx, wanted)
        lasts = await outages.paused(tx, now=now)
        waiting = len(await generations.in_states(tx, {State.QUEUED}))
        running = len(await generations.in_states(tx, AT_PROVIDER))
    _take_pause(services, lasts)
    text = translator.gettext(
        "Paused: I take no orders now. On the way: {running}, delivered as usual. Waiting: "
        "{waiting}. Whoever asks is told:\n\n{told}\n\n/resume ends the pause."
    )
    told = paused(wanted, translator, now)
    await sender.reply(text.format(running=running, waiting=waiting, told=told))


@router.command("resume")
async def resume(sender: Sender, cause: str, services: Services) -> None:
    """Take orders again."""
    _, now = sender.translator.gettext, services.clock()
    async with services.db.transaction() as tx:
        was = await outages.paused(tx, now=now)
        if was is not None and await audit.record(
            tx, "resume", by=sender.account.id, cause=cause, now=now
        ):
            await outages.end_pause(tx)
        lasts = await outages.paused(tx, now=now)
    _take_pause(services, lasts)
    await sender.reply(
        _("I was not paused. Nothing changed.")
        if was is None
        else _("I take orders again, and what waited goes on.")
    )


def _take_pause(services: Services, lasts: Pause | None) -> None:
    """Have nothing submitted as long as a pause lasts."""
    if lasts is None:
        services.pause(0.0)
    else:
        services.pause(math.inf if lasts.ends_at is None else lasts.ends_at)
