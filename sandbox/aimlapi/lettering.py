"""Words set large in the middle of a picture, in any script there is a font for."""

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

# Pillow's own font knows Latin letters; these are asked for the rest where they are installed.
_OTHERS = ("DejaVuSans.ttf", "NotoSans-Regular.ttf", "NotoSansCJK-Regular.ttc", "Arial Unicode.ttf")
_LONGEST = 240  # characters shown
_STRANDED = re.compile(r"\s+([,.;:!?…])")  # left behind by a character no font has
_SMALLEST = 18  # pixels
_PAPER = (255, 252, 244)
_INK = (6, 8, 24)


@dataclass(frozen=True, slots=True)
class Words:
    """Set words: masks of the letters and of their soft shadow, and where both go."""

    letters: Image.Image
    shadow: Image.Image
    place: tuple[int, int]

    def write(self, picture: Image.Image, shown: float) -> None:
        """Paint them, from 0 not at all to 1 fully."""
        for colour, mask, strength in ((_INK, self.shadow, 0.6), (_PAPER, self.letters, 1.0)):
            ink = [round(level * shown * strength) for level in range(256)]
            picture.paste(colour, (*self.place, *self._end), mask.point(ink))

    @property
    def _end(self) -> tuple[int, int]:
        return self.place[0] + self.letters.width, self.place[1] + self.letters.height


def set_text(text: str, size: Size) -> Words:
    """The words as large as fits the upper part of a picture, evenly broken into lines."""
    width, height = size
    words, name = _presentable(text[:_LONGEST] + ("…" if len(text) > _LONGEST else ""))
    canvas = Image.new("L", size)
    draw = ImageDraw.Draw(canvas)
    pixels = min(size) // 9
    while True:
        font = _font(name, pixels)
        block = "\n".join(_even_lines(words, font, width * 0.8))
        box = draw.multiline_textbbox((0, 0), block, font, spacing=pixels * 0.3)
        if box[3] - box[1] <= height * 0.42 or pixels <= _SMALLEST:
            break
        pixels -= 4
    middle = (width / 2, height * 0.30)
    draw.multiline_text(middle, block, 255, font, "mm", spacing=pixels * 0.3, align="center")
    reach = max(2, pixels // 9)
    left, top, right, bottom = canvas.getbbox() or (0, 0, 1, 1)
    area = (left - 3 * reach, top - 3 * reach, right + 3 * reach, bottom + 4 * reach)
    letters = canvas.crop(area)
    shadow = ImageChops.offset(letters, 0, reach // 2).filter(ImageFilter.GaussianBlur(reach))
    return Words(letters, shadow, area[:2])


def _even_lines(words: str, font: Font, room: float) -> list[str]:
    """As few lines as fit, no line much longer than another."""
    lines = _wrap(words, font, room)
    while room > 40 and len(narrower := _wrap(words, font, room * 0.94)) == len(lines):  # noqa: PLR2004  # pixels
        lines, room = narrower, room * 0.94
    return lines


def _wrap(words: str, font: Font, room: float) -> list[str]:
    """Lines no wider than `room` pixels; a word longer than that is broken."""
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


def _presentable(text: str) -> tuple[str, str]:
    """The text without characters that no font has, and the font that has most of the rest."""
    letters = set(text)
    name = max(("", *_OTHERS), key=lambda other: sum(_has(other, letter) for letter in letters))
    known = "".join(letter for letter in text if _has(name, letter))
    return _STRANDED.sub(r"\1", known), name


@cache
def _font(name: str, pixels: int) -> Font:
    if name:
        try:
            return ImageFont.truetype(name, pixels)
        except OSError:
            pass  # not installed here: Pillow's own serves
    return ImageFont.load_default(pixels)


@cache
def _has(name: str, letter: str) -> bool:
    """Whether a font draws this character as more than the box that stands for a missing one."""
    font = _font(name, 24)
    return letter.isspace() or bytes(font.getmask(letter)) != bytes(font.getmask("\U0010ffff"))
