"""Media processes: what a child can do to the bot, which is nothing."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from generation.media.pool import MediaFailed, MediaProcesses, MediaRefused, MediaTimeout
from tests.generation.media.children import about, children, peak_kilobytes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

PATIENCE = 10.0
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
async def media() -> AsyncIterator[MediaProcesses]:
    async with MediaProcesses() as processes:
        yield processes


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


async def measure(media: MediaProcesses, path: Path, seconds: float = PATIENCE) -> object:
    return await media.run("measure_picture", timeout=seconds, source=str(path))


async def test_a_job_is_done_in_a_child_that_rests_for_the_next(
    media: MediaProcesses, picture: Path
) -> None:
    assert children() == set(), "a child was started before there was a job"
    expected = {"width": 40, "height": 30, "format": "PNG"}
    assert await measure(media, picture) == expected
    first = children()
    assert await measure(media, picture) == expected
    assert children() == first, "the second job did not use the resting child"
    assert len(first) == 1


def test_the_parent_never_loads_the_decoders() -> None:
    program = (
        "import sys, generation.media, generation.images, generation.videos, generation.fetch\n"
        "print(sorted({'PIL', 'av', 'pillow_heif'} & set(sys.modules)))"
    )
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


async def test_a_job_out_of_time_is_killed_and_the_next_gets_a_fresh_child(
    media: MediaProcesses, picture: Path, endless: Path
) -> None:
    await measure(media, picture)
    before = children()
    with pytest.raises(MediaTimeout, match=r"measure_picture took longer than 0\.2 s"):
        await measure(media, endless, seconds=0.2)
    await measure(media, picture)
    assert children().isdisjoint(before)


async def test_cancelling_the_caller_kills_the_child(media: MediaProcesses, endless: Path) -> None:
    job = asyncio.create_task(measure(media, endless))
    writer = await being_read(endless)
    job.cancel()
    with pytest.raises(asyncio.CancelledError):
        await job
    await until(lambda: children() == set(), "the child to be gone")
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


async def test_a_child_killed_at_rest_is_replaced(media: MediaProcesses, picture: Path) -> None:
    await measure(media, picture)
    (child,) = children()
    os.kill(child, signal.SIGKILL)
    ((resting, _),) = media._idle.values()  # noqa: SLF001 - the loop hears of its end after a thread
    await until(lambda: not resting.lives, "the loop to hear of its end")
    assert await measure(media, picture)


async def test_what_people_send_is_worked_on_one_by_one_and_results_beside_it(
    media: MediaProcesses, endless: Path, picture: Path
) -> None:
    first = asyncio.create_task(measure(media, endless))
    writer = await being_read(endless)
    second = asyncio.create_task(measure(media, picture))
    with pytest.raises(MediaRefused, match="no_video_container"):
        await media.run("probe_video", timeout=PATIENCE, source=str(picture))
    assert len(children()) == 2
    assert not first.done()
    assert not second.done()
    os.close(writer)
    with pytest.raises(MediaRefused, match="not_a_picture"):
        await asyncio.wait_for(first, PATIENCE)
    assert await asyncio.wait_for(second, PATIENCE)


async def test_an_idle_child_ends(picture: Path) -> None:
    async with MediaProcesses(idle_seconds=0.05) as media:
        await measure(media, picture)
        await until(lambda: not children(), "the idle child to end")
        assert await measure(media, picture), "and another is started when needed"


async def test_closing_kills_within_a_second_and_fails_what_runs(endless: Path) -> None:
    media = MediaProcesses()
    running = asyncio.create_task(measure(media, endless))
    waiting = asyncio.create_task(measure(media, endless))
    writer = await being_read(endless)
    started = time.monotonic()
    await media.close()
    assert time.monotonic() - started < 1
    assert children() == set()
    for job in (running, waiting):
        with pytest.raises(MediaFailed):
            await job
    with pytest.raises(MediaFailed, match="closed"):
        await measure(media, endless)
    os.close(writer)


async def test_closing_while_a_child_starts_leaves_none(picture: Path) -> None:
    media = MediaProcesses()
    job = asyncio.create_task(measure(media, picture))
    await asyncio.sleep(0)
    await media.close()
    with pytest.raises(MediaFailed):
        await job
    assert children() == set()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_signals_meant_for_the_bot_do_not_end_a_job(
    media: MediaProcesses, endless: Path, number: signal.Signals
) -> None:
    job = asyncio.create_task(measure(media, endless))
    writer = await being_read(endless)
    (child,) = children()
    assert os.getsid(child) != os.getsid(0), "the child would get the terminal's Ctrl-C"
    os.kill(child, number)
    os.close(writer)
    with pytest.raises(MediaRefused, match="not_a_picture"):
        await asyncio.wait_for(job, PATIENCE)


async def test_a_child_ends_when_its_parent_is_gone_even_in_the_middle_of_a_job(
    endless: Path,
) -> None:
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "generation.media.child", stdin=subprocess.PIPE, cwd=ROOT
    )
    assert child.stdin is not None
    order = f'{{"job":"measure_picture","seconds":60,"arguments":{{"source":"{endless}"}}}}\n'
    child.stdin.write(order.encode())
    writer = await being_read(endless)
    child.stdin.close()
    assert await asyncio.wait_for(child.wait(), PATIENCE) == 0
    os.close(writer)


async def test_a_child_sees_nothing_of_the_bots_environment_and_is_limited(
    media: MediaProcesses, picture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TELEGRAM_BOT_TOKEN", "123:secret")
    await measure(media, picture)
    (child,) = children()
    assert b"secret" not in about(child, "environ")
    lines = about(child, "limits").decode().splitlines()[1:]
    bounded = {line[:26].strip(): line[26:].split()[0] for line in lines}
    assert bounded["Max address space"] == str(2 * 1024**3)
    assert bounded["Max core file size"] == "0"
    assert bounded["Max cpu time"].isdigit()


@pytest.mark.parametrize(
    ("job", "arguments"),
    [
        ("no_such_job", {}),
        ("measure_picture", {"unknown": 1}),
        ("measure_picture", {"source": "/nonexistent/picture"}),
    ],
)
async def test_a_job_that_breaks_down_fails_and_the_child_lives(
    media: MediaProcesses, picture: Path, job: str, arguments: dict[str, object]
) -> None:
    await measure(media, picture)
    before = children()
    with pytest.raises(MediaFailed, match=job):
        await media.run(job, timeout=PATIENCE, **arguments)
    assert before <= children()


async def test_a_picture_bomb_costs_no_memory(media: MediaProcesses, tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.png"
    Image.new("1", (30_000, 30_000)).save(bomb)
    assert bomb.stat().st_size < 200_000
    for _ in range(3):
        with pytest.raises(MediaRefused, match="too_many_pixels"):
            await measure(media, bomb)
    (child,) = children()
    peak = peak_kilobytes(child)
    assert peak < 80_000, f"{peak} kB at its peak; Python with Pillow takes about 40 000"


async def test_short_jobs_go_on_beside_any_number_of_encodings(
    media: MediaProcesses, picture: Path, endless: Path, tmp_path: Path
) -> None:
    target = str(tmp_path / "copy.mp4")
    order = {"source": str(endless), "target": target, "limit": 1_000_000}
    encodes = [
        asyncio.create_task(media.run("encode_video", timeout=60, **order)) for _ in range(3)
    ]
    writer = await being_read(endless)
    assert await measure(media, picture) == {"width": 40, "height": 30, "format": "PNG"}
    with pytest.raises(MediaRefused, match="no_video_container"):
        await media.run("probe_video", timeout=PATIENCE, source=str(picture))
    assert len(children()) == 3, "one encodes, one measured, one probed"
    os.close(writer)
    for encode in encodes:
        encode.cancel()
    await asyncio.gather(*encodes, return_exceptions=True)
