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
from itertools import chain, pairwise
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
_UNSPACED = r"\u0e01-\u0e3a\u0e40-\u0e4e\u3040-\u30ff\u3400-\u9fff"
"""Letters of the scripts that separate sentences, but not words, by blanks."""
_JOINED = rf"{_UNSPACED}\uac00-\ud7af"
"""The same, and those of Korean, which does not always separate words by blanks."""
_TOKEN = re.compile(
    rf"\d{{1,2}}:\d{{1,2}}(?![\d:])|\d{{3,4}}p(?![^\W{_JOINED}])|\d+(?:[.,]\d\d?(?!\d))?"
    rf"|[{_JOINED}]+|[^\W\d_{_JOINED}]"
    rf"(?:[^\W\d_{_JOINED}]|[\u0300-\u036f\u064b-\u065f\u0900-\u094f\u200c])*"
)
_TIMES_SIGN = re.compile(r"(?<=\d)[x×](?=\d)")
"""Signs used instead of a shape's colon."""
_OTHER_DIGIT = re.compile(r"[^\D0-9]")
_PART = re.compile(
    r"(?<!\d)[.,]|[.,](?!\d)|[;!?\n()|/—–、\u3002\u060c\u061f\u0964]|\s-+\s|:\s"
    rf"|(?<=[{_UNSPACED}])\s"
)
_MAX_SECONDS = 300
"""A longer time at the end of other words is how long the subject lasts, not the video."""
_MAX_TAIL = 12
"""Words at the end of a part in which options are searched."""
_MAX_PHRASE = 6


@dataclass(frozen=True, slots=True)
class _Phrase:
    """The options a phrase stands for.

    `alone` is whether it counts only after other phrases, or if the part says nothing else. `unit`
    is that of a length, in seconds. `begins` is whether what is shown follows: "a", "my".
    """

    said: Mapping[str, str | bool]
    alone: bool = False
    is_video: bool = False
    begins: bool = False
    unit: int = 0


class _Reading(NamedTuple):
    """The phrases of a part, their options, and the index where they end."""

    phrases: list[_Phrase]
    said: dict[str, str | bool]
    end: int


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
    found |= {phrase: _Phrase({}, begins=True) for phrase in words["determiners"]}
    found |= {phrase: _Phrase({}, is_video=True) for phrase in words["video"]}
    for alone in (False, True):
        for shape, phrases in words["shapes alone" if alone else "shapes"].items():
            found |= {one: _Phrase({"aspect_ratio": shape}, alone=alone) for one in phrases}
        silent = words["silent alone" if alone else "silent"]
        found |= {phrase: _Phrase({"silent": True}, alone=alone) for phrase in silent}
    found |= {phrase: _Phrase({"silent": False}) for phrase in words["with sound"]}
    for unit, units in ((1, "seconds"), (60, "minutes"), (3600, "hours")):
        found |= {f"0 {one}": _Phrase({"seconds": ""}, unit=unit) for one in words[units]}
    return {tuple(chain(*_parts(phrase))): one for phrase, one in found.items()}


@cache
def _trigger_words() -> frozenset[str]:
    """Return the words of which a prompt needs at least one to state an option."""
    first = {words[0] for words, phrase in _phrases().items() if phrase.said}
    return frozenset(first | _digits().keys())


@cache
def _joined_words() -> re.Pattern[str]:
    """Return a pattern of the known words that may be written without blanks, longest first."""
    known = re.findall(f"[{_JOINED}]+", _normalize(json.dumps(_plain_words(), ensure_ascii=False)))
    return re.compile("|".join(sorted(known, key=len, reverse=True)))


def _normalize(text: str) -> str:
    """Return a text without case, its digits and signs in their usual form."""
    text = unicodedata.normalize("NFKC", text).casefold()
    return _OTHER_DIGIT.sub(lambda digit: str(int(digit[0])), _TIMES_SIGN.sub(":", text))


def _parts(text: str) -> list[list[str]]:
    """Return the words and numbers of each part of a text, between its commas."""
    return [
        [*chain(*map(_split_joined, _TOKEN.findall(part)))]
        for part in _PART.split(_normalize(text))
    ]


def _split_joined(word: str) -> list[str]:
    """Split off the known words that a word without blanks begins with."""
    found, at = list[str](), 0
    while known := _joined_words().match(word, at):
        found.append(known[0])
        at = known.end()
    return [*found, word[at:]] if at < len(word) else found


def plain_options(prompt: str) -> Options:
    """Return the length, shape, resolution and sound that a prompt states in plain words.

    They count if a part of the prompt, between its commas, says nothing else ("…, vertical, 8
    seconds"), ends with them ("… without sound"), or begins with them and it is clear that they
    are about the video: beside that word ("8 second video of …"), before an article ("8 seconds a
    cat"), or two of them ("vertical 8s cat"). What was read this way is confirmed on a card before
    it costs anything.
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
        or any(_read_phrases(one, 0).end < len(one) for one in _parts(typed.prompt))
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
    """Return the options that a part consists of, begins with, or ends with."""
    begin = _read_phrases(tokens, 0)
    if begin.end == len(tokens):
        return begin.said
    said = begin.said if _is_about_video(begin.phrases, tokens[-1]) else {}
    for start in range(max(1, len(tokens) - _MAX_TAIL), len(tokens)):
        tail = _read_phrases(tokens, start)
        if tail.end == len(tokens) and tail.said:
            if int(tail.said.get("seconds", 0)) > _MAX_SECONDS:
                del tail.said["seconds"]
            return said | tail.said
    return said


def _is_about_video(begin: list[_Phrase], last: str) -> bool:
    """Whether phrases before other words surely describe the video, not what it shows."""
    fields = {name for one in begin for name in one.said}
    options = [at for at, one in enumerate(begin) if one.said and not one.alone]
    if not options:
        return len(fields) > 1 and _precede_idea(begin)
    before, after = begin[: options[0]], begin[options[0] + 1 :]
    return (
        # "vertical video of …", "video vertical …", "video de 8 segundos de un …"
        any(one.is_video for one in after)
        or any(one.is_video for one in before[-1:])
        or (any(one.is_video for one in before) and any(one.begins for one in after))
        or (not begin[0].begins and (len(fields) > 1 or _precede_idea(begin)))
        or ("seconds" in fields and _phrase_at([last], 0)[0].is_video)
    )


def _precede_idea(begin: list[_Phrase]) -> bool:
    return any(one.said and next_.begins for one, next_ in pairwise(begin))


def _read_phrases(tokens: list[str], start: int) -> _Reading:
    """Read phrases from `start` on, as far as they are known."""
    phrases, said, at = list[_Phrase](), dict[str, str | bool](), start
    total = unit = 0
    while at < len(tokens):
        phrase, length = _phrase_at(tokens, at)
        if not length or (phrase.alone and start and not said):
            break
        phrases.append(phrase)
        said |= phrase.said
        if phrase.unit:
            # "1 minute and 30 seconds"
            total = int(phrase.said["seconds"]) + (total if phrase.unit < unit else 0)
            said["seconds"], unit = str(total), phrase.unit
        at += length
    return _Reading(phrases, said, at)


def _phrase_at(tokens: list[str], at: int) -> tuple[_Phrase, int]:
    """Return the longest phrase at an index, and its length in tokens, 0 if none is known."""
    one, phrases = tokens[at], _phrases()
    if one in _PLAIN_SHAPES:
        return _Phrase({"aspect_ratio": one}), 1
    if one[-1] == "p" and one[0].isdecimal():
        return _Phrase({"resolution": one}), 1
    number = _digits().get(one, one[:6])
    named = phrases.get(("0", *tokens[at + 1 : at + 2]))
    if named and number[0].isdecimal() and ":" not in number:
        seconds = math.ceil(float(number.replace(",", ".")) * named.unit)
        # "one second a bird sits there, the next …"
        begins = phrases.get((one,), named).begins
        return replace(named, said={"seconds": str(seconds)}, begins=begins), 2
    lengths = range(min(_MAX_PHRASE, len(tokens) - at), 0, -1)
    length = next((n for n in lengths if tuple(tokens[at : at + n]) in phrases), 0)
    return phrases[tuple(tokens[at : at + length])] if length else _Phrase({}), length
