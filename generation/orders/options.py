"""The options of a video, resolved against the offer: model, length, shape, resolution.

A typed option that is not offered is refused, with the values offered instead. A saved or default
one is replaced by the nearest value offered.
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
    "seconds": re.compile(rf"{NEAREST}(\d{{1,13}})"),
    "aspect_ratio": re.compile(rf"{NEAREST}(\d+:\d+)"),
    "resolution": re.compile(rf"{NEAREST}(\d+p)"),
}


@dataclass(frozen=True, slots=True)
class Options:
    """The options of a prompt, as typed; None, or False for `pro`, if not given."""

    model: str | None = None
    pro: bool = False
    seconds: str | None = None
    aspect_ratio: str | None = None
    resolution: str | None = None
    fit: str | None = None
    silent: bool | None = None

    def split_nearest(self) -> tuple[Options, Options]:
        """Split into exact values, and those for which the nearest offered value will do."""
        found = {name: form.fullmatch(getattr(self, name) or "") for name, form in _NEAR.items()}
        near: dict[str, Any] = {name: match[1] for name, match in found.items() if match}
        nothing: dict[str, Any] = dict.fromkeys(near)
        return replace(self, **nothing), Options(**near)


@dataclass(frozen=True, slots=True)
class Problem:
    """An option that is not available, the value given, and the values offered.

    `option` is a name of `reading.OPTIONS` without its dashes, "option" for an unknown one, or
    "prompt". `family` is the family that does not offer it, "" if it is not about one.
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
    """Return the nearest length in seconds; of two, the shorter."""
    return min(offered, key=lambda seconds: abs(seconds - wanted))


def nearest_shape(wanted: str, offered: Sequence[str]) -> str | None:
    """Return the nearest shape ("W:H"), or None if none is offered."""
    return next(iter(sort_by_shape(wanted, offered)), None)


def nearest_resolution(wanted: str, offered: Sequence[str]) -> str | None:
    """Return the resolution with the nearest number of lines, or None if none is offered."""
    return next(iter(sort_by_resolution(wanted, offered)), None)


def sort_by_shape(wanted: str, offered: Sequence[str]) -> list[str]:
    """Return the offered shapes, nearest first."""
    return _by_distance(wanted, offered, _log_ratio)


def sort_by_resolution(wanted: str, offered: Sequence[str]) -> list[str]:
    """Return the offered resolutions, nearest first."""
    return _by_distance(wanted, offered, _lines)


def next_resolution(present: str, offered: Sequence[str]) -> str | None:
    """Return the next higher resolution, or None if there is none."""
    lines = _lines(present)
    higher = [one for one in offered if lines is not None and (_lines(one) or 0.0) > lines]
    return min(higher, key=lambda one: _lines(one) or 0.0, default=None)


def _by_distance(
    wanted: str, offered: Sequence[str], measure: Callable[[str], float | None]
) -> list[str]:
    """Sort by distance from `wanted`; values that cannot be measured keep their order."""
    aim = measure(wanted)

    def distance(value: str) -> tuple[bool, float]:
        size = measure(value)
        return value != wanted, math.inf if aim is None or size is None else abs(size - aim)

    return sorted(offered, key=distance)


def _log_ratio(shape: str) -> float | None:
    """Return the logarithm of width to height: 16:9 and 9:16 are equally far from a square."""
    match = _SHAPE.fullmatch(shape)
    return math.log(int(match[1]) / int(match[2])) if match else None


def _lines(resolution: str) -> float | None:
    match = _LINES.fullmatch(resolution)
    return float(match[1]) if match else _NAMED_LINES.get(resolution.casefold())


Fit = Literal["crop", "pad"]

FITS: tuple[Fit, ...] = ("crop", "pad")
DEFAULT_SHAPE = "16:9"
DEFAULT_RESOLUTION = "720p"
"""Used if no resolution was chosen; higher ones cost more."""

_UNSET: Mapping[str, dict[str, Any]] = MappingProxyType(
    {
        "seconds": {"seconds": None},
        "ar": {"aspect_ratio": None},
        "res": {"resolution": None},
        "silent": {"silent": None},
        "pro": {"pro": False},
    }
)
"""The fields that leave an option out, by its name in `Problem`."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Defaults:
    """Saved options; None if not chosen."""

    family: str | None = None
    seconds: int | None = None
    aspect_ratio: str | None = None
    resolution: str | None = None
    fit: Fit | None = None

    @classmethod
    def of(cls, person: Person | None, group: Group | None = None) -> Defaults:
        """Return the saved options of a group, and where it has none those of a person.

        `person` is None for messages sent in the name of a group or channel.
        """
        saved: dict[str, Any] = {}
        for name in ("family", "seconds", "aspect_ratio", "resolution"):
            found = (getattr(one, name) for one in (group, person) if one is not None)
            saved[name] = next((value for value in found if value is not None), None)
        fit = next((fit for fit in FITS if person is not None and fit == person.fit), None)
        return cls(**saved, fit=fit)


@dataclass(frozen=True, slots=True)
class Choice:
    """A video that can be ordered; `aspect_ratio` is None if the picture decides it."""

    kind: Kind
    family: Family
    mode: Mode
    seconds: int
    aspect_ratio: str | None
    resolution: str | None
    fit: Fit
    silent: bool


@dataclass(frozen=True, slots=True)
class PricedChoice:
    """A video that can be ordered, with its price in US dollars and in credits."""

    choice: Choice
    usd: Decimal
    credits: int


def price_choice(choice: Choice, offer: Offer, aspect_ratio: str | None = None) -> PricedChoice:
    """Return a video with its price; `aspect_ratio` is that of the picture, if it decides."""
    usd = choice.mode.cost(
        choice.seconds,
        choice.resolution,
        aspect_ratio=choice.aspect_ratio or aspect_ratio,
        silent=choice.silent,
    )
    return PricedChoice(choice, usd, pricing.credits_for(usd, offer.credit_usd))


class _NotOfferedError(Exception):
    def __init__(self, problem: Problem) -> None:
        self.problem = problem


def resolve(requested: Options, defaults: Defaults, offer: Offer, kind: Kind) -> Choice | Problem:
    """Return the video for the options, or the first option that is not offered."""
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


def resolve_leniently(
    requested: Options, defaults: Defaults, offer: Offer, kind: Kind
) -> Choice | Problem:
    """Resolve the options without those that the family does not offer."""
    resolved = resolve(requested, defaults, offer, kind)
    while isinstance(resolved, Problem) and resolved.family:
        requested = replace(requested, **_UNSET[resolved.option])
        resolved = resolve(requested, defaults, offer, kind)
    return resolved


def with_requested(choice: Choice, requested: Options) -> Choice | None:
    """Return a video with all typed options, offered or not; None if one of them is invalid."""
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
    if (shape and _log_ratio(shape) is None) or (resolution and _lines(resolution) is None):
        return None
    silent = choice.silent or bool(requested.silent)
    return replace(
        choice, seconds=seconds, aspect_ratio=shape, resolution=resolution, silent=silent
    )


def check_prompt(prompt: str, choice: Choice) -> Problem | None:
    """Return the problem of a prompt that is too long, or missing where there is no picture."""
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
    name = _default_family([family for family, _ in able.values()], defaults, kind)
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


def _default_family(able: list[Family], defaults: Defaults, kind: Kind) -> str | None:
    """Return the saved family, else the first one; for a picture, one that accepts people."""
    names = [family.name for family in able]
    if defaults.family in names:
        return defaults.family
    if kind == "i2v":
        names.sort(key=[f.name for f in able if f.people is People.YES].__contains__, reverse=True)
    return names[0] if names else None


def _seconds(
    requested: Options, defaults: Defaults, family: Family, mode: Mode, resolution: str | None
) -> int:
    offered = mode.lengths(resolution)
    saved = offered[0] if defaults.seconds is None else defaults.seconds
    return _pick(
        Problem("seconds", requested.seconds or "", tuple(map(str, offered)), family.name),
        None if requested.seconds is None else _digits(requested.seconds),
        {str(seconds): seconds for seconds in offered},
        nearest_seconds(saved, offered),
    )


def _digits(typed: str) -> str:
    """Return the number in a typed length: "08 seconds" is 8."""
    return typed.lower().rstrip("second").lstrip("0")


def _shape(
    requested: Options, defaults: Defaults, family: Family, mode: Mode, kind: Kind
) -> str | None:
    given, saved = requested.aspect_ratio, defaults.aspect_ratio or DEFAULT_SHAPE
    return _pick(
        Problem("ar", given or "", mode.aspect_ratios, family.name),
        None if given is None else _typed_shape(given),
        {shape: shape for shape in mode.aspect_ratios},
        None if kind == "i2v" else nearest_shape(saved, mode.aspect_ratios),
    )


def _typed_shape(given: str) -> str:
    return given.lower().replace("x", ":").replace("/", ":")


def _resolution(requested: Options, defaults: Defaults, family: Family, mode: Mode) -> str | None:
    given, saved = requested.resolution, defaults.resolution or DEFAULT_RESOLUTION
    length = _digits(requested.seconds or "")
    fitting = mode.resolutions_of(int(length)) if length.isdecimal() else mode.resolutions
    return _pick(
        Problem("res", given or "", mode.resolutions, family.name),
        None if given is None else _typed_resolution(given),
        {resolution.lower(): resolution for resolution in mode.resolutions},
        nearest_resolution(saved, fitting),
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
    if requested.silent and not mode.can_be_silent:
        modes = ((other.name, other.mode(kind)) for other in offer)
        able = tuple(name for name, other in modes if other and other.can_be_silent)
        raise _NotOfferedError(Problem("silent", "", able, family.name))
    return bool(requested.silent)


def _pick(problem: Problem, given: str | None, offered: Mapping[str, T], otherwise: T) -> T:
    """Return the offered value for `given`, or `otherwise` if nothing was given."""
    if given is None:
        return otherwise
    if given not in offered:
        raise _NotOfferedError(problem)
    return offered[given]
