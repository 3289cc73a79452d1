"""An environment with the two settings nobody can do without, read as the bot reads it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bot.settings.sources import WrongSettings, read_settings

if TYPE_CHECKING:
    from bot.settings.definition import Settings

TOKEN = "1234567:" + "AAbbCCddEEffGGhhIIjjKKllMMnnOOppQQr"
KEY = "key-of-the-operator"
REQUIRED = {"TELEGRAM_BOT_TOKEN": TOKEN, "AIMLAPI_KEY": KEY}
NOWHERE = Path("no-such-file.env")


def read(**given: str) -> Settings:
    return read_settings(REQUIRED | given, NOWHERE)


def problems(environ: dict[str, str], env_file: Path = NOWHERE) -> list[str]:
    with pytest.raises(WrongSettings) as refused:
        read_settings(environ, env_file)
    return refused.value.problems


def problem(**given: str) -> str:
    (only,) = problems(REQUIRED | given)
    return only
