"""Pictures taken from a video: its thumbnail, its first and its last frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PIL import Image

from generation.media.videos import first_frame, prepare
from tests.generation.media.videos.films import LIMIT, Film, append_free_space, copy_of
from tests.generation.media.videos.inspection import colour

if TYPE_CHECKING:
    from pathlib import Path

    from generation.media.pool import MediaProcesses


@pytest.mark.parametrize("limit", [LIMIT, 60_000])
async def test_a_turned_video_is_measured_and_drawn_as_it_is_seen(
    media: MediaProcesses, shelf: Path, tmp_path: Path, limit: int
) -> None:
    film = Film("turned.mov", turned=True, noise=False)
    source = copy_of(shelf, film, tmp_path)
    append_free_space(source, 100_000)
    result = await prepare(media, source, tmp_path, limit=limit)
    assert result.size <= limit
    assert (result.width, result.height) == (180, 320)
    assert result.thumbnail is not None
    await first_frame(media, result.path, tmp_path / "first.jpg")
    for picture in (result.thumbnail, tmp_path / "first.jpg"):
        with Image.open(picture) as image:
            assert image.size == (180, 320)
            assert colour(image, 0.75, 0.25) == "blue", "upper left, turned clockwise"
            assert colour(image, 0.25, 0.25) == "red"


@pytest.mark.parametrize("size", [(1920, 1080), (1080, 1920), (3000, 64)])
async def test_a_thumbnail_is_what_telegram_takes(
    media: MediaProcesses, shelf: Path, tmp_path: Path, size: tuple[int, int]
) -> None:
    film = Film(width=size[0], height=size[1], frames=3, noise=True)
    source = copy_of(shelf, film, tmp_path)
    result = await prepare(media, source, tmp_path, limit=LIMIT)
    assert result.thumbnail is not None
    assert result.thumbnail.stat().st_size < 200_000
    with Image.open(result.thumbnail) as image:
        assert image.format == "JPEG"
        assert max(image.size) == 320


async def test_a_thumbnail_is_not_black_where_the_film_only_begins_so(
    media: MediaProcesses, shelf: Path, tmp_path: Path
) -> None:
    source = copy_of(shelf, Film(dark=12), tmp_path)
    result = await prepare(media, source, tmp_path, limit=LIMIT)
    assert result.thumbnail is not None
    with Image.open(result.thumbnail) as image:
        assert colour(image, 0.9, 0.9) == "red"


async def test_a_thumbnail_that_fails_holds_no_video_up(
    media: MediaProcesses, shelf: Path, tmp_path: Path
) -> None:
    source = copy_of(shelf, Film(), tmp_path)
    (tmp_path / "film.thumbnail.jpg").symlink_to("/nowhere/at/all.jpg")
    result = await prepare(media, source, tmp_path, limit=LIMIT)
    assert result.path == source
    assert result.thumbnail is None


async def test_a_black_film_has_a_black_thumbnail(
    media: MediaProcesses, shelf: Path, tmp_path: Path
) -> None:
    source = copy_of(shelf, Film(dark=48), tmp_path)
    result = await prepare(media, source, tmp_path, limit=LIMIT)
    assert result.thumbnail is not None
    with Image.open(result.thumbnail) as image:
        assert colour(image, 0.5, 0.5) == "black"


async def test_the_first_and_the_last_frame(
    media: MediaProcesses, shelf: Path, tmp_path: Path
) -> None:
    source = copy_of(shelf, Film(dark=47), tmp_path)
    for last, expected in ((False, "black"), (True, "red")):
        await first_frame(media, source, tmp_path / "frame.jpg", last=last)
        with Image.open(tmp_path / "frame.jpg") as image:
            assert image.size == (320, 180)
            assert colour(image, 0.9, 0.9) == expected


async def test_a_film_of_one_frame_is_a_video(
    media: MediaProcesses, shelf: Path, tmp_path: Path
) -> None:
    source = copy_of(shelf, Film(frames=1), tmp_path)
    result = await prepare(media, source, tmp_path, limit=LIMIT)
    assert result.seconds > 0
    await first_frame(media, source, tmp_path / "last.jpg", last=True)
