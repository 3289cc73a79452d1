"""A stop in the middle of deliveries: only what may have arrived counts as sent."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter
from contextlib import asynccontextmanager, closing, suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from handlers.replies.outbox import UPLOADS
from sandbox.telegram import Fault
from tests.flows.predicates import shows_video
from tests.reliability.fault_cases import Clock

if TYPE_CHECKING:
    from asyncio import StreamReader, StreamWriter
    from collections.abc import AsyncIterator
    from pathlib import Path

    from sandbox.telegram import Person, PrivateChat, TelegramSandbox
    from tests.harness import Harness

LARGE = 24_000_000
"""Bytes: more than lies in the buffers between two programs on one machine."""


def rows(harness: Harness, columns: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(harness.data / "bot.sqlite3")) as database:
        return database.execute(f"SELECT {columns} FROM generations ORDER BY id").fetchall()  # noqa: S608 - ours


async def has_rows(harness: Harness, columns: str, wanted: list[tuple[Any, ...]]) -> None:
    async with asyncio.timeout(20):
        while rows(harness, columns) != wanted:
            await asyncio.sleep(0.02)


async def test_what_waits_for_a_place_to_upload_counts_as_sent_by_no_stop(
    harness: Harness, telegram: TelegramSandbox
) -> None:
    people = [telegram.person(f"P{n}") for n in range(UPLOADS + 2)]
    for life in (1, 2):
        stuck = telegram.faults.always("sendVideo", Fault.hang())
        async with harness.running():
            for one in people if life == 1 else []:
                await telegram.private(one).send(one, "/video a boat")
            await has_rows(harness, "state", [("ready",)] * len(people))
            async with asyncio.timeout(30):
                while stuck.hits < UPLOADS:  # each has left whole by then
                    await asyncio.sleep(0.02)
        stuck.release()
    tried = Counter(call.params["chat_id"] for call in telegram.calls_of("sendVideo"))
    assert [one for (one,) in rows(harness, "sends")] == [tried[str(one.id)] for one in people]
    async with harness.running():
        await has_rows(
            harness,
            "state",
            [("undeliverable" if tried[str(one.id)] == 2 else "delivered",) for one in people],
        )
    assert len([one for one in people if tried[str(one.id)] < 2]) >= 2


async def test_a_file_that_had_not_left_whole_counts_as_not_sent(
    harness: Harness, telegram: TelegramSandbox, chat: PrivateChat, ann: Person
) -> None:
    clock = Clock()
    telegram.faults.next("sendVideo", Fault.flood(3600))
    async with harness.running():
        await chat.send(ann, "/video a boat")
        await has_rows(harness, "send_setbacks", [(1,)])
    lengthen(harness.data / "videos" / "1.mp4")
    clock.skip(3601)
    async with clogged(telegram.url) as (url, begun):
        async with harness.running(clock=clock, telegram_api_url=url):
            await asyncio.wait_for(begun.wait(), 20)
        assert rows(harness, "state, sends, send_started_at") == [("ready", 0, None)]
    async with harness.running(clock=clock):
        await chat.wait(shows_video("a boat"))
        await has_rows(harness, "state", [("delivered",)])
    assert len([one for one in chat.from_bot if one.video]) == 1


def lengthen(video: Path) -> None:
    """Put a box at a video's end that players skip."""
    size = LARGE - video.stat().st_size
    with video.open("ab") as file:
        file.write(size.to_bytes(4, "big") + b"free")
        file.truncate(LARGE)


@asynccontextmanager
async def clogged(upstream: str) -> AsyncIterator[tuple[str, asyncio.Event]]:
    """Stand before Telegram, and read of a video's upload nothing but the first line."""
    there, begun, over = urlsplit(upstream), asyncio.Event(), asyncio.Event()

    async def serve(reader: StreamReader, writer: StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError), closing(writer):
            head = await reader.readuntil(b"\r\n\r\n")
            if b"/sendVideo " in head:
                begun.set()
                await over.wait()
                return
            far_reader, far_writer = await asyncio.open_connection(there.hostname, there.port)
            with closing(far_writer):
                # one request a connection: each is looked at
                far_writer.write(head[:-2] + b"connection: close\r\n\r\n")
                await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer))

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", begun
    finally:
        over.set()
        server.close()


async def pump(reader: StreamReader, writer: StreamWriter) -> None:
    while piece := await reader.read(65_536):
        writer.write(piece)
        await writer.drain()
    writer.close()
