"""Texts read: the prompt, the options as typed or in plain words, and what a change makes of it."""

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
"""What the value of an option looks like."""
OPTIONS = tuple(f"--{name}" for name in (*_FORMS, *_SHAPES, *_SWITCHES, "720p", "1080p"))
"""What can be typed, as it is told to people."""
_FIELD_OF = {"ar": "aspect_ratio", "res": "resolution"}

_LONG, _SHORT = "—–\u2015", "\u2010\u2011\u2212\uff0d"
"""What phones and keyboards of other scripts write in the place of two dashes, and of one."""
_OPTION = re.compile(
    rf"(?:^|(?<=\s))(?P<dash>--|[{_LONG}][-{_LONG}]?|(?<!\n)[-{_SHORT}])(?P<space>[^\S\n]*)"
    r"(?:(?P<length>\d{1,3})[^\S\n]?s(?:ec(?:ond)?s?)?(?!\w)|(?P<shape>\d{1,2}:\d{1,2})(?![\w:])"
    r"|(?P<name>[^\W_][\w-]*)(?:=(?P<given>\S*))?)",
    re.IGNORECASE,
)
_NEXT_WORD = re.compile(rf"\s+(?!--|[{_LONG}])(\S+)")
_WORD_ENDS = re.compile(r"\s|\Z")
_PART_ENDS = re.compile(rf"\s*(?:\Z|\n|\s(?:--|[{_LONG}]|[-{_SHORT}](?=\w)))")
"""The end of what stands behind a dash and a blank: prose goes on."""
_AROUND_A_VALUE = "\"'“”‘’„«»,;!?."
_GIVEN_LIMIT = 40
"""Characters of what was given that are said back."""

_NEWLINE = re.compile(r"\r\n?")
_WIDE_SPACE = re.compile(r"[\x0b\x0c\x1c-\x1f\x85]")
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Read:
    """A message taken apart."""

    prompt: str
    requested: Options
    problems: tuple[Problem, ...]


class _Found(NamedTuple):
    """An option, and where in the text it ends."""

    name: str
    given: str
    end: int


def read(text: str) -> Read:
    """Take the options out of a message; the last of each kind counts.

    The rest stays as it was written, but for control characters and halves of surrogate pairs.
    """
    text = _UNPRINTABLE.sub("", _WIDE_SPACE.sub(" ", _NEWLINE.sub("\n", text)))
    requested, problems, prompt, at = Options(), [], "", 0
    for match in _OPTION.finditer(text):
        if match.start() < at or (found := _found(text, match)) is None:
            continue
        prompt += text[at : match.start()][:-1]  # the blank before an option goes with it
        at = found.end
        if given := _as_field(found.name, found.given):
            requested = replace(requested, **given)
        else:
            problems.append(Problem("option", f"--{found.name}"[:_GIVEN_LIMIT], OPTIONS))
    return Read((prompt + text[at:]).strip(), requested, tuple(problems))


def _found(text: str, match: re.Match[str]) -> _Found | None:
    """Return the option that begins here, None where it is prose.

    Two dashes right before a word make an option of it. Behind any other dash, or a blank, counts
    what looks like a known one; behind a blank nothing may follow that is not said with a dash.
    """
    name, end = (match["name"] or "").lower(), match.end()
    spaced = bool(match["space"])
    typed = match["dash"] == "--" and not spaced
    ends = bool((_PART_ENDS if spaced else _WORD_ENDS).match(text, end))
    if not name:
        value = ("seconds", match["length"]) if match["length"] else ("ar", match["shape"])
        return _Found(*value, end) if typed or ends else None
    if name in _FORMS and not (name == "model" and spaced and match["dash"] != "--"):
        given = match["given"]
        if given is None and (word := _NEXT_WORD.match(text, end)):
            given, end = word[1], word.end()
        given = (given or "").strip(_AROUND_A_VALUE)[:_GIVEN_LIMIT]
        meant = typed or _FORMS[name].fullmatch(given)
        return _Found(name, given, end) if meant else None
    stands_alone = match["given"] is None and ends
    known = name not in _FORMS and _as_field(name, "")
    return _Found(name, "", end) if typed or (known and stands_alone) else None


def _as_field(name: str, given: str) -> dict[str, Any]:
    """Return the field of Options an option sets, nothing for a word that is no option."""
    if name in _FORMS:
        return {_FIELD_OF.get(name, name): given}
    if name in _SHAPES:
        return {"aspect_ratio": _SHAPES[name]}
    if name in _SWITCHES:
        return {**_SWITCHES[name]}
    return {"resolution": name} if _RESOLUTION.fullmatch(name) else {}


CHANGE = "\x1e"
"""What stands in a text between a video's words and what should be different.

Nobody can type it, and nobody sees it: it is read as a blank.
"""
_ALIKE = 0.5
"""The share of common words from which on a text is another one edited, or written anew."""
_WORD = r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|\w+"
_SENTENCE_ENDS = re.compile(rf"{CHANGE}|[.!?…\u061f\u0964]\s|[\u3002\uff01\uff1f]")
_ENDS = (".", "!", "?", "…", ":", ";", ",", "\u3002", "\uff01", "\uff1f", "\u061f", "\u0964")


LONGEST_NUMBER = 18
"""Digits that SQLite can hold."""


def read_number(word: str) -> int | None:
    """Read a whole number; None for anything else, or more than SQLite can hold."""
    return int(word) if word.isascii() and word.isdigit() and len(word) <= LONGEST_NUMBER else None


_NOT_SEEN = re.compile(r"[\u115f\u1160\u3164\uffa0]|(?<!\S)(?:[#$/]\S*|\S*(?:://|@|\w\.\w)\S*)")
"""Letters that are not seen; and tags, links, addresses, names of people and of files."""


def shows_nothing(words: str) -> bool:
    """Whether words name nothing to be seen, or say something to somebody by name."""
    bare = re.sub(_NOT_SEEN, "", words)
    return "://" in words or words.startswith("@") or not any(map(str.isalpha, bare))


def is_number(words: str) -> bool:
    """Whether words are a number, with signs around it or not: that shows nothing."""
    return bool(re.fullmatch(r"[\W_]*\d[\d\W_]*", words)) and not any(
        unicodedata.category(one) == "So" for one in words
    )


def changed(typed: str, before: str, said: str) -> str:
    """Return what to type for a video whose `typed` options and words were, once more is said.

    Where that is the words before, edited, it is all; else both stand together: nobody here can
    tell which of the old words the new ones mean. An option that is spoken of is typed no more.
    """
    return f"{unspoken(typed, said)} {_merged(unspoken(before, said), said)}".strip()


def unspoken(typed: str, said: str) -> str:
    """Return the options of a video without those that are spoken of now."""
    spoken = plain(read(said).prompt)
    for options, value in (
        (r"seconds \S+", spoken.seconds),
        (r"(?:ar \S+|horizontal|vertical|square)", spoken.aspect_ratio),
        (r"(?:res \S+|\d+[pk])", spoken.resolution),
        (r"(?:silent|sound)", spoken.silent),
    ):
        typed = typed if value is None else re.sub(rf"--{options}(?!\S)", "", typed)
    return typed


def words_alone(text: str) -> str:
    """Return a text without its options; what should be different stays marked."""
    return CHANGE.join(read(part).prompt for part in text.split(CHANGE))


def _merged(before: str, said: str) -> str:
    if not read(said).prompt:
        return f"{before} {said}".strip()
    idea, *changes = _SENTENCE_ENDS.split(before)
    old, first, new = map(_words, (before, idea, read(said).prompt))
    is_about_it = 0 < (first & new).total() >= _ALIKE * first.total()
    # one change more may be worded as another was
    likest = max(_ALIKE, *(_likeness(_words(one), new) for one in changes), 0)
    if not before or (is_about_it and _likeness(old, new) >= likest):
        return said
    # an option at its end needs none
    end = "" if before.endswith(_ENDS) or words_alone(before) != before else "."
    return f"{before}{end}{CHANGE}{said[:1].upper()}{said[1:]}"


def _words(text: str) -> Counter[str]:
    return Counter(re.findall(_WORD, text.casefold()))


def _likeness(one: Counter[str], other: Counter[str]) -> float:
    return 2 * (one & other).total() / max(1, one.total() + other.total())


_SHAPES_SAID = ("16:9", "9:16", "1:1", "4:3", "3:4", "21:9")
_NO_TIMES = ("16:9", "21:9")
"""Shapes that no clock shows, nor a match ends with."""
_UNSPACED = r"\u0e01-\u0e3a\u0e40-\u0e4e\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
"""Letters of the scripts that part no words by blanks, or not always."""
_TOKEN = re.compile(
    rf"\d{{1,2}}:\d{{1,2}}(?![\d:])|\d{{3,4}}p(?![^\W{_UNSPACED}])|\d+(?:[.,]\d\d?(?!\d))?"
    rf"|[{_UNSPACED}]+|[^\W\d_{_UNSPACED}]"
    rf"(?:[^\W\d_{_UNSPACED}]|[\u0300-\u036f\u064b-\u065f\u0900-\u094f\u200c])*"
)
_TIMES = re.compile(r"(?<=\d)[x×\uff1a](?=\d)")
"""What stands in the place of a shape's colon."""
_PART = re.compile(
    r"(?<!\d)[.,]|[.,](?!\d)|[;!?\n()|/—–、\u3002\uff0c\uff01\uff1f\uff1b\u060c\u061f\u0964]|\s-+\s|:\s"
)
_LONGEST_SECONDS = 300
_LONGEST_TAIL = 12
"""Words at the end of a part among which options are looked for."""
_LONGEST_PHRASE = 6


@dataclass(frozen=True, slots=True)
class _Phrase:
    """What a phrase says of a video; `alone` where only behind others, or by itself."""

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
    """Return the numbers that lengths have, by the words for them."""
    numbers = _plain_words()["numbers"].items()
    return {word.casefold(): digits for digits, words in numbers for word in words}


@cache
def _phrases() -> Mapping[tuple[str, ...], _Phrase]:
    """Return the phrases that speak of a video's options, in any language, by their words."""
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
    return {tuple(_tokens(phrase)): one for phrase, one in found.items()}


@cache
def _telling() -> frozenset[str]:
    """Return the words without one of which nothing is said."""
    first = {words[0] for words, phrase in _phrases().items() if phrase.said}
    return frozenset(first | _digits().keys())


@cache
def _unspaced() -> re.Pattern[str]:
    """Return a pattern of the known words that may be written without blanks, longest first."""
    known = re.findall(f"[{_UNSPACED}]+", json.dumps(_plain_words(), ensure_ascii=False))
    return re.compile("|".join(sorted(known, key=len, reverse=True)))


def _tokens(text: str) -> list[str]:
    """Return the words and numbers of a text; without blanks, known words alone are parted."""
    found = _TOKEN.findall(_TIMES.sub(":", unicodedata.normalize("NFC", text).casefold()))
    parts = [(one, _unspaced().findall(one)) for one in found]
    return [*chain(*(known if "".join(known) == one else [one] for one, known in parts))]


def plain(prompt: str) -> Options:
    """Return what a prompt says in plain words of length, shape, resolution and sound.

    It counts where a part of it, between its commas, says nothing else ("…, vertical, 8 seconds"),
    ends with it ("… without sound"), or begins with it before the word video ("8 second video of
    …"). What is said so never costs unseen: it is put on a card.
    """
    said = _said_in(prompt)
    if int(said.get("seconds", 1)) not in range(1, _LONGEST_SECONDS + 1):
        # the subject lasts that long, not the video
        del said["seconds"]
    return Options(**said)


def _said_in(prompt: str) -> dict[str, Any]:
    """Return the fields of Options that plain words set; `seconds` may be any number."""
    said: dict[str, Any] = {}
    words = _tokens(prompt)
    if not any(word[0].isdecimal() for word in words) and _telling().isdisjoint(words):
        return said
    if shape := next((word for word in words if word in _NO_TIMES), None):
        said["aspect_ratio"] = shape
    for part in _PART.split(prompt):
        said |= _said(_tokens(part))
    return said


def options_alone(text: str) -> str:
    """Return a text that says nothing but options as they are typed; "" for any other text.

    Plain words become options for which the nearest offered value will do.
    """
    typed = read(text)
    said = _said_in(typed.prompt)
    parts = [_tokens(part) for part in _PART.split(typed.prompt)]
    # an emoji may be an idea
    signs = any(unicodedata.category(character) == "So" for character in typed.prompt)
    if typed.problems or signs or any(_read(one, 0, whole=True)[1] < len(one) for one in parts):
        return ""
    near = {name: f"{NEAREST}{one}" if isinstance(one, str) else one for name, one in said.items()}
    options = list[str]()
    for name, option in _TYPED.items():
        exact = getattr(typed.requested, name)
        value = near.get(name) if exact is None else exact
        if value:
            options.append(option if value is True else f"{option} {value}")
        elif value is False and name == "silent":
            options.append("--sound")
    return " ".join(options)


_TYPED = {
    "model": "--model", "pro": "--pro", "seconds": "--seconds", "aspect_ratio": "--ar",
    "resolution": "--res", "fit": "--fit", "silent": "--silent",
}  # fmt: skip


def _said(tokens: list[str]) -> dict[str, str | bool]:
    """Return what the tail of a part says of a video, or its head before the word video."""
    for start in range(max(0, len(tokens) - _LONGEST_TAIL) if tokens else 0, len(tokens)):
        found, end, _ = _read(tokens, start, whole=start == 0)
        if end == len(tokens) and found:
            return found
    found, _, is_video = _read(tokens, 0, whole=False)
    return found if is_video else {}


def _read(tokens: list[str], start: int, *, whole: bool) -> tuple[dict[str, str | bool], int, bool]:
    """Read phrases from a word on; tells what they say, where they end, and whether of a video."""
    said: dict[str, str | bool] = {}
    at, is_video, total, before, phrases, digits = start, False, 0, 0, _phrases(), _digits()
    while at < len(tokens):
        one = tokens[at]
        if one in _SHAPES_SAID:
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
            lengths = range(min(_LONGEST_PHRASE, left), 0, -1)
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
