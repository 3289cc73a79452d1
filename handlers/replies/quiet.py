"""A group's quiet hours, by the operator's clock: no orders are taken then, and nothing rings."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from storage.groups import Group

Hours: TypeAlias = tuple[int, int]
"""From and until, as a clock of 24 hours shows them."""

PRESETS: tuple[Hours, ...] = ((22, 7), (23, 8), (0, 6))
"""What can be chosen."""
HOURS_A_DAY = 24


def of(group: Group) -> Hours | None:
    """Return a group's quiet hours; None where it has none."""
    if group.quiet_from is None or group.quiet_until is None:
        return None
    return group.quiet_from, group.quiet_until


def is_quiet(group: Group, zone: ZoneInfo, now: float) -> bool:
    """Whether a group wants no videos now."""
    hours = of(group)
    if hours is None:
        return False
    begins, ends = hours
    # counted from where they begin, so that midnight is an hour like any other
    passed = datetime.fromtimestamp(now, zone).hour - begins
    return passed % HOURS_A_DAY < (ends - begins) % HOURS_A_DAY


def written(hours: Hours) -> str:
    """Write quiet hours: "22–7"."""
    return f"{hours[0]}–{hours[1]}"
