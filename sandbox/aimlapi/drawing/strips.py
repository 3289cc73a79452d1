"""Strips: layers of a landscape at one depth, which repeat to the side."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw, ImageFilter

from sandbox.aimlapi.drawing.figures import Colour, draw, figures, mixed

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from sandbox.aimlapi.shapes import Size

_SMOOTH = 2
_PERIOD = 1.5  # of a strip, in widths of the picture
WHITE: Colour = (255, 255, 255)


@dataclass(frozen=True, slots=True)
class Strip:
    """A picture that repeats to the side; `depth` is 0 at the horizon and 1 close by.

    It is opaque from the row `solid` on. `sway` is its movement up and down in pixels, `drift` its
    own movement to the side in widths a second.
    """

    colours: Image.Image
    mask: Image.Image
    solid: int
    top: int
    depth: float
    sway: float
    drift: float

    @classmethod
    def of(
        cls,
        drawn: Image.Image,
        width: int,
        top: int,
        depth: float,
        *,
        sway: float = 0.0,
        drift: float = 0.0,
    ) -> Strip:
        """Return a strip that repeats the drawn picture, for a scene of this width."""
        seen = drawn.getchannel("A").getbbox() or (0, 0, 0, 1)
        box = (0, seen[1], drawn.width, seen[3])
        joined = Image.new("RGBA", (drawn.width + width, box[3] - box[1]))
        joined.paste(drawn.crop(box), (0, 0))
        joined.paste(drawn.crop((0, box[1], width, box[3])), (drawn.width, 0))
        mask = joined.getchannel("A")
        clear = mask.point([255 * (level < 255) for level in range(256)]).getbbox()  # noqa: PLR2004  # the highest level
        solid = clear[3] if clear else 0
        return cls(joined.convert("RGB"), mask, solid, top + seen[1], depth, sway, drift)

    def paint(self, canvas: Image.Image, seconds: float, travel: float) -> None:
        """Paint it; `travel` is the distance of the camera in widths."""
        width, tall = canvas.width, self.colours.height
        period = self.colours.width - width
        way = travel * (0.12 + 0.88 * self.depth) * bool(self.depth) + self.drift * seconds
        left = round(way * width) % period
        top = self.top + round(self.sway * math.sin(1.3 * seconds + 6 * self.depth))
        if self.solid:
            box = (left, 0, left + width, self.solid)
            canvas.paste(self.colours.crop(box), (0, top), self.mask.crop(box))
        if self.solid < tall:
            canvas.paste(
                self.colours.crop((left, self.solid, left + width, tall)), (0, top + self.solid)
            )


def length(width: int) -> int:
    """Return the period of strips, in pixels."""
    return round(width * _PERIOD)


def gradient(size: Size, colours: tuple[Colour, ...]) -> Image.Image:
    """Return colours blended from top to bottom."""
    column = Image.new("RGB", (1, len(colours)))
    column.putdata(colours)
    return column.resize((1, size[1]), Image.Resampling.BICUBIC).resize(size)


def ridge(
    size: Size,
    dice: random.Random,
    level: float,
    swing: float,
    colours: tuple[Colour, Colour],
    *,
    depth: float,
    ragged: bool = False,
    cap: Colour | None = None,
) -> Strip:
    """Return hills or ragged mountains with the crest at a share of the picture's height."""
    span = length(size[0])
    counts = (2, 3, 5, 9, 16, 31) if ragged else (2, 3, 5)
    waves = [(count, dice.uniform(0, math.tau)) for count in counts]

    def crest(x: float) -> float:
        turn = math.tau * x / span
        if ragged:
            rises = (
                (1 - 2 * abs(math.sin(count * turn / 2 + phase))) / count for count, phase in waves
            )
        else:
            rises = (math.sin(count * turn + phase) / count for count, phase in waves)
        return level - swing * sum(rises)

    return _below(size, crest, colours, depth=depth, cap=cap)


def _below(
    size: Size,
    crest: Callable[[float], float],
    colours: tuple[Colour, Colour],
    *,
    depth: float,
    cap: Colour | None = None,
    sway: float = 0.0,
    drift: float = 0.0,
) -> Strip:
    """Return the area below a line, shaded downwards; `cap` is the colour of its peaks."""
    width, height = size
    span = length(width)
    step = max(2, width // 200)
    line = [(x, crest(x % span) * height) for x in range(0, span + step, step)]
    top = math.floor(min(y for _, y in line))
    tall = max(2, height - top)
    body = gradient((span, tall), colours).convert("RGBA")
    if cap is not None:
        snow = Image.new("L", (span, tall))
        lower = [(x, y - top + (0.05 + 0.02 * math.sin(x / 9)) * height) for x, y in line[::-1]]
        ImageDraw.Draw(snow).polygon([(x, y - top) for x, y in line] + lower, fill=220)
        ImageDraw.Draw(snow).rectangle((0, 0.17 * height, span, tall), fill=0)
        body.paste(cap, mask=snow)
    mask = Image.new("L", (span * _SMOOTH, tall * _SMOOTH))
    points = [(x * _SMOOTH, (y - top) * _SMOOTH) for x, y in line]
    corners = [(span * _SMOOTH, tall * _SMOOTH), (0, tall * _SMOOTH)]
    ImageDraw.Draw(mask).polygon([*points, *corners], fill=255)
    body.putalpha(mask.resize((span, tall), Image.Resampling.BOX))
    return Strip.of(body, width, top, depth, sway=sway, drift=drift)


def wave(
    size: Size, dice: random.Random, level: float, colours: tuple[Colour, Colour], depth: float
) -> Strip:
    """Return water below a crest; nearer waves are higher and faster."""
    width, height = size
    span = length(width)
    swell = 0.006 + 0.016 * depth
    tides = [(count, dice.uniform(0, math.tau)) for count in (3, 5, 8)]

    def crest(x: float) -> float:
        turn = math.tau * x / span
        return level - swell * sum(
            math.sin(count * turn + phase) / (count / 3) for count, phase in tides
        )

    sway, drift = height * (0.004 + 0.008 * depth), 0.015 + 0.05 * depth
    strip = _below(size, crest, colours, depth=depth, sway=sway, drift=drift)
    foam, tall = ImageDraw.Draw(strip.colours), strip.colours.height
    for _ in range(round(26 * (1.2 - depth))):
        x, y = dice.uniform(0, span), dice.uniform(0.1, 0.9) ** 2 * tall + 3 * swell * height
        reach = width * dice.uniform(0.01, 0.035) * (0.5 + depth)
        for turn in (0, span):
            line = (x + turn - reach, y, x + turn + reach, y)
            foam.line(line, mixed(colours[0], WHITE, 0.22), max(1, height // 300))
    return strip


def trees(
    size: Size, dice: random.Random, level: float, tall: float, colour: Colour, *, depth: float
) -> Strip:
    """Return a row of firs on the ground at a share of the picture's height."""
    width, height = size
    span = length(width)
    rise = round(height * tall * 1.25)
    drawn = Image.new("RGBA", (span * _SMOOTH, rise * _SMOOTH))
    pen = ImageDraw.Draw(drawn)
    shades = [mixed(colour, WHITE, 0.05), colour, mixed(colour, (0, 0, 20), 0.14)]
    x = 0.0
    while x < span:
        high = height * tall * dice.uniform(0.6, 1.0)
        wide = high * dice.uniform(0.34, 0.44)
        for turn in (-span, 0, span):
            _fir(pen, (x + turn, rise), high, wide, dice.choice(shades))
        x += wide * dice.uniform(0.5, 1.0)
    small = drawn.convert("RGBa").resize((span, rise), Image.Resampling.BOX).convert("RGBA")
    return Strip.of(small, width, round(height * level) - rise, depth)


def _fir(
    pen: ImageDraw.ImageDraw, foot: tuple[float, float], high: float, wide: float, shade: Colour
) -> None:
    x, y = foot[0] * _SMOOTH, foot[1] * _SMOOTH
    high, wide = high * _SMOOTH, wide * _SMOOTH
    for tier in range(4):
        bottom = y - high * (0.08 + 0.2 * tier)
        reach = wide * (0.62 - 0.13 * tier)
        pen.polygon([(x - reach, bottom), (x, bottom - high * 0.36), (x + reach, bottom)], shade)
    pen.rectangle((x - wide * 0.06, y - high * 0.1, x + wide * 0.06, y), shade)


def skyline(
    size: Size,
    dice: random.Random,
    level: float,
    tall: float,
    colour: Colour,
    *,
    lit: float,
    depth: float,
) -> Strip:
    """Return the buildings of a city; `lit` is the share of windows with light."""
    width, height = size
    span = length(width)
    rise = round(height * tall)
    drawn = Image.new("RGBA", (span, rise))
    pen = ImageDraw.Draw(drawn)
    dim, unit = mixed(colour, WHITE, 0.14), max(2, height // 90)
    x = 0
    while x < span:
        wide = min(span - x, round(width * dice.uniform(0.05, 0.11)))
        high = round(rise * dice.uniform(0.4, 0.98))
        shade = mixed(colour, WHITE, dice.uniform(0, 0.07))
        pen.rectangle((x, rise - high, x + wide, rise), shade)
        if dice.random() < 0.3:  # noqa: PLR2004  # share with a mast
            pen.line((x + wide // 2, rise - high - unit * 4, x + wide // 2, rise - high), shade, 2)
        for row in range(rise - high + unit * 2, rise - unit * 2, unit * 3):
            for column in range(x + unit, x + wide - unit * 2, unit * 3):
                glows = dice.random() < lit
                window = (column, row, column + unit, row + unit * 1.4)
                pen.rectangle(window, (255, 220, 140) if glows else dim)
        x += wide + dice.choice((0, 0, unit))
    return Strip.of(drawn, width, round(height * level) - rise, depth)


def tufts(
    size: Size, dice: random.Random, high: float, colour: Colour, *, flowers: bool = False
) -> Strip:
    """Return grass along the lower edge, optionally with flowers."""
    width, height = size
    span, rise = length(width), round(height * high * 1.5)
    drawn = Image.new("RGBA", (span * _SMOOTH, rise * _SMOOTH))
    pen = ImageDraw.Draw(drawn)
    for _ in range(190):
        x, blade = dice.uniform(0, span), height * high * dice.uniform(0.4, 1.0)
        lean = blade * dice.uniform(-0.35, 0.35)
        shade = mixed(colour, (0, 10, 20) if dice.random() < 0.5 else WHITE, dice.uniform(0, 0.22))  # noqa: PLR2004  # one half
        half = blade * 0.06
        for turn in (-span, 0, span):
            foot = (x + turn) * _SMOOTH
            ends = [
                (foot - half * 2, rise * 2),
                (foot + lean * 2, (rise - blade) * 2),
                (foot + half * 2, rise * 2),
            ]
            pen.polygon(ends, shade)
    small = drawn.convert("RGBa").resize((span, rise), Image.Resampling.BOX).convert("RGBA")
    if flowers:
        _plant(small, dice, round(height * high * 1.3))
    return Strip.of(small, width, height - rise + 2, 1.0)


def _plant(picture: Image.Image, dice: random.Random, pixels: int) -> None:
    flower = figures()["flower"]
    for tone in ((232, 84, 122), (246, 196, 84), (250, 250, 252), (142, 92, 180)) * 3:
        sprite = draw(flower, pixels * dice.uniform(0.5, 0.8), 0, body=tone).picture
        x = dice.randrange(max(1, picture.width - sprite.width))
        picture.alpha_composite(sprite, (x, picture.height - sprite.height + pixels // 12))


def clouds(
    size: Size, dice: random.Random, colour: Colour, *, level: float, count: int, depth: float
) -> Strip:
    """Return clouds with soft edges."""
    width, height = size
    span, rise = length(width), round(height * 0.42)
    mask = Image.new("L", (span, rise))
    pen = ImageDraw.Draw(mask)
    for _ in range(count):
        x, y = dice.uniform(0, span), rise * dice.uniform(0.3, 0.8)
        big = height * dice.uniform(0.03, 0.07)
        for puff in range(7):
            r = big * (1.25 - abs(puff - 3) * 0.26)
            for turn in (-span, 0, span):
                at = x + turn + (puff - 3) * big * 0.9
                pen.ellipse((at - r, y - r, at + r, y + r * 0.55), fill=235)
    mask = mask.filter(ImageFilter.GaussianBlur(height / 160))
    body = gradient((span, rise), (mixed(colour, WHITE, 0.35), colour)).convert("RGBA")
    body.putalpha(mask)
    return Strip.of(body, width, round(height * level), depth, drift=0.012 + 0.02 * depth)
