"""Runs the real bot in processes that kill themselves at a chosen point.

Points are before and after each commit of the database and each HTTP request. A point's name holds
what happens there and how often it has happened, such as `POST sendVideo, to send #2`. At the point
that `CRASH_AT` names, or whose number it is (from 1), the process sends itself SIGKILL.

This program imports the bot once and forks a process for each run, so that a run starts within
milliseconds. It reads the environment of a run as one line of JSON, and writes two lines: the
process's id, and its exit code.
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

STARTUP_CALLS = frozenset({"getMe", "deleteWebhook", "billing"})
"""Calls of every start, on which no generation depends."""
NO_MENUS = Times(menus=math.inf)
"""Without menus, on which no generation depends either."""


class Points:
    """Counts points and logs each with its time; kills the process at the chosen one."""

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
    """Add points before and after each commit, named after the function with the transaction."""
    plain = Database.transaction

    @asynccontextmanager
    async def transaction(self: Database, *, in_thread: bool = False) -> AsyncIterator[Connection]:
        name = _opener()
        async with plain(self, in_thread=in_thread) as tx:
            yield tx
            points.reach(f"{name}, to commit")
        points.reach(f"{name}, committed")

    Database.transaction = transaction  # type: ignore[method-assign] # every commit passes it


def number_requests(points: Points) -> None:
    """Add points before each request is sent and after it is answered."""
    transport = connections.Connections
    plain = transport.handle_async_request

    async def handle(self: connections.Connections, request: httpx.Request) -> httpx.Response:
        method, what = request.method, _what(request)
        if what in STARTUP_CALLS:
            return await plain(self, request)
        points.reach(f"{method} {what}, to send")
        response = await plain(self, request)
        points.reach(f"{method} {what}, answered")
        return response

    transport.handle_async_request = handle  # type: ignore[method-assign] # every request passes it


def share_launcher(control: socket.socket) -> None:
    """Let the launcher of this program, which stays loaded, fork the media jobs of all runs.

    A job is killed when the bot that started it is, as its channel closes.
    """

    def started(self: Launcher) -> socket.socket:
        return control

    def end(self: Launcher) -> None:
        """Do nothing, as the launcher is shared."""

    Launcher._ensure_started = started  # type: ignore[method-assign] # noqa: SLF001 - there is no public way
    Launcher.end = end  # type: ignore[method-assign] # the same


def _what(request: httpx.Request) -> str:
    """Return the name of a request: Telegram's method, or the last part of the path."""
    path = request.url.path
    if "/file/" in path:
        return "file"
    if "/cdn/" in path:
        return "video"
    return path.rpartition("/")[2]


def _opener() -> str:
    """Return the name of the function that opens the transaction."""
    frame: Any = sys._getframe(1)  # noqa: SLF001 - there is no other way to find the caller
    while frame.f_globals["__name__"] in {__name__, "contextlib"}:
        frame = frame.f_back
    return f"{frame.f_globals['__name__'].rpartition('.')[2]}.{frame.f_code.co_name}"


def run(environment: dict[str, str]) -> int:
    """Run the bot as its command line does, with shorter times; return the exit code."""
    os.environ.clear()
    os.environ.update(environment)
    request_log.LOOKUP_SECONDS = 0.3
    schedule.RESEND_SECONDS = 0.3
    points = Points(environment["CRASH_AT"], Path(environment["TRACE"]))
    number_commits(points)
    number_requests(points)
    settings = read_settings(environment, Path("none.env"))
    with Path(environment["LOG"]).open("a") as log:
        set_up_logs(level="INFO", form="text", secrets=(), stream=log)
        return asyncio.run(lifecycle.run(settings, times=NO_MENUS))


def load() -> None:
    """Load what the bot loads at its first connection and its first order."""
    for module in ("anyio._backends._asyncio", "apscheduler.triggers.date", "httpcore"):
        import_module(module)
    connections.shared_ssl_context()
    mimetypes.init()
    small_talk("hello")
    reading.plain_options("10 seconds")
    assert Languages().names, "loads the languages from large files"
    assert Offer.load().names, "loads the models"


def main() -> None:
    """Fork a process for each line of standard input."""
    load()
    share_launcher(LAUNCHER._ensure_started())  # noqa: SLF001 - else it starts with the first job
    gc.freeze()  # so that forks share the memory of all objects
    for line in sys.stdin:
        environment = json.loads(line)
        child = os.fork()
        if child == 0:
            sys.stdin.close()
            os._exit(run(environment))
        _answer(child)
        _answer(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


def _answer(number: int) -> None:
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
