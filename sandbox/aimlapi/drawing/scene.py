"""Scenes: moving subjects in a landscape with weather, or a photo that moves."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageOps

from sandbox.aimlapi.drawing import idea
from sandbox.aimlapi.drawing.figures import PHASES, draw
from sandbox.aimlapi.drawing.places import landscape
from sandbox.aimlapi.drawing.weather import bubbles, weathers
from sandbox.aimlapi.lettering import set_text

if TYPE_CHECKING:
    from sandbox.aimlapi.drawing.figures import Sprite
    from sandbox.aimlapi.drawing.idea import Subject
    from sandbox.aimlapi.drawing.landscape import Landscape
    from sandbox.aimlapi.drawing.weather import Weather
    from sandbox.aimlapi.shapes import Size

# Speed of the camera in picture widths a second, and cycles of a movement a second.
_SPEEDS = {"walk": 0.09, "run": 0.3, "drive": 0.34, "fly": 0.16, "sail": 0.06, "swim": 0.08}
_SPEEDS |= {"crawl": 0.03, "hop": 0.1, "flutter": 0.05, "float": 0.02, "rise": 0.03}
_TURNS = {
    "walk": 1.1,
    "run": 2.0,
    "drive": 1.6,
    "fly": 2.2,
    "flutter": 3.0,
    "swim": 0.9,
    "hop": 1.4,
}
_SLOW_PAN = 0.014
_DIM = 640  # the sum of a light's red, green and blue below which lamps are lit
_DEFAULT_TURNS = 0.45
_WET = {"sea", "lake", "underwater", "puddle"}
_ALOFT = {"fly": 0.42, "float": 0.56, "flutter": 0.5, "rise": 0.66, "launch": 0.9, "beat": 0.62}


class Scene(Protocol):
    """An animated picture."""

    def frame(self, seconds: float) -> Image.Image:
        """Return the picture after some seconds."""


class WordScene:
    """The scene of a prompt; a prompt that is not understood is shown as text."""

    def __init__(self, prompt: str, size: Size) -> None:
        self._size = size
        self._idea = idea.read(prompt)
        dice = random.Random(self._idea.seed)  # noqa: S311  # the look of a scene, not a secret
        self._place: Landscape = landscape(self._idea, size, dice)
        window = self._place.window
        outside = (window[2] - window[0], window[3] - window[1]) if window else size
        self._weather = weathers(self._idea.weather, outside, dice)
        if self._idea.place == "underwater":
            self._weather.insert(0, bubbles(dice))
        subjects = list(enumerate(self._idea.subjects))
        # the first subject is painted after the others, and riders after it
        subjects.sort(key=lambda each: (each[1].is_rider, each[0] == 0))
        self._actors = [
            actor for number, subject in subjects for actor in self._cast(subject, number, size)
        ]
        self._veil = _vignette(size)
        self._words = None if self._idea.is_understood else set_text(prompt, size)
        motion = self._idea.subjects[0].motion if self._idea.subjects else ""
        self._speed = _SPEEDS.get(motion, _SLOW_PAN)

    def frame(self, seconds: float) -> Image.Image:
        """Return the picture after some seconds."""
        canvas = Image.new("RGB", self._size)
        travel = self._speed * seconds
        self._place.paint(canvas, seconds, travel)
        window = self._place.window
        if window:
            outside = canvas.crop(window)
            self._paint_weather(outside, seconds)
            canvas.paste(outside, window)
        for actor in self._actors:
            actor.paint(canvas, seconds)
        for strip in self._place.before:
            strip.paint(canvas, seconds, travel)
        if not window:
            self._paint_weather(canvas, seconds)
        canvas.paste((8, 8, 24), (0, 0), self._veil)
        if self._words:
            self._words.paint(canvas, min(1.0, 0.3 + seconds))
        return canvas

    def _cast(self, subject: Subject, number: int, size: Size) -> list[_Actor]:
        subjects = self._idea.subjects
        alone = len(subjects) == 1 or any(one.is_rider for one in subjects)
        middle = 0.5 if alone else (0.36, 0.72, 0.16)[number]
        return _actors(subject, number, self._idea.place, self._place, size, middle=middle)

    def _paint_weather(self, canvas: Image.Image, seconds: float) -> None:
        for weather in self._weather:
            weather.paint(canvas, seconds)


@dataclass(frozen=True, slots=True)
class _Actor:
    """A drawn subject, its position in shares of the picture, and its motion."""

    sprites: tuple[Sprite, ...]
    motion: str
    x: float
    y: float
    pace: float
    shift: float
    is_shaded: bool
    headroom: float
    beam: bool = False

    def paint(self, canvas: Image.Image, seconds: float) -> None:
        """Paint it at a moment."""
        width, height = canvas.size
        turns = seconds * self.pace + self.shift
        sprite = self.sprites[int(turns * PHASES) % PHASES % len(self.sprites)]
        right, up, lean = _moved(self.motion, seconds + 1.7 * self.shift, turns)
        x = round((self.x + right) * width)
        y = max(round((self.y - up) * height), sprite.foot[1] - round(height * self.headroom))
        if self.is_shaded:
            self._shadow(canvas, sprite, x, round(self.y * height), up)
        picture, foot = sprite.picture, sprite.foot
        if self.beam:
            _beam(canvas, (x, y - round(0.72 * foot[1])), seconds)
        if lean:
            centre = (float(foot[0]), float(foot[1]))
            picture = picture.rotate(lean, Image.Resampling.BILINEAR, center=centre)
        canvas.paste(picture, (x - foot[0], y - foot[1]), picture)

    @staticmethod
    def _shadow(canvas: Image.Image, sprite: Sprite, x: int, y: int, up: float) -> None:
        wide = round(sprite.picture.width * (0.36 - min(0.2, up)))
        high = max(2, wide // 7)
        mask = Image.new("L", (2 * wide, 2 * high))
        ImageDraw.Draw(mask).ellipse((0, 0, 2 * wide - 1, 2 * high - 1), fill=70)
        canvas.paste((10, 14, 30), (x - wide, y - high), mask)


def _moved(  # noqa: C901, PLR0911  # a table: one movement after the other
    motion: str, seconds: float, turns: float
) -> tuple[float, float, float]:
    """Return the shift to the right and upwards, and the rotation in degrees."""
    wave, slow = math.sin(math.tau * turns), math.sin(0.7 * seconds)
    match motion:
        case "walk" | "crawl" | "drive":
            return 0.07 * slow, 0.004 * abs(wave), 0.0
        case "run":
            return 0.09 * slow, 0.02 * abs(wave), 3 * wave
        case "hop" | "jump":
            leap = abs(math.sin(math.pi * turns))
            return 0.06 * slow, 0.13 * leap, 8 * math.cos(math.pi * turns) * leap
        case "dance":
            return 0.03 * math.sin(math.tau * turns / 2), 0.04 * abs(wave), 12 * wave
        case "fly" | "flutter" | "swim":
            return 0.12 * slow, 0.04 * math.sin(1.6 * seconds), 5 * math.cos(1.6 * seconds)
        case "float":
            return 0.06 * slow, 0.05 * math.sin(0.9 * seconds), 9 * math.sin(0.6 * seconds)
        case "sail":
            return 0.06 * slow, 0.008 * math.sin(1.7 * seconds), 3.5 * math.sin(1.3 * seconds)
        case "rise":
            return 0.02 * slow, 0.035 * (seconds % 12), 1.5 * slow
        case "launch":
            return 0.004 * math.sin(40 * seconds), 0.012 * (seconds % 8) ** 2, 0.0
        case "beat":
            return 0.0, 0.02 * abs(wave), 0.0
        case _:
            return 0.0, 0.0, 0.0


def _actors(
    subject: Subject, number: int, where: str, place: Landscape, size: Size, *, middle: float
) -> list[_Actor]:
    """Return the copies of a subject, the furthest first."""
    figure, light = subject.figure, place.light.tint
    width, height = size
    narrow = min(1.0, 0.45 + 0.55 * width / height)
    made = []
    for copy in range(subject.count):
        small = (1.0, 0.62, 0.44)[copy]
        share = 1.22 * figure.size * small * narrow * (0.55 if subject.is_rider else 1.0)
        share *= 0.8 if number and not subject.is_rider else 1.0
        turns = PHASES if figure.is_moving else 1
        sprites = tuple(
            draw(figure, share * height, turn / PHASES, light, subject.body)
            for turn in range(turns)
        )
        motion = subject.motion
        if motion == "swim" and where not in _WET:
            motion = "fly"
        x = middle + (0.0, 0.27, -0.3)[copy]
        y = _level(motion, where, place) - (0.05, 0.14, -0.02)[copy] * (motion in _ALOFT)
        y -= subject.lift * narrow
        if motion not in _ALOFT and copy:
            y -= 0.03 * copy
        made.append(
            _Actor(
                sprites,
                motion,
                x,
                y,
                _TURNS.get(motion, _DEFAULT_TURNS) * (1 + 0.13 * copy),
                0.31 * copy + 0.17 * number * (not subject.is_rider),
                motion not in _ALOFT
                and not subject.is_rider
                and motion not in {"sail", "swim"}
                and where not in {"sky", "space", "sea", "underwater"},
                1.0 if motion in {"rise", "launch"} else 0.02,
                beam=figure.name == "lighthouse" and sum(light) < _DIM,
            )
        )
    return made[::-1]


def _beam(canvas: Image.Image, lamp: tuple[int, int], seconds: float) -> None:
    """Paint the two turning beams of a lighthouse."""
    width, height = canvas.size
    turn = math.cos(1.3 * seconds + 0.4)
    mask = Image.new("L", (width // 4, height // 4))
    x, y = lamp[0] / 4, lamp[1] / 4
    for side in (1, -1):
        reach = side * turn * mask.width * 1.1
        spread = mask.height * 0.16
        for share, shade in ((1.0, 34), (0.66, 30), (0.4, 36)):
            ends = [
                (x, y),
                (x + reach * share, y - spread * share),
                (x + reach * share, y + spread * share),
            ]
            layer = Image.new("L", mask.size)
            ImageDraw.Draw(layer).polygon(ends, fill=shade)
            mask = ImageChops.add(mask, layer)
    soft = mask.filter(ImageFilter.GaussianBlur(2)).resize(canvas.size)
    canvas.paste((255, 240, 190), mask=soft)


def _level(motion: str, where: str, place: Landscape) -> float:
    if motion in _ALOFT and where not in {"underwater", "space"}:
        return _ALOFT[motion]
    if motion in _ALOFT or where in {"underwater", "space", "sky"}:
        return 0.68
    return place.ground


def _vignette(size: Size) -> Image.Image:
    falloff = [round(90 * max(0.0, (level - 120) / 135) ** 2) for level in range(256)]
    return Image.radial_gradient("L").point(falloff).resize(size)


class PhotoScene:
    """A moving photo: near parts move more than far ones, with the weather of the prompt.

    It is moved in `cells` by `cells` pieces; with a single one, it is only zoomed.
    """

    _DEPTH = 0.14  # share of the picture outside the frame at the end

    def __init__(
        self, photo: Image.Image, size: Size, seconds: float, prompt: str = "", cells: int = 1
    ) -> None:
        self._photo = ImageOps.fit(photo, size, Image.Resampling.LANCZOS)
        self._size = size
        self._seconds = seconds
        self._cells = cells
        self._weather: list[Weather] = []
        if cells > 1:
            read = idea.read(prompt)
            dice = random.Random(read.seed)  # noqa: S311  # as above
            self._weather = weathers(read.weather, size, dice)
            self._calm = self._calmness()

    def _calmness(self) -> bytes:
        """Return how much each part of the picture may sway, from 0 to 255; edges stay still."""
        grey = self._photo.convert("L").resize((64, 64))
        edges = grey.filter(ImageFilter.FIND_EDGES).filter(ImageFilter.GaussianBlur(4))
        return ImageChops.invert(ImageOps.autocontrast(edges)).tobytes()

    def frame(self, seconds: float) -> Image.Image:
        """Return the picture after some seconds."""
        progress = seconds / self._seconds
        eased = progress * progress * (3 - 2 * progress)
        if self._cells == 1:
            width, height = self._size
            kept = 1 - self._DEPTH * eased
            left, top = (1 - kept) * width * 0.55, (1 - kept) * height * 0.42
            box = (left, top, left + kept * width, top + kept * height)
            return self._photo.resize(self._size, Image.Resampling.BILINEAR, box=box)
        canvas = self._photo.transform(
            self._size, Image.Transform.MESH, self._mesh(seconds, eased), Image.Resampling.BILINEAR
        )
        for weather in self._weather:
            weather.paint(canvas, seconds)
        return canvas

    def _mesh(
        self, seconds: float, eased: float
    ) -> list[tuple[tuple[int, ...], tuple[float, ...]]]:
        width, height = self._size
        cells = self._cells
        xs = [round(width * step / cells) for step in range(cells + 1)]
        ys = [round(height * step / cells) for step in range(cells + 1)]
        spots = [[self._from(x, y, seconds, eased) for x in xs] for y in ys]
        return [
            (
                (xs[column], ys[row], xs[column + 1], ys[row + 1]),
                (
                    *spots[row][column],
                    *spots[row + 1][column],
                    *spots[row + 1][column + 1],
                    *spots[row][column + 1],
                ),
            )
            for row in range(cells)
            for column in range(cells)
        ]

    def _from(self, x: float, y: float, seconds: float, eased: float) -> tuple[float, float]:
        """Return the point of the photo shown at a point of the picture."""
        width, height = self._size
        across, down = x / width - 0.5, y / height - 0.5
        near = 0.35 + 0.65 * (down + 0.5)  # the lower part is nearer
        zoom = 1 - 0.05 - self._DEPTH * eased * near
        swing = 0.02 * math.sin(0.9 * seconds) * (near - 0.5)
        sway = 0.006 * near * math.sin(2.2 * seconds + 9 * down + 3 * across)
        rise = 0.004 * near * math.sin(1.7 * seconds + 11 * across)
        calm = self._calm[64 * min(63, int(64 * y / height)) + min(63, int(64 * x / width))] / 255
        at = 0.5 + across * zoom + swing + sway * calm, 0.5 + down * zoom + rise * calm
        return min(max(at[0], 0), 1) * width, min(max(at[1], 0), 1) * height
