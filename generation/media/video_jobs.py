"""The video jobs of a media process that write no video: facts, frames and thumbnails, by PyAV."""

from __future__ import annotations

import struct
from collections import deque
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
"""Limit of a frame: 8K in either orientation, rounded up as codecs do."""

THREADS: Final = 2
"""Each decoder or encoder thread holds frames: one thread per core would take too much memory."""

THUMBNAIL_SIDE: Final = 320
THUMBNAIL_BYTES: Final = 200_000
"""Telegram's limits of a thumbnail: pixels of a side, bytes."""

_MIN_BOX_BYTES: Final = 8
_LARGE_SIZE_FOLLOWS: Final = 1
"""The size of an mp4 box whose real size follows its name, in 64 bits."""

_MICROSECONDS: Final = 1_000_000
_BLACK_BELOW: Final = 24
"""Mean brightness (of 255) below which a frame counts as black."""

_OPTIONS: Final = {
    "protocol_whitelist": "file",
    "format_whitelist": "mov,matroska",
    "codec_whitelist": ",".join(sorted(PICTURE_DECODERS | SOUND_DECODERS)),
}
"""What FFmpeg may use, including while it only reads what a file contains."""


def probe_video(*, source: str, target: str | None = None) -> dict[str, object]:
    """Return the facts of a video; refuse one whose codec is known but that has no frame.

    With a target, also draw a thumbnail if possible: starting another process would cost more.
    """
    path = Path(source)
    with open_video(path, decodes=False) as (container, video):
        sounds = container.streams.audio
        first = next(decode_frames(container, video)) if is_known(video) else None
        if first is not None:
            pixels, (width, height) = first.format.name, shown_size(first, video)
        else:
            pixels, width, height = "", video.width, video.height
        facts: dict[str, object] = {
            "container": sniff_container(path),
            "brand": container.metadata.get("major_brand", "").strip(),
            "index_first": has_index_first(path),
            "video": video.codec_context.codec.canonical_name,
            "pixels": pixels,
            "sound": sounds[0].codec_context.codec.canonical_name if sounds else None,
            "width": width,
            "height": height,
            "seconds": duration(container, video),
            "size": path.stat().st_size,
        }
        if target is not None and first is not None:
            with suppress(MediaRefused, av.FFmpegError):
                _draw_thumbnail(container, video, first, Path(target))
    return facts


def _draw_thumbnail(
    container: InputContainer, video: VideoStream, first: VideoFrame, target: Path
) -> None:
    """Write a small JPEG of the first frame, or of a later one if that is black."""
    seconds, best = duration(container, video), _to_image(first, video, side=THUMBNAIL_SIDE)
    for moment in (seconds / 3, seconds * 2 / 3):
        if _brightness(best) >= _BLACK_BELOW:
            break
        with suppress(MediaRefused, av.FFmpegError):
            later = _to_image(_frame_at(container, video, moment), video, side=THUMBNAIL_SIDE)
            best = max(best, later, key=_brightness)
    for quality in (85, 60, 30):
        best.save(target, "JPEG", quality=quality)
        if target.stat().st_size < THUMBNAIL_BYTES:
            break


def draw_frame(*, source: str, target: str, last: bool) -> dict[str, object]:
    """Write the first or the last frame as a JPEG."""
    with open_video(Path(source)) as (container, video):
        if last:
            _seek(container, video, max(0.0, duration(container, video) - 1))
        decoded = decode_frames(container, video)
        frame = deque(decoded, maxlen=1).pop() if last else next(decoded)
        _to_image(frame, video).save(target, "JPEG", quality=90)
    return {}


@contextmanager
def open_video(
    source: Path, *, decodes: bool = True
) -> Iterator[tuple[InputContainer, VideoStream]]:
    """Open a video and its picture stream; a file that FFmpeg cannot or may not read is refused."""
    kind = sniff_container(source)
    try:
        container = av.open(
            f"file:{source}", format=kind, container_options=_OPTIONS, metadata_errors="replace"
        )
        with container:
            video = _video_stream(container)
            if decodes and not is_known(video):
                raise MediaRefused("unusual_codec")
            yield container, video
    except av.FFmpegError as error:
        if isinstance(error, OSError | MemoryError):
            raise  # a full disk, not the file's fault
        raise MediaRefused("unreadable") from error


def is_known(stream: VideoStream | AudioStream) -> bool:
    """Return whether the stream's codec may be decoded."""
    return stream.codec_context.codec.name in PICTURE_DECODERS | SOUND_DECODERS


def _video_stream(container: InputContainer) -> VideoStream:
    """Return the stream of moving pictures, not a cover; refuse one too large to decode."""
    video = container.streams.best("video")
    if not isinstance(video, VideoStream) or video.disposition & Disposition.attached_pic:
        raise MediaRefused("no_pictures")
    if video.codec_context.width * video.codec_context.height > MAX_PIXELS:
        raise MediaRefused("too_many_pixels")
    video.thread_count = THREADS
    return video


def sniff_container(source: Path) -> str:
    """Return the container format by the first bytes; FFmpeg may try no other."""
    with source.open("rb") as file:
        kind = video_container(file.read(HEAD_BYTES))
    if kind is None:
        raise MediaRefused("no_video_container")
    return kind


def decode_frames(container: InputContainer, video: VideoStream) -> Iterator[VideoFrame]:
    """Decode from where the container stands, without damaged packets, as players do.

    Raises MediaRefused if there is no frame.
    """
    any_decoded = False
    for packet in container.demux(video):
        decoded: list[VideoFrame] = []
        with suppress(av.InvalidDataError):
            decoded = video.decode(packet)
        for frame in decoded:
            any_decoded = True
            yield frame
    if not any_decoded:
        raise MediaRefused("no_frame")


def duration(container: InputContainer, video: VideoStream) -> float:
    """Return the duration in seconds that the file declares, or 0."""
    if video.duration is not None and video.time_base is not None:
        return float(video.duration * video.time_base)
    return (container.duration or 0) / _MICROSECONDS


def has_index_first(source: Path) -> bool:
    """Return whether an mp4's index (moov) precedes its data (mdat): it plays while it loads."""
    end = source.stat().st_size
    with source.open("rb") as file:
        position = 0
        while position + 8 <= end:
            file.seek(position)
            size, name = struct.unpack(">I4s", file.read(8))
            if name in {b"moov", b"mdat"}:
                return bool(name == b"moov")
            if size == _LARGE_SIZE_FOLLOWS:
                (size,) = struct.unpack(">Q", file.read(8).ljust(8, b"\0"))
            if size < _MIN_BOX_BYTES:
                return False
            position += size
    return False


def shown_size(frame: VideoFrame, video: VideoStream) -> tuple[int, int]:
    """Return width and height as displayed: with square pixels, rotated."""
    width = round(frame.width * (video.sample_aspect_ratio or 1))
    return (frame.height, width) if frame.rotation % 180 else (width, frame.height)


def _to_image(frame: VideoFrame, video: VideoStream, *, side: int | None = None) -> Image.Image:
    """Return a frame as displayed, with at most `side` pixels a side if given."""
    size = shown_size(frame, video)
    part = min(1.0, side / max(size)) if side else 1.0
    size = max(1, round(size[0] * part)), max(1, round(size[1] * part))
    width, height = size[::-1] if frame.rotation % 180 else size
    picture: Image.Image = frame.to_image(width=width, height=height)  # type: ignore[no-untyped-call] # PyAV leaves it out
    return picture.rotate(frame.rotation, expand=True) if frame.rotation else picture


def _seek(container: InputContainer, video: VideoStream, moment: float) -> None:
    """Seek to the last key frame before a moment, in seconds after the start."""
    if video.time_base is not None:
        ticks = round(moment / video.time_base) + (video.start_time or 0)
        container.seek(ticks, stream=video)


def _frame_at(container: InputContainer, video: VideoStream, moment: float) -> VideoFrame:
    """Return the frame displayed at a moment, or the last one if that is after the end."""
    _seek(container, video, moment)
    start = float((video.start_time or 0) * (video.time_base or 0))
    for frame in decode_frames(container, video):
        if frame.time - start >= moment:
            break
    return frame


def _brightness(picture: Image.Image) -> float:
    """Return the mean brightness of a picture, 0 to 255."""
    return ImageStat.Stat(picture.convert("L")).mean[0]
