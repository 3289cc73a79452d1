"""A stop cuts nothing off that it can wait for, and begins nothing more."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import sys
from asyncio.subprocess import PIPE
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox.aimlapi import Fault
from sandbox.telegram import Fault as TelegramFault

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from bot.app import Bot
    from sandbox.aimlapi import AimlApiSandbox
    from sandbox.aimlapi.faults import Handler
    from sandbox.telegram import Person, PrivateChat, TelegramSandbox
    from tests.harness import Harness

AT_ONCE = 8
"""Paid requests that are on their way side by side."""


class Slow:
    """Lets paid requests come in and answers them only once it is told to."""

    def __init__(self) -> None:
        self.came = 0
        self.go_on = asyncio.Event()

    async def meet(self, request: Request, handler: Handler) -> Response:
        self.came += 1
        await self.go_on.wait()
        return await handler(request)


def states(data: Path) -> dict[str, int]:
    with closing(sqlite3.connect(data / "bot.sqlite3")) as database:
        return dict(database.execute("SELECT state, count(*) FROM generations GROUP BY state"))


async def test_a_stop_lets_paid_requests_on_their_way_arrive_and_begins_no_other(
    harness: Harness, telegram: TelegramSandbox, provider: AimlApiSandbox
) -> None:
    slow, people = Slow(), [telegram.person(f"Person {n}") for n in range(AT_ONCE + 4)]
    provider.faults.always("submit", Fault("slow", slow.meet))
    async with harness.running() as bot:
        for person in people:
            await telegram.private(person).send(person, "/video a boat")
        async with asyncio.timeout(20):
            while slow.came < AT_ONCE or states(harness.data).get("queued") != 4:
                await asyncio.sleep(0.01)
        stopping = asyncio.create_task(bot.scheduler.stop())
        await asyncio.sleep(0)
        slow.go_on.set()
        await stopping
    assert slow.came == AT_ONCE
    assert states(harness.data) == {"generating": AT_ONCE, "queued": 4}


async def test_a_request_whose_turn_comes_with_the_stop_stays_in_the_queue(
    bot: Bot, harness: Harness, provider: AimlApiSandbox, chat: PrivateChat, ann: Person
) -> None:
    await chat.send(ann, "/video a boat")
    async with asyncio.timeout(20):
        while not bot.scheduler.queue.running:
            await asyncio.sleep(0)
    await bot.scheduler.stop()
    assert (states(harness.data), provider.submissions) == ({"queued": 1}, [])


async def test_two_stops_while_telegram_hangs_set_no_message_aside(
    harness: Harness, telegram: TelegramSandbox, chat: PrivateChat, ann: Person
) -> None:
    hanging = telegram.faults.always("sendMessage", TelegramFault.hang())
    await chat.send(ann, "a boat on a lake")
    for life in (1, 2):
        async with harness.running():
            async with asyncio.timeout(20):
                while hanging.hits < life:
                    await asyncio.sleep(0.01)
    hanging.release()
    async with harness.running():
        await chat.wait(lambda message: message.buttons)


async def test_a_board_that_is_on_its_way_at_the_stop_is_written_down(
    harness: Harness,
    telegram: TelegramSandbox,
    provider: AimlApiSandbox,
    ann: Person,
    bob: Person,
) -> None:
    provider.render_seconds = 60
    club = telegram.group("Film club", [ann, bob])
    sending = telegram.faults.always("sendMessage", TelegramFault.hang(), chat_id=club.id)
    async with harness.running() as bot:
        await club.send(ann, "/video a boat")
        await club.send(bob, "/video a train")
        async with asyncio.timeout(20):
            while not sending.hits or states(harness.data).get("generating") != 2:
                await asyncio.sleep(0.01)
        stopping = asyncio.create_task(bot.scheduler.stop())
        await asyncio.sleep(0)
        sending.release()
        await stopping
    with closing(sqlite3.connect(harness.data / "bot.sqlite3")) as database:
        assert len(database.execute("SELECT * FROM boards").fetchall()) == 1


LOST_IN_DNS = """
import socket, sys, time
def lost(*_, **__):
    print("asked", flush=True)
    time.sleep(600)
socket.getaddrinfo = lost
from bot.__main__ import main
sys.exit(main(["run"]))
"""


async def test_a_stop_waits_for_no_name_that_is_being_looked_up(tmp_path: Path) -> None:
    running = await asyncio.create_subprocess_exec(
        sys.executable, "-c", LOST_IN_DNS, stdout=PIPE, stderr=PIPE,
        env={
            "PATH": os.environ["PATH"],
            "TELEGRAM_BOT_TOKEN": "123456789:AAaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            "AIMLAPI_KEY": "sandbox-key-0123456789",
            "DATA_DIR": str(tmp_path),
            "PYTHONPATH": str(Path(__file__).parents[2]),
        },
    )  # fmt: skip
    try:
        assert running.stdout is not None
        async with asyncio.timeout(30):
            assert await running.stdout.readline() == b"asked\n"
            running.send_signal(signal.SIGTERM)
            assert await running.wait() == 0
    finally:
        if running.returncode is None:
            running.kill()
        await running.communicate()
