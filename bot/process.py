"""The process: signals, exit codes, the lock on `DATA_DIR`, and the heartbeat file."""

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
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

DATABASE, LOCK = "bot.sqlite3", "lock"
HEARTBEAT = "heartbeat"
DATA_FILES = DATABASE, f"{DATABASE}-wal", f"{DATABASE}-shm", f"{DATABASE}-journal", LOCK
"""Files in `DATA_DIR` that a start opens if they exist."""
DATA_FOLDERS = "videos", "pictures"
"""Folders in `DATA_DIR`."""
MAX_PID_BYTES = 20
"""How much of the lock file is read: any process may have written to it."""
LOCK_RETRY_SECONDS = 0.1
"""When to try the lock again: `doctor` may hold it for a moment."""


class ExitCode(IntEnum):
    """Exit code of `run`. After 1 and 4 it can be restarted, 2 and 3 need the operator."""

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


def forbid_core_dumps() -> None:
    """Forbid core dumps, and other processes of this user to read memory and environment."""
    pr_set_dumpable = 4
    with suppress(AttributeError):  # only Linux has it
        ctypes.CDLL(None).prctl(pr_set_dumpable, 0, 0, 0, 0)


def call_on_stop_signals(stop: Callable[[], object]) -> None:
    """Call `stop` on SIGINT, SIGTERM and SIGHUP."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # `nohup` ignores SIGHUP, so that the process outlives its terminal
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, lambda *_: stop())


def set_on_stop_signals(stopping: asyncio.Event) -> None:
    """Set `stopping` on SIGINT, SIGTERM and SIGHUP.

    `loop.add_signal_handler` is not used: it reports signals through the pipe that also wakes the
    loop, and a signal is lost while that pipe is full, as when APScheduler sets many timers.
    """
    loop = asyncio.get_running_loop()
    call_on_stop_signals(partial(loop.call_soon_threadsafe, stopping.set))


def print_stderr(text: str) -> None:
    """Print a line to stderr if it can be written to."""
    with suppress(OSError):
        sys.stderr.write(f"{text}\n")


def replace_closed_streams() -> None:
    """Open /dev/null in the place of a stdout or stderr that was closed before the start."""
    if not (sys.stdout and sys.stderr):
        nowhere = os.fdopen(os.open(os.devnull, os.O_WRONLY), "w", encoding="utf-8")
        sys.stdout, sys.stderr = sys.stdout or nowhere, sys.stderr or nowhere


def exit_now(code: int) -> NoReturn:
    """Flush logs and streams, and end the process without waiting for threads."""
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        # a full disk must not change the exit code
        with suppress(OSError):
            stream.flush()
    os._exit(code)


class CannotStart(Exception):
    """The bot cannot start, for the reason in the text; `code` is what it exits with."""

    def __init__(self, text: str, code: ExitCode = ExitCode.WRONG_SETTINGS) -> None:
        super().__init__(text)
        self.code = code


TRANSIENT_ERRNOS = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOLCK,
     errno.ESTALE, errno.ETIMEDOUT}
)  # fmt: skip
"""Errors of the system that the next start may not meet again."""


def _unusable(path: Path, error: OSError) -> CannotStart:
    is_transient = error.errno in TRANSIENT_ERRNOS
    now, code = (" now", ExitCode.FAILURE) if is_transient else ("", ExitCode.WRONG_SETTINGS)
    return CannotStart(f"DATA_DIR cannot be used{now}: {path}: {error.strerror}", code)


@contextmanager
def translate_os_errors(folder: Path) -> Iterator[None]:
    """Raise CannotStart for an OSError that names the folder or a file in it."""
    try:
        yield
    except OSError as error:
        path = Path(os.fsdecode(error.filename or ""))
        if not path.is_relative_to(folder):
            raise
        raise _unusable(path, error) from error


def require_regular_file(path: Path) -> None:
    """Raise OSError if the path exists and is no regular file: opening a pipe would block."""
    # a dangling link is refused too: the disk it points to may not be mounted
    if os.path.lexists(path) and not path.is_file():
        raise OSError(errno.EINVAL, "Not a file", str(path))


def file_ids(files: Iterable[Path]) -> list[tuple[int, int] | None]:
    """Return device and inode of each file, None for one that does not exist."""
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
def lock_folder(folder: Path) -> Iterator[None]:
    """Lock a folder, making it if it is missing; the system releases the lock with the process.

    The lock file is never deleted: only the lock on it counts.

    Raises:
        CannotStart: another process has locked it, or its file system has no locks.
        OSError: it cannot be made, or not written to.
    """
    folder.mkdir(0o700, parents=True, exist_ok=True)
    # not truncated: it may hold the process id of the holder
    file = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            is_from_bot = _try_lock(file, fcntl.LOCK_EX)
            if not is_from_bot:
                time.sleep(LOCK_RETRY_SECONDS)
                is_from_bot = _try_lock(file, fcntl.LOCK_EX)
        except OSError as error:
            # some network file systems have no locks
            raise _unusable(folder / LOCK, error) from error
        if not is_from_bot:
            raise CannotStart(_locked_by(file, folder), ExitCode.LOCKED)
        # on a full disk the id cannot be written, which only makes the message poorer
        with suppress(OSError):
            os.ftruncate(file, 0)
            os.pwrite(file, f"{os.getpid()}\n".encode("ascii"), 0)
        yield
    finally:
        os.close(file)


def find_lock(folder: Path) -> str | None:
    """Return who has locked a folder, None if nobody has; the lock file is not created."""
    try:
        file = os.open(folder / LOCK, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return None if _try_lock(file, fcntl.LOCK_SH) else _locked_by(file, folder)
    except OSError:
        # this file system has no locks: `lock_folder` reports that
        return None
    finally:
        os.close(file)


def _try_lock(file: int, lock: int) -> bool:
    try:
        fcntl.flock(file, lock | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _locked_by(file: int, folder: Path) -> str:
    text = os.pread(file, MAX_PID_BYTES, 0).strip()
    by = f"process {int(text)}" if text.isdigit() else "another process"
    return f"DATA_DIR is in use: {by} already runs the bot on {folder}"


MAX_HEARTBEAT_AGE_SECONDS = 60
"""If the last beat is older, the bot hangs or has ended."""


def beat(path: Path, now: float) -> None:
    """Write the heartbeat file, which holds the time in seconds since 1970, atomically."""
    fresh = path.with_name(f"{path.name}.new")
    fresh.unlink(missing_ok=True)  # writing to a pipe would block
    fresh.write_text(f"{now:.3f}\n", encoding="ascii")
    fresh.replace(path)


def heartbeat_age(path: Path, now: float) -> float:
    """Return the seconds since the last beat, infinity if the file cannot be read."""
    try:
        require_regular_file(path)
        return now - float(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return inf


def is_alive(path: Path, now: float) -> bool:
    """Return whether the bot is alive; a beat from far in the future does not count either."""
    return abs(heartbeat_age(path, now)) < MAX_HEARTBEAT_AGE_SECONDS
