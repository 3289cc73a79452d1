"""A few child processes for everything that touches hostile bytes.

Decoders run outside the bot: a crash, a leak or an endless loop ends a child, never the bot, and
the bot never loads the decoders. Orders and answers are JSON lines over pipes, so a child that was
taken over can lie about a picture but cannot hand objects to its parent; pictures and videos travel
as files whose names the parent chose. A child starts without the bot's environment, which holds its
token.
"""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from enum import Enum, auto
from pathlib import Path
from typing import Any, Final, Self

from generation.media.failures import MediaError, MediaFailed, MediaRefused, MediaTimeout

__all__ = ["MediaError", "MediaFailed", "MediaProcesses", "MediaRefused", "MediaTimeout"]

_ROOT: Final = Path(__file__).resolve().parents[2]
"""Where `generation` is found; the child starts there."""

_CHUNK_BYTES: Final = 65536


class Lane(Enum):
    """A queue of jobs done one at a time, by a child that does no others.

    What people send never stands in front of results, nor do the minutes of an encoding.
    """

    SENT = auto()
    RESULT = auto()
    ENCODE = auto()


_LANES: Final = {
    "measure_picture": Lane.SENT,
    "fit_picture": Lane.SENT,
    "draw_frame": Lane.SENT,
    "encode_video": Lane.ENCODE,
}
"""The lanes of jobs; the other jobs work on results."""


class MediaProcesses:
    """Runs jobs in child processes, one at a time in each lane.

    A child starts with the first job that needs it and ends after `idle_seconds` without one.
    """

    def __init__(self, *, idle_seconds: float = 30.0) -> None:
        self._lanes = {lane: asyncio.Semaphore() for lane in Lane}
        self._idle_seconds = idle_seconds
        self._idle: dict[Lane, tuple[_Child, asyncio.TimerHandle]] = {}
        self._busy: set[_Child] = set()
        self._burials: set[asyncio.Task[None]] = set()
        self._closed = asyncio.Event()

    async def __aenter__(self) -> Self:
        """Give the processes; none is started yet."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close."""
        await self.close()

    async def run(self, job: str, *, timeout: float, **arguments: Any) -> dict[str, Any]:  # noqa: ASYNC109 - kills a process, which a timeout around the call could not name
        """Do a job of `generation.media.child` within `timeout` seconds of its start.

        Paths must be absolute strings. Cancelling the caller kills the child that works for it.

        Raises:
            MediaRefused: The bytes are not what the job works on.
            MediaTimeout: It took longer.
            MediaFailed: The child died, or the job broke down, or this is closed.
        """
        order = json.dumps({"job": job, "seconds": timeout, "arguments": arguments})
        lane = _LANES.get(job, Lane.RESULT)
        async with self._lanes[lane]:
            child = await self._take(lane)
            try:
                async with asyncio.timeout(timeout):
                    answer = await child.ask(order)
            except TimeoutError:
                self._end(child)
                raise MediaTimeout(f"{job} took longer than {timeout:g} s") from None
            except BaseException:
                self._end(child)
                raise
            self._rest(lane, child)
        return _result(job, answer)

    async def close(self) -> None:
        """Kill every child and wait until they are gone; jobs that still run fail."""
        self._closed.set()
        for lane in list(self._idle):
            self._retire(lane)
        for child in list(self._busy):
            self._end(child)
        # Who holds every lane knows that nobody works, nor is just starting a child.
        for turn in self._lanes.values():
            await turn.acquire()
        for turn in self._lanes.values():
            turn.release()
        await asyncio.gather(*self._burials)

    async def _take(self, lane: Lane) -> _Child:
        """Give the lane's child that rests, or a new one."""
        if lane in self._idle:
            child, timer = self._idle.pop(lane)
            timer.cancel()
            self._busy.add(child)
            if child.lives:
                return child
            self._end(child)
        if self._closed.is_set():
            raise MediaFailed("media processes are closed")
        child = await _Child.start()
        self._busy.add(child)
        if self._closed.is_set():
            self._end(child)
            raise MediaFailed("media processes are closed")
        return child

    def _rest(self, lane: Lane, child: _Child) -> None:
        """Keep a child for the lane's next job, for a while."""
        if child not in self._busy:
            return
        self._busy.remove(child)
        timer = asyncio.get_running_loop().call_later(self._idle_seconds, self._retire, lane)
        self._idle[lane] = child, timer

    def _retire(self, lane: Lane) -> None:
        """End the child that rests in a lane."""
        child, timer = self._idle.pop(lane)
        timer.cancel()
        self._busy.add(child)
        self._end(child)

    def _end(self, child: _Child) -> None:
        """Kill a child at once; it is buried in the background."""
        if child not in self._busy:
            return
        self._busy.remove(child)
        burial = asyncio.get_running_loop().create_task(child.end())
        self._burials.add(burial)
        burial.add_done_callback(self._burials.discard)


class _Child:
    """One process and its pipes."""

    def __init__(self, process: Process) -> None:
        if process.stdin is None or process.stdout is None:  # pragma: no cover
            raise AssertionError("started without pipes")
        self._process = process
        self._stdin = process.stdin
        self._stdout = process.stdout
        self._reading = asyncio.Lock()

    @classmethod
    async def start(cls) -> Self:
        """Start a process that knows nothing of the bot's environment."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "generation.media.child",
            stdin=PIPE,
            stdout=PIPE,
            stderr=DEVNULL,
            cwd=_ROOT,
            env={},
            # Ctrl-C in a terminal goes to the whole foreground group; jobs end as the bot decides.
            start_new_session=True,
        )
        return cls(process)

    @property
    def lives(self) -> bool:
        """Whether the process is not known to have ended."""
        return self._process.returncode is None and not self._stdout.at_eof()

    async def ask(self, order: str) -> dict[str, Any]:
        """Send one line, read one line, which is a stranger's word."""
        try:
            async with self._reading:
                self._stdin.write(order.encode() + b"\n")
                await self._stdin.drain()
                answer = json.loads(await self._stdout.readuntil())
        except (OSError, EOFError, asyncio.LimitOverrunError, ValueError) as error:
            raise MediaFailed(f"the child gave no answer: {type(error).__name__}") from error
        if not isinstance(answer, dict):
            raise MediaFailed("the child gave no answer: not an object")
        return answer

    async def end(self) -> None:
        """Kill, and wait for the end of process and pipes; a reader learns of it first."""
        if self._process.returncode is None:
            self._process.kill()
        self._stdin.close()
        async with self._reading:
            while await self._stdout.read(_CHUNK_BYTES):
                pass
        await self._process.wait()


def _result(job: str, answer: dict[str, Any]) -> dict[str, Any]:
    """Read an answer, which is a stranger's word."""
    match answer:
        case {"result": dict(result)}:
            return result
        case {"refused": str(reason)}:
            raise MediaRefused(reason)
        case _:
            raise MediaFailed(f"{job}: {answer.get('failed')!r}")
