"""Reads the operator's settings, and describes what is wrong with them."""

from __future__ import annotations

import logging
from difflib import get_close_matches
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

from dotenv import dotenv_values
from dotenv.parser import parse_stream
from pydantic import ValidationError

from bot.settings.definition import Settings, expand_home

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from pydantic_core import ErrorDetails

ENV_FILE = Path(".env")

# its warnings are reported as problems below
logging.getLogger("dotenv").setLevel(logging.ERROR)

WHERE_TO_GET = {
    "TELEGRAM_BOT_TOKEN": "get one from @BotFather",
    "AIMLAPI_KEY": "make one, with a spending limit, in your account at aimlapi.com",
}

MISSPELT, MISSPELT_IN_FILE = 0.8, 0.7
"""How similar a name must be to a setting's, from 0 to 1, to count as misspelt."""

NOT_OURS = frozenset({"telegram_api_id", "telegram_api_hash"})
"""Similar names that belong to a Bot API server beside the bot."""


class WrongSettings(Exception):
    """Settings are wrong; each problem is a line with the name of the variable and no secret."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def read_settings(environ: Mapping[str, str], env_file: Path) -> Settings:
    """Read every setting; raise WrongSettings with all problems at once."""
    text = _text_of(env_file)
    given, lines = _given_values(environ, text), [*parse_stream(StringIO(text))]
    if unreadable := [name for name in Settings.model_fields if not _is_text(given.get(name, ""))]:
        raise WrongSettings([f"{name.upper()} is not UTF-8 text" for name in unreadable])
    # a broken line is an error, because its setting would silently keep the default
    problems = [
        f"{env_file} cannot be read in line {line.original.line}: write NAME=value"
        for line in lines
        if line.error
    ]
    problems += _misspelt(given, {line.key.lower() for line in lines if line.key})
    try:
        settings = Settings.model_validate(given)
    except ValidationError as error:
        # a list may have the same problem several times
        problems += dict.fromkeys(map(_describe_problem, error.errors(include_url=False)))
    else:
        if not problems:
            return settings
    raise WrongSettings(problems)


def read_secrets(environ: Mapping[str, str], env_file: Path) -> tuple[str, ...]:
    """Return the secrets to redact in logs and output, without validating them."""
    given = _given_values(environ, _text_of(env_file))
    token, *others = (
        given.get(name, "") for name in ("telegram_bot_token", "aimlapi_key", "webhook_secret")
    )
    return token, token.partition(":")[2], *others


def read_data_dir(environ: Mapping[str, str], env_file: Path) -> Path:
    """Read DATA_DIR alone, for the commands that need neither token nor key."""
    try:
        return expand_home(Path(_read_one(environ, env_file, "data_dir")))
    except ValueError as error:
        raise WrongSettings([f"DATA_DIR {error}"]) from None


def read_aimlapi_url(environ: Mapping[str, str], env_file: Path) -> str:
    """Read AIMLAPI_URL alone, for public requests."""
    return _read_one(environ, env_file, "aimlapi_url")


def _read_one(environ: Mapping[str, str], env_file: Path, name: str) -> str:
    return _given_values(environ, _text_of(env_file)).get(name) or str(
        Settings.model_fields[name].default
    )


def _given_values(environ: Mapping[str, str], text: str) -> dict[str, str]:
    """Return all variables that are not empty, by names in lower case, also those not ours."""
    return {
        # Docker does not strip the values of an env file
        name.lower(): stripped
        for source in (dotenv_values(stream=StringIO(text)), environ)
        for name, value in source.items()
        if (stripped := (value or "").strip())
    }


def _text_of(env_file: Path) -> str:
    try:
        # -sig, because Windows' editor writes a byte order mark
        return env_file.read_text(encoding="utf-8-sig")
    except (FileNotFoundError, IsADirectoryError):
        # Docker makes a folder in the place of a missing file
        return ""
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise WrongSettings([f"{env_file} cannot be read: {reason}"]) from None


def _is_text(value: str) -> bool:
    """Return whether a value is valid text: Python decodes invalid bytes to lone surrogates."""
    return not any("\ud800" <= character <= "\udfff" for character in value)


def _misspelt(given: Mapping[str, str], written: Collection[str]) -> Iterator[str]:
    """Yield a problem for each name that is similar to a setting's that is not given.

    Names `written` in our own file need less similarity: they are probably meant for us.
    """
    known = Settings.model_fields.keys()
    for name in sorted(given.keys() - known - NOT_OURS):
        cutoff = MISSPELT_IN_FILE if name in written else MISSPELT
        for likely in get_close_matches(name, known - given.keys(), n=1, cutoff=cutoff):
            yield f"{name.upper()} is not a setting; did you mean {likely.upper()}?"


_WHOLE, _NUMBER = "must be a whole number", "must be a number"
_MUST = {
    "int_parsing": _WHOLE, "int_parsing_size": _WHOLE, "int_from_float": _WHOLE,
    "decimal_parsing": _NUMBER, "float_parsing": _NUMBER, "finite_number": _NUMBER,
    "bool_parsing": "must be true or false",
    "zoneinfo_str": "must be a time zone such as Europe/Berlin",
}  # fmt: skip
"""Our messages, by pydantic's types of errors."""


def _describe_problem(detail: ErrorDetails) -> str:
    """Describe a problem without the value, which may be a secret."""
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
