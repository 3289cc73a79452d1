"""What the kernel tells about the media children of this process."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path


def children() -> set[int]:
    """Give the ids of this process's living media children."""
    found = set()
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError):
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            command = (entry / "cmdline").read_bytes()
            if int(fields[1]) == os.getpid() and b"generation.media.child" in command:
                found.add(int(entry.name))
    return found


def about(child: int, what: str) -> bytes:
    """Read what the kernel tells about a process."""
    return Path(f"/proc/{child}/{what}").read_bytes()


def peak_kilobytes(child: int) -> int:
    """Give the most memory a process ever held."""
    status = dict(line.split(":", 1) for line in about(child, "status").decode().splitlines())
    return int(status["VmHWM"].split()[0])
