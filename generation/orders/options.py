"""The options of a video, settled against the offer: model, length, shape, resolution.

What somebody typed is kept or refused, with what there is instead. What they saved, or nobody
chose, becomes the nearest that is offered, without a word.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from generation.models import pricing
from generation.models.offer import People

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from decimal import Decimal

    from generation.models.offer import Family, Kind, Mode, Offer
    from storage.chats import Group
    from storage.people import Person


NEAREST = "~"
"""Prefix of a value that may be replaced by the nearest one offered."""
_NEAR = {
    "seconds": re.compile(rf"{NEAREST}(\d{{1,9}})"),
    "aspect_ratio": re.compile(rf"{NEAREST}(\d+:\d+)"),
    "resolution": re.compile(rf"{NEAREST}(\d+p)"),
}


@dataclass(frozen=True, slots=True)
class Options:
    """What somebody asked for, as typed; None where they did not say, and False for `pro`."""

    model: str | None = None
    pro: bool = False
    seconds: str | None = None
    aspect_ratio: str | None = None
    resolution: str | None = None
    fit: str | None = None
    silent: bool | None = None

    def parted(self) -> tuple[Options, Options]:
        """Split into exact values, and those for which the nearest offered value will do."""
        found = {name: form.fullmatch(getattr(self, name) or "") for name, form in _NEAR.items()}
        near: dict[str, Any] = {name: match[1] for name, match in found.items() if match}
        nothing: dict[str, Any] = dict.fromkeys(near)
        return replace(self, **nothing), Options(**near)


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that cannot be had: which option, what was given, and what there is instead.

    `option` is a name of `reading.OPTIONS` without its dashes, "option" for a word that is none of
    them, or "prompt". `family` is the one that does not offer it, "" where it is not about one.
    """

    option: str
    given: str
    offered: tuple[str, ...]
    family: str = ""


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


def higher_resolution(present: str, offered: Sequence[str]) -> str | None:
    """Return the next resolution with more lines; None where there is none."""
    lines = _lines(present)
    higher = [one for one in offered if lines is not None and (_lines(one) or 0.0) > lines]
    return min(higher, key=lambda one: _lines(one) or 0.0, default=None)


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
        "silent": {"silent": None},
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
    fit: Fit | None = None

    @classmethod
    def of(cls, person: Person | None, group: Group | None = None) -> Defaults:
        """Return what counts where a prompt says nothing: a group's choices, then a person's own.

        Whoever writes as a group or a channel has none of their own.
        """
        saved: dict[str, Any] = {}
        for name in ("family", "seconds", "aspect_ratio", "resolution"):
            found = (getattr(one, name) for one in (group, person) if one is not None)
            saved[name] = next((value for value in found if value is not None), None)
        fit = next((fit for fit in FITS if person is not None and fit == person.fit), None)
        return cls(**saved, fit=fit)


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


@dataclass(frozen=True, slots=True)
class Priced:
    """A video that can be ordered and what it costs, in US dollars and in credits."""

    choice: Choice
    usd: Decimal
    credits: int


def priced(choice: Choice, offer: Offer, aspect_ratio: str | None = None) -> Priced:
    """Say what a video costs; `aspect_ratio` is the shape where only the picture told it."""
    usd = choice.mode.cost(
        choice.seconds,
        choice.resolution,
        aspect_ratio=choice.aspect_ratio or aspect_ratio,
        silent=choice.silent,
    )
    return Priced(choice, usd, pricing.credits_for(usd, offer.credit_usd))


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
            fit=_fit(requested, defaults),
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
    if (shape and _slope(shape) is None) or (resolution and _lines(resolution) is None):
        return None
    silent = choice.silent or bool(requested.silent)
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
    requested: Options, defaults: Defaults, family: Family, mode: Mode, resolution: str | None
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


def _fit(requested: Options, defaults: Defaults) -> Fit:
    return _pick(
        Problem("fit", requested.fit or "", FITS),
        None if requested.fit is None else requested.fit.lower(),
        {fit: fit for fit in FITS},
        defaults.fit or FITS[0],
    )


def _silent(requested: Options, offer: Offer, family: Family, mode: Mode, kind: Kind) -> bool:
    if requested.silent and mode.sound and mode.fields.sound is None:
        modes = ((other.name, other.mode(kind)) for other in offer)
        able = tuple(
            name for name, other in modes if other and (other.fields.sound or not other.sound)
        )
        raise _NotOfferedError(Problem("silent", "", able, family.name))
    return bool(requested.silent)


def _pick(problem: Problem, given: str | None, offered: Mapping[str, T], otherwise: T) -> T:
    """Return what was given stands for; what is usual where nothing was."""
    if given is None:
        return otherwise
    if given not in offered:
        raise _NotOfferedError(problem)
    return offered[given]
