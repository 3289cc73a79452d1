"""Exceptions of the provider's client; each class stands for one reaction.

    ProviderError
    ├── NotAccepted        submit: surely not accepted → submit again later
    │   └── RateLimited    submit: too many requests → all wait, then are sent one by one
    ├── AccountError       both: the account is refused → stop submissions, tell the admins
    ├── ModelGone          submit: this model is not served → avoid it, use a substitute
    ├── Rejected           submit: this request is refused → failed, tell what to change
    ├── ServerError        submit: the model failed, nothing is billed → failed, offer a retry
    ├── OutcomeUnknown     submit: it may run and be billed → search for it, never submit again
    ├── Unavailable        query: no usable answer → query again later
    └── NoSuchGeneration   query: the id is unknown

Messages are the provider's words, shortened and without keys and pictures: fit for a log, not for
a chat.

Neither the texts nor the names of the API's errors are documented, so a refusal is classified by
its words: those of the provider's own pages, and those that makers of models are known to use.
Patterns are compiled on first use, because so many would delay every start.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import resources


class ProviderError(Exception):
    """The provider did not do what was asked."""


class NotAccepted(ProviderError):
    """A submission was surely not accepted; it can be repeated, after `retry_after` seconds."""

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class RateLimited(NotAccepted):
    """A submission was not accepted because the account sends too many requests."""


class AccountProblem(StrEnum):
    """What is wrong with the account."""

    KEY = "key"
    MONEY = "money"
    FORBIDDEN = "forbidden"


class AccountError(ProviderError):
    """The provider refuses the account, so every submission would fail."""

    def __init__(self, message: str, *, reason: AccountProblem) -> None:
        super().__init__(message)
        self.reason = reason

    @property
    def may_lack_scope(self) -> bool:
        """Whether the key may merely lack a scope for the query."""
        return self.reason is AccountProblem.FORBIDDEN


class ModelGone(ProviderError):
    """The provider does not serve the requested model."""


class Rejected(ProviderError):
    """Refused for good: for its content if `moderation`, and for people it shows if `people`."""

    def __init__(self, message: str, *, moderation: bool = False, people: bool = False) -> None:
        super().__init__(message)
        self.moderation = moderation
        self.people = people


class ServerError(ProviderError):
    """The provider failed while accepting the request; by its documentation, nothing is billed."""


class OutcomeUnknown(ProviderError):
    """It is unknown whether the submission was accepted."""


class Unavailable(ProviderError):
    """A query got no usable answer, or was redirected; `retry_after` is in seconds, or None."""

    def __init__(
        self, message: str, *, retry_after: float | None = None, redirected: bool = False
    ) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.redirected = redirected


class NoSuchGeneration(ProviderError):
    """The provider does not know the generation."""


MAX_MESSAGE = 300
"""Characters of a message that are kept."""

MAX_READ = 20 * MAX_MESSAGE
"""Characters of a message that are searched."""

_DATA_URI = r"(?i)data:[\w.+/-]*[;,]\S*"
_MONEY = r"(?i)\bcredits?\b|balance|\bfunds?\b|top[ -]?up|(spend|usd|usage)\w* limit"
_PEOPLE = (
    r"(?i)(realistic|real) (human|person)|prominent people"
    r"|(?<![a-z])(humans?|faces?|people|persons?|likeness)(?![a-z])|celebrit|public figure"
)
_CONTENT = (
    r"(?i)moderat|safety|polic(y|ies)|sentinel|guard ?rail|guideline|violat|nsfw|prohibited"
    r"|copyright"
    r"|inappropriate|(?<!case )sensitive|responsible ai|something didn.t look right"
    r"|content (filter|block|refus|restrict|reject|check)"
    r"|(upload|image|photo|picture)[^.]{0,40}(depict|contain|show)s?\b"
    r"|(?<![a-z])faces?(?![a-z])|real(istic)? (human|person)|celebrit|public figure|likeness"
    r"|risk control|rephras|unsafe|harmful|explicit (content|image)|nudity|sexual|violence|violent"
    r"|trademark|third party (content|rights)|terms of (use|service)|forbidden (content|words?)"
    r"|(adjust|change|modify|revise|reword|rewrite) (your|the) (prompt|words|description)"
    r"|(try|use) (a different|another) (prompt|description)"
)
"""Subjects of a refusal for content, also of makers whose refusals were not seen yet."""
_VERDICT = (
    r"(?i)block|reject|refus|flag|violat|prohibit|disallow|not (allowed|permitted)|filtered|rephras"
    r"|(did not|didn.t|does not|failed to|failure to) pass|detected"
    r"|(moderation|safety|content|policy|review|check)s? failed|failed (the )?(moderation|safety"
    r"|content|policy|review)|(adjust|change|modify|revise|reword|rewrite) (your|the) prompt"
)
"""Words of a verdict: the content was checked and refused."""
_UNJUDGED = (
    r"(?i)unavailable|time[ds]? ?out|overload|connection|unreachable|temporar|try again later"
    r"|(service|server|system|filter|check\w*|internal) error|must be|invalid|expected"
)
"""Words of an ordinary failure, for instance of the check itself."""
_OTHER_RULES = (
    r"(?i)rate limit|too many requests|quota|out of (credits|memory)|insufficient"
    r"|\b(iam|access|organi[sz]ation\w*|retention|billing|network|retry|cors) polic"
    r"|cannot be disabled|(safety|content) \w+ (parameter|setting|option)"
)
"""Rules that do not concern content."""


@cache
def _known_refusals() -> re.Pattern[str]:
    text = resources.files("generation.provider").joinpath("refusals.json").read_bytes()
    phrases = {_normalize_words(fact["phrase"]) for fact in json.loads(text)}
    return re.compile("|".join(map(re.escape, sorted(phrases))), re.IGNORECASE)


def _normalize_words(words: str) -> str:
    """Return words in a form to compare: names of errors become sentences."""
    return re.sub(r"[\s_.\-]+", " ", words[:MAX_READ].replace("’", "'"))


_INVALID = (
    r"(?:invalid|unknown|unsupported|unrecogni[sz]ed|unexpected|expected|not|no such|must|required)"
    r"\b"
)
_FIELD_IN_WORDS = (
    r"(?im)\b(?:value|option|input|enum|field|param(?:eter)?|property|argument)"
    r"(?:\s+(?:for|of|in|at|given|provided|the|field|param(?:eter)?|property)){0,4}"
    r"[\s:]{0,4}[`'\"“‘]model[`'\"”’]"
    rf"|[`'\"“‘]model[`'\"”’]\s*(?::\s*|(?:is|has)\s+)?{_INVALID}"
    rf"|(?:^|[.!;]\s+)model\s?:\s*{_INVALID}"
)
"""A sentence of a validator that names the field `model`."""
_FIELD_IN_BODY = (
    rb'(?i)"(path|param|field|property)"\s*:\s*\[?\s*"model"\s*[\],}]'
    rb'|[\[,]\s*"model\s?:\s*' + _INVALID.encode()
)
_FILLER = r"(?:[\s`'\"“”‘’(),:]|\b(?:is|was|has|been|does|could|be|model|id|the|requested)\b){0,24}"
"""Words allowed between the name of a model and the statement that it is gone."""
_GONE = (
    r"(?:\b(?:not found|not exist|no longer (?:available|served|offered|supported|exists?)"
    r"|withdrawn|retired|discontinued|deprecated|shut down)\b|(?:does)?n['’]t exist\b"
    # only at the end of a sentence, unlike "not available at 1080p"
    r"|\b(?:not available|unavailable|not supported|unsupported|unknown|unrecogni[sz]ed|invalid)"
    r"(?:\s+any\s?more)?(?=[`'\"”’)]*\s*(?:$|[.!;])))"
)
_NO_SUCH = r"\b(?:unknown|unrecogni[sz]ed|invalid|unsupported|no such|withdrawn|deprecated|retired)"
_NO_MODEL = (
    rf"(?im)(?:^|[.!:;]\s+)(?:(?:the|this|that|your|requested|specified|selected)\s+)*model{_FILLER}{_GONE}"
    rf"|(?:^|[.!:;]\s+|\bis (?:an? )?){_NO_SUCH}\s+model(?:\s+(?:id|name))?(?=\s*(?:$|[.!:;,]))"
)
"""A sentence that says only that the model is gone."""


_ONE_MODEL = r"(?i)\b(this|that|the|requested|selected) model\b(?![s:])"
_ACCESS = (
    r"(?i)access|permi|allow|availab|enabl|\bplan\b|\btier\b|verif|restrict|subscri|region|grant"
    r"|entitle"
)
_SCOPE = r"(?i)\bscopes?\b|\bmodel:"
"""Words about the scopes of a key, which do not concern one model."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Whether a refusal is for the content, and whether for people shown in it."""

    moderation: bool
    people: bool


def truncate(text: str) -> str:
    """Return a message fit for a log: one short line without picture data."""
    line = " ".join(re.sub(_DATA_URI, "data:…", text[:MAX_READ]).split())
    return line if len(line) <= MAX_MESSAGE else line[: MAX_MESSAGE - 1] + "…"


def classify(words: str, *, prompt: str = "") -> Refusal:
    """Classify a refusal by its words; a quoted `prompt` in them is ignored."""
    said = _normalize_words(words.replace(prompt, " … ") if prompt else words)
    moderation = _known_refusals().search(said) is not None or (
        re.search(_CONTENT, said) is not None
        and re.search(_OTHER_RULES, said) is None
        and (re.search(_UNJUDGED, said) is None or re.search(_VERDICT, said) is not None)
    )
    return Refusal(moderation, people=moderation and re.search(_PEOPLE, said) is not None)


def is_about_money(words: str) -> bool:
    """Return whether a refusal says that the account has no money left."""
    return re.search(_MONEY, words) is not None


def refuses_model(words: str, *, model: str = "") -> bool:
    """Return whether only one model is refused, for instance because it needs another plan."""
    short = model.rpartition("/")[2]
    named = short != "" and re.search(rf"(?<![\w.-]){re.escape(short)}(?![\w-])", words) is not None
    one = any(
        re.search(_ONE_MODEL, said) and re.search(_ACCESS, said)
        for said in re.split(r"[.!;\n]", words[:MAX_READ])
    )
    return (named or one) and re.search(_SCOPE, words) is None


def is_about_model(words: str, body: bytes, *, model: str, prompt: str) -> bool:
    """Return whether a refusal is about the model itself rather than about its input.

    `words` are its texts, `body` is the whole response, in which validators name the field. `model`
    and `prompt` are what was submitted; a quoted prompt in the words is ignored.
    """
    said = words.replace(prompt, " … ") if prompt else words
    return (
        re.search(_FIELD_IN_BODY, body) is not None
        or re.search(_FIELD_IN_WORDS, said) is not None
        or re.search(_NO_MODEL, said) is not None
        or (model != "" and _gone_pattern(model).search(said) is not None)
    )


def _gone_pattern(model: str) -> re.Pattern[str]:
    """Return a pattern that says that a model is gone; its maker's name may be left out."""
    maker, slash, short = model.rpartition("/")
    optional = rf"(?:{re.escape(maker + slash)})?" if maker and "/" not in maker else ""
    name = rf"(?<![\w/.-]){optional}{re.escape(short if optional else model)}(?![/-]?\w|\.\w)"
    no_such = rf"{_NO_SUCH}\s+model{_FILLER}{name}"
    return re.compile(rf"{no_such}|{name}{_FILLER}{_GONE}", re.IGNORECASE | re.MULTILINE)
