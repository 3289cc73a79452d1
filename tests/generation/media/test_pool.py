"""Media processes: what a child can do to the bot, which is nothing."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from generation.media.formats import MediaFailed, MediaRefused, MediaTimeout
from generation.media.pool import LIMITS, Launcher, MediaProcesses
from tests.generation.media.children import ROOT, about, children, is_gone, launchers

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PATIENCE = 10.0


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "picture.png"
    Image.new("RGB", (40, 30), "teal").save(path)
    return path


@pytest.fixture
def endless(tmp_path: Path) -> Path:
    """Give a file that never says what it is: a job reading it waits for ever."""
    path = tmp_path / "endless.png"
    os.mkfifo(path)
    return path


async def until(fact: Callable[[], bool], what: str) -> None:
    """Wait for something to become true."""
    deadline = time.monotonic() + PATIENCE
    while not fact():
        assert time.monotonic() < deadline, f"waited {PATIENCE} s for: {what}"
        await asyncio.sleep(0.01)


async def being_read(fifo: Path) -> int:
    """Wait until a child has opened the pipe for reading; give the writing end."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:
            assert time.monotonic() < deadline, f"nobody opened {fifo}"
            await asyncio.sleep(0.01)


async def measure(media: MediaProcesses, path: Path) -> object:
    return await media.run("measure_picture", source=str(path))


def allow(monkeypatch: pytest.MonkeyPatch, job: str, **changes: Any) -> None:
    """Give a job other limits."""
    monkeypatch.setitem(LIMITS, job, LIMITS[job]._replace(**changes))


async def test_each_job_has_a_child_of_one_launcher(
    media: MediaProcesses, picture: Path, endless: Path
) -> None:
    expected = {"width": 40, "height": 30, "format": "PNG"}
    assert await measure(media, picture) == expected
    (launcher,) = launchers()
    assert children() == set(), "the child outlived its job"
    job = asyncio.create_task(measure(media, endless))
    writer = await being_read(endless)
    (first,) = children()
    os.close(writer)
    with pytest.raises(MediaRefused, match="not_a_picture"):
        await job
    assert await measure(media, picture) == expected
    assert launchers() == {launcher}
    assert first != launcher


async def test_nothing_is_started_before_there_is_a_job(picture: Path) -> None:
    before, launcher = launchers(), Launcher()
    async with aclosing(MediaProcesses(launcher)) as media:
        assert launchers() == before
        assert await measure(media, picture)
        assert len(launchers() - before) == 1
    launcher.end()
    assert launchers() == before


def test_the_parent_never_loads_the_decoders() -> None:
    program = (
        "import sys\n"
        "from generation.media import fetch, pictures, pool, videos\n"
        "print(sorted({'PIL', 'av', 'pillow_heif'} & set(sys.modules)))"
    )
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


async def test_a_job_out_of_time_is_killed_and_the_next_is_done(
    media: MediaProcesses, picture: Path, endless: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        allow(patched, "measure_picture", seconds=0.2)
        with pytest.raises(MediaTimeout, match=r"measure_picture took longer than 0\.2 s"):
            await measure(media, endless)
    assert children() == set()
    assert await measure(media, picture)


async def test_cancelling_the_caller_kills_the_child(media: MediaProcesses, endless: Path) -> None:
    job = asyncio.create_task(measure(media, endless))
    writer = await being_read(endless)
    job.cancel()
    with pytest.raises(asyncio.CancelledError):
        await job
    assert children() == set()
    os.close(writer)


async def test_a_child_killed_in_the_middle_fails_its_job_only(
    media: MediaProcesses, picture: Path, endless: Path
) -> None:
    job = asyncio.create_task(measure(media, endless))
    writer = await being_read(endless)
    (child,) = children()
    os.kill(child, signal.SIGKILL)
    with pytest.raises(MediaFailed, match="no answer"):
        await asyncio.wait_for(job, PATIENCE)
    os.close(writer)
    assert await measure(media, picture)


async def test_a_killed_launcher_takes_its_children_along_and_is_replaced(
    media: MediaProcesses, picture: Path, endless: Path
) -> None:
    job = asyncio.create_task(measure(media, endless))
    writer = await being_read(endless)
    (child,) = children()
    (launcher,) = launchers()
    os.kill(launcher, signal.SIGKILL)
    with pytest.raises(MediaFailed, match="no answer"):
        await asyncio.wait_for(job, PATIENCE)
    await until(lambda: is_gone(child), "the child to be gone")
    os.close(writer)
    assert await measure(media, picture)
    assert launcher not in launchers()


async def test_what_people_send_is_worked_on_one_by_one_and_results_beside_it(
    media: MediaProcesses, endless: Path, picture: Path
) -> None:
    first = asyncio.create_task(measure(media, endless))
    writer = await being_read(endless)
    second = asyncio.create_task(measure(media, picture))
    with pytest.raises(MediaRefused, match="no_video_container"):
        await media.run("probe_video", source=str(picture))
    assert len(children()) == 1
    assert not first.done()
    assert not second.done()
    os.close(writer)
    with pytest.raises(MediaRefused, match="not_a_picture"):
        await asyncio.wait_for(first, PATIENCE)
    assert await asyncio.wait_for(second, PATIENCE)


async def test_a_result_that_takes_long_holds_up_no_other(
    media: MediaProcesses, endless: Path, picture: Path
) -> None:
    first = asyncio.create_task(media.run("probe_video", source=str(endless)))
    writer = await being_read(endless)
    with pytest.raises(MediaRefused, match="no_video_container"):
        await asyncio.wait_for(media.run("probe_video", source=str(picture)), PATIENCE)
    assert not first.done()
    os.close(writer)
    with pytest.raises(MediaRefused, match="no_video_container"):
        await asyncio.wait_for(first, PATIENCE)


async def test_an_idle_launcher_ends(picture: Path) -> None:
    before = launchers()
    async with aclosing(MediaProcesses(Launcher(), idle_seconds=0.05)) as media:
        await measure(media, picture)
        await until(lambda: launchers() == before, "the idle launcher to end")
        assert await measure(media, picture), "and another is started when needed"
        await until(lambda: launchers() == before, "this one to end too")


async def test_closing_kills_within_a_second_and_fails_what_runs(endless: Path) -> None:
    media = MediaProcesses()
    running = asyncio.create_task(measure(media, endless))
    waiting = asyncio.create_task(measure(media, endless))
    writer = await being_read(endless)
    started = time.monotonic()
    await media.aclose()
    assert time.monotonic() - started < 1
    assert children() == set()
    for job in (running, waiting):
        with pytest.raises(MediaFailed):
            await job
    with pytest.raises(MediaFailed, match="closed"):
        await measure(media, endless)
    os.close(writer)


async def test_closing_while_a_child_starts_leaves_none(picture: Path) -> None:
    launcher = Launcher()
    media = MediaProcesses(launcher)
    job = asyncio.create_task(measure(media, picture))
    await asyncio.sleep(0)
    await media.aclose()
    with pytest.raises(MediaFailed):
        await job
    assert children() == set()
    launcher.end()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_signals_meant_for_the_bot_do_not_end_a_job(
    media: MediaProcesses, endless: Path, number: signal.Signals
) -> None:
    job = asyncio.create_task(measure(media, endless))
    writer = await being_read(endless)
    (child,) = children()
    assert os.getsid(child) != os.getsid(0), "the child would get the terminal's Ctrl-C"
    for process in (child, *launchers()):
        os.kill(process, number)
    os.close(writer)
    with pytest.raises(MediaRefused, match="not_a_picture"):
        await asyncio.wait_for(job, PATIENCE)


def ordered(
    program: str, job: str, **arguments: object
) -> tuple[subprocess.Popen[bytes], Any, Any]:
    """Give a launcher of this program, the way to it, and the channel on which a child works."""
    control, stdin = socket.socketpair()
    with stdin:
        launcher = subprocess.Popen([sys.executable, "-c", program], stdin=stdin.fileno(), cwd=ROOT)  # noqa: S603 - our own interpreter
    channel, theirs = socket.socketpair()
    channel.settimeout(PATIENCE)
    channel.sendall(json.dumps({"job": job, "processor": 60, "arguments": arguments}).encode())
    with theirs:
        socket.send_fds(control, [b"\0"], [theirs.fileno()])
    return launcher, control, channel


async def test_launcher_and_child_end_when_the_bot_is_gone_even_in_the_middle_of_a_job(
    endless: Path,
) -> None:
    program = "from generation.media import child; child.main()"
    launcher, control, channel = ordered(program, "measure_picture", source=str(endless))
    writer = await being_read(endless)
    control.close()
    assert await asyncio.to_thread(launcher.wait, PATIENCE) == 0
    assert channel.recv(10) == b" "
    assert channel.recv(10) == b"", "the child still holds its channel"
    channel.close()
    os.close(writer)


@pytest.mark.parametrize("leaves", [False, True])
async def test_a_child_is_known_to_be_gone_though_another_process_holds_its_channel(
    *, leaves: bool
) -> None:
    program = f"""
import os, time
from generation.media import child
def linger():
    started = os.fork()
    if not started:
        if {leaves}:
            os.setsid()
        time.sleep(60)
        os._exit(0)
    time.sleep(0.2)
    return {{"started": started}}
child.JOBS["linger"] = linger
child.filter_system_calls = lambda: None  # an old kernel
child.main()
"""
    launcher, control, channel = ordered(program, "linger")
    answer = b""
    while chunk := await asyncio.to_thread(channel.recv, 1000):
        answer += chunk
    started = json.loads(answer)["result"]["started"]
    if leaves:
        os.kill(started, signal.SIGKILL)
    else:
        await until(lambda: is_gone(started), "what the child started to be gone")
    channel.close()
    control.close()
    await asyncio.to_thread(launcher.wait, PATIENCE)


async def test_a_child_sees_nothing_of_the_bots_environment_and_is_limited(
    endless: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TELEGRAM_BOT_TOKEN", "123:secret")
    launcher = Launcher()
    async with aclosing(MediaProcesses(launcher)) as media:
        job = asyncio.create_task(measure(media, endless))
        writer = await being_read(endless)
        (child,) = children()
        assert b"secret" not in about(child, "environ")
        lines = about(child, "limits").decode().splitlines()[1:]
        bounded = {line[:26].strip(): line[26:].split()[0] for line in lines}
        assert bounded["Max address space"] == str(2 * 1024**3)
        assert bounded["Max core file size"] == "0"
        assert bounded["Max cpu time"] == "5"
    with pytest.raises(MediaFailed):
        await job
    os.close(writer)
    launcher.end()


@pytest.mark.parametrize("arguments", [{"unknown": 1}, {"source": "/nonexistent/picture"}])
async def test_a_job_that_breaks_down_fails_and_says_why(
    media: MediaProcesses, arguments: dict[str, object]
) -> None:
    with pytest.raises(MediaFailed, match=r"measure_picture: (TypeError|FileNotFoundError)"):
        await media.run("measure_picture", **arguments)


async def test_short_jobs_go_on_beside_any_number_of_encodings(
    media: MediaProcesses, picture: Path, endless: Path, tmp_path: Path
) -> None:
    target = str(tmp_path / "copy.mp4")
    order = {"source": str(endless), "target": target, "limit": 1_000_000}
    encodes = [asyncio.create_task(media.run("encode_video", **order)) for _ in range(3)]
    writer = await being_read(endless)
    assert await measure(media, picture) == {"width": 40, "height": 30, "format": "PNG"}
    with pytest.raises(MediaRefused, match="no_video_container"):
        await media.run("probe_video", source=str(picture))
    assert len(children()) == 1, "one encodes, the others are done"
    os.close(writer)
    for encode in encodes:
        encode.cancel()
    await asyncio.gather(*encodes, return_exceptions=True)
