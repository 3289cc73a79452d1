"""`python -m bot demo` as a process: it starts without accounts and ends without a trace."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
import time
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from playwright.async_api import expect

from bot.__main__ import main
from bot.demo import has_browser
from tests.demo.browser import visiting

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import AsyncIterator, Callable

    from playwright.async_api import Browser

PROJECT = Path(__file__).parents[2]


def command(*options: str) -> tuple[str, ...]:
    """The demo as somebody starts it."""
    return (sys.executable, "-m", "bot", "demo", "--no-browser", *options)


@asynccontextmanager
async def demo(folder: Path, *options: str, **environ: str) -> AsyncIterator[tuple[Process, str]]:
    """Run the command in a folder of its own; yields the process and the address it says."""
    temporary = folder / "tmp"
    temporary.mkdir(exist_ok=True)
    process = await asyncio.create_subprocess_exec(
        *command(*options),
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(PROJECT), "TMPDIR": str(temporary)} | environ,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        line = (await asyncio.wait_for(process.stdout.readline(), 20)).decode()
        address = re.search(r"http://127\.0\.0\.1:\d+", line)
        assert address, f"no address in {line!r}"
        yield process, address[0]
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def ready(url: str) -> dict[str, object]:
    """The bot as the page shows it, once it has told Telegram about itself."""
    async with httpx.AsyncClient(base_url=url) as client, asyncio.timeout(20):
        async with client.stream("GET", "/events") as stream:
            async for line in stream.aiter_lines():
                if '"description": "Send' in line:
                    break
        bot: dict[str, object] = (await client.get("/state.json")).json()["bot"]
        return bot


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_ends_it_within_five_seconds_and_nothing_is_left(
    tmp_path: Path, number: signal.Signals
) -> None:
    async with demo(tmp_path, "--port", "0") as (process, url):
        assert (await ready(url))["username"] == "film_maker_bot"
        started = time.monotonic()
        process.send_signal(number)
        assert await asyncio.wait_for(process.wait(), 5) == 0
        assert time.monotonic() - started < 5
        assert process.stderr is not None
        assert await process.stderr.read() == b"", "nothing is to be said in the terminal"
    left = {path.name for path in (tmp_path / "tmp").iterdir()}
    assert left <= {"aimlapi-sandbox-clips"}, "videos are kept for the next time, nothing else"


async def test_it_shows_itself_is_taken_over_and_loses_no_video_to_a_restart(
    tmp_path: Path, chromium: Browser, record_property: Callable[[str, object], None]
) -> None:
    began = time.monotonic()
    async with demo(tmp_path, "--port", "0") as (_, url), visiting(chromium, url) as visitor:
        bar, title = visitor.page.locator("#autoplay-bar"), visitor.page.locator("#title")
        await expect(bar).to_be_visible()
        await expect(visitor.videos).to_have_count(1, timeout=90_000)
        await expect(title).to_have_text("Film club", timeout=90_000)
        await expect(visitor.videos).to_have_count(1, timeout=90_000)
        await visitor.log.click(position={"x": 5, "y": 5})
        await expect(bar).to_be_hidden()
        await visitor.open_chat("Film Maker")
        facts = await visitor.play(visitor.videos)
        assert (facts["seconds"], facts["width"], facts["height"]) == (4, 1280, 720)
        seconds = time.monotonic() - began
        record_property("figures", f"demo: {seconds:.0f} s until it has shown itself")
        await visitor.open_panel()
        await visitor.page.get_by_role("slider").press("Home")
        await visitor.say("/video a paper boat on a puddle")
        await expect(visitor.page.locator("#requests li")).to_have_count(3)
        restart = visitor.page.locator("#restart")
        await restart.click()
        await expect(visitor.page.locator("#subtitle")).to_contain_text("restarting")
        await expect(restart).to_be_enabled(timeout=20_000)
        await expect(visitor.videos).to_have_count(2, timeout=90_000)
        await expect(visitor.page.locator("#requests li")).to_have_count(3)


async def test_settings_and_env_file_are_ignored(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("TELEGRAM_BOT_TOKEN=123:real\nFREE_CREDITS=nonsense\n")
    environ = {"TELEGRAM_API_URL": "http://127.0.0.1:9", "ADMIN_IDS": "nobody"}
    async with demo(tmp_path, "--port", "0", **environ) as (_, url):
        assert (await ready(url))["name"] == "Film Maker"


async def test_a_taken_port_makes_way_to_the_next_and_is_said(tmp_path: Path) -> None:
    async with demo(tmp_path, "--port", "0") as (_, first):
        port = first.rpartition(":")[2]
        async with demo(tmp_path, "--port", port) as (_, second):
            assert int(port) < int(second.rpartition(":")[2]) <= int(port) + 20


async def test_data_are_kept_where_asked_and_found_again(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    for _ in range(2):
        async with demo(tmp_path, "--port", "0", "--data-dir", str(kept)) as (process, url):
            await ready(url)
            process.send_signal(signal.SIGINT)
            assert await asyncio.wait_for(process.wait(), 5) == 0
        assert (kept / "bot.sqlite3").exists()


async def test_no_chat_is_said_to_be_open_where_the_data_are_in_use(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    async with demo(tmp_path, "--port", "0", "--data-dir", str(kept)):
        second = await asyncio.create_subprocess_exec(
            *command("--port", "0", "--data-dir", str(kept)),
            env=os.environ | {"PYTHONPATH": str(PROJECT)},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        said, complained = await asyncio.wait_for(second.communicate(), 20)
        assert (second.returncode, said.decode()) == (3, "")
        assert complained.decode().startswith("DATA_DIR is in use")


@pytest.mark.parametrize("port", ["-1", "65536", "http"])
def test_what_is_no_port_is_refused_in_one_line(
    port: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["demo", "--port", port])
    assert ended.value.code == 2
    assert f"invalid port value: '{port}'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("environ", "platform", "opens"),
    [
        ({"DISPLAY": ":0"}, "linux", True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, "linux", True),
        ({}, "linux", False),
        ({}, "darwin", True),
        ({"DISPLAY": ":0", "CI": "true"}, "linux", False),
        ({"DISPLAY": ":10", "SSH_CONNECTION": "10.0.0.1"}, "linux", False),
    ],
)
def test_a_browser_opens_only_where_somebody_sees_it(
    environ: dict[str, str], platform: str, *, opens: bool
) -> None:
    assert has_browser(environ, platform) is opens
