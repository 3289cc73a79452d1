"""A landscape: the surroundings of the subjects."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from PIL import Image, ImageChops

from sandbox.aimlapi.drawing.strips import WHITE, Strip, gradient

if TYPE_CHECKING:
    from sandbox.aimlapi.drawing.light import Light


@dataclass(slots=True)
class Landscape:
    """A still background, and strips behind and before the subjects.

    `ground`, where they stand, and `horizon` are shares of the picture's height. If it `mirrors`,
    there is water below the horizon. In a room, weather is only in the `window`.
    """

    still: Image.Image
    light: Light
    horizon: float
    ground: float
    behind: list[Strip] = field(default_factory=list)
    before: list[Strip] = field(default_factory=list)
    stars: tuple[Image.Image, Image.Image] | None = None
    twinkling: tuple[Image.Image, Image.Image] | None = None
    mirrors: bool = False
    snows: bool = False
    window: tuple[int, int, int, int] | None = None

    def paint(self, canvas: Image.Image, seconds: float, travel: float) -> None:
        """Paint everything behind the subjects."""
        if self.stars:
            one, other = self.twinkling or self._light(self.stars)
            canvas.paste(Image.blend(one, other, 0.5 + 0.5 * math.sin(2.1 * seconds)))
        else:
            canvas.paste(self.still)
        for strip in self.behind:
            strip.paint(canvas, seconds, travel)
        if self.mirrors:
            self._mirror(canvas, seconds)

    def _light(self, stars: tuple[Image.Image, Image.Image]) -> tuple[Image.Image, Image.Image]:
        """Return the sky with one half of the stars bright, and with the other."""
        skies = self.still.copy(), self.still.copy()
        for number, mask in enumerate(stars):
            for sky, share in zip(skies, (1.0, 0.25) if number else (0.25, 1.0), strict=True):
                sky.paste(WHITE, (0, 0), mask.point([round(v * share) for v in range(256)]))
        self.twinkling = skies
        return skies

    def _mirror(self, canvas: Image.Image, seconds: float) -> None:
        width, height = canvas.size
        shore = round(self.horizon * height)
        tall = height - shore
        above = canvas.crop((0, max(0, shore - tall), width, shore))
        below = above.transpose(Image.Transpose.FLIP_TOP_BOTTOM).resize((width, tall))
        edge = width * 0.008
        wobble = [
            ((0, y, width, y + 8), (edge + s, y, edge + s, y + 8, far + s, y + 8, far + s, y))
            for far in (width - edge,)
            for y in range(0, tall, 8)
            for s in (math.sin(y * 0.13 + 2.4 * seconds) * edge * 0.75 * (0.3 + 0.7 * y / tall),)
        ]
        below = below.transform(below.size, Image.Transform.MESH, wobble)
        shade = gradient(below.size, ((214, 220, 236), (120, 136, 170)))
        canvas.paste(ImageChops.multiply(below, shade), (0, shore))
