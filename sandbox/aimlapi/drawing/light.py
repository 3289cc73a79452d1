"""Light: the colours of a time of day and a weather, sun, moon and stars."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from PIL import Image, ImageChops, ImageDraw

from sandbox.aimlapi.drawing.figures import Colour, mixed
from sandbox.aimlapi.drawing.strips import WHITE

if TYPE_CHECKING:
    import random

    from sandbox.aimlapi.shapes import Size

SLATE: Colour = (74, 84, 104)
_PALE: Colour = (206, 214, 222)


@dataclass(frozen=True, slots=True)
class Light:
    """The sky from the top to the horizon, the tint of everything else, and the sun or moon."""

    sky: tuple[Colour, Colour, Colour]
    tint: Colour
    sun: Colour
    place: tuple[float, float]
    radius: float
    stars: int = 0

    @property
    def is_dark(self) -> bool:
        """Whether windows are lit."""
        return bool(self.stars)


LIGHTS = {
    "day": Light(
        ((70, 146, 220), (146, 200, 240), (226, 240, 244)),
        WHITE,
        (255, 250, 226),
        (0.8, 0.17),
        0.05,
    ),
    "dawn": Light(
        ((104, 140, 204), (224, 178, 194), (255, 222, 178)),
        (255, 234, 220),
        (255, 240, 206),
        (0.72, 0.46),
        0.06,
    ),
    "dusk": Light(
        ((46, 42, 106), (176, 80, 128), (255, 166, 98)),
        (238, 184, 172),
        (255, 226, 160),
        (0.7, 0.5),
        0.075,
    ),
    "night": Light(
        ((6, 10, 36), (20, 30, 76), (56, 70, 124)),
        (120, 132, 192),
        (244, 244, 224),
        (0.78, 0.18),
        0.05,
        stars=130,
    ),
}


def light_of(time: str, weather: frozenset[str]) -> Light:
    """Return the light at a time of day in a weather."""
    light = LIGHTS[time]
    above, middle, below = light.sky
    if weather & {"storm", "rain"}:
        grey, share = mixed(SLATE, above, 0.35), 0.62 if "storm" in weather else 0.42
        light = replace(light, tint=mixed(light.tint, (150, 160, 190), 0.4), radius=0.0)
    elif weather & {"fog", "snow"}:
        grey, share = mixed(_PALE, below, 0.45), 0.4
        light = replace(light, radius=light.radius * ("fog" in weather))
    else:
        return light
    sky = mixed(above, grey, share), mixed(middle, grey, share), mixed(below, grey, share)
    return replace(light, sky=sky)


def stars(size: Size, dice: random.Random, count: int) -> Image.Image:
    """Return a mask of half of `count` stars."""
    mask = Image.new("L", size)
    pen = ImageDraw.Draw(mask)
    unit = max(1.0, size[1] / 480)
    for _ in range(count // 2):
        x, y = dice.uniform(0, size[0]), size[1] * 0.8 * dice.random() ** 1.4
        r = unit * dice.choice((0.5, 0.5, 0.8, 1.2))
        pen.ellipse((x - r, y - r, x + r, y + r), fill=dice.randrange(120, 256))
    return mask


def shine(picture: Image.Image, light: Light) -> None:
    """Paint the sun or moon with a fading haze."""
    radius = light.radius * min(picture.size)
    side = round(radius * 9)
    edge = 181  # value of Pillow's radial gradient there
    strength = 90 if light.is_dark else 150
    falloff = [round(strength * max(0, 1 - level / edge) ** 2) for level in range(256)]
    haze = Image.radial_gradient("L").resize((side, side)).point(falloff)
    disc = Image.new("L", (side * 2, side * 2))
    box = (side - 2 * radius, side - 2 * radius, side + 2 * radius, side + 2 * radius)
    ImageDraw.Draw(disc).ellipse(box, fill=255)
    mask = ImageChops.lighter(haze, disc.resize((side, side), Image.Resampling.BOX))
    x, y = (round(share * whole) for share, whole in zip(light.place, picture.size, strict=True))
    picture.paste(light.sun, (x - side // 2, y - side // 2), mask)


def lit(light: Light, colour: Colour) -> Colour:
    """Return a colour in a light."""
    red, green, blue = (part * lit // 255 for part, lit in zip(colour, light.tint, strict=True))
    return red, green, blue


def distant(light: Light, colour: Colour, depth: float) -> Colour:
    """Return a colour in a light, faded by distance; `depth` is 1 close by."""
    return mixed(lit(light, colour), light.sky[2], 0.72 * (1 - depth))
