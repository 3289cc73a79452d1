"""Child processes for everything that touches hostile bytes.

Decoders run outside the bot: a crash, a leak or an endless loop ends a child, never the bot, and
the bot never loads the decoders. Each job has a child of its own, forked by a launcher that has
loaded them. Orders and answers are JSON over a socket, so a child that was taken over can lie about
a picture but cannot hand objects to its parent; pictures and videos travel as files whose names the
parent chose. The launcher starts without the bot's environment, which holds its token;
`generation.media.child` says what else is kept from a child, and on which kernel.
"""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
from enum import Enum, auto
from pathlib import Path
from typing import Any, Final, NamedTuple, Self

from generation.media.formats import MediaFailed, MediaRefused, MediaTimeout

_ROOT: Final = Path(__file__).resolve().parents[2]
"""Where `generation` is found; the launcher starts there."""

_START_SECONDS: Final = 60.0
"""For the launcher to load the decoders, on the slowest disk."""

_END_SECONDS: Final = 2.0
"""For the launcher to bury a child; later it is taken for stopped, and killed itself."""

_ANSWER_BYTES: Final = 65536


class Queue(Enum):
    """A queue of jobs done one at a time, and of results two.

    What people send never stands in front of results, nor do the minutes of an encoding, nor does
    what is made of results once more stand in front of one that is encoded.
    """

    SENT = auto()
    RESULT = auto()
    ENCODE = auto()
    FILM = auto()
    CHART = auto()


_AT_ONCE: Final = dict.fromkeys(Queue, 1) | {Queue.RESULT: 2}
"""Jobs of a queue side by side: a video that takes its two minutes holds up no other."""


class Limits(NamedTuple):
    """What a job gets: its queue, seconds by the clock, and seconds of processor time."""

    queue: Queue
    seconds: float
    processor: int


LIMITS: Final = {
    # a picture of 50 million pixels takes less than two seconds where little else is done
    "measure_picture": Limits(Queue.SENT, 10.0, 5),
    "fit_picture": Limits(Queue.SENT, 10.0, 5),
    # less than a card waits for it: what takes longer sends its sender to rest
    "draw_cut": Limits(Queue.SENT, 4.0, 3),
    "draw_sheet": Limits(Queue.SENT, 4.0, 3),
    "draw_frame": Limits(Queue.SENT, 10.0, 10),
    "draw_chart": Limits(Queue.CHART, 30.0, 20),
    "tell_confinement": Limits(Queue.RESULT, 10.0, 5),
    "probe_video": Limits(Queue.RESULT, 120.0, 240),
    "remux_video": Limits(Queue.RESULT, 120.0, 240),
    "encode_video": Limits(Queue.ENCODE, 600.0, 1200),
    "join_videos": Limits(Queue.FILM, 600.0, 1200),
    "shrink_film": Limits(Queue.FILM, 600.0, 1200),
}


class Launcher:
    """A process with the decoders loaded, which forks children and touches no file itself.

    It starts with the first job, and ends when it is told to or when the bot is gone.
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    def fork(self, order: bytes) -> socket.socket:
        """Have a child do a job; give the channel to it.

        A first space tells that it began. Shutting the channel down for writing kills the child.
        The channel's end tells that the child is gone.
        """
        channel, theirs = socket.socketpair()
        with theirs:
            try:
                channel.sendall(order)
                socket.send_fds(self._started(), [b"\0"], [theirs.fileno()])
            except OSError as error:
                channel.close()
                raise MediaFailed(f"no child starts: {error!r}") from error
        channel.setblocking(False)
        return channel

    def end(self) -> None:
        """Kill the process, which takes its children along."""
        if self._process is not None and self._control is not None:
            self._control.close()
            self._process.kill()
            self._process.wait()
            self._process = None

    def _started(self) -> socket.socket:
        """Start the process unless it runs; give the way to it."""
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
                    # A terminal's Ctrl-C goes to its whole group; jobs end as the bot decides.
                    start_new_session=True,
                )
        return self._control


LAUNCHER: Final = Launcher()
"""The launcher of this process."""


class MediaProcesses:
    """Runs jobs in child processes, few at a time in each queue.

    The launcher ends after `idle_seconds` without a job.
    """

    def __init__(self, launcher: Launcher = LAUNCHER, *, idle_seconds: float = 30.0) -> None:
        self._launcher = launcher
        self._idle_seconds = idle_seconds
        self._idle: asyncio.TimerHandle | None = None
        self._queues = {queue: asyncio.Semaphore(most) for queue, most in _AT_ONCE.items()}
        self._channels: set[socket.socket] = set()
        self._is_closed = False

    async def __aenter__(self) -> Self:
        """Give the processes; none is started yet."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close."""
        await self.close()

    async def run(self, job: str, **arguments: Any) -> dict[str, Any]:
        """Do a job of `generation.media.child` within its limits.

        The paths `source`, or all `sources`, and `target` are all a child may open. Cancelling the
        caller kills the child that works for it. A failed attempt leaves no target.

        Raises:
            MediaRefused: The bytes are not what the job works on.
            MediaTimeout: It took longer.
            MediaFailed: The child died, or the job broke down, or this is closed.
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
                await self._end(channel)
                if not is_done:
                    _remove(arguments.get("target"))
            return result

    async def close(self) -> None:
        """Kill every child and wait until they are gone; jobs that still run fail."""
        self._is_closed = True
        for channel in self._channels:
            channel.shutdown(socket.SHUT_WR)
        late = asyncio.get_running_loop().call_later(_END_SECONDS, self._give_up)
        # Who holds every queue knows that nobody works.
        turns = [turn for queue, turn in self._queues.items() for _ in range(_AT_ONCE[queue])]
        for turn in turns:
            await turn.acquire()
        for turn in turns:
            turn.release()
        late.cancel()
        if self._idle is not None:
            self._idle.cancel()

    def _give_up(self) -> None:
        """Wait for no child any more: a launcher that was stopped buries none."""
        self._launcher.end()
        for channel in self._channels:
            channel.shutdown(socket.SHUT_RDWR)

    async def _end(self, channel: socket.socket) -> None:
        """Kill a child if it still works, and wait until it is gone."""
        try:
            channel.shutdown(socket.SHUT_WR)
            async with asyncio.timeout(_END_SECONDS):
                while await _said(channel):
                    pass
        except TimeoutError:
            self._launcher.end()
        finally:
            channel.close()
            self._channels.remove(channel)
            if self._idle is not None:
                self._idle.cancel()
            loop = asyncio.get_running_loop()
            self._idle = loop.call_later(self._idle_seconds, self._rest)

    def _rest(self) -> None:
        """End the launcher unless there is work again."""
        if not self._channels:
            self._launcher.end()


def _remove(target: Path | str | None) -> None:
    """Take away what an attempt may have left half done."""
    if target is not None:
        Path(target).unlink(missing_ok=True)


async def _answer(channel: socket.socket, seconds: float) -> bytes:
    """Read what a child says until it is gone, within `seconds` of its start."""
    try:
        async with asyncio.timeout(_START_SECONDS):
            answer = await _said(channel)
    except TimeoutError as error:
        raise MediaFailed("no child starts") from error
    async with asyncio.timeout(seconds):
        while len(answer) < _ANSWER_BYTES and (more := await _said(channel)):
            answer += more
    return answer


async def _said(channel: socket.socket) -> bytes:
    """Wait for something that a child says; nothing, once it is gone."""
    try:
        return await asyncio.get_running_loop().sock_recv(channel, _ANSWER_BYTES)
    except ConnectionError:
        return b""  # gone before it read its order


def _result(job: str, answer: bytes) -> dict[str, Any]:
    """Read an answer, which is a stranger's word."""
    try:
        content = json.loads(answer)
    except (ValueError, RecursionError) as error:
        raise MediaFailed(f"{job}: the child gave no answer") from error
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
