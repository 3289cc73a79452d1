"""The picture jobs of a media process: measuring and fitting with Pillow, charts by matplotlib.

Everything is bounded before it is decoded: bytes by the file's size, the format by its first bytes,
pixels by its header. What Pillow does not read to the end is refused, never shown half.

matplotlib is loaded where a chart is drawn, and nowhere else: that takes as long as a start. The
home it wants for its settings, without which it does not load, is the folder of the target.
"""

from __future__ import annotations

import os
import warnings
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from PIL import Image, ImageCms, ImageDraw, ImageEnhance, ImageFilter, ImageFont, ImageOps
from pillow_heif import register_heif_opener

from generation.media.formats import (
    HEAD_BYTES,
    MAX_STILL_BYTES,
    MediaRefused,
    PictureFault,
    picture_format,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.axes import Axes

MAX_BYTES: Final = 20 * 1024**2
"""What Telegram lets a bot download."""

MAX_PIXELS: Final = 50_000_000
"""A phone's 48 megapixels, and not much more."""

MIN_SIDE: Final = 16
"""Pixels; below this there is nothing to animate."""

JPEG_QUALITY: Final = 90
WHITE: Final = "white"

_ORIENTATION: Final = 0x0112
_QUARTER_TURNS: Final = frozenset({5, 6, 7, 8})
"""EXIF orientations that exchange width and height."""

_ABOVE: Final = 1 / 3
"""The share of a cut height that goes above: faces and skies sit high, floors can go."""

_REDUCING_GAP: Final = 3.0
"""Pillow shrinks coarsely to three times the target, then finely: indistinguishable, and fast."""

_BLUR_SHARE: Final = 1 / 24
"""Blur of the background behind a padded picture, as a share of the target's longer side."""

_BACKGROUND_LIGHT: Final = 0.55

CUT_SIDE: Final = 1280
"""Pixels of the longer side of a picture that shows what is cut away."""

_STILL: Final = (320, 240)
_ACROSS: Final = 3
_GAP: Final = 6
_NUMBER_FONT: Final = ImageFont.load_default(40)
_LENGTH_FONT: Final = ImageFont.load_default(28)
_CUT_LIGHT: Final = 0.3
_BACKGROUND_SHRINK: Final = 8
"""The background is blurred at an eighth of its size, as nobody can see the difference."""

# Pillow refuses before a decoder takes memory only what is over twice its limit.
Image.MAX_IMAGE_PIXELS = MAX_PIXELS // 2
warnings.simplefilter("ignore", Image.DecompressionBombWarning)
Image.init()
register_heif_opener(thumbnails=False)


def measure_picture(*, source: str) -> dict[str, object]:
    """Tell width and height in pixels, as the picture is meant to be looked at, and its format."""
    with _opened(Path(source)) as (image, kind):
        width, height = image.size
        if image.getexif().get(_ORIENTATION) in _QUARTER_TURNS:
            width, height = height, width
    return {"width": width, "height": height, "format": kind}


def fit_picture(
    *, source: str, target: str, width: int, height: int, pad: bool
) -> dict[str, object]:
    """Write the picture as a JPEG of exactly this size, with nothing of its metadata."""
    with _opened(Path(source)) as (file, _):
        # a JPEG decodes at a half, a quarter or an eighth where that is enough
        scale = max(width, height) / min(file.size)
        file.draft(None, (round(file.width * scale), round(file.height * scale)))
        ImageOps.exif_transpose(file, in_place=True)
        image = _eight_bits(file)
        fitted = _pad(image, width, height) if pad else _crop(image, width, height)
    # Pasted on a fresh canvas, because Pillow carries comments and profiles along with an image.
    clean = Image.new("RGB", (width, height))
    clean.paste(fitted)
    clean.save(target, "JPEG", quality=JPEG_QUALITY)
    return {}


def draw_cut(*, source: str, target: str, width: int, height: int) -> dict[str, object]:
    """Write the picture as a small JPEG, dimmed where filling a frame of this shape cuts it."""
    with _opened(Path(source)) as (file, _):
        file.draft(None, (CUT_SIDE, CUT_SIDE))
        ImageOps.exif_transpose(file, in_place=True)
        image = _eight_bits(file)
        image.thumbnail((CUT_SIDE, CUT_SIDE), reducing_gap=_REDUCING_GAP)
        image = _plain(image)
    left, top, right, bottom = map(round, _seen(image, width, height))
    shown = ImageEnhance.Brightness(image).enhance(_CUT_LIGHT)
    shown.paste(image.crop((left, top, right, bottom)), (left, top))
    ImageDraw.Draw(shown).rectangle((left, top, right - 1, bottom - 1), outline=WHITE, width=3)
    shown.save(target, "JPEG", quality=JPEG_QUALITY)
    return {}


def draw_sheet(
    *, source: str, target: str, sizes: list[int], seconds: list[int]
) -> dict[str, object]:
    """Write a sheet of numbered stills, three in a row, as a JPEG.

    The source holds one JPEG behind the other, of these `sizes` in bytes. In the place of one that
    is missing, or cannot be read, stands the sign of a video, and how many `seconds` it lasts.
    """
    (wide, high), across = _STILL, min(_ACROSS, len(sizes))
    down = -(-len(sizes) // across)
    size = across * (wide + _GAP) - _GAP, down * (high + _GAP) - _GAP
    sheet = Image.new("RGB", size, WHITE)
    draw = ImageDraw.Draw(sheet)
    with Path(source).open("rb") as stills:
        for place, length in enumerate(sizes):
            corner = place % across * (wide + _GAP), place // across * (high + _GAP)
            still = _still(stills.read(min(length, MAX_STILL_BYTES)))
            sheet.paste(still or _no_still(seconds[place]), corner)
            _number(draw, str(place + 1), corner)
    sheet.save(target, "JPEG", quality=JPEG_QUALITY)
    return {}


def _still(data: bytes) -> Image.Image | None:
    try:
        with Image.open(BytesIO(data), formats=("JPEG",)) as image:
            _check_sides(image)
            return _pad(_plain(image), *_STILL)
    except Exception:  # noqa: BLE001 - decoders of hostile bytes raise anything
        return None


def _no_still(seconds: int) -> Image.Image:
    """Draw what says that here is a video, and for how long it plays."""
    tile = Image.new("RGB", _STILL, "#30343a")
    draw, (wide, high) = ImageDraw.Draw(tile), _STILL
    across, down = wide // 2, high // 2
    draw.ellipse((across - 36, down - 36, across + 36, down + 36), fill="#565d66")
    draw.polygon(((across - 11, down - 18), (across - 11, down + 18), (across + 20, down)), WHITE)
    lasts = f"{seconds // 60}:{seconds % 60:02}"
    draw.text((wide - 12, high - 10), lasts, fill=WHITE, font=_LENGTH_FONT, anchor="rb")
    return tile


def _number(draw: ImageDraw.ImageDraw, text: str, corner: tuple[int, int]) -> None:
    """Write a number into the corner of a still."""
    left, top = corner
    draw.rounded_rectangle((left + 8, top + 8, left + 56, top + 56), 12, fill="#000000")
    draw.text((left + 32, top + 32), text, fill=WHITE, font=_NUMBER_FONT, anchor="mm")


@contextmanager
def _opened(source: Path) -> Iterator[tuple[Image.Image, str]]:
    """Open a picture within the limits; what Pillow stumbles over inside is refused as broken."""
    if source.stat().st_size > MAX_BYTES:
        raise MediaRefused(PictureFault.TOO_MANY_BYTES)
    with source.open("rb") as file:
        kind = picture_format(file.read(HEAD_BYTES))
    if kind is None:
        raise MediaRefused(PictureFault.NOT_A_PICTURE)
    try:
        with Image.open(source, formats=(kind,)) as image:
            _check_sides(image)
            yield image, kind
    except (MediaRefused, MemoryError):
        raise
    except Image.DecompressionBombError as error:
        raise MediaRefused(PictureFault.TOO_MANY_PIXELS) from error
    except Exception as error:
        raise MediaRefused(PictureFault.BROKEN) from error


def _check_sides(image: Image.Image) -> None:
    """Refuse by the header what is too small."""
    if min(image.size) < MIN_SIDE:
        raise MediaRefused(PictureFault.TOO_SMALL)


def _eight_bits(image: Image.Image) -> Image.Image:
    """Give the picture in a mode that can be resized smoothly: L, RGB, RGBA or CMYK."""
    if image.mode == "RGBA":
        return image
    if image.has_transparency_data:
        return image.convert("RGBA")
    if image.mode in {"L", "RGB", "CMYK"}:
        return image
    if image.mode in {"I", "F"} or image.mode.startswith("I;16"):
        return image.convert("I").point(lambda value: value / 257).convert("L")
    return image.convert("RGB")


def _crop(image: Image.Image, width: int, height: int) -> Image.Image:
    """Fill the target with the part of the picture that has its shape."""
    return _plain(_resized(image, width, height, _seen(image, width, height)))


def _seen(image: Image.Image, width: int, height: int) -> tuple[float, float, float, float]:
    """Choose the part that fills a shape.

    What is over goes from both sides alike, in height mostly from below.
    """
    seen_width = min(image.width, image.height * width / height)
    seen_height = min(image.height, image.width * height / width)
    left = (image.width - seen_width) / 2
    top = (image.height - seen_height) * _ABOVE
    return (left, top, left + seen_width, top + seen_height)


def _pad(image: Image.Image, width: int, height: int) -> Image.Image:
    """Show the whole picture, over a blurred and darkened copy of itself instead of black bars."""
    scale = min(width / image.width, height / image.height)
    inner = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    whole = _plain(_resized(image, *inner))
    small = (max(1, width // _BACKGROUND_SHRINK), max(1, height // _BACKGROUND_SHRINK))
    blur = ImageFilter.GaussianBlur(max(small) * _BLUR_SHARE)
    dim = ImageEnhance.Brightness(_crop(whole, *small).filter(blur)).enhance(_BACKGROUND_LIGHT)
    background = dim.resize((width, height), Image.Resampling.BICUBIC)
    background.paste(whole, ((width - inner[0]) // 2, (height - inner[1]) // 2))
    return background


def _resized(
    image: Image.Image,
    width: int,
    height: int,
    box: tuple[float, float, float, float] | None = None,
) -> Image.Image:
    """Scale the box of an image with the best filter."""
    lanczos = Image.Resampling.LANCZOS
    return image.resize((width, height), lanczos, box=box, reducing_gap=_REDUCING_GAP)


def _plain(image: Image.Image) -> Image.Image:
    """Give RGB in the colours every screen assumes, transparency over white."""
    profile = image.info.get("icc_profile")
    if image.mode == "RGBA":
        image = Image.alpha_composite(Image.new("RGBA", image.size, WHITE), image)
        image = image.convert("RGB")
    if profile:
        try:
            given = ImageCms.ImageCmsProfile(BytesIO(profile))
            srgb = ImageCms.createProfile("sRGB")
            converted = ImageCms.profileToProfile(image, given, srgb, outputMode="RGB")
        except (ImageCms.PyCMSError, OSError):
            converted = None  # a profile that does not suit the picture is worth nothing
        if converted is not None:
            converted.info.pop("icc_profile", None)
            return converted
    return image.convert("RGB")


CHART_SIZE: Final = (8.0, 9.6)
DOTS: Final = 125
"""Inches, and dots of each: 1000 by 1200 pixels, which a phone shows as wide as its screen."""
GROUND: Final = "#1c2733"
INK: Final = "#f2f5f8"
FAINT: Final = "#a9b7c4"
GRID: Final = "#34434f"
"""Dark, with light words: it reads in a light chat as well as in a dark one."""
COLOURS: Final = ("#4cc38a", "#f0706a", "#6cb2f0", "#f2c14e")
"""They differ in lightness too, for who sees no red or no green."""
SMALL_TEXT: Final = 15
USUAL_TEXT: Final = 17
LARGE_TEXT: Final = 24
MOST_TICKS: Final = 8
HEADROOM: Final = 1.12


def draw_chart(*, target: str, chart: dict[str, Any]) -> dict[str, object]:
    """Write a PNG of panels, one below the other, over the same times.

    A chart has a `title`, the `labels` of its times, what is said where there is `nothing`, and
    `panels`: each with a `title`, `bars` or lines, whether its values are `whole` numbers,
    `series` of a name and values, None for none, the `colours` of each, and the `least` that its
    axis goes up to.
    """
    os.environ |= {"MPLCONFIGDIR": str(Path(target).parent), "OPENBLAS_NUM_THREADS": "1"}
    import matplotlib as mpl  # noqa: PLC0415 - see above

    mpl.rcParams.update({"font.size": USUAL_TEXT, "text.parse_math": False})
    from matplotlib.figure import Figure  # noqa: PLC0415 - see above
    from matplotlib.layout_engine import ConstrainedLayoutEngine  # noqa: PLC0415 - see above

    margins = ConstrainedLayoutEngine(w_pad=0.2, h_pad=0.16, hspace=0.04)
    figure = Figure(figsize=CHART_SIZE, dpi=DOTS, facecolor=GROUND, layout=margins)
    figure.suptitle(chart["title"], color=INK, size=LARGE_TEXT, weight="bold", x=0.03, ha="left")
    below = figure.subplots(len(chart["panels"]), 1, squeeze=False)[:, 0]
    for axes, panel in zip(below, chart["panels"], strict=True):
        _draw_panel(axes, panel, chart)
    with Path(target).open("wb") as file:
        figure.savefig(file, format="png")
    return {}


def _draw_panel(axes: Axes, panel: dict[str, Any], chart: dict[str, Any]) -> None:
    labels, places = chart["labels"], range(len(chart["labels"]))
    axes.set_facecolor(GROUND)
    axes.set_title(panel["title"], color=INK, size=USUAL_TEXT, loc="left", pad=12)
    axes.tick_params(colors=FAINT, labelsize=SMALL_TEXT, length=0, pad=8)
    axes.spines[:].set_visible(False)
    axes.grid(visible=True, axis="y", color=GRID)
    axes.set_axisbelow(True)
    every = -(-len(labels) // MOST_TICKS)
    axes.set_xticks([*places][::every], labels[::every])
    axes.set_xlim(-0.6, len(labels) - 0.4)
    stacked = [0.0] * len(labels)
    pairs = zip(panel["series"], panel["colours"], strict=True)
    for below, ((name, values), colour) in enumerate(pairs):
        if panel["bars"]:
            heights = [value or 0.0 for value in values]
            axes.bar(places, heights, 0.8, stacked, color=COLOURS[colour], label=name)
            stacked = [low + high for low, high in zip(stacked, heights, strict=True)]
        else:
            known = [(place, value) for place, value in enumerate(values) if value is not None]
            # the first lies on top, with the smallest dots: none hides another
            axes.plot(*zip(*known, strict=True) if known else ((), ()), "o-", lw=3,
                      ms=7 + 4 * below, zorder=3 - below, color=COLOURS[colour],
                      label=name)  # fmt: skip
    highest = max([*stacked, *(value or 0.0 for _, values in panel["series"] for value in values)])
    if highest:
        axes.set_ylim(0, max(highest, panel.get("least", 0.0)) * HEADROOM)
        axes.locator_params(axis="y", nbins=4, integer=panel["whole"])
        if len(panel["series"]) > 1:
            axes.legend(loc="lower right", bbox_to_anchor=(1.0, 0.99), ncols=3, frameon=False,
                        labelcolor=FAINT, fontsize=SMALL_TEXT, borderaxespad=0.2, handlelength=1.0,
                        columnspacing=1.0, handletextpad=0.4)  # fmt: skip
    else:
        axes.set_yticks([])
        axes.set_xticks([])
        axes.text(0.5, 0.5, chart["nothing"], color=FAINT, size=USUAL_TEXT, ha="center",
                  va="center", transform=axes.transAxes)  # fmt: skip
