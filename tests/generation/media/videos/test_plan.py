"""Which way a video takes: as it is, repacked, encoded again, or as a document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from generation.media.videos import Facts, Plan, plan, prepare
from tests.generation.media.videos.films import LIMIT, Film, copy_of

if TYPE_CHECKING:
    from pathlib import Path

    from generation.media.pool import MediaProcesses


async def test_what_plays_everywhere_goes_out_byte_for_byte(
    media: MediaProcesses, shelf: Path, tmp_path: Path
) -> None:
    source = copy_of(shelf, Film(), tmp_path)
    before = source.read_bytes()
    result = await prepare(media, source, tmp_path, limit=LIMIT)
    assert result.path == source
    assert source.read_bytes() == before
    assert (result.kind, result.width, result.height) == ("video", 320, 180)
    assert result.seconds == pytest.approx(2, abs=0.05)
    assert result.size == len(before)


async def test_what_no_mp4_can_hold_goes_as_a_document(
    media: MediaProcesses, shelf: Path, tmp_path: Path
) -> None:
    source = copy_of(shelf, Film("old.webm", video="libvpx", sound="libopus"), tmp_path)
    result = await prepare(media, source, tmp_path, limit=LIMIT)
    assert (result.kind, result.path) == ("document", source)
    assert result.thumbnail is not None


FINE = Facts(
    container="mp4", brand="isom", index_first=True, video="h264", pixels="yuv420p", sound="aac",
    width=1280, height=720, seconds=4.0, size=1000,
)  # fmt: skip


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, Plan.AS_IT_IS),
        ({"size": 2000}, Plan.AS_IT_IS),
        ({"size": 2001}, Plan.ENCODE),
        ({"size": 2001, "video": "prores"}, Plan.ENCODE),
        ({"video": "prores"}, Plan.DOCUMENT),
        ({"video": "vp8", "container": "matroska"}, Plan.DOCUMENT),
        ({"video": "hevc"}, Plan.REMUX),
        ({"container": "matroska", "brand": ""}, Plan.REMUX),
        ({"brand": "qt"}, Plan.REMUX),
        ({"index_first": False}, Plan.REMUX),
        ({"sound": None}, Plan.REMUX),
        ({"sound": "mp3"}, Plan.REMUX),
        ({"pixels": "yuv420p10le"}, Plan.REMUX),
    ],
)
def test_the_plan_for_a_video(change: dict[str, Any], expected: Plan) -> None:
    assert plan(FINE.model_copy(update=change), 2000) == expected
