"""A few photos to start with, painted when they are first asked for."""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from sandbox.page import paintings

if TYPE_CHECKING:
    from collections.abc import Callable

    from PIL import Image


_QUALITY = 88


@dataclass(frozen=True, slots=True)
class Photo:
    """A photo on offer: pixels, and what paints it."""

    title: str
    size: tuple[int, int]
    paint: Callable[[tuple[int, int]], Image.Image]


PHOTOS = {
    "lake": Photo("A lake at dusk", (1280, 720), paintings.lake),
    "balloons": Photo("Balloons in the morning", (1200, 900), paintings.balloons),
    "lighthouse": Photo("A lighthouse", (900, 1200), paintings.lighthouse),
}


def on_offer() -> list[dict[str, str]]:
    """What the tray offers."""
    return [{"name": name, "title": photo.title} for name, photo in PHOTOS.items()]


@cache
def jpeg(name: str) -> bytes:
    """A photo's file; raises LookupError for an unknown name."""
    photo = PHOTOS[name]
    out = io.BytesIO()
    photo.paint(photo.size).save(out, "JPEG", quality=_QUALITY)
    return out.getvalue()
