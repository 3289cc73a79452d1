"""What the ready photos are painted with: skies, lights and hills."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from PIL import Image, ImageChops, ImageDraw

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

Colour = tuple[int, int, int]

_SMOOTH = 2  # times larger drawn, for soft edges


def sky(size: tuple[int, int], colours: tuple[Colour, ...]) -> Image.Image:
    """Colours blended from top to bottom."""
    column = Image.new("RGB", (1, len(colours)))
    column.putdata(colours)
    return column.resize((1, size[1]), Image.Resampling.BICUBIC).resize(size)


def glow(picture: Image.Image, place: tuple[float, float], radius: float, colour: Colour) -> None:
    """A disc of light in a haze; place and radius as shares of the picture's sides."""
    side = round(radius * picture.width * 8)
    edge = 181  # what Pillow's radial gradient has reached there
    falloff = [round(150 * max(0, 1 - level / edge) ** 2) for level in range(256)]
    haze = Image.radial_gradient("L").resize((side, side)).point(falloff)
    disc = Image.new("L", (side * _SMOOTH, side * _SMOOTH))
    near, far = 0.44 * side * _SMOOTH, 0.56 * side * _SMOOTH
    ImageDraw.Draw(disc).ellipse((near, near, far, far), fill=255)
    light = ImageChops.lighter(haze, disc.resize((side, side), Image.Resampling.BOX))
    x, y = round(place[0] * picture.width), round(place[1] * picture.height)
    picture.paste(colour, (x - side // 2, y - side // 2), light)


def hills(
    picture: Image.Image, dice: random.Random, level: float, swing: float, colour: Colour
) -> None:
    """Soft hills; their height and how far it swings are shares of the picture's."""
    waves = [(count, dice.uniform(0, math.tau)) for count in (1, 2, 3)]
    _fill_below(
        picture,
        colour,
        lambda x: (
            level
            - swing * sum(math.sin(count * math.pi * x + phase) / count for count, phase in waves)
        ),
    )


def mountains(
    picture: Image.Image, dice: random.Random, level: float, swing: float, colour: Colour
) -> None:
    """Ragged mountains; measures as for hills."""
    waves = [(count, dice.uniform(0, math.tau)) for count in (1, 2, 3, 5, 9, 17, 31)]
    _fill_below(
        picture,
        colour,
        lambda x: (
            level
            - swing
            * sum(
                (abs(math.sin(count * math.pi * x + phase)) - 0.4) / count for count, phase in waves
            )
        ),
    )


def _fill_below(picture: Image.Image, colour: Colour, line: Callable[[float], float]) -> None:
    width, height = picture.width * _SMOOTH, picture.height * _SMOOTH
    mask = Image.new("L", (width, height))
    edge = [(x, line(x / width) * height) for x in range(0, width + 8, 8)]
    ImageDraw.Draw(mask).polygon([*edge, (width, height), (0, height)], fill=255)
    picture.paste(colour, mask=mask.resize(picture.size, Image.Resampling.BOX))
