"""The video jobs of a media process that write a new file: remuxing without loss, encoding to fit.

Both process a file packet by packet, so that a video is never held in memory. Its sound is copied,
encoded, or replaced by silence if there is none. It is written in step with the pictures (`take` a
packet, `advance` to a moment), so that the muxer need not buffer half a file.
"""

from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import av
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream

from generation.media.video_jobs import THREADS, duration, is_known, open_video

if TYPE_CHECKING:
    from collections.abc import Sequence

    from av.container import InputContainer, OutputContainer
    from av.packet import Packet

_SIDES: Final = (1920, 1280, 960, 640, 480, 320)
"""Lengths of the longer side to try, largest first, in pixels."""

_BITS_PER_PIXEL: Final = 0.05
"""With fewer bits, H.264 shows blocks, and a smaller picture looks better."""

_GOOD_BITS_PER_PIXEL: Final = 0.2
_GOOD_BITS: Final = 1_000_000
"""More bits (per pixel, per second) make no visible difference, even if the limit allows them."""

MIN_BITS: Final = 32_000
"""Bits per second of pictures; the encoder exceeds a lower limit."""

_MIN_SECONDS: Final = 0.1
"""Seconds assumed at least, in case a file declares no duration."""

TARGET_SHARE: Final = 0.94
"""Share of the limit to aim at; the rest is for the container and the encoder's error."""

_MAX_UNDATED: Final = 32
"""Packets without a decoding time; no codec delays frames by so many."""

_ATTEMPTS: Final = 3

_SOUND_BITS: Final = 96_000
"""Bits per second of encoded sound."""

SAMPLE_RATE: Final = 48_000
FRAME_SAMPLES: Final = 1024
"""Samples of one AAC frame."""

_AAC_RATES: Final = frozenset({16_000, 22_050, 24_000, 32_000, 44_100, 48_000})

_COPIED_CODECS: Final = frozenset({"aac", "mp3"})
"""Codecs that every mp4 player knows; other sound is encoded again."""


def remux_video(*, source: str, target: str) -> dict[str, object]:
    """Copy picture and sound, packet by packet, into an mp4 that plays while it loads."""
    with open_video(Path(source)) as (container, video), create_mp4(target) as output:
        copy = output.add_stream_from_template(video, opaque=True)
        sound = add_sound(container, output)
        undated: list[Packet[Any]] = []
        for packet in container.demux([video, *sound.sources]):
            if packet.stream is not video:
                sound.take(packet)
                continue
            if packet.size and packet.dts is None and len(undated) < _MAX_UNDATED:
                undated.append(packet)
                continue
            for ready in [*_set_decoding_times(undated, packet), packet]:
                if ready.size and ready.pts is not None:
                    moment = float((ready.pts + (ready.duration or 0)) * ready.time_base)
                    ready.stream = copy
                    output.mux(ready)
                    sound.advance(moment)
            undated.clear()
        sound.finish()
    return {}


def encode_video(*, source: str, target: str, limit: int) -> dict[str, object]:
    """Encode to a format that plays everywhere, smaller if need be to fit into `limit` bytes.

    Raises RuntimeError if it does not fit.
    """
    aim = limit * TARGET_SHARE
    for _ in range(_ATTEMPTS):
        _encode(Path(source), target, aim)
        size = Path(target).stat().st_size
        if size <= limit:
            return {}
        aim *= limit / size * TARGET_SHARE
    raise RuntimeError(f"does not fit into {limit} bytes")


def _encode(source: Path, target: str, aim: float) -> None:
    """Encode once, aiming at `aim` bytes."""
    with open_video(source) as (container, video), create_mp4(target) as output:
        rate = video.average_rate or Fraction(25)
        bits = max(aim * 8 / max(duration(container, video), _MIN_SECONDS) - _SOUND_BITS, MIN_BITS)
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
        sound = add_sound(container, output, encoded=True)
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
                sound.advance(frame.time or 0.0)
        output.mux(copy.encode(None))
        sound.finish()


def _set_decoding_times(undated: list[Packet[Any]], following: Packet[Any]) -> list[Packet[Any]]:
    """Return packets with decoding times, counted back from the following packet (or the end).

    Matroska stores none, and FFmpeg knows them only some packets later; an mp4 needs them all.
    """
    step = max([1, *(packet.duration or 0 for packet in undated)])
    known = following.dts
    if known is None:
        known = min((packet.pts or 0 for packet in undated), default=0) + step
    for back, packet in enumerate(reversed(undated), start=1):
        packet.dts = known - back * step
    return undated


def create_mp4(target: str) -> OutputContainer:
    """Open an mp4 for writing, with its index moved to the front at the end."""
    return av.open(target, "w", format="mp4", options={"movflags": "+faststart"})


def encoded_size(width: int, height: int, rate: float, bits: float) -> tuple[int, int]:
    """Return the largest even size, up to the given one, for which the bits per second suffice."""
    for side in _SIDES:
        scale = min(1.0, side / max(width, height))
        size = (_even(width * scale), _even(height * scale))
        if math.prod(size) * rate * _BITS_PER_PIXEL <= bits:
            break
    return size


def _even(pixels: float) -> int:
    """Round to an even number of pixels, because H.264 halves the resolution of colours."""
    return max(2, round(pixels / 2) * 2)


class Sound:
    """A sound track of the output; by default its methods do nothing."""

    sources: Sequence[AudioStream] = ()

    def take(self, packet: Packet[Any]) -> None:
        """Write a packet of one of the `sources`."""

    def advance(self, seconds: float) -> None:
        """Write the sound up to this moment of the pictures, if it does not come in packets."""

    def finish(self) -> None:
        """Write what the encoder still holds."""


def add_sound(source: InputContainer, output: OutputContainer, *, encoded: bool = False) -> Sound:
    """Add a sound track to the output; it is never copied if `encoded`, to save bytes."""
    given = source.streams.best("audio")
    if not isinstance(given, AudioStream) or not given.codec_context.sample_rate:
        return _SilentSound(output)
    if given.codec_context.codec.canonical_name in _COPIED_CODECS and not encoded:
        return _CopiedSound(given, output)
    return _EncodedSound(given, output) if is_known(given) else _SilentSound(output)


class _CopiedSound(Sound):
    """The packets of the source, unchanged."""

    def __init__(self, given: AudioStream, output: OutputContainer) -> None:
        self.sources = [given]
        self._output = output
        self._track = output.add_stream_from_template(given, opaque=True)

    def take(self, packet: Packet[Any]) -> None:
        if packet.size:
            packet.stream = self._track
            self._output.mux(packet)


class _EncodedSound(Sound):
    """The sound of the source, encoded as AAC."""

    def __init__(self, given: AudioStream, output: OutputContainer) -> None:
        self.sources = [given]
        self._given = given
        self._output = output
        self._track = add_aac_track(output, given.codec_context.sample_rate)

    def take(self, packet: Packet[Any]) -> None:
        for frame in self._given.decode(packet):
            self._output.mux(self._track.encode(frame))

    def finish(self) -> None:
        self._output.mux(self._track.encode(None))


class _SilentSound(Sound):
    """AAC silence as long as the pictures."""

    def __init__(self, output: OutputContainer) -> None:
        self._output = output
        self._track = add_aac_track(output, SAMPLE_RATE)
        self._samples = 0

    def advance(self, seconds: float) -> None:
        while self._samples < seconds * SAMPLE_RATE:
            frame = AudioFrame("fltp", "stereo", FRAME_SAMPLES)
            for plane in frame.planes:
                plane.update(bytes(plane.buffer_size))
            frame.sample_rate = SAMPLE_RATE
            frame.time_base = Fraction(1, SAMPLE_RATE)
            frame.pts = self._samples
            self._samples += FRAME_SAMPLES
            self._output.mux(self._track.encode(frame))

    def finish(self) -> None:
        self._output.mux(self._track.encode(None))


def add_aac_track(output: OutputContainer, rate: int) -> AudioStream:
    """Add a track of stereo AAC; a rate that AAC does not have becomes the usual one."""
    track = output.add_stream(
        "aac", rate=rate if rate in _AAC_RATES else SAMPLE_RATE, layout="stereo"
    )
    track.bit_rate = _SOUND_BITS
    return track
