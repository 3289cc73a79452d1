"""Large text in a picture, in any script for which a font is installed."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont

if TYPE_CHECKING:
    from sandbox.aimlapi.shapes import Size

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

# Pillow's own font has Latin letters; these are used for others, if they are installed.
_FALLBACK_FONTS = (
    "DejaVuSans.ttf",
    "NotoSans-Regular.ttf",
    "NotoSansCJK-Regular.ttc",
    "Arial Unicode.ttf",
)
_MAX_CHARACTERS = 240
_SPACE_BEFORE_MARK = re.compile(r"\s+([,.;:!?…])")  # left by a character that no font has
_MIN_FONT_PIXELS = 18
_PAPER = (255, 252, 244)
_INK = (6, 8, 24)


@dataclass(frozen=True, slots=True)
class Lettering:
    """Rendered text: masks of the letters and of their soft shadow, and their position."""

    letters: Image.Image
    shadow: Image.Image
    place: tuple[int, int]

    def paint(self, picture: Image.Image, shown: float) -> None:
        """Paint the text with an opacity from 0 to 1."""
        for colour, mask, strength in ((_INK, self.shadow, 0.6), (_PAPER, self.letters, 1.0)):
            ink = [round(level * shown * strength) for level in range(256)]
            picture.paste(colour, (*self.place, *self._end), mask.point(ink))

    @property
    def _end(self) -> tuple[int, int]:
        return self.place[0] + self.letters.width, self.place[1] + self.letters.height


def set_text(text: str, size: Size) -> Lettering:
    """Render a text as large as fits the upper part of a picture, in lines of similar length."""
    width, height = size
    words, name = _drawable(text[:_MAX_CHARACTERS] + ("…" if len(text) > _MAX_CHARACTERS else ""))
    canvas = Image.new("L", size)
    draw = ImageDraw.Draw(canvas)
    pixels = min(size) // 9
    while True:
        font = _font(name, pixels)
        block = "\n".join(_even_lines(words, font, width * 0.8))
        box = draw.multiline_textbbox((0, 0), block, font, spacing=pixels * 0.3)
        if box[3] - box[1] <= height * 0.42 or pixels <= _MIN_FONT_PIXELS:
            break
        pixels -= 4
    middle = (width / 2, height * 0.30)
    draw.multiline_text(middle, block, 255, font, "mm", spacing=pixels * 0.3, align="center")
    reach = max(2, pixels // 9)
    left, top, right, bottom = canvas.getbbox() or (0, 0, 1, 1)
    area = (left - 3 * reach, top - 3 * reach, right + 3 * reach, bottom + 4 * reach)
    letters = canvas.crop(area)
    shadow = ImageChops.offset(letters, 0, reach // 2).filter(ImageFilter.GaussianBlur(reach))
    return Lettering(letters, shadow, area[:2])


def _even_lines(words: str, font: Font, room: float) -> list[str]:
    """Break a text into as few lines as possible, of similar length."""
    lines = _wrap(words, font, room)
    while room > 40 and len(narrower := _wrap(words, font, room * 0.94)) == len(lines):  # noqa: PLR2004  # pixels
        lines, room = narrower, room * 0.94
    return lines


def _wrap(words: str, font: Font, room: float) -> list[str]:
    """Break a text into lines up to `room` pixels wide; a longer word is broken."""
    lines: list[str] = []
    line = ""
    for word in words.split():
        joined = f"{line} {word}".strip()
        if font.getlength(joined) <= room:
            line = joined
            continue
        lines += [line] if line else []
        *full, line = _pieces(word, font, room)
        lines += full
    return [*lines, line]


def _pieces(word: str, font: Font, room: float) -> list[str]:
    pieces = []
    while font.getlength(word) > room and len(word) > 1:
        lengths = range(1, len(word))
        fitting = max(1, bisect_right(lengths, room, key=lambda n: font.getlength(word[:n])))
        pieces.append(word[:fitting])
        word = word[fitting:]
    return [*pieces, word]


def _drawable(text: str) -> tuple[str, str]:
    """Return the font with most of the text's characters, and the text without all others."""
    letters = set(text)
    name = max(
        ("", *_FALLBACK_FONTS), key=lambda other: sum(_has(other, letter) for letter in letters)
    )
    known = "".join(letter for letter in text if _has(name, letter))
    return _SPACE_BEFORE_MARK.sub(r"\1", known), name


@cache
def _font(name: str, pixels: int) -> Font:
    if name:
        try:
            return ImageFont.truetype(name, pixels)
        except OSError:
            pass  # not installed: Pillow's own is used
    return ImageFont.load_default(pixels)


@cache
def _has(name: str, letter: str) -> bool:
    """Whether a font has this character, and does not draw the box for a missing one."""
    font = _font(name, 24)
    return letter.isspace() or bytes(font.getmask(letter)) != bytes(font.getmask("\U0010ffff"))
