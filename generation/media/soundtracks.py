"""Sound for an mp4 that is being written: copied, encoded, or silence where there was none.

Each kind is fed as the file is walked through (`take` a packet, `reached` a moment) and keeps pace
with the picture, so that the muxer need not hold half a file back.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final, Protocol

from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream

if TYPE_CHECKING:
    from av.container import InputContainer, OutputContainer
    from av.packet import Packet

BITS: Final = 96_000
"""Bits per second of encoded sound."""

_RATE: Final = 48_000
_FRAME_SAMPLES: Final = 1024
"""What one AAC frame holds."""

_AAC_RATES: Final = frozenset({16_000, 22_050, 24_000, 32_000, 44_100, 48_000})

_KEPT: Final = frozenset({"aac", "mp3", "opus", "ac3", "eac3", "flac", "alac"})
"""What an mp4 can hold and players know; other sound is encoded again."""


class Sound(Protocol):
    """A sound track being written."""

    sources: list[AudioStream]

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
    return _Encoded(given, output)


class _Copied:
    """The same packets again."""

    def __init__(self, given: AudioStream, output: OutputContainer) -> None:
        self.sources = [given]
        self._output = output
        self._track = output.add_stream_from_template(given, opaque=True)

    def take(self, packet: Packet[Any]) -> None:
        if packet.size:
            packet.stream = self._track
            self._output.mux(packet)

    def reached(self, seconds: float) -> None:
        """Keep no pace: the source's own order does."""

    def end(self) -> None:
        """Hold nothing back."""


class _Encoded:
    """AAC made of whatever it was."""

    def __init__(self, given: AudioStream, output: OutputContainer) -> None:
        self.sources = [given]
        self._given = given
        self._output = output
        self._track = _aac(output, given.codec_context.sample_rate)

    def take(self, packet: Packet[Any]) -> None:
        for frame in self._given.decode(packet):
            self._output.mux(self._track.encode(frame))

    def reached(self, seconds: float) -> None:
        """Keep no pace: the source's own order does."""

    def end(self) -> None:
        self._output.mux(self._track.encode(None))


class _Silence:
    """AAC silence as long as the picture."""

    def __init__(self, output: OutputContainer) -> None:
        self.sources: list[AudioStream] = []
        self._output = output
        self._track = _aac(output, _RATE)
        self._samples = 0

    def take(self, packet: Packet[Any]) -> None:
        """Take nothing: there are no sources."""

    def reached(self, seconds: float) -> None:
        while self._samples < seconds * _RATE:
            frame = AudioFrame("fltp", "stereo", _FRAME_SAMPLES)
            for plane in frame.planes:
                plane.update(bytes(plane.buffer_size))
            frame.sample_rate = _RATE
            frame.time_base = Fraction(1, _RATE)
            frame.pts = self._samples
            self._samples += _FRAME_SAMPLES
            self._output.mux(self._track.encode(frame))

    def end(self) -> None:
        self._output.mux(self._track.encode(None))


def _aac(output: OutputContainer, rate: int) -> AudioStream:
    """Add a track of stereo AAC; rates AAC does not know become the usual one."""
    track = output.add_stream("aac", rate=rate if rate in _AAC_RATES else _RATE, layout="stereo")
    track.bit_rate = BITS
    return track
