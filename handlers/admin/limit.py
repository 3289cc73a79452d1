"""/limit: the operator gives a group credits to share, per period and per member."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from generation.orders import balances
from handlers.admin.access import read_id
from handlers.routing import Router
from storage import chats, groups
from storage.accounts import Account

if TYPE_CHECKING:
    from collections.abc import Sequence

    from handlers.context import Services
    from handlers.identity import Sender
    from handlers.replies.language import Translator

router = Router()

MOST_CREDITS = 1_000_000
"""In one pool: more is a slip of the finger."""


@dataclass(frozen=True, slots=True)
class Limit:
    """What /limit asks for: the group by Telegram's id, credits for all and for each member."""

    group: int
    credits: int
    share: int | None


def read(words: Sequence[str]) -> Limit | None:
    """Read `ID CREDITS [SHARE]`; None where it is something else."""
    if len(words) not in {2, 3}:
        return None
    group = read_id(words[:1])
    numbers = [int(word) for word in words[1:] if word.isascii() and word.isdigit()]
    if group is None or group > 0 or len(numbers) < len(words) - 1:
        return None
    if any(number > MOST_CREDITS for number in numbers):
        return None
    share = numbers[1] if len(numbers) > 1 else None
    return Limit(group, numbers[0], share or None)


def usage(translator: Translator, group: int | None = None) -> str:
    """Say how /limit is written, with a group's own id where one is meant."""
    text = translator.gettext(
        "Write /limit {group} CREDITS [SHARE]: credits for the whole group, renewed as the free "
        "allowance is, and at most so many of them for each member. 0 takes the pool away."
    )
    return text.format(group=group if group is not None else "ID")


@router.command("limit")
async def limit(sender: Sender, words: Sequence[str], services: Services) -> None:
    """Show the pools, or set a group's."""
    wanted = read(words)
    if wanted is not None:
        text = await _set(services, sender, wanted)
    elif words:
        text = usage(sender.translator)
    else:
        text = await _shown(services, sender)
    await sender.reply(text)


async def _set(services: Services, sender: Sender, wanted: Limit) -> str:
    say = sender.translator.gettext
    async with services.db.transaction() as tx:
        chat = await chats.by_telegram_id(tx, wanted.group)
        if chat is None:
            return say("I am in no group {number}.").format(number=wanted.group)
        await groups.choose(tx, chat.id, pool=wanted.credits, share=wanted.share)
    if not wanted.credits:
        return say("{title} has no pool any more.").format(title=chat.title)
    return say("{title} has a pool of {credits}{share}.").format(
        title=chat.title,
        credits=sender.translator.credits(wanted.credits),
        share=_each(wanted.share, sender.translator),
    )


def _each(share: int | None, translator: Translator) -> str:
    if share is None:
        return ""
    return translator.gettext(", at most {share} for each member").format(
        share=translator.number(share)
    )


async def _shown(services: Services, sender: Sender) -> str:
    """List the pools with what is left in each."""
    lines, translator = [], sender.translator
    async with services.db.reading() as connection:
        for group in await groups.with_pools(connection):
            chat = await chats.find(connection, group.chat)
            pool = await balances.pool(
                connection, group.chat, Account.chat(group.chat), services.terms, services.clock()
            )
            if chat is not None and pool is not None:
                line = translator.gettext("{title} ({number}): {left} of {all} left{share}").format(
                    title=chat.title,
                    number=chat.telegram_id,
                    left=translator.number(pool.left),
                    all=translator.credits(pool.all),
                    share=_each(pool.share, translator),
                )
                lines.append(line)
    return "\n".join([*lines, usage(translator)])
