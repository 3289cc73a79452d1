"""The wishes in a prompt: its options, as they are typed.

    a cat on a boat --seconds 8 --vertical     typed
    a cat on a boat —seconds 8 —vertical       what phones make of it
    my garden — the roses at dawn              prose

A typed `--word` is always meant as an option. A long dash begins one only where the name of an
option hangs on it, with a value of that option's form: people write dialogues with it.
What is offered plays no part here; `generation.orders.options` settles the wishes against it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

OPTIONS = (
    "--model", "--pro", "--seconds", "--ar", "--horizontal", "--vertical", "--square",
    "--720p", "--1080p", "--res", "--fit", "--silent",
)  # fmt: skip
"""What can be typed, as it is told to people."""

_SHAPES = {"horizontal": "16:9", "vertical": "9:16", "square": "1:1"}
_SWITCHES = frozenset({"pro", "silent"})
_RESOLUTION = re.compile(r"\d{3,4}p|\dk")
_FORMS = {
    "model": re.compile(r"[\w./-]*[a-z][\w./-]*\d[\w./-]*", re.IGNORECASE),
    "seconds": re.compile(r"\d+(s|sec|seconds)?", re.IGNORECASE),
    "ar": re.compile(r"\d+[:x/]\d+", re.IGNORECASE),
    "res": re.compile(r"\d+[pk]?", re.IGNORECASE),
    "fit": re.compile(r"crop|pad", re.IGNORECASE),
}
"""What the value of an option looks like."""
_WISHES = {"ar": "aspect_ratio", "res": "resolution"}

_OPTION = re.compile(r"(?:^|(?<=\s))(?P<dash>--|[—–]-?)(?P<name>[^\W_][\w-]*)(?:=(?P<given>\S*))?")
_NEXT_WORD = re.compile(r"\s+(?!--|[—–])(\S+)")
_WORD_ENDS = re.compile(r"\s|\Z")
_AROUND_A_VALUE = "\"'“”‘’„«»,;!?."
_GIVEN_LIMIT = 40
"""Characters of what was given that are said back."""

_NEWLINE = re.compile(r"\r\n?")
_ODD_SPACE = re.compile(r"[\x0b\x0c\x1c-\x1f\x85]")
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Wishes:
    """What somebody asked for, as typed; None or False where they did not say."""

    model: str | None = None
    pro: bool = False
    seconds: str | None = None
    aspect_ratio: str | None = None
    resolution: str | None = None
    fit: str | None = None
    silent: bool = False


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that cannot be had: which option, what was given, and what there is instead.

    `option` is a name of `OPTIONS` without its dashes, "option" for a word that is none of them,
    or "prompt". `family` is the one that does not offer it, "" where it is not about one.
    """

    option: str
    given: str
    offered: tuple[str, ...]
    family: str = ""


@dataclass(frozen=True, slots=True)
class Read:
    """A message taken apart."""

    prompt: str
    wishes: Wishes
    problems: tuple[Problem, ...]


class _Found(NamedTuple):
    """An option, and where in the text it ends."""

    name: str
    given: str
    end: int


def read(text: str) -> Read:
    """Take the options out of a message; the last of each kind counts.

    The rest stays as it was written, but for characters that cannot be shown.
    """
    text = _printable(text)
    wishes, problems, prompt, at = Wishes(), [], "", 0
    for match in _OPTION.finditer(text):
        if match.start() < at or (found := _found(text, match)) is None:
            continue
        prompt += text[at : match.start()][:-1]  # the blank before an option goes with it
        at = found.end
        if wish := _wish(found.name, found.given):
            wishes = replace(wishes, **wish)
        else:
            problems.append(Problem("option", f"--{found.name}"[:_GIVEN_LIMIT], OPTIONS))
    return Read((prompt + text[at:]).strip(), wishes, tuple(problems))


def _printable(text: str) -> str:
    """Drop control characters and halves of surrogate pairs; keep line breaks and tabs."""
    return _UNPRINTABLE.sub("", _ODD_SPACE.sub(" ", _NEWLINE.sub("\n", text)))


def _found(text: str, match: re.Match[str]) -> _Found | None:
    """Return the option that begins here, None where it is prose."""
    name, end = match["name"].lower(), match.end()
    typed = match["dash"] == "--"
    if name in _FORMS:
        given = match["given"]
        if given is None and (word := _NEXT_WORD.match(text, end)):
            given, end = word[1], word.end()
        given = (given or "").strip(_AROUND_A_VALUE)[:_GIVEN_LIMIT]
        meant = typed or _FORMS[name].fullmatch(given)
        return _Found(name, given, end) if meant else None
    stands_alone = match["given"] is None and _WORD_ENDS.match(text, end)
    return _Found(name, "", end) if typed or (_wish(name, "") and stands_alone) else None


def _wish(name: str, given: str) -> dict[str, Any]:
    """Return the field of Wishes an option sets, nothing for a word that is no option."""
    if name in _FORMS:
        return {_WISHES.get(name, name): given}
    if name in _SHAPES:
        return {"aspect_ratio": _SHAPES[name]}
    if name in _SWITCHES:
        return {name: True}
    return {"resolution": name} if _RESOLUTION.fullmatch(name) else {}
