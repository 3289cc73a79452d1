"""What the provider's words mean: why it refuses, said safely and in short.

Neither the texts nor the names of its errors are documented, so meaning is recognised by words:
those of the provider's own pages and those the models' makers are known to use.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

MESSAGE_LIMIT = 300
"""Characters of a foreign message that are kept."""

_DATA_URI = re.compile(r"data:[\w.+/-]*[;,]\S*", re.IGNORECASE)
_MONEY = re.compile(
    r"\bcredits?\b|balance|\bfunds?\b|top[ -]?up|(spend|usd|usage)\w* limit", re.IGNORECASE
)
_PEOPLE = re.compile(
    r"realistic (human|person)|(?<![a-z])(humans?|faces?|people|persons?|likeness)(?![a-z])"
    r"|celebrit|public figure",
    re.IGNORECASE,
)
_CONTENT = re.compile(
    r"moderat|safety|polic(y|ies)|sentinel|guard-?rail|guideline|violat|nsfw|prohibited|copyright"
    r"|inappropriate|sensitive|responsible[ _]ai|something didn.t look right"
    r"|content[ _-]?(filter|block|refus|restrict|reject|check)"
    r"|(upload|image|photo|picture)[^.]{0,40}(depict|contain|show)s?\b"
    r"|(?<![a-z])faces?(?![a-z])|realistic (human|person)",
    re.IGNORECASE,
)
_MODEL = re.compile(
    r"[`'\"“]model[`'\"”]"
    r"|\b(unknown|invalid|unsupported|no such|deprecated|withdrawn) model\b"
    r"|\bmodel\b[^.!?]{0,120}\b(not found|not exist|n['’]t exist|not available|unavailable"
    r"|no longer|withdrawn|deprecated|shut down|retired)\b",
    re.IGNORECASE,
)
_MODEL_FIELD = re.compile(rb'"(path|param|field|property)"\s*:\s*\[?\s*"model"\s*[\],}]|"model\s?:')


@dataclass(frozen=True, slots=True)
class Refusal:
    """Whether the content was the reason, and whether it was people shown in it."""

    moderation: bool
    people: bool


def in_short(text: str) -> str:
    """Return a foreign message fit for a log: one line, short, and without picture data."""
    line = " ".join(_DATA_URI.sub("data:…", text[: 20 * MESSAGE_LIMIT]).split())
    return line if len(line) <= MESSAGE_LIMIT else line[: MESSAGE_LIMIT - 1] + "…"


def judge(words: str) -> Refusal:
    """Tell a refusal for what is shown from any other."""
    moderation = _CONTENT.search(words) is not None
    return Refusal(moderation, people=moderation and _PEOPLE.search(words) is not None)


def is_about_money(words: str) -> bool:
    """Tell whether a refusal says that the account ran out of money."""
    return _MONEY.search(words) is not None


def names_the_model(words: str, body: bytes) -> bool:
    """Tell whether a refusal is about the model itself rather than about what it was given.

    `words` is what it says, `body` the whole of it: validators name the field in its structure.
    """
    return _MODEL.search(words) is not None or _MODEL_FIELD.search(body) is not None
