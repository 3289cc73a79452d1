"""Films made for a test: their codecs, their size, their sound, and what is drawn on them."""

from __future__ import annotations

import hashlib
import random
import shutil
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.audio.frame import AudioFrame
from av.video.frame import VideoFrame
from PIL import Image

LIMIT = 50_000_000
"""Bytes; no film is over it, unless a test makes one so large."""

QUIET = {"libx265": {"x265-params": "log-level=none"}}
"""Options of encoders that would write to the terminal."""

COARSE = {"preset": "ultrafast", "qp": "1"}
"""Options of H.264 that keeps noise as it is, in large files: to look for likeness is in vain."""

QUARTER_TURN = [0, 65536, 0, -65536, 0, 0, 0, 0, 1 << 30]
"""The display matrix a phone writes that was held upright: turn clockwise to show."""


@dataclass(frozen=True, slots=True)
class Film:
    """What a test film is made of; its upper left quarter is blue on red."""

    name: str = "film.mp4"
    video: str = "libx264"
    sound: str | None = "aac"
    width: int = 320
    height: int = 180
    frames: int = 48
    dark: int = 0
    noise: bool = False
    index_first: bool = True
    turned: bool = False
    pixels: str = "yuv420p"

    def make(self, folder: Path) -> Path:
        """Write the film, 24 frames per second."""
        path = folder / self.name
        mp4 = path.suffix == ".mp4"
        options = {"movflags": "+faststart"} if mp4 and self.index_first else {}
        chance = random.Random(1)
        with av.open(str(path), "w", options=options) as output:
            options = COARSE if self.noise and self.video == "libx264" else {}
            options = QUIET.get(self.video, options)
            video: Any = output.add_stream(self.video, rate=24, options=options)
            video.width, video.height, video.pix_fmt = self.width, self.height, self.pixels
            if self.turned:
                video.set_display_matrix(QUARTER_TURN)
            sound: Any = self.sound and output.add_stream(self.sound, rate=48_000, layout="stereo")
            from_image: Any = VideoFrame.from_image
            for number in range(self.frames):
                output.mux(video.encode(from_image(self.draw(number, chance))))
                for half in range(2 if sound else 0):
                    output.mux(sound.encode(hum(number * 2 + half, sound)))
            for stream in filter(None, (video, sound)):
                output.mux(stream.encode(None))
        return path

    def draw(self, number: int, chance: random.Random) -> Image.Image:
        """Draw one frame."""
        size = (self.width, self.height)
        if number < self.dark:
            return Image.new("RGB", size)
        if self.noise:
            return Image.frombytes("RGB", size, chance.randbytes(self.width * self.height * 3))
        image = Image.new("RGB", size, (220, 2 * number % 60, 20))
        image.paste((20, 20, 220), (0, 0, self.width // 2, self.height // 2))
        return image


def hum(number: int, sound: Any) -> AudioFrame:
    """Give a thousand samples of noise."""
    packed = sound.codec_context.format.name == "s16"
    frame = AudioFrame("s16" if packed else "fltp", "stereo", 1000)
    for plane in frame.planes:
        size = plane.buffer_size
        plane.update(random.Random(number).randbytes(size) if packed else bytes(size))
    frame.sample_rate, frame.time_base, frame.pts = 48_000, Fraction(1, 48_000), number * 1000
    return frame


def copy_of(shelf: Path, film: Film, folder: Path) -> Path:
    """Give a copy of a film under its own name, making the film if it is not there yet."""
    kept = shelf / hashlib.sha256(repr(film).encode()).hexdigest()
    if not kept.exists():
        kept.mkdir()
        film.make(kept)
    return Path(shutil.copy(kept / film.name, folder / film.name))


def append_free_space(path: Path, size: int) -> None:
    """Make an mp4 larger by a box that means nothing."""
    with path.open("ab") as file:
        file.write((8 + size).to_bytes(4, "big") + b"free")
        file.truncate(file.tell() + size)
