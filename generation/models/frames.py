"""How large a picture must be for a model: an exact frame, or the nearest within its rule."""

from __future__ import annotations

from fractions import Fraction
from typing import Annotated, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Pixels = Annotated[int, Field(gt=0, le=8192)]

SLENDEREST = Fraction(21, 9)
"""How many times longer than the other a side may be: makers that name a limit say below 2.5."""
BYTES_PER_PIXEL = 2
"""More than any picture takes as the JPEG it is sent as."""


class Frame(NamedTuple):
    """The size of a picture, in pixels."""

    width: Pixels
    height: Pixels


class PictureRule(BaseModel):
    """What a model asks of a picture: its shortest and longest side in pixels, its bytes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    shortest: Pixels
    longest: Pixels
    most_bytes: Annotated[int, Field(gt=0)]

    @model_validator(mode="after")
    def _can_be_kept(self) -> Self:
        """Check that every picture can be made to fit."""
        if self.shortest * SLENDEREST > self.longest:
            raise ValueError("the slenderest picture must fit between the shortest and longest")
        if self.longest**2 * BYTES_PER_PIXEL > self.most_bytes:
            raise ValueError("the largest picture must fit into the bytes")
        return self

    def frame(self, picture: tuple[int, int], aspect_ratio: str | None) -> Frame:
        """Return the frame for a picture of this width and height, as near to it as is allowed.

        It has the shape asked for, else the picture's own, and is no larger than what is seen of
        the picture, unless that is too small. Sides are even, as video codecs want them.
        """
        width, height = picture
        across, _, down = (aspect_ratio or f"{width}:{height}").partition(":")
        slope = Fraction(int(across), int(down))
        if aspect_ratio is None:
            slope = min(max(slope, 1 / SLENDEREST), SLENDEREST)
        stretch = max(slope, 1 / slope)
        seen = max(min(Fraction(width), height * slope), min(Fraction(height), width / slope))
        longer = max(min(seen, Fraction(self.longest)), self.shortest * stretch)
        sides = (_even(longer), _even(longer / stretch))
        return Frame(*sides) if slope >= 1 else Frame(*reversed(sides))


def _even(length: Fraction) -> int:
    return 2 * round(length / 2)
