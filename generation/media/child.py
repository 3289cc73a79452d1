"""The processes in which hostile bytes are decoded: `python -m generation.media.child`.

That one is the launcher. Its standard input is a socket, on which it is sent channels, one for each
job; it forks a child for each. The child reads its order from the channel, a JSON object (`job`,
`processor`, `arguments`), writes a space as it begins, and then a JSON object: `result`, or
`refused` with a reason, or `failed` with a text; the launcher writes `late` for a child that was
out of processor time. A child is killed when its channel is shut down, or the launcher ends, which
it does with its standard input: when the bot is gone.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import resource
import select
import signal
import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from generation.media.formats import MediaRefused
from generation.media.picture_jobs import fit_picture, measure_picture
from generation.media.video_copies import encode_video, remux_video
from generation.media.video_jobs import draw_frame, draw_thumbnail, probe_video

if TYPE_CHECKING:
    from collections.abc import Callable

JOBS: Final[dict[str, Callable[..., dict[str, object]]]] = {
    "measure_picture": measure_picture,
    "fit_picture": fit_picture,
    "probe_video": probe_video,
    "draw_thumbnail": draw_thumbnail,
    "draw_frame": draw_frame,
    "remux_video": remux_video,
    "encode_video": encode_video,
}

MEMORY_BYTES: Final = 2 * 1024**3
"""Address space. A picture of 50 million pixels with alpha takes 200 MB and is copied while it is
turned; a 1080p encoder with two threads takes less."""

FILE_BYTES: Final = 4 * 1024**3
"""Largest file a job may write: twice what a local Bot API server takes, for the faststart copy."""

OPEN_FILES: Final = 64
NICENESS: Final = 5
FAILURE_CHARS: Final = 300
ORDER_BYTES: Final = 65536
DESCRIPTORS: Final = 256
"""More than a launcher has open."""

PR_SET_PDEATHSIG: Final = 1


def answer(order: dict[str, Any]) -> dict[str, Any]:
    """Do one job and tell how it went; whatever a decoder raises becomes an answer."""
    try:
        return {"result": JOBS[order["job"]](**order["arguments"])}
    except MediaRefused as error:
        return {"refused": error.reason}
    except Exception as error:  # noqa: BLE001 - decoders of hostile bytes raise anything
        return {"failed": f"{type(error).__name__}: {error}"[:FAILURE_CHARS]}


def limit_resources(processor: int) -> None:
    """Bound memory, files, time and priority for good; no core dump shows people's pictures."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_BYTES, FILE_BYTES))
    resource.setrlimit(resource.RLIMIT_NOFILE, (OPEN_FILES, OPEN_FILES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # A process dies of the first limit, or of the second if a decoder catches the first's signal.
    resource.setrlimit(resource.RLIMIT_CPU, (processor, processor + 1))
    os.nice(NICENESS)


def work(channel: socket.socket) -> None:
    """Do the job that stands on the channel, as a child."""
    os.dup2(channel.fileno(), 0)
    os.closerange(3, DESCRIPTORS)  # the channels of other children
    with socket.socket(fileno=0) as own:
        order = json.loads(own.recv(ORDER_BYTES))
        limit_resources(order["processor"])
        own.sendall(b" ")
        own.sendall(json.dumps(answer(order)).encode())


def fork(channel: socket.socket) -> int:
    """Start a child that dies with this process, in a group of its own; give its id."""
    launcher = os.getpid()
    child = os.fork()
    if child:
        os.setpgid(child, child)
        return child
    try:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() == launcher:
            signal.set_wakeup_fd(-1)
            work(channel)
    finally:
        os._exit(0)


def bury(children: dict[int, socket.socket], events: select.poll) -> None:
    """Close the channels of children that are gone, and kill what they started."""
    for child, channel in list(children.items()):
        gone = os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if gone is None:
            continue
        os.killpg(child, signal.SIGKILL)
        os.waitpid(child, 0)  # only now can its number become another's
        with suppress(KeyError):
            events.unregister(channel)
        with suppress(OSError):
            if gone.si_status == signal.SIGXCPU and gone.si_code == os.CLD_KILLED:
                channel.send(b'{"late": true}', socket.MSG_DONTWAIT)
            # Closing would not do: what left the group may still hold the channel.
            channel.shutdown(socket.SHUT_RDWR)
        channel.close()
        del children[child]


def launch(control: socket.socket) -> None:
    """Fork a child for each channel that comes in, until no more can come."""
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
            bury(children, events)
        else:
            events.unregister(source)
            (child,) = (one for one, channel in children.items() if channel.fileno() == source)
            os.killpg(child, signal.SIGKILL)


def main() -> None:
    """Serve as the launcher."""
    # Ctrl-C and a service manager's SIGTERM are the bot's business: it may still need an answer.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    gc.freeze()  # children share what is never looked at for garbage
    launch(socket.socket(fileno=0))


if __name__ == "__main__":
    main()
