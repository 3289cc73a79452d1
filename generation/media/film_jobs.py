"""The film job of a media process: it joins consecutive videos to one file.

The pictures are copied packet by packet if all videos have the parameters of the first, otherwise
encoded to one size. The sound is one new track: that of each video is cut, or filled with silence,
to the length of its pictures, so that both are in sync at every cut, to the sample.
"""

from __future__ import annotations

from array import array
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.filter import Graph
from av.video.frame import PictureType

from generation.media.formats import MediaRefused
from generation.media.video_copies import (
    FRAME_SAMPLES,
    MIN_BITS,
    SAMPLE_RATE,
    TARGET_SHARE,
    add_aac_track,
    create_mp4,
    encoded_size,
)
from generation.media.video_jobs import THREADS, decode_frames, is_known, open_video, shown_size

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from av.container import InputContainer, OutputContainer
    from av.packet import Packet
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

MAX_FILM_SECONDS: Final = 600
"""The longest film; the sound of one of its videos is held in memory."""

_TICK: Final = Fraction(1, 90_000)
"""The time base: a frame of any usual rate lasts a whole number of ticks."""

_SAMPLE_BYTES: Final = 4
_SOUND_BITS: Final = 160_000
_FADE_SAMPLES: Final = 240
"""Samples over which the sound of a video fades in and out: a hard cut would click."""
_MAX_GAP_SAMPLES: Final = SAMPLE_RATE // 20
"""Missing samples up to which a gap in a track is ignored; a longer one becomes silence."""

_QUALITY: Final = {"preset": "veryfast", "crf": "20"}
_MAX_SHAPE_DIFFERENCE: Final = 0.03
"""Relative difference of aspect ratios up to which a video is cropped; others get bars."""


@dataclass(frozen=True, slots=True)
class _Clip:
    """A video to join, with times in seconds of its own clock; `copies` if it is not encoded."""

    path: Path
    parameters: tuple[object, ...]
    size: tuple[int, int]
    rate: Fraction
    begins: Fraction
    length: Fraction
    first_dts: Fraction
    last_dts: Fraction
    copies: bool


def join_videos(*, sources: list[str], target: str, limit: int) -> dict[str, object]:
    """Write the videos as one mp4; encoding aims at `limit` bytes, copies may take more."""
    clips = [_survey(Path(source)) for source in sources]
    length = sum(clip.length for clip in clips)
    if length > MAX_FILM_SECONDS:
        raise MediaRefused("too_long")
    copies = _can_be_copied(clips)
    bits = max(limit * TARGET_SHARE * 8 / float(length) - _SOUND_BITS, MIN_BITS)
    with _create_film(clips, target, None if copies else bits) as (output, pictures):
        sound, starts = _FilmSound(output), Fraction(0)
        for clip in clips:
            with open_video(clip.path) as (container, _):
                sound.add_clip(container, clip, starts)
            with open_video(clip.path) as (container, video):
                packets = (_copy_packets if copies else _encode_packets)(
                    container, video, clip, starts, pictures
                )
                for packet in packets:
                    output.mux(packet)
                    sound.advance(packet)
            starts += clip.length
            sound.finish_clip(starts)
        if not copies:
            output.mux(pictures.encode(None))
        sound.finish()
    return {"copied": copies}


def _survey(path: Path) -> _Clip:
    """Read all packets of a video's pictures, and decode one frame."""
    with open_video(path) as (container, video):
        if video.time_base is None:
            raise MediaRefused("no_frame")
        base, rate = video.time_base, Fraction(video.average_rate or 25)
        first = last = end = None
        begins, copies = None, video.codec_context.codec.canonical_name == "h264"
        for packet in container.demux(video):
            if not packet.size:
                continue
            if packet.pts is None or packet.dts is None or packet.is_discard:
                copies = False
            if packet.pts is None:
                continue
            copies = copies and (begins is not None or packet.is_keyframe)
            until = packet.pts + (packet.duration or round(1 / rate / base))
            begins = packet.pts if begins is None else min(begins, packet.pts)
            end = until if end is None else max(end, until)
            dts = packet.pts if packet.dts is None else packet.dts
            copies = copies and (last is None or dts > last)
            first, last = dts if first is None else first, dts
        if begins is None or end is None or first is None or last is None:
            raise MediaRefused("no_frame")
        container.seek(begins, stream=video)
        frame = next(decode_frames(container, video))
        if frame.pts is not None and frame.pts > begins:
            # players do not display the packets before the first frame that can be decoded
            copies, begins = False, frame.pts
        codec = video.codec_context
        return _Clip(
            path,
            parameters=(bytes(codec.extradata or b""), codec.width, codec.height, codec.pix_fmt,
                        video.sample_aspect_ratio, frame.rotation, rate),
            size=shown_size(frame, video),
            rate=rate,
            begins=begins * base,
            length=(end - begins) * base,
            first_dts=first * base,
            last_dts=last * base,
            copies=copies and not frame.rotation and frame.format.name == "yuv420p",
        )  # fmt: skip


def _can_be_copied(clips: Sequence[_Clip]) -> bool:
    """Return whether all have the parameters of the first, and decoding times would increase."""
    starts, before = Fraction(0), None
    for clip in clips:
        first = starts + clip.first_dts - clip.begins
        if not clip.copies or clip.parameters != clips[0].parameters:
            return False
        if before is not None and round(first / _TICK) <= round(before / _TICK):
            return False
        before = starts + clip.last_dts - clip.begins
        starts += clip.length
    return True


@contextmanager
def _create_film(
    clips: Sequence[_Clip], target: str, bits: float | None
) -> Iterator[tuple[OutputContainer, VideoStream]]:
    """Open the file and its picture stream: the largest size and the highest rate of all clips.

    `bits` is the limit of a second of encoded pictures; None if they are copied.
    """
    with open_video(clips[0].path) as (_, video), create_mp4(target) as output:
        if bits is None:
            pictures = output.add_stream_from_template(video, opaque=True)
            pictures.time_base = _TICK
        else:
            largest = max((clip.size for clip in clips), key=lambda size: size[0] * size[1])
            rate = max(clip.rate for clip in clips)
            most = {"maxrate": f"{bits:.0f}", "bufsize": f"{bits:.0f}"}
            pictures = output.add_stream("libx264", rate=rate, options=_QUALITY | most)
            pictures.width, pictures.height = encoded_size(*largest, float(rate), bits)
            pictures.pix_fmt = "yuv420p"
            pictures.thread_count = THREADS
            pictures.codec_context.time_base = _TICK
        yield output, pictures


def _copy_packets(
    container: InputContainer,
    video: VideoStream,
    clip: _Clip,
    starts: Fraction,
    pictures: VideoStream,
) -> Iterator[Packet[Any]]:
    shift = starts - clip.begins
    for packet in container.demux(video):
        if not packet.size or packet.pts is None or packet.dts is None:
            continue
        base = packet.time_base
        packet.pts = round((packet.pts * base + shift) / _TICK)
        packet.dts = round((packet.dts * base + shift) / _TICK)
        packet.duration = round((packet.duration or 0) * base / _TICK)
        packet.time_base = _TICK
        packet.stream = pictures
        yield packet


def _encode_packets(
    container: InputContainer,
    video: VideoStream,
    clip: _Clip,
    starts: Fraction,
    pictures: VideoStream,
) -> Iterator[Packet[Any]]:
    shift, fitter = starts - clip.begins, None
    for frame in decode_frames(container, video):
        if frame.pts is None or frame.time_base is None:
            continue
        moment = frame.pts * frame.time_base + shift
        if moment < starts:
            continue
        first, fitter = fitter is None, fitter or _FrameFitter(frame, video, pictures)
        fitted = fitter.fit(frame)
        fitted.pts, fitted.time_base = round(moment / _TICK), _TICK
        # a key frame, so that players can seek to the start of each scene
        fitted.pict_type = PictureType.I if first else PictureType.NONE
        yield from pictures.encode(fitted)


class _FrameFitter:
    """Turns frames of one video upright, with square pixels, and fits them to the film's size."""

    def __init__(self, frame: VideoFrame, video: VideoStream, pictures: VideoStream) -> None:
        wide, high = pictures.width, pictures.height
        width, height = shown_size(frame, video)
        is_near = abs(width * high - height * wide) <= _MAX_SHAPE_DIFFERENCE * width * high
        scale = f"{wide}:{high}:force_original_aspect_ratio="
        fit = (
            [("scale", f"{scale}increase"), ("crop", f"{wide}:{high}")]
            if is_near
            else [("scale", f"{scale}decrease"), ("pad", f"{wide}:{high}:-1:-1")]
        )
        turn = {90: [("transpose", "cclock")], 270: [("transpose", "clock")],
                180: [("hflip", ""), ("vflip", "")]}.get(frame.rotation % 360, [])  # fmt: skip
        self._graph = Graph()
        self._graph.link_nodes(
            self._graph.add_buffer(
                width=frame.width, height=frame.height, format=frame.format,
                time_base=frame.time_base or _TICK,
            ),
            *(self._graph.add(*step) for step in
              [("scale", f"{max(2, round(frame.width * (video.sample_aspect_ratio or 1)))}:ih"),
               ("setsar", "1"), *turn, *fit, ("setsar", "1"), ("format", "yuv420p")]),
            self._graph.add("buffersink"),
        ).configure()  # fmt: skip

    def fit(self, frame: VideoFrame) -> VideoFrame:
        self._graph.vpush(frame)
        return self._graph.vpull()


class _FilmSound:
    """The sound track of a film, written in step with its pictures."""

    def __init__(self, output: OutputContainer) -> None:
        self._output = output
        self._track = add_aac_track(output, SAMPLE_RATE)
        self._track.bit_rate = _SOUND_BITS
        self._planes = (bytearray(), bytearray())
        self._written = 0
        self._appended = 0
        """Samples of the film so far; `_planes` holds those that are not written yet."""

    def add_clip(self, container: InputContainer, clip: _Clip, starts: Fraction) -> None:
        """Append the sound of a video, from its first picture to its last."""
        begins = self._appended
        ends = round((starts + clip.length) * SAMPLE_RATE)
        given = container.streams.best("audio")
        known = isinstance(given, AudioStream) and is_known(given)
        if isinstance(given, AudioStream) and known and given.codec_context.sample_rate:
            resampler = AudioResampler("fltp", "stereo", SAMPLE_RATE)
            for frame in container.decode(given):
                for piece in resampler.resample(frame):
                    self._append(piece, begins, clip.begins, ends)
            for piece in resampler.resample(None):
                self._append(piece, begins, clip.begins, ends)
            self._fade(self._appended - begins)
        self._append_silence(ends - self._appended)

    def _append(self, piece: AudioFrame, begins: int, zero: Fraction, ends: int) -> None:
        """Append samples at their place in the film, without those outside of the clip."""
        skipped = 0
        if piece.pts is not None and piece.time_base is not None:
            place = begins + round((piece.pts * piece.time_base - zero) * SAMPLE_RATE)
            if place - self._appended > (_MAX_GAP_SAMPLES if self._appended > begins else 0):
                self._append_silence(min(place, ends) - self._appended)
            elif self._appended == begins:
                skipped = min(begins - place, piece.samples)
        count = min(piece.samples - skipped, ends - self._appended)
        wanted = slice(skipped * _SAMPLE_BYTES, (skipped + count) * _SAMPLE_BYTES)
        for mine, plane in zip(self._planes, piece.planes, strict=True):
            mine.extend(bytes(plane)[wanted])
        self._appended += count

    def _append_silence(self, samples: int) -> None:
        for mine in self._planes:
            mine.extend(bytes(samples * _SAMPLE_BYTES))
        self._appended += samples

    def _fade(self, samples: int) -> None:
        """Fade the last `samples` in and out."""
        width = min(_FADE_SAMPLES, samples // 2)
        for mine in self._planes:
            begins = len(mine) - samples * _SAMPLE_BYTES
            for place, comes in ((begins, True), (len(mine) - width * _SAMPLE_BYTES, False)):
                edge = slice(place, place + width * _SAMPLE_BYTES)
                heard = array("f", bytes(mine[edge]))
                for step in range(width):
                    heard[step] *= (step if comes else width - 1 - step) / width
                mine[edge] = heard.tobytes()

    def advance(self, packet: Packet[Any]) -> None:
        """Write the sound up to a packet of the pictures."""
        if packet.dts is not None:
            self._write(round(packet.dts * packet.time_base * SAMPLE_RATE))

    def finish_clip(self, ends: Fraction) -> None:
        """Write the sound up to the end of a clip, in seconds."""
        self._write(round(ends * SAMPLE_RATE) - FRAME_SAMPLES)

    def _write(self, until: int) -> None:
        while self._written < until and len(self._planes[0]) >= FRAME_SAMPLES * _SAMPLE_BYTES:
            self._encode(FRAME_SAMPLES)

    def _encode(self, samples: int) -> None:
        frame, size = AudioFrame("fltp", "stereo", samples), samples * _SAMPLE_BYTES
        for plane, mine in zip(frame.planes, self._planes, strict=True):
            plane.update(bytes(mine[:size]).ljust(plane.buffer_size, b"\0"))
            del mine[:size]
        frame.sample_rate, frame.time_base = SAMPLE_RATE, Fraction(1, SAMPLE_RATE)
        frame.pts = self._written
        self._written += samples
        self._output.mux(self._track.encode(frame))

    def finish(self) -> None:
        """Write the remaining samples, and what the encoder still holds."""
        self._write(self._appended)
        if left := len(self._planes[0]) // _SAMPLE_BYTES:
            self._encode(left)
        self._output.mux(self._track.encode(None))
