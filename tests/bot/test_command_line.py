"""The command line as an operator meets it: a child process, its two streams and its exit code."""

from __future__ import annotations

import json
import os
import sqlite3
import stat
import subprocess
import sys
import time
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bot.operations.model_list import as_json, as_text, ask, usable
from bot.process import beat
from generation.models.offer import Family, Mode, Offer, People
from generation.models.offer import Price as Hint
from sandbox.aimlapi.billing import Price
from storage.migrations import BackupFailed, back_up
from tests.flows.process import process, terminate

if TYPE_CHECKING:
    from sandbox.aimlapi import AimlApiSandbox
    from sandbox.telegram import TelegramSandbox

PROJECT = Path(__file__).parents[2]
TOKEN = "1234567:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw8"


def bot(*arguments: str, at: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the bot in a folder with nothing in its environment but what is given."""
    return subprocess.run(  # noqa: S603 - our own program and our own arguments
        [sys.executable, "-m", "bot", *arguments],
        cwd=at,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(PROJECT), **environ},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """Return a database in use: its last row is in the journal beside it."""
    path = tmp_path / "data" / "bot.sqlite3"
    path.parent.mkdir()
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE people (name TEXT) STRICT")
        connection.execute("INSERT INTO people VALUES ('Ann')")
    return path


def names_in(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return [name for (name,) in connection.execute("SELECT name FROM people")]


@pytest.mark.parametrize("arguments", [(), ("run",)])
def test_without_settings_each_missing_one_is_a_line(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    ended = bot(*arguments, at=tmp_path)
    assert ended.returncode == 2
    assert ended.stdout == ""
    assert [line.split(" is ")[0] for line in ended.stderr.splitlines()] == [
        "TELEGRAM_BOT_TOKEN",
        "AIMLAPI_KEY",
    ]


def test_wrong_settings_end_the_start_quickly_and_without_a_traceback(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(f"TELEGRAM_BOT_TOKEN={TOKEN}x:y\nFREE_CREDIT=5\nCREDIT_USD=0\n")
    for last in (False, False, True):
        began = time.monotonic()
        ended = bot("run", at=tmp_path, AIMLAPI_KEY="key")
        took = time.monotonic() - began
        if took < 5:
            break
        assert not last, f"{took:.1f} s, also on a machine that may have been busy twice"
    assert ended.returncode == 2
    assert ended.stderr.splitlines() == [
        "FREE_CREDIT is not a setting; did you mean FREE_CREDITS?",
        "TELEGRAM_BOT_TOKEN does not look like a bot token: copy it again from @BotFather",
        "CREDIT_USD must be more than 0",
    ]


def rights(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


async def test_what_a_run_makes_is_its_owners_alone(
    telegram: TelegramSandbox, provider: AimlApiSandbox, tmp_path: Path
) -> None:
    data = tmp_path / "home" / "data"
    async with process(telegram, provider, data, before="umask 000") as run:
        await telegram.wait_for_call("getUpdates")
        made = {path.name: rights(path) for path in (data.parent, data, *data.iterdir())}
        await terminate(run)
    folders = dict.fromkeys(("home", "data", "videos", "pictures"), 0o700)
    files = dict.fromkeys(("lock", "bot.sqlite3", "bot.sqlite3-wal", "bot.sqlite3-shm"), 0o600)
    assert made.items() >= (folders | files).items()
    assert set(made.values()) == {0o700, 0o600}


def test_an_unknown_command_is_refused(tmp_path: Path) -> None:
    ended = bot("fly", at=tmp_path)
    assert ended.returncode == 2
    assert "invalid choice: 'fly'" in ended.stderr


@pytest.mark.parametrize(("age", "code"), [(0, 0), (30, 0), (70, 1)])
def test_healthcheck_tells_by_the_heartbeat(tmp_path: Path, age: int, code: int) -> None:
    beat(tmp_path / "heartbeat", time.time() - age)
    ended = bot("healthcheck", at=tmp_path, DATA_DIR=str(tmp_path))
    assert (ended.returncode, ended.stderr) == (code, "")


def test_healthcheck_without_a_heartbeat_fails(tmp_path: Path) -> None:
    assert bot("healthcheck", at=tmp_path).returncode == 1


def test_healthcheck_loads_neither_telegram_nor_http(tmp_path: Path) -> None:
    ended = bot("healthcheck", at=tmp_path, PYTHONPROFILEIMPORTTIME="1")
    assert "bot.process" in ended.stderr
    for heavy in ("telegram", "httpx", "aiosqlite", "PIL", "av"):
        assert f" {heavy}\n" not in ended.stderr, f"{heavy} was imported"


def test_backup_copies_what_is_committed(tmp_path: Path, database: Path) -> None:
    with closing(sqlite3.connect(database, isolation_level=None)) as running:
        running.execute("INSERT INTO people VALUES ('Bob')")
        ended = bot("backup", "copy.sqlite3", at=tmp_path)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == "Backed up to copy.sqlite3.\n"
    assert names_in(tmp_path / "copy.sqlite3") == ["Ann", "Bob"]


def test_backup_is_one_file_that_only_its_owner_reads(tmp_path: Path, database: Path) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    back_up(database, folder / "copy.sqlite3")
    assert names_in(folder / "copy.sqlite3") == ["Ann"]
    (copy,) = folder.iterdir()
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600


def test_backup_overwrites_nothing(tmp_path: Path, database: Path) -> None:
    assert database.is_file()
    (tmp_path / "copy.sqlite3").write_text("precious")
    ended = bot("backup", "copy.sqlite3", at=tmp_path)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == "No backup: copy.sqlite3 exists already.\n"
    assert (tmp_path / "copy.sqlite3").read_text() == "precious"


def test_backup_without_a_database_says_so(tmp_path: Path) -> None:
    ended = bot("backup", "copy.sqlite3", at=tmp_path)
    assert ended.returncode == 1
    assert ended.stderr == "No backup: there is no database at data/bot.sqlite3.\n"
    assert not (tmp_path / "copy.sqlite3").exists()


def test_backup_of_what_cannot_be_reached_says_so(tmp_path: Path) -> None:
    with pytest.raises(BackupFailed, match="cannot be read: File name too long"):
        back_up(tmp_path / ("x" * 300), tmp_path / "copy.sqlite3")


def test_backup_into_a_missing_folder_says_so(tmp_path: Path, database: Path) -> None:
    with pytest.raises(BackupFailed, match="cannot be written: No such file or directory"):
        back_up(database, tmp_path / "nowhere" / "copy.sqlite3")


def test_a_backup_that_fails_leaves_nothing_behind(tmp_path: Path, database: Path) -> None:
    database.write_bytes(b"this is no database, however long it is looked at" * 100)
    with pytest.raises(BackupFailed, match="SQLite says"):
        back_up(database, tmp_path / "copy.sqlite3")
    assert not (tmp_path / "copy.sqlite3").exists()


def test_a_backup_that_is_killed_leaves_no_half_of_one_under_its_name_and_the_next_is_whole(
    tmp_path: Path, database: Path
) -> None:
    target = tmp_path / "copy.sqlite3"
    killed = """
import os, sqlite3, sys
from pathlib import Path
from storage import migrations
class Copy(sqlite3.Connection):
    def execute(self, statement, *values):
        os._exit(9) if "application_id" in statement else None
        return super().execute(statement, *values)
connect = sqlite3.connect
sqlite3.connect = lambda *given, **named: connect(*given, factory=Copy, **named)
migrations.back_up(*map(Path, sys.argv[1:]))
"""
    command = [sys.executable, "-c", killed, str(database), str(target)]
    assert subprocess.run(command, cwd=PROJECT, check=False).returncode == 9  # noqa: S603 - ours
    assert not target.exists()
    back_up(database, target)
    assert names_in(target) == ["Ann"]
    assert {path.name for path in tmp_path.iterdir()} == {"data", "copy.sqlite3"}


def test_a_backup_that_is_stopped_clears_away_and_fails(tmp_path: Path, database: Path) -> None:
    program = """
import os, signal, sys
from bot.__main__ import main
from storage import migrations
migrations._copy = lambda source, copy: os.kill(os.getpid(), signal.SIGTERM)
sys.exit(main(["backup", sys.argv[1]]))
"""
    stopped = subprocess.run(  # noqa: S603 - as above
        [sys.executable, "-c", program, str(tmp_path / "copy.sqlite3")],
        cwd=PROJECT, env=os.environ | {"DATA_DIR": str(database.parent)}, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert (stopped.returncode, stopped.stdout, stopped.stderr) == (1, "", "")
    assert {path.name for path in tmp_path.iterdir()} == {"data"}


NOBODY = "http://127.0.0.1:9"
"""A port nobody listens on."""


def test_models_are_listed_without_settings_and_without_the_provider(tmp_path: Path) -> None:
    ended = bot("models", at=tmp_path, AIMLAPI_URL=NOBODY)
    assert (ended.returncode, ended.stderr) == (0, "")
    heading, *lines = ended.stdout.splitlines()
    assert heading.startswith("NAME")
    assert "sora-2" in [line.split()[0] for line in lines]


def test_models_in_json_name_ids_choices_and_prices(tmp_path: Path) -> None:
    models = {
        model.pop("name"): model
        for model in json.loads(bot("models", "--json", at=tmp_path, AIMLAPI_URL=NOBODY).stdout)
    }
    assert models["sora-2-pro"] == {
        "t2v": "openai/sora-2-pro-t2v",
        "i2v": "openai/sora-2-pro-i2v",
        "seconds": [4, 8, 12],
        "aspect_ratios": ["16:9", "9:16"],
        "resolutions": ["720p", "1080p"],
        "prices": {"720p": "0.315", "1080p": "0.525"},
        "price_basis": "second-hand 2026-01",
    }


async def test_models_are_listed_as_the_provider_serves_and_prices_them(
    provider: AimlApiSandbox,
) -> None:
    provider.prices["openai/sora-2-t2v"] = Price(Decimal("0.5"))
    provider.withdraw("openai/sora-2-pro-t2v")
    provider.withdraw("openai/sora-2-pro-i2v")
    models = {
        model["name"]: model
        for model in json.loads(as_json(usable(Offer.load(), await ask(provider.url))))
    }
    assert "sora-2-pro" not in models
    assert models["sora-2"]["prices"] == {"720p": "0.5"}
    assert models["sora-2"]["price_basis"] == "live"


def test_a_model_for_text_only_and_without_resolutions_is_listed_too() -> None:
    mode = Mode(
        model="maker/frames",
        seconds=(5,),
        typical_seconds=60,
        price=Hint(usd_per_second={"any": Decimal("0.05")}, basis="estimate", date="2026-11"),
    )
    offer = Offer((Family(name="frames", title="Frames", people=People.YES, t2v=mode),))
    assert json.loads(as_json(offer)) == [
        {
            "name": "frames",
            "t2v": "maker/frames",
            "i2v": None,
            "seconds": [5],
            "aspect_ratios": [],
            "resolutions": [],
            "prices": {"any": "0.05"},
            "price_basis": "estimate 2026-11",
        }
    ]
    assert as_text(offer).splitlines()[1].split() == [
        "frames", "text", "5", "0.05", "(any)", "estimate", "2026-11",
    ]  # fmt: skip
    assert as_text(offer, ["maker/new"]).endswith("not known to this version: maker/new")
