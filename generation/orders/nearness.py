"""Which of several lengths, shapes or resolutions comes nearest to the one that is wanted."""

from __future__ import annotations

import math
import re
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

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
