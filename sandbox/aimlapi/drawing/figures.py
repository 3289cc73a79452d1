"""Figures: animals, people and things, drawn from the shapes in `figures.txt`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from PIL import Image, ImageChops, ImageDraw, ImageFilter

Colour = tuple[int, int, int]
Points = list[tuple[float, float]]

_SMOOTH = 3  # supersampling, for soft edges
_UNITS = 100  # of a figure's height
_ROUND = 24  # corners of a circle
_STEPS = 6  # between two points of a curve
PHASES = 12
"""Pictures of one cycle of a figure's movement."""

COLOURS: dict[str, Colour] = {
    "ink": (34, 36, 48),
    "navy": (44, 62, 102),
    "white": (250, 250, 252),
    "cream": (246, 226, 196),
    "grey": (150, 158, 170),
    "stone": (96, 92, 104),
    "brown": (112, 76, 52),
    "skin": (236, 184, 150),
    "pink": (242, 158, 160),
    "red": (214, 66, 58),
    "orange": (238, 140, 54),
    "yellow": (250, 206, 92),
    "green": (88, 158, 86),
    "blue": (62, 114, 190),
    "sky": (150, 204, 236),
    "purple": (142, 92, 180),
    "glow": (255, 226, 140),
    "hole": (0, 0, 0),
}


@dataclass(frozen=True, slots=True)
class _Part:
    """A moving part: its kind of movement around a point."""

    kind: str
    x: float
    y: float
    amount: float
    phase: float

    def moved(self, points: Points, turn: float) -> Points:
        """Return the points at a moment of the movement's cycle, from 0 to 1."""
        wave = math.sin(math.tau * (turn + self.phase))
        if self.kind == "flap":
            squeezed = 0.35 + 0.65 * wave
            if self.x == 0 and self.y == 50:  # noqa: PLR2004  # a butterfly's wings fold sideways
                folded = 0.62 + 0.38 * wave
                return [(self.x + folded * (x - self.x), y) for x, y in points]
            return [(x, self.y + squeezed * (y - self.y)) for x, y in points]
        angle = math.tau * -turn if self.kind == "spin" else math.radians(self.amount) * wave
        sine, cosine = math.sin(angle), math.cos(angle)
        return [
            (
                self.x + cosine * (x - self.x) - sine * (y - self.y),
                self.y + sine * (x - self.x) + cosine * (y - self.y),
            )
            for x, y in points
        ]


@dataclass(frozen=True, slots=True)
class _Shape:
    """A filled polygon, or a line of some width."""

    colour: str
    points: Points
    part: str
    width: float = 0.0


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure: its shapes, its default place and its default motion."""

    name: str
    body: Colour
    home: str
    motion: str
    size: float
    shapes: tuple[_Shape, ...]
    parts: dict[str, _Part]

    @property
    def is_moving(self) -> bool:
        """Whether any part of it moves."""
        return bool(self.parts)


@dataclass(frozen=True, slots=True)
class Sprite:
    """A drawn figure, and the pixel in it at which the figure stands."""

    picture: Image.Image
    foot: tuple[int, int]


@cache
def figures() -> dict[str, Figure]:
    """Return every figure by its name."""
    text = Path(__file__).with_name("figures.txt").read_text(encoding="utf-8")
    blocks = [block.strip() for block in text.split("\n\n")]
    found = [_figure(block) for block in blocks if block.startswith("=")]
    return {figure.name: figure for figure in found}


def _figure(block: str) -> Figure:
    head, *lines = block.splitlines()
    _, name, body, home, motion, size = head.split()
    parts, shapes = {}, []
    for line in lines:
        kind, *words = line.split()
        if kind == "@":
            part, how, *numbers = words
            parts[part] = _Part(how, *map(float, numbers))
        else:
            shapes.append(_shape(kind, words))
    red, green, blue = bytes.fromhex(body[1:])
    return Figure(name, (red, green, blue), home, motion, float(size), tuple(shapes), parts)


def _shape(kind: str, words: list[str]) -> _Shape:
    part = words.pop()[1:] if words[-1].startswith("@") else ""
    colour, *rest = words
    if kind == "o":
        x, y, across, up = map(float, rest)
        turns = [math.tau * step / _ROUND for step in range(_ROUND)]
        return _Shape(
            colour, [(x + across * math.cos(a), y + up * math.sin(a)) for a in turns], part
        )
    width = float(rest.pop(0)) if kind == "l" else 0.0
    points = [(float(x), float(y)) for x, y in (pair.split(",") for pair in rest)]
    return _Shape(colour, _curve(points) if kind == "c" else points, part, width)


def _curve(points: Points) -> Points:
    """Return a closed curve through the points (Catmull-Rom)."""
    made: Points = []
    for index in range(len(points)):
        a, b, c, d = (points[(index + step) % len(points)] for step in (-1, 0, 1, 2))
        for step in range(_STEPS):
            t = step / _STEPS
            made.append((_spline(a[0], b[0], c[0], d[0], t), _spline(a[1], b[1], c[1], d[1], t)))
    return made


def _spline(a: float, b: float, c: float, d: float, t: float) -> float:
    return 0.5 * (
        2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t * t + (3 * b - a - 3 * c + d) * t**3
    )


def mixed(one: Colour, other: Colour, share: float) -> Colour:
    """Return one colour blended with a share of another, from 0 to 1."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


def draw(
    figure: Figure,
    pixels: float,
    turn: float,
    light: Colour = (255, 255, 255),
    body: Colour | None = None,
) -> Sprite:
    """Draw a figure of a height in pixels, at a moment of its movement, tinted by a light.

    Shapes in the colour `glow` are not tinted, and get a halo.
    """
    main = body or figure.body
    own = {"body": main, "dark": mixed(main, (20, 16, 40), 0.28)}
    own["light"] = mixed(main, (255, 255, 255), 0.32)
    scale = pixels * _SMOOTH / _UNITS
    placed = [
        (shape, part.moved(shape.points, turn) if part else shape.points)
        for shape in figure.shapes
        for part in (figure.parts.get(shape.part),)
    ]
    margin = 10.0
    left = min(x for shape, points in placed for x, _ in points) - margin
    right = max(x for shape, points in placed for x, _ in points) + margin
    bottom = min(y for shape, points in placed for _, y in points) - margin
    top = max(y for shape, points in placed for _, y in points) + margin
    size = (
        _SMOOTH * math.ceil((right - left) * pixels / _UNITS),
        _SMOOTH * math.ceil((top - bottom) * pixels / _UNITS),
    )
    layers = {name: Image.new("RGBA", size) for name in ("lit", "glowing")}
    pens = {name: ImageDraw.Draw(layer) for name, layer in layers.items()}
    for shape, points in placed:
        where = [((x - left) * scale, (top - y) * scale) for x, y in points]
        colour = own.get(shape.colour) or COLOURS[shape.colour]
        pen = pens["glowing" if shape.colour == "glow" else "lit"]
        fill = (*colour, 0 if shape.colour == "hole" else 255)
        if shape.width:
            _line(pen, where, fill, max(1.0, shape.width * scale))
        else:
            pen.polygon(where, fill)
            if shape.colour != "glow":
                pens["glowing"].polygon(where, (0, 0, 0, 0))
    lit = _shaded(_smaller(layers["lit"]), light)
    glowing = _smaller(layers["glowing"])
    if glowing.getbbox():
        halo = Image.new("RGBA", glowing.size, COLOURS["glow"])
        spread = glowing.getchannel("A").filter(ImageFilter.GaussianBlur(pixels / 26))
        halo.putalpha(spread.point([min(200, level * 2) for level in range(256)]))
        lit = Image.alpha_composite(Image.alpha_composite(lit, halo), glowing)
    return Sprite(lit, (round(-left * pixels / _UNITS), round(top * pixels / _UNITS)))


def _line(pen: ImageDraw.ImageDraw, where: Points, fill: tuple[int, ...], width: float) -> None:
    pen.line(where, fill, round(width), joint="curve")
    for x, y in (where[0], where[-1]):
        pen.ellipse((x - width / 2, y - width / 2, x + width / 2, y + width / 2), fill)


def _smaller(picture: Image.Image) -> Image.Image:
    """Scale to the final size, without dark edges at transparent pixels."""
    width, height = picture.width // _SMOOTH, picture.height // _SMOOTH
    return picture.convert("RGBa").resize((width, height), Image.Resampling.BOX).convert("RGBA")


def _shaded(picture: Image.Image, light: Colour) -> Image.Image:
    """Tint a picture by a light from above."""
    shade = Image.new("RGB", (1, 2))
    shade.putdata([light, mixed(light, (40, 36, 70), 0.3)])
    falling = shade.resize(picture.size, Image.Resampling.BILINEAR)
    lit = ImageChops.multiply(picture.convert("RGB"), falling)
    lit.putalpha(picture.getchannel("A"))
    return lit


def sticker(name: str, pixels: int = 512) -> Image.Image:
    """Draw a figure with the white edge of a sticker, in a square."""
    figure = figures()[name]
    whole = draw(figure, pixels * 0.72, 0.0).picture
    whole.thumbnail((round(pixels * 0.9), round(pixels * 0.9)))
    canvas = Image.new("RGBA", (pixels, pixels))
    canvas.paste(whole, ((pixels - whole.width) // 2, (pixels - whole.height) // 2))
    spread = canvas.getchannel("A").filter(ImageFilter.GaussianBlur(pixels / 60))
    edge = spread.point([min(255, max(0, level - 20) * 6) for level in range(256)])
    under = Image.new("RGBA", canvas.size, (255, 255, 255, 0))
    under.putalpha(edge)
    return Image.alpha_composite(under, canvas)
