"""`python -m tests.bench.history`: what a long history costs those who ask and those who wait.

Each row tells how long something took, how long others waited for the database meanwhile, and how
long it was held at a time: by the clock, and in CPU time, at most: that of the event loop
counts too, whatever it did. On a machine that does other work, this is what tells.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import sqlite3
import sys
import tempfile
import threading
import time
from contextlib import asynccontextmanager, closing
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox.aimlapi import AimlApiSandbox
from sandbox.telegram import TelegramSandbox
from storage import MONTH_SECONDS, chats, generations, videos
from storage.chats import ChatKind
from storage.database import Database
from storage.ledger import Account
from tests.flows.predicates import shows_video
from tests.harness import ADMIN, Harness, LoggedErrors

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from sandbox.telegram import Group, Person
    from storage.database import Connection

GENERATIONS = 1_000_000
PEOPLE = 100_000
HEAVY = 1_000_001
"""The sandbox's first person, who has a hundredth of it."""
FIRST = 2_000_000
"""The number of the first of the others."""
TWICE, ONCE, LONG, ALONE = 1, 2, 3, 10
"""Chats by our numbers: three groups with a tenth of it each, and the private ones from there on.

Of the first the bot hears before it hears that it moved; the last is what another becomes part of.
"""
SUPERGROUP = -1_000_000_000_007
"""What the last of them is called at Telegram."""
START_SECONDS, WAIT_SECONDS = 2.0, 0.05
"""How long a start may take, and nothing may hold up others."""
TIMES = 5
"""How often a question is asked: the median is told, and the longest wait of all."""

_MADE = """
WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < :made),
rows AS (
    SELECT n, n % 100 = 1 AS heavy, :first + n * 7919 % :people AS person,
        :now - (:made - n) * 30.0 AS at,
        CASE n % 10 WHEN 0 THEN :twice WHEN 5 THEN :once WHEN 7 THEN :long END AS a_group
    FROM numbers)
INSERT INTO generations (
    id, state, reason, origin, cause, chat, account_kind, account_id, kind, family, model, prompt,
    seconds, resolution, fit, silent, credits, price_micros, budget_micros, spent_micros, due_at,
    file_id, file_kind, delivered_chat, delivered_message, message_id,
    created_at, changed_at, submitted_at, accepted_at, ready_at)
SELECT n, iif(n % 20, 'delivered', 'failed'), iif(n % 20, 'sent', 'moderation'), 'message',
    'made:' || n, coalesce(a_group, iif(heavy, :alone, :alone + 1 + person - :first)), 'person',
    iif(heavy, :heavy, person), 't2v', 'sora-2', 'openai/sora-2-t2v',
    'a fox that runs through the snow of number ' || n, 4, '720p', 'crop', 1, 9, 840000, 840000,
    840000, 0, iif(n % 20, :file, NULL), iif(n % 20, 'video', NULL),
    coalesce(a_group, iif(heavy, :alone, :alone + 1 + person - :first)), n, n,
    at, at + 80, at, at, at + 80 FROM rows
"""
_ELSE = """
INSERT INTO people (id, name, language, created_at)
    SELECT telegram_id, 'Ann', 'en', 0 FROM chats WHERE id >= :alone;
INSERT INTO ledger (account_kind, account_id, pot, kind, credits, generation, at)
    SELECT account_kind, account_id, 'allowance', 'hold', credits, id, created_at FROM generations;
INSERT INTO ledger (account_kind, account_id, pot, kind, credits, ends, generation, at)
    SELECT account_kind, account_id, pot, 'capture', credits, id, generation, at
    FROM ledger WHERE kind = 'hold';
INSERT INTO cards (cause, kind, state, chat, account_kind, account_id, prompt, created_at)
    SELECT cause, 'prompt', 'started', chat, account_kind, account_id, 'a fox', created_at
    FROM generations WHERE chat < :alone;
INSERT INTO notices (cause, chat, generation, kind, facts, due_at, created_at, sent_at)
    SELECT cause, chat, id, 'cancelled', '{}', created_at, created_at, created_at
    FROM generations WHERE chat < :alone;
INSERT INTO inbox (update_id, queue_key, received_at, handled_at)
    SELECT id, chat, created_at, created_at FROM generations WHERE chat < :alone;
"""


class MeteredDatabase(Database):
    """A database that knows how long it was held at most, in seconds and in seconds of CPU."""

    held = held_cpu = 0.0

    @asynccontextmanager
    async def transaction(self, *, in_thread: bool = False) -> AsyncIterator[Connection]:
        """Do as ever."""
        async with super().transaction(in_thread=in_thread) as tx:
            began = time.perf_counter(), _cpu()
            yield tx
        self._note(*began)

    @asynccontextmanager
    async def reading(self, *, in_thread: bool = False) -> AsyncIterator[Connection]:
        """Do as ever."""
        async with super().reading(in_thread=in_thread) as connection:
            began = time.perf_counter(), _cpu()
            yield connection
        self._note(*began)

    def _note(self, began: float, cpu: float) -> None:
        self.held = max(self.held, time.perf_counter() - began)
        self.held_cpu = max(self.held_cpu, _cpu() - cpu)


def _cpu() -> float:
    """Return the CPU time of the event loop's thread and of the database's."""
    return time.thread_time() + sum(
        time.clock_gettime(time.pthread_getcpuclockid(thread.ident))
        for thread in threading.enumerate()
        if thread.ident is not None and "connection" in thread.name
    )


@dataclass(frozen=True, slots=True)
class Cost:
    """What something took, and what others had to bear; in milliseconds."""

    what: str
    took: float
    waited: float
    held: float = 0.0
    held_cpu: float = 0.0
    most: float | None = None

    @property
    def is_kept(self) -> bool:
        """Whether nobody waited too long, and it took no longer than it may."""
        is_short = self.most is None or self.took <= self.most
        return is_short and self.waited <= WAIT_SECONDS * 1000


async def grown(path: Path, twice: Group, once: Group, file: str) -> None:
    """Make a database of a bot that has long been used; all its videos are one file."""
    await (await Database.open(path)).close()
    facts = {
        "now": time.time(), "made": GENERATIONS, "people": PEOPLE, "heavy": HEAVY, "first": FIRST,
        "twice": TWICE, "once": ONCE, "long": LONG, "alone": ALONE, "file": file,
    }  # fmt: skip
    known = [
        (TWICE, twice.id, "group"), (ONCE, once.id, "group"), (LONG, SUPERGROUP, "supergroup"),
        (ALONE, HEAVY, "private"),
        *((ALONE + 1 + number, FIRST + number, "private") for number in range(PEOPLE)),
    ]  # fmt: skip
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("BEGIN")
        connection.executemany(
            "INSERT INTO chats (id, telegram_id, kind, created_at) VALUES (?, ?, ?, 0)", known
        )
        connection.execute(_MADE, facts)
        for statement in _ELSE.split(";")[:-1]:
            connection.execute(statement, facts)
        connection.execute("COMMIT")
    # else the first to wait for the disk would wait for all of this
    os.sync()


class Bench:
    """Does things one after the other while somebody else asks for the database all the time."""

    def __init__(self) -> None:
        self.costs: list[Cost] = []

    async def measure(
        self,
        what: str,
        work: Callable[[], Awaitable[float | None]],
        db: Database | None = None,
        *,
        times: int = 1,
        most: float | None = None,
    ) -> None:
        """Do something so many times, which may take `most` seconds, or tell what it took."""
        took, waits = list[float](), [0.0]
        if isinstance(db, MeteredDatabase):
            db.held = db.held_cpu = 0.0
        asking = None if db is None else asyncio.create_task(_ask(db, waits))
        for _ in range(times):
            began = time.perf_counter()
            told = await work()
            took.append(time.perf_counter() - began if told is None else told)
        if asking is not None:
            asking.cancel()
            await asyncio.wait({asking})
        cost = Cost(what, 1000 * sorted(took)[len(took) // 2], 1000 * max(waits))
        if isinstance(db, MeteredDatabase):
            cost = replace(cost, held=1000 * db.held, held_cpu=1000 * db.held_cpu)
        self.costs.append(cost if most is None else replace(cost, most=1000 * most))
        print(_line(self.costs[-1]), flush=True)


async def _ask(db: Database, waits: list[float]) -> None:
    while True:
        began = time.perf_counter()
        async with Database.reading(db):
            waits.append(time.perf_counter() - began)
        await asyncio.sleep(0.001)


class Visitors:
    """What people do in a bot with a long history."""

    def __init__(self, harness: Harness, telegram: TelegramSandbox) -> None:
        self.harness, self.telegram = harness, telegram
        self.ann, self.olga = telegram.person("Ann"), telegram.person("Olga", user_id=ADMIN)
        if self.ann.id != HEAVY:
            raise RuntimeError("the sandbox numbers its people from another number")
        self.chat, self.desk = telegram.private(self.ann), telegram.private(self.olga)
        self.twice, self.once = (
            telegram.group(name, [self.ann], kind="group") for name in ("Films", "Clips")
        )
        self._orders = 0

    async def ask(self, words: str, by: Person | None = None) -> None:
        """Send a command and wait for the answer."""
        place = self.chat if by is None else self.desk
        sent = await place.send(by or self.ann, words)
        await place.wait(lambda shown: shown.message_id > sent.message_id, timeout=60)

    async def turn_page(self) -> float:
        """Turn to the second page of a list; return how long that took."""
        await self.ask("/history")
        began = time.perf_counter()
        await self.chat.messages[-1].press("Older ▶")
        return time.perf_counter() - began

    async def find(self, words: str, offset: str = "") -> None:
        """Look for one's videos in another chat."""
        await self.telegram.inline(self.ann, words, offset)

    async def order(self) -> float:
        """Order a video and wait for it; return how long it took to be accepted."""
        self._orders += 1
        idea, began = f"boat {self._orders}", time.perf_counter()
        sent = await self.chat.send(self.ann, f"/video {idea}")
        cause = f"message:{self.chat.id}:{sent.message_id}"
        await self._until(lambda tx: generations.by_cause(tx, cause))
        took = time.perf_counter() - began
        await self.chat.wait(shows_video(idea), timeout=60)
        return took

    async def move(self, group: Group, *, is_known: bool) -> float:
        """Make a supergroup of a group; return how long it took to be known as that."""
        if is_known:
            new = -1_000_000_000_000 + group.id
            async with self.harness.db.transaction() as tx:
                await chats.upsert(tx, new, kind=ChatKind.SUPERGROUP, now=1.0)
        began, moved = time.perf_counter(), group.migrate()

        async def has_moved(tx: Connection) -> bool:
            chat = await chats.by_telegram_id(tx, moved.id)
            return chat is not None and chat.moved_at > 0

        await self._until(has_moved)
        return time.perf_counter() - began

    async def be_pruned(self) -> None:
        """Wait until what is old is gone; notices are the last of it."""
        for what in ("inbox WHERE handled_at", "cards WHERE prompt <> '' AND created_at",
                     "notices WHERE created_at"):  # fmt: skip
            old = f"SELECT 1 FROM {what} < ? LIMIT 1"  # noqa: S608 - written above
            await self._until(partial(_finds_none, old, time.time() - MONTH_SECONDS))

    async def _until(self, found: Callable[[Connection], Awaitable[object]]) -> None:
        async with asyncio.timeout(60):
            while True:
                async with Database.reading(self.harness.db) as connection:
                    if await found(connection):
                        return
                await asyncio.sleep(0.002)


async def _finds_none(statement: str, value: float, tx: Connection) -> bool:
    return await tx.fetch_one(statement, (value,)) is None


async def bench(data: Path) -> list[Cost]:
    """Return what is asked for of a long history, with its cost."""
    path, made = data / "bot.sqlite3", Bench()
    async with TelegramSandbox() as telegram, AimlApiSandbox() as provider:
        provider.render_seconds = 0.05
        harness = Harness(telegram, provider, data, LoggedErrors())
        harness.database = MeteredDatabase
        people = Visitors(harness, telegram)
        video = telegram.world.files.add("video", b"video", width=9, height=9, duration=1)
        await grown(path, people.twice, people.once, video.file_id)

        async def opened() -> None:
            await (await Database.open(path)).close()

        await made.measure("the database is opened", opened, most=START_SECONDS)
        began = time.perf_counter()
        async with harness.running(free_credits=1_000_000):
            started = time.perf_counter() - began
            await made.measure(
                "start to the first getUpdates", lambda: _told(started), most=START_SECONDS
            )
            db = harness.db
            await made.measure("pruning, which begins then", people.be_pruned, db)
            for what, work in (
                ("/help", lambda: people.ask("/help")),
                ("/quota", lambda: people.ask("/quota")),
                ("/history", lambda: people.ask("/history")),
                ("a turn to its second page", people.turn_page),
                ("a late page of it", lambda: _late(db)),
                ("/history with words nobody wrote", lambda: people.ask("/history nowhere")),
                ("inline, the newest", lambda: people.find("")),
                ("inline, a late page", lambda: people.find("", str(GENERATIONS // 100))),
                ("inline, with words of one of the first", lambda: people.find("number 1001")),
                ("an order is accepted", people.order),
                ("/queue", lambda: people.ask("/queue")),
                ("/people", lambda: people.ask("/people", people.olga)),
                ("/stats", lambda: people.ask("/stats", people.olga)),
            ):
                await made.measure(what, work, db, times=TIMES)
            for what, work in (
                ("a group becomes a supergroup", lambda: people.move(people.once, is_known=False)),
                (
                    "one whose supergroup was met before",
                    lambda: people.move(people.twice, is_known=True),
                ),
                ("a group becomes one of long standing", lambda: _merged(db)),
            ):
                await made.measure(what, work, db)
    return made.costs


async def _told(seconds: float) -> float:
    return seconds


async def _late(db: Database) -> None:
    await videos.finished_of(db, Account.person(HEAVY), limit=10, before=GENERATIONS // 100)


async def _merged(db: Database) -> None:
    """Let a group nobody used become one with another that has a long history."""
    async with db.transaction() as tx:
        was = await chats.upsert(tx, -9, kind=ChatKind.GROUP, now=1.0)
    await chats.move(db, was.id, SUPERGROUP, now=time.time())


def _line(cost: Cost) -> str:
    mark = "" if cost.is_kept else "  !"
    waited = f"{cost.waited:10.1f} {cost.held:10.1f} {cost.held_cpu:10.1f}" if cost.waited else ""
    return f"{cost.what:42} {cost.took:10.1f} {waited}{mark}"


def main() -> int:
    """Print the table, and write it down where that is wanted; 1 where a limit is not kept."""
    reading = argparse.ArgumentParser(description=__doc__)
    reading.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    file = reading.parse_args().json
    machine = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "load": os.getloadavg()[0],
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "generations": GENERATIONS,
        "people": PEOPLE,
    }
    print(", ".join(f"{name} {value}" for name, value in machine.items()))
    print(f"{'milliseconds':42} {'took':>10} {'others':>10} {'held':>10} {'its CPU':>10}")
    with tempfile.TemporaryDirectory() as data:
        costs = asyncio.run(bench(Path(data)))
    machine["load afterwards"] = os.getloadavg()[0]
    if file is not None:
        file.write_text(json.dumps(machine | {"costs": [asdict(one) for one in costs]}, indent=2))
    return not all(cost.is_kept for cost in costs)


if __name__ == "__main__":
    sys.exit(main())
