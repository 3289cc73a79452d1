"""Formats of media files, by their first bytes, and the errors of media jobs and of fetching.

    MediaError
    ├── MediaRefused   the file cannot be used: final, the reason says what to tell the sender
    ├── MediaTimeout   took too long and was killed: the file is suspect, retry once at most
    └── MediaFailed    the process died or the job failed: worth a retry

File names and declared types come from the sender and are ignored.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    FetchFile = Callable[[str, Path], Awaitable[None]]
    """Writes the file of a file id to a path. Raises PictureGone, PictureDelayed."""


class MediaError(Exception):
    """A media job has no result."""


class PictureFault(StrEnum):
    """Why a picture is refused; each reason has its own text in the chat."""

    NOT_A_PICTURE = "not_a_picture"
    TOO_MANY_BYTES = "too_many_bytes"
    TOO_MANY_PIXELS = "too_many_pixels"
    TOO_SMALL = "too_small"
    BROKEN = "broken"
    TOO_SLOW = "too_slow"
    COOLDOWN = "resting"
    """Its sender's last picture took too long: the next ones are refused for a while."""


class MediaRefused(MediaError):
    """The file is not what the job works on; `reason` is a code that its caller knows."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class MediaTimeout(MediaError):
    """The job took too long and its process was killed."""


class MediaFailed(MediaError):
    """The process died, or the job failed for a reason other than a refused file."""


class PictureGone(Exception):
    """The picture can no longer be fetched; its sender has to send it again."""


class PictureDelayed(Exception):
    """The picture cannot be fetched now: Telegram refused it (`is_refused`), or was silent."""

    def __init__(
        self, text: str = "", *, is_refused: bool = False, retry_after: float | None = None
    ) -> None:
        super().__init__(text)
        self.is_refused = is_refused
        self.retry_after = retry_after


HEAD_BYTES: Final = 16
"""First bytes of a file that the functions below need."""

MAX_STILL_BYTES: Final = 200_000
"""Telegram's limit of a thumbnail."""

_HEIF_BRANDS: Final = frozenset(
    {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}
)
_STILL_BRANDS: Final = _HEIF_BRANDS | {b"avif", b"avis", b"crx "}


def picture_format(head: bytes) -> str | None:
    """Return the picture format of a file by its first bytes, as Pillow names it, or None."""
    if head.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "WEBP"
    if head[4:8] == b"ftyp" and head[8:12] in _HEIF_BRANDS:
        return "HEIF"
    return None


def video_container(head: bytes) -> str | None:
    """Return the video container of a file by its first bytes, as FFmpeg's demuxer, or None.

    Only two are recognized: FFmpeg also reads playlists, through which a file can open others.
    """
    if head[4:8] == b"ftyp" and head[8:12] not in _STILL_BRANDS:
        return "mp4"
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return "matroska"
    return None


PICTURE_DECODERS: Final = frozenset(
    {"h264", "hevc", "vp8", "vp9", "av1", "libdav1d", "mpeg4", "h263", "prores"}
)
"""FFmpeg's video decoders, and codecs, that phones and providers use."""

SOUND_DECODERS: Final = frozenset(
    {"aac", "mp3", "mp3float", "opus", "libopus", "vorbis", "ac3", "eac3", "flac", "alac",
     "amrnb", "amrwb", "pcm_s16le", "pcm_s16be", "pcm_s24le", "pcm_s24be", "pcm_f32le"}
)  # fmt: skip
"""The same of audio. Codecs in neither list are never decoded."""
