"""Where the operator's settings are read from, and what is said of those that are wrong."""

from __future__ import annotations

import logging
from difflib import get_close_matches
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

from dotenv import dotenv_values
from dotenv.parser import parse_stream
from pydantic import ValidationError

from bot.settings.definition import Settings, at_home

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from pydantic_core import ErrorDetails

ENV_FILE = Path(".env")

# what it would warn of ends the start here
logging.getLogger("dotenv").setLevel(logging.ERROR)

WHERE_TO_GET = {
    "TELEGRAM_BOT_TOKEN": "get one from @BotFather",
    "AIMLAPI_KEY": "make one, with a spending limit, in your account at aimlapi.com",
}

MISSPELT, MISSPELT_BY_US = 0.8, 0.7
"""How alike two names must be, 1 being the same, for one to be taken for the other."""

OTHERS = frozenset({"telegram_api_id", "telegram_api_hash"})
"""Names close to ours that belong to a Bot API server beside the bot."""


class WrongSettings(Exception):
    """The bot cannot start: one line per problem, each naming its variable and no secret."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def read_settings(environ: Mapping[str, str], env_file: Path) -> Settings:
    """Read every setting; raise WrongSettings with all problems at once."""
    text = _text_of(env_file)
    given, lines = _given(environ, text), [*parse_stream(StringIO(text))]
    if unreadable := [name for name in Settings.model_fields if not _is_text(given.get(name, ""))]:
        raise WrongSettings([f"{name.upper()} is not UTF-8 text" for name in unreadable])
    # a line that sets nothing is no small matter: the default would count in its place
    problems = [
        f"{env_file} cannot be read in line {line.original.line}: write NAME=value"
        for line in lines
        if line.error
    ]
    problems += _misspelt(given, {line.key.lower() for line in lines if line.key})
    try:
        settings = Settings.model_validate(given)
    except ValidationError as error:
        # A list may be wrong in several places; one line says it.
        problems += dict.fromkeys(map(_in_words, error.errors(include_url=False)))
    else:
        if not problems:
            return settings
    raise WrongSettings(problems)


def read_secrets(environ: Mapping[str, str], env_file: Path) -> tuple[str, ...]:
    """Return what nothing that is printed or logged may hold, however wrong it is."""
    given = _given(environ, _text_of(env_file))
    token, *others = (
        given.get(name, "") for name in ("telegram_bot_token", "aimlapi_key", "webhook_secret")
    )
    return token, token.partition(":")[2], *others


def read_data_dir(environ: Mapping[str, str], env_file: Path) -> Path:
    """Read DATA_DIR alone, for the commands that need neither token nor key."""
    try:
        return at_home(Path(_read_one(environ, env_file, "data_dir")))
    except ValueError as error:
        raise WrongSettings([f"DATA_DIR {error}"]) from None


def read_aimlapi_url(environ: Mapping[str, str], env_file: Path) -> str:
    """Read AIMLAPI_URL alone, for asking what everybody may know."""
    return _read_one(environ, env_file, "aimlapi_url")


def _read_one(environ: Mapping[str, str], env_file: Path, name: str) -> str:
    return _given(environ, _text_of(env_file)).get(name) or str(Settings.model_fields[name].default)


def _given(environ: Mapping[str, str], text: str) -> dict[str, str]:
    """Return what was written, by names in small letters, of which ours are some."""
    return {
        # what hands a file on to a container strips no blanks
        name.lower(): stripped
        for source in (dotenv_values(stream=StringIO(text)), environ)
        for name, value in source.items()
        if (stripped := (value or "").strip())
    }


def _text_of(env_file: Path) -> str:
    try:
        # Windows' editor puts a mark in front
        return env_file.read_text(encoding="utf-8-sig")
    except (FileNotFoundError, IsADirectoryError):
        # for one that misses, Docker makes a folder
        return ""
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise WrongSettings([f"{env_file} cannot be read: {reason}"]) from None


def _is_text(value: str) -> bool:
    """Whether a value is text: bytes that are none come from the environment as halves of pairs."""
    return not any("\ud800" <= sign <= "\udfff" for sign in value)


def _misspelt(given: Mapping[str, str], written: Collection[str]) -> Iterator[str]:
    """Point at names that are almost a setting's, unless that setting is given as well.

    What is `written` in our own file is more likely meant for us.
    """
    known = Settings.model_fields.keys()
    for name in sorted(given.keys() - known - OTHERS):
        alike = MISSPELT_BY_US if name in written else MISSPELT
        for likely in get_close_matches(name, known - given.keys(), n=1, cutoff=alike):
            yield f"{name.upper()} is not a setting; did you mean {likely.upper()}?"


_WHOLE, _NUMBER = "must be a whole number", "must be a number"
_MUST = {
    "int_parsing": _WHOLE, "int_parsing_size": _WHOLE, "int_from_float": _WHOLE,
    "decimal_parsing": _NUMBER, "float_parsing": _NUMBER, "finite_number": _NUMBER,
    "bool_parsing": "must be true or false",
    "zoneinfo_str": "must be a time zone such as Europe/Berlin",
}  # fmt: skip
"""What a value must be, by what the library finds wrong with it."""


def _in_words(detail: ErrorDetails) -> str:
    """Say what is wrong with one setting. The value is left out: it may be a secret."""
    limits = detail.get("ctx", {})
    name = str(detail["loc"][0]).upper()
    match detail["type"]:
        case "missing":
            return f"{name} is missing: {WHERE_TO_GET[name]}"
        case "greater_than":
            must = f"must be more than {limits['gt']:g}"
        case "greater_than_equal":
            must = f"must be {limits['ge']:,.15g} or more"
        case "less_than_equal":
            must = f"must be {limits['le']:,.15g} or less"
        case "literal_error":
            must = f"must be {limits['expected'].replace(chr(39), '')}"
        case "value_error":
            must = str(limits["error"])
        case other:
            must = _MUST.get(other, f"is wrong: {detail['msg']}")
    return f"{name} {must}"
