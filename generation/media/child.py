"""The launcher of media processes: `python -m generation.media.child`, and its children.

The launcher's standard input is a socket, on which it receives channels, one for each job; it forks
a child for each. The child reads its job from the channel, a JSON object (`job`, `processor`,
`arguments`), writes a space when it begins, and then a JSON object: `result`, or `refused` with a
reason, or `failed` with a text; the launcher writes `late` for a child that ran out of processor
time. A child is killed when its channel is shut down or the launcher ends. The launcher ends with
its standard input: when the bot's process ends.

Restrictions of a compromised decoder:

    on every Linux         no new privileges, no capability but to open any file if the bot runs
                           as root; limits of time, memory, files and processes; killed, with its
                           process group, when its job ends; first to be killed when memory is short
    seccomp                (x86-64 and ARM 64, Linux 3.17) no socket, no other process or program,
                           no signal to another process, no tracing, no moving, removing, linking
                           or chmod of files, no system call newer than Linux 5.0
    Landlock               (Linux 5.13) no file but the job's sources, to read, its target, and
                           Python's libraries, to read; 6.2 no truncating; 6.7 no TCP; 6.12 no
                           signal

Without Landlock it can read and overwrite all files of the bot's user, including the database;
without seccomp it can use the network, and processes it starts may outlive it. `doctor` reports
which of the two are missing. On no kernel can it read the memory, the environment or the
connections of the bot, which is not dumpable, unless the bot's user may trace every process.
"""

from __future__ import annotations

import ctypes
import errno
import gc
import json
import os
import platform
import resource
import select
import signal
import socket
import struct
import sysconfig
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from generation.media.film_jobs import join_videos
from generation.media.formats import MediaRefused
from generation.media.picture_jobs import (
    draw_chart,
    draw_cut,
    draw_sheet,
    fit_picture,
    measure_picture,
)
from generation.media.video_copies import encode_video, remux_video
from generation.media.video_jobs import draw_frame, probe_video

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import IO


def report_confinement() -> dict[str, object]:
    """Return whether this child is denied files that are not its own, and system calls."""
    return {"files": _is_refused(lambda: Path(__file__).open("rb")),
            "calls": _is_refused(socket.socket)}  # fmt: skip


def _is_refused(attempt: Callable[[], IO[bytes] | socket.socket]) -> bool:
    try:
        attempt().close()
    except PermissionError:
        return True
    return False


JOBS: Final[dict[str, Callable[..., dict[str, object]]]] = {
    "report_confinement": report_confinement,
    "measure_picture": measure_picture,
    "fit_picture": fit_picture,
    "draw_cut": draw_cut,
    "draw_sheet": draw_sheet,
    "probe_video": probe_video,
    "draw_frame": draw_frame,
    "draw_chart": draw_chart,
    "remux_video": remux_video,
    "encode_video": encode_video,
    "join_videos": join_videos,
    "shrink_film": encode_video,
}

MEMORY_BYTES: Final = 2 * 1024**3
"""Address space. A picture of 50 million pixels with alpha takes 200 MB and is copied while it is
turned; a 1080p encoder with two threads takes less."""

FILE_BYTES: Final = 4 * 1024**3
"""Largest file a job may write: twice what a local Bot API server takes, for the faststart copy."""

OPEN_FILES: Final = 64
PROCESSES: Final = 4096
"""Limit of the bot's user, threads included, for kernels without seccomp."""

NICENESS: Final = 5
FAILURE_CHARS: Final = 300
ORDER_BYTES: Final = 65536
DESCRIPTORS: Final = 256
"""More than a launcher has open."""

PR_SET_PDEATHSIG: Final = 1
PR_SET_DUMPABLE: Final = 4
PR_SET_SECCOMP: Final = 22
PR_SET_NO_NEW_PRIVS: Final = 38

_libc: Final = ctypes.CDLL(None, use_errno=True)


def answer(order: dict[str, Any]) -> dict[str, Any]:
    """Run one job and return the answer; any exception becomes `refused` or `failed`."""
    try:
        return {"result": JOBS[order["job"]](**order["arguments"])}
    except MediaRefused as error:
        return {"refused": error.reason}
    except Exception as error:  # noqa: BLE001 - decoders of hostile bytes raise anything
        return {"failed": f"{type(error).__name__}: {error}"[:FAILURE_CHARS]}


def limit_resources(processor: int) -> None:
    """Limit memory, files, time and priority, and forbid core dumps, which contain pictures."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_BYTES, FILE_BYTES))
    resource.setrlimit(resource.RLIMIT_NOFILE, (OPEN_FILES, OPEN_FILES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _, most = resource.getrlimit(resource.RLIMIT_NPROC)
    processes = PROCESSES if most == resource.RLIM_INFINITY else min(PROCESSES, most)
    resource.setrlimit(resource.RLIMIT_NPROC, (processes, processes))
    # the first limit sends a signal, the second kills if a decoder catches that
    resource.setrlimit(resource.RLIMIT_CPU, (processor, processor + 1))
    os.nice(NICENESS)


CAP_DAC_OVERRIDE: Final = 1 << 1
CAPABILITIES_VERSION: Final = 0x20080522


def drop_capabilities() -> None:
    """Drop root's capabilities, except opening others' files: the bot's folder may be theirs."""
    _libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    header = struct.pack("=Ii", CAPABILITIES_VERSION, 0)
    for kept in (CAP_DAC_OVERRIDE, 0):
        if _libc.capset(header, struct.pack("=6I", kept, kept, 0, 0, 0, 0)) == 0:
            break


LANDLOCK_CREATE_RULESET: Final = 444
LANDLOCK_ADD_RULE: Final = 445
LANDLOCK_RESTRICT_SELF: Final = 446
LANDLOCK_CREATE_RULESET_VERSION: Final = 1
LANDLOCK_RULE_PATH_BENEATH: Final = 1

WRITE_FILE: Final = 1 << 1
READ_FILE: Final = 1 << 2
READ_DIR: Final = 1 << 3
TRUNCATE: Final = 1 << 14
RIGHTS: Final = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 5: (1 << 16) - 1}
"""All rights to files and folders, by the version of Landlock that introduced the last."""

TCP: Final = 0b11
SIGNALS_AND_ABSTRACT_SOCKETS: Final = 0b11


def restrict_files(sources: list[str], target: str | None) -> None:
    """Restrict a job to its own files and Python's libraries, if the kernel has Landlock.

    The target is created here: afterwards no file can be created, such as a symbolic link that the
    bot would follow.
    """
    if target is not None:
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o600))
    version = _libc.syscall(LANDLOCK_CREATE_RULESET, None, 0, LANDLOCK_CREATE_RULESET_VERSION)
    if version < 1:
        return
    rights = RIGHTS[max(first for first in RIGHTS if first <= version)]
    # the later fields exist from versions 4 and 6
    bounds = struct.pack("=3Q", rights, TCP, SIGNALS_AND_ABSTRACT_SOCKETS)
    size = 8 * (1 + (version >= 4) + (version >= 6))  # noqa: PLR2004 - said above
    ruleset = _libc.syscall(LANDLOCK_CREATE_RULESET, bounds, size, 0)
    libraries = {sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")}
    allowed: list[tuple[str | None, int]] = [(path, READ_FILE | READ_DIR) for path in libraries]
    allowed += [(source, READ_FILE) for source in sources]
    allowed.append((target, READ_FILE | WRITE_FILE | TRUNCATE))
    for path, access in allowed:
        if path is None:
            continue
        # the job reports a missing source
        with suppress(FileNotFoundError):
            file = os.open(path, os.O_PATH)
            rule = struct.pack("=Qi", access & rights, file)
            _libc.syscall(LANDLOCK_ADD_RULE, ruleset, LANDLOCK_RULE_PATH_BENEATH, rule, 0)
            os.close(file)
    _libc.syscall(LANDLOCK_RESTRICT_SELF, ruleset, 0)
    os.close(ruleset)


MACHINES: Final = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}
"""The kernel's constant of a machine, and its column of system call numbers."""

SYSTEM_CALLS: Final = json.loads(Path(__file__).with_name("system_calls.json").read_bytes())
"""System calls that no decoder needs, by the reason they are forbidden."""

CLONE: Final = (56, 220)
TGKILL: Final = (234, 131)
PRLIMIT: Final = (302, 261)
FIRST_NEW_CALL: Final = 424
"""From here on, numbers are the same on all machines; newer than Linux 5.0, and not needed."""

CLONE_THREAD: Final = 0x10000
LOAD: Final = 0x20
JUMP_IF_EQUAL: Final = 0x15
JUMP_FROM: Final = 0x35
JUMP_IF_SET: Final = 0x45
RETURN: Final = 0x06
NUMBER_OFFSET: Final = 0
MACHINE_OFFSET: Final = 4
ARGUMENT_OFFSET: Final = 16
ALLOW: Final = 0x7FFF0000
FAIL: Final = 0x00050000
SECCOMP_MODE_FILTER: Final = 2


def filter_system_calls() -> None:
    """Make system calls fail that a job does not need, if the kernel has seccomp."""
    if platform.machine() not in MACHINES:
        return
    machine, column = MACHINES[platform.machine()]
    refuse = (RETURN, 0, 0, FAIL | errno.EPERM)
    program = [
        (LOAD, 0, 0, MACHINE_OFFSET),
        (JUMP_IF_EQUAL, 1, 0, machine),
        refuse,
        (LOAD, 0, 0, NUMBER_OFFSET),
        (JUMP_FROM, 0, 1, FIRST_NEW_CALL),
        (RETURN, 0, 0, FAIL | errno.ENOSYS),
    ]
    for calls in SYSTEM_CALLS.values():
        for numbers in calls.values():
            if numbers[column] is not None:
                program += [(JUMP_IF_EQUAL, 0, 1, numbers[column]), refuse]
    # allowed: threads, signals to itself and its own limits
    for numbers, test, value in (
        (CLONE, JUMP_IF_SET, CLONE_THREAD),
        (TGKILL, JUMP_IF_EQUAL, os.getpid()),
        (PRLIMIT, JUMP_IF_EQUAL, 0),
    ):
        program += [
            (JUMP_IF_EQUAL, 0, 3, numbers[column]),
            (LOAD, 0, 0, ARGUMENT_OFFSET),
            (test, 1, 0, value),
            refuse,
            # the argument is in the register: load the number again for the next tests
            (LOAD, 0, 0, NUMBER_OFFSET),
        ]
    program.append((RETURN, 0, 0, ALLOW))
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *step) for step in program))
    filter_ = struct.pack("@HP", len(program), ctypes.addressof(code))
    _libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, filter_, 0, 0)


def work(channel: socket.socket) -> None:
    """Read the job from the channel and run it, as a child."""
    os.dup2(channel.fileno(), 0)
    os.closerange(3, DESCRIPTORS)  # the channels of other children
    with socket.socket(fileno=0) as own:
        order = json.loads(own.recv(ORDER_BYTES))
        own.sendall(b" ")
        limit_resources(order["processor"])
        drop_capabilities()
        files = order["arguments"]
        source = [files["source"]] if "source" in files else []
        restrict_files([*files.get("sources", []), *source], files.get("target"))
        filter_system_calls()
        own.sendall(json.dumps(answer(order)).encode())


def fork(channel: socket.socket) -> int:
    """Fork a child that dies with this process, in a process group of its own; return its id."""
    launcher = os.getpid()
    child = os.fork()
    if child:
        os.setpgid(child, child)
        return child
    try:
        # both processes do it, so that all that the child starts is in the group
        os.setpgid(0, 0)
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() == launcher:
            signal.set_wakeup_fd(-1)
            work(channel)
    finally:
        os._exit(0)


def reap(children: dict[int, socket.socket], events: select.poll) -> None:
    """Close the channels of children that ended, and kill the processes they started."""
    for child, channel in list(children.items()):
        gone = os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if gone is None:
            continue
        os.killpg(child, signal.SIGKILL)
        os.waitpid(child, 0)  # only now can the system reuse its id
        with suppress(KeyError):
            events.unregister(channel)
        with suppress(OSError):
            if gone.si_status == signal.SIGXCPU and gone.si_code == os.CLD_KILLED:
                channel.send(b'{"late": true}', socket.MSG_DONTWAIT)
            # closing is not enough: a process that left the group may hold the channel
            channel.shutdown(socket.SHUT_RDWR)
        channel.close()
        del children[child]


def launch(control: socket.socket) -> None:
    """Fork a child for each channel received, until the control socket ends."""
    children: dict[int, socket.socket] = {}
    ends, wakeup = os.pipe()
    os.set_blocking(wakeup, False)
    signal.set_wakeup_fd(wakeup)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    events = select.poll()
    events.register(control, select.POLLIN)
    events.register(ends, select.POLLIN)
    while True:
        source = events.poll()[0][0]
        if source == control.fileno():
            message, numbers, *_ = socket.recv_fds(control, 1, 1)
            if not message:
                return
            channel = socket.socket(fileno=numbers[0])
            try:
                children[fork(channel)] = channel
            except OSError:
                channel.close()
            else:
                events.register(channel, select.POLLRDHUP)
        elif source == ends:
            os.read(ends, DESCRIPTORS)
            reap(children, events)
        else:
            events.unregister(source)
            (child,) = (one for one, channel in children.items() if channel.fileno() == source)
            os.killpg(child, signal.SIGKILL)


def main() -> None:
    """Run the launcher."""
    # Ctrl-C and SIGTERM are handled by the bot, which may still need an answer
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")
    _libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)  # no child can trace it or another child
    gc.freeze()  # keeps these objects' memory shared with the children
    launch(socket.socket(fileno=0))


if __name__ == "__main__":
    main()
