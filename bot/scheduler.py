"""What is due in each chat: a clock per chat, and the steps that are taken when it rings.

The database is the truth and the JobQueue a clock: at a start, all of this is made anew from it.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections import defaultdict
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from bot.tasks import Tasks
from generation.jobs.queue import QueueEntry
from generation.jobs.schedule import OUTAGE_CHECK_SECONDS, queue_deadline
from storage import HOUR_SECONDS, chats, films, generations, notices
from storage.generations import AT_PROVIDER, PENDING, UNFINISHED, Generation, State
from storage.notices import NoticeKind, Owed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    from bot.tasks import ChatClocks, Work
    from generation.jobs.lifecycle import Lifecycle
    from generation.jobs.provider_calls import Lookups, Polls, Submissions
    from generation.jobs.queue import FairQueue
    from generation.jobs.schedule import CircuitBreaker
    from handlers.replies.boards import Boards
    from handlers.replies.delivery import Deliveries
    from handlers.replies.notice_sender import Notices
    from handlers.replies.status import StatusMessages
    from storage.chats import Chat
    from storage.database import Database
    from storage.ledger import Account

POST_SECONDS = 3.0
"""How long a stop waits for a paid request that is on its way; then its outcome is unknown."""
SENDING_SECONDS = 1.0
"""How long a stop waits for messages on their way: what arrived has to be written down.

Else a status would never be taken away, and a notice be sent again.
"""
BLOCKED_SECONDS = 15.0
"""How often to tell somebody near the front how the queue moves; further back, more rarely."""
PLAIN = frozenset({State.GENERATING, State.READY, State.DELIVERED})
"""States that owe nobody a word."""

logger = logging.getLogger(__name__)


@dataclass(slots=True, eq=False, kw_only=True)
class Scheduler:
    """Starts the steps that are due; each generation has at most one step under way.

    A step is a bounded task that a stop cancels and a start takes up again. Beside the steps,
    and holding up none, notices are sent, status messages and boards brought up to date.
    """

    db: Database
    clocks: ChatClocks
    queue: FairQueue
    lifecycle: Lifecycle
    submissions: Submissions
    lookups: Lookups
    polls: Polls
    breaker: CircuitBreaker
    deliveries: Deliveries
    notices: Notices
    status: StatusMessages
    boards: Boards
    show_film: Callable[[Account], Awaitable[None]]
    clock: Callable[[], float]
    undo_seconds: float = 0.0
    _started_at: float = field(init=False, default=0.0)
    _watched_at: float | None = field(init=False, default=None)
    _steps: Tasks = field(init=False)
    _updates: Tasks = field(init=False)
    _was_open: bool = field(init=False, default=False)
    _granted: defaultdict[int, set[int]] = field(init=False)
    _groups: set[int] = field(init=False, default_factory=set)

    def __post_init__(self) -> None:
        # uploads have their own bound in the outbox, over all chats; polls have theirs
        self._steps, self._updates = Tasks(self.clock), Tasks(self.clock)
        self._granted = defaultdict(set)

    async def start(self) -> None:
        """Settle what was being submitted, take up who waits, and look at every chat.

        What waits is submitted once those had time to be heard who cancelled it meanwhile.
        """
        self._started_at = now = self.clock()
        async with self.db.transaction() as tx:
            # nothing is planned so far ahead: the clock was set back
            await generations.hasten(tx, after=now + HOUR_SECONDS, now=now)
        await self.submissions.recover()
        async with self.db.reading() as connection:
            await self.queue.restore(connection)
            in_films = await films.lately(connection)
            waiting = await chats.in_work(connection)
        self.clocks.start(self._look)
        for account in in_films:
            self.changed(account)
        for chat in waiting:
            self.clocks.wake(chat)

    def bring(self, generation: Generation, chat: Chat) -> None:
        """Send a kept video, unless it is brought meanwhile; what kept it may still run."""
        work = partial(self.deliveries.bring, generation, chat)
        self._take(generation, f"deliver to {chat.id}", work, again=True)

    def changed(self, account: Account) -> None:
        """Have the film of an account shown as it is now: one of its videos came or went."""
        work = partial(self.show_film, account)
        self._updates.run(f"the film of {account}", work, again=True)

    async def watch(self) -> None:
        """Look after outages until cancelled: while nothing is let in, no chat asks for it."""
        while True:
            await self.lifecycle.heed_clock()
            now = self.clock()
            if now < (self._watched_at or 0.0):
                # the clock was set back: chats would be looked at as much later
                self._started_at = now
                self.clocks.wake_all()
            self._watched_at = now
            self._steps.run("probe", self._probe)
            outage = self.breaker.outage
            probe_at = outage.probe_at if outage else math.inf
            if self.breaker.paused_until > self.clock():
                probe_at = min(probe_at, self.breaker.paused_until)
            await asyncio.sleep(min(OUTAGE_CHECK_SECONDS, max(1.0, probe_at - self.clock())))

    def pause(self, until: float) -> None:
        """Submit nothing until then; what is being made goes on."""
        self.breaker.paused_until = until
        for chat in self.queue.chats:
            self.clocks.wake(chat)
        self._grant_slots()

    def silence(self) -> float | None:
        """Return for how many seconds nothing was looked after; None before the start."""
        if self._watched_at is None:
            return None
        return max(self.clock() - self._watched_at, self.clocks.lateness())

    async def stop(self) -> None:
        """End all steps: a paid request on its way gets three seconds, and no other leaves."""
        leaving = {_key(number) for number in self.submissions.close()}
        await asyncio.gather(
            self.clocks.stop(),
            self._steps.stop(leaving, within=POST_SECONDS),
            self._updates.stop(within=SENDING_SECONDS),
        )

    async def _look(self, chat: int) -> float | None:
        """Start what is due in a chat; return in how many seconds to look again, None for never."""
        async with self.db.reading() as connection:
            self.clocks.seen(chat)
            place = await chats.find(connection, chat)
            work = await generations.in_work(connection, chat)
            owed = await notices.owed(connection, chat)
        if place is not None and place.id != chat:
            self._queue_up(chat, ())
            await self._look_elsewhere(chat, place)
        if place is None or place.id != chat:
            return None
        # nothing may be awaited until the steps are started: what was read would grow old,
        # and a video that was delivered meanwhile be sent once more
        self._heed_outage()
        dues = self._queue_up(chat, work)
        if not place.is_private:
            self._groups.add(chat)
            self._updates.run(
                f"board {chat}", partial(self.boards.refresh, place, work), again=True
            )
        untold = {notice.generation for notice in owed}
        for generation in work:
            if generation.state is not State.QUEUED and _key(generation.id) not in self._steps:
                dues += self._start_or_wait(generation, told=generation.id not in untold)
        dues += self._tell_or_wait(chat, owed)
        return max(0.0, min(dues) - self.clock()) if dues else None

    async def _look_elsewhere(self, chat: int, into: Chat) -> None:
        """Look after what came into a chat while it became part of another."""
        async with self.db.transaction() as tx:
            await chats.follow(tx, chat, into.id)
        self.clocks.wake(into.id)

    def _queue_up(self, chat: int, work: Iterable[Generation]) -> list[float]:
        """Let a chat's requests have slots or wait; return when to look at those again."""
        now, dues, outage = self.clock(), list[float](), self.breaker.outage
        refused_since = outage.began_at if outage else None
        granted = self._granted.pop(chat, set())
        waiting, running = list[Generation](), list[Generation]()
        for generation in work:
            if generation.state is not State.QUEUED:
                running += [generation] if generation.state in AT_PROVIDER else []
            elif _key(generation.id) in self._steps:
                running += [generation] if generation.id in self.queue.running else []
            elif now > (ends := queue_deadline(generation, refused_since)):
                expire = partial(self.submissions.expire, generation, refused_since)
                self._take(generation, "expire", expire)
            elif (due := self._due(generation)) > now:
                dues.append(min(due, ends + 1.0))
            elif generation.id in granted and outage is None:
                running.append(generation)
                self._submit(generation)
            else:
                waiting.append(generation)
        self.queue.reconcile(chat, map(QueueEntry.of, waiting), map(QueueEntry.of, running))
        granted = self._grant_slots(chat)
        for generation in waiting:
            if generation.id in granted:
                self._submit(generation)
            else:
                wait = BLOCKED_SECONDS * max(1.0, self.queue.rounds_before(generation.id))
                dues.append(min(now + wait, queue_deadline(generation, refused_since) + 1.0))
                self._correct(generation)
        return dues

    def _grant_slots(self, here: int | None = None) -> set[int]:
        """Give free slots to whoever is next; return those in the chat that is being looked at.

        The others are submitted when their chats are looked at: only ids are known here.
        """
        granted = set()
        while not self.breaker.is_open and (entry := self.queue.next()) is not None:
            if entry.chat == here:
                granted.add(entry.id)
            else:
                self._granted[entry.chat].add(entry.id)
                self.clocks.wake(entry.chat)
        return granted

    def _submit(self, generation: Generation) -> None:
        # pictures that take long hold up no text
        kind = f"submit {generation.kind}"
        self._take(generation, kind, partial(self.submissions.submit, generation))

    def _heed_outage(self) -> None:
        """Let all who wait learn when the provider begins to refuse everything; probe when due."""
        outage = self.breaker.outage
        if outage is not None and not self._was_open:
            for chat in self.queue.chats:
                self.clocks.wake(chat)
        self._was_open = outage is not None
        if outage is not None and outage.probe_at <= self.clock():
            self._steps.run("probe", self._probe)

    async def _probe(self) -> None:
        """Find out whether the provider serves again, where that is due."""
        await self.breaker.present()
        self._grant_slots()

    def _start_or_wait(
        self, generation: Generation, *, begun: bool = False, told: bool = True
    ) -> list[float]:
        """Take the next step of a generation; return when to look at it, where it is not due.

        `begun` is whether its upload has been noted with the step before; until what became of it
        is `told`, its status stays, which may say so.
        """
        if (due := self._due(generation)) > self.clock():
            if generation.state in PENDING:
                self._correct(generation)
            elif generation.state is State.PARKED and told:
                return [due, *self._tidy(generation)]
            return [due]
        match generation.state:
            case State.SUBMITTING:
                # a submission nobody works on has lost its answer
                self._take(generation, "look up", partial(self.submissions.abandon, generation))
            case State.GENERATING | State.PARKED if generation.provider_id is not None:
                # polls bound themselves: see `generation.jobs.provider_calls`
                sends = generation.chat not in self._groups
                self._take(
                    generation, None, partial(self.polls.poll, generation, send_begins=sends)
                )
            case State.UNKNOWN | State.PARKED:
                self._take(generation, "look up", partial(self.lookups.look_up, generation))
            case State.READY:
                # a chat that has to wait for Telegram holds up no other
                deliver = partial(self.deliveries.deliver, generation, begun=begun)
                self._take(generation, f"deliver to {generation.chat}", deliver)
            case _ if told and generation.state not in PENDING:
                return self._tidy(generation)
        return []

    def _tidy(self, generation: Generation) -> list[float]:
        """Take its status away, if it has one; return when to try that again."""
        if generation.status_message is None:
            return []
        # it must not stand in the way of a video that is brought
        key = f"the status of {_key(generation.id)}"
        if (due := self._steps.left_alone(key)) > self.clock():
            return [due]
        tidy = partial(self.status.remove, generation)
        self._steps.run(key, tidy, partial(self._tidied, generation.chat), kind="tidy")
        return []

    def _due(self, generation: Generation) -> float:
        """Return when its next step may be taken."""
        rest = self._steps.left_alone(_key(generation.id))
        if generation.state is State.QUEUED and generation.created_at < self._started_at:
            rest = max(rest, self._started_at + self.undo_seconds)
        return max(rest, generation.due_at) if generation.state in UNFINISHED else rest

    def _tell_or_wait(self, chat: int, owed: Sequence[Owed]) -> list[float]:
        """Send the notices that are due; return when the others are. A film holds up none."""
        now, dues, due = self.clock(), list[float](), defaultdict[str, list[Owed]](list)
        for notice in owed:
            at = max(notice.due_at, self._updates.left_alone(f"notice {notice.id}"))
            if at > now:
                dues.append(at)
            else:
                is_film = notice.kind is NoticeKind.FILM
                due[f"film {notice.id}" if is_film else f"notices {chat}"].append(notice)
        for key, tell in due.items():
            self._updates.run(key, partial(self._tell, tell), lambda _: self.clocks.wake(chat))
        return dues

    async def _tell(self, owed: Iterable[Owed]) -> None:
        for notice in owed:
            try:
                await self.notices.send(notice)
            except Exception:
                # the others are owed all the same, and this one not at once again
                logger.exception("%s broke", notice)
                self._updates.leave_alone(f"notice {notice.id}")

    def _take(
        self, generation: Generation, kind: str | None, work: Work, *, again: bool = False
    ) -> None:
        then = partial(self._go_on, generation)
        self._steps.run(_key(generation.id), work, then, kind=kind, again=again)

    def _go_on(self, generation: Generation, made: object) -> None:
        """Take the next step, where the one before tells it; else look at the chat anew."""
        if isinstance(made, Generation) and made.state is State.DELIVERED and made.may_follow:
            self.changed(made.account)
        if not (isinstance(made, Generation) and self._follow(generation, made)):
            self.clocks.wake(generation.chat)

    def _follow(self, before: Generation, generation: Generation) -> bool:
        """Go on from where a step led; False where only a look at the chat can tell how."""
        if generation.state not in PLAIN or generation.chat in self._groups:
            return False
        if generation.state is not State.GENERATING:
            self.queue.remove(generation.id)
            self._grant_slots()
        begun = before.state is not State.READY and generation.send_started_at is not None
        for due in self._start_or_wait(generation, begun=begun):
            self.clocks.set(generation.chat, max(0.0, due - self.clock()))
        return True

    def _tidied(self, chat: int, made: object) -> None:
        """Nothing follows, unless it broke."""
        if isinstance(made, Exception):
            self.clocks.wake(chat)

    def _correct(self, generation: Generation) -> None:
        """Bring the status message of a request up to date, where it has one."""
        if generation.status_message is not None:
            correct = partial(self.status.correct, generation)
            self._updates.run(f"the status of {_key(generation.id)}", correct)


def _key(generation: int) -> str:
    return f"generation {generation}"
