"""The video jobs of a media process that only look: facts, frames, thumbnails, with PyAV."""

from __future__ import annotations

import struct
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

import av
from av.stream import Disposition
from av.video.stream import VideoStream
from PIL import Image, ImageStat

from generation.media.formats import (
    HEAD_BYTES,
    PICTURE_DECODERS,
    SOUND_DECODERS,
    MediaRefused,
    video_container,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from av.video.frame import VideoFrame

MAX_PIXELS: Final = 8192 * 4352
"""One frame at most: 8K, in either direction, with what codecs round up."""

THREADS: Final = 2
"""Each decoder or encoder thread holds frames of its own; machines with many would fill memory."""

THUMBNAIL_SIDE: Final = 320
THUMBNAIL_BYTES: Final = 200_000
"""Telegram's limits: pixels a side, bytes."""

_SMALLEST_BOX: Final = 8
_SIZE_FOLLOWS: Final = 1
"""A box's size that says: the real one comes after the name, in 64 bits."""

_MICROSECONDS: Final = 1_000_000
_DARK: Final = 24
"""Mean light (of 255) under which a frame counts as black."""


_OPTIONS: Final = {
    "protocol_whitelist": "file",
    "format_whitelist": "mov,matroska",
    "codec_whitelist": ",".join(sorted(PICTURE_DECODERS | SOUND_DECODERS)),
}
"""What FFmpeg may use, also while it only looks what a file holds."""


def probe_video(*, source: str, target: str | None = None) -> dict[str, object]:
    """Tell what is in a video that has at least one frame, where that may be decoded.

    With a target, a thumbnail is drawn as well where one can be: another process for it would cost
    more than it.
    """
    path = Path(source)
    with opened(path, decodes=False) as (container, video):
        sounds = container.streams.audio
        first = next(frames(container, video)) if is_known(video) else None
        if first is not None:
            pixels, (width, height) = first.format.name, shown_size(first, video)
        else:
            pixels, width, height = "", video.width, video.height
        facts: dict[str, object] = {
            "container": sniffed(path),
            "brand": container.metadata.get("major_brand", "").strip(),
            "index_first": index_first(path),
            "video": video.codec_context.codec.canonical_name,
            "pixels": pixels,
            "sound": sounds[0].codec_context.codec.canonical_name if sounds else None,
            "width": width,
            "height": height,
            "seconds": length(container, video),
            "size": path.stat().st_size,
        }
        if target is not None and first is not None:
            with suppress(MediaRefused, av.FFmpegError):
                _draw_thumbnail(container, video, first, Path(target))
    return facts


def _draw_thumbnail(
    container: InputContainer, video: VideoStream, first: VideoFrame, target: Path
) -> None:
    """Write a small JPEG of the first frame, or of a later one where that is black."""
    seconds, best = length(container, video), _picture(first, video, side=THUMBNAIL_SIDE)
    for moment in (seconds / 3, seconds * 2 / 3):
        if _light(best) >= _DARK:
            break
        with suppress(MediaRefused, av.FFmpegError):
            later = _picture(_frame_at(container, video, moment), video, side=THUMBNAIL_SIDE)
            best = max(best, later, key=_light)
    for quality in (85, 60, 30):
        best.save(target, "JPEG", quality=quality)
        if target.stat().st_size < THUMBNAIL_BYTES:
            break


def draw_frame(*, source: str, target: str, last: bool) -> dict[str, object]:
    """Write the first or the last frame as a JPEG."""
    with opened(Path(source)) as (container, video):
        if last:
            _seek(container, video, max(0.0, length(container, video) - 1))
        decoded = frames(container, video)
        frame = next(decoded)
        if last:
            for frame in decoded:  # noqa: B007 - only the last one counts
                pass
        _picture(frame, video).save(target, "JPEG", quality=90)
    return {}


@contextmanager
def opened(source: Path, *, decodes: bool = True) -> Iterator[tuple[InputContainer, VideoStream]]:
    """Open a video and its picture stream; what FFmpeg cannot read, or may not, is refused."""
    kind = sniffed(source)
    try:
        container = av.open(
            f"file:{source}", format=kind, container_options=_OPTIONS, metadata_errors="replace"
        )
        with container:
            video = _pictures(container)
            if decodes and not is_known(video):
                raise MediaRefused("unusual_codec")
            yield container, video
    except av.FFmpegError as error:
        if isinstance(error, OSError | MemoryError):
            raise  # a full disk, not the file's fault
        raise MediaRefused("unreadable") from error


def is_known(stream: VideoStream | AudioStream) -> bool:
    """Tell whether a stream is of a codec that may be decoded."""
    return stream.codec_context.codec.name in PICTURE_DECODERS | SOUND_DECODERS


def _pictures(container: InputContainer) -> VideoStream:
    """Choose the stream of moving pictures, not a cover, and refuse one too large to decode."""
    video = container.streams.best("video")
    if not isinstance(video, VideoStream) or video.disposition & Disposition.attached_pic:
        raise MediaRefused("no_pictures")
    if video.codec_context.width * video.codec_context.height > MAX_PIXELS:
        raise MediaRefused("too_many_pixels")
    video.thread_count = THREADS
    return video


def sniffed(source: Path) -> str:
    """Tell the container by the first bytes, the only ones FFmpeg is asked to try."""
    with source.open("rb") as file:
        kind = video_container(file.read(HEAD_BYTES))
    if kind is None:
        raise MediaRefused("no_video_container")
    return kind


def frames(container: InputContainer, video: VideoStream) -> Iterator[VideoFrame]:
    """Decode from where the container stands; at least one frame, or the file is refused.

    What is damaged in between is passed over, as players do.
    """
    one = False
    for packet in container.demux(video):
        decoded: list[VideoFrame] = []
        with suppress(av.InvalidDataError):
            decoded = video.decode(packet)
        for frame in decoded:
            one = True
            yield frame
    if not one:
        raise MediaRefused("no_frame")


def length(container: InputContainer, video: VideoStream) -> float:
    """Give the length in seconds as the file declares it, or 0."""
    if video.duration is not None and video.time_base is not None:
        return float(video.duration * video.time_base)
    return (container.duration or 0) / _MICROSECONDS


def index_first(source: Path) -> bool:
    """Tell whether an mp4's index (moov) lies before its data (mdat): it plays while it loads."""
    end = source.stat().st_size
    with source.open("rb") as file:
        position = 0
        while position + 8 <= end:
            file.seek(position)
            size, name = struct.unpack(">I4s", file.read(8))
            if name in {b"moov", b"mdat"}:
                return bool(name == b"moov")
            if size == _SIZE_FOLLOWS:
                (size,) = struct.unpack(">Q", file.read(8).ljust(8, b"\0"))
            if size < _SMALLEST_BOX:
                return False
            position += size
    return False


def shown_size(frame: VideoFrame, video: VideoStream) -> tuple[int, int]:
    """Give width and height as seen: pixels made square, the picture turned."""
    width = round(frame.width * (video.sample_aspect_ratio or 1))
    return (frame.height, width) if frame.rotation % 180 else (width, frame.height)


def _picture(frame: VideoFrame, video: VideoStream, *, side: int | None = None) -> Image.Image:
    """Give a frame as it is seen, with at most `side` pixels a side where that is said."""
    size = shown_size(frame, video)
    part = min(1.0, side / max(size)) if side else 1.0
    size = max(1, round(size[0] * part)), max(1, round(size[1] * part))
    width, height = size[::-1] if frame.rotation % 180 else size
    picture: Image.Image = frame.to_image(width=width, height=height)  # type: ignore[no-untyped-call] # PyAV leaves it out
    return picture.rotate(frame.rotation, expand=True) if frame.rotation else picture


def _seek(container: InputContainer, video: VideoStream, moment: float) -> None:
    """Go to the last key frame before a moment, in seconds after the beginning."""
    if video.time_base is not None:
        ticks = round(moment / video.time_base) + (video.start_time or 0)
        container.seek(ticks, stream=video)


def _frame_at(container: InputContainer, video: VideoStream, moment: float) -> VideoFrame:
    """Give the frame shown at a moment, or the nearest before the end."""
    _seek(container, video, moment)
    start = float((video.start_time or 0) * (video.time_base or 0))
    for frame in frames(container, video):
        if frame.time - start >= moment:
            break
    return frame


def _light(picture: Image.Image) -> float:
    """Give the mean light of a picture, 0 to 255."""
    return ImageStat.Stat(picture.convert("L")).mean[0]
