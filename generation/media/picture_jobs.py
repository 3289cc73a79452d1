"""The picture jobs of a media process: measuring and fitting with Pillow, charts by matplotlib.

Limits are checked before decoding: bytes by the file's size, the format by its first bytes, pixels
by the header. A picture that Pillow cannot read to its end is refused.

matplotlib is imported only to draw a chart, because the import takes as long as a start. It needs a
writable folder for its settings: that of the target.
"""

from __future__ import annotations

import os
import warnings
from contextlib import contextmanager, suppress
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
"""Telegram's limit of a bot's download."""

MAX_PIXELS: Final = 50_000_000
"""Slightly more than a phone's 48 megapixels."""

MIN_SIDE: Final = 16
"""Pixels; a smaller picture shows nothing to animate."""

JPEG_QUALITY: Final = 90
WHITE: Final = "white"

_ORIENTATION: Final = 0x0112
_QUARTER_TURNS: Final = frozenset({5, 6, 7, 8})
"""EXIF orientations that exchange width and height."""

_TOP_SHARE: Final = 1 / 3
"""The share of the cut height that is cut from the top, where faces usually are."""

_REDUCING_GAP: Final = 3.0
"""Pillow first shrinks coarsely to three times the target: faster, with no visible difference."""

_BLUR_SHARE: Final = 1 / 24
"""Blur of the background behind a padded picture, as a share of the target's longer side."""

_BACKGROUND_BRIGHTNESS: Final = 0.55

CUT_SIDE: Final = 1280
"""Pixels of the longer side of a picture that shows the cut."""

_STILL_SIZE: Final = (320, 240)
_COLUMNS: Final = 3
_GAP: Final = 6
_NUMBER_FONT: Final = ImageFont.load_default(40)
_LENGTH_FONT: Final = ImageFont.load_default(28)
_CUT_BRIGHTNESS: Final = 0.3
_BACKGROUND_SHRINK: Final = 8
"""The background is blurred at an eighth of its size, with no visible difference."""

# Pillow raises only above twice its limit, but then before a decoder allocates memory.
Image.MAX_IMAGE_PIXELS = MAX_PIXELS // 2
warnings.simplefilter("ignore", Image.DecompressionBombWarning)
Image.init()
register_heif_opener(thumbnails=False)


def measure_picture(*, source: str) -> dict[str, object]:
    """Return width and height in pixels, after the EXIF rotation, and the format."""
    with _open_picture(Path(source)) as (image, kind):
        width, height = image.size
        if image.getexif().get(_ORIENTATION) in _QUARTER_TURNS:
            width, height = height, width
    return {"width": width, "height": height, "format": kind}


def fit_picture(
    *, source: str, target: str, width: int, height: int, pad: bool
) -> dict[str, object]:
    """Write the picture as a JPEG of exactly this size, without its metadata."""
    with _open_picture(Path(source)) as (file, _):
        # a JPEG can be decoded at a half, a quarter or an eighth of its size, which is faster
        scale = max(width, height) / min(file.size)
        file.draft(None, (round(file.width * scale), round(file.height * scale)))
        ImageOps.exif_transpose(file, in_place=True)
        image = _to_eight_bits(file)
        fitted = _pad(image, width, height) if pad else _crop(image, width, height)
    # on a new canvas, because Pillow saves comments and profiles with an image
    clean = Image.new("RGB", (width, height))
    clean.paste(fitted)
    clean.save(target, "JPEG", quality=JPEG_QUALITY)
    return {}


def draw_cut(*, source: str, target: str, width: int, height: int) -> dict[str, object]:
    """Write a small JPEG of the picture, with the parts dimmed that this aspect ratio cuts away."""
    with _open_picture(Path(source)) as (file, _):
        file.draft(None, (CUT_SIDE, CUT_SIDE))
        ImageOps.exif_transpose(file, in_place=True)
        image = _to_eight_bits(file)
        image.thumbnail((CUT_SIDE, CUT_SIDE), reducing_gap=_REDUCING_GAP)
        image = _to_srgb(image)
    left, top, right, bottom = map(round, _crop_box(image, width, height))
    shown = ImageEnhance.Brightness(image).enhance(_CUT_BRIGHTNESS)
    shown.paste(image.crop((left, top, right, bottom)), (left, top))
    ImageDraw.Draw(shown).rectangle((left, top, right - 1, bottom - 1), outline=WHITE, width=3)
    shown.save(target, "JPEG", quality=JPEG_QUALITY)
    return {}


def draw_sheet(
    *, source: str, target: str, sizes: list[int], seconds: list[int]
) -> dict[str, object]:
    """Write a sheet of numbered stills, three in a row, as a JPEG.

    The source is a concatenation of JPEGs of these `sizes` in bytes. A placeholder with the length
    in `seconds` replaces a still that is missing or cannot be read.
    """
    (wide, high), across = _STILL_SIZE, min(_COLUMNS, len(sizes))
    down = -(-len(sizes) // across)
    size = across * (wide + _GAP) - _GAP, down * (high + _GAP) - _GAP
    sheet = Image.new("RGB", size, WHITE)
    draw = ImageDraw.Draw(sheet)
    with Path(source).open("rb") as stills:
        for place, length in enumerate(sizes):
            corner = place % across * (wide + _GAP), place // across * (high + _GAP)
            still = _read_still(stills.read(min(length, MAX_STILL_BYTES)))
            sheet.paste(still or _draw_placeholder(seconds[place]), corner)
            _draw_number(draw, str(place + 1), corner)
    sheet.save(target, "JPEG", quality=JPEG_QUALITY)
    return {}


def _read_still(data: bytes) -> Image.Image | None:
    try:
        with Image.open(BytesIO(data), formats=("JPEG",)) as image:
            _check_sides(image)
            return _pad(_to_srgb(image), *_STILL_SIZE)
    except Exception:  # noqa: BLE001 - decoders may raise anything
        return None


def _draw_placeholder(seconds: int) -> Image.Image:
    """Draw a play button and the length of a video."""
    tile = Image.new("RGB", _STILL_SIZE, "#30343a")
    draw, (wide, high) = ImageDraw.Draw(tile), _STILL_SIZE
    across, down = wide // 2, high // 2
    draw.ellipse((across - 36, down - 36, across + 36, down + 36), fill="#565d66")
    draw.polygon(((across - 11, down - 18), (across - 11, down + 18), (across + 20, down)), WHITE)
    lasts = f"{seconds // 60}:{seconds % 60:02}"
    draw.text((wide - 12, high - 10), lasts, fill=WHITE, font=_LENGTH_FONT, anchor="rb")
    return tile


def _draw_number(draw: ImageDraw.ImageDraw, text: str, corner: tuple[int, int]) -> None:
    """Draw the number of a still in its corner."""
    left, top = corner
    draw.rounded_rectangle((left + 8, top + 8, left + 56, top + 56), 12, fill="#000000")
    draw.text((left + 32, top + 32), text, fill=WHITE, font=_NUMBER_FONT, anchor="mm")


@contextmanager
def _open_picture(source: Path) -> Iterator[tuple[Image.Image, str]]:
    """Open a picture within the limits; any error of Pillow in the block refuses it as broken."""
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
    if min(image.size) < MIN_SIDE:
        raise MediaRefused(PictureFault.TOO_SMALL)


def _to_eight_bits(image: Image.Image) -> Image.Image:
    """Convert the picture to a mode that can be resized smoothly: L, RGB, RGBA or CMYK."""
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
    """Return the picture cut to the target's aspect ratio, in its size."""
    return _to_srgb(_resize(image, width, height, _crop_box(image, width, height)))


def _crop_box(image: Image.Image, width: int, height: int) -> tuple[float, float, float, float]:
    """Return the largest box of this aspect ratio: centred, but in height nearer the top."""
    seen_width = min(image.width, image.height * width / height)
    seen_height = min(image.height, image.width * height / width)
    left = (image.width - seen_width) / 2
    top = (image.height - seen_height) * _TOP_SHARE
    return (left, top, left + seen_width, top + seen_height)


def _pad(image: Image.Image, width: int, height: int) -> Image.Image:
    """Return the whole picture over a blurred and darkened copy instead of black bars."""
    scale = min(width / image.width, height / image.height)
    inner = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    whole = _to_srgb(_resize(image, *inner))
    small = (max(1, width // _BACKGROUND_SHRINK), max(1, height // _BACKGROUND_SHRINK))
    blur = ImageFilter.GaussianBlur(max(small) * _BLUR_SHARE)
    dim = ImageEnhance.Brightness(_crop(whole, *small).filter(blur)).enhance(_BACKGROUND_BRIGHTNESS)
    background = dim.resize((width, height), Image.Resampling.BICUBIC)
    background.paste(whole, ((width - inner[0]) // 2, (height - inner[1]) // 2))
    return background


def _resize(
    image: Image.Image,
    width: int,
    height: int,
    box: tuple[float, float, float, float] | None = None,
) -> Image.Image:
    """Scale a box of the image, by default all of it, with the best filter."""
    lanczos = Image.Resampling.LANCZOS
    return image.resize((width, height), lanczos, box=box, reducing_gap=_REDUCING_GAP)


def _to_srgb(image: Image.Image) -> Image.Image:
    """Convert the picture to sRGB without a profile, transparent parts over white."""
    profile = image.info.get("icc_profile")
    if image.mode == "RGBA":
        image = Image.alpha_composite(Image.new("RGBA", image.size, WHITE), image)
        image = image.convert("RGB")
    if profile:
        # a profile that is broken or for another mode is ignored
        with suppress(ImageCms.PyCMSError, OSError):
            given = ImageCms.ImageCmsProfile(BytesIO(profile))
            srgb = ImageCms.createProfile("sRGB")
            if converted := ImageCms.profileToProfile(image, given, srgb, outputMode="RGB"):
                converted.info.pop("icc_profile", None)
                return converted
    return image.convert("RGB")


CHART_SIZE: Final = (8.0, 9.6)
DOTS: Final = 125
"""Inches, and dots per inch: 1000 by 1200 pixels, which fill the width of a phone."""
BACKGROUND: Final = "#1c2733"
TEXT_COLOUR: Final = "#f2f5f8"
FAINT_COLOUR: Final = "#a9b7c4"
GRID_COLOUR: Final = "#34434f"
"""Light text on a dark background is readable in light and dark chats."""
COLOURS: Final = ("#4cc38a", "#f0706a", "#6cb2f0", "#f2c14e")
"""They differ in lightness too, for people who cannot tell red from green."""
SMALL_TEXT: Final = 15
MEDIUM_TEXT: Final = 17
LARGE_TEXT: Final = 24
MAX_TICKS: Final = 8
HEADROOM: Final = 1.12


def draw_chart(*, target: str, chart: dict[str, Any]) -> dict[str, object]:
    """Write a PNG of panels, one below the other, with the same time axis.

    A chart has a `title`, the `labels` of its times, the text for a panel with `nothing` to show,
    and `panels`. A panel has a `title`, `bars` (else lines), `whole` (only whole numbers on its
    axis), `series` of names and values (None for no value), indexes of `colours` for the series,
    and the `least` upper end of its axis.
    """
    os.environ |= {"MPLCONFIGDIR": str(Path(target).parent), "OPENBLAS_NUM_THREADS": "1"}
    import matplotlib as mpl  # noqa: PLC0415 - see above

    mpl.rcParams.update({"font.size": MEDIUM_TEXT, "text.parse_math": False})
    from matplotlib.figure import Figure  # noqa: PLC0415 - see above
    from matplotlib.layout_engine import ConstrainedLayoutEngine  # noqa: PLC0415 - see above

    margins = ConstrainedLayoutEngine(w_pad=0.2, h_pad=0.16, hspace=0.04)
    figure = Figure(figsize=CHART_SIZE, dpi=DOTS, facecolor=BACKGROUND, layout=margins)
    figure.suptitle(
        chart["title"], color=TEXT_COLOUR, size=LARGE_TEXT, weight="bold", x=0.03, ha="left"
    )
    below = figure.subplots(len(chart["panels"]), 1, squeeze=False)[:, 0]
    for axes, panel in zip(below, chart["panels"], strict=True):
        _draw_panel(axes, panel, chart)
    with Path(target).open("wb") as file:
        figure.savefig(file, format="png")
    return {}


def _draw_panel(axes: Axes, panel: dict[str, Any], chart: dict[str, Any]) -> None:
    labels, places = chart["labels"], range(len(chart["labels"]))
    axes.set_facecolor(BACKGROUND)
    axes.set_title(panel["title"], color=TEXT_COLOUR, size=MEDIUM_TEXT, loc="left", pad=12)
    axes.tick_params(colors=FAINT_COLOUR, labelsize=SMALL_TEXT, length=0, pad=8)
    axes.spines[:].set_visible(False)
    axes.grid(visible=True, axis="y", color=GRID_COLOUR)
    axes.set_axisbelow(True)
    every = -(-len(labels) // MAX_TICKS)
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
            # the first series is on top, with the smallest dots, so that none hides another
            axes.plot(*zip(*known, strict=True) if known else ((), ()), "o-", lw=3,
                      ms=7 + 4 * below, zorder=3 - below, color=COLOURS[colour],
                      label=name)  # fmt: skip
    highest = max([*stacked, *(value or 0.0 for _, values in panel["series"] for value in values)])
    if highest:
        axes.set_ylim(0, max(highest, panel.get("least", 0.0)) * HEADROOM)
        axes.locator_params(axis="y", nbins=4, integer=panel["whole"])
        if len(panel["series"]) > 1:
            axes.legend(loc="lower right", bbox_to_anchor=(1.0, 0.99), ncols=3, frameon=False,
                        labelcolor=FAINT_COLOUR, fontsize=SMALL_TEXT, borderaxespad=0.2,
                        handlelength=1.0, columnspacing=1.0, handletextpad=0.4)  # fmt: skip
    else:
        axes.set_yticks([])
        axes.set_xticks([])
        axes.text(0.5, 0.5, chart["nothing"], color=FAINT_COLOUR, size=MEDIUM_TEXT, ha="center",
                  va="center", transform=axes.transAxes)  # fmt: skip
