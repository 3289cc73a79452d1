"""Encoding again: a video comes to fit, to play on every phone, and keeps its shape."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from generation.media.formats import MediaFailed
from generation.media.video_copies import encoded_size
from generation.media.videos import Plan, plan, prepare, probe
from tests.generation.media.videos.films import LIMIT, Film, copy_of
from tests.generation.media.videos.inspection import colour, described, files, order_of_boxes

if TYPE_CHECKING:
    from pathlib import Path

    from generation.media.pool import MediaProcesses


@pytest.mark.parametrize("limit", [150_000, 400_000, 1_000_000])
async def test_what_is_over_the_limit_is_encoded_to_fit(
    media: MediaProcesses, shelf: Path, tmp_path: Path, limit: int
) -> None:
    source = copy_of(shelf, Film(width=640, height=360, noise=True), tmp_path)
    assert source.stat().st_size > limit
    result = await prepare(media, source, tmp_path, limit=limit)
    assert result.kind == "video"
    assert result.size == result.path.stat().st_size <= limit
    assert described(result.path)[:2] == ("h264", "aac")
    assert result.seconds == pytest.approx(2, abs=0.1)
    assert result.width / result.height == pytest.approx(16 / 9, rel=0.02)
    boxes = order_of_boxes(result.path)
    assert boxes.index("moov") < boxes.index("mdat")


@pytest.mark.parametrize(
    "film",
    [
        Film("hevc.mp4", video="libx265"),
        Film("hevc10.mp4", video="libx265", pixels="yuv420p10le", frames=12),
        Film("vp9.webm", video="libvpx-vp9", sound="libopus"),
        Film("vp9odd.webm", video="libvpx-vp9", sound=None, width=321, height=181, frames=12),
        Film("vp8.webm", video="libvpx", sound="libopus", frames=12),
        Film("av1.webm", video="libsvtav1", sound="libopus"),
        Film("av1.mp4", video="libsvtav1", frames=12),
        Film("prores.mov", video="prores_ks", sound="pcm_s16le", pixels="yuv422p10le", frames=12),
        Film("mpeg4.mp4", video="mpeg4", sound="ac3", frames=12),
        Film("deep.mp4", pixels="yuv420p10le", frames=12),
        Film("full.mp4", pixels="yuv444p", frames=12),
        Film("fullodd.mp4", pixels="yuv444p", width=321, height=181, frames=12),
        Film("turned.mov", video="libx265", turned=True, frames=12),
    ],
    ids=lambda film: film.name,
)
async def test_what_phones_do_not_show_is_encoded_to_what_they_do(
    media: MediaProcesses, shelf: Path, tmp_path: Path, film: Film
) -> None:
    source = copy_of(shelf, film, tmp_path)
    before = source.read_bytes()
    result = await prepare(media, source, tmp_path, limit=LIMIT)
    assert source.read_bytes() == before, "the provider's own file stays as it is"
    facts = await probe(media, result.path)
    assert plan(facts, LIMIT) is Plan.AS_IS, facts
    width, height = film.width // 2 * 2, film.height // 2 * 2
    assert (result.width, result.height) in {(width, height), (height, width)}
    assert (result.height > result.width) == film.turned
    assert result.seconds == pytest.approx(film.frames / 24, abs=0.1)
    assert result.thumbnail is not None
    with Image.open(result.thumbnail) as image:
        assert colour(image, *((0.75, 0.25) if film.turned else (0.25, 0.25))) == "blue"
        assert colour(image, 0.75, 0.75) == "red"


async def test_an_impossible_limit_fails_and_leaves_no_half_file(
    media: MediaProcesses, shelf: Path, tmp_path: Path
) -> None:
    source = copy_of(shelf, Film(), tmp_path)
    with pytest.raises(MediaFailed):
        await prepare(media, source, tmp_path, limit=2000)
    assert files(tmp_path) == [source]


@given(
    width=st.integers(2, 8192),
    height=st.integers(2, 8192),
    rate=st.floats(1, 120),
    bits=st.floats(1000, 1e8),
)
def test_an_encoded_picture_keeps_its_shape_and_never_grows(
    width: int, height: int, rate: float, bits: float
) -> None:
    size = encoded_size(width, height, rate, bits)
    assert size[0] % 2 == size[1] % 2 == 0
    assert size[0] <= width + 1
    assert size[1] <= height + 1
    scale = max(size) / max(width, height)
    assert size == pytest.approx((width * scale, height * scale), abs=2)
