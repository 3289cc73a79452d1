"""Inspects media files: the contents of a video, and the sizes Telegram makes of a photo."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

import av
from PIL import Image, ImageOps, UnidentifiedImageError

if TYPE_CHECKING:
    from pathlib import Path

PHOTO_SIDES = (90, 320, 800, 1280)
THUMBNAIL_BYTES = 200_000
THUMBNAIL_SIDE = 320
_BOX_HEADER = 8
_MP4 = frozenset({"mp4", "mov"})


@dataclass(frozen=True, slots=True)
class Probe:
    """The actual contents of a video file: pixels, ``duration`` in seconds, codecs by name."""

    width: int
    height: int
    duration: float
    video_codec: str
    audio_codec: str | None
    moov_first: bool


def probe_mp4(path: Path) -> Probe | None:
    """Return the contents of an upload, or None if it is not an mp4 with a video stream."""
    try:
        with av.open(str(path)) as container:
            if not _MP4 & set(container.format.name.split(",")) or not container.streams.video:
                return None
            video = container.streams.video[0]
            audio = container.streams.audio
            return Probe(
                width=video.codec_context.width,
                height=video.codec_context.height,
                duration=(container.duration or 0) / av.time_base,
                video_codec=video.codec_context.name,
                audio_codec=audio[0].codec_context.name if audio else None,
                moov_first=_moov_first(path),
            )
    except (av.FFmpegError, OSError):
        return None


def _moov_first(path: Path) -> bool:
    """Whether the index (moov) precedes the data, so that playing can begin at once."""
    with path.open("rb") as file:
        while header := file.read(_BOX_HEADER):
            size, name = int.from_bytes(header[:4], "big"), header[4:]
            if name in {b"moov", b"mdat"}:
                return name == b"moov"
            if size < _BOX_HEADER:
                break
            file.seek(size - _BOX_HEADER, io.SEEK_CUR)
    return False


@dataclass(frozen=True, slots=True)
class Picture:
    """A JPEG and its size in pixels."""

    jpeg: bytes
    width: int
    height: int


def photo_sizes(data: bytes | Path) -> list[Picture]:
    """Return the sizes Telegram makes of a photo, smallest first, upright, without metadata.

    Raises:
        ValueError: if the bytes are not a picture.
    """
    try:
        with Image.open(io.BytesIO(data) if isinstance(data, bytes) else data) as opened:
            image = ImageOps.exif_transpose(opened).convert("RGB")
    except (UnidentifiedImageError, OSError, Image.DecompressionBombError) as error:
        raise ValueError("not a picture") from error
    sides = [side for side in PHOTO_SIDES if side < max(image.size)]
    wanted = [*sides, max(image.size)] if len(sides) < len(PHOTO_SIDES) else sides
    return [_scaled(image, side) for side in wanted]


def _scaled(image: Image.Image, side: int) -> Picture:
    copy = image.copy()
    copy.thumbnail((side, side))
    out = io.BytesIO()
    copy.save(out, "JPEG", quality=87)
    return Picture(out.getvalue(), *copy.size)


def picture_size(path: Path) -> tuple[int, int, str]:
    """Return width, height and format of a picture, without decoding its pixels.

    Raises:
        ValueError: if the bytes are not a picture.
    """
    try:
        with Image.open(path) as image:
            return (*image.size, image.format or "")
    except (UnidentifiedImageError, OSError, Image.DecompressionBombError) as error:
        raise ValueError("not a picture") from error
