"""The intake of updates: stored before Telegram is told that they were received.

Whoever listens asks for the next updates once `take` has returned for each, which confirms
them; so `take` persists, and returns nothing but success. What is kept is Telegram's own JSON:
python-telegram-bot cannot write all that it reads. Order is kept per chat: an update is handed
out only when the one before it in its chat is handled. What waits is on the disk, bounded, and
read when its turn comes (see `Backlog`).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import sqlite3
from collections import deque
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeGuard, TypeVar

from telegram import Update

from storage import DAY_SECONDS, SHARED_IDS, inbox
from storage.inbox import Backlog, Origin
from storage.notices import NoticeKind

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from telegram import Bot

    from storage.database import Connection, Database
    from storage.notices import Admins

MOST_STARTS = 2
"""An update that alone was being handled when the process ended so often is not tried again."""
RETRY_SECONDS = 1.0
"""How long to wait when the disk does not take an update."""

_NEVER_DROPPED = frozenset(
    {"successful_payment", "refunded_payment", "migrate_to_chat_id", "migrate_from_chat_id"}
)
"""What a message tells that nobody can send at will, and that is told once."""
_PASSING = frozenset({"inline_query", "pre_checkout_query"})
"""Updates that expire within seconds: nothing to keep for after a restart."""

T = TypeVar("T")

logger = logging.getLogger(__name__)


class Intake(asyncio.Queue[object]):
    """A queue whose content survives the process; at most one update per chat is out."""

    def __init__(self, db: Database, admins: Admins, clock: Callable[[], float]) -> None:
        super().__init__()
        self._db = db
        self._admins = admins
        self._clock = clock
        self._backlog = Backlog()
        self.is_excess = self._backlog.is_excess
        self._out: dict[int, Origin] = {}
        self._queries: dict[int, Update | None] = {}
        self._taking_in: dict[int, asyncio.Task[None]] = {}
        self._begun: set[int] = set()
        self._suspects: set[int] = set()
        self._held: deque[Update] = deque()
        self._kept_since: dict[int, float] = {}
        self._stopping = False
        self._closed = False

    async def restore(self, bot: Bot) -> None:
        """Take up what was received and not handled before; admins hear of what is set aside.

        What was under way at two crashes has caused them if it was the only one; several such are
        handled first, each alone: at a third it is known which of them it was.
        """
        async with self._db.reading() as connection:
            self._suspects = await inbox.often_begun(connection, MOST_STARTS)
        most = MOST_STARTS if len(self._suspects) == 1 else MOST_STARTS + 1
        last = None
        while True:
            async with self._db.transaction() as tx:
                page = await inbox.waiting(tx, after=last)
                for stored in page:
                    await self._restore(tx, stored, bot, most)
            if not page:
                break
            last = page[-1]
        self._go_on_alone()

    async def _restore(
        self, tx: Connection, stored: inbox.StoredUpdate, bot: Bot, most: int
    ) -> None:
        number = stored.update_id
        if stored.starts >= most:
            logger.error("update %d ended the process: set aside", number)
            await self._set_aside(tx, number, NoticeKind.SET_ASIDE)
            return
        update = _read(number, stored.body, bot)
        if update is None:
            # a version before this one could read it
            await self._set_aside(tx, number, NoticeKind.UNREADABLE)
            return
        origin = replace(origin_of(json.loads(stored.body)), chat=stored.queue_key)
        is_in, dropped = self._backlog.admit(number, origin, self._clock())
        for one in (dropped, None if is_in else number):
            if one is not None:
                await inbox.finish(tx, one, now=self._clock())
        if is_in:
            self._kept_since[number] = stored.received_at
            if self._backlog.add(number, origin):
                self._hand_out(update, origin)

    def kept_since(self, update_id: int) -> float | None:
        """Return when an update came that an earlier process left over, None for any other."""
        return self._kept_since.get(update_id)

    async def _set_aside(self, tx: Connection, update_id: int, why: NoticeKind) -> None:
        await inbox.set_aside(tx, update_id)
        now = self._clock()
        # a kind of message that nobody can read may come by the hundred: told of once a day
        cause = f"{why}:{now // DAY_SECONDS:.0f}"
        if why is NoticeKind.SET_ASIDE:
            cause = f"update:{update_id}"
        await self._admins.notify(tx, why, cause=cause, now=now, update=update_id)

    async def take(self, update_id: int, raw: object, bot: Bot) -> None:
        """Write an update down as Telegram wrote it, and line it up; one nobody can read is kept.

        One over a bound is dropped unread. Waits, and never fails, while the disk does not take
        it. Whoever waits may be cancelled: all is done all the same, or one that is written down
        would be known when it comes again, and never handed out.
        """
        if update_id in self._out:
            return
        if update_id in self._taking_in:
            await asyncio.shield(self._taking_in[update_id])
            return
        origin = origin_of(raw)
        is_in, dropped = self._backlog.admit(update_id, origin, self._clock())
        if dropped is not None:
            self._erase(dropped)
        if not is_in:
            return
        body = _written(raw)
        update = _read(update_id, body, bot)
        if update is not None and origin.kind in _PASSING:
            self._pass_on(update)
            return
        task = asyncio.create_task(self._take_in(update_id, body, update, origin))
        self._taking_in[update_id] = task
        task.add_done_callback(lambda _: self._taking_in.pop(update_id))
        await asyncio.shield(task)

    async def put(self, item: object) -> None:
        """Take python-telegram-bot's signal to stop, before all that waits."""
        self._stopping = True
        self._let_go_of_the_rest()
        await super().put(item)

    async def begin(self, update: object) -> None:
        """Note that an update is about to be handled."""
        if not isinstance(update, Update) or update.inline_query or update.pre_checkout_query:
            return
        if update.update_id not in self._begun:
            await self._write(update.update_id, lambda tx: inbox.begin(tx, update.update_id))
            self._begun.add(update.update_id)

    async def finish(self, update: object) -> None:
        """Erase a handled update, and hand out the next of its chat."""
        if self._closed or not isinstance(update, Update):
            return
        if update.inline_query is not None:
            newest = self._queries.pop(update.inline_query.from_user.id, None)
            if newest is not None and not self._stopping:
                self._pass_on(newest)
        elif (origin := self._out.pop(update.update_id, None)) is not None:
            # lost in a crash, it would be handled once more, which changes nothing
            self._erase(update.update_id)
            await self._go_on(update.update_id, origin.chat, update.get_bot())
            if update.update_id in self._suspects:
                self._suspects.discard(update.update_id)
                self._go_on_alone()

    def close(self) -> None:
        """Keep what is not handled by now for the next start: its handler may break in the end."""
        self._closed = True

    async def give_back(self) -> None:
        """Note of what a stop on request interrupts that it did not end the process."""
        async with self._db.transaction() as tx:
            for update_id in sorted(self._begun):
                await inbox.undo_begin(tx, update_id)

    def _pass_on(self, update: Update) -> None:
        """Hand out what is not kept: of what somebody types, one at a time and the newest next."""
        if update.inline_query is not None:
            typist = update.inline_query.from_user.id
            if typist in self._queries:
                self._queries[typist] = update
                return
            self._queries[typist] = None
        self.put_nowait(update)

    async def _take_in(
        self, update_id: int, body: str, update: Update | None, origin: Origin
    ) -> None:
        # one whose chat is idle is handed out at once, so that its handling begins with this
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
                return  # it is on the disk; behind the signal to stop nobody would take it
            if self._backlog.add(update_id, origin):
                self._hand_out(update, origin)

    async def _go_on(self, update_id: int, chat: int, bot: Bot) -> None:
        """Hand out the next of a chat that can be read, after one that is done."""
        while not self._stopping and (turn := self._backlog.next(update_id, chat)) is not None:
            update_id, origin = turn
            update = await self._write(update_id, partial(self._fetch, update_id, bot))
            if update is not None:
                # with its turn its handling begins
                self._begun.add(update_id)
                if not self._stopping:
                    self._hand_out(update, origin)
                return

    async def _fetch(self, update_id: int, bot: Bot, tx: Connection) -> Update | None:
        body = await inbox.begin(tx, update_id)
        update = None if body is None else _read(update_id, body, bot)
        if update is None:
            await self._set_aside(tx, update_id, NoticeKind.UNREADABLE)
        return update

    def _hand_out(self, update: Update, origin: Origin) -> None:
        self._out[update.update_id] = origin
        if self._suspects:
            self._held.append(update)
        else:
            self.put_nowait(update)

    def _go_on_alone(self) -> None:
        """Hand out the next that goes alone; once there is none, all that waited for them."""
        alone = next((one for one in self._held if one.update_id in self._suspects), None)
        if alone is not None:
            self._held.remove(alone)
            self.put_nowait(alone)
            return
        self._suspects.clear()
        while self._held and not self._stopping:
            self.put_nowait(self._held.popleft())

    def _erase(self, update_id: int) -> None:
        now = self._clock()
        self._db.defer(lambda tx: inbox.finish(tx, update_id, now=now))
        self._begun.discard(update_id)
        self._kept_since.pop(update_id, None)

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


def _written(raw: object) -> str:
    """Write an update down as JSON, in UTF-8; nothing where that cannot be."""
    try:
        # no file holds half of a surrogate pair; the handler gets what is kept
        return json.dumps(raw, ensure_ascii=False).encode(errors="replace").decode()
    except (ValueError, RecursionError):
        return ""


MAX_ERROR_LENGTH = 200
"""Characters of an error that are logged: its text may quote what people wrote."""
_LEFT_OUT: tuple[Callable[[str], bool], ...] = (
    lambda _: False,
    {"reply_to_message", "external_reply", "quote"}.__contains__,
    lambda name: name not in {"message_id", "date", "chat", "from"},
)
"""Fields left out of a message until it can be read: none, what it replies to, all content."""


def _read(update_id: int, body: str, bot: Bot) -> Update | None:
    """Return an update, or as much of a message as can be read; None if nothing can.

    Servers older or newer than python-telegram-bot send content that it cannot read. A message
    without its content orders nothing; in private it gets an answer.
    """
    errors = list[str]()
    for leaves_out in _LEFT_OUT:
        try:
            update = _parse(json.loads(body), bot, leaves_out)
        except Exception as error:  # noqa: BLE001 - one reaction to all
            errors.append(repr(error)[:MAX_ERROR_LENGTH])
        else:
            if errors:
                logger.warning("update %d is read in part: %s", update_id, errors[0])
            return update
    logger.error("update %d cannot be read: set aside: %s", update_id, errors[0])
    return None


def _parse(raw: Any, bot: Bot, leaves_out: Callable[[str], bool]) -> Update:
    message = raw.get("message")
    if isinstance(message, dict) and not _NEVER_DROPPED & message.keys():
        left = {name: value for name, value in message.items() if not leaves_out(name)}
        raw = {**raw, "message": left}
    update = Update.de_json(raw, bot)
    who = update.effective_user
    if (update.inline_query or update.pre_checkout_query) and who is None:
        raise TypeError("nobody asks")
    for one in (update.effective_chat, who):
        if one is not None and not is_whole(one.id):
            raise TypeError("an id is no number")
    return update


def origin_of(raw: object) -> Origin:
    """Read from Telegram's JSON where an update comes from; what cannot be read is nobody's."""
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
        kind != "pre_checkout_query" and not _NEVER_DROPPED & content.keys(),
    )


def is_whole(value: object) -> TypeGuard[int]:
    """Whether this is a number SQLite takes, as all ids at Telegram are."""
    return type(value) is int and -(2**63) <= value < 2**63


def _number(content: object, *path: str) -> int:
    """Return the number at the end of a path; 0 where there is none."""
    for name in path:
        content = content.get(name) if isinstance(content, dict) else None
    return content if is_whole(content) else 0
