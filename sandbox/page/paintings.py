"""The pictures behind the ready photos: a lake, balloons, a lighthouse."""

from __future__ import annotations

import math
import random

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from sandbox.page.brushes import Colour, glow, hills, mountains, sky

_WIDEST = 0.625  # how far down a balloon is widest


def lake(size: tuple[int, int]) -> Image.Image:
    """Mountains at dusk and their mirror image in still water."""
    width, height = size
    shore = round(height * 0.62)
    above = sky((width, shore), ((38, 58, 110), (150, 120, 160), (252, 196, 150)))
    glow(above, (0.7, 0.8), 0.09, (255, 236, 200))
    dice = random.Random(11)  # noqa: S311  # the look of a picture
    for index, shade in enumerate(((132, 120, 160), (84, 84, 130), (44, 50, 88), (20, 26, 48))):
        mountains(above, dice, 0.62 + 0.11 * index, 0.2 - 0.035 * index, shade)
    below = above.transpose(Image.Transpose.FLIP_TOP_BOTTOM).resize((width, height - shore))
    below = ImageChops.multiply(below, Image.new("RGB", below.size, (170, 185, 215)))
    below = below.filter(ImageFilter.GaussianBlur(width / 400))
    picture = Image.new("RGB", size)
    picture.paste(above, (0, 0))
    picture.paste(below, (0, shore))
    ripples = ImageDraw.Draw(picture, "RGBA")
    for _ in range(90):
        y = shore + (height - shore) * dice.random() ** 1.6
        x, reach = dice.uniform(0, width), dice.uniform(0.02, 0.12) * width
        ripples.line((x - reach, y, x + reach, y), (255, 235, 220, 26), 2)
    return picture


def balloons(size: tuple[int, int]) -> Image.Image:
    """Hot-air balloons over hills in the morning."""
    width, height = size
    picture = sky(size, ((96, 160, 214), (176, 214, 232), (255, 226, 190)))
    dice = random.Random(5)  # noqa: S311  # as above
    for index, shade in enumerate(((170, 190, 190), (126, 160, 140), (78, 122, 92))):
        hills(picture, dice, 0.62 + 0.12 * index, 0.10, shade)
    for x, y, scale, colours in (
        (0.30, 0.34, 0.19, ((214, 62, 58), (250, 224, 190))),
        (0.68, 0.22, 0.11, ((44, 92, 158), (246, 196, 84))),
        (0.84, 0.48, 0.07, ((238, 146, 60), (120, 56, 92))),
    ):
        _balloon(picture, (x * width, y * height), scale * min(size), colours)
    return picture


def lighthouse(size: tuple[int, int]) -> Image.Image:
    """A lighthouse in the evening, taller than wide."""
    width, height = size
    picture = sky(size, ((26, 34, 78), (96, 82, 138), (244, 158, 120)))
    glow(picture, (0.46, 0.33), 0.05, (255, 240, 190))
    dice = random.Random(8)  # noqa: S311  # as above
    draw = ImageDraw.Draw(picture, "RGBA")
    for _ in range(70):
        x, y = dice.uniform(0, width), height * 0.5 * dice.random() ** 2
        draw.ellipse((x, y, x + 3, y + 3), (255, 255, 255, dice.randrange(60, 200)))
    beam = [(0.46, 0.33), (1.1, 0.18), (1.1, 0.38)]
    draw.polygon([(x * width, y * height) for x, y in beam], (255, 240, 190, 46))
    _tower(draw, width, height)
    for index, shade in enumerate(((58, 54, 100), (38, 38, 78), (20, 20, 48))):
        hills(picture, dice, 0.78 + 0.06 * index, 0.05, shade)
    return picture


def _tower(draw: ImageDraw.ImageDraw, width: int, height: int) -> None:
    """White and red, with a gallery and a lamp."""
    foot, head, top, ground = 0.085, 0.05, 0.36, 0.84
    bands = 5
    for band in range(bands):
        upper, lower = (top + (ground - top) * (band + step) / bands for step in (0, 1))
        sides = [head + (foot - head) * (band + step) / bands for step in (0, 1)]
        corners = [(-sides[0], upper), (sides[0], upper), (sides[1], lower), (-sides[1], lower)]
        shade = (236, 230, 226) if band % 2 == 0 else (190, 62, 58)
        draw.polygon([((0.46 + x) * width, y * height) for x, y in corners], (*shade, 255))
    lamp = ((0.46 - 0.03) * width, 0.305 * height, (0.46 + 0.03) * width, top * height)
    draw.rectangle(lamp, (255, 246, 206, 255))
    gallery = ((0.46 - 0.066) * width, top * height, (0.46 + 0.066) * width, 0.37 * height)
    draw.rectangle(gallery, (40, 36, 66, 255))
    roof = [(0.46 - 0.04, 0.306), (0.46 + 0.04, 0.306), (0.46, 0.275)]
    draw.polygon([(x * width, y * height) for x, y in roof], (150, 44, 48, 255))


def _balloon(
    picture: Image.Image, place: tuple[float, float], radius: float, colours: tuple[Colour, Colour]
) -> None:
    """An envelope of gores narrowing to its mouth, and a basket."""
    scale = 3  # drawn larger, for smooth edges
    side = round(radius * 3.2 * scale)
    middle, reach = side / 2, radius * scale
    canvas = Image.new("RGBA", (side, side))
    draw = ImageDraw.Draw(canvas)
    gores = 9
    for gore in range(gores):
        left, right = (-math.cos(math.pi * (gore + step) / gores) for step in (0, 1))
        edge = [(*_envelope(left, turn / 20),) for turn in range(21)]
        edge += [(*_envelope(right, turn / 20),) for turn in range(20, -1, -1)]
        light = 1.08 - 0.42 * (gore / (gores - 1))
        shade = tuple(min(255, round(part * light)) for part in colours[gore % 2])
        draw.polygon([(middle + x * reach, reach * (1.05 + y)) for x, y in edge], (*shade, 255))
    bottom = reach * 2.55
    for x in (-0.1, 0.1):
        draw.line((middle + 1.5 * x * reach, reach * 2.3, middle + x * reach, bottom), "#5a4632", 3)
    basket = (middle - 0.12 * reach, bottom, middle + 0.12 * reach, bottom + 0.2 * reach)
    draw.rectangle(basket, (106, 70, 42, 255))
    canvas = canvas.resize((side // scale, side // scale), Image.Resampling.LANCZOS)
    corner = (round(place[0] - canvas.width / 2), round(place[1] - canvas.height / 2))
    picture.paste(canvas, corner, canvas)


def _envelope(across: float, down: float) -> tuple[float, float]:
    """A point on the balloon: across from -1 to 1, down from 0 the crown to 1 the mouth."""
    if down < _WIDEST:
        y = -math.cos(math.pi / 2 * down / _WIDEST)
        return across * math.sqrt(1 - y * y), y
    narrowing = (down - _WIDEST) / (1 - _WIDEST)
    return across * (1 - 0.65 * math.sin(narrowing * math.pi / 2) ** 1.3), 1.275 * narrowing
