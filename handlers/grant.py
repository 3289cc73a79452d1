"""/grant: an admin gives a person credits that stay."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from telegram import MessageOriginUser

from handlers.admin import admin_of
from handlers.commands import on
from handlers.identity import SHARED_IDS
from storage import chats, ledger, people
from storage import notices as owing
from storage.accounts import Account
from storage.ledger import Pot
from storage.notices import Notice

if TYPE_CHECKING:
    from collections.abc import Sequence

    from telegram import Message, Update
    from telegram.ext import BaseHandler

    from handlers.context import Context, Services
    from handlers.replies.language import Speech

MOST_CREDITS = 1_000_000
"""In one grant: more is a slip of the finger."""
LONGEST_NOTE = 200
"""Characters of the note that goes with it."""
_LONGEST_NUMBER = 15
"""Digits: Telegram's ids have at most 52 bits."""


@dataclass(frozen=True, slots=True)
class Gift:
    """What /grant asks for; `who` is an id, an @name without its @, or None: the one answered."""

    who: int | str | None
    credits: int
    note: str | None


def read(words: Sequence[str], *, answers_somebody: bool) -> Gift | None:
    """Read `WHO CREDITS [NOTE]`, or `CREDITS [NOTE]` in an answer to somebody's message.

    None where it is neither. An answer may still name somebody else, by their @name.
    """
    named = words[:1] if not answers_somebody or (words[:1] and words[0].startswith("@")) else ()
    rest = list(words[len(named) :])
    credits_ = _number(rest[0]) if rest else None
    if not credits_ or credits_ > MOST_CREDITS or (not named and not answers_somebody):
        return None
    who: int | str | None = None
    if named:
        name = named[0].removeprefix("@")
        who = name if named[0].startswith("@") else _number(name)
        if not who:
            return None
    return Gift(who, credits_, " ".join(rest[1:])[:LONGEST_NOTE] or None)


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


async def grant(update: Update, context: Context) -> None:
    """Give credits once, and owe the person a word about it."""
    found, services, message = await admin_of(update, context), context.services, update.message
    if found is None or message is None:
        return
    asker, _ = found
    author = author_of(message.reply_to_message)
    gift = read(context.args or [], answers_somebody=author is not None)
    if gift is None:
        text = usage(asker.speech)
    else:
        who = author if gift.who is None else await _known(services, gift.who)
        text = await _give(services, who, gift, f"update:{update.update_id}", asker.speech)
    await services.outbox.say(
        asker.chat, text, reply_to=message.message_id, thread_id=asker.thread_id
    )


def usage(speech: Speech) -> str:
    """Say how /grant is written."""
    return speech.gettext(
        "Write /grant WHO CREDITS [NOTE]: an id or an @name, and up to {most}. "
        "Or answer somebody's message, forwarded here, with /grant CREDITS."
    ).format(most=speech.credits(MOST_CREDITS))


async def _known(services: Services, who: int | str) -> int | None:
    """Return a person's id; a name is known only of those who have spoken to the bot."""
    if isinstance(who, int):
        return None if who in SHARED_IDS else who
    async with services.db.reading() as connection:
        person = await people.by_username(connection, who)
    return person.id if person else None


async def _give(services: Services, who: int | None, gift: Gift, cause: str, speech: Speech) -> str:
    """Write the grant and the notice of it in one; say what was done."""
    if who is None:
        return speech.gettext("I don't know {who}. Their id works always: /start shows it.").format(
            who=gift.who
        )
    now = services.clock()
    async with services.db.transaction() as tx:
        person = await people.find(tx, who)
        await ledger.grant(
            tx,
            Account.person(who),
            Pot.BOUGHT,
            gift.credits,
            cause=cause,
            note=gift.note,
            now=now,
        )
        if person is not None:
            chat = await chats.private_with(tx, who, name=person.name, now=now)
            notice = Notice(
                cause=f"{cause}:granted",
                chat=chat.id,
                kind="granted",
                facts={"credits": gift.credits, "note": gift.note},
                person=who,
            )
            await owing.owe(tx, notice, now=now)
    if person is None:
        return speech.gettext("{who} has never spoken to me. {credits} wait for them.").format(
            who=who, credits=speech.credits(gift.credits)
        )
    services.wake(chat.id)
    return speech.gettext("{name} has {credits} more.").format(
        name=person.name, credits=speech.credits(gift.credits)
    )


def handlers() -> list[BaseHandler[Update, Context, None]]:
    """Return what answers /grant."""
    return [on("grant", grant)]
