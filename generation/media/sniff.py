"""What a file is, told by its first bytes; names and declared types are the sender's claim."""

from __future__ import annotations

from typing import Final

HEAD_BYTES: Final = 16
"""So many first bytes are enough for every answer here."""

_HEIF_BRANDS: Final = frozenset(
    {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"},
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
