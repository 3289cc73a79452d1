"""Films: videos joined to one file, decoded again to its last frame."""

from __future__ import annotations

import itertools
import random
from array import array
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import av
import pytest
from av.audio.frame import AudioFrame
from av.video.frame import VideoFrame
from PIL import Image

from generation.media.videos import NotAVideo, Plan, join, plan, probe
from tests.generation.media.videos.films import Film, copy_of
from tests.generation.media.videos.inspection import packets

if TYPE_CHECKING:
    from pathlib import Path

    from generation.media.pool import MediaProcesses

RATE = 48_000
LIMIT = 50_000_000


@dataclass(frozen=True)
class Scene:
    """A clip that is white in the middle of each half second, while a tone is heard."""

    name: str
    seconds: float = 1.0
    rate: int = 24
    size: tuple[int, int] = (160, 90)
    video: str = "libx264"
    sound: str | None = "aac"
    sound_rate: int = RATE
    sound_seconds: float | None = None
    turned: bool = False
    noise: bool = False
    steady: bool = False
    """Whether the tone is heard all the time."""

    def make(self, folder: Path) -> Path:
        path = folder / self.name
        chance = random.Random(self.name)
        with av.open(str(path), "w") as output:
            video: Any = output.add_stream(self.video, rate=self.rate)
            video.width, video.height = self.size
            video.pix_fmt = "yuv420p"
            if self.turned:
                video.set_display_matrix([0, 65536, 0, -65536, 0, 0, 0, 0, 1 << 30])
            sound: Any = self.sound and output.add_stream(
                self.sound, rate=self.sound_rate, layout="stereo"
            )
            from_image: Any = VideoFrame.from_image
            for number in range(round(self.seconds * self.rate)):
                shade = 255 if flashes(number / self.rate) else 0
                image = Image.new("RGB", self.size, (shade,) * 3)
                if self.noise:
                    width, height = self.size
                    image = Image.frombytes("RGB", self.size, chance.randbytes(width * height * 3))
                output.mux(video.encode(from_image(image)))
            if sound:
                self._hear(sound, output)
            for stream in filter(None, (video, sound)):
                output.mux(stream.encode(None))
        return path

    def _hear(self, sound: Any, output: Any) -> None:
        count = round((self.sound_seconds or self.seconds) * self.sound_rate)
        for start in range(0, count, 1000):
            heard = array(
                "f",
                (
                    0.5 * (-1) ** (one // 24)
                    if self.steady or flashes(one / self.sound_rate)
                    else 0.0
                    for one in range(start, min(start + 1000, count))
                ),
            )
            frame = AudioFrame("fltp", "stereo", len(heard))
            for plane in frame.planes:
                plane.update(heard.tobytes().ljust(plane.buffer_size, b"\0"))
            frame.sample_rate, frame.pts = self.sound_rate, start
            frame.time_base = Fraction(1, self.sound_rate)
            output.mux(sound.encode(frame))


def flashes(moment: float) -> bool:
    return 0.125 <= moment % 0.5 < 0.375


@dataclass(frozen=True)
class Seen:
    """A film decoded: when each frame is shown and how light it is; what is heard, as samples."""

    frames: list[tuple[float, float]]
    heard: array[float]
    length: float

    def is_light(self, moment: float) -> bool:
        return max(one for one in self.frames if one[0] <= moment + 1e-6)[1] > 128

    def is_loud(self, moment: float) -> bool:
        place = round(moment * RATE)
        return max(map(abs, self.heard[place - 100 : place + 100]), default=0.0) > 0.1


def decoded(path: Path) -> Seen:
    """Decode a file, strictly, to its last frame."""
    frames, heard = [], array("f")
    with av.open(str(path)) as container:
        video: Any = container.streams.video[0]
        video.codec_context.options = {"err_detect": "explode"}
        for frame in container.decode(video):
            # luma is between 16 and 235
            luma = bytes(frame.planes[0])[frame.planes[0].line_size * (frame.height // 2) :]
            frames.append((float(frame.time), float(luma[frame.width // 2])))
        length = float(video.duration * video.time_base)
    with av.open(str(path)) as container:
        for sound in container.decode(audio=0):
            assert round(float(sound.time or 0) * RATE) == pytest.approx(len(heard), abs=1)
            heard.frombytes(bytes(sound.planes[0])[: sound.samples * 4])
    return Seen(frames, heard, length)


def in_step(seen: Seen, cuts: list[float]) -> None:
    """Check that in every scene light and tone come and go together, at the right moment."""
    for begins, ends in zip([0.0, *cuts], [*cuts, seen.length], strict=False):
        moment = begins + 0.05
        while moment < ends - 0.05:
            at = (moment - begins) % 0.5
            if min(abs(at - edge) for edge in (0.125, 0.375)) > 0.05:
                assert seen.is_light(moment) == flashes(moment - begins), moment
                assert seen.is_loud(moment) == flashes(moment - begins), moment
            moment += 0.02


ALIKE = [Scene("a.mp4"), Scene("b.mp4", seconds=1.5), Scene("c.mp4", seconds=2.0)]


async def test_scenes_of_the_same_parameters_are_copied_frame_by_frame(
    media: MediaProcesses, tmp_path: Path
) -> None:
    clips = [scene.make(tmp_path) for scene in ALIKE]
    film = await join(media, clips, tmp_path / "film.mp4", limit=LIMIT)
    whole = [packet[0] for clip in clips for packet in packets(clip)]
    assert [packet[0] for packet in packets(film.path)] == whole, "nothing was encoded again"
    seen = decoded(film.path)
    assert len(seen.frames) == 108
    assert film.seconds == seen.length == pytest.approx(4.5, abs=0.001)
    shown = [moment for moment, _ in seen.frames]
    assert shown == pytest.approx([number / 24 for number in range(108)], abs=0.0001)
    assert len(seen.heard) / RATE == pytest.approx(4.5, abs=1024 / RATE)
    in_step(seen, [1.0, 2.5])
    assert plan(await probe(media, film.path), LIMIT) is Plan.AS_IS
    assert film.thumbnail is not None


OTHERS = [
    ALIKE[0],
    Scene("size.mp4", size=(240, 136)),
    Scene("shape.mp4", size=(90, 160)),
    Scene("rate.mp4", rate=30),
    Scene("codecs.webm", video="libvpx-vp9", sound="libopus"),
    Scene("sound.mp4", sound_rate=24_000),
    Scene("turned.mp4", turned=True, size=(90, 160)),
    ALIKE[1],
]


async def test_scenes_of_other_parameters_are_brought_to_one(
    media: MediaProcesses, tmp_path: Path
) -> None:
    clips = [scene.make(tmp_path) for scene in OTHERS]
    film = await join(media, clips, tmp_path / "film.mp4", limit=LIMIT)
    seen = decoded(film.path)
    assert (film.width, film.height) == (240, 136), "the largest"
    assert len(seen.frames) == sum(round(scene.seconds * scene.rate) for scene in OTHERS)
    assert seen.length == pytest.approx(8.5, abs=len(OTHERS) / 30), "within a frame per cut"
    shown = [moment for moment, _ in seen.frames]
    gaps = [after - before for before, after in itertools.pairwise(shown)]
    assert min(gaps) > 0
    assert max(gaps) <= 1 / 24 + 0.002, "no frame stands longer at a cut than elsewhere"
    in_step(seen, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0])


async def test_a_scene_without_sound_is_silent_and_what_follows_stays_in_step(
    media: MediaProcesses, tmp_path: Path
) -> None:
    scenes = [ALIKE[0], Scene("mute.mp4", sound=None), Scene("short.mp4", sound_seconds=0.4),
              Scene("long.mp4", sound_seconds=1.7), ALIKE[1]]  # fmt: skip
    clips = [scene.make(tmp_path) for scene in scenes]
    film = await join(media, clips, tmp_path / "film.mp4", limit=LIMIT)
    seen = decoded(film.path)
    assert seen.length == pytest.approx(5.5, abs=0.001)
    assert max(map(abs, seen.heard[round(1.02 * RATE) : round(1.98 * RATE)])) < 0.01
    assert not any(seen.is_loud(2.45 + step / 100) for step in range(50))
    assert [seen.is_loud(3.25 + half) for half in (0.0, 0.5, 1.0, 1.5)] == [True] * 4
    last = Seen([(at - 4, light) for at, light in seen.frames if at >= 3.999],
                seen.heard[4 * RATE :], 1.5)  # fmt: skip
    in_step(last, [])


async def test_a_tone_goes_on_over_a_cut(media: MediaProcesses, tmp_path: Path) -> None:
    clips = [Scene(f"{n}.mp4", seconds=0.5, steady=True).make(tmp_path) for n in range(2)]
    film = await join(media, clips, tmp_path / "film.mp4", limit=LIMIT)
    heard = decoded(film.path).heard
    quiet = [
        place / RATE
        for place in range(RATE // 20, RATE * 19 // 20, 96)
        if max(map(abs, heard[place : place + 96])) < 0.1
    ]
    assert all(abs(moment - 0.5) < 0.006 for moment in quiet), "a few milliseconds, no gap"


async def test_what_is_over_the_limit_is_encoded_to_fit(
    media: MediaProcesses, tmp_path: Path
) -> None:
    clips = [Scene(f"{n}.mp4", seconds=0.5, noise=True).make(tmp_path) for n in range(2)]
    limit = sum(clip.stat().st_size for clip in clips) // 3
    film = await join(media, clips, tmp_path / "film.mp4", limit=limit)
    assert film.size <= limit
    assert len(decoded(film.path).frames) == 24


async def test_what_is_no_video_is_said_and_leaves_no_film(
    media: MediaProcesses, shelf: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"\0\0\0\x18ftypisom" + bytes(200))
    with pytest.raises(NotAVideo):
        await join(
            media, [copy_of(shelf, Film(), tmp_path), broken], tmp_path / "film.mp4", limit=LIMIT
        )
    assert not (tmp_path / "film.mp4").exists()
