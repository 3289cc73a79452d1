"""The options of a video: wishes settled against the offer: model, length, shape, resolution.

What somebody typed is kept or refused, with what there is instead. What they saved, or nobody
chose, becomes the nearest that is offered, without a word.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from generation.models.offer import People
from generation.orders.nearness import (
    is_resolution,
    is_shape,
    nearest_resolution,
    nearest_seconds,
    nearest_shape,
)
from generation.orders.parsing import OPTIONS, Problem, Read, Wishes, read

if TYPE_CHECKING:
    from collections.abc import Mapping

    from generation.models.offer import Family, Kind, Mode, Offer

__all__ = [
    "FITS",
    "OPTIONS",
    "Choice",
    "Defaults",
    "Fit",
    "Problem",
    "Read",
    "Wishes",
    "as_wished",
    "check_prompt",
    "read",
    "settle",
    "settle_leniently",
]

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
"""How a wish is left out that a family cannot meet."""

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


def settle(wishes: Wishes, defaults: Defaults, offer: Offer, kind: Kind) -> Choice | Problem:
    """Return the video that is meant, or the first wish that the offer cannot meet."""
    try:
        family, mode = _family(wishes, defaults, offer, kind)
        resolution = _resolution(wishes, defaults, family, mode)
        return Choice(
            kind=kind,
            family=family,
            mode=mode,
            seconds=_seconds(wishes, defaults, family, mode, resolution),
            aspect_ratio=_shape(wishes, defaults, family, mode, kind),
            resolution=resolution,
            fit=_fit(wishes),
            silent=_silent(wishes, offer, family, mode, kind),
        )
    except _NotOfferedError as refusal:
        return refusal.problem


def settle_leniently(
    wishes: Wishes, defaults: Defaults, offer: Offer, kind: Kind
) -> Choice | Problem:
    """As `settle`, without the wishes that the family meant cannot meet."""
    settled = settle(wishes, defaults, offer, kind)
    while isinstance(settled, Problem) and settled.family:
        wishes = replace(wishes, **_UNSAID[settled.option])
        settled = settle(wishes, defaults, offer, kind)
    return settled


def as_wished(choice: Choice, wishes: Wishes) -> Choice | None:
    """Return a video with all that was typed, offered or not; None where that is no such thing."""
    seconds, shape, resolution = choice.seconds, choice.aspect_ratio, choice.resolution
    if wishes.seconds is not None:
        digits = _digits(wishes.seconds)
        if not digits.isdecimal():
            return None
        seconds = int(digits)
    if wishes.aspect_ratio is not None:
        shape = _typed_shape(wishes.aspect_ratio)
    if wishes.resolution is not None:
        resolution = _typed_resolution(wishes.resolution)
    if (shape and not is_shape(shape)) or (resolution and not is_resolution(resolution)):
        return None
    silent = choice.silent or wishes.silent
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


def _family(wishes: Wishes, defaults: Defaults, offer: Offer, kind: Kind) -> tuple[Family, Mode]:
    able = {family.name: (family, mode) for family in offer if (mode := family.mode(kind))}
    name = _usual_family([family for family, _ in able.values()], defaults, kind)
    if wishes.model is not None or name is None:
        name = (wishes.model or "").casefold()
        if name not in able:
            raise _NotOfferedError(Problem("model", wishes.model or "", tuple(able)))
    if wishes.pro:
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
    wishes: Wishes, defaults: Defaults, family: Family, mode: Mode, resolution: str | None
) -> int:
    offered = tuple(seconds for seconds in mode.seconds if mode.offers(seconds, resolution))
    saved = offered[0] if defaults.seconds is None else defaults.seconds
    return _pick(
        Problem("seconds", wishes.seconds or "", tuple(map(str, offered)), family.name),
        None if wishes.seconds is None else _digits(wishes.seconds),
        {str(seconds): seconds for seconds in offered},
        nearest_seconds(saved, offered),
    )


def _digits(typed: str) -> str:
    """Return the number of a length as it was typed: "08 seconds" is 8."""
    return typed.lower().rstrip("second").lstrip("0")


def _shape(
    wishes: Wishes, defaults: Defaults, family: Family, mode: Mode, kind: Kind
) -> str | None:
    wish, saved = wishes.aspect_ratio, defaults.aspect_ratio or USUAL_SHAPE
    return _pick(
        Problem("ar", wish or "", mode.aspect_ratios, family.name),
        None if wish is None else _typed_shape(wish),
        {shape: shape for shape in mode.aspect_ratios},
        None if kind == "i2v" else nearest_shape(saved, mode.aspect_ratios),
    )


def _typed_shape(wish: str) -> str:
    return wish.lower().replace("x", ":").replace("/", ":")


def _resolution(wishes: Wishes, defaults: Defaults, family: Family, mode: Mode) -> str | None:
    wish, saved = wishes.resolution, defaults.resolution or USUAL_RESOLUTION
    length = _digits(wishes.seconds or "")
    together = [
        resolution
        for resolution in mode.resolutions
        if not (length.isdecimal() and not mode.offers(int(length), resolution))
    ]
    return _pick(
        Problem("res", wish or "", mode.resolutions, family.name),
        None if wish is None else _typed_resolution(wish),
        {resolution.lower(): resolution for resolution in mode.resolutions},
        nearest_resolution(saved, together),
    )


def _typed_resolution(wish: str) -> str:
    return f"{wish}p" if wish.isdigit() else wish.lower()


def _fit(wishes: Wishes) -> Fit:
    return _pick(
        Problem("fit", wishes.fit or "", FITS),
        None if wishes.fit is None else wishes.fit.lower(),
        {fit: fit for fit in FITS},
        FITS[0],
    )


def _silent(wishes: Wishes, offer: Offer, family: Family, mode: Mode, kind: Kind) -> bool:
    if wishes.silent and mode.sound and mode.fields.sound is None:
        modes = ((other.name, other.mode(kind)) for other in offer)
        able = tuple(
            name for name, other in modes if other and (other.fields.sound or not other.sound)
        )
        raise _NotOfferedError(Problem("silent", "", able, family.name))
    return wishes.silent


def _pick(problem: Problem, wish: str | None, offered: Mapping[str, T], otherwise: T) -> T:
    """Return what a wish stands for; what is usual where there is none."""
    if wish is None:
        return otherwise
    if wish not in offered:
        raise _NotOfferedError(problem)
    return offered[wish]
