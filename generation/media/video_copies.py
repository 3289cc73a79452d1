"""The video jobs of a media process that write a new file: repacking without loss, encoding to fit.

Both go through a file packet by packet: a video is never held in memory. Its sound is copied,
encoded, or silence where there was none; it is fed as the file is walked through (`take` a packet,
`reached` a moment) and keeps pace with the picture, so that the muxer need not hold half a file.
"""

from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import av
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream

from generation.media.video_jobs import THREADS, is_known, length, opened

if TYPE_CHECKING:
    from collections.abc import Sequence

    from av.container import InputContainer, OutputContainer
    from av.packet import Packet

_SIDES: Final = (1920, 1280, 960, 640, 480, 320)
"""Longer sides tried from above, in pixels."""

_BITS_PER_PIXEL: Final = 0.05
"""Below this H.264 falls apart into blocks, and a smaller picture looks better."""

_GOOD_BITS_PER_PIXEL: Final = 0.2
_GOOD_BITS: Final = 1_000_000
"""Above these nobody sees a difference, however many the limit allows."""

_LEAST_BITS: Final = 32_000
"""Bits per second of picture below which the encoder no longer obeys."""

_SHORTEST: Final = 0.1
"""Seconds assumed at least, where a file declares no length."""

_ROOM: Final = 0.94
"""Share of the limit aimed at; the rest is the container's and the encoder's error."""

_MOST_UNDATED: Final = 32
"""More packets than any codec holds back to put frames in order."""

_ATTEMPTS: Final = 3

_SOUND_BITS: Final = 96_000
"""Bits per second of encoded sound."""

_SOUND_RATE: Final = 48_000
_FRAME_SAMPLES: Final = 1024
"""What one AAC frame holds."""

_AAC_RATES: Final = frozenset({16_000, 22_050, 24_000, 32_000, 44_100, 48_000})

_KEPT: Final = frozenset({"aac", "mp3"})
"""What every player of mp4 knows; other sound is encoded again."""


def remux_video(*, source: str, target: str) -> dict[str, object]:
    """Copy picture and sound, packet by packet, into an mp4 that plays while it loads."""
    with opened(Path(source)) as (container, video), mp4(target) as output:
        copy = output.add_stream_from_template(video, opaque=True)
        sound = sound_for(container, output)
        undated: list[Packet[Any]] = []
        for packet in container.demux([video, *sound.sources]):
            if packet.stream is not video:
                sound.take(packet)
                continue
            if packet.size and packet.dts is None and len(undated) < _MOST_UNDATED:
                undated.append(packet)
                continue
            for ready in [*_dated(undated, packet), packet]:
                if ready.size and ready.pts is not None:
                    moment = float((ready.pts + (ready.duration or 0)) * ready.time_base)
                    ready.stream = copy
                    output.mux(ready)
                    sound.reached(moment)
            undated.clear()
        sound.end()
    return {}


def encode_video(*, source: str, target: str, limit: int) -> dict[str, object]:
    """Encode to what plays everywhere within `limit` bytes, smaller where bits are few."""
    aim = limit * _ROOM
    for _ in range(_ATTEMPTS):
        _encode(Path(source), target, aim)
        size = Path(target).stat().st_size
        if size <= limit:
            return {}
        aim *= limit / size * _ROOM
    raise RuntimeError(f"does not fit into {limit} bytes")


def _encode(source: Path, target: str, aim: float) -> None:
    """Encode once, aiming at so many bytes."""
    with opened(source) as (container, video), mp4(target) as output:
        rate = video.average_rate or Fraction(25)
        bits = max(aim * 8 / max(length(container, video), _SHORTEST) - _SOUND_BITS, _LEAST_BITS)
        shown = round(video.width * (video.sample_aspect_ratio or 1)) or video.width
        width, height = encoded_size(shown, video.height, float(rate), bits)
        bits = min(bits, max(width * height * float(rate) * _GOOD_BITS_PER_PIXEL, _GOOD_BITS))
        options = {"preset": "veryfast", "maxrate": f"{bits:.0f}", "bufsize": f"{bits:.0f}"}
        copy = output.add_stream("libx264", rate=rate, options=options)
        copy.width, copy.height, copy.pix_fmt = width, height, "yuv420p"
        copy.bit_rate = round(bits)
        copy.thread_count = THREADS
        if video.time_base is not None:
            copy.codec_context.time_base = video.time_base
        sound = sound_for(container, output, encoded=True)
        first = True
        for packet in container.demux([video, *sound.sources]):
            if packet.stream is not video:
                sound.take(packet)
                continue
            for frame in video.decode(packet):
                if first:
                    copy.set_display_rotation(frame.rotation)
                    first = False
                output.mux(copy.encode(frame.reformat(width, height, "yuv420p")))
                sound.reached(frame.time or 0.0)
        output.mux(copy.encode(None))
        sound.end()


def _dated(undated: list[Packet[Any]], following: Packet[Any]) -> list[Packet[Any]]:
    """Give packets their decoding times, back from the packet (or the end) that follows.

    Matroska stores none, and FFmpeg knows them only some packets later; an mp4 needs each.
    """
    step = max([1, *(packet.duration or 0 for packet in undated)])
    known = following.dts
    if known is None:
        known = min((packet.pts or 0 for packet in undated), default=0) + step
    for back, packet in enumerate(reversed(undated), start=1):
        packet.dts = known - back * step
    return undated


def mp4(target: str) -> OutputContainer:
    """Open an mp4 for writing whose index ends up in front."""
    return av.open(target, "w", format="mp4", options={"movflags": "+faststart"})


def encoded_size(width: int, height: int, rate: float, bits: float) -> tuple[int, int]:
    """Choose the largest even size, not above the given one, that the bits per second can fill."""
    for side in _SIDES:
        scale = min(1.0, side / max(width, height))
        size = (_even(width * scale), _even(height * scale))
        if math.prod(size) * rate * _BITS_PER_PIXEL <= bits:
            break
    return size


def _even(pixels: float) -> int:
    """Give the nearest even number of pixels: H.264 halves the colours' resolution."""
    return max(2, round(pixels / 2) * 2)


class Sound:
    """A sound track being written; what its kind has no use for does nothing."""

    sources: Sequence[AudioStream] = ()

    def take(self, packet: Packet[Any]) -> None:
        """Take a packet of one of the `sources`."""

    def reached(self, seconds: float) -> None:
        """Learn how far the picture has come."""

    def end(self) -> None:
        """Write what is left."""


def sound_for(source: InputContainer, output: OutputContainer, *, encoded: bool = False) -> Sound:
    """Choose how the source's sound gets into the output; `encoded` where every byte counts."""
    given = source.streams.best("audio")
    if not isinstance(given, AudioStream) or not given.codec_context.sample_rate:
        return _Silence(output)
    if given.codec_context.codec.canonical_name in _KEPT and not encoded:
        return _Copied(given, output)
    return _Encoded(given, output) if is_known(given) else _Silence(output)


class _Copied(Sound):
    """The same packets again."""

    def __init__(self, given: AudioStream, output: OutputContainer) -> None:
        self.sources = [given]
        self._output = output
        self._track = output.add_stream_from_template(given, opaque=True)

    def take(self, packet: Packet[Any]) -> None:
        if packet.size:
            packet.stream = self._track
            self._output.mux(packet)


class _Encoded(Sound):
    """AAC made of whatever it was."""

    def __init__(self, given: AudioStream, output: OutputContainer) -> None:
        self.sources = [given]
        self._given = given
        self._output = output
        self._track = aac(output, given.codec_context.sample_rate)

    def take(self, packet: Packet[Any]) -> None:
        for frame in self._given.decode(packet):
            self._output.mux(self._track.encode(frame))

    def end(self) -> None:
        self._output.mux(self._track.encode(None))


class _Silence(Sound):
    """AAC silence as long as the picture."""

    def __init__(self, output: OutputContainer) -> None:
        self._output = output
        self._track = aac(output, _SOUND_RATE)
        self._samples = 0

    def reached(self, seconds: float) -> None:
        while self._samples < seconds * _SOUND_RATE:
            frame = AudioFrame("fltp", "stereo", _FRAME_SAMPLES)
            for plane in frame.planes:
                plane.update(bytes(plane.buffer_size))
            frame.sample_rate = _SOUND_RATE
            frame.time_base = Fraction(1, _SOUND_RATE)
            frame.pts = self._samples
            self._samples += _FRAME_SAMPLES
            self._output.mux(self._track.encode(frame))

    def end(self) -> None:
        self._output.mux(self._track.encode(None))


def aac(output: OutputContainer, rate: int) -> AudioStream:
    """Add a track of stereo AAC; rates AAC does not know become the usual one."""
    track = output.add_stream(
        "aac", rate=rate if rate in _AAC_RATES else _SOUND_RATE, layout="stereo"
    )
    track.bit_rate = _SOUND_BITS
    return track
