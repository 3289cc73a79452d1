"""What comes nearest to a wish that cannot be met: other values, or another family."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from generation.orders.nearness import by_resolution, by_shape
from generation.orders.quotes import Instead

if TYPE_CHECKING:
    from generation.models.offer import Offer
    from generation.orders.options import Problem

MOST = 2
"""How many values beside the one that was meant are proposed."""


def corrections(problem: Problem, offer: Offer) -> list[Instead]:
    """Return what to take instead, the nearest first; whether it can be had is still to be asked.

    Values of the family that was meant come first, then the families that may have what was typed.
    """
    given, offered = problem.given, problem.offered
    match problem.option:
        case "seconds":
            length = int(given) if given.isascii() and given.isdigit() else 0
            lengths = sorted(map(int, offered), key=lambda seconds: abs(seconds - length))
            found = [Instead(seconds=seconds) for seconds in lengths[:MOST]]
        case "ar":
            found = [Instead(aspect_ratio=shape) for shape in by_shape(given, offered)[:MOST]]
        case "res":
            near = by_resolution(given, offered)
            found = [Instead(resolution=resolution) for resolution in near[:MOST]]
        case "model":
            close = get_close_matches(given.casefold(), offered, n=MOST + 1, cutoff=0.3)
            return [Instead(family=name) for name in close or offered[: MOST + 1]]
        case "silent" | "pro":
            return [Instead(family=name) for name in offered[: MOST + 1]]
        case "prompt" if offered:
            found = []
        case _:
            return []
    others = [family.name for family in offer if family.name != problem.family]
    return found + [Instead(family=name) for name in others]
