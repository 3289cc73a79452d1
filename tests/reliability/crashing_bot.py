"""The real bot in a process that kills itself at a chosen point of its work.

Points are the commits of the database and the exchanges over HTTP, each before and
after. A point's name tells what happens there and how often it has happened, such as
`POST sendVideo, sent #2`; at the one that `CRASH_AT` names (or is the number of, from
1) the process sends itself SIGKILL.

This program loads once what the bot needs, and forks a process for each life it is asked
for, so that a life starts within milliseconds. It reads a life's environment as one line of
JSON, and answers with two lines: the process's id, and how it ended.
"""

from __future__ import annotations

import asyncio
import gc
import json
import math
import mimetypes
import os
import signal
import sys
import time
from collections import Counter
from contextlib import asynccontextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot import lifecycle
from bot.app import Times
from bot.operations.logs import set_up_logs
from bot.settings.sources import read_settings
from generation.jobs import schedule
from generation.media.pool import LAUNCHER, Launcher
from generation.models.offer import Offer
from generation.orders import reading
from generation.provider import client as request_log
from generation.provider import connections
from handlers.ordering.drafts import small_talk
from handlers.replies.texts import Languages
from storage.database import Database

if TYPE_CHECKING:
    import socket
    from collections.abc import AsyncIterator

    import httpx

    from storage.database import Connection

OF_THE_START = frozenset({"getMe", "deleteWebhook", "billing"})
"""Calls every start makes whatever is under way; no generation depends on them."""
NO_MENUS = Times(menus=math.inf)
"""No generation depends on them either."""


class Points:
    """Counts points and writes each down with its time; dies at the one that is named."""

    def __init__(self, crash_at: str, trace: Path) -> None:
        self._crash_at = crash_at
        self._seen: Counter[str] = Counter()
        self._trace = trace.open("a", buffering=1)
        self._began = time.monotonic()

    def reach(self, name: str) -> None:
        self._seen[name] += 1
        point = f"{name} #{self._seen[name]}"
        self._trace.write(f"{time.monotonic() - self._began:.3f} {point}\n")
        if self._crash_at in {point, str(self._seen.total())}:
            os.kill(os.getpid(), signal.SIGKILL)


def number_commits(points: Points) -> None:
    """Make a point of each transaction's end, named after the function that opened it."""
    plain = Database.transaction

    @asynccontextmanager
    async def transaction(self: Database, *, in_thread: bool = False) -> AsyncIterator[Connection]:
        name = _opener()
        async with plain(self, in_thread=in_thread) as tx:
            yield tx
            points.reach(f"{name}, to commit")
        points.reach(f"{name}, committed")

    Database.transaction = transaction  # type: ignore[method-assign] # the one door to the disk


def number_exchanges(points: Points) -> None:
    """Make two points of each request: before it leaves, and once it is answered."""
    transport = connections.Connections
    plain = transport.handle_async_request

    async def exchange(self: connections.Connections, request: httpx.Request) -> httpx.Response:
        method, what = request.method, _what(request)
        if what in OF_THE_START:
            return await plain(self, request)
        points.reach(f"{method} {what}, to send")
        response = await plain(self, request)
        points.reach(f"{method} {what}, answered")
        return response

    transport.handle_async_request = exchange  # type: ignore[method-assign] # the one door to the net


def share_launcher(control: socket.socket) -> None:
    """Let a life's media jobs be forked by the launcher of this program, which stays loaded.

    A job is killed with the life that gave it, as its channel ends.
    """

    def started(self: Launcher) -> socket.socket:
        return control

    def end(self: Launcher) -> None:
        """It is not the life's to end."""

    Launcher._started = started  # type: ignore[method-assign] # noqa: SLF001 - the one way to it
    Launcher.end = end  # type: ignore[method-assign] # the same


def _what(request: httpx.Request) -> str:
    """Name what is asked for: Telegram's method, or the kind of page."""
    path = request.url.path
    if "/file/" in path:
        return "file"
    if "/cdn/" in path:
        return "video"
    return path.rpartition("/")[2]


def _opener() -> str:
    """Name the function outside the database's module that wants the transaction."""
    frame: Any = sys._getframe(1)  # noqa: SLF001 - nothing else tells who calls
    while frame.f_globals["__name__"] in {__name__, "contextlib"}:
        frame = frame.f_back
    return f"{frame.f_globals['__name__'].rpartition('.')[2]}.{frame.f_code.co_name}"


def live(environment: dict[str, str]) -> int:
    """Run the bot as its command line does, quick where production is patient."""
    os.environ.clear()
    os.environ.update(environment)
    request_log.LOOKUP_SECONDS = 0.3
    schedule.RESEND_SECONDS = 0.3
    points = Points(environment["CRASH_AT"], Path(environment["TRACE"]))
    number_commits(points)
    number_exchanges(points)
    settings = read_settings(environment, Path("none.env"))
    with Path(environment["LOG"]).open("a") as log:
        set_up_logs(level="INFO", form="text", secrets=(), stream=log)
        return asyncio.run(lifecycle.run(settings, times=NO_MENUS))


def load() -> None:
    """Load what the bot would at its first connection and its first order."""
    for module in ("anyio._backends._asyncio", "apscheduler.triggers.date", "httpcore"):
        import_module(module)
    connections.shared_ssl_context()
    mimetypes.init()
    small_talk("hello")
    reading.plain_options("10 seconds")
    assert Languages().names, "the languages are looked up in large files"
    assert Offer.load().names, "and what may be on offer in another"


def main() -> None:
    """Fork lives until nobody asks for another."""
    load()
    share_launcher(LAUNCHER._started())  # noqa: SLF001 - nothing else starts it before a job
    gc.freeze()  # lives share what is never looked at for garbage
    for line in sys.stdin:
        environment = json.loads(line)
        child = os.fork()
        if child == 0:
            sys.stdin.close()
            os._exit(live(environment))
        _answer(child)
        _answer(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


def _answer(number: int) -> None:
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
