"""Generated sound: a soft chord for videos, and a humming voice for voice messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

import av.filter
from av.error import BlockingIOError as NotYetError
from av.error import EOFError as EndError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from av import AudioFrame

RATE = 44_100  # samples per second
_DRAFT_RATE = 8_000  # rate of evaluation before resampling; the notes are far below 4 kHz
# Open voicings in hertz, low to high; the seed chooses one.
_CHORDS = (
    (110.0, 164.81, 246.94, 277.18),
    (98.0, 146.83, 220.0, 246.94),
    (130.81, 196.0, 246.94, 329.63),
    (87.31, 130.81, 220.0, 261.63),
)


VOICE_RATE = 48_000
_PITCH = "(2*PI*150*t+14*sin(2*PI*0.45*t))"
_HUM = f"(0.5-0.5*cos(2*PI*2.5*t))*(0.2*sin({_PITCH})+0.1*sin(2*{_PITCH})+0.06*sin(3*{_PITCH}))"


def chord(seconds: float, seed: int) -> Iterator[AudioFrame]:
    """Yield a chord of `seconds` as stereo frames of 1024 samples."""
    notes = _CHORDS[seed % len(_CHORDS)]
    sides = "|".join(_channel(notes, slow) for slow in (0.21, 0.27))
    return _generated(sides, seconds, RATE, "stereo")


def hum(seconds: float) -> Iterator[AudioFrame]:
    """Yield a voice that hums some syllables, in mono as voice messages are."""
    return _generated(_HUM, seconds, VOICE_RATE, "mono")


def _generated(expression: str, seconds: float, rate: int, layout: str) -> Iterator[AudioFrame]:
    graph = av.filter.Graph()
    fade = min(1.5, seconds / 3)
    graph.link_nodes(
        graph.add("aevalsrc", f"exprs='{expression}':s={_DRAFT_RATE}:d={seconds}:c={layout}"),
        graph.add("afade", f"t=in:d={fade / 2}"),
        graph.add("afade", f"t=out:st={seconds - fade}:d={fade}"),
        graph.add("aresample", str(rate)),
        graph.add("aformat", f"sample_fmts=fltp:sample_rates={rate}:channel_layouts={layout}"),
        graph.add("abuffersink"),
    ).configure()
    while True:
        try:
            frame = graph.pull()
        except (NotYetError, EndError):
            return
        yield frame  # type: ignore[misc]  # an audio sink pulls audio frames only


def _channel(notes: tuple[float, ...], slow: float) -> str:
    """Return one channel's expression, in which each note swells at its own slow rate."""
    return "+".join(
        f"0.07*(0.7+0.3*sin(2*PI*{slow * (index + 1):.2f}*t))*sin(2*PI*{note}*t)"
        for index, note in enumerate(notes)
    )
