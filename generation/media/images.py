"""Pictures people send, made exactly as large as a model asks.

The work is done in a media process (`generation.media.picture_jobs`);
this is what the bot sees of it.
"""

from __future__ import annotations

import base64
import math
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from generation.media.failures import MediaFailed, MediaRefused, MediaTimeout

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from generation.media.pool import MediaProcesses


class Reason(StrEnum):
    """Why a picture is not taken; each has its own sentence in the chat."""

    NOT_A_PICTURE = "not_a_picture"
    TOO_MANY_BYTES = "too_many_bytes"
    TOO_MANY_PIXELS = "too_many_pixels"
    TOO_SMALL = "too_small"
    BROKEN = "broken"
    TOO_SLOW = "too_slow"


class BadPicture(Exception):
    """The picture cannot be used, whatever the bot does; `reason` says why."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason


class Fit(StrEnum):
    """What happens to a picture of another shape."""

    CROP = "crop"
    PAD = "pad"


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture's size in pixels, as it is meant to be seen, and its format by Pillow's name."""

    width: int
    height: int
    format: str


async def measure(media: MediaProcesses, source: Path) -> Picture:
    """Tell a picture's size and format.

    Raises:
        BadPicture: It cannot be used.
        MediaFailed: The work broke down; the picture may be good.
    """
    answer = await _run(media, "measure_picture", source=source)
    match answer:
        case {"width": int(width), "height": int(height), "format": str(kind)}:
            return Picture(width, height, kind)
        case _:
            raise MediaFailed("measure_picture: not a picture's measures")


async def fit(
    media: MediaProcesses, source: Path, target: Path, *, width: int, height: int, how: Fit
) -> None:
    """Write the picture to `target` as a JPEG of exactly this size in pixels, without metadata.

    `CROP` fills the shape: what goes in width goes from both sides alike, what goes in height goes
    a third from above and two thirds from below, because faces sit high. `PAD` keeps the whole
    picture, over a blurred and darkened copy of itself. Transparency becomes white.

    Raises:
        BadPicture: It cannot be used.
        MediaFailed: The work broke down; the picture may be good.
    """
    await _run(
        media, "fit_picture", source=source, target=target, width=width, height=height, how=how
    )


def nearest_aspect(width: int, height: int, choices: Sequence[str]) -> str:
    """Choose the shape ("W:H") a picture loses least in; the first of equally near ones.

    Nearness is that of the ratios' logarithms: twice as wide is as far as twice as tall.
    """

    def distance(choice: str) -> float:
        across, _, down = choice.partition(":")
        return abs(math.log(width / height) - math.log(int(across) / int(down)))

    return min(choices, key=distance)


def share_lost(width: int, height: int, aspect_ratio: str) -> float:
    """Return the share of a picture that is cut away when it fills that shape, from 0 to 1."""
    wide, _, high = aspect_ratio.partition(":")
    shape, own = int(wide) / int(high), width / height
    return 1 - min(shape, own) / max(shape, own)


def data_uri(path: Path) -> str:
    """Give a fitted picture as the text in which it travels to the provider."""
    return "data:image/jpeg;base64," + base64.b64encode(path.read_bytes()).decode("ascii")


async def _run(media: MediaProcesses, job: str, **arguments: Any) -> dict[str, Any]:
    """Run a picture job, and translate what the picture is to blame for."""
    plain = {
        name: value if isinstance(value, int | str) else str(value.absolute())
        for name, value in arguments.items()
    }
    try:
        return await media.run(job, **plain)
    except MediaTimeout as error:
        raise BadPicture(Reason.TOO_SLOW) from error
    except MediaRefused as error:
        try:
            reason = Reason(error.reason)
        except ValueError:
            raise MediaFailed(f"{job}: refused without a known reason") from error
        raise BadPicture(reason) from error
