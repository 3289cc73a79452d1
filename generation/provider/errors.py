"""How a talk with the provider fails. Each class is one reaction.

    ProviderError
    ├── NotAccepted        submit: surely not accepted → submit again later
    │   └── RateLimited    submit: the account asks too often → all wait, and then go one by one
    ├── AccountError       both: the account is refused → hold everything back, tell the admins
    ├── ModelGone          submit: this model is not served → leave it alone, go on with the next
    ├── Rejected           submit: this request is refused → failed, say what to change
    ├── ServerError        submit: the model broke, nothing is billed → failed, offer another try
    ├── OutcomeUnknown     submit: it may run and be billed → look for it, never submit it again
    ├── Unavailable        asking: no answer to use → ask again later
    └── NoSuchGeneration   asking: the id is not known there

Messages are the provider's words, already shortened and free of keys and pictures: fit for a log,
not for a chat.

Neither the texts nor the names of its errors are documented, so what a refusal means is recognised
by words: those of the provider's own pages and those the models' makers are known to use. Patterns
are compiled when they are first searched for: that many would hold up every start.
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
    """A submission was surely not accepted and may be repeated.

    `retry_after` is the wait the provider asks for, in seconds, None where it named none.
    """

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class RateLimited(NotAccepted):
    """A submission was not accepted because the account asks too often, whatever it asks."""


class AccountProblem(StrEnum):
    """What is wrong with the account."""

    KEY = "key"
    MONEY = "money"
    FORBIDDEN = "forbidden"


class AccountError(ProviderError):
    """The provider refuses the account, so every submission would fail alike."""

    def __init__(self, message: str, *, reason: AccountProblem) -> None:
        super().__init__(message)
        self.reason = reason

    @property
    def is_scope(self) -> bool:
        """Whether the key may merely lack a scope: told by a question, it says nothing of money."""
        return self.reason is AccountProblem.FORBIDDEN


class ModelGone(ProviderError):
    """The provider does not serve the model that was asked for."""


class Rejected(ProviderError):
    """The provider refuses this one request for good.

    `moderation` tells that its content was the reason, `people` that it was people shown in it.
    """

    def __init__(self, message: str, *, moderation: bool = False, people: bool = False) -> None:
        super().__init__(message)
        self.moderation = moderation
        self.people = people


class ServerError(ProviderError):
    """The provider failed while taking the request; its documentation bills nothing for that."""


class OutcomeUnknown(ProviderError):
    """Whether the submission was accepted cannot be told from the answer, or none came."""


class Unavailable(ProviderError):
    """A question got no usable answer. `retry_after` is in seconds, None where none was named.

    `redirected` tells that it only names another address.
    """

    def __init__(
        self, message: str, *, retry_after: float | None = None, redirected: bool = False
    ) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.redirected = redirected


class NoSuchGeneration(ProviderError):
    """The provider does not know the generation it was asked about."""


MESSAGE_LIMIT = 300
"""Characters of a foreign message that are kept."""

MOST_READ = 20 * MESSAGE_LIMIT
"""Characters of it that are read for what it means."""

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
"""What a refusal for its content speaks of, whoever made the model: unseen ones do as well."""
_VERDICT = (
    r"(?i)block|reject|refus|flag|violat|prohibit|disallow|not (allowed|permitted)|filtered|rephras"
    r"|(did not|didn.t|does not|failed to|failure to) pass|detected"
    r"|(moderation|safety|content|policy|review|check)s? failed|failed (the )?(moderation|safety"
    r"|content|policy|review)|(adjust|change|modify|revise|reword|rewrite) (your|the) prompt"
)
"""Words by which something was judged, rather than left unjudged."""
_UNJUDGED = (
    r"(?i)unavailable|time[ds]? ?out|overload|connection|unreachable|temporar|try again later"
    r"|(service|server|system|filter|check\w*|internal) error|must be|invalid|expected"
)
"""Words of an ordinary failure: what should have judged it may itself be what broke."""
_OTHER_RULES = (
    r"(?i)rate limit|too many requests|quota|out of (credits|memory)|insufficient"
    r"|\b(iam|access|organi[sz]ation\w*|retention|billing|network|retry|cors) polic"
    r"|cannot be disabled|(safety|content) \w+ (parameter|setting|option)"
)
"""Rules that are about no content."""


@cache
def _known() -> re.Pattern[str]:
    """Return the phrases by which the models' makers are known to refuse: see `refusals.json`."""
    text = resources.files("generation.provider").joinpath("refusals.json").read_bytes()
    phrases = {_plain(fact["phrase"]) for fact in json.loads(text)}
    return re.compile("|".join(map(re.escape, sorted(phrases))), re.IGNORECASE)


def _plain(words: str) -> str:
    """Return words as they are compared: names of errors read like sentences."""
    return re.sub(r"[\s_.\-]+", " ", words[:MOST_READ].replace("’", "'"))


_COMPLAINT = (
    r"(?:invalid|unknown|unsupported|unrecogni[sz]ed|unexpected|expected|not|no such|must|required)"
    r"\b"
)
_FIELD_IN_WORDS = (
    r"(?im)\b(?:value|option|input|enum|field|param(?:eter)?|property|argument)"
    r"(?:\s+(?:for|of|in|at|given|provided|the|field|param(?:eter)?|property)){0,4}"
    r"[\s:]{0,4}[`'\"“‘]model[`'\"”’]"
    rf"|[`'\"“‘]model[`'\"”’]\s*(?::\s*|(?:is|has)\s+)?{_COMPLAINT}"
    rf"|(?:^|[.!;]\s+)model\s?:\s*{_COMPLAINT}"
)
"""How validators name the field in a sentence."""
_FIELD_IN_BODY = (
    rb'(?i)"(path|param|field|property)"\s*:\s*\[?\s*"model"\s*[\],}]'
    rb'|[\[,]\s*"model\s?:\s*' + _COMPLAINT.encode()
)
_BESIDE = r"(?:[\s`'\"“”‘’(),:]|\b(?:is|was|has|been|does|could|be|model|id|the|requested)\b){0,24}"
"""What may stand between a model and what is said of it: nothing that is about something else."""
_GONE = (
    r"(?:\b(?:not found|not exist|no longer (?:available|served|offered|supported|exists?)"
    r"|withdrawn|retired|discontinued|deprecated|shut down)\b|(?:does)?n['’]t exist\b"
    # these may be about a part of the request: "not available at 1080p"
    r"|\b(?:not available|unavailable|not supported|unsupported|unknown|unrecogni[sz]ed|invalid)"
    r"(?:\s+any\s?more)?(?=[`'\"”’)]*\s*(?:$|[.!;])))"
)
_NO_SUCH = r"\b(?:unknown|unrecogni[sz]ed|invalid|unsupported|no such|withdrawn|deprecated|retired)"
_NO_MODEL = (
    rf"(?im)(?:^|[.!:;]\s+)(?:(?:the|this|that|your|requested|specified|selected)\s+)*model{_BESIDE}{_GONE}"
    rf"|(?:^|[.!:;]\s+|\bis (?:an? )?){_NO_SUCH}\s+model(?:\s+(?:id|name))?(?=\s*(?:$|[.!:;,]))"
)
"""A sentence about the model that speaks of nothing else."""


_ONE_MODEL = r"(?i)\b(this|that|the|requested|selected) model\b(?![s:])"
_ACCESS = (
    r"(?i)access|permi|allow|availab|enabl|\bplan\b|\btier\b|verif|restrict|subscri|region|grant"
    r"|entitle"
)
_SCOPE = r"(?i)\bscopes?\b|\bmodel:"
"""What a key may do at all: nothing of one model."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Whether the content was the reason, and whether it was people shown in it."""

    moderation: bool
    people: bool


def truncate(text: str) -> str:
    """Return a foreign message fit for a log: one line, short, and without picture data."""
    line = " ".join(re.sub(_DATA_URI, "data:…", text[:MOST_READ]).split())
    return line if len(line) <= MESSAGE_LIMIT else line[: MESSAGE_LIMIT - 1] + "…"


def classify(words: str, *, prompt: str = "") -> Refusal:
    """Tell a refusal for what is shown from any other; `prompt` is no word of the provider's."""
    said = _plain(words.replace(prompt, " … ") if prompt else words)
    moderation = _known().search(said) is not None or (
        re.search(_CONTENT, said) is not None
        and re.search(_OTHER_RULES, said) is None
        and (re.search(_UNJUDGED, said) is None or re.search(_VERDICT, said) is not None)
    )
    return Refusal(moderation, people=moderation and re.search(_PEOPLE, said) is not None)


def is_about_money(words: str) -> bool:
    """Tell whether a refusal says that the account ran out of money."""
    return re.search(_MONEY, words) is not None


def closes_the_model(words: str, *, model: str = "") -> bool:
    """Tell whether the account is refused one model alone, such as one that needs another plan."""
    short = model.rpartition("/")[2]
    named = short != "" and re.search(rf"(?<![\w.-]){re.escape(short)}(?![\w-])", words) is not None
    one = any(
        re.search(_ONE_MODEL, said) and re.search(_ACCESS, said)
        for said in re.split(r"[.!;\n]", words[:MOST_READ])
    )
    return (named or one) and re.search(_SCOPE, words) is None


def names_the_model(words: str, body: bytes, *, model: str = "", prompt: str = "") -> bool:
    """Tell whether a refusal is about the model itself rather than about what it was given.

    `words` is what it says, `body` the whole of it: validators name the field in its structure.
    `model` and `prompt` are what was submitted; what somebody wrote is no word of the provider's.
    """
    said = words.replace(prompt, " … ") if prompt else words
    return (
        re.search(_FIELD_IN_BODY, body) is not None
        or re.search(_FIELD_IN_WORDS, said) is not None
        or re.search(_NO_MODEL, said) is not None
        or (model != "" and _about(model).search(said) is not None)
    )


def _about(model: str) -> re.Pattern[str]:
    """Return what says of this model that it is gone; its maker's name may be left out."""
    maker, slash, short = model.rpartition("/")
    optional = rf"(?:{re.escape(maker + slash)})?" if maker and "/" not in maker else ""
    name = rf"(?<![\w/.-]){optional}{re.escape(short if optional else model)}(?![/-]?\w|\.\w)"
    no_such = rf"{_NO_SUCH}\s+model{_BESIDE}{name}"
    return re.compile(rf"{no_such}|{name}{_BESIDE}{_GONE}", re.IGNORECASE | re.MULTILINE)
