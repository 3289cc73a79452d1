"""What the sandbox finds in files, and what it makes of photos."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from sandbox.telegram.media import photo_sizes, picture_size, probe_mp4
from tests.sandbox.telegram.clips import clip, picture

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("faststart", [True, False])
def test_it_sees_whether_the_index_stands_in_front(tmp_path: Path, *, faststart: bool) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(clip(faststart=faststart))
    probe = probe_mp4(path)

    assert probe is not None
    assert probe.moov_first is faststart
    assert probe.duration == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("sound", [True, False])
def test_it_sees_whether_there_is_a_sound_track(tmp_path: Path, *, sound: bool) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(clip(sound=sound))
    probe = probe_mp4(path)

    assert probe is not None
    assert probe.audio_codec == ("aac" if sound else None)


@pytest.mark.parametrize(
    "data",
    [b"", b"text", picture(), clip()[:100]],
    ids=["nothing", "text", "a picture", "the beginning of a clip"],
)
def test_what_is_no_mp4_has_no_probe(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(data)

    assert probe_mp4(path) is None


@pytest.mark.parametrize(
    ("size", "sides"),
    [
        ((60, 40), [(60, 40)]),
        ((320, 320), [(90, 90), (320, 320)]),
        ((900, 600), [(90, 60), (320, 213), (800, 533), (900, 600)]),
        ((1280, 720), [(90, 51), (320, 180), (800, 450), (1280, 720)]),
        ((4000, 3000), [(90, 68), (320, 240), (800, 600), (1280, 960)]),
    ],
)
def test_a_photo_comes_in_sizes_up_to_1280(
    size: tuple[int, int], sides: list[tuple[int, int]]
) -> None:
    sizes = photo_sizes(picture(*size))

    assert [(made.width, made.height) for made in sizes] == sides


def test_a_photo_is_upright_and_without_metadata() -> None:
    out = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (200, 100)).save(out, "JPEG", exif=exif)

    largest = photo_sizes(out.getvalue())[-1]

    assert (largest.width, largest.height) == (100, 200)
    with Image.open(io.BytesIO(largest.jpeg)) as image:
        assert not image.getexif()


def test_a_transparent_picture_becomes_a_jpeg() -> None:
    out = io.BytesIO()
    Image.new("RGBA", (50, 50), (0, 0, 0, 0)).save(out, "PNG")

    assert photo_sizes(out.getvalue())[0].jpeg.startswith(b"\xff\xd8")


def test_bytes_that_are_no_picture_are_told(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"no picture")

    with pytest.raises(ValueError, match="not a picture"):
        photo_sizes(b"no picture")
    with pytest.raises(ValueError, match="not a picture"):
        picture_size(path)
