"""Boards: one message per group that tells what is being made there; gone when there is nothing.

A single video needs none: its order has a reaction, and soon its answer. Several share
the board, and so does one that waits for a slot or takes longer than it should.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from handlers.replies.sending import LeftOut, NotSent, SendError, finished
from handlers.replies.texts import about, unlinked
from storage import chats, generations, people
from storage.chats import Board
from storage.generations import PENDING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from handlers.replies.outbox import Outbox
    from handlers.replies.status import Progress
    from handlers.replies.texts import Languages, Translator
    from storage.chats import Chat
    from storage.database import Connection, Database
    from storage.generations import Generation

EDIT_SECONDS = 15.0
"""How long a board stays as it is at least: edits are what gets bots silenced."""
MOST_NAMES = 6
"""People named on a board; the others are counted."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class BoardEntry:
    """An order as a board shows it: seconds left, negative once it is late; None while it waits."""

    name: str
    left: float | None


def text(entries: Sequence[BoardEntry], translator: Translator) -> str:
    """Write a board: "Ann ~40 seconds · Bob ~1 minute · 3 waiting"."""
    made = [entry for entry in entries if entry.left is not None]
    parts = [_made(entry, translator) for entry in made[:MOST_NAMES]]
    if len(made) > MOST_NAMES:
        parts.append(translator.gettext("{count} more").format(count=len(made) - MOST_NAMES))
    if waiting := len(entries) - len(made):
        parts.append(translator.gettext("{count} waiting").format(count=translator.number(waiting)))
    return "🎬 " + " · ".join(parts)


def _made(entry: BoardEntry, translator: Translator) -> str:
    if entry.left is None or entry.left < 0:
        return translator.gettext("{name}: longer than usual").format(name=entry.name)
    return f"{entry.name} ~{about(translator, entry.left)}"


class Boards:
    """Puts boards up, corrects them and takes them down; none of it is worth a failure."""

    def __init__(
        self,
        *,
        db: Database,
        outbox: Outbox,
        progress: Progress,
        languages: Languages,
        clock: Callable[[], float],
    ) -> None:
        self._db = db
        self._outbox = outbox
        self._progress = progress
        self._languages = languages
        self._clock = clock

    async def refresh(self, number: int) -> None:
        """Bring a chat's boards up to date, not twice at a time."""
        try:
            await self._refresh(number)
        except SendError as error:
            logger.info("the board of chat %d stays as it is: %s", number, error)

    async def _refresh(self, number: int) -> None:
        async with self._db.reading() as connection:
            chat = await chats.find(connection, number)
            if chat is None or chat.is_private:
                return
            work = await generations.in_work(connection, number)
            stands = await chats.boards_of(connection, number)
            group = await chats.group_of(connection, number)
            pending = [one for one in work if one.state in PENDING]
            names = {one.id: await _name(connection, one, chat) for one in pending}
        by_thread = defaultdict[int, list[BoardEntry]](list)
        for one in pending:
            waits = self._progress.place(one) is not None
            left = None if waits else await self._progress.left(one)
            by_thread[one.thread_id or 0].append(BoardEntry(names[one.id], left))
        translator = self._languages.translator(group.language)
        for thread in sorted({*by_thread, *stands}):
            entries, board = by_thread[thread], stands.get(thread)
            words = text(entries, translator) if entries else ""
            if board is not None:
                await self._correct(chat, board, words)
            elif len(entries) > 1 or any(one.left is None or one.left < 0 for one in entries):
                await finished(self._put_up(chat, thread, words))

    async def _put_up(self, chat: Chat, thread: int, words: str) -> None:
        message = await self._outbox.say(
            chat, words, thread_id=thread or None, silent=True, cosmetic=True
        )
        await self._remember(Board(chat.id, thread, message, words, self._clock()))

    async def _correct(self, chat: Chat, board: Board, words: str) -> None:
        """Correct a board, sparsely; take it down where there is nothing left to tell."""
        if not words:
            await self._take_down(chat, board)
            return
        now = self._clock()
        if words == board.text or now - board.changed_at < EDIT_SECONDS:
            return
        try:
            await self._outbox.edit(chat, board.message_id, words, cosmetic=True)
        except (LeftOut, NotSent):
            return
        except SendError:
            # somebody deleted it; it is not put up a second time for the same orders
            logger.info("the board in chat %d is gone", chat.id)
        await self._remember(replace(board, text=words, changed_at=now))

    async def _take_down(self, chat: Chat, board: Board) -> None:
        try:
            await self._outbox.delete(chat, board.message_id)
        except NotSent:
            return
        except SendError as error:
            logger.info("the board in chat %d cannot be taken down: %s", chat.id, error)
        async with self._db.transaction() as tx:
            await chats.forget_boards(tx, board.chat, board.thread_id)

    async def _remember(self, board: Board) -> None:
        async with self._db.transaction() as tx:
            await chats.put_board(tx, board)


async def _name(connection: Connection, generation: Generation, chat: Chat) -> str:
    if not generation.account.is_person:
        return chat.title
    person = await people.find(connection, generation.account.id)
    return unlinked(person.name if person else chat.title)
