"""Weather and other effects, painted over a scene."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from PIL import Image, ImageDraw, ImageFilter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sandbox.aimlapi.drawing.figures import Colour
    from sandbox.aimlapi.shapes import Size


class Weather(Protocol):
    """An effect over a scene."""

    def paint(self, canvas: Image.Image, seconds: float) -> None:
        """Paint it at a moment."""


@dataclass(frozen=True, slots=True)
class _Falling:
    """A sheet of drops or flakes that repeats in both directions; speeds in heights a second."""

    sheet: Image.Image
    speed: float
    drift: float
    sway: float = 0.0

    def paint(self, canvas: Image.Image, seconds: float) -> None:
        width, height = canvas.size
        down = round(-self.speed * seconds * height) % height
        swing = self.sway * math.sin(1.4 * seconds + 9 * self.speed)
        across = round((-self.drift * seconds + swing) * height) % width
        piece = self.sheet.crop((across, down, across + width, down + height))
        canvas.paste(piece, (0, 0), piece)


def _sheet(size: Size, count: int, stamp: Callable[..., None], dice: random.Random) -> Image.Image:
    """Return four times the size, stamped `count` times per quarter, with edges that match."""
    width, height = size
    one = Image.new("RGBA", size)
    pen = ImageDraw.Draw(one)
    for _ in range(count):
        x, y, state = dice.uniform(0, width), dice.uniform(0, height), dice.getstate()
        for right in (-width, 0, width):
            for down in (-height, 0, height):
                dice.setstate(state)
                stamp(pen, x + right, y + down, dice)
    whole = Image.new("RGBA", (2 * width, 2 * height))
    for corner in ((0, 0), (width, 0), (0, height), (width, height)):
        whole.paste(one, corner)
    return whole


def _rain(size: Size, dice: random.Random, *, heavy: bool) -> Iterator[Weather]:
    lean = 0.22 if heavy else 0.1
    for count, long, speed in ((70, 0.07, 1.5), (50, 0.12, 2.1)):
        reach = long * size[1]

        def drop(
            pen: ImageDraw.ImageDraw, x: float, y: float, _: random.Random, reach: float = reach
        ) -> None:
            fill = (214, 228, 246, 150)
            pen.line((x, y, x - lean * reach, y + reach), fill, max(1, size[1] // 400))

        many = count * 2 if heavy else count
        yield _Falling(_sheet(size, many, drop, dice), speed, -lean * speed)


def _flakes(
    size: Size, dice: random.Random, colours: tuple[Colour, ...], *, slim: float = 1.0
) -> Iterator[Weather]:
    """Yield snow, petals or leaves at three depths."""
    for depth, count in ((0.5, 60), (0.8, 34), (1.3, 14)):
        unit = size[1] * 0.0075 * depth * (1.0 if slim == 1.0 else 1.9)

        def flake(
            pen: ImageDraw.ImageDraw, x: float, y: float, rolls: random.Random, unit: float = unit
        ) -> None:
            r = unit * rolls.uniform(0.5, 1.0)
            colour = rolls.choice(colours)
            if slim == 1.0:
                pen.ellipse((x - r, y - r, x + r, y + r), (*colour, 215))
                return
            turn = rolls.uniform(0, math.pi)
            ends = [
                (
                    x + r * a * math.cos(turn) - r * b * math.sin(turn),
                    y + r * a * math.sin(turn) + r * b * math.cos(turn),
                )
                for a, b in (
                    (-1, 0),
                    (-0.3, slim),
                    (0.4, slim),
                    (1, 0),
                    (0.4, -slim),
                    (-0.3, -slim),
                )
            ]
            pen.polygon(ends, (*colour, 235))

        yield _Falling(_sheet(size, count, flake, dice), 0.12 + 0.13 * depth, 0.05 * depth, 0.02)


@dataclass(frozen=True, slots=True)
class _Fog:
    """Bands of mist that pass each other."""

    bands: tuple[Image.Image, Image.Image]

    def paint(self, canvas: Image.Image, seconds: float) -> None:
        width = canvas.width
        for band, speed in zip(self.bands, (0.03, -0.05), strict=True):
            shift = round(speed * seconds * width) % width
            mask = band.crop((shift, 0, shift + width, band.height))
            canvas.paste((232, 236, 242), (0, canvas.height - band.height), mask)


def _fog(size: Size, dice: random.Random) -> Iterator[Weather]:
    bands = []
    for _ in range(2):
        width, height = size[0] // 8, round(size[1] * 0.8) // 8
        small = Image.new("L", (width, height))
        pen = ImageDraw.Draw(small)
        for _ in range(24):
            x, y = dice.uniform(0, width), height * dice.uniform(0.25, 1.05)
            wide, high = width * dice.uniform(0.12, 0.3), height * dice.uniform(0.03, 0.1)
            for turn in (-width, 0, width):
                pen.ellipse((x + turn - wide, y - high, x + turn + wide, y + high), 150)
        joined = Image.new("L", (2 * width, height))
        for corner in (0, width):
            joined.paste(small, (corner, 0))
        soft = joined.filter(ImageFilter.GaussianBlur(height / 14))
        bands.append(soft.resize((2 * size[0], height * 8)))
    yield _Fog((bands[0], bands[1]))


@dataclass(frozen=True, slots=True)
class _Lightning:
    """Flashes at intervals, each with a bolt."""

    dice_seed: int

    def paint(self, canvas: Image.Image, seconds: float) -> None:
        number, since = divmod(seconds + 1.2, 2.3)
        if since > 0.28:  # noqa: PLR2004  # seconds a flash lasts
            return
        strength = round(150 * (1 - since / 0.28))
        canvas.paste((236, 240, 255), (0, 0), Image.new("L", canvas.size, strength // 2))
        dice = random.Random(self.dice_seed + number)  # noqa: S311  # the look of a scene
        width, height = canvas.size
        x, y = width * dice.uniform(0.15, 0.85), 0.0
        points = [(x, y)]
        while y < height * 0.55:
            x, y = x + width * dice.uniform(-0.035, 0.035), y + height * dice.uniform(0.03, 0.07)
            points.append((x, y))
        ImageDraw.Draw(canvas).line(points, (255, 252, 236), max(2, height // 150), joint="curve")


@dataclass(frozen=True, slots=True)
class _Fireflies:
    """Small lights that wander and fade."""

    spots: tuple[tuple[float, float, float], ...]
    glow: Image.Image

    def paint(self, canvas: Image.Image, seconds: float) -> None:
        width, height = canvas.size
        for x, y, phase in self.spots:
            shine = max(0.0, math.sin(1.7 * seconds + phase))
            at = (
                round((x + 0.03 * math.sin(0.9 * seconds + phase)) * width) - self.glow.width // 2,
                round((y + 0.04 * math.cos(0.7 * seconds + 2 * phase)) * height)
                - self.glow.width // 2,
            )
            canvas.paste(
                (255, 240, 150), at, self.glow.point([round(v * shine) for v in range(256)])
            )


def _fireflies(size: Size, dice: random.Random) -> Iterator[Weather]:
    side = max(8, size[1] // 16)
    falloff = [round(255 * max(0.0, 1 - level / 150) ** 2.2) for level in range(256)]
    glow = Image.radial_gradient("L").resize((side, side)).point(falloff)
    spots = [(dice.random(), dice.uniform(0.3, 0.95), dice.uniform(0, math.tau)) for _ in range(34)]
    yield _Fireflies(tuple(spots), glow)


@dataclass(frozen=True, slots=True)
class _Fireworks:
    """Bursts one after another."""

    bursts: tuple[tuple[float, float, float, Colour], ...]

    def paint(self, canvas: Image.Image, seconds: float) -> None:
        width, height = canvas.size
        pen = ImageDraw.Draw(canvas, "RGBA")
        for number, (x, y, size, colour) in enumerate(self.bursts):
            since = (seconds + 0.45 * number) % 2.2
            if since > 1.6:  # noqa: PLR2004  # seconds a burst lasts
                continue
            reach = size * height * (1 - math.exp(-3.2 * since))
            alpha = round(255 * (1 - since / 1.6))
            for ray in range(36):
                turn, share = math.tau * ray / 36, 1.0 if ray % 2 else 0.72
                for trail in range(4):
                    r = reach * share * (1 - 0.09 * trail)
                    at = (
                        x * width + r * math.cos(turn),
                        y * height + r * math.sin(turn) + 0.05 * height * since**2,
                    )
                    dot = max(1.0, height / 260) * (1.3 - 0.25 * trail)
                    box = (at[0] - dot, at[1] - dot, at[0] + dot, at[1] + dot)
                    pen.ellipse(box, (*colour, alpha // (trail + 1)))


def _fireworks(_: Size, dice: random.Random) -> Iterator[Weather]:
    tones = ((255, 120, 120), (255, 216, 120), (140, 220, 255), (220, 150, 255), (150, 255, 180))
    yield _Fireworks(
        tuple(
            (dice.uniform(0.12, 0.88), dice.uniform(0.12, 0.42), dice.uniform(0.12, 0.24), tone)
            for tone in tones
        )
    )


@dataclass(frozen=True, slots=True)
class _Bubbles:
    """Bubbles that rise."""

    spots: tuple[tuple[float, float, float], ...]

    def paint(self, canvas: Image.Image, seconds: float) -> None:
        width, height = canvas.size
        pen = ImageDraw.Draw(canvas, "RGBA")
        for x, phase, size in self.spots:
            y = 1.1 - (0.16 * seconds / (0.4 + size) + phase) % 1.2
            at = x * width + 0.012 * width * math.sin(3 * seconds + 8 * phase)
            r = height * 0.014 * size
            box = (at - r, y * height - r, at + r, y * height + r)
            pen.ellipse(box, (255, 255, 255, 50), (255, 255, 255, 150), max(1, height // 400))


def bubbles(dice: random.Random) -> Weather:
    """Return bubbles that rise under water."""
    spots = [(dice.random(), dice.random(), dice.uniform(0.3, 1)) for _ in range(26)]
    return _Bubbles(tuple(spots))


def weathers(kinds: frozenset[str], size: Size, dice: random.Random) -> list[Weather]:
    """Return the effects of these kinds, the furthest first."""
    made: list[Weather] = []
    if "fog" in kinds:
        made += _fog(size, dice)
    if "firework" in kinds:
        made += _fireworks(size, dice)
    if "firefly" in kinds:
        made += _fireflies(size, dice)
    if "petal" in kinds:
        made += _flakes(size, dice, ((255, 190, 210), (255, 214, 226), (244, 160, 190)), slim=0.5)
    if "leaves" in kinds:
        made += _flakes(size, dice, ((226, 120, 48), (204, 82, 44), (240, 180, 70)), slim=0.45)
    if "snow" in kinds:
        made += _flakes(size, dice, ((255, 255, 255),))
    if kinds & {"rain", "storm"}:
        made += _rain(size, dice, heavy="storm" in kinds)
    if "storm" in kinds:
        made.append(_Lightning(dice.randrange(1000)))
    return made
