"""Which way a video takes: as it is, repacked, encoded again, or as a document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from generation.media.formats import MediaTimeout
from generation.media.pool import LIMITS
from generation.media.videos import Facts, NotAVideo, Plan, first_frame, plan, prepare
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


@pytest.mark.parametrize(
    "film",
    [Film("old.mkv", video="ffv1"), Film("old.mp4", video="mpeg2video")],
    ids=lambda film: film.video,
)
async def test_what_nobody_sends_is_never_decoded_and_goes_as_a_document(
    media: MediaProcesses, shelf: Path, tmp_path: Path, film: Film
) -> None:
    source = copy_of(shelf, film, tmp_path)
    result = await prepare(media, source, tmp_path, limit=LIMIT)
    assert (result.kind, result.path, result.thumbnail) == ("document", source, None)
    assert (result.width, result.height) == (film.width, film.height)
    with pytest.raises(NotAVideo, match="unusual_codec"):
        await first_frame(media, source, tmp_path / "no.jpg")


async def test_what_takes_too_long_to_encode_goes_as_a_document(
    media: MediaProcesses, shelf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(LIMITS, "encode_video", LIMITS["encode_video"]._replace(seconds=0.0))
    source = copy_of(shelf, Film("vp8.webm", video="libvpx", sound="libopus"), tmp_path)
    result = await prepare(media, source, tmp_path, limit=LIMIT)
    assert (result.kind, result.path) == ("document", source)
    assert result.thumbnail is not None
    with pytest.raises(MediaTimeout):
        await prepare(media, source, tmp_path, limit=2000)
    assert source.exists()


FINE = Facts(
    container="mp4", brand="isom", index_first=True, video="h264", pixels="yuv420p", sound="aac",
    width=1280, height=720, seconds=4.0, size=1000,
)  # fmt: skip


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, Plan.AS_IS),
        ({"size": 2000}, Plan.AS_IS),
        ({"size": 2001}, Plan.ENCODE),
        ({"size": 2001, "video": "prores"}, Plan.ENCODE),
        ({"video": "prores"}, Plan.ENCODE),
        ({"video": "vp8", "container": "matroska"}, Plan.ENCODE),
        ({"video": "ffv1", "container": "matroska"}, Plan.DOCUMENT),
        ({"video": "ffv1", "size": 2001}, Plan.DOCUMENT),
        ({"video": "hevc"}, Plan.ENCODE),
        ({"width": 7680, "height": 4320}, Plan.ENCODE),
        ({"width": 2160, "height": 3840}, Plan.AS_IS),
        ({"container": "matroska", "brand": ""}, Plan.REMUX),
        ({"brand": "qt"}, Plan.REMUX),
        ({"index_first": False}, Plan.REMUX),
        ({"sound": None}, Plan.REMUX),
        ({"sound": "mp3"}, Plan.REMUX),
        ({"sound": "opus"}, Plan.REMUX),
        ({"pixels": "yuv420p10le"}, Plan.ENCODE),
    ],
)
def test_the_plan_for_a_video(change: dict[str, Any], expected: Plan) -> None:
    assert plan(FINE.model_copy(update=change), 2000) == expected
