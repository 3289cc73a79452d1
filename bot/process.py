"""The process: how it ends, and its `DATA_DIR`: alone there, and its sign of life."""

from __future__ import annotations

import asyncio
import ctypes
import errno
import fcntl
import logging
import os
import signal
import sys
import time
from contextlib import contextmanager, suppress
from enum import IntEnum
from functools import partial
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Iterator

DATABASE, LOCK = "bot.sqlite3", "lock"
"""The files in `DATA_DIR`: what the bot knows, and what its holder locks."""
HEARTBEAT = "heartbeat"
"""What tells that the bot lives."""
FILES = DATABASE, f"{DATABASE}-wal", f"{DATABASE}-shm", f"{DATABASE}-journal", LOCK
"""What a start opens, where it is there."""
FOLDERS = "videos", "pictures"
"""The folders in it."""
LONGEST_PID = 20
"""Bytes of the lock file that are read: it is there for everybody to write."""
MOMENT = 0.1
"""Seconds for which `doctor` may hold the lock, to see whether somebody else does."""


class ExitCode(IntEnum):
    """What `run` tells whoever started it: 1 and 4 ask for another start, 2 and 3 for a person."""

    STOPPED = 0
    """Stopped on request."""
    FAILURE = 1
    """Something broke; the log says what."""
    WRONG_SETTINGS = 2
    """A setting is wrong, or the token or the key was refused."""
    LOCKED = 3
    """Another process holds `DATA_DIR`."""
    UPDATES_LOST = 4
    """Updates no longer arrive although Telegram answers."""


def hide() -> None:
    """Keep other processes of this user out of memory, environment, open files and core dumps."""
    pr_set_dumpable = 4
    with suppress(AttributeError):  # Linux alone has it
        ctypes.CDLL(None).prctl(pr_set_dumpable, 0, 0, 0, 0)


def live(work: Coroutine[Any, Any, int]) -> int:
    """Run to the end as `asyncio.run` does, but do not wait for threads.

    A name that is being looked up holds its thread for as long as the resolver likes, and nothing
    ends that: whoever asked us to stop would kill us first.
    """
    return asyncio.new_event_loop().run_until_complete(work)


def on_signals(stop: Callable[[], object]) -> None:
    """Have whatever asks for a stop, a terminal that is closed too, call `stop`."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # what `nohup` starts outlives its terminal
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, lambda *_: stop())


def stop_on_signals(stopping: asyncio.Event) -> None:
    """Have signals set `stopping`.

    A loop's own handlers hear of a signal through the pipe by which threads wake the loop, as
    APScheduler does for each clock that is set: a signal that finds it full would be lost.
    """
    loop = asyncio.get_running_loop()
    on_signals(partial(loop.call_soon_threadsafe, stopping.set))


def say(text: str) -> None:
    """Tell the terminal, where there is one that takes it: nothing depends on that."""
    with suppress(OSError):
        sys.stderr.write(f"{text}\n")


def keep_streams() -> None:
    """Have somewhere to write to, also where whoever started us closed it."""
    if not (sys.stdout and sys.stderr):
        nowhere = os.fdopen(os.open(os.devnull, os.O_WRONLY), "w", encoding="utf-8")
        sys.stdout, sys.stderr = sys.stdout or nowhere, sys.stderr or nowhere


def leave(code: int) -> NoReturn:
    """End the process at once, with all that was said and logged."""
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        # a log on a disk that is full must not change the code
        with suppress(OSError):
            stream.flush()
    os._exit(code)


class Held(Exception):
    """Another process holds the folder; `holder` is its id, None where it left none."""

    def __init__(self, folder: Path, holder: int | None) -> None:
        by = "another process" if holder is None else f"process {holder}"
        super().__init__(f"DATA_DIR is in use: {by} already runs the bot on {folder}")
        self.holder = holder


PASSING = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOLCK,
     errno.ESTALE, errno.ETIMEDOUT}
)  # fmt: skip
"""What the system refuses now, and may grant at the next start."""


class Unusable(Exception):
    """The folder, or what lies in it, cannot be made, read or written; perhaps only now."""

    def __init__(self, path: Path, error: OSError) -> None:
        self.passes = error.errno in PASSING
        now = " now" if self.passes else ""
        super().__init__(f"DATA_DIR cannot be used{now}: {path}: {error.strerror}")


class PortUnusable(Exception):
    """A port that a setting names cannot be listened at."""

    def __init__(self, setting: str, port: int, error: OSError) -> None:
        super().__init__(f"{setting} cannot be used: port {port}: {error.strerror}")


@contextmanager
def usable(folder: Path) -> Iterator[None]:
    """Raise Unusable for what the system says of a folder, or of what lies in it."""
    try:
        yield
    except OSError as error:
        path = Path(os.fsdecode(error.filename or ""))
        if not path.is_relative_to(folder):
            raise
        raise Unusable(path, error) from error


def refuse_no_file(path: Path) -> None:
    """Raise OSError for what lies in a file's place: whoever opens a pipe waits for ever."""
    # a link to nowhere is no file either: the disk it leads to may be away
    if os.path.lexists(path) and not path.is_file():
        raise OSError(errno.EINVAL, "Not a file", str(path))


def identities(files: Iterable[Path]) -> list[tuple[int, int] | None]:
    """Return by which numbers the system knows files; None for one that is not there."""
    found = list[tuple[int, int] | None]()
    for file in files:
        try:
            status = file.stat()
        except OSError:
            found.append(None)
        else:
            found.append((status.st_dev, status.st_ino))
    return found


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Hold a folder by a lock that the system lets go of when the process ends, however.

    The folder is made where it is missing; the lock's file stays, only its lock means something.

    Raises:
        Held: another process holds it.
        OSError: it cannot be made, or not written to.
    """
    folder.mkdir(0o700, parents=True, exist_ok=True)
    # not truncated on opening: it may hold the id of the one who has it
    file = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            is_ours = _take(file, fcntl.LOCK_EX) or _take(file, fcntl.LOCK_EX, after=MOMENT)
        except OSError as error:
            # some network's disks know no locks
            raise Unusable(folder / LOCK, error) from error
        if not is_ours:
            raise Held(folder, _pid_in(file))
        with suppress(OSError):
            # a full disk takes no id; only the lock means something
            os.ftruncate(file, 0)
            os.pwrite(file, f"{os.getpid()}\n".encode("ascii"), 0)
        yield
    finally:
        os.close(file)


def holder(folder: Path) -> Held | None:
    """Return who holds a folder, None where nobody does; nothing is made."""
    try:
        file = os.open(folder / LOCK, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return None if _take(file, fcntl.LOCK_SH) else Held(folder, _pid_in(file))
    except OSError:
        # without locks nobody holds one: a start says so
        return None
    finally:
        os.close(file)


def _take(file: int, lock: int, *, after: float = 0.0) -> bool:
    time.sleep(after)
    try:
        fcntl.flock(file, lock | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _pid_in(file: int) -> int | None:
    text = os.pread(file, LONGEST_PID, 0).strip()
    return int(text) if text.isdigit() else None


FRESH_SECONDS = 60
"""A bot whose last beat is older than this hangs, or is gone."""


class Heartbeat:
    """The time of the last beat, in seconds since 1970, in a file of its own."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        self._path = path
        self._clock = clock

    def beat(self) -> None:
        """Write the time of now; a reader sees the old beat or the new one, never half of one."""
        fresh = self._path.with_name(f"{self._path.name}.new")
        fresh.unlink(missing_ok=True)  # a pipe would take it, and never let go
        fresh.write_text(f"{self._clock():.3f}\n", encoding="ascii")
        fresh.replace(self._path)

    def age(self, now: float) -> float:
        """Return the seconds since the last beat; infinite if there is none that can be read."""
        try:
            refuse_no_file(self._path)
            return now - float(self._path.read_text(encoding="ascii"))
        except (OSError, ValueError):
            return inf

    def is_fresh(self, now: float) -> bool:
        """Tell whether the bot lives. A beat from far ahead is as wrong as one from long ago."""
        return abs(self.age(now)) < FRESH_SECONDS
