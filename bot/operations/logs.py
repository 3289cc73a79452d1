"""Logging to one stream, as text or JSON, with every secret and picture taken out on the way.

The filter sits on the handler, because a filter on a logger does not see what its children log.
It cleans the finished message, the traceback and every extra field: the token stands in the path
of each Bot API address, so any of them may hold it.
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

SECRET = "[secret]"  # noqa: S105 - what stands where a secret stood
SHORTEST_SECRET = 8
"""Characters: what is shorter is no token and no key, and would be found in any sentence."""
LONGEST_TEXT = 250_000
"""Characters of one text that are looked at, and logged: nobody reads more."""

# Every repetition that starts a pattern is bounded or gives nothing back: a long hostile text costs
# linear time.
TOKEN = re.compile(
    r"(?P<before>bot)\d{1,20}(?::|%3A)[\w-]+|\d{1,20}(?::|%3A)[A-Za-z0-9_-]{30,}", re.IGNORECASE
)
CREDENTIALS = re.compile(r"(?<=://)[^\s/@:]{1,200}(?::|%3A)[^\s/@]{1,200}(?=@)", re.IGNORECASE)
"""What an address, such as a proxy's, carries in front of its host."""
BEARER = re.compile(r"\b(Bearer)(?:\s|%20|\+)+[\w.~+/=-]{8,}", re.IGNORECASE)
PICTURE = re.compile(r"data:image/[\w.+-]{1,40};base64,([\w+/=%-]*)", re.IGNORECASE)
LOOSE_PICTURE = re.compile(r"[A-Za-z0-9+/=]{256,}")
"""Base64 that lost its head, such as half of a data URI in somebody's shortened message."""
RAW_PICTURE = re.compile(r"(?:\\(?:x[0-9a-f]{2}|[nrt'\\])[^\\]{0,12}){64,}+")
"""Bytes the way Python prints them, and what stands close behind."""

GENERATION = re.compile(r"\bgeneration (\d{1,18})\b")
"""How a generation is named, in messages and in tasks."""

QUIET = {
    "httpx": logging.WARNING,  # at INFO it writes every address, token included
    "httpcore": logging.WARNING,
    "apscheduler": logging.WARNING,
    "apscheduler.scheduler": logging.ERROR,  # warns each time a clock ticks during slow work
    # a job's own errors are said elsewhere; a stop that comes as one begins is none
    "apscheduler.executors": logging.CRITICAL,
    "aiosqlite": logging.WARNING,  # at DEBUG it writes every statement with its values: prompts
    "PIL": logging.WARNING,
}
"""The least these loggers say, whatever LOG_LEVEL is."""

STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}
"""What every record carries; anything else came with `extra`."""


class Redaction(logging.Filter):
    """Takes secrets and pictures out of a record, in place and before anything is written."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        super().__init__()
        spellings = {
            form
            for text in secrets
            if len(text) >= SHORTEST_SECRET
            for form in (text, quote(text, safe=""))
        }
        self._secrets = sorted(spellings, key=len, reverse=True)

    def filter(self, record: logging.LogRecord) -> bool:
        """Clean everything the record holds; a record is never dropped."""
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
        """Return the value with its texts scrubbed; an object becomes what it prints."""
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
        if (over := len(text) - LONGEST_TEXT) > 0:
            text = f"{text[:LONGEST_TEXT]} …[{over} chars]"
        text = CREDENTIALS.sub(SECRET, text)
        text = TOKEN.sub(lambda found: (found["before"] or "") + SECRET, text)
        text = BEARER.sub(rf"\1 {SECRET}", text)
        text = PICTURE.sub(lambda found: f"data:image/…[{len(found[1])} chars]", text)
        text = LOOSE_PICTURE.sub(lambda found: f"…[{len(found[0])} chars]", text)
        return RAW_PICTURE.sub(_shortened, text)


class GenerationId(logging.Filter):
    """Notes on a record which generation it concerns, as `generation`, whoever logged it.

    That is what the message names, or else what the task does in which it was logged: the steps
    of a generation are named after it.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Note it, where there is one and nothing is noted yet."""
        if "generation" not in record.__dict__:
            for text in (_message(record), _task()):
                if (found := GENERATION.search(text)) is not None:
                    record.generation = int(found[1])
                    break
        return True


def _task() -> str:
    """Return what the task is called that runs now; nothing where none does."""
    try:
        task = asyncio.current_task()
    except RuntimeError:
        return ""
    return "" if task is None else task.get_name()


class JsonLines(logging.Formatter):
    """One JSON object per line: the time in UTC, who said what, and every extra field.

    What concerns a generation has its number as `generation`.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Write one record that went through the redaction."""
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
    """Send everything that is logged to one stream (standard error by default), cleaned."""
    handler = logging.StreamHandler(stream or sys.stderr)
    # before the other, which makes a text of what is raised and of what was passed
    handler.addFilter(GenerationId())
    handler.addFilter(Redaction(secrets))
    handler.setFormatter(
        JsonLines()
        if form == "json"
        else logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s")
    )
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.captureWarnings(True)
    for name, least in QUIET.items():
        logging.getLogger(name).setLevel(max(least, logging.root.level))


def _shortened(found: re.Match[str]) -> str:
    """Leave bytes out up to the last one that is no letter; line ends alone are text."""
    data, escape, rest = found[0].rpartition(r"\x")
    return f"…[{len(data) + 4} chars]{rest[2:]}" if escape else found[0]


def _message(record: logging.LogRecord) -> str:
    """Fill in the arguments; a call with the wrong ones is still worth reading."""
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001 - arguments may fail in any way, a log call must not
        return f"{_text(record.msg)} {_text(record.args)}"


def _text(value: object) -> str:
    try:
        return str(value)
    except Exception:  # noqa: BLE001 - as above
        return f"<{type(value).__name__} that cannot be printed>"
