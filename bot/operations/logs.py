"""Logging to one stream, as text or JSON, with secrets and pictures redacted.

The filter is on the handler, because a filter on a logger does not see records of its children. It
redacts the message, the traceback and every extra field: each of them may hold the token, which is
in the path of every Bot API address.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal, TextIO
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterable

SECRET = "[secret]"  # noqa: S105 - it replaces a secret
MIN_SECRET_LENGTH = 8
"""Anything shorter is no token and no key, and would be found in ordinary sentences."""
MAX_TEXT_LENGTH = 250_000
"""How much of a text is redacted and logged."""

# The first repetition of each pattern is bounded or possessive, so that a long hostile text takes
# linear time.
TOKEN = re.compile(
    r"(?P<before>bot)\d{1,20}(?::|%3A)[\w-]+|\d{1,20}(?::|%3A)[A-Za-z0-9_-]{30,}", re.IGNORECASE
)
CREDENTIALS = re.compile(r"(?<=://)[^\s/@:]{1,200}(?::|%3A)[^\s/@]{1,200}(?=@)", re.IGNORECASE)
"""User and password in an address, such as a proxy's."""
BEARER = re.compile(r"\b(Bearer)(?:\s|%20|\+)+[\w.~+/=-]{8,}", re.IGNORECASE)
PICTURE = re.compile(r"data:image/[\w.+-]{1,40};base64,([\w+/=%-]*)", re.IGNORECASE)
LOOSE_PICTURE = re.compile(r"[A-Za-z0-9+/=]{256,}")
"""Base64 without a prefix, such as the second half of a data URI."""
RAW_PICTURE = re.compile(r"(?:\\(?:x[0-9a-f]{2}|[nrt'\\])[^\\]{0,12}){64,}+")
"""Bytes as Python prints them, and the text close behind."""

GENERATION = re.compile(r"\bgeneration (\d{1,18})\b")
"""Finds the id of a generation in messages and task names."""

QUIET = {
    "httpx": logging.WARNING,  # at INFO it logs every address, with the token
    "httpcore": logging.WARNING,
    "apscheduler": logging.WARNING,
    "apscheduler.scheduler": logging.ERROR,  # warns of each job that is late
    # errors of jobs are logged elsewhere; a job cancelled by a stop is no error
    "apscheduler.executors": logging.CRITICAL,
    "aiosqlite": logging.WARNING,  # at DEBUG it logs every statement with its values: prompts
    "PIL": logging.WARNING,
}
"""The lowest levels of these loggers, whatever LOG_LEVEL is."""

STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}
"""The attributes of every record; all others come from `extra`."""


class Redaction(logging.Filter):
    """Redacts secrets and pictures in a record, in place."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        super().__init__()
        spellings = {
            form
            for text in secrets
            if len(text) >= MIN_SECRET_LENGTH
            for form in (text, quote(text, safe=""))
        }
        self._secrets = sorted(spellings, key=len, reverse=True)

    def filter(self, record: logging.LogRecord) -> bool:
        """Redact all attributes of a record; no record is dropped."""
        record.msg, record.args = _message(record), None
        if record.exc_info:
            record.exc_text = record.exc_text or logging.Formatter().formatException(
                record.exc_info
            )
            record.exc_info = None
        for name, value in record.__dict__.items():
            record.__dict__[name] = self.clean(value)
        return True

    def clean(self, value: object) -> object:
        """Return the value with its texts redacted; other objects become their `str`."""
        match value:
            case None | bool() | int() | float():
                return value
            case dict():
                return {self.scrub(_text(key)): self.clean(item) for key, item in value.items()}
            case list() | tuple() | set() | frozenset():
                return [self.clean(item) for item in value]
            case _:
                return self.scrub(_text(value))

    def scrub(self, text: str) -> str:
        """Return the text without secrets and without pictures."""
        for secret in self._secrets:
            text = text.replace(secret, SECRET)
        if (over := len(text) - MAX_TEXT_LENGTH) > 0:
            text = f"{text[:MAX_TEXT_LENGTH]} …[{over} chars]"
        text = CREDENTIALS.sub(SECRET, text)
        text = TOKEN.sub(lambda found: (found["before"] or "") + SECRET, text)
        text = BEARER.sub(rf"\1 {SECRET}", text)
        text = PICTURE.sub(lambda found: f"data:image/…[{len(found[1])} chars]", text)
        text = LOOSE_PICTURE.sub(lambda found: f"…[{len(found[0])} chars]", text)
        return RAW_PICTURE.sub(_shorten, text)


class _GenerationId(logging.Filter):
    """Sets the attribute `generation` of a record to the id of the generation it is about.

    It is found in the message, or else in the name of the current task.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        if "generation" not in record.__dict__:
            for text in (_message(record), _task()):
                if (found := GENERATION.search(text)) is not None:
                    record.generation = int(found[1])
                    break
        return True


def _task() -> str:
    """Return the name of the current task, "" if there is none."""
    try:
        task = asyncio.current_task()
    except RuntimeError:
        return ""
    return "" if task is None else task.get_name()


class _JsonLines(logging.Formatter):
    """One JSON object per line: time in UTC, level, logger, message, and every extra field."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "exception": record.exc_text,
            "stack": record.stack_info,
        }
        extra = {name: value for name, value in record.__dict__.items() if name not in STANDARD}
        return json.dumps(
            {name: value for name, value in (extra | line).items() if value is not None},
            ensure_ascii=False,
        )


def set_up_logs(
    *,
    level: str,
    form: Literal["text", "json"],
    secrets: Iterable[str],
    stream: TextIO | None = None,
) -> None:
    """Log to one stream, stderr by default, with secrets redacted."""
    handler = logging.StreamHandler(stream or sys.stderr)
    # before the other, which replaces exceptions and arguments by text
    handler.addFilter(_GenerationId())
    handler.addFilter(Redaction(secrets))
    handler.setFormatter(
        _JsonLines()
        if form == "json"
        else logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s")
    )
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.captureWarnings(True)
    for name, least in QUIET.items():
        logging.getLogger(name).setLevel(max(least, logging.root.level))


def _shorten(found: re.Match[str]) -> str:
    """Cut the match up to its last hexadecimal escape; without one it is ordinary text."""
    data, escape, rest = found[0].rpartition(r"\x")
    return f"…[{len(data) + 4} chars]{rest[2:]}" if escape else found[0]


def _message(record: logging.LogRecord) -> str:
    """Return the message with its arguments, also if they do not fit."""
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001 - arguments may fail in any way, a log call must not
        return f"{_text(record.msg)} {_text(record.args)}"


def _text(value: object) -> str:
    try:
        return str(value)
    except Exception:  # noqa: BLE001 - as above
        return f"<{type(value).__name__} that cannot be printed>"
