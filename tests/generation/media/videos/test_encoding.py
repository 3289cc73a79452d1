"""Encoding again: a video over the limit comes to fit and keeps its shape."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generation.media.formats import MediaFailed
from generation.media.video_copies import encoded_size
from generation.media.videos import prepare
from tests.generation.media.videos.films import Film, copy_of
from tests.generation.media.videos.inspection import described, files, order_of_boxes

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
