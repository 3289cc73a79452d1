"""The moving pictures of a clip: a prompt over an evening sea, or a slow move into a photo."""

from __future__ import annotations

import math
import random
from typing import TYPE_CHECKING, Protocol

from PIL import Image, ImageDraw, ImageOps

from sandbox.aimlapi.lettering import set_text

if TYPE_CHECKING:
    from sandbox.aimlapi.shapes import Size

Colour = tuple[int, int, int]

# Sky from top to horizon, sun, and the sea's near and far colour.
_PALETTES: tuple[tuple[tuple[Colour, ...], Colour, Colour, Colour], ...] = (
    (((24, 22, 62), (116, 52, 110), (244, 132, 96)), (255, 214, 150), (18, 16, 48), (134, 62, 104)),
    (((14, 40, 84), (62, 118, 158), (246, 190, 140)), (255, 236, 190), (8, 28, 58), (78, 116, 144)),
    (((16, 20, 46), (38, 74, 116), (126, 176, 172)), (236, 244, 226), (8, 16, 36), (52, 96, 120)),
    (((58, 20, 52), (168, 54, 72), (250, 160, 84)), (255, 220, 130), (36, 12, 36), (150, 58, 66)),
)
_WAVES = 4


class Scene(Protocol):
    """Something that can be looked at at any moment."""

    def frame(self, seconds: float) -> Image.Image:
        """The picture so many seconds in."""


class TextScene:
    """The prompt over a sky with a rising sun and waves that roll at different speeds."""

    def __init__(self, prompt: str, size: Size, seed: int) -> None:
        sky, sun, near, far = _PALETTES[seed % len(_PALETTES)]
        dice = random.Random(seed)  # noqa: S311  # the look of a scene, not a secret
        self._size = size
        self._sky = _gradient(sky, size)
        self._sun = sun
        self._halo = _halo(min(size) // 9)
        self._waves = [
            _Wave(size, dice, index / (_WAVES - 1), near, far) for index in range(_WAVES)
        ]
        self._words = set_text(prompt, size)

    def frame(self, seconds: float) -> Image.Image:
        """The picture so many seconds in."""
        width, height = self._size
        picture = self._sky.copy()
        halo = self._halo
        x = round(width * (0.66 + 0.006 * seconds)) - halo.width // 2
        y = round(height * (0.68 - 0.004 * seconds)) - halo.height // 2
        picture.paste(self._sun, (x, y, x + halo.width, y + halo.height), halo)
        for wave in self._waves:
            wave.draw(picture, seconds)
        self._words.write(picture, min(1.0, 0.3 + seconds))
        return picture


class _Wave:
    """One line of hills of water, from 0 far to 1 near; it repeats after the picture's width."""

    def __init__(
        self, size: Size, dice: random.Random, depth: float, near: Colour, far: Colour
    ) -> None:
        width, height = size
        self._top = round(height * (0.70 + 0.17 * depth))
        self._sway = height * 0.006
        self._phase = 5 * depth
        self._speed = (0.02 + 0.05 * depth) * width  # pixels per second
        red, green, blue = (round(a + (b - a) * depth) for a, b in zip(far, near, strict=True))
        self._colour = (red, green, blue)
        swell = height * (0.010 + 0.022 * depth)
        tides = [(count, dice.uniform(0, math.tau)) for count in (2, 3, 5)]
        reach = sum(1 / count for count, _ in tides)
        outline = [
            (
                2 * x,
                2 * swell * (reach + sum(_tide(x / width, *tide) for tide in tides)),
            )
            for x in range(0, width + 8, 8)
        ]
        band = 2 * round(2 * swell * reach / 2) + 2
        crest = Image.new("L", (2 * width, 2 * band))
        below = [(2 * width + 16, 2 * band), (0, 2 * band)]
        ImageDraw.Draw(crest).polygon([*outline, *below], fill=255)
        crest = crest.resize((width, band), Image.Resampling.BOX)  # smooth edges
        self._crest = Image.new("L", (2 * width, band))
        self._crest.paste(crest, (0, 0))
        self._crest.paste(crest, (width, 0))

    def draw(self, picture: Image.Image, seconds: float) -> None:
        """Paint the wave as it is so many seconds in."""
        width, height = picture.size
        shift = round(self._speed * seconds) % width
        top = self._top + round(self._sway * math.sin(1.1 * seconds + self._phase))
        crest = self._crest.crop((shift, 0, shift + width, self._crest.height))
        picture.paste(self._colour, (0, top, width, top + crest.height), crest)
        picture.paste(self._colour, (0, top + crest.height, width, height))


class PhotoScene:
    """A slow move of the camera into a photo."""

    _DEPTH = 0.16  # of the picture's side that has left the frame at the end

    def __init__(self, photo: Image.Image, size: Size, seconds: float) -> None:
        self._photo = ImageOps.fit(photo, size, Image.Resampling.LANCZOS)
        self._size = size
        self._seconds = seconds

    def frame(self, seconds: float) -> Image.Image:
        """The picture so many seconds in."""
        width, height = self._size
        progress = seconds / self._seconds
        eased = progress * progress * (3 - 2 * progress)
        kept = 1 - self._DEPTH * eased
        left = (1 - kept) * width * 0.55
        top = (1 - kept) * height * 0.42
        box = (left, top, left + kept * width, top + kept * height)
        return self._photo.resize(self._size, Image.Resampling.BILINEAR, box=box)


def _gradient(colours: tuple[Colour, ...], size: Size) -> Image.Image:
    """Colours from top to bottom, blended by enlarging a column of one pixel each."""
    column = Image.new("RGB", (1, len(colours)))
    column.putdata(colours)
    width, height = size
    reach = round(height * 0.72 * len(colours) / (len(colours) - 1))  # the last at the horizon
    smooth = column.resize((1, reach), Image.Resampling.BICUBIC).resize((width, reach))
    picture = Image.new("RGB", size, colours[-1])
    picture.paste(smooth, (0, -reach // (2 * len(colours))))
    return picture


def _halo(radius: int) -> Image.Image:
    """A mask of a disc in a light that fades to nothing at the mask's edge."""
    side = radius * 6
    edge = 181  # what Pillow's radial gradient has reached there
    falloff = [round(110 * max(0, 1 - level / edge) ** 2) for level in range(256)]
    light = Image.radial_gradient("L").resize((side, side)).point(falloff)
    disc = Image.new("L", (2 * side, 2 * side))
    box = (side - 2 * radius, side - 2 * radius, side + 2 * radius, side + 2 * radius)
    ImageDraw.Draw(disc).ellipse(box, fill=255)
    light.paste(255, (0, 0, side, side), disc.resize((side, side), Image.Resampling.BOX))
    return light


def _tide(turn: float, count: int, phase: float) -> float:
    return math.sin(math.tau * count * turn + phase) / count
