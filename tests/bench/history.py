"""`python -m tests.bench.history`: what a long history costs those who ask and those who wait."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from sandbox.aimlapi import AimlApiSandbox
from sandbox.telegram import TelegramSandbox
from storage import chats
from storage.database import Database
from tests.flows.looks import shows_video
from tests.house import ADMIN, Breakage, House

if TYPE_CHECKING:
    from collections.abc import Awaitable

GENERATIONS = 1_000_000
PEOPLE = 100_000
HEAVY, HEAVY_VIDEOS = 1_000_001, 10_000
"""The sandbox's first person, who has most of it."""
GROUP_VIDEOS = 100_000
"""What is made in one group, which becomes a supergroup."""
BASIC_GROUP, SUPERGROUP = -7_000_001, -100_7_000_001
HELD_UP_SECONDS = 0.05
"""How long nothing may hold up others."""

_MADE = """
WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < :made)
INSERT INTO generations (
    id, state, reason, origin, cause, chat, account_kind, account_id, kind, family, model, prompt,
    seconds, resolution, fit, silent, credits, price_micros, budget_micros, spent_micros, due_at,
    file_id, file_kind, delivered_chat, delivered_message, message_id,
    created_at, changed_at, submitted_at, accepted_at, ready_at)
SELECT n, iif(n % 20, 'delivered', 'failed'), iif(n % 20, 'sent', 'moderation'), 'message',
    'made:' || n, iif(n % 10, 2, 1), 'person',
    iif(n % 100 = 1, :heavy, 2000000 + n % :people), 't2v', 'sora-2', 'openai/sora-2-t2v',
    'a fox that runs through the snow of number ' || n, 4, '720p', 'crop', 1, 9, 840000, 840000,
    840000, 0, iif(n % 20, 'file' || n, NULL), iif(n % 20, 'video', NULL), iif(n % 10, 2, 1), n, n,
    :now - (:made - n) * 30.0, :now - (:made - n) * 30.0,
    :now - (:made - n) * 30.0, :now - (:made - n) * 30.0,
    :now - (:made - n) * 30.0 + 80 FROM numbers
"""
_LEDGER = """
INSERT INTO ledger (account_kind, account_id, pot, kind, credits, generation, at)
SELECT account_kind, account_id, 'allowance', 'hold', credits, id, created_at FROM generations;
INSERT INTO ledger (account_kind, account_id, pot, kind, credits, ends, generation, at)
SELECT account_kind, account_id, pot, 'capture', credits, id, generation, at
FROM ledger WHERE kind = 'hold';
"""


class Cost(NamedTuple):
    """What something took, and how long somebody else had to wait for the database; in seconds."""

    what: str
    took: float
    held_up: float


async def grown(path: Path) -> None:
    """Make a database of a bot that has long been used."""
    await (await Database.open(path)).close()
    now = time.time()
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("BEGIN")
        for number, (telegram_id, kind) in enumerate(
            ((BASIC_GROUP, "group"), (-1, "group"), (SUPERGROUP, "supergroup")), start=1
        ):
            connection.execute(
                "INSERT INTO chats (id, telegram_id, kind, created_at) VALUES (?, ?, ?, 0)",
                (number, telegram_id, kind),
            )
        connection.execute(
            _MADE, {"now": now, "made": GENERATIONS, "heavy": HEAVY, "people": PEOPLE}
        )
        for statement in _LEDGER.split(";")[:-1]:
            connection.execute(statement)
        connection.execute("COMMIT")
    # else the first to wait for the disk would wait for all of this
    os.sync()


async def cost(db: Database, what: str, work: Awaitable[object]) -> Cost:
    """Do something, while somebody else asks for the database all the time."""
    longest = 0.0

    async def ask() -> None:
        nonlocal longest
        while True:
            began = time.perf_counter()
            async with db.reading():
                longest = max(longest, time.perf_counter() - began)
            await asyncio.sleep(0.001)

    asking = asyncio.create_task(ask())
    began = time.perf_counter()
    try:
        await work
    finally:
        took = time.perf_counter() - began
        asking.cancel()
        await asyncio.wait({asking})
    return Cost(what, took, longest)


async def measure(data: Path) -> list[Cost]:
    """Return what is asked for of a long history, with its cost."""
    await grown(data / "bot.sqlite3")
    async with TelegramSandbox() as telegram, AimlApiSandbox() as provider:
        provider.render_seconds = 0.05
        house = House(telegram, provider, data, Breakage())
        ann = telegram.person("Ann")
        if ann.id != HEAVY:
            raise RuntimeError("the sandbox numbers its people from another number")
        chat = telegram.private(ann)
        olga = telegram.person("Olga", user_id=ADMIN)
        operator = telegram.private(olga)

        async def answer(words: str) -> None:
            asked = await chat.send(ann, words)
            await chat.wait(lambda shown: shown.message_id > asked.message_id, timeout=60)

        async def order() -> None:
            await chat.send(ann, "/video a boat")
            await chat.wait(shows_video("a boat"), timeout=60)

        async def counted() -> None:
            asked = await operator.send(olga, "/stats")
            await operator.wait(lambda shown: shown.message_id > asked.message_id, timeout=120)

        began = time.perf_counter()
        async with house.running(free_credits=1_000_000):
            costs = [Cost("start to the first getUpdates", time.perf_counter() - began, 0.0)]
            for what, work in (
                ("the first answer", answer("/help")),
                ("/quota of somebody with 10,000 videos", answer("/quota")),
                ("/history of the same", answer("/history")),
                ("/history with words nobody wrote", answer("/history nowhere to be found")),
                ("an order of the same, to its video", order()),
                ("/stats", counted()),
                (
                    f"a group of {GROUP_VIDEOS:,} becomes a supergroup",
                    chats.move(house.db, 1, SUPERGROUP, now=time.time()),
                ),
            ):
                costs.append(await cost(house.db, what, work))
        return costs


def main() -> int:
    """Print the table; 1 where somebody was held up for too long."""
    with tempfile.TemporaryDirectory() as data:
        costs = asyncio.run(measure(Path(data)))
    print(f"{GENERATIONS:,} generations of {PEOPLE:,} people")
    for what, took, held_up in costs:
        print(f"{what:46} {took * 1000:8.0f} ms   others waited {held_up * 1000:6.1f} ms at most")
    return max(one.held_up for one in costs) > HELD_UP_SECONDS


if __name__ == "__main__":
    sys.exit(main())
