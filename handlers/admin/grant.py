"""/grant: an admin gives a person, or who speaks as a group or channel, credits that stay."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from telegram import MessageOriginUser

from handlers.identity import SHARED_IDS
from handlers.replies.texts import usual_cost
from handlers.routing import Router
from storage import chats, ledger, people
from storage import notices as owing
from storage.accounts import Account
from storage.ledger import Pot
from storage.notices import Notice

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aiosqlite import Connection
    from telegram import Message

    from handlers.context import Services
    from handlers.identity import Sender
    from handlers.replies.language import Translator
    from storage.chats import Chat

router = Router()

MOST_CREDITS = 1_000_000
"""In one grant: more is a slip of the finger."""
LONGEST_NOTE = 200
"""Characters of the note that goes with it."""
_LONGEST_NUMBER = 15
"""Digits: Telegram's ids have at most 52 bits."""


@dataclass(frozen=True, slots=True)
class Gift:
    """What /grant asks for; `who` is an id, an @name without its @, or None: the one answered.

    The id of a group or channel is below zero.
    """

    who: int | str | None
    credits: int
    note: str | None


def read(words: Sequence[str], *, answers_somebody: bool) -> Gift | None:
    """Read `WHO CREDITS [NOTE]`, or `CREDITS [NOTE]` in an answer to somebody's message.

    None where it is neither. An answer may still name somebody else, by @name or by id: two
    numbers are always an id and credits.
    """
    first, second = (*words, "", "")[:2]
    two_numbers = isinstance(_who(first), int) and _number(second) is not None
    named = not answers_somebody or first.startswith("@") or two_numbers
    who, rest = (_who(first), words[1:]) if named else (None, words)
    credits_ = _number(rest[0]) if rest else None
    if (named and who is None) or not credits_ or credits_ > MOST_CREDITS:
        return None
    return Gift(who, credits_, " ".join(rest[1:])[:LONGEST_NOTE] or None)


def _who(word: str) -> int | str | None:
    """Read an @name, or an id; None for neither."""
    if word.startswith("@"):
        return word[1:] or None
    number = _number(word.removeprefix("-"))
    if not number:
        return None
    return -number if word.startswith("-") else number


def _number(word: str) -> int | None:
    if word.isascii() and word.isdigit() and len(word) <= _LONGEST_NUMBER:
        return int(word)
    return None


def author_of(message: Message | None) -> int | None:
    """Return who wrote a message, or first wrote one that was forwarded; None for no person."""
    if message is None:
        return None
    origin, user = message.forward_origin, message.from_user
    if origin is not None:
        user = origin.sender_user if isinstance(origin, MessageOriginUser) else None
    if user is None or user.is_bot or user.id in SHARED_IDS:
        return None
    return user.id


@router.command("grant")
async def grant(
    sender: Sender, message: Message, words: Sequence[str], cause: str, services: Services
) -> None:
    """Give credits once, and owe the person a word about it."""
    author = author_of(message.reply_to_message)
    gift = read(words, answers_somebody=author is not None)
    if gift is None:
        text = usage(sender.translator)
    else:
        who = author if gift.who is None else await _found(services, gift.who)
        text = await _give(services, who, gift, cause, sender.translator)
    await sender.reply(text, reply_to=message.message_id)


def usage(translator: Translator) -> str:
    """Say how /grant is written."""
    return translator.gettext(
        "Write /grant WHO CREDITS [NOTE]: an id or an @name, and up to {most}. "
        "Or answer somebody's message, forwarded here, with /grant CREDITS. "
        "A group's or channel's id (below zero) gives to who writes in its name."
    ).format(most=translator.credits(MOST_CREDITS))


async def _found(services: Services, who: int | str) -> int | Chat | None:
    """Return a person's id, or a chat; names and chats are known only once they were heard of."""
    if isinstance(who, int) and who > 0:
        return None if who in SHARED_IDS else who
    async with services.db.reading() as connection:
        if isinstance(who, int):
            return await chats.by_telegram_id(connection, who)
        person = await people.by_username(connection, who)
    return person.id if person else None


async def _give(
    services: Services, who: int | Chat | None, gift: Gift, cause: str, translator: Translator
) -> str:
    """Give once; say what was done."""
    if who is None:
        return _unknown(gift.who, translator)
    if isinstance(who, int):
        return await _give_person(services, who, gift, cause, translator)
    async with services.db.transaction() as tx:
        await _enter(tx, Account.chat(who.id), gift, cause, services.clock())
    # its members have a purse of their own each, and the pool beside it
    return translator.gettext("{title} has {credits} more, for what is asked in its name.").format(
        title=who.title, credits=translator.credits(gift.credits)
    )


def _unknown(who: int | str | None, translator: Translator) -> str:
    say = translator.gettext
    if isinstance(who, str):
        text = say(
            "I don't know @{who}: they have never written to me. Their numeric id works too."
        )
    elif who in SHARED_IDS:
        text = say(
            "I don't know {who}: Telegram lends that id to many. "
            "The id of their group or channel works."
        )
    else:
        text = say("I don't know the chat {who}: it has to take me in first.")
    return text.format(who=who)


async def _enter(tx: Connection, account: Account, gift: Gift, cause: str, now: float) -> None:
    await ledger.grant(tx, account, Pot.BOUGHT, gift.credits, cause=cause, note=gift.note, now=now)


async def _give_person(
    services: Services, who: int, gift: Gift, cause: str, translator: Translator
) -> str:
    """Write the grant and the notice of it in one."""
    now, cost = services.clock(), usual_cost(services.offer, services.terms)
    async with services.db.transaction() as tx:
        person = await people.find(tx, who)
        await _enter(tx, Account.person(who), gift, cause, now)
        if person is not None:
            chat = await chats.private_with(tx, who, name=person.name, now=now)
            notice = Notice(
                cause=f"{cause}:granted",
                chat=chat.id,
                kind="granted",
                facts={"credits": gift.credits, "cost": cost, "note": gift.note},
                person=who,
            )
            await owing.owe(tx, notice, now=now)
    if person is None:
        return translator.gettext("{who} has never spoken to me. {credits} wait for them.").format(
            who=who, credits=translator.credits(gift.credits)
        )
    services.wake(chat.id)
    return translator.gettext("{name} has {credits} more.").format(
        name=person.name, credits=translator.credits(gift.credits)
    )
