"""The intake of updates: stores each before its receipt is confirmed to Telegram.

The next poll confirms the updates of the last one, and is sent when `take` has returned for each;
so `take` returns only when the update is stored. It is stored as Telegram's JSON, because
python-telegram-bot cannot serialise all that it parses. Updates of a chat are handled in order,
one at a time; the backlog is on the disk, bounded, and loaded one by one (see `Backlog`).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import sqlite3
from collections import deque
from dataclasses import replace
from functools import cache, partial
from typing import TYPE_CHECKING, Any, TypeGuard, TypeVar, get_args

from telegram import Update

from bot.updates import EPHEMERAL, LEFT_OUT, MAX_ERROR_LENGTH, MAX_STARTS, NEVER_DROPPED
from storage import DAY_SECONDS, SHARED_IDS, inbox
from storage.inbox import Backlog, Origin
from storage.notices import NoticeKind

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from telegram import Bot

    from storage.database import Connection, Database
    from storage.notices import Admins

RETRY_SECONDS = 1.0
"""How long to wait if an update cannot be stored."""

T = TypeVar("T")

logger = logging.getLogger(__name__)


class Intake(asyncio.Queue[object]):
    """A persistent queue of updates, of which at most one per chat is handed out at a time."""

    def __init__(self, db: Database, admins: Admins, clock: Callable[[], float]) -> None:
        super().__init__()
        self._db = db
        self._admins = admins
        self._clock = clock
        self._backlog = Backlog()
        self.is_excess = self._backlog.is_excess
        self._handed_out: dict[int, Origin] = {}
        self._queries: dict[int, Update | None] = {}
        self._storing: dict[int, asyncio.Task[None]] = {}
        self._begun: set[int] = set()
        self._suspects: set[int] = set()
        self._delayed: deque[Update] = deque()
        self.received_at: dict[int, float] = {}
        """When the updates that were restored at the start were received."""
        self._stopping = False
        self._closed = False

    async def restore(self, bot: Bot) -> None:
        """Restore updates that were received and not handled; set aside those that crash the bot.

        An update that was being handled at two crashes is set aside if it was the only one. If
        there are several, each is handled alone first, so that a third crash shows which it is.
        """
        async with self._db.reading() as connection:
            self._suspects = await inbox.often_begun(connection, MAX_STARTS)
        most = MAX_STARTS if len(self._suspects) == 1 else MAX_STARTS + 1
        last = None
        while True:
            async with self._db.transaction() as tx:
                page = await inbox.waiting(tx, after=last)
                for stored in page:
                    await self._restore(tx, stored, bot, most)
            if not page:
                break
            last = page[-1]
        self._hand_out_suspect()

    async def _restore(
        self, tx: Connection, stored: inbox.StoredUpdate, bot: Bot, most: int
    ) -> None:
        number = stored.update_id
        if stored.starts >= most:
            logger.error("update %d ended the process: set aside", number)
            await self._set_aside(tx, number, NoticeKind.SET_ASIDE)
            return
        update = _parse(number, stored.body, bot)
        if update is None:
            # an earlier version could parse it
            await self._set_aside(tx, number, NoticeKind.UNREADABLE)
            return
        origin = replace(origin_of(json.loads(stored.body)), chat=stored.queue_key)
        is_in, dropped = self._backlog.admit(number, origin, self._clock())
        for one in (dropped, None if is_in else number):
            if one is not None:
                await inbox.finish(tx, one, now=self._clock())
        if is_in:
            self.received_at[number] = stored.received_at
            if self._backlog.add(number, origin):
                self._hand_out(update, origin)

    async def _set_aside(self, tx: Connection, update_id: int, why: NoticeKind) -> None:
        await inbox.set_aside(tx, update_id)
        now = self._clock()
        # unreadable messages may come by the hundred: notify the admins once a day
        cause = f"{why}:{now // DAY_SECONDS:.0f}"
        if why is NoticeKind.SET_ASIDE:
            cause = f"update:{update_id}"
        await self._admins.notify(tx, why, cause=cause, now=now, update=update_id)

    async def take(self, update_id: int, raw: object, bot: Bot) -> None:
        """Store and queue an update; set it aside if unreadable, drop it if over a limit.

        Retries until it is stored. If the caller is cancelled, this goes on: an update that was
        stored and not queued would be taken for a repetition when it comes again.
        """
        if update_id in self._handed_out:
            return
        if update_id in self._storing:
            await asyncio.shield(self._storing[update_id])
            return
        origin = origin_of(raw)
        is_in, dropped = self._backlog.admit(update_id, origin, self._clock())
        if dropped is not None:
            self._erase(dropped)
        if not is_in:
            return
        body = _to_json(raw)
        update = _parse(update_id, body, bot)
        if update is not None and origin.kind in EPHEMERAL:
            self._hand_out_ephemeral(update)
            return
        task = asyncio.create_task(self._store(update_id, body, update, origin))
        self._storing[update_id] = task
        task.add_done_callback(lambda _: self._storing.pop(update_id))
        await asyncio.shield(task)

    async def put(self, item: object) -> None:
        """Queue python-telegram-bot's stop signal before all other items."""
        self._stopping = True
        # what is emptied in memory is restored at the next start
        with contextlib.suppress(asyncio.QueueEmpty):
            while True:
                self.get_nowait()
                self.task_done()
        await super().put(item)

    async def begin(self, update: object) -> None:
        """Store that an update is about to be handled."""
        if not isinstance(update, Update) or update.inline_query or update.pre_checkout_query:
            return
        if update.update_id not in self._begun:
            await self._write(update.update_id, lambda tx: inbox.begin(tx, update.update_id))
            self._begun.add(update.update_id)

    async def finish(self, update: object) -> None:
        """Delete a handled update, and hand out the next of its chat."""
        if self._closed or not isinstance(update, Update):
            return
        if update.inline_query is not None:
            newest = self._queries.pop(update.inline_query.from_user.id, None)
            if newest is not None and not self._stopping:
                self._hand_out_ephemeral(newest)
        elif (origin := self._handed_out.pop(update.update_id, None)) is not None:
            # if this is lost in a crash it is handled again, which is idempotent
            self._erase(update.update_id)
            await self._hand_out_next(update.update_id, origin.chat, update.get_bot())
            if update.update_id in self._suspects:
                self._suspects.discard(update.update_id)
                self._hand_out_suspect()

    def close(self) -> None:
        """Delete no more updates: handlers cancelled by the stop run again at the next start."""
        self._closed = True

    async def undo_begun(self) -> None:
        """Do not count updates that a stop on request interrupts as having crashed the process."""
        async with self._db.transaction() as tx:
            for update_id in sorted(self._begun):
                await inbox.undo_begin(tx, update_id)

    def _hand_out_ephemeral(self, update: Update) -> None:
        """Hand out an update that is not stored; of a person's inline queries only the newest."""
        if update.inline_query is not None:
            person = update.inline_query.from_user.id
            if person in self._queries:
                self._queries[person] = update
                return
            self._queries[person] = None
        self.put_nowait(update)

    async def _store(
        self, update_id: int, body: str, update: Update | None, origin: Origin
    ) -> None:
        # in an idle chat its handling begins at once: this saves the transaction of `begin`
        is_next = self._backlog.is_idle(origin.chat) and not self._stopping
        starts = int(update is not None and is_next)

        async def receive(tx: Connection) -> bool:
            is_new = await inbox.receive(
                tx, update_id, queue_key=origin.chat, body=body, starts=starts, now=self._clock()
            )
            if is_new and update is None:
                await self._set_aside(tx, update_id, NoticeKind.UNREADABLE)
            return is_new

        if await self._write(update_id, receive) and update is not None:
            if starts:
                self._begun.add(update_id)
            if self._stopping:
                return  # it is restored at the next start
            if self._backlog.add(update_id, origin):
                self._hand_out(update, origin)

    async def _hand_out_next(self, update_id: int, chat: int, bot: Bot) -> None:
        """Hand out the next update of a chat that can be parsed."""
        while not self._stopping and (turn := self._backlog.next(update_id, chat)) is not None:
            update_id, origin = turn
            update = await self._write(update_id, partial(self._load, update_id, bot))
            if update is not None:
                self._begun.add(update_id)
                if not self._stopping:
                    self._hand_out(update, origin)
                return

    async def _load(self, update_id: int, bot: Bot, tx: Connection) -> Update | None:
        body = await inbox.begin(tx, update_id)
        update = None if body is None else _parse(update_id, body, bot)
        if update is None:
            await self._set_aside(tx, update_id, NoticeKind.UNREADABLE)
        return update

    def _hand_out(self, update: Update, origin: Origin) -> None:
        self._handed_out[update.update_id] = origin
        if self._suspects:
            self._delayed.append(update)
        else:
            self.put_nowait(update)

    def _hand_out_suspect(self) -> None:
        """Hand out the next suspect alone; if there is none left, all that were delayed."""
        suspect = next((one for one in self._delayed if one.update_id in self._suspects), None)
        if suspect is not None:
            self._delayed.remove(suspect)
            self.put_nowait(suspect)
            return
        self._suspects.clear()
        while self._delayed and not self._stopping:
            self.put_nowait(self._delayed.popleft())

    def _erase(self, update_id: int) -> None:
        now = self._clock()
        self._db.defer(lambda tx: inbox.finish(tx, update_id, now=now))
        self._begun.discard(update_id)
        self.received_at.pop(update_id, None)

    async def _write(self, update_id: int, step: Callable[[Connection], Awaitable[T]]) -> T:
        """Run a step of an update in a transaction, retried until it succeeds.

        Without it the queue of its chat would be blocked until the next start.
        """
        while True:
            try:
                async with self._db.transaction() as tx:
                    return await step(tx)
            except sqlite3.Error:
                logger.exception("the disk does not take update %d, waiting", update_id)
                await asyncio.sleep(RETRY_SECONDS)


def _to_json(raw: object) -> str:
    """Serialise an update, or return "" if that fails."""
    try:
        # lone surrogates cannot be stored as UTF-8
        return json.dumps(raw, ensure_ascii=False).encode(errors="replace").decode()
    except (ValueError, RecursionError):
        return ""


def _parse(update_id: int, body: str, bot: Bot) -> Update | None:
    """Return an update, or as much of a message as can be read; None if nothing can.

    Servers older or newer than python-telegram-bot send content that it cannot read. A message
    without its content orders nothing; in private it gets an answer.
    """
    errors = list[str]()
    for left_out in LEFT_OUT:
        try:
            update = _parse_without(left_out, json.loads(body), bot)
        except Exception as error:  # noqa: BLE001 - one reaction to all
            errors.append(repr(error)[:MAX_ERROR_LENGTH])
        else:
            if errors:
                logger.warning("update %d is read in part: %s", update_id, errors[0])
            return update
    logger.error("update %d cannot be read: set aside: %s", update_id, errors[0])
    return None


def _parse_without(left_out: frozenset[str], raw: Any, bot: Bot) -> Update:
    messages = [raw.get("message"), raw.get("edited_message")]
    if isinstance(query := raw.get("callback_query"), dict):
        messages.append(query.get("message"))
    for message in messages:
        if isinstance(message, dict):
            for name in left_out & message.keys():
                del message[name]
    update = Update.de_json(raw, bot)
    _check_types(update)
    if (update.inline_query or update.pre_checkout_query) and update.effective_user is None:
        raise TypeError("nobody asks")
    return update


def _check_types(parsed: Any) -> None:
    """Raise TypeError if a text or number is none: python-telegram-bot does not check."""
    for one in parsed if isinstance(parsed, tuple) else (parsed,):
        for name, kind in _fields(one.__class__):
            value = getattr(one, name, None)
            if kind is None:
                if value is not None:
                    _check_types(value)
            elif not isinstance(value, kind) or (
                # the database takes no larger ids
                name.endswith("id") and isinstance(value, int) and not is_int64(value)
            ):
                raise TypeError(f"{name} is no {kind}")


@cache
def _fields(of: Any) -> list[tuple[str, Any]]:
    """Return the stored fields of a class, with the types of texts and numbers."""
    hints, plain = getattr(of.__init__, "__annotations__", {}), (str, str | None, int, int | None)
    stored = [name for name in hints if not isinstance(getattr(of, name, None), property)]
    return [
        (name, (get_args(hints[name]) or hints[name]) if hints[name] in plain else None)
        for name in stored
    ]


def origin_of(raw: object) -> Origin:
    """Return the origin of an update from Telegram's JSON; ids that cannot be read are 0."""
    fields = raw.items() if isinstance(raw, dict) else ()
    kind, content = next(
        ((name, value) for name, value in fields if isinstance(value, dict)), ("", {})
    )
    user = _number(content, "from", "id")
    chat = _number(content, "chat", "id") or _number(content, "message", "chat", "id") or user
    words = content.get("text") or content.get("caption")
    commands = isinstance(words, str) and words.startswith(("/", "@"))
    return Origin(
        kind,
        chat,
        chat if user in SHARED_IDS else user,
        kind == "callback_query" or (kind == "message" and (chat == user or commands)),
        kind != "pre_checkout_query" and not NEVER_DROPPED & content.keys(),
    )


def is_int64(value: object) -> TypeGuard[int]:
    """Return whether this is an integer of 64 bits, as all ids at Telegram are."""
    return type(value) is int and -(2**63) <= value < 2**63


def _number(content: object, *path: str) -> int:
    """Return the integer at a path of keys, 0 if there is none."""
    for name in path:
        content = content.get(name) if isinstance(content, dict) else None
    return content if is_int64(content) else 0
