"""The scheduler: starts the steps of generations that are due, chat by chat.

All its state is in the database, from which it is restored at a start; the JobQueue only wakes it.
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
from generation.jobs.outcomes import AnswerLost, StillQueued
from generation.jobs.queue import QueueEntry
from generation.jobs.schedule import OUTAGE_CHECK_SECONDS, queue_deadline
from storage import HOUR_SECONDS, chats, films, generations, notices
from storage.generations import AT_PROVIDER, PENDING, UNFINISHED, Generation, Reason, State
from storage.notices import NoticeKind, Owed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    from bot.tasks import ChatTimers, Work
    from generation.jobs.lifecycle import Lifecycle
    from generation.jobs.provider_calls import Polls, Submissions
    from generation.jobs.queue import FairQueue
    from generation.jobs.schedule import CircuitBreaker
    from handlers.replies.boards import Boards
    from handlers.replies.delivery import Deliveries
    from handlers.replies.notice_sender import Notices
    from handlers.replies.status import StatusMessages
    from storage.chats import Chat
    from storage.database import Database
    from storage.ledger import Account

SUBMISSION_STOP_SECONDS = 3.0
"""How long a stop waits for a paid request under way; after that its outcome is unknown."""
MESSAGE_STOP_SECONDS = 1.0
"""How long a stop waits for messages under way, so that their ids can be stored.

Without its id a status could not be deleted, and a notice would be sent again.
"""
QUEUE_STATUS_SECONDS = 15.0
"""How often the queue position is updated near the front; further back, more rarely."""
SILENT_STATES = frozenset({State.GENERATING, State.READY, State.DELIVERED})
"""States in which a generation arrives without a notice."""

logger = logging.getLogger(__name__)


@dataclass(slots=True, eq=False, kw_only=True)
class Scheduler:
    """Starts the steps that are due; each generation has at most one step under way.

    A step is a bounded task that a stop cancels and the next start repeats. Notices, status
    messages and boards are sent by tasks of their own, so that they delay no step.
    """

    db: Database
    timers: ChatTimers
    queue: FairQueue
    lifecycle: Lifecycle
    submissions: Submissions
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
    _had_outage: bool = field(init=False, default=False)
    _granted: defaultdict[int, set[int]] = field(init=False)
    _groups: set[int] = field(init=False, default_factory=set)

    def __post_init__(self) -> None:
        # uploads are limited in the outbox, polls in `generation.jobs.provider_calls`
        self._steps, self._updates = Tasks(self.clock), Tasks(self.clock)
        self._granted = defaultdict(set)

    async def start(self) -> None:
        """Recover interrupted submissions, restore the queue, and look at every chat.

        What is queued is submitted after the undo time, so that a cancellation sent meanwhile
        is read first.
        """
        self._started_at = now = self.clock()
        async with self.db.transaction() as tx:
            # nothing is ever due so far ahead, unless the clock was set back
            await generations.make_due(tx, after=now + HOUR_SECONDS, now=now)
        await self.submissions.recover()
        async with self.db.reading() as connection:
            await self.queue.restore(connection)
            in_films = await films.recent_accounts(connection)
            waiting = await chats.in_work(connection)
        self.timers.start(self._look)
        for account in in_films:
            self.update_film(account)
        for chat in waiting:
            self.timers.wake(chat)

    def deliver_kept(self, generation: Generation, chat: Chat) -> None:
        """Deliver a kept video, after a step of it that is still under way."""
        work = partial(self.deliveries.deliver_kept, generation, chat)
        self._run_step(generation, f"deliver to {chat.id}", work, again=True)

    def update_film(self, account: Account) -> None:
        """Update the message that shows an account's film: one of its videos came or went."""
        work = partial(self.show_film, account)
        self._updates.run(f"the film of {account}", work, again=True)

    async def watch(self) -> None:
        """Probe the provider during outages, until cancelled: no chat's timer does that."""
        while True:
            await self.lifecycle.adjust_to_clock()
            now = self.clock()
            if now < (self._watched_at or 0.0):
                # the clock was set back: chats would be looked at as much later
                self._started_at = now
                self.timers.wake_all()
            self._watched_at = now
            self._steps.run("probe", self._probe)
            outage = self.breaker.outage
            probe_at = outage.probe_at if outage else math.inf
            if self.breaker.paused_until > self.clock():
                probe_at = min(probe_at, self.breaker.paused_until)
            await asyncio.sleep(min(OUTAGE_CHECK_SECONDS, max(1.0, probe_at - self.clock())))

    def pause(self, until: float) -> None:
        """Submit nothing until then; generations under way go on."""
        self.breaker.paused_until = until
        for chat in self.queue.chats:
            self.timers.wake(chat)
        self._grant_slots()

    def stalled_seconds(self) -> float | None:
        """Return for how many seconds the scheduler did nothing that was due; None before start."""
        if self._watched_at is None:
            return None
        return max(self.clock() - self._watched_at, self.timers.lateness())

    async def stop(self) -> None:
        """Cancel all steps, but give a paid request under way three seconds; submit no other."""
        leaving = {_key(number) for number in self.submissions.close()}
        await asyncio.gather(
            self.timers.stop(),
            self._steps.stop(leaving, within=SUBMISSION_STOP_SECONDS),
            self._updates.stop(within=MESSAGE_STOP_SECONDS),
        )

    async def _look(self, chat: int) -> float | None:
        """Start what is due in a chat; return in how many seconds to look again, None for never."""
        async with self.db.reading() as connection:
            self.timers.clear_wake(chat)
            place = await chats.find(connection, chat)
            work = await generations.in_work(connection, chat)
            owed = await notices.owed(connection, chat)
        if place is not None and place.id != chat:
            self._process_queue(chat, ())
            async with self.db.transaction() as tx:
                # something may have come into the chat since it was merged into another
                await chats.follow(tx, chat, place.id)
            self.timers.wake(place.id)
        if place is None or place.id != chat:
            return None
        # no await from here until the steps are started: rows read above would be outdated,
        # and a video that was delivered meanwhile would be sent again
        self._handle_outage()
        dues = self._process_queue(chat, work)
        if not place.is_private:
            self._groups.add(chat)
            self._updates.run(
                f"board {chat}", partial(self.boards.refresh, place, work), again=True
            )
        untold = {notice.generation for notice in owed}
        for generation in work:
            if generation.state is not State.QUEUED and _key(generation.id) not in self._steps:
                dues += self._start_or_wait(generation, told=generation.id not in untold)
        dues += self._send_notices_or_wait(chat, owed)
        return max(0.0, min(dues) - self.clock()) if dues else None

    def _process_queue(self, chat: int, work: Iterable[Generation]) -> list[float]:
        """Submit a chat's queued requests, as slots allow; return when to look at the others."""
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
                expire = partial(self.lifecycle.advance, generation, StillQueued(refused_since))
                self._run_step(generation, "expire", expire)
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
                wait = QUEUE_STATUS_SECONDS * max(1.0, self.queue.rounds_before(generation.id))
                dues.append(min(now + wait, queue_deadline(generation, refused_since) + 1.0))
                self._update_status(generation)
        return dues

    def _grant_slots(self, here: int | None = None) -> set[int]:
        """Grant free slots to the next in the queue; return the generations of chat `here`.

        Others are submitted when their chats are looked at: only their ids are known here.
        """
        granted = set()
        while not self.breaker.is_open and (entry := self.queue.next()) is not None:
            if entry.chat == here:
                granted.add(entry.id)
            else:
                self._granted[entry.chat].add(entry.id)
                self.timers.wake(entry.chat)
        return granted

    def _submit(self, generation: Generation) -> None:
        # limited by kind, so that slow pictures delay no text
        kind = f"submit {generation.kind}"
        self._run_step(generation, kind, partial(self.submissions.submit, generation))

    def _handle_outage(self) -> None:
        """Wake all waiting chats when an outage begins, and probe the provider when due."""
        outage = self.breaker.outage
        if outage is not None and not self._had_outage:
            for chat in self.queue.chats:
                self.timers.wake(chat)
        self._had_outage = outage is not None
        if outage is not None and outage.probe_at <= self.clock():
            self._steps.run("probe", self._probe)

    async def _probe(self) -> None:
        await self.breaker.present()
        self._grant_slots()

    def _start_or_wait(
        self, generation: Generation, *, begun: bool = False, told: bool = True
    ) -> list[float]:
        """Start the next step of a generation if it is due; return when to look at it otherwise.

        `begun` is whether the start of its upload is stored already; `told` is whether no notice
        about it is owed, which may still be written into its status message.
        """
        if (due := self._due(generation)) > self.clock():
            if generation.state in PENDING:
                self._update_status(generation)
            elif generation.state is State.PARKED and told:
                return [due, *self._remove_status(generation)]
            return [due]
        match generation.state:
            case State.SUBMITTING:
                # no task is working on it, so its answer was lost
                stopped = AnswerLost(reason=Reason.PROCESS_STOPPED)
                self._run_step(
                    generation, "look up", partial(self.lifecycle.advance, generation, stopped)
                )
            case State.GENERATING | State.PARKED if generation.provider_id is not None:
                sends = generation.chat not in self._groups
                self._run_step(
                    generation, None, partial(self.polls.poll, generation, send_begins=sends)
                )
            case State.UNKNOWN | State.PARKED:
                self._run_step(generation, "look up", partial(self.polls.look_up, generation))
            case State.READY:
                # limited by chat, so that a flood limit in one delays no other
                deliver = partial(self.deliveries.deliver, generation, begun=begun)
                self._run_step(generation, f"deliver to {generation.chat}", deliver)
            case _ if told and generation.state not in PENDING:
                return self._remove_status(generation)
        return []

    def _remove_status(self, generation: Generation) -> list[float]:
        """Delete its status message, if it has one; return when to try that again."""
        if generation.status_message is None:
            return []
        # a key of its own, so that it does not delay a kept video
        key = f"the status of {_key(generation.id)}"
        if (due := self._steps.backoff_until(key)) > self.clock():
            return [due]
        tidy = partial(self.status.remove, generation)
        self._steps.run(key, tidy, partial(self._on_status_removed, generation.chat), kind="tidy")
        return []

    def _due(self, generation: Generation) -> float:
        rest = self._steps.backoff_until(_key(generation.id))
        if generation.state is State.QUEUED and generation.created_at < self._started_at:
            rest = max(rest, self._started_at + self.undo_seconds)
        return max(rest, generation.due_at) if generation.state in UNFINISHED else rest

    def _send_notices_or_wait(self, chat: int, owed: Sequence[Owed]) -> list[float]:
        """Send the notices that are due; return when the others are. A film delays no other."""
        now, dues, due = self.clock(), list[float](), defaultdict[str, list[Owed]](list)
        for notice in owed:
            at = max(notice.due_at, self._updates.backoff_until(f"notice {notice.id}"))
            if at > now:
                dues.append(at)
            else:
                is_film = notice.kind is NoticeKind.FILM
                due[f"film {notice.id}" if is_film else f"notices {chat}"].append(notice)
        for key, tell in due.items():
            self._updates.run(
                key, partial(self._send_notices, tell), lambda _: self.timers.wake(chat)
            )
        return dues

    async def _send_notices(self, owed: Iterable[Owed]) -> None:
        for notice in owed:
            try:
                await self.notices.send(notice)
            except Exception:
                # go on with the others
                logger.exception("%s broke", notice)
                self._updates.back_off(f"notice {notice.id}")

    def _run_step(
        self, generation: Generation, kind: str | None, work: Work, *, again: bool = False
    ) -> None:
        then = partial(self._after_step, generation)
        self._steps.run(_key(generation.id), work, then, kind=kind, again=again)

    def _after_step(self, generation: Generation, made: object) -> None:
        """Start the next step if it follows from this one, else look at the chat."""
        if isinstance(made, Generation) and made.state is State.DELIVERED and made.may_follow:
            self.update_film(made.account)
        if not (isinstance(made, Generation) and self._continue_directly(generation, made)):
            self.timers.wake(generation.chat)

    def _continue_directly(self, before: Generation, generation: Generation) -> bool:
        """Start the step that follows; return False if the chat has to be looked at first."""
        if generation.state not in SILENT_STATES or generation.chat in self._groups:
            return False
        if generation.state is not State.GENERATING:
            self.queue.remove(generation.id)
            self._grant_slots()
        begun = before.state is not State.READY and generation.send_started_at is not None
        for due in self._start_or_wait(generation, begun=begun):
            self.timers.schedule(generation.chat, max(0.0, due - self.clock()))
        return True

    def _on_status_removed(self, chat: int, made: object) -> None:
        """Look at the chat again if that failed."""
        if isinstance(made, Exception):
            self.timers.wake(chat)

    def _update_status(self, generation: Generation) -> None:
        if generation.status_message is not None:
            correct = partial(self.status.update, generation)
            self._updates.run(f"the status of {_key(generation.id)}", correct)


def _key(generation: int) -> str:
    return f"generation {generation}"
