"""A few photos to start with, drawn when they are first asked for."""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import cache

from sandbox.aimlapi.drawing import WordScene

_QUALITY = 88


@dataclass(frozen=True, slots=True)
class Photo:
    """A photo on offer: pixels, and the words of what is in it."""

    title: str
    size: tuple[int, int]
    words: str


PHOTOS = {
    "lake": Photo("A lake at dusk", (1280, 720), "a lake at dusk"),
    "balloons": Photo("Balloons in the morning", (1200, 900), "balloons over a meadow at dawn"),
    "lighthouse": Photo("A lighthouse", (900, 1200), "a lighthouse by the sea at dusk"),
}


def on_offer() -> list[dict[str, str | int]]:
    """What the tray offers."""
    return [
        {"name": name, "title": photo.title, "width": photo.size[0], "height": photo.size[1]}
        for name, photo in PHOTOS.items()
    ]


@cache
def jpeg(name: str) -> bytes:
    """A photo's file; raises LookupError for an unknown name."""
    photo = PHOTOS[name]
    out = io.BytesIO()
    WordScene(photo.words, photo.size).frame(1.0).save(out, "JPEG", quality=_QUALITY)
    return out.getvalue()
