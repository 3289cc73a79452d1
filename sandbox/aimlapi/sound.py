"""A soft chord that comes and fades, and a voice that hums, by FFmpeg's expression source."""

from __future__ import annotations

from typing import TYPE_CHECKING

import av.filter
from av.error import BlockingIOError as NotYetError
from av.error import EOFError as EndError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from av import AudioFrame

RATE = 44_100  # samples per second
_DRAFT_RATE = 8_000  # evaluated so often, then resampled: the notes lie far below 4 kHz
# Open voicings in hertz, low to high; which one is heard follows from the seed.
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
    """Stereo frames of 1024 samples, `seconds` long in all."""
    notes = _CHORDS[seed % len(_CHORDS)]
    sides = "|".join(_side(notes, slow) for slow in (0.21, 0.27))
    return _played(sides, seconds, RATE, "stereo")


def hum(seconds: float) -> Iterator[AudioFrame]:
    """Somebody who hums a few syllables: mono, as voice messages are."""
    return _played(_HUM, seconds, VOICE_RATE, "mono")


def _played(expression: str, seconds: float, rate: int, layout: str) -> Iterator[AudioFrame]:
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


def _side(notes: tuple[float, ...], slow: float) -> str:
    """One channel's expression: each note swells at its own slow pace."""
    return "+".join(
        f"0.07*(0.7+0.3*sin(2*PI*{slow * (index + 1):.2f}*t))*sin(2*PI*{note}*t)"
        for index, note in enumerate(notes)
    )
