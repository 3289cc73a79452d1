"""The options of a video, settled against the offer: model, length, shape, resolution.

What somebody typed is kept or refused, with what there is instead. What they saved, or nobody
chose, becomes the nearest that is offered, without a word.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeVar

from generation.models.offer import People

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from generation.models.offer import Family, Kind, Mode, Offer

__all__ = [
    "FITS",
    "OPTIONS",
    "Choice",
    "Defaults",
    "Fit",
    "Options",
    "Problem",
    "Read",
    "as_requested",
    "check_prompt",
    "read",
    "settle",
    "settle_leniently",
]

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
class Options:
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
    requested: Options
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


def _printable(text: str) -> str:
    """Drop control characters and halves of surrogate pairs; keep line breaks and tabs."""
    return _UNPRINTABLE.sub("", _WIDE_SPACE.sub(" ", _NEWLINE.sub("\n", text)))


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
        return {name: True}
    return {"resolution": name} if _RESOLUTION.fullmatch(name) else {}


_SHAPE = re.compile(r"([1-9]\d{0,3}):([1-9]\d{0,3})")
_LINES = re.compile(r"(\d{1,4})p", re.IGNORECASE)
_NAMED_LINES: Mapping[str, float] = MappingProxyType(
    {"hd": 720.0, "fhd": 1080.0, "2k": 1440.0, "4k": 2160.0}
)


def nearest_seconds(wanted: int, offered: Sequence[int]) -> int:
    """Return the length that differs least; the shorter of two."""
    return min(offered, key=lambda seconds: abs(seconds - wanted))


def nearest_shape(wanted: str, offered: Sequence[str]) -> str | None:
    """Return the shape ("W:H") that differs least; None where there is none to choose."""
    return next(iter(by_shape(wanted, offered)), None)


def nearest_resolution(wanted: str, offered: Sequence[str]) -> str | None:
    """Return the resolution whose number of lines differs least; None where there is none."""
    return next(iter(by_resolution(wanted, offered)), None)


def by_shape(wanted: str, offered: Sequence[str]) -> list[str]:
    """Return the shapes, the nearest first."""
    return _by_distance(wanted, offered, _slope)


def by_resolution(wanted: str, offered: Sequence[str]) -> list[str]:
    """Return the resolutions, the nearest first."""
    return _by_distance(wanted, offered, _lines)


def is_shape(text: str) -> bool:
    """Whether this is a shape, offered or not."""
    return _slope(text) is not None


def is_resolution(text: str) -> bool:
    """Whether this is a resolution, offered or not."""
    return _lines(text) is not None


def _by_distance(
    wanted: str, offered: Sequence[str], measure: Callable[[str], float | None]
) -> list[str]:
    """Sort by the distance from what is wanted; what cannot be measured stays in its order."""
    aim = measure(wanted)

    def distance(value: str) -> tuple[bool, float]:
        size = measure(value)
        return value != wanted, math.inf if aim is None or size is None else abs(size - aim)

    return sorted(offered, key=distance)


def _slope(shape: str) -> float | None:
    """Return how wide a shape is for its height, so that 16:9 and 9:16 lie as far from a square."""
    match = _SHAPE.fullmatch(shape)
    return math.log(int(match[1]) / int(match[2])) if match else None


def _lines(resolution: str) -> float | None:
    match = _LINES.fullmatch(resolution)
    return float(match[1]) if match else _NAMED_LINES.get(resolution.casefold())


Fit = Literal["crop", "pad"]

FITS: tuple[Fit, ...] = ("crop", "pad")
USUAL_SHAPE = "16:9"
USUAL_RESOLUTION = "720p"
"""What is taken where nobody chose; dearer ones are for those who ask."""

_UNSAID: Mapping[str, dict[str, Any]] = MappingProxyType(
    {
        "seconds": {"seconds": None},
        "ar": {"aspect_ratio": None},
        "res": {"resolution": None},
        "silent": {"silent": False},
        "pro": {"pro": False},
    }
)
"""How an option is left out that a family cannot meet."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Defaults:
    """What somebody saved; None where they did not choose."""

    family: str | None = None
    seconds: int | None = None
    aspect_ratio: str | None = None
    resolution: str | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """A video that can be ordered. The shape is None where the picture decides it."""

    kind: Kind
    family: Family
    mode: Mode
    seconds: int
    aspect_ratio: str | None
    resolution: str | None
    fit: Fit
    silent: bool


class _NotOfferedError(Exception):
    def __init__(self, problem: Problem) -> None:
        self.problem = problem


def settle(requested: Options, defaults: Defaults, offer: Offer, kind: Kind) -> Choice | Problem:
    """Return the video that is meant, or the first option that the offer cannot meet."""
    try:
        family, mode = _family(requested, defaults, offer, kind)
        resolution = _resolution(requested, defaults, family, mode)
        return Choice(
            kind=kind,
            family=family,
            mode=mode,
            seconds=_seconds(requested, defaults, family, mode, resolution),
            aspect_ratio=_shape(requested, defaults, family, mode, kind),
            resolution=resolution,
            fit=_fit(requested),
            silent=_silent(requested, offer, family, mode, kind),
        )
    except _NotOfferedError as refusal:
        return refusal.problem


def settle_leniently(
    requested: Options, defaults: Defaults, offer: Offer, kind: Kind
) -> Choice | Problem:
    """As `settle`, without the options that the family meant cannot meet."""
    settled = settle(requested, defaults, offer, kind)
    while isinstance(settled, Problem) and settled.family:
        requested = replace(requested, **_UNSAID[settled.option])
        settled = settle(requested, defaults, offer, kind)
    return settled


def as_requested(choice: Choice, requested: Options) -> Choice | None:
    """Return a video with all that was typed, offered or not; None where that is no such thing."""
    seconds, shape, resolution = choice.seconds, choice.aspect_ratio, choice.resolution
    if requested.seconds is not None:
        digits = _digits(requested.seconds)
        if not digits.isdecimal():
            return None
        seconds = int(digits)
    if requested.aspect_ratio is not None:
        shape = _typed_shape(requested.aspect_ratio)
    if requested.resolution is not None:
        resolution = _typed_resolution(requested.resolution)
    if (shape and not is_shape(shape)) or (resolution and not is_resolution(resolution)):
        return None
    silent = choice.silent or requested.silent
    return replace(
        choice, seconds=seconds, aspect_ratio=shape, resolution=resolution, silent=silent
    )


def check_prompt(prompt: str, choice: Choice) -> Problem | None:
    """Return what is wrong with a prompt: it is missing, or longer than the model takes.

    A picture alone says enough to be animated.
    """
    limit = choice.mode.prompt_limit
    if not prompt and choice.kind == "t2v":
        return Problem("prompt", "", (), choice.family.name)
    if limit is not None and len(prompt) > limit:
        return Problem("prompt", str(len(prompt)), (str(limit),), choice.family.name)
    return None


def _family(
    requested: Options, defaults: Defaults, offer: Offer, kind: Kind
) -> tuple[Family, Mode]:
    able = {family.name: (family, mode) for family in offer if (mode := family.mode(kind))}
    name = _usual_family([family for family, _ in able.values()], defaults, kind)
    if requested.model is not None or name is None:
        name = (requested.model or "").casefold()
        if name not in able:
            raise _NotOfferedError(Problem("model", requested.model or "", tuple(able)))
    if requested.pro:
        better = able[name][0].pro
        if better not in able:
            with_better = tuple(family.name for family, _ in able.values() if family.pro in able)
            raise _NotOfferedError(Problem("pro", "", with_better, name))
        name = better
    return able[name]


def _usual_family(able: list[Family], defaults: Defaults, kind: Kind) -> str | None:
    """Return the saved family, else the first; for a picture, of those that take people."""
    names = [family.name for family in able]
    if defaults.family in names:
        return defaults.family
    if kind == "i2v":
        names.sort(key=[f.name for f in able if f.people is People.YES].__contains__, reverse=True)
    return names[0] if names else None


def _seconds(
    requested: Options,
    defaults: Defaults,
    family: Family,
    mode: Mode,
    resolution: str | None,
) -> int:
    offered = tuple(seconds for seconds in mode.seconds if mode.offers(seconds, resolution))
    saved = offered[0] if defaults.seconds is None else defaults.seconds
    return _pick(
        Problem("seconds", requested.seconds or "", tuple(map(str, offered)), family.name),
        None if requested.seconds is None else _digits(requested.seconds),
        {str(seconds): seconds for seconds in offered},
        nearest_seconds(saved, offered),
    )


def _digits(typed: str) -> str:
    """Return the number of a length as it was typed: "08 seconds" is 8."""
    return typed.lower().rstrip("second").lstrip("0")


def _shape(
    requested: Options, defaults: Defaults, family: Family, mode: Mode, kind: Kind
) -> str | None:
    given, saved = requested.aspect_ratio, defaults.aspect_ratio or USUAL_SHAPE
    return _pick(
        Problem("ar", given or "", mode.aspect_ratios, family.name),
        None if given is None else _typed_shape(given),
        {shape: shape for shape in mode.aspect_ratios},
        None if kind == "i2v" else nearest_shape(saved, mode.aspect_ratios),
    )


def _typed_shape(given: str) -> str:
    return given.lower().replace("x", ":").replace("/", ":")


def _resolution(requested: Options, defaults: Defaults, family: Family, mode: Mode) -> str | None:
    given, saved = requested.resolution, defaults.resolution or USUAL_RESOLUTION
    length = _digits(requested.seconds or "")
    together = [
        resolution
        for resolution in mode.resolutions
        if not (length.isdecimal() and not mode.offers(int(length), resolution))
    ]
    return _pick(
        Problem("res", given or "", mode.resolutions, family.name),
        None if given is None else _typed_resolution(given),
        {resolution.lower(): resolution for resolution in mode.resolutions},
        nearest_resolution(saved, together),
    )


def _typed_resolution(given: str) -> str:
    return f"{given}p" if given.isdigit() else given.lower()


def _fit(requested: Options) -> Fit:
    return _pick(
        Problem("fit", requested.fit or "", FITS),
        None if requested.fit is None else requested.fit.lower(),
        {fit: fit for fit in FITS},
        FITS[0],
    )


def _silent(requested: Options, offer: Offer, family: Family, mode: Mode, kind: Kind) -> bool:
    if requested.silent and mode.sound and mode.fields.sound is None:
        modes = ((other.name, other.mode(kind)) for other in offer)
        able = tuple(
            name for name, other in modes if other and (other.fields.sound or not other.sound)
        )
        raise _NotOfferedError(Problem("silent", "", able, family.name))
    return requested.silent


def _pick(problem: Problem, given: str | None, offered: Mapping[str, T], otherwise: T) -> T:
    """Return what was given stands for; what is usual where nothing was."""
    if given is None:
        return otherwise
    if given not in offered:
        raise _NotOfferedError(problem)
    return offered[given]
