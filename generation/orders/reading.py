"""Parser of prompts: options as typed or in plain words, and changes to an earlier prompt."""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections import Counter
from dataclasses import dataclass, replace
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
"""Characters of an option's value that are kept, to be shown in a refusal."""

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


MAX_DIGITS = 18
"""Digits of a number that SQLite can hold."""


def read_number(word: str) -> int | None:
    """Return a whole number, or None if it is none, or too large for SQLite."""
    return int(word) if word.isascii() and word.isdigit() and len(word) <= MAX_DIGITS else None


_NOT_SHOWN = re.compile(r"[\u115f\u1160\u3164\uffa0]|(?<!\S)(?:[#$/]\S*|\S*(?:://|@|\w\.\w)\S*)")
"""Invisible letters; and tags, links, addresses, user names and file names."""


def shows_nothing(words: str) -> bool:
    """Whether words describe nothing that can be shown, or address a person by user name."""
    bare = re.sub(_NOT_SHOWN, "", words)
    return "://" in words or words.startswith("@") or not any(map(str.isalpha, bare))


def is_number(words: str) -> bool:
    """Whether words are only a number, with or without punctuation, which describes nothing."""
    return bool(re.fullmatch(r"[\W_]*\d[\d\W_]*", words)) and not any(
        unicodedata.category(one) == "So" for one in words
    )


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


_PLAIN_SHAPES = ("16:9", "9:16", "1:1", "4:3", "3:4", "21:9")
_CLEAR_SHAPES = ("16:9", "21:9")
"""Shapes that cannot be a time of day or the result of a match."""
_UNSPACED = r"\u0e01-\u0e3a\u0e40-\u0e4e\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
"""Letters of the scripts that do not, or not always, separate words by blanks."""
_TOKEN = re.compile(
    rf"\d{{1,2}}:\d{{1,2}}(?![\d:])|\d{{3,4}}p(?![^\W{_UNSPACED}])|\d+(?:[.,]\d\d?(?!\d))?"
    rf"|[{_UNSPACED}]+|[^\W\d_{_UNSPACED}]"
    rf"(?:[^\W\d_{_UNSPACED}]|[\u0300-\u036f\u064b-\u065f\u0900-\u094f\u200c])*"
)
_TIMES_SIGN = re.compile(r"(?<=\d)[x×](?=\d)")
"""Signs used instead of a shape's colon."""
_OTHER_DIGIT = re.compile(r"[^\D0-9]")
_PART = re.compile(r"(?<!\d)[.,]|[.,](?!\d)|[;!?\n()|/—–、\u3002\u060c\u061f\u0964]|\s-+\s|:\s")
_MAX_SECONDS = 300
"""A longer time at the end of other words is how long the subject lasts, not the video."""
_MAX_TAIL = 12
"""Words at the end of a part in which options are searched."""
_MAX_PHRASE = 6


@dataclass(frozen=True, slots=True)
class _Phrase:
    """The options a phrase stands for.

    `alone` is whether it counts only after other phrases, or if the part says nothing else.
    """

    said: Mapping[str, str | bool]
    alone: bool = False
    is_video: bool = False


@cache
def _plain_words() -> dict[str, Any]:
    data = resources.files("generation.orders") / "plain_words.json"
    words: dict[str, Any] = json.loads(data.read_text(encoding="utf-8"))
    return words


@cache
def _digits() -> Mapping[str, str]:
    numbers = _plain_words()["numbers"].items()
    return {word.casefold(): digits for digits, words in numbers for word in words}


@cache
def _phrases() -> Mapping[tuple[str, ...], _Phrase]:
    words = _plain_words()
    found = {phrase: _Phrase({}) for phrase in words["besides"]}
    found |= {phrase: _Phrase({}, is_video=True) for phrase in words["video"]}
    for alone in (False, True):
        for shape, phrases in words["shapes alone" if alone else "shapes"].items():
            found |= {one: _Phrase({"aspect_ratio": shape}, alone=alone) for one in phrases}
        silent = words["silent alone" if alone else "silent"]
        found |= {phrase: _Phrase({"silent": True}, alone=alone) for phrase in silent}
    found |= {phrase: _Phrase({"silent": False}) for phrase in words["with sound"]}
    for one, units in (("1", "seconds"), ("60", "minutes"), ("3600", "hours")):
        found |= {f"0 {unit}": _Phrase({"seconds": one}) for unit in words[units]}
    return {tuple(chain(*_parts(phrase))): one for phrase, one in found.items()}


@cache
def _trigger_words() -> frozenset[str]:
    """Return the words of which a prompt needs at least one to state an option."""
    first = {words[0] for words, phrase in _phrases().items() if phrase.said}
    return frozenset(first | _digits().keys())


@cache
def _unspaced_words() -> re.Pattern[str]:
    """Return a pattern of the known words that may be written without blanks, longest first."""
    known = re.findall(
        f"[{_UNSPACED}]+", _normalize(json.dumps(_plain_words(), ensure_ascii=False))
    )
    return re.compile("|".join(sorted(known, key=len, reverse=True)))


def _normalize(text: str) -> str:
    """Return a text without case, its digits and signs in their usual form."""
    text = unicodedata.normalize("NFKC", text).casefold()
    return _OTHER_DIGIT.sub(lambda digit: str(int(digit[0])), _TIMES_SIGN.sub(":", text))


def _parts(text: str) -> list[list[str]]:
    """Return the words and numbers of each part of a text, between its commas.

    Words written without blanks are split if all are known.
    """
    return [
        [*chain(*map(_split_unspaced, _TOKEN.findall(part)))]
        for part in _PART.split(_normalize(text))
    ]


def _split_unspaced(word: str) -> list[str]:
    known = _unspaced_words().findall(word)
    return known if "".join(known) == word else [word]


def plain_options(prompt: str) -> Options:
    """Return the length, shape, resolution and sound that a prompt states in plain words.

    They count if a part of the prompt, between its commas, says nothing else ("…, vertical, 8
    seconds"), ends with them ("… without sound"), or begins with them before the word video ("8
    second video of …"). What was read this way is confirmed on a card before it costs anything.
    """
    said = _plain_fields(prompt)
    if said.get("seconds") == "0":
        del said["seconds"]
    return Options(**said)


def _plain_fields(prompt: str) -> dict[str, Any]:
    """Return the fields of `Options` that a prompt states in plain words; `seconds` may be "0"."""
    said: dict[str, Any] = {}
    parts = _parts(prompt)
    words = [*chain(*parts)]
    if not any(word[0].isdecimal() for word in words) and _trigger_words().isdisjoint(words):
        return said
    if shape := next((word for word in words if word in _CLEAR_SHAPES), None):
        said["aspect_ratio"] = shape
    for part in parts:
        said |= _options_of_part(part)
    return said


def options_only(text: str) -> str:
    """Return the options of a text in their typed form, or "" if it says anything else.

    Options in plain words are marked with `NEAREST`.
    """
    typed = read(text)
    said = _plain_fields(typed.prompt)
    # an emoji may be what the video shows
    has_emoji = any(unicodedata.category(character) == "So" for character in typed.prompt)
    if (
        typed.problems
        or has_emoji
        or any(_read_phrases(one, 0, whole=True)[1] < len(one) for one in _parts(typed.prompt))
    ):
        return ""
    near = {name: f"{NEAREST}{one}" if isinstance(one, str) else one for name, one in said.items()}
    options = list[str]()
    for name, option in _OPTION_NAMES.items():
        exact = getattr(typed.requested, name)
        value = near.get(name) if exact is None else exact
        if value:
            options.append(option if value is True else f"{option} {value}")
        elif value is False and name == "silent":
            options.append("--sound")
    return " ".join(options)


_OPTION_NAMES = {
    "model": "--model", "pro": "--pro", "seconds": "--seconds", "aspect_ratio": "--ar",
    "resolution": "--res", "fit": "--fit", "silent": "--silent",
}  # fmt: skip


def _options_of_part(tokens: list[str]) -> dict[str, str | bool]:
    """Return the options at the end of a part, or at its beginning before the word video."""
    for start in range(max(0, len(tokens) - _MAX_TAIL) if tokens else 0, len(tokens)):
        found, end, _ = _read_phrases(tokens, start, whole=start == 0)
        if end == len(tokens) and found:
            if start and int(found.get("seconds", 0)) > _MAX_SECONDS:
                del found["seconds"]
            return found
    found, _, is_video = _read_phrases(tokens, 0, whole=False)
    return found if is_video else {}


def _read_phrases(
    tokens: list[str], start: int, *, whole: bool
) -> tuple[dict[str, str | bool], int, bool]:
    """Read phrases from `start` on.

    Returns their options, the index where they end, and whether they name a video.
    """
    said: dict[str, str | bool] = {}
    at, is_video, total, before, phrases, digits = start, False, 0, 0, _phrases(), _digits()
    while at < len(tokens):
        one = tokens[at]
        if one in _PLAIN_SHAPES:
            said["aspect_ratio"] = one
            length = 1
        elif one[-1] == "p" and one[0].isdecimal():
            said["resolution"] = one
            length = 1
        elif (
            ":" not in one
            and (number := digits.get(one, one[:6]))[0].isdecimal()
            and (unit := phrases.get(("0", *tokens[at + 1 : at + 2])))
        ):
            by = int(unit.said["seconds"])
            seconds = math.ceil(float(number.replace(",", ".")) * by) + (
                total if by < before else 0
            )
            total, before = seconds, by
            said["seconds"] = str(seconds)
            length = 2
        else:
            left = len(tokens) - at
            lengths = range(min(_MAX_PHRASE, left), 0, -1)
            length = next((n for n in lengths if tuple(tokens[at : at + n]) in phrases), 0)
            if not length:
                break
            phrase = phrases[tuple(tokens[at : at + length])]
            if phrase.alone and not (whole or said):
                break
            said |= phrase.said
            is_video = is_video or (phrase.is_video and bool(said))
        at += length
    return said, at, is_video
