"""The intake of updates: stored before Telegram is told that they were received.

Whoever listens asks for the next updates once `take` has returned for each, which confirms
them; so `take` persists, and returns nothing but success. What is kept is Telegram's own JSON:
python-telegram-bot cannot write all that it reads. Order is kept per chat: an update is handed
out only when the one before it in its chat is handled.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import sqlite3
from collections import deque
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TypeGuard, TypeVar

from telegram import Update
from telegram.ext import BaseUpdateProcessor

from storage import inbox
from storage.notices import NoticeKind

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from aiosqlite import Connection
    from telegram import Bot

    from storage.database import Database
    from storage.notices import Admins


class _Slot:
    """A handler's slot: whether others have it for now, and whether its handler is done."""

    __slots__ = ("ended", "lent")

    def __init__(self) -> None:
        self.lent = False
        self.ended = False

    @property
    def is_held(self) -> bool:
        return not self.lent and not self.ended


_mine: ContextVar[_Slot | None] = ContextVar("slot", default=None)


class Slots:
    """Hands out `count` slots, first come first served."""

    def __init__(self, count: int) -> None:
        self._free = asyncio.Semaphore(count)

    @asynccontextmanager
    async def taken(self) -> AsyncIterator[None]:
        """Wait for a slot and hold it."""
        await self._free.acquire()
        slot = _Slot()
        mark = _mine.set(slot)
        try:
            yield
        finally:
            _mine.reset(mark)
            # tasks begun meanwhile carry the mark on: it means nothing from here on
            slot.ended = True
            if not slot.lent:
                self._free.release()

    @asynccontextmanager
    async def lent(self) -> AsyncIterator[None]:
        """Let others have the slot meanwhile; nothing happens where none is held."""
        slot = _mine.get()
        if slot is None or not slot.is_held:
            yield
            return
        slot.lent = True
        self._free.release()
        yield
        # whoever is interrupted comes back to no slot, and needs none
        await self._free.acquire()
        slot.lent = False
        if slot.ended:
            self._free.release()


AT_ONCE = 16
"""How many chats are served at a time; more only makes httpcore's pool slow."""
MOST_CHATS = 10_000
"""How many may wait to be served, or for Telegram's silence to be over: more than there are."""
MOST_STARTS = 2
"""An update that ended the process so often is not tried again."""
RETRY_SECONDS = 1.0
"""How long to wait when the disk does not take an update."""

T = TypeVar("T")

logger = logging.getLogger(__name__)


class Intake(asyncio.Queue[object]):
    """A queue whose content survives the process; at most one update per chat is out."""

    def __init__(self, db: Database, admins: Admins, clock: Callable[[], float]) -> None:
        super().__init__()
        self._db = db
        self._admins = admins
        self._clock = clock
        self._waiting: dict[int, deque[Update]] = {}
        self._taking_in: set[asyncio.Task[None]] = set()
        self._begun: set[int] = set()
        self._kept_since: dict[int, float] = {}
        self._stopping = False
        self._closed = False

    async def restore(self, bot: Bot) -> None:
        """Take up what was received and not handled before; admins hear of what is set aside."""
        async with self._db.transaction() as tx:
            for stored in await inbox.waiting(tx):
                if stored.starts >= MOST_STARTS:
                    logger.error("update %d ended the process twice: set aside", stored.update_id)
                    await self._set_aside(tx, stored.update_id, NoticeKind.SET_ASIDE)
                    continue
                update = _read(stored.update_id, stored.body, bot)
                if update is None:
                    # a version before this one could read it
                    await self._set_aside(tx, stored.update_id, NoticeKind.UNREADABLE)
                    continue
                self._kept_since[stored.update_id] = stored.received_at
                self._line_up(stored.queue_key, update)

    def kept_since(self, update_id: int) -> float | None:
        """Return when an update came that an earlier process left over, None for any other."""
        return self._kept_since.get(update_id)

    async def forget(self) -> None:
        """Drop what is known of updates that Telegram will not repeat any more."""
        some = True
        while some:
            async with self._db.transaction() as tx:
                some = await inbox.forget(tx, now=self._clock())

    async def _set_aside(self, tx: Connection, update_id: int, why: NoticeKind) -> None:
        await inbox.set_aside(tx, update_id)
        await self._admins.notify(
            tx, why, cause=f"update:{update_id}", now=self._clock(), update=update_id
        )

    async def take(self, update_id: int, raw: object, bot: Bot) -> None:
        """Write an update down as Telegram wrote it, and line it up; one nobody can read is kept.

        Waits, and never fails, while the disk does not take it. Whoever waits may be cancelled:
        all is done all the same, or one that is written down would be known when it comes again,
        and never handed out.
        """
        # no file holds half of a surrogate pair; the handler gets what is kept
        body = json.dumps(raw, ensure_ascii=False).encode(errors="replace").decode()
        update = _read(update_id, body, bot)
        if update is not None and not _is_kept(update):
            # they expire within seconds: nothing to keep for after a restart
            await super().put(update)
            return
        task = asyncio.create_task(self._take_in(update_id, body, update))
        self._taking_in.add(task)
        task.add_done_callback(self._taking_in.discard)
        await asyncio.shield(task)

    async def put(self, item: object) -> None:
        """Take python-telegram-bot's signal to stop, before all that waits."""
        self._stopping = True
        self._let_go_of_the_rest()
        await super().put(item)

    async def begin(self, update: object) -> None:
        """Note that an update is about to be handled."""
        if not isinstance(update, Update) or not _is_kept(update):
            return
        if update.update_id not in self._begun:
            await self._write(update.update_id, lambda tx: inbox.begin(tx, update.update_id))
            self._begun.add(update.update_id)

    async def finish(self, update: object) -> None:
        """Erase a handled update, and hand out the next of its chat."""
        if self._closed or not isinstance(update, Update) or not _is_kept(update):
            return
        now = self._clock()
        # lost in a crash, it would be handled once more, which changes nothing
        self._db.later(lambda tx: inbox.finish(tx, update.update_id, now=now))
        self._begun.discard(update.update_id)
        self._kept_since.pop(update.update_id, None)
        key = _queue_key(update)
        waiting = self._waiting.get(key)
        if waiting and not self._stopping:
            self.put_nowait(waiting.popleft())
        else:
            self._waiting.pop(key, None)

    def close(self) -> None:
        """Keep what is not handled by now for the next start: its handler may break in the end."""
        self._closed = True

    async def give_back(self) -> None:
        """Note of what a stop on request interrupts that it did not end the process."""
        async with self._db.transaction() as tx:
            for update_id in sorted(self._begun):
                await inbox.undo_begin(tx, update_id)

    async def _take_in(self, update_id: int, body: str, update: Update | None) -> None:
        key = 0 if update is None else _queue_key(update)

        # one whose chat is idle is handed out at once, so that its handling begins with this
        starts = int(update is not None and key not in self._waiting and not self._stopping)

        async def receive(tx: Connection) -> bool:
            is_new = await inbox.receive(
                tx, update_id, queue_key=key, body=body, starts=starts, now=self._clock()
            )
            if is_new and update is None:
                await self._set_aside(tx, update_id, NoticeKind.UNREADABLE)
            return is_new

        if await self._write(update_id, receive) and update is not None:
            if starts:
                self._begun.add(update_id)
            self._line_up(key, update)

    def _line_up(self, key: int, update: Update) -> None:
        if self._stopping:
            return  # it is on the disk; behind the signal to stop nobody would take it
        waiting = self._waiting.get(key)
        if waiting is None:
            self._waiting[key] = deque()
            self.put_nowait(update)
        else:
            waiting.append(update)

    async def _write(self, update_id: int, step: Callable[[Connection], Awaitable[T]]) -> T:
        """Take a step of an update on the disk, as often as it takes.

        A step left out would leave the chat's queue occupied: nothing would come of it any more.
        """
        while True:
            try:
                async with self._db.transaction() as tx:
                    return await step(tx)
            except sqlite3.Error:
                logger.exception("the disk does not take update %d, waiting", update_id)
                await asyncio.sleep(RETRY_SECONDS)

    def _let_go_of_the_rest(self) -> None:
        """At the end only: what waits is on the disk and is taken up at the next start."""
        with contextlib.suppress(asyncio.QueueEmpty):
            while True:
                self.get_nowait()
                self.task_done()


class OneAtATimePerChat(BaseUpdateProcessor):
    """Handles updates of different chats side by side, and tells the intake when each is done."""

    def __init__(self, intake: Intake, slots: Slots | None = None) -> None:
        # all that were handed out wait for one of our slots
        super().__init__(MOST_CHATS)
        self._intake = intake
        self._slots = slots or Slots(AT_ONCE)

    async def do_process_update(self, update: object, coroutine: Awaitable[Any]) -> None:
        """Handle one update; one that is interrupted by a stop stays in the inbox."""
        async with self._slots.taken():
            await self._intake.begin(update)
            try:
                await coroutine
            except Exception:
                # only what is interrupted comes again: what breaks would break again
                await self._intake.finish(update)
                raise
            await self._intake.finish(update)

    async def initialize(self) -> None:
        """Nothing to prepare."""

    async def shutdown(self) -> None:
        """Nothing to close."""


def _read(update_id: int, body: str, bot: Bot) -> Update | None:
    """Read an update; None, and a traceback in the log, for one that is not as we know them."""
    try:
        update = Update.de_json(json.loads(body), bot)
        if not is_whole(_queue_key(update)):
            raise TypeError("its chat's id is no number")  # noqa: TRY301 - one reaction to all
    except Exception:
        logger.exception("update %d cannot be read: set aside", update_id)
        return None
    return update


def is_whole(value: object) -> TypeGuard[int]:
    """Whether this is a number SQLite takes, as all ids at Telegram are."""
    return type(value) is int and -(2**63) <= value < 2**63


def _is_kept(update: Update) -> bool:
    return update.inline_query is None and update.pre_checkout_query is None


def _queue_key(update: Update) -> int:
    """Return whose order is kept: the chat's, else the person's; both are Telegram's ids."""
    if update.effective_chat is not None:
        return update.effective_chat.id
    if update.effective_user is not None:
        return update.effective_user.id
    return 0
