"""What a decoder that was taken over can do: these jobs really try it, in a real child."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from generation.media.formats import MediaFailed, MediaTimeout
from generation.media.pool import LIMITS, Launcher, MediaProcesses
from tests.generation.media.children import ROOT, about, is_gone, launchers

if TYPE_CHECKING:
    from pathlib import Path

PATIENCE = 10.0

ATTEMPTS = """
import ctypes, errno, os, resource, socket, threading
from pathlib import Path
from generation.media import child

def tried(attempt):
    try:
        return f"done: {attempt()!r}"
    except OSError as error:
        return errno.errorcode[error.errno]

def attempts(source, target, bot, secret):
    thread = threading.Thread(target=lambda: None)
    libc = ctypes.CDLL(None, use_errno=True)
    def call(*words):
        if libc.syscall(*words) < 0:
            raise OSError(ctypes.get_errno(), "")
    result = {
        "own source": tried(lambda: len(Path(source).read_bytes())),
        "own target": tried(lambda: Path(target).write_bytes(b"x")),
        "a thread": tried(lambda: (thread.start(), thread.join())),
        "a secret": tried(lambda: Path(secret).read_bytes()),
        "to overwrite a secret": tried(lambda: Path(secret).write_bytes(b"")),
        "a neighbour": tried(lambda: Path(secret).with_name("new").write_bytes(b"")),
        "a link": tried(lambda: os.symlink(secret, Path(target).with_name("link"))),
        "to remove": tried(lambda: os.unlink(secret)),
        "to rename": tried(lambda: os.rename(target, secret)),
        "to open up": tried(lambda: os.chmod(secret, 0o777)),
        "environment": tried(lambda: Path(f"/proc/{bot}/environ").read_bytes()),
        "memory": tried(lambda: Path(f"/proc/{bot}/mem").open("rb").close()),
        "the launcher": tried(lambda: Path(f"/proc/{os.getppid()}/mem").open("rb").close()),
        "open files": tried(lambda: Path(f"/proc/{bot}/fd/0").open("rb").close()),
        "a signal": tried(lambda: os.kill(bot, 0)),
        "limits": tried(lambda: resource.prlimit(bot, resource.RLIMIT_NOFILE, (8, 8))),
        "a tcp socket": tried(lambda: socket.socket().close()),
        "a udp socket": tried(lambda: socket.socket(type=socket.SOCK_DGRAM).close()),
        "a unix socket": tried(lambda: socket.socket(socket.AF_UNIX).close()),
        "a process": tried(lambda: os.fork() or os._exit(0)),
        "a program": tried(lambda: os.execv("/bin/true", ["true"])),
        "a new session": tried(os.setsid),
        "a young call": tried(lambda: call(425, 1, None)),
        "descriptors": [one for one in range(256) if tried(lambda: os.fstat(one)) != "EBADF"],
    }
    return result

child.JOBS["attempts"] = attempts
"""

IS_SEEN = {"own source": "done: 3", "own target": "done: 1", "a thread": "done: (None, None)"}


def ordered(
    program: str, job: str, **arguments: object
) -> tuple[subprocess.Popen[bytes], socket.socket, socket.socket]:
    """Give a launcher of this program, the way to it, and the channel on which a child works."""
    control, stdin = socket.socketpair()
    with stdin:
        launcher = subprocess.Popen(  # noqa: S603 - our own interpreter
            [sys.executable, "-c", f"{program}\nchild.main()"], stdin=stdin.fileno(), cwd=ROOT
        )
    channel, theirs = socket.socketpair()
    channel.settimeout(PATIENCE)
    channel.sendall(json.dumps({"job": job, "processor": 60, "arguments": arguments}).encode())
    with theirs:
        socket.send_fds(control, [b"\0"], [theirs.fileno()])
    return launcher, control, channel


def answer_of(program: str, job: str, **arguments: object) -> dict[str, Any]:
    """Have a child do a job, and give its result."""
    launcher, control, channel = ordered(program, job, **arguments)
    answer = b""
    with channel, control:
        while chunk := channel.recv(65536):
            answer += chunk
    launcher.wait(PATIENCE)
    result = json.loads(answer)["result"]
    assert isinstance(result, dict)
    return result


@pytest.fixture
def undumpable_bot() -> Any:
    """Give the id of a process that did at its start what the bot does."""
    program = (
        "import sys; from bot.process import forbid_core_dumps; "
        "forbid_core_dumps(); print('hidden', flush=True); sys.stdin.read()"
    )
    bot = subprocess.Popen(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", program], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert bot.stdin is not None
    assert bot.stdout is not None
    assert bot.stdout.readline() == b"hidden\n"
    yield bot.pid
    bot.stdin.close()
    bot.wait(PATIENCE)
    bot.stdout.close()


@pytest.fixture
def paths(tmp_path: Path) -> dict[str, str]:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "secret").write_bytes(b"secret")
    (tmp_path / "source").write_bytes(b"abc")
    return {
        "source": str(tmp_path / "source"),
        "target": str(tmp_path / "target"),
        "secret": str(folder / "secret"),
    }


def kept(without: str = "") -> dict[str, object]:
    """Return what this kernel keeps from a child, where it is not kept from using it."""
    program = f"from generation.media import child\n{without}"
    return answer_of(program, "report_confinement")


def test_a_child_opens_its_two_files_and_reaches_nothing_else(
    undumpable_bot: int, paths: dict[str, str], tmp_path: Path
) -> None:
    result = answer_of(ATTEMPTS, "attempts", bot=undumpable_bot, **paths)
    known = kept()
    assert {what: result.pop(what) for what in IS_SEEN} == IS_SEEN
    assert result.pop("descriptors") == [0, 1, 2], "it inherited open files"
    files = {"a secret", "to overwrite a secret", "a neighbour"}
    looks = {"environment", "memory", "the launcher", "open files"}
    if not known["files"]:
        result = {what: said for what, said in result.items() if what not in files}
    if not known["calls"]:
        result = {what: said for what, said in result.items() if what in files | looks}
    done = {what: said for what, said in result.items() if said.startswith("done")}
    assert not done, "a child could do this"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["elsewhere", "source", "target"]
    assert [file.name for file in (tmp_path / "elsewhere").iterdir()] == ["secret"]


@pytest.mark.parametrize(
    ("missing", "still"),
    [
        ("child.restrict_files = lambda *_: None", {"files": False}),
        ("child.filter_system_calls = lambda: None", {"calls": False}),
    ],
)
def test_each_of_the_kernels_means_works_without_the_other_and_its_absence_is_told(
    undumpable_bot: int, paths: dict[str, str], missing: str, still: dict[str, bool]
) -> None:
    everything = kept()
    assert kept(missing) == everything | still
    result = answer_of(f"{ATTEMPTS}\n{missing}", "attempts", bot=undumpable_bot, **paths)
    for what in ("environment", "memory", "the launcher", "open files"):
        assert result[what] in {"EACCES", "EPERM", "ENOENT"}, what
    if "files" in still and everything["calls"]:
        assert result["a tcp socket"] == result["a process"] == result["a link"] == "EPERM"
    if "calls" in still and everything["files"]:
        assert result["a secret"] == result["a neighbour"] == "EACCES"


def test_a_child_is_the_first_to_go_when_memory_is_short_and_has_no_capabilities(
    tmp_path: Path,
) -> None:
    pipe = tmp_path / "endless.png"
    os.mkfifo(pipe)
    program = "from generation.media import child"
    launcher, control, channel = ordered(program, "measure_picture", source=str(pipe))
    writer = os.open(pipe, os.O_WRONLY)  # waits until the child reads
    (child,) = map(int, about(launcher.pid, f"task/{launcher.pid}/children").split())
    status = dict(line.split(":\t", 1) for line in about(child, "status").decode().splitlines())
    assert about(child, "oom_score_adj").strip() == b"1000"
    assert status["NoNewPrivs"] == "1"
    assert int(status["CapEff"], 16) | int(status["CapPrm"], 16) in {0, 2}
    assert os.getpgid(child) == child != os.getpgid(launcher.pid)
    control.close()
    launcher.wait(PATIENCE)
    os.close(writer)
    channel.close()


async def test_a_launcher_that_was_stopped_does_not_hang_a_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("generation.media.pool._REAP_SECONDS", 0.1)
    monkeypatch.setitem(LIMITS, "measure_picture", LIMITS["measure_picture"]._replace(seconds=60.0))
    pipe = tmp_path / "endless.png"
    os.mkfifo(pipe)
    before, own = launchers(), Launcher()
    media = MediaProcesses(own)
    job = asyncio.create_task(media.run("measure_picture", source=str(pipe)))
    writer = await asyncio.to_thread(os.open, pipe, os.O_WRONLY)
    (launcher,) = launchers() - before
    (child,) = map(int, about(launcher, f"task/{launcher}/children").split())
    os.kill(launcher, signal.SIGSTOP)
    await asyncio.wait_for(media.aclose(), PATIENCE)
    with pytest.raises((MediaFailed, MediaTimeout)):
        await job
    assert launcher not in launchers()
    os.close(writer)
    async with asyncio.timeout(PATIENCE):
        while not is_gone(child):
            await asyncio.sleep(0.01)
    with suppress(OSError):
        own.end()
