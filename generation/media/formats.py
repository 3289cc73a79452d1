"""Formats of media files, told by their first bytes, and the errors media work ends with.

    MediaError
    ├── MediaRefused   the bytes are at fault: final, the reason says what to tell the sender
    ├── MediaTimeout   too long, and killed: the bytes are suspect, once more at most
    └── MediaFailed    the process died or the job broke down: worth another try

Names and declared types are the sender's claim and count for nothing.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class MediaError(Exception):
    """Media work did not come to its result."""


class PictureFault(StrEnum):
    """Why a picture is not taken; each has its own sentence in the chat."""

    NOT_A_PICTURE = "not_a_picture"
    TOO_MANY_BYTES = "too_many_bytes"
    TOO_MANY_PIXELS = "too_many_pixels"
    TOO_SMALL = "too_small"
    BROKEN = "broken"
    TOO_SLOW = "too_slow"
    RESTING = "resting"
    """Its sender's last one was too much: the next is not even looked at for a while."""


class MediaRefused(MediaError):
    """The bytes are not what the job works on; `reason` is a word its caller knows."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class MediaTimeout(MediaError):
    """The job ran out of time and its process was killed."""


class MediaFailed(MediaError):
    """The process died, or the job broke down for a reason that is not the bytes' plain fault."""


HEAD_BYTES: Final = 16
"""So many first bytes are enough for every answer here."""

STILL_BYTES: Final = 200_000
"""The most a small picture of a video may have: Telegram's limit for thumbnails."""

_HEIF_BRANDS: Final = frozenset(
    {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}
)
_STILL_BRANDS: Final = _HEIF_BRANDS | {b"avif", b"avis", b"crx "}


def picture_format(head: bytes) -> str | None:
    """Name the picture format (as Pillow names it) a file begins like, or None."""
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
    """Name the video container (as FFmpeg's demuxer is named) a file begins like, or None.

    Only these two: FFmpeg also reads playlists, which would let a file name other files.
    """
    if head[4:8] == b"ftyp" and head[8:12] not in _STILL_BRANDS:
        return "mp4"
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return "matroska"
    return None


PICTURE_DECODERS: Final = frozenset(
    {"h264", "hevc", "vp8", "vp9", "av1", "libdav1d", "mpeg4", "h263", "prores"}
)
"""FFmpeg's decoders, and codecs, of moving pictures that phones and providers send."""

SOUND_DECODERS: Final = frozenset(
    {"aac", "mp3", "mp3float", "opus", "libopus", "vorbis", "ac3", "eac3", "flac", "alac",
     "amrnb", "amrwb", "pcm_s16le", "pcm_s16be", "pcm_s24le", "pcm_s24be", "pcm_f32le"}
)  # fmt: skip
"""The same of sound. What is in neither list is never decoded."""
