"""The files are real videos of the right length and size, and worth looking at."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import av
import pytest
from PIL import Image, ImageChops, ImageStat

from sandbox.aimlapi.clips import Clip, make
from sandbox.aimlapi.pictures import read_data_uri
from tests.sandbox.aimlapi.calls import data_uri

if TYPE_CHECKING:
    from pathlib import Path

PROMPT = "A lighthouse in a storm"


def clip(prompt: str = PROMPT, **changes: object) -> Clip:
    values = {"picture": None, "size": (1280, 720), "seconds": 4, "quick": True, **changes}
    return Clip(prompt, **values)  # type: ignore[arg-type]  # the tests' own keywords


def boxes(path: Path) -> list[str]:
    """The names of an mp4's outermost boxes, in order."""
    names = []
    with path.open("rb") as file:
        while head := file.read(8):
            names.append(head[4:].decode("latin-1"))
            file.seek(int.from_bytes(head[:4], "big") - 8, io.SEEK_CUR)
    return names


def frames(path: Path) -> list[Image.Image]:
    with av.open(str(path)) as file:
        return [frame.to_image() for frame in file.decode(video=0)]  # type: ignore[no-untyped-call]


def difference(one: Image.Image, other: Image.Image) -> float:
    """How far apart two pictures are on average, in levels of 255."""
    return float(sum(ImageStat.Stat(ImageChops.difference(one, other)).mean))


@pytest.mark.parametrize(
    ("size", "seconds"),
    [((1280, 720), 4), ((720, 1280), 8), ((1792, 1024), 12), ((1024, 1792), 4), ((960, 960), 5)],
)
def test_a_clip_plays_everywhere(tmp_path: Path, size: tuple[int, int], seconds: int) -> None:
    path = make(clip(size=size, seconds=seconds), tmp_path)
    with av.open(str(path)) as file:
        video, sound = file.streams.video[0], file.streams.audio[0]
        assert video.codec_context.name == "h264"
        assert video.codec_context.pix_fmt == "yuv420p"
        assert (video.width, video.height) == size
        assert sound.codec_context.name == "aac"
        assert (sound.rate, sound.codec_context.layout.name) == (44_100, "stereo")
        assert file.duration == seconds * 1_000_000
    assert boxes(path)[:2] == ["ftyp", "moov"]


def test_a_fine_clip_has_24_frames_a_second(tmp_path: Path) -> None:
    path = make(clip(size=(320, 180), seconds=1, quick=False), tmp_path)
    assert len(frames(path)) == 24


def test_the_moov_box_can_come_last(tmp_path: Path) -> None:
    names = boxes(make(clip(moov_first=False), tmp_path))
    assert names.index("moov") > names.index("mdat")


def test_a_clip_can_be_silent(tmp_path: Path) -> None:
    with av.open(str(make(clip(with_sound=False), tmp_path))) as file:
        assert not file.streams.audio
        assert file.duration == 4_000_000


def test_a_padded_clip_is_as_large_as_asked_and_plays(tmp_path: Path) -> None:
    path = make(clip(padding=45_000_000), tmp_path)
    assert path.stat().st_size == 45_000_000
    assert boxes(path)[-1] == "free"
    assert len(frames(path)) == 4


def test_the_sound_is_soft_comes_and_fades(tmp_path: Path) -> None:
    with av.open(str(make(clip(), tmp_path))) as file:
        sound = [
            max(abs(level) for level in memoryview(bytes(frame.planes[0])).cast("f"))
            for frame in file.decode(audio=0)
        ]
    middle = max(sound[len(sound) // 3 : len(sound) // 2])
    assert 0.05 < middle < 0.5
    assert max(sound[0], sound[-1]) < middle / 3


def test_the_scene_moves_and_shows_the_prompt(tmp_path: Path) -> None:
    with_words = frames(make(clip(), tmp_path))
    assert difference(with_words[1], with_words[-1]) > 1
    other = frames(make(clip(prompt="A lighthouse by day"), tmp_path))
    assert difference(with_words[2], other[2]) > 1


@pytest.mark.parametrize(
    "prompt",
    [
        "",
        " ",
        "🐳🌊",
        "Кит плывёт 🐳, медленно",
        "月の上の猫",
        "مرحبا",
        "a" * 400,
        "word " * 300,
        "\n\t",
    ],
)
def test_any_prompt_can_be_set(tmp_path: Path, prompt: str) -> None:
    assert frames(make(clip(prompt=prompt, size=(320, 180), seconds=1), tmp_path))


def test_a_photo_stays_itself_while_the_camera_moves_in(tmp_path: Path) -> None:
    photo = read_data_uri(data_uri(1280, 720))
    first, *_, last = frames(make(clip(picture=photo), tmp_path))
    assert difference(first, photo.open()) < 12
    assert difference(first, last) > 2


def test_a_clip_is_made_once(tmp_path: Path) -> None:
    path = make(clip(), tmp_path)
    made = path.stat().st_mtime_ns
    assert make(clip(), tmp_path) == path
    assert path.stat().st_mtime_ns == made
    assert [one.name for one in tmp_path.iterdir()] == [path.name]
    assert make(clip(seconds=8), tmp_path) != path
