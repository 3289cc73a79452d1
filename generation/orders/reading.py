"""Parser of prompts: options as typed or in plain words, and changes to an earlier prompt."""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections import Counter, defaultdict
from dataclasses import asdict, dataclass, replace
from functools import cache
from importlib import resources
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

from generation.orders.options import NEAREST, Options, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping


_SHAPES = {"horizontal": "16:9", "vertical": "9:16", "square": "1:1"}
_SWITCHES = {"pro": {"pro": True}, "silent": {"silent": True}, "sound": {"silent": False}}
_RESOLUTION = re.compile(r"\d{3,4}p|\dk")
_FORMS = {
    "model": re.compile(r"[\w./-]*[a-z][\w./-]*\d[\w./-]*", re.IGNORECASE),
    "seconds": re.compile(r"\d+(s|sec|seconds)?", re.IGNORECASE),
    "ar": re.compile(r"\d+[:x/]\d+", re.IGNORECASE),
    "res": re.compile(r"\d+[pk]?", re.IGNORECASE),
    "fit": re.compile(r"crop|pad", re.IGNORECASE),
}
"""The pattern of each option's value."""
OPTIONS = tuple(f"--{name}" for name in (*_FORMS, *_SHAPES, *_SWITCHES, "720p", "1080p"))
"""All options, as they are listed to people."""
_FIELD_OF = {"ar": "aspect_ratio", "res": "resolution"}
_OPTION_OF = {field: option for option, field in _FIELD_OF.items()}

_LONG, _SHORT = "—–\u2015", "\u2010\u2011\u2212\uff0d"
"""What phones and keyboards of other scripts write instead of two dashes, and of one."""
_OPTION = re.compile(
    rf"(?:^|(?<=\s))(?P<dash>--|[{_LONG}][-{_LONG}]?|(?<!\n)[-{_SHORT}])(?P<space>[^\S\n]*)"
    r"(?:(?P<length>\d{1,3})[^\S\n]?s(?:ec(?:ond)?s?)?(?!\w)|(?P<shape>\d{1,2}:\d{1,2})(?![\w:])"
    r"|(?P<name>[^\W_][\w-]*)(?:=(?P<given>\S*))?)",
    re.IGNORECASE,
)
_NEXT_WORD = re.compile(rf"\s+(?!--|[{_LONG}])(\S+)")
_WORD_ENDS = re.compile(r"\s|\Z")
_PART_ENDS = re.compile(rf"\s*(?:\Z|\n|\s(?:--|[{_LONG}]|[-{_SHORT}](?=\w)))")
"""The end of an option after a dash and a blank; if more words follow, it is prose."""
_AROUND_A_VALUE = "\"'“”‘’„«»,;!?."
_MAX_GIVEN = 40
"""Characters of an option's value that a refusal shows."""

_NEWLINE = re.compile(r"\r\n?")
_WIDE_SPACE = re.compile(r"[\x0b\x0c\x1c-\x1f\x85]")
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class ParsedText:
    """A message split into its prompt and its options."""

    prompt: str
    requested: Options
    problems: tuple[Problem, ...]


class _FoundOption(NamedTuple):
    """An option, and the index in the text where it ends."""

    name: str
    given: str
    end: int


def read(text: str) -> ParsedText:
    """Split a message into its prompt and its options; the last option of each kind counts.

    The prompt stays as it was written, without control characters and lone surrogates.
    """
    text = _UNPRINTABLE.sub("", _WIDE_SPACE.sub(" ", _NEWLINE.sub("\n", text)))
    requested, problems, prompt, at = Options(), [], "", 0
    for match in _OPTION.finditer(text):
        if match.start() < at or (found := _match_option(text, match)) is None:
            continue
        prompt += text[at : match.start()][:-1]  # without the blank before the option
        at = found.end
        if given := _field_of(found.name, found.given):
            requested = replace(requested, **given)
        else:
            problems.append(Problem("option", f"--{found.name}"[:_MAX_GIVEN], OPTIONS))
    return ParsedText((prompt + text[at:]).strip(), requested, tuple(problems))


def _match_option(text: str, match: re.Match[str]) -> _FoundOption | None:
    """Return the option that begins at a match, or None if it is prose.

    Any word right after two dashes is an option. After another dash, or a blank, only a known
    option is one; after a blank, only if nothing but another option follows.
    """
    name, end = (match["name"] or "").lower(), match.end()
    spaced = bool(match["space"])
    typed = match["dash"] == "--" and not spaced
    ends = bool((_PART_ENDS if spaced else _WORD_ENDS).match(text, end))
    if not name:
        value = ("seconds", match["length"]) if match["length"] else ("ar", match["shape"])
        return _FoundOption(*value, end) if typed or ends else None
    if name in _FORMS and not (name == "model" and spaced and match["dash"] != "--"):
        given = match["given"]
        if given is None and (word := _NEXT_WORD.match(text, end)):
            given, end = word[1], word.end()
        given = (given or "").strip(_AROUND_A_VALUE)[:_MAX_GIVEN]
        is_option = typed or _FORMS[name].fullmatch(given)
        return _FoundOption(name, given, end) if is_option else None
    stands_alone = match["given"] is None and ends
    known = name not in _FORMS and _field_of(name, "")
    return _FoundOption(name, "", end) if typed or (known and stands_alone) else None


def _field_of(name: str, given: str) -> dict[str, Any]:
    """Return the field of `Options` that an option sets, or an empty dict for an unknown one."""
    if name in _FORMS:
        return {_FIELD_OF.get(name, name): given}
    if name in _SHAPES:
        return {"aspect_ratio": _SHAPES[name]}
    if name in _SWITCHES:
        return {**_SWITCHES[name]}
    return {"resolution": name} if _RESOLUTION.fullmatch(name) else {}


CHANGE_MARK = "\x1e"
"""Separates a video's prompt from a change to it.

It cannot be typed, is not shown, and is parsed as a blank.
"""
_MIN_SIMILARITY = 0.5
"""Share of common words from which a text is an edit of another one."""
_WORD = r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|\w+"
_SENTENCE_ENDS = re.compile(rf"{CHANGE_MARK}|[.!?…\u061f\u0964]\s|[\u3002\uff01\uff1f]")
_END_MARKS = (".", "!", "?", "…", ":", ";", ",", "\u3002", "\uff01", "\uff1f", "\u061f", "\u0964")


def read_number(word: str) -> int | None:
    """Return a whole number, or None if it is none, or too large for SQLite."""
    return int(word) if re.fullmatch(r"[0-9]{1,18}", word) else None


_NOT_SHOWN = re.compile(r"[\u115f\u1160\u3164\uffa0]|(?<!\S)(?:[#$/]\S*|\S*(?:://|@|\w\.\w)\S*)")
"""Invisible letters; and tags, links, addresses, user names and file names."""


def shows_nothing(words: str) -> bool:
    """Whether words describe nothing that can be shown, or address a person by user name."""
    bare = re.sub(_NOT_SHOWN, "", words)
    return "://" in words or words.startswith("@") or not any(map(str.isalpha, bare))


def is_number(words: str) -> bool:
    """Whether words are only a number, with or without punctuation, which describes nothing."""
    return bool(re.fullmatch(r"[\W_]*\d[\d\W_]*", words)) and not _has_emoji(words)


def _has_emoji(words: str) -> bool:
    """Whether there is an emoji, which may be what the video shows."""
    return any(unicodedata.category(one) == "So" for one in words)


def apply_change(typed: str, before: str, said: str) -> str:
    """Return the text for a video with a change.

    `typed` are the options of the video, `before` is its prompt, and `said` the change. If the
    change is an edit of the prompt it replaces it; otherwise it is appended after `CHANGE_MARK`.
    Options that the change restates are dropped.
    """
    return f"{drop_restated(typed, said)} {_merge(drop_restated(before, said), said)}".strip()


def drop_restated(typed: str, said: str) -> str:
    """Return options, or a text, without the typed options that plain words in `said` restate."""
    restated = plain_options(read(said).prompt)
    for options, value in (
        (r"seconds \S+", restated.seconds),
        (r"(?:ar \S+|horizontal|vertical|square)", restated.aspect_ratio),
        (r"(?:res \S+|\d+[pk])", restated.resolution),
        (r"(?:silent|sound)", restated.silent),
    ):
        typed = typed if value is None else re.sub(rf"--{options}(?!\S)", "", typed)
    return typed


def strip_options(text: str) -> str:
    """Return a text without its options; changes stay separated by `CHANGE_MARK`."""
    return CHANGE_MARK.join(read(part).prompt for part in text.split(CHANGE_MARK))


def _merge(before: str, said: str) -> str:
    if not read(said).prompt:
        return f"{before} {said}".strip()
    idea, *changes = _SENTENCE_ENDS.split(before)
    old, first, new = map(_words, (before, idea, read(said).prompt))
    is_edit = 0 < (first & new).total() >= _MIN_SIMILARITY * first.total()
    # unless it is more like an earlier change: then it is one more change
    most_similar = max(_MIN_SIMILARITY, *(_similarity(_words(one), new) for one in changes), 0)
    if not before or (is_edit and _similarity(old, new) >= most_similar):
        return said
    # no full stop after an option
    end = "" if before.endswith(_END_MARKS) or strip_options(before) != before else "."
    return f"{before}{end}{CHANGE_MARK}{said[:1].upper()}{said[1:]}"


def _words(text: str) -> Counter[str]:
    return Counter(re.findall(_WORD, text.casefold()))


def _similarity(one: Counter[str], other: Counter[str]) -> float:
    return 2 * (one & other).total() / max(1, one.total() + other.total())


_CLEAR_SHAPES = ("16:9", "21:9")
"""Shapes that cannot be a time of day or a result."""
_UNSPACED = r"\u0e01-\u0e3a\u0e40-\u0e4e\u3040-\u30ff\u3400-\u9fff"
"""Letters of scripts in which blanks separate sentences, not words."""
_JOINED = rf"{_UNSPACED}\uac00-\ud7af"
"""These, and those of Korean, which joins units."""
_TIMES_SIGN = re.compile(
    r"(?<=\d)[x×](?=\d)|(?:(?<=\b9)|(?<=\b16))\s?(?:[:/]|by|на)\s?(?=(?:9|16)\b)"
)
"""What is written for a shape's colon."""
_PART = re.compile(
    r"\.(?=\s|\Z)|(?<!\d),|,(?!\d)|[;!?\n()|/—–、·•\u30fb\u3002\u060c\u061f\u0964]|\s-+\s|:\s"
    rf"|(?<=[{_UNSPACED}])\s"
)
_MAX_SECONDS = 300
"""A longer time after other words is that of the subject, not of the video."""
_MAX_WORDS = 12
"""Words at either end of a part where options are searched."""


class _Phrase(NamedTuple):
    """The options a phrase stands for, the letters of its kinds, and a length's unit in seconds."""

    said: Mapping[str, Any]
    kinds: str
    unit: int = 0


_NOTHING = _Phrase({}, "")
_LETTERS = {
    "option": "o",
    "brief length": "b",  # "8s"
    "option alone": "a",  # counts after other options, or if the part says nothing else
    "video": "v",
    "article": "d",
    "thanks": "t",
    "filler": "f",
}
"""A letter for each kind of phrase: what a part of a prompt says is a word of these letters."""
_MEANS_THE_VIDEO = re.compile(
    r"""
    o[^d]*v              # vertical video of ...
    | vo                 # video vertical ...
    | v.*o.*d            # video de 8 segundos de un ...
    | ^(?!d).*(?:od|b)   # vertical a ..., 8s ...
    """,
    re.VERBOSE,
)
"""Options before other words that surely mean the video."""
_HAS_OPTIONS = re.compile(r"(?!d).*(?:o|ad)")
"""Options that mean the video if there are several: 8 seconds vertical ..."""


@cache
def _plain_words() -> dict[str, Any]:
    text = resources.files("generation.orders").joinpath("plain_words.json").read_bytes()
    words: dict[str, Any] = json.loads(text)
    return words


@cache
def _video_words() -> tuple[str, ...]:
    return tuple(
        word for one in _plain_words()["phrases"] for word in one["by kind"].get("video", ())
    )


@cache
def _phrases() -> Mapping[str, list[tuple[list[str], _Phrase]]]:
    """Return the phrases and their words by first word, longest first."""
    found: dict[str, _Phrase] = {}
    for one in _plain_words()["phrases"]:
        for kind, phrases in one["by kind"].items():
            letters = "".join(_LETTERS[name] for name in kind.split(" + "))
            found |= dict.fromkeys(phrases, _Phrase(one["said"], letters))
    by_word = defaultdict[str, list[tuple[list[str], _Phrase]]](list)
    for phrase in sorted(found, key=len, reverse=True):
        [tokens] = _parts(phrase)
        by_word[tokens[0]].append((tokens, found[phrase]))
    return by_word


@cache
def _token() -> re.Pattern[str]:
    """Return a pattern of numbers and words; letters without blanks begin with known words."""
    known = re.findall(f"[{_JOINED}]+", _normalize(json.dumps(_plain_words(), ensure_ascii=False)))
    letter = rf"[^\W\d_{_JOINED}]"
    return re.compile(
        rf"\d{{1,2}}:\d{{1,2}}(?![\d:])|\d{{3,4}}p(?!{letter})|\d+(?:[.,]\d\d?(?!\d))?"
        rf"|{letter}\.{letter}(?!{letter})|{letter}(?:{letter}|[\u0300-\u036f\u064b-\u065f\u0900-\u094f\u200c])*"
        rf"|{'|'.join(sorted(known, key=len, reverse=True))}|[{_JOINED}]+"
    )


def _normalize(text: str) -> str:
    """Return a text without case, with the usual digits and signs."""
    text = unicodedata.normalize("NFKC", text).casefold()
    return re.sub(r"[^\D0-9]", lambda one: str(int(one[0])), _TIMES_SIGN.sub(":", text))


def _parts(text: str) -> list[list[str]]:
    """Return the words and numbers of each part of a text, between its commas."""
    return [_token().findall(part) for part in _PART.split(_normalize(text))]


def plain_options(prompt: str) -> Options:
    """Return the length, shape, resolution and sound that a prompt states in plain words.

    They count if a part of the prompt, between its commas, says nothing else ("…, vertical"), ends
    with them ("… without sound"), or begins with them where that is clear: beside the word video,
    before an article, or several. All of it is confirmed before it costs anything.
    """
    said = _plain_fields(prompt)
    if said.get("seconds") == "0":
        del said["seconds"]
    return Options(**said)


def _plain_fields(prompt: str) -> dict[str, Any]:
    """Return the fields of `Options` in plain words; `seconds` may be "0"."""
    said: dict[str, Any] = {}
    parts = _parts(prompt)
    if shape := next((word for word in chain(*parts) if word in _CLEAR_SHAPES), None):
        said["aspect_ratio"] = shape
    for part in parts:
        said |= _options_of_part(part)
    return said


def options_only(text: str) -> str:
    """Return options as typed, those in plain words with `NEAREST`; "" if a text says more."""
    typed = read(text)
    said = _plain_fields(typed.prompt)
    parts = [(len(one), *_read_phrases(one, 0)[1:]) for one in _parts(typed.prompt)]
    is_other = any(
        end < length or (not said and _LETTERS["thanks"] in kinds) for length, end, kinds in parts
    )
    if typed.problems or _has_emoji(typed.prompt) or is_other:
        return ""
    options = list[str]()
    for name, exact in asdict(typed.requested).items():
        value, near = (exact, "") if exact is not None else (said.get(name), NEAREST)
        option = f"--{_OPTION_OF.get(name, name)}"
        if value is False and name == "silent":
            options.append("--sound")
        elif value:
            options.append(option if value is True else f"{option} {near}{value}")
    return " ".join(options)


def _options_of_part(tokens: list[str]) -> dict[str, Any]:
    """Return the options that a part is, begins with, or ends with."""
    said, end, kinds = _read_phrases(tokens, 0)
    if end == len(tokens):
        return said
    is_sure = (
        _MEANS_THE_VIDEO.search(kinds := kinds[:_MAX_WORDS])
        or (len(said) > 1 and _HAS_OPTIONS.match(kinds))
        # "8 second cat video"
        or ("seconds" in said and tokens[-1].endswith(_video_words()))
    )
    if not is_sure:
        said = {}
    for start in range(max(1, len(tokens) - _MAX_WORDS), len(tokens)):
        last, end, _ = _read_phrases(tokens, start)
        if end == len(tokens) and last:
            if int(last.get("seconds", 0)) > _MAX_SECONDS:
                del last["seconds"]
            return said | last
    return said


def _read_phrases(tokens: list[str], start: int) -> tuple[dict[str, Any], int, str]:
    """Return the options of the phrases from `start` on, their end, and the letters of kinds."""
    said, at, kinds = dict[str, Any](), start, ""
    total = unit = 0
    while at < len(tokens):
        phrase, length = _phrase_at(tokens, at)
        # "a portrait" is what is shown
        is_first = phrase.kinds == _LETTERS["option alone"] and not said
        if not length or (is_first and (start or kinds.endswith(_LETTERS["article"]))):
            break
        said |= phrase.said
        if phrase.unit:
            # "1 min 30 s"
            total = int(phrase.said["seconds"]) + (total if phrase.unit < unit else 0)
            said["seconds"], unit = str(total), phrase.unit
        kinds += phrase.kinds
        at += length
    return said, at, kinds


def _phrase_at(tokens: list[str], at: int) -> tuple[_Phrase, int]:
    """Return the longest phrase at an index, and its number of words, or 0."""
    words, one, before = _plain_words(), tokens[at], tokens[at - 1] if at else ""
    known = (pair for pair in _phrases().get(one, ()) if tokens[at : at + len(pair[0])] == pair[0])
    phrase, found = next(known, ([], _NOTHING))
    length = len(phrase)
    if one[0].isdecimal() or one in words["numbers"]:
        if one[0].isdecimal() and one.endswith("p"):
            found, length = _Phrase({"resolution": one}, _LETTERS["option"]), 1
        elif before in words["not after"] and one not in _CLEAR_SHAPES:
            # the score is 4:3, in the last 8 seconds
            return found, 0
        elif lasts := _length_at(one, "".join(tokens[at + 1 : at + 2])):
            # one second a bird sits
            is_article = found.kinds == _LETTERS["article"]
            found = lasts._replace(kinds="do") if is_article else lasts
            length = 2
    if found.said and before in words["not"]:
        found = _Phrase({}, _LETTERS["filler"])
    return found, length


def _length_at(number: str, unit: str) -> _Phrase | None:
    """Return the length that a number, or its word, and a unit state, or None."""
    words = _plain_words()
    digits, seconds = words["numbers"].get(number, number[:6]), words["units"].get(unit)
    decade = re.fullmatch(r"(\d\d)?[02-9]0s", digits + unit)
    if not seconds or ":" in number or (decade and decade[1]):
        return None
    total = math.ceil(float(digits.replace(",", ".")) * seconds)
    is_brief = unit in words["brief"] and not decade
    kinds = "ob" if is_brief else "o"
    return _Phrase({"seconds": str(total)}, kinds, seconds)
