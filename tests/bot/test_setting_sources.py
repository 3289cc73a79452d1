"""Where settings come from: the environment, a file, and names that are spelt wrongly."""

from __future__ import annotations

import os
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr

from bot.settings.definition import Settings
from bot.settings.sources import WrongSettings, read_data_dir, read_settings
from tests.bot.environment import KEY, NOWHERE, REQUIRED, TOKEN, problem, problems, read

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def env_file(tmp_path: Path) -> Callable[[str], Path]:
    def write(text: str) -> Path:
        path = tmp_path / ".env"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_settings_made_by_hand_ignore_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FREE_CREDITS", "7")
    settings = Settings(telegram_bot_token=SecretStr(TOKEN), aimlapi_key=SecretStr(KEY))
    assert settings.free_credits == 54


def test_settings_are_read_from_a_file(env_file: Callable[[str], Path]) -> None:
    path = env_file(
        f"TELEGRAM_BOT_TOKEN={TOKEN}\nexport AIMLAPI_KEY='{KEY}'\n# x\nFREE_CREDITS=7\n"
    )
    settings = read_settings({}, path)
    assert settings.aimlapi_key.get_secret_value() == KEY
    assert settings.free_credits == 7


def test_the_environment_wins_over_the_file(env_file: Callable[[str], Path]) -> None:
    path = env_file("FREE_CREDITS=7\nCREDIT_USD=0.2\n")
    settings = read_settings(REQUIRED | {"FREE_CREDITS": "8"}, path)
    assert (settings.free_credits, settings.credit_usd) == (8, Decimal("0.2"))


def test_an_empty_value_counts_as_none(env_file: Callable[[str], Path]) -> None:
    path = env_file("FREE_CREDITS=7\nPOLL_INTERVAL_SECONDS=\nBUDGET_USD=\n")
    settings = read_settings(REQUIRED | {"FREE_CREDITS": "", "SUPPORT_CONTACT": ""}, path)
    assert settings.free_credits == 7
    assert settings.poll_interval_seconds is None
    assert settings.budget_usd == Decimal(10)
    assert settings.support_contact is None


def test_an_empty_token_is_missing() -> None:
    assert problem(TELEGRAM_BOT_TOKEN="").startswith("TELEGRAM_BOT_TOKEN is missing")


def test_a_file_from_windows_is_read(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_bytes(b"\xef\xbb\xbfFREE_CREDITS=7\r\nLOG_FORMAT=json\r\n")
    settings = read_settings(REQUIRED, path)
    assert (settings.free_credits, settings.log_format) == (7, "json")


def test_a_file_that_is_no_text_is_a_problem_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_bytes(b"FREE_CREDITS=\xff\xfe7")
    assert problems(REQUIRED, path) == [f"{path} cannot be read: it is not UTF-8 text"]


def test_a_value_that_is_no_text_is_a_problem_with_a_name() -> None:
    value = os.fsdecode(b"Z\xfcrich")
    given = REQUIRED | {"TIMEZONE": value, "SUPPORT_CONTACT": value, "SOMEBODY_ELSES": value}
    assert problems(given) == [
        "TIMEZONE is not UTF-8 text", "SUPPORT_CONTACT is not UTF-8 text",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("FREE_CREDIT", "FREE_CREDITS"),
        ("TELEGRAM_TOKEN", "TELEGRAM_BOT_TOKEN"),
        ("AIMLAPI_API_KEY", "AIMLAPI_KEY"),
        ("ADMINS_ID", "ADMIN_IDS"),
        ("BUGDET_USD", "BUDGET_USD"),
        ("LOGLEVEL", "LOG_LEVEL"),
    ],
)
def test_a_misspelt_name_is_pointed_out(written: str, meant: str) -> None:
    given = {name: value for name, value in REQUIRED.items() if name != meant}
    assert f"{written} is not a setting; did you mean {meant}?" in problems(given | {written: "1"})


def test_a_name_in_the_file_is_meant_for_us_where_it_is_less_alike(
    env_file: Callable[[str], Path],
) -> None:
    assert problems(REQUIRED, env_file("BUDGET=5\nRETENTION=30\nTELEGRAM_API_HASH=x\n")) == [
        "BUDGET is not a setting; did you mean BUDGET_USD?",
        "RETENTION is not a setting; did you mean RETENTION_DAYS?",
    ]
    assert read(BUDGET="5") == read(), "of an environment nobody knows whose it is"


def test_a_line_of_the_file_that_sets_nothing_is_pointed_out(
    env_file: Callable[[str], Path],
) -> None:
    path = env_file("BUDGET_USD: 5\nFREE_CREDITS='7\n# a word\n\nCREDIT_USD=x\n")
    assert problems(REQUIRED, path) == [
        f"{path} cannot be read in line 1: write NAME=value",
        f"{path} cannot be read in line 2: write NAME=value",
        "CREDIT_USD must be a number",
    ]


def test_a_misspelt_name_in_the_file_is_pointed_out(env_file: Callable[[str], Path]) -> None:
    assert problems(REQUIRED, env_file("QUOTA_PERIODE=day\n")) == [
        "QUOTA_PERIODE is not a setting; did you mean QUOTA_PERIOD?"
    ]


def test_a_name_beside_the_right_one_belongs_to_somebody_else() -> None:
    assert read(MODEL="x", MODELS="sora-2").models == ("sora-2",)


@pytest.mark.parametrize(
    "name",
    [
        *("PATH", "HOME", "TZ", "TERM", "LANG", "PWD", "USER", "OPENAI_API_KEY", "DATABASE_URL"),
        *("COMPOSE_PROJECT_NAME", "TELEGRAM_API_ID", "TELEGRAM_API_HASH", "ALLOWED_HOSTS"),
    ],
)
def test_names_of_others_are_left_alone(name: str) -> None:
    assert read(**{name: "anything"}) == read()


def test_the_data_folder_needs_no_token(env_file: Callable[[str], Path]) -> None:
    assert read_data_dir({}, NOWHERE) == Path("data")
    assert read_data_dir({}, env_file("DATA_DIR=/from/file\nCREDIT_USD=0\n")) == Path("/from/file")
    assert read_data_dir({"DATA_DIR": "/given"}, env_file("DATA_DIR=/from/file")) == Path("/given")


def test_a_data_folder_at_home_is_there_and_not_in_a_folder_named_so(
    env_file: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/home/ann")
    path = env_file("DATA_DIR=~/bot\n")
    assert read_settings(REQUIRED, path).data_dir == Path("/home/ann/bot")
    assert read_data_dir({}, path) == Path("/home/ann/bot")


def test_a_home_nobody_has_is_a_wrong_setting() -> None:
    said = "DATA_DIR begins with ~, and whose home that is nobody knows"
    assert problem(DATA_DIR="~no-such-person/bot") == said
    with pytest.raises(WrongSettings) as refused:
        read_data_dir({"DATA_DIR": "~no-such-person/bot"}, NOWHERE)
    assert refused.value.problems == [said]
