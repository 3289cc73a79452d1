"""One message per group that tells what is being made there; gone when there is nothing.

A single video needs none: its order has a reaction, and soon its answer. Several share
the board, and so does one that waits for a slot or takes longer than it should.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from handlers.replies.outbox import finished
from handlers.replies.outcomes import LeftOut, NotSent, SendError
from handlers.replies.status import LATE, about
from storage import boards, chats, generations, people
from storage.boards import Board
from storage.generations import PENDING, State

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from aiosqlite import Connection

    from generation.jobs.queue import FairQueue
    from generation.jobs.schedule import DurationEstimates
    from handlers.replies.language import Languages, Translator
    from handlers.replies.outbox import Outbox
    from storage.chats import Chat
    from storage.database import Database
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
    """Puts boards up, keeps them right and takes them down; none of it is worth a failure."""

    def __init__(
        self,
        *,
        db: Database,
        outbox: Outbox,
        estimates: DurationEstimates,
        languages: Languages,
        queue: FairQueue,
        clock: Callable[[], float],
    ) -> None:
        self._db = db
        self._outbox = outbox
        self._estimates = estimates
        self._languages = languages
        self._queue = queue
        self._clock = clock
        self._locks = WeakValueDictionary[int, asyncio.Lock]()
        self._asked: set[int] = set()

    async def refresh(self, chat: int) -> None:
        """Bring a chat's boards up to date; asked for again meanwhile, it looks once more."""
        if chat in self._asked:
            return
        self._asked.add(chat)
        lock = self._locks.setdefault(chat, asyncio.Lock())
        async with lock:
            self._asked.discard(chat)
            try:
                await self._refresh(chat)
            except SendError as error:
                logger.info("the board of chat %d stays as it is: %s", chat, error)

    async def _refresh(self, number: int) -> None:
        async with self._db.reading() as connection:
            chat = await chats.find(connection, number)
            if chat is None or chat.is_private:
                return
            work = await generations.in_work(connection, number)
            stands = await boards.of(connection, number)
            pending = [one for one in work if one.state in PENDING]
            if not pending and not stands:
                return
            names = {one.id: await _name(connection, one, chat) for one in pending}
        by_thread: defaultdict[int, list[Generation]] = defaultdict(list)
        for generation in pending:
            by_thread[generation.thread_id or 0].append(generation)
        for thread in sorted({*by_thread, *stands}):
            orders, board = by_thread[thread], stands.get(thread)
            entries = [BoardEntry(names[one.id], await self._left(one)) for one in orders]
            waits = any(entry.left is None for entry in entries)
            late = any(entry.left is not None and entry.left < 0 for entry in entries)
            if board is not None:
                await self._keep(chat, board, entries)
            elif len(entries) > 1 or waits or late:
                await finished(self._put_up(chat, thread, entries))

    async def _left(self, generation: Generation) -> float | None:
        # where there is a slot, its turn is a moment away
        if generation.state is State.QUEUED and self._queue.is_full:
            return None
        expects = await self._estimates.of(generation)
        passed = self._clock() - (generation.accepted_at or generation.changed_at)
        return -1.0 if passed > LATE * expects else max(1.0, expects - passed)

    async def _put_up(self, chat: Chat, thread: int, entries: Sequence[BoardEntry]) -> None:
        words = text(entries, self._languages.translator(None))
        message = await self._outbox.say(
            chat, words, thread_id=thread or None, silent=True, cosmetic=True
        )
        await self._remember(Board(chat.id, thread, message, words, self._clock()))

    async def _keep(self, chat: Chat, board: Board, entries: Sequence[BoardEntry]) -> None:
        """Correct a board, sparsely; take it down where there is nothing left to tell."""
        if not entries:
            await self._take_down(chat, board)
            return
        words, now = text(entries, self._languages.translator(None)), self._clock()
        if words == board.text or now - board.changed_at < EDIT_SECONDS:
            return
        try:
            await self._outbox.edit(chat, board.message_id, words, cosmetic=True)
        except (LeftOut, NotSent):
            return
        except SendError:
            # somebody deleted it; it is not put up a second time for the same orders
            logger.info("the board in chat %d is gone", chat.id)
        await self._remember(Board(board.chat, board.thread_id, board.message_id, words, now))

    async def _take_down(self, chat: Chat, board: Board) -> None:
        try:
            await self._outbox.delete(chat, board.message_id)
        except NotSent:
            return
        except SendError as error:
            logger.info("the board in chat %d cannot be taken down: %s", chat.id, error)
        async with self._db.transaction() as tx:
            await boards.forget(tx, board.chat, board.thread_id)

    async def _remember(self, board: Board) -> None:
        async with self._db.transaction() as tx:
            await boards.put(tx, board)


async def _name(connection: Connection, generation: Generation, chat: Chat) -> str:
    if not generation.account.is_person:
        return chat.title
    person = await people.find(connection, generation.account.id)
    return person.name if person else chat.title
