"""A picture of four colours, saved as people send it, and read again after fitting."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PIL import Image
from pillow_heif import from_pillow

from generation.media.pictures import fit

if TYPE_CHECKING:
    from pathlib import Path

    from generation.media.pool import MediaProcesses

RED, GREEN, BLUE, WHITE = (250, 10, 10), (10, 250, 10), (10, 10, 250), (255, 255, 255)
ALL_FOUR = ["red", "green", "blue", "white"]


def quarters(width: int = 160, height: int = 120) -> Image.Image:
    """Draw a picture whose upper left is red, upper right green, lower left blue, rest white."""
    image = Image.new("RGB", (width, height), WHITE)
    image.paste(RED, (0, 0, width // 2, height // 2))
    image.paste(GREEN, (width // 2, 0, width, height // 2))
    image.paste(BLUE, (0, height // 2, width // 2, height))
    return image


def corners(image: Image.Image) -> list[Any]:
    """Name the colours at the four corners, a little inside."""
    rgb = image.convert("RGB")
    width, height = rgb.size
    x, y = max(width // 10, 1), max(height // 10, 1)
    spots = [(x, y), (width - 1 - x, y), (x, height - 1 - y), (width - 1 - x, height - 1 - y)]
    return [nearest(rgb.getpixel(spot)) for spot in spots]


def nearest(pixel: Any) -> str:
    """Name the colour a pixel is nearest to."""
    named = {"red": RED, "green": GREEN, "blue": BLUE, "white": WHITE, "black": (0, 0, 0)}
    return min(
        named, key=lambda name: sum(abs(a - b) for a, b in zip(named[name], pixel, strict=True))
    )


async def fitted(
    media: MediaProcesses, source: Path, width: int, height: int, pad: bool = False
) -> Image.Image:
    """Fit a picture and read the result."""
    target = source.with_name("fitted.jpg")
    await fit(media, source, target, width=width, height=height, pad=pad)
    with Image.open(target) as image:
        image.load()
        assert (image.format, image.mode) == ("JPEG", "RGB"), f"{image.format}, {image.mode}"
        return image


def save_kind(path: Path, kind: str) -> None:
    """Save the four quarters as each kind of file people send."""
    image = quarters()
    if kind == "HEIF":
        from_pillow(image).save(path, quality=95)
    elif kind == "palette":
        image.quantize(8).save(path, "PNG")
    elif kind == "CMYK":
        image.convert("CMYK").save(path, "JPEG", quality=95)
    elif kind == "16 bit":
        Image.new("I;16", image.size, 65535).save(path, "PNG")
    elif kind in {"animated PNG", "animated WEBP"}:
        frames = [Image.new("RGB", image.size, "black")]
        image.save(path, kind.split()[1], save_all=True, append_images=frames, lossless=True)
    elif kind == "progressive":
        image.save(path, "JPEG", quality=95, progressive=True)
    else:
        image.save(path, kind, quality=95)
