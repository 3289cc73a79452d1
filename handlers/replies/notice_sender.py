"""Sends notices at least once: to their chat, or else to the person in private.

A notice is a text, or a film, which is made right before it is sent, free of charge.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from generation.jobs import schedule
from generation.media.formats import MediaError, MediaTimeout, PictureDelayed
from generation.media.videos import NotAVideo, SceneGone
from handlers.replies.notices import notice_text
from handlers.replies.sending import (
    ChatMoved,
    MaybeSent,
    Misplaced,
    NotSent,
    Refused,
    SendError,
    Unreachable,
    Unreadable,
    UploadTooLarge,
)
from handlers.replies.texts import caption, sanitize
from storage import chats, generations, notices, people
from storage.notices import NoticeKind

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from zoneinfo import ZoneInfo

    from generation.media.videos import FilmMaker
    from handlers.replies.keyboards import Button
    from handlers.replies.outbox import Outbox
    from handlers.replies.status import StatusMessages
    from handlers.replies.texts import Languages, Translator
    from storage.chats import Chat, Group
    from storage.database import Database
    from storage.generations import Generation
    from storage.notices import Owed

MAX_SENDS = 12
"""Attempts to send a notice before it is given up."""
MAX_REFUSALS = 3
"""Attempts to send a notice that a private chat refuses: Telegram seldom refuses texts there."""
MAX_FILM_ATTEMPTS = 4
"""Attempts to make a film before the person is told that it failed."""

_NOT_REDIRECTED = frozenset({NoticeKind.ELSEWHERE})
"""Notices not sent in private: the person knows already, or another notice tells them."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Notices:
    """Sends notices; `wake` schedules the chat to which a notice is redirected."""

    db: Database
    outbox: Outbox
    films: FilmMaker
    status: StatusMessages
    languages: Languages
    ai_label: bool
    zone: ZoneInfo
    clock: Callable[[], float]
    wake: Callable[[int], None]

    async def send(self, owed: Owed) -> None:
        """Send one notice, or store when to try again."""
        async with self.db.reading() as connection:
            chat = await chats.find(connection, owed.chat)
            person = await people.find(connection, owed.person) if owed.person else None
            about = await generations.find(connection, owed.generation) if owed.generation else None
            # a notice to no person is in the language of the group
            spoken = person or await chats.group_of(connection, owed.chat)
        translator = self.languages.translator(spoken.language)
        name = sanitize(person.name) if person else ""
        if chat is None or owed.sends >= MAX_SENDS:
            await self._give_up(owed, "nobody can be told")
            return
        # a sender who wrote as a group or a channel presses under another account
        as_chat = about is not None and not about.account.is_person
        link = None if chat.is_private or as_chat else self.outbox.link
        # the notice replies to no message of the person: they pressed a button, or deleted it
        is_no_reply = about is not None and (about.origin == "press" or owed.reply_to is None)
        by_name = is_no_reply and not chat.is_private
        if owed.kind is NoticeKind.GOODBYE:
            await self._send_or_postpone(chat, owed, partial(self._leave_group, chat, translator))
            return
        if owed.kind is NoticeKind.FILM:
            film = partial(self._send_film, chat, owed, translator)
            await self._send_or_postpone(chat, owed, film)
            return
        try:
            text, buttons = notice_text(owed, translator, name=name, link=link, by_name=by_name)
        except Exception:
            # damaged, or of another version: a retry would fail too
            logger.exception("there are no words for %s", owed)
            await self._give_up(owed, "it cannot be put into words")
            return
        say = partial(self._send_text, chat, owed, text, () if as_chat else buttons, about)
        await self._send_or_postpone(chat, owed, say)

    async def _send_text(
        self,
        chat: Chat,
        owed: Owed,
        text: str,
        buttons: Sequence[Sequence[Button]] = (),
        about: Generation | None = None,
    ) -> None:
        """Send a text, or edit the status of `about` into it."""
        if about is None or not await self.status.show_failure(about, chat, text, buttons):
            await self.outbox.send_text(
                chat, text, buttons=buttons, reply_to=owed.reply_to, thread_id=owed.thread_id
            )

    async def _leave_group(self, chat: Chat, translator: Translator) -> None:
        text = translator.gettext("My owner took me out of this group. Goodbye!")
        await self.outbox.leave_group(chat, text)
        async with self.db.transaction() as tx:
            await chats.set_reachable(tx, chat.id, reachable=False)

    async def _send_or_postpone(
        self, chat: Chat, owed: Owed, send: Callable[[], Awaitable[None]]
    ) -> None:
        try:
            await send()
        except Unreadable as error:
            logger.warning("%s is sent, and nobody knows how: %s", owed, error)
            await self._note_sent(owed)
        except (Refused, Unreachable) as error:
            is_odd = chat.is_private and isinstance(error, Refused)
            if is_odd and owed.sends + 1 < MAX_REFUSALS:
                await self._postpone(owed, error)
            else:
                await self._redirect_to_private(chat, owed, error)
        except ChatMoved as moved:
            await chats.move(self.db, chat.id, moved.telegram_id, now=self.clock())
        except SendError as error:
            await self._postpone(owed, error)
        else:
            await self._note_sent(owed)

    async def _postpone(self, owed: Owed, error: SendError) -> None:
        logger.info("%s waits: %s", owed, error)
        wait = schedule.backoff(owed.sends, getattr(error, "retry_after", None))
        async with self.db.transaction() as tx:
            await notices.try_later(tx, owed.id, due_at=self.clock() + wait)

    async def _send_film(self, chat: Chat, owed: Owed, translator: Translator) -> None:
        """Make a film and send it, or tell why that failed."""
        numbers = owed.facts.get("scenes", [])
        async with self.db.reading() as connection:
            found = [await generations.find(connection, number) for number in numbers]
            group = await chats.group_of(connection, chat.id)
        scenes = [scene for scene in found if scene is not None and scene.file_id]
        if not scenes:
            text = translator.gettext("The scenes of this film are deleted, so I cannot send it.")
            await self._send_text(chat, owed, text)
            return
        text = translator.gettext("I could not make this film. Please try it again later.")
        try:
            await self._make_and_send(chat, group, owed, scenes, translator)
        except Refused as error:
            if not chat.is_private and owed.person is not None:
                raise  # the notice is redirected to their private chat
            logger.warning("film %d is not taken: %s", owed.id, error)
        except SceneGone as gone:
            text = translator.gettext(
                "Telegram does not give me scene {number} back: it is over 20 MB, or gone. "
                "Take it out of the film or make it anew, then send the film again."
            ).format(number=translator.number(gone.place))
        except NotAVideo as error:
            logger.warning("film %d cannot be made: %s", owed.id, error)
            text = translator.gettext("I could not join these scenes. I am sorry.")
        except (MediaError, PictureDelayed) as error:
            logger.warning("film %d cannot be made now: %r", owed.id, error)
            most = MAX_FILM_ATTEMPTS // 2 if isinstance(error, MediaTimeout) else MAX_FILM_ATTEMPTS
            if owed.sends + 1 < most:
                raise NotSent(str(error), getattr(error, "retry_after", None) or 0.0) from error
        else:
            return
        await self._send_text(chat, owed, text)

    async def _make_and_send(
        self,
        chat: Chat,
        group: Group,
        owed: Owed,
        scenes: Sequence[Generation],
        translator: Translator,
    ) -> None:
        told = list(dict.fromkeys(scene.prompt for scene in scenes if scene.prompt))
        whole = replace(scenes[0], prompt=" … ".join(told), is_gift=False)
        limit, thread_id, reply_to = None, owed.thread_id, owed.reply_to
        while True:
            async with self.films.make(scenes, limit) as film:
                try:
                    async with self.outbox.upload_slot(chat) as upload:
                        await self.outbox.send_file(
                            chat,
                            film,
                            caption(whole, translator, ai_label=self.ai_label),
                            upload,
                            spoiler=group.blurred,
                            silent=group.is_quiet(self.zone, self.clock()),
                            reply_to=reply_to,
                            thread_id=thread_id,
                        )
                except UploadTooLarge:
                    # the server's limit is lower than assumed
                    limit = int(film.size * 0.8)
                except Misplaced as error:
                    left = error.elsewhere(thread_id, reply_to)
                    if left is None:
                        raise
                    thread_id, reply_to = left
                except MaybeSent:
                    # one retry only: a second copy is better than none
                    if not owed.sends:
                        raise
                    return
                else:
                    return

    async def _note_sent(self, owed: Owed) -> None:
        async with self.db.transaction() as tx:
            await notices.sent(tx, owed.id, now=self.clock())

    async def _redirect_to_private(self, chat: Chat, owed: Owed, error: SendError) -> None:
        """Redirect a notice to the person's private chat, or give it up."""
        async with self.db.transaction() as tx:
            if isinstance(error, Unreachable):
                await chats.set_reachable(tx, chat.id, reachable=False)
            alone = None if chat.is_private or owed.kind in _NOT_REDIRECTED else owed.person
            if alone is not None:
                private = await chats.private_chat(tx, alone, now=self.clock())
                if private.reachable:
                    await notices.redirect(tx, owed.id, private.id, now=self.clock())
                    self.wake(private.id)
                    return
        await self._give_up(owed, str(error))

    async def _give_up(self, owed: Owed, reason: str) -> None:
        logger.warning("%s is given up: %s", owed, reason)
        async with self.db.transaction() as tx:
            await notices.give_up(tx, owed.id)
