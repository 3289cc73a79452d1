"""The film job of a media process: videos that follow each other become one file.

The pictures are copied packet by packet where all videos have the parameters of the first, else
encoded to one size. The sound is one new track: that of each video cut, or filled with silence, to
the length of its pictures, so that both are in step at every cut, to the sample.
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
from generation.media.video_copies import aac, encoded_size, mp4
from generation.media.video_jobs import THREADS, frames, is_known, opened, shown_size

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from av.container import InputContainer, OutputContainer
    from av.packet import Packet
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

MAX_FILM_SECONDS: Final = 600
"""A film's length at most; the sound of one video is held in memory."""

_TICK: Final = Fraction(1, 90_000)
"""A unit of time in which a frame of any usual rate lasts a whole number."""

_RATE: Final = 48_000
_SAMPLES: Final = 1024
"""What one AAC frame holds."""
_SAMPLE_BYTES: Final = 4
_SOUND_BITS: Final = 160_000
_FADE: Final = 240
"""Samples at each end of a video over which its sound comes and goes: a cut would click."""
_GAP: Final = _RATE // 20
"""Samples that may miss in a track before it counts as silence."""

_QUALITY: Final = {"preset": "veryfast", "crf": "20"}
_ALIKE: Final = 0.03
"""The share by which shapes may differ that are cut to one; others are shown whole, with bars."""
_ROOM: Final = 0.94
"""Share of the limit aimed at, as where one video is encoded to fit."""
_LEAST_BITS: Final = 32_000


@dataclass(frozen=True, slots=True)
class _Clip:
    """What a video is made of; times are exact, in seconds of its own clock.

    `copies` is whether its packets can be taken as they are.
    """

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
    """Write the videos, one after the other, as one mp4 that plays while it loads.

    What is encoded is meant to fit into `limit` bytes; copies are as large as they are.
    """
    clips = [_surveyed(Path(source)) for source in sources]
    length = sum(clip.length for clip in clips)
    if length > MAX_FILM_SECONDS:
        raise MediaRefused("too_long")
    copies = _can_be_copied(clips)
    bits = max(limit * _ROOM * 8 / float(length) - _SOUND_BITS, _LEAST_BITS)
    with _film(clips, target, None if copies else bits) as (output, pictures):
        sound, starts = _Track(output), Fraction(0)
        for clip in clips:
            with opened(clip.path) as (container, _):
                sound.begin(container, clip, starts)
            with opened(clip.path) as (container, video):
                packets = (_copied if copies else _encoded)(
                    container, video, clip, starts, pictures
                )
                for packet in packets:
                    output.mux(packet)
                    sound.reached(packet)
            starts += clip.length
            sound.finish(starts)
        if not copies:
            output.mux(pictures.encode(None))
        sound.end()
    return {"copied": copies}


def _surveyed(path: Path) -> _Clip:
    """Look at every packet of a video's pictures; only one frame is decoded."""
    with opened(path) as (container, video):
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
        frame = next(frames(container, video))
        if frame.pts is not None and frame.pts > begins:
            # what stands before is shown by nobody
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
    """Whether all have the parameters of the first, and no packet would come before another."""
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
def _film(
    clips: Sequence[_Clip], target: str, bits: float | None
) -> Iterator[tuple[OutputContainer, VideoStream]]:
    """Open the file and its stream of pictures: the largest size, the highest rate of all.

    `bits` are what a second of encoded pictures may have; None where they are copied.
    """
    with opened(clips[0].path) as (_, video), mp4(target) as output:
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


def _copied(
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


def _encoded(
    container: InputContainer,
    video: VideoStream,
    clip: _Clip,
    starts: Fraction,
    pictures: VideoStream,
) -> Iterator[Packet[Any]]:
    shift, fitting = starts - clip.begins, None
    for frame in frames(container, video):
        if frame.pts is None or frame.time_base is None:
            continue
        moment = frame.pts * frame.time_base + shift
        if moment < starts:
            continue
        first, fitting = fitting is None, fitting or _Fitting(frame, video, pictures)
        fitted = fitting.of(frame)
        fitted.pts, fitted.time_base = round(moment / _TICK), _TICK
        # a player finds the beginning of each scene
        fitted.pict_type = PictureType.I if first else PictureType.NONE
        yield from pictures.encode(fitted)


class _Fitting:
    """Frames of one video turned upright, with square pixels, in the size of the film."""

    def __init__(self, frame: VideoFrame, video: VideoStream, pictures: VideoStream) -> None:
        wide, high = pictures.width, pictures.height
        width, height = shown_size(frame, video)
        is_near = abs(width * high - height * wide) <= _ALIKE * width * high
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

    def of(self, frame: VideoFrame) -> VideoFrame:
        self._graph.vpush(frame)
        return self._graph.vpull()


class _Track:
    """The sound of a film, written as far as its pictures have come."""

    def __init__(self, output: OutputContainer) -> None:
        self._output = output
        self._track = aac(output, _RATE)
        self._track.bit_rate = _SOUND_BITS
        self._planes = (bytearray(), bytearray())
        self._written = 0
        self._taken = 0
        """Samples of the film that were taken in; what is not written yet of them is held."""

    def begin(self, container: InputContainer, clip: _Clip, starts: Fraction) -> None:
        """Take the sound of a video, from its first picture to its last."""
        begins = self._taken
        ends = round((starts + clip.length) * _RATE)
        given = container.streams.best("audio")
        known = isinstance(given, AudioStream) and is_known(given)
        if isinstance(given, AudioStream) and known and given.codec_context.sample_rate:
            resampler = AudioResampler("fltp", "stereo", _RATE)
            for frame in container.decode(given):
                for piece in resampler.resample(frame):
                    self._take(piece, begins, clip.begins, ends)
            for piece in resampler.resample(None):
                self._take(piece, begins, clip.begins, ends)
            self._fade(self._taken - begins)
        self._silence(ends - self._taken)

    def _take(self, piece: AudioFrame, begins: int, zero: Fraction, ends: int) -> None:
        """Take samples where they belong in the film; what comes twice, or late, is left out."""
        skipped = 0
        if piece.pts is not None and piece.time_base is not None:
            place = begins + round((piece.pts * piece.time_base - zero) * _RATE)
            if place - self._taken > (_GAP if self._taken > begins else 0):
                self._silence(min(place, ends) - self._taken)
            elif self._taken == begins:
                skipped = min(begins - place, piece.samples)
        count = min(piece.samples - skipped, ends - self._taken)
        wanted = slice(skipped * _SAMPLE_BYTES, (skipped + count) * _SAMPLE_BYTES)
        for mine, plane in zip(self._planes, piece.planes, strict=True):
            mine.extend(bytes(plane)[wanted])
        self._taken += count

    def _silence(self, samples: int) -> None:
        for mine in self._planes:
            mine.extend(bytes(samples * _SAMPLE_BYTES))
        self._taken += samples

    def _fade(self, samples: int) -> None:
        """Let what was taken last come and go, for as many samples as it has."""
        width = min(_FADE, samples // 2)
        for mine in self._planes:
            begins = len(mine) - samples * _SAMPLE_BYTES
            for place, comes in ((begins, True), (len(mine) - width * _SAMPLE_BYTES, False)):
                edge = slice(place, place + width * _SAMPLE_BYTES)
                heard = array("f", bytes(mine[edge]))
                for step in range(width):
                    heard[step] *= (step if comes else width - 1 - step) / width
                mine[edge] = heard.tobytes()

    def reached(self, packet: Packet[Any]) -> None:
        """Learn how far the pictures have come."""
        if packet.dts is not None:
            self._write(round(packet.dts * packet.time_base * _RATE))

    def finish(self, ends: Fraction) -> None:
        """Write what belongs to the pictures until here."""
        self._write(round(ends * _RATE) - _SAMPLES)

    def _write(self, until: int) -> None:
        while self._written < until and len(self._planes[0]) >= _SAMPLES * _SAMPLE_BYTES:
            self._encode(_SAMPLES)

    def _encode(self, samples: int) -> None:
        frame, size = AudioFrame("fltp", "stereo", samples), samples * _SAMPLE_BYTES
        for plane, mine in zip(frame.planes, self._planes, strict=True):
            plane.update(bytes(mine[:size]).ljust(plane.buffer_size, b"\0"))
            del mine[:size]
        frame.sample_rate, frame.time_base = _RATE, Fraction(1, _RATE)
        frame.pts = self._written
        self._written += samples
        self._output.mux(self._track.encode(frame))

    def end(self) -> None:
        """Write what is left."""
        self._write(self._taken)
        if left := len(self._planes[0]) // _SAMPLE_BYTES:
            self._encode(left)
        self._output.mux(self._track.encode(None))
