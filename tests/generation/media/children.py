"""What the kernel tells about the media processes of this one."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]

MEASURED = """
import json, sys
from pathlib import Path
from generation.media.child import answer, limit_resources
limit_resources(60)
result = answer(json.loads(sys.argv[1]))
status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
print(json.dumps([result, int(status["VmHWM"].split()[0])]))
"""


def launchers() -> set[int]:
    """Give the ids of this process's living launchers."""
    return _started_by({os.getpid()})


def children() -> set[int]:
    """Give the ids of the living children of this process's launchers."""
    return _started_by(launchers())


def _started_by(parents: set[int]) -> set[int]:
    found = set()
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError):
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            command = (entry / "cmdline").read_bytes()
            if int(fields[1]) in parents and b"generation.media.child" in command:
                found.add(int(entry.name))
    return found


def about(child: int, what: str) -> bytes:
    """Read what the kernel tells about a process."""
    return Path(f"/proc/{child}/{what}").read_bytes()


def is_gone(process: int) -> bool:
    """Whether a process has ended, also one that nobody waited for."""
    try:
        return about(process, "stat").rpartition(b")")[2].split()[0] in b"ZX"
    except OSError:
        return True


def measured(job: str, **arguments: object) -> tuple[dict[str, object], int]:
    """Do a job in a process that does nothing else; give its answer and the most memory, in kB."""
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", MEASURED, json.dumps({"job": job, "arguments": arguments})],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    answer, peak = json.loads(done.stdout)
    return answer, peak
