"""Child processes in which untrusted media files are decoded.

Decoders run outside the bot: a crash, a leak or an endless loop ends a child, never the bot, and
the bot never loads the decoders. Each job has a child of its own, forked by a launcher that has
loaded them. Jobs and answers are JSON over a socket, so a compromised child can return false data
about a picture but no objects; pictures and videos are passed as files whose names the parent
chose. The launcher starts without the bot's environment, which contains its token;
`generation.media.child` lists the other restrictions of a child, by kernel.
"""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
from enum import Enum, auto
from pathlib import Path
from typing import Any, Final, NamedTuple

from generation.media.formats import MediaFailed, MediaRefused, MediaTimeout

_ROOT: Final = Path(__file__).resolve().parents[2]
"""The folder of the package `generation`, in which the launcher starts."""

_START_SECONDS: Final = 60.0
"""Time for the launcher to load the decoders, on the slowest disk."""

_REAP_SECONDS: Final = 2.0
"""Time for the launcher to reap a child; after that, the launcher is killed."""

_ANSWER_BYTES: Final = 65536


class Queue(Enum):
    """The queue of a job: pictures that people send, results, encodings, films and charts.

    They are separate so that sent pictures and long encodings do not delay results, and films do
    not delay encodings.
    """

    SENT = auto()
    RESULT = auto()
    ENCODE = auto()
    FILM = auto()
    CHART = auto()


_CONCURRENCY: Final = dict.fromkeys(Queue, 1) | {Queue.RESULT: 2}
"""Concurrent jobs of a queue; two of results, so that a slow video does not delay others."""


class Limits(NamedTuple):
    """The queue of a job, its limit in seconds, and in seconds of processor time."""

    queue: Queue
    seconds: float
    processor: int


LIMITS: Final = {
    # a picture of 50 million pixels takes less than two seconds on an idle machine
    "measure_picture": Limits(Queue.SENT, 10.0, 5),
    "fit_picture": Limits(Queue.SENT, 10.0, 5),
    # less than a card waits for it; a timeout begins a cooldown of the sender
    "draw_cut": Limits(Queue.SENT, 4.0, 3),
    "draw_sheet": Limits(Queue.SENT, 4.0, 3),
    "draw_frame": Limits(Queue.SENT, 10.0, 10),
    "draw_chart": Limits(Queue.CHART, 30.0, 20),
    "report_confinement": Limits(Queue.RESULT, 10.0, 5),
    "probe_video": Limits(Queue.RESULT, 120.0, 240),
    "remux_video": Limits(Queue.RESULT, 120.0, 240),
    "encode_video": Limits(Queue.ENCODE, 600.0, 1200),
    "join_videos": Limits(Queue.FILM, 600.0, 1200),
    "shrink_film": Limits(Queue.FILM, 600.0, 1200),
}


class Launcher:
    """A process with the decoders loaded, which forks children and opens no file itself.

    It starts with the first job, and ends by `end` or when the bot's process ends.
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    def fork(self, order: bytes) -> socket.socket:
        """Start a job in a child; return the channel to it.

        The child sends a space when it begins. Shutting the channel down for writing kills the
        child. The end of the channel means that the child is gone. Raises MediaFailed.
        """
        channel, theirs = socket.socketpair()
        with theirs:
            try:
                channel.sendall(order)
                socket.send_fds(self._ensure_started(), [b"\0"], [theirs.fileno()])
            except OSError as error:
                channel.close()
                raise MediaFailed(f"no child starts: {error!r}") from error
        channel.setblocking(False)
        return channel

    def end(self) -> None:
        """Kill the process, which also kills its children."""
        if self._process is not None and self._control is not None:
            self._control.close()
            self._process.kill()
            self._process.wait()
            self._process = None

    def _ensure_started(self) -> socket.socket:
        """Start the process unless it runs; return the control socket."""
        if self._control is None or self._process is None or self._process.poll() is not None:
            self.end()
            self._control, theirs = socket.socketpair()
            with theirs:
                self._process = subprocess.Popen(
                    [sys.executable, "-m", "generation.media.child"],
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    cwd=_ROOT,
                    env={},
                    # Ctrl-C goes to the whole process group, but the bot decides when jobs end
                    start_new_session=True,
                )
        return self._control


LAUNCHER: Final = Launcher()


class MediaProcesses:
    """Runs jobs in child processes; the launcher ends after `idle_seconds` without a job."""

    def __init__(self, launcher: Launcher = LAUNCHER, *, idle_seconds: float = 30.0) -> None:
        self._launcher = launcher
        self._idle_seconds = idle_seconds
        self._idle: asyncio.TimerHandle | None = None
        self._queues = {queue: asyncio.Semaphore(most) for queue, most in _CONCURRENCY.items()}
        self._channels: set[socket.socket] = set()
        self._is_closed = False

    async def run(self, job: str, **arguments: Any) -> dict[str, Any]:
        """Run a job of `generation.media.child` within its limits, and return its result.

        A child may open only the paths `source`, or `sources`, and `target`. Cancelling the caller
        kills the child. A failed attempt leaves no target. Raises MediaRefused, MediaTimeout,
        MediaFailed.
        """
        queue, seconds, processor = LIMITS[job]
        # the child works in another folder
        order = json.dumps(
            {"job": job, "processor": processor, "arguments": arguments},
            default=lambda path: str(path.absolute()),
        ).encode()
        async with self._queues[queue]:
            if self._is_closed:
                raise MediaFailed("media processes are closed")
            channel = self._launcher.fork(order)
            self._channels.add(channel)
            is_done = False
            try:
                result = _result(job, await _answer(channel, seconds))
                is_done = True
            except TimeoutError as error:
                raise MediaTimeout(f"{job} took longer than {seconds:g} s") from error
            finally:
                await self._end_child(channel)
                if not is_done:
                    _remove(arguments.get("target"))
            return result

    async def aclose(self) -> None:
        """Kill every child and wait until they are gone; jobs that still run fail."""
        self._is_closed = True
        for channel in self._channels:
            channel.shutdown(socket.SHUT_WR)
        late = asyncio.get_running_loop().call_later(_REAP_SECONDS, self._abandon_children)
        # once every slot of every queue is acquired, no job runs
        turns = [turn for queue, turn in self._queues.items() for _ in range(_CONCURRENCY[queue])]
        for turn in turns:
            await turn.acquire()
        for turn in turns:
            turn.release()
        late.cancel()
        if self._idle is not None:
            self._idle.cancel()

    def _abandon_children(self) -> None:
        """Stop waiting for children: a launcher that does not respond reaps none."""
        self._launcher.end()
        for channel in self._channels:
            channel.shutdown(socket.SHUT_RDWR)

    async def _end_child(self, channel: socket.socket) -> None:
        """Kill a child if it still runs, and wait until it is gone."""
        try:
            channel.shutdown(socket.SHUT_WR)
            async with asyncio.timeout(_REAP_SECONDS):
                while await _receive(channel):
                    pass
        except TimeoutError:
            self._launcher.end()
        finally:
            channel.close()
            self._channels.remove(channel)
            if self._idle is not None:
                self._idle.cancel()
            loop = asyncio.get_running_loop()
            self._idle = loop.call_later(self._idle_seconds, self._end_if_idle)

    def _end_if_idle(self) -> None:
        """End the launcher unless a job runs."""
        if not self._channels:
            self._launcher.end()


def _remove(target: Path | str | None) -> None:
    """Delete an incomplete target."""
    if target is not None:
        Path(target).unlink(missing_ok=True)


async def _answer(channel: socket.socket, seconds: float) -> bytes:
    """Read from a child until it is gone, at most `seconds` after its start."""
    try:
        async with asyncio.timeout(_START_SECONDS):
            answer = await _receive(channel)
    except TimeoutError as error:
        raise MediaFailed("no child starts") from error
    async with asyncio.timeout(seconds):
        while len(answer) < _ANSWER_BYTES and (more := await _receive(channel)):
            answer += more
    return answer


async def _receive(channel: socket.socket) -> bytes:
    """Read from a child; b"" once it is gone."""
    try:
        return await asyncio.get_running_loop().sock_recv(channel, _ANSWER_BYTES)
    except ConnectionError:
        return b""  # gone before it read its job


def _result(job: str, answer: bytes) -> dict[str, Any]:
    """Parse an answer of a child, which is untrusted."""
    try:
        content = json.loads(answer)
    except (ValueError, RecursionError):
        content = None
    match content:
        case {"result": dict(result)}:
            return result
        case {"refused": str(reason)}:
            raise MediaRefused(reason)
        case {"late": True}:
            raise MediaTimeout(f"{job} took too much of the processor")
        case {"failed": str(failure)}:
            raise MediaFailed(f"{job}: {failure}")
        case _:
            raise MediaFailed(f"{job}: the child gave no answer")
