"""The ready photos of the page, drawn when they are first requested."""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import cache

from sandbox.aimlapi.drawing import WordScene

_QUALITY = 88


@dataclass(frozen=True, slots=True)
class Photo:
    """A ready photo: its size in pixels, and the prompt by which it is drawn."""

    title: str
    size: tuple[int, int]
    words: str


PHOTOS = {
    "lake": Photo("A lake at dusk", (1280, 720), "a lake at dusk"),
    "balloons": Photo("Balloons in the morning", (1200, 900), "balloons over a meadow at dawn"),
    "lighthouse": Photo("A lighthouse", (900, 1200), "a lighthouse by the sea at dusk"),
}


def list_photos() -> list[dict[str, str | int]]:
    """Return the ready photos for the page."""
    return [
        {"name": name, "title": photo.title, "width": photo.size[0], "height": photo.size[1]}
        for name, photo in PHOTOS.items()
    ]


@cache
def jpeg(name: str) -> bytes:
    """Return a photo as JPEG; raises LookupError for an unknown name."""
    photo = PHOTOS[name]
    out = io.BytesIO()
    WordScene(photo.words, photo.size).frame(1.0).save(out, "JPEG", quality=_QUALITY)
    return out.getvalue()
