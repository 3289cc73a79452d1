"""What is due is done here: bounded tasks that a stop cancels and a start takes up again."""

from __future__ import annotations

import asyncio
import logging
from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from bot.asides import Asides
from bot.steps import POLL, next_step
from generation.jobs.queue import LATELY_SECONDS, next_turns
from storage import fairness, generations, notices
from storage.generations import AT_PROVIDER, State

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence
    from typing import Any

    from bot.steps import Rooms, Step
    from storage.chats import Chat
    from storage.database import Database
    from storage.generations import Generation

POST_SECONDS = 3.0
"""How long a stop waits for a paid request that is on its way; then its outcome is unknown."""
BLOCKED_SECONDS = 15.0
"""How often to look again at what waits for a slot or for the provider."""
CRASHED_SECONDS = 30.0
"""How long a step is left alone that broke for a reason nobody foresaw."""

AT_ONCE = 8
"""How many steps of a kind are taken side by side."""

logger = logging.getLogger(__name__)


class Workers:
    """Starts the steps that are due; each generation has at most one step under way."""

    def __init__(
        self, *, db: Database, rooms: Rooms, slots: int, clock: Callable[[], float]
    ) -> None:
        self._db = db
        self._rooms = rooms
        self._slots = slots
        self._clock = clock
        self._tasks: dict[str, asyncio.Task[int]] = {}
        self._submitting: set[int] = set()
        self._left_alone: dict[str, float] = {}
        self._asides = Asides(rooms.boards, rooms.status)
        self._turns = asyncio.Lock()
        self._turns_wanted = False
        self._line = False
        self._stopping = False
        # uploads have their own bound in the outbox, over all chats; polls have theirs
        self._bounds = WeakValueDictionary[str, asyncio.Semaphore]()
        self.wake: Callable[[int], None] = lambda _chat: None

    async def recover(self) -> list[int]:
        """At a start: settle what was being submitted; return the chats that wait for something."""
        await self._rooms.submissions.recover()
        async with self._db.reading() as connection:
            waiting = await generations.chats_in_work(connection)
            owed = await notices.chats_owed(connection)
        return sorted({*waiting, *owed, *await self._rooms.boards.standing()})

    async def watch(self) -> None:
        """Look after what concerns no single chat, until cancelled."""
        await self._rooms.outages.watch()

    async def start_due(self, chat: int) -> float | None:
        """Start what is due in a chat; return in how many seconds to look again, None for never."""
        if self._stopping:
            return None
        async with self._db.reading() as connection:
            work = await generations.in_work(connection, chat)
            owed = await notices.owed(connection, chat)
        # nothing may be awaited until the steps are started: what was read would grow old,
        # and a video that was delivered meanwhile be sent once more
        now, due_at, queued = self._clock(), [], False
        for generation in work:
            if _key(generation) in self._tasks:
                continue
            if (due := self._due(generation)) > now:
                due_at.append(due)
            elif generation.state is State.QUEUED:
                due_at.append(now + BLOCKED_SECONDS)
                queued = True
            else:
                self._take_step(generation)
        if owed and f"notices {chat}" not in self._tasks:
            rest = self._left_alone.get(f"notices {chat}", 0.0)
            due_at += [due for notice in owed if (due := max(rest, notice.due_at)) > now]
            tell = [notice for notice in owed if max(rest, notice.due_at) <= now]
            if tell:
                self._run(f"notices {chat}", chat, partial(self._tell, tell))
        if queued or self._line:
            # a slot that became free here may be somebody's in another chat
            await self._take_turns()
        self._asides.say_how_it_stands(chat, work)
        return max(0.0, min(due_at) - now) if due_at else None

    def _due(self, generation: Generation) -> float:
        """Return when its next step may be taken."""
        rest = self._left_alone.get(_key(generation), 0.0)
        return max(rest, generation.due_at) if generation.state in generations.UNFINISHED else rest

    def bring(self, generation: Generation, chat: Chat) -> None:
        """Send a kept video to a chat, unless that is being done."""
        if _key(generation) not in self._tasks:
            work = partial(self._rooms.deliveries.bring, generation, chat)
            self._start(generation, (f"deliver to {chat.id}", work))

    async def stop(self) -> None:
        """End all steps: a paid request on its way gets three seconds, and no other leaves."""
        self._stopping = True
        leaving = {_key_of(number) for number in self._rooms.submissions.close()}
        posting = [task for key, task in self._tasks.items() if key in leaving]
        for task in self._tasks.values():
            if task not in posting:
                task.cancel()
        await asyncio.gather(_wait(posting, POST_SECONDS), self._asides.stop())
        left = [*self._tasks.values()]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    def _take_step(self, generation: Generation) -> None:
        if generation.state is State.GENERATING:
            self._asides.correct(generation)
        step = next_step(self._rooms, generation)
        if step is not None:
            self._start(generation, step)

    def _start(self, generation: Generation, step: Step) -> None:
        self._run(_key(generation), generation.chat, partial(self._bounded, generation, step))

    async def _take_turns(self) -> None:
        """Let the next ones go to the provider, as far as there are slots."""
        if self._turns_wanted:
            return  # whoever is about to look sees what this one would
        self._turns_wanted = True
        async with self._turns:
            self._turns_wanted = False
            async with self._db.reading() as connection:
                queued = await generations.in_states(connection, {State.QUEUED})
                running = await generations.in_states(connection, AT_PROVIDER)
                served = await fairness.served(connection, since=self._clock() - LATELY_SECONDS)
            running += [one for one in queued if one.id in self._submitting]
            now = self._clock()
            waiting = [
                one for one in queued if _key(one) not in self._tasks and self._due(one) <= now
            ]
            outage = await self._rooms.outages.present()
            expire = self._rooms.submissions.expire
            waiting = [one for one in waiting if not await expire(one, outage)]
            if outage is not None:
                return
            chosen = next_turns(waiting, running, self._slots, served)
            self._line = len(waiting) > len(chosen)
            for turn in chosen:
                self._submitting.add(turn.id)
                self._start(turn, ("submit", partial(self._submit, turn)))

    async def _submit(self, generation: Generation) -> None:
        try:
            await self._rooms.submissions.submit(generation)
        finally:
            self._submitting.discard(generation.id)

    async def _tell(self, owed: list[notices.Owed]) -> int:
        """Say what is owed; return the chat that it is owed to by then."""
        for notice in owed:
            try:
                await self._rooms.notices.send(notice)
            except Exception:
                # the others are owed all the same, and this one not at once again
                logger.exception("notice %d (%s) broke", notice.id, notice.kind)
                async with self._db.transaction() as tx:
                    due = self._clock() + CRASHED_SECONDS
                    await notices.try_later(tx, notice.id, due_at=due)
        async with self._db.reading() as connection:
            return await notices.chat_of(connection, owed[0].id)

    async def _bounded(self, generation: Generation, step: Step) -> int:
        """Take a step when it is its turn; return the chat that waits for the next one by then."""
        kind, work = step
        try:
            line = self._bounds.setdefault(kind, asyncio.Semaphore(AT_ONCE))
            async with nullcontext() if kind == POLL else line:
                await work()
        except Exception:
            logger.exception("generation %d broke at %s", generation.id, kind)
            async with self._db.transaction() as tx:
                await generations.note(tx, generation.id, due_at=self._clock() + CRASHED_SECONDS)
        async with self._db.reading() as connection:
            return await generations.chat_of(connection, generation.id)

    def _run(self, key: str, chat: int, work: Callable[[], Coroutine[Any, Any, int]]) -> None:
        if self._stopping:
            return
        task = asyncio.create_task(work(), name=key)
        self._tasks[key] = task
        task.add_done_callback(lambda _: self._done(key, chat))

    def _done(self, key: str, chat: int) -> None:
        task = self._tasks.pop(key)
        if self._stopping or task.cancelled():
            return
        if task.exception() is not None:
            # the database does not take what became of it: at once again it would do it again
            logger.error("%s broke", key, exc_info=task.exception())
            self._left_alone[key] = self._clock() + CRASHED_SECONDS
        else:
            self._left_alone.pop(key, None)
            # the work may have gone to another chat, or some of it
            if task.result() not in {0, chat}:
                self.wake(task.result())
        self.wake(chat)


async def _wait(tasks: Sequence[asyncio.Task[Any]], seconds: float) -> None:
    if tasks:
        await asyncio.wait(tasks, timeout=seconds)


def _key(generation: Generation) -> str:
    return _key_of(generation.id)


def _key_of(generation: int) -> str:
    return f"generation {generation}"
