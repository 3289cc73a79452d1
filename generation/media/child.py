"""The process in which hostile bytes are decoded: `python -m generation.mediachild`.

It reads one JSON object per line on its standard input (`job`, `seconds`, `arguments`), does that
job and writes one JSON object per line: `result`, or `refused` with a reason, or `failed` with a
text.
It ends when its input ends, that is when the bot is gone, even in the middle of a job.
"""

from __future__ import annotations

import json
import os
import queue
import resource
import signal
import sys
import threading
from importlib import import_module
from typing import IO, Any, Final

from generation.media.failures import MediaRefused

JOBS: Final = {
    "measure_picture": "generation.media.picture_jobs",
    "fit_picture": "generation.media.picture_jobs",
    "probe_video": "generation.media.video_jobs",
    "draw_thumbnail": "generation.media.video_jobs",
    "draw_frame": "generation.media.video_jobs",
    "remux_video": "generation.media.video_copies",
    "encode_video": "generation.media.video_copies",
}
"""Each job is a function of that module, which is imported when it is first asked for."""

MEMORY_BYTES: Final = 2 * 1024**3
"""Address space. A picture of 50 million pixels with alpha takes 200 MB and is copied while it is
turned; a 1080p encoder with two threads takes less."""

FILE_BYTES: Final = 4 * 1024**3
"""Largest file a job may write: twice what a local Bot API server takes, for the faststart copy."""

OPEN_FILES: Final = 64
NICENESS: Final = 5
FAILURE_CHARS: Final = 300


def limit_resources() -> None:
    """Bound memory, files and priority for good; leave no core dump of people's pictures."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_BYTES, FILE_BYTES))
    resource.setrlimit(resource.RLIMIT_NOFILE, (OPEN_FILES, OPEN_FILES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.nice(NICENESS)


def limit_processor(seconds: float) -> None:
    """Let the coming job use so many seconds of each processor; the process dies beyond that.

    The parent's clock is the real limit. This one holds when the parent hangs.
    """
    used = resource.getrusage(resource.RUSAGE_SELF)
    allowed = seconds * (os.cpu_count() or 1) + 1
    soft = int(used.ru_utime + used.ru_stime + allowed) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (soft, resource.RLIM_INFINITY))


def answer(order: dict[str, Any]) -> dict[str, Any]:
    """Do one job and tell how it went; whatever a decoder raises becomes an answer."""
    try:
        limit_processor(order["seconds"])
        job = getattr(import_module(JOBS[order["job"]]), order["job"])
        return {"result": job(**order["arguments"])}
    except MediaRefused as error:
        return {"refused": error.reason}
    except Exception as error:  # noqa: BLE001 - decoders of hostile bytes raise anything
        return {"failed": f"{type(error).__name__}: {error}"[:FAILURE_CHARS]}


def listen(orders: IO[str], inbox: queue.SimpleQueue[str]) -> None:
    """Pass lines on; when they end the parent is gone, and so is the reason to go on working."""
    for line in orders:
        inbox.put(line)
    os._exit(0)


def main() -> None:
    """Serve jobs one after the other until the input ends."""
    # Ctrl-C and a service manager's SIGTERM are the parent's business: it may still need an answer.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    limit_resources()
    # Native libraries print where they like; answers go through a descriptor only we know.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    inbox: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=listen, args=(sys.stdin, inbox), daemon=True).start()
    while True:
        print(json.dumps(answer(json.loads(inbox.get()))), file=answers, flush=True)


if __name__ == "__main__":
    main()
