"""Repacking: pictures and sound stay what they are, within an mp4 that streams."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import av
import pytest

from generation.media.videos import prepare
from tests.generation.media.children import measured
from tests.generation.media.videos.films import LIMIT, Film, copy_of
from tests.generation.media.videos.inspection import described, order_of_boxes, packets

if TYPE_CHECKING:
    from pathlib import Path

    from generation.media.pool import MediaProcesses


@pytest.mark.parametrize(
    "film",
    [
        Film("late.mp4", index_first=False),
        Film("silent.mp4", sound=None),
        Film("quicktime.mov"),
        Film("turned.mov", turned=True),
        Film("pcm.mov", sound="pcm_s16le"),
        Film("matroska.mkv", sound="libmp3lame"),
        Film("opus.mkv", sound="libopus"),
    ],
    ids=lambda film: film.name,
)
async def test_what_phones_show_is_repacked_packet_for_packet(
    media: MediaProcesses, shelf: Path, tmp_path: Path, film: Film
) -> None:
    source = copy_of(shelf, film, tmp_path)
    before = source.read_bytes()
    result = await prepare(media, source, tmp_path, limit=LIMIT)
    assert result.path != source
    assert source.read_bytes() == before, "the provider's own file stays as it is"
    assert result.path.suffix == ".mp4"
    assert result.kind == "video"
    coarse = film.name.endswith(("mkv", "webm"))  # Matroska counts in milliseconds
    for old, new in zip(packets(source), packets(result.path), strict=True):
        assert new[0] == old[0]
        assert new[2] == old[2]
        assert float(new[1]) == pytest.approx(float(old[1]), abs=0.002 if coarse else 1e-9)  # type: ignore[arg-type] # moments
    boxes = order_of_boxes(result.path)
    assert boxes.index("moov") < boxes.index("mdat")
    _, _, length = described(result.path)
    assert length == pytest.approx(2, abs=0.1)
    assert result.size == result.path.stat().st_size


@pytest.mark.parametrize(
    ("film", "sound"),
    [
        (Film("late.mp4", index_first=False), "aac"),
        (Film("matroska.mkv", sound="libmp3lame"), "mp3"),
    ],
    ids=lambda value: value.name if isinstance(value, Film) else value,
)
async def test_sound_is_kept_as_it_is(
    media: MediaProcesses, shelf: Path, tmp_path: Path, film: Film, sound: str
) -> None:
    source = copy_of(shelf, film, tmp_path)
    result = await prepare(media, source, tmp_path, limit=LIMIT)
    assert [packet[0] for packet in packets(result.path, "audio")] == [
        packet[0] for packet in packets(source, "audio")
    ]
    assert described(result.path)[1] == sound


@pytest.mark.parametrize(
    "film",
    [
        Film("silent.mp4", sound=None),
        Film("pcm.mov", sound="pcm_s16le"),
        Film("opus.mp4", sound="libopus"),
        Film("ac3.mp4", sound="ac3"),
        Film("exotic.mkv", sound="mp2"),
    ],
    ids=lambda film: film.name,
)
async def test_sound_that_phones_do_not_play_or_none_becomes_aac_of_the_same_length(
    media: MediaProcesses, shelf: Path, tmp_path: Path, film: Film
) -> None:
    source = copy_of(shelf, film, tmp_path)
    result = await prepare(media, source, tmp_path, limit=LIMIT)
    assert described(result.path)[1] == "aac"
    with av.open(str(result.path)) as container:
        sound = container.streams.audio[0]
        assert float((sound.duration or 0) * (sound.time_base or 0)) == pytest.approx(2, abs=0.1)


async def test_the_silent_track_is_silent(
    media: MediaProcesses, shelf: Path, tmp_path: Path
) -> None:
    source = copy_of(shelf, Film("silent.mp4", sound=None), tmp_path)
    result = await prepare(media, source, tmp_path, limit=LIMIT)
    with av.open(str(result.path)) as container:
        for frame in container.decode(audio=0):
            assert not any(bytes(frame.planes[0]))


@pytest.mark.slow
def test_a_large_file_is_never_held_in_memory(shelf: Path, tmp_path: Path) -> None:
    film = Film("late.mp4", width=1280, height=720, frames=4, noise=True, index_first=False)
    small = copy_of(shelf, film, tmp_path)
    large = copy_of(shelf, replace(film, frames=16), tmp_path)
    size = large.stat().st_size
    assert size > 20_000_000
    _, before = measured("remux_video", source=str(small), target=f"{tmp_path}/small.mp4")
    answer, after = measured("remux_video", source=str(large), target=f"{tmp_path}/large.mp4")
    assert answer == {"result": {}}
    grown = after - before
    assert grown < size / 1000 / 4, f"{grown} kB more, for a file of {size} bytes"
