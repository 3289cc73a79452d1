"""Send what is owed, at least once: where it is owed, or else to the person alone."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from generation.jobs import schedule
from handlers.replies.notices import in_words
from handlers.replies.sending import (
    ChatMoved,
    Refused,
    SendError,
    Unreachable,
    Unreadable,
)
from handlers.replies.texts import unlinked
from storage import chats, generations, notices, people
from storage.notices import NoticeKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from handlers.replies.outbox import Outbox
    from handlers.replies.texts import Languages
    from storage.chats import Chat
    from storage.database import Database
    from storage.generations import Generation
    from storage.notices import Owed

MOST_SENDS = 12
"""How often a notice is tried before nobody can be told."""

_THERE_ONLY = frozenset({NoticeKind.ELSEWHERE})
"""Notices of which the person knows already, or hears by another."""

logger = logging.getLogger(__name__)


class Notices:
    """Sends what is owed; `wake` tells the clocks of a chat to which it is owed now."""

    def __init__(
        self,
        *,
        db: Database,
        outbox: Outbox,
        languages: Languages,
        clock: Callable[[], float],
        wake: Callable[[int], None],
    ) -> None:
        self._db = db
        self._outbox = outbox
        self._languages = languages
        self._clock = clock
        self._wake = wake

    async def send(self, owed: Owed) -> None:
        """Send one notice, or note when to try again."""
        async with self._db.reading() as connection:
            chat = await chats.find(connection, owed.chat)
            person = await people.find(connection, owed.person) if owed.person else None
            about = await generations.find(connection, owed.generation) if owed.generation else None
        translator = self._languages.translator(person.language if person else None)
        name = unlinked(person.name) if person else ""
        if chat is None or owed.sends >= MOST_SENDS:
            await self._give_up(owed, "nobody can be told")
            return
        # whoever wrote as a group or a channel presses as somebody else
        nobody = about is not None and not about.account.is_person
        link = None if chat.is_private or nobody else self._outbox.link
        calls = not chat.is_private and _answers_nobody(owed, about)
        try:
            told = in_words(owed, translator, name=name, link=link, calls=calls)
        except Exception:
            # damaged, or of another version: tried again it would be no better
            logger.exception("there are no words for notice %d (%s)", owed.id, owed.kind)
            await self._give_up(owed, "it cannot be put into words")
            return
        told = replace(told, buttons=()) if nobody else told
        try:
            await self._outbox.say(
                chat,
                told.text,
                buttons=told.buttons,
                reply_to=owed.reply_to,
                thread_id=owed.thread_id,
            )
        except Unreadable as error:
            logger.warning("notice %d is sent, and nobody knows how: %s", owed.id, error)
            await self._note_sent(owed)
        except (Refused, Unreachable) as error:
            await self._tell_alone(chat, owed, error)
        except ChatMoved as moved:
            await chats.move(self._db, chat.id, moved.telegram_id, now=self._clock())
        except SendError as error:
            logger.info("notice %d waits: %s", owed.id, error)
            wait = schedule.backoff(owed.sends, getattr(error, "retry_after", None))
            async with self._db.transaction() as tx:
                await notices.try_later(tx, owed.id, due_at=self._clock() + wait)
        else:
            await self._note_sent(owed)

    async def _note_sent(self, owed: Owed) -> None:
        async with self._db.transaction() as tx:
            await notices.sent(tx, owed.id, now=self._clock())

    async def _tell_alone(self, chat: Chat, owed: Owed, error: SendError) -> None:
        """Owe it to the person in private, where their videos go too if a group is lost."""
        async with self._db.transaction() as tx:
            if isinstance(error, Unreachable):
                await chats.set_reachable(tx, chat.id, reachable=False)
            alone = None if chat.is_private or owed.kind in _THERE_ONLY else owed.person
            if alone is not None:
                private = await chats.private_with(tx, alone, now=self._clock())
                if private.reachable:
                    await notices.redirect(tx, owed.id, private.id, now=self._clock())
                    self._wake(private.id)
                    return
        await self._give_up(owed, str(error))

    async def _give_up(self, owed: Owed, reason: str) -> None:
        logger.warning("notice %d (%s) is given up: %s", owed.id, owed.kind, reason)
        async with self._db.transaction() as tx:
            await notices.give_up(tx, owed.id)


def _answers_nobody(owed: Owed, about: Generation | None) -> bool:
    """Whether a notice answers no message of its person: a button was pressed, or it is gone."""
    return about is not None and (about.origin == "press" or owed.reply_to is None)
