"""A picture cut or padded to the shape of its video, and the shape that suits it."""

from __future__ import annotations

import asyncio
import base64
import io
from contextlib import aclosing
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from generation.media.pictures import Pictures, data_uri, nearest_aspect, share_lost
from generation.media.pool import MediaProcesses
from storage.ledger import Account
from tests.generation.media.images.quarters import ALL_FOUR, corners, fitted, quarters
from tests.generation.media.videos.inspection import files

if TYPE_CHECKING:
    from pathlib import Path


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    size=st.sampled_from(
        [(60, 1200), (1200, 60), (16, 16), (8000, 6000), (3024, 4032), (17, 4001)]
    ),
    target=st.sampled_from([(1280, 720), (720, 1280), (1920, 1080), (1080, 1080), (768, 1344)]),
    pad=st.booleans(),
    kind=st.sampled_from(["JPEG", "PNG"]),
)
def test_the_result_is_exactly_as_large_as_asked(
    tmp_path: Path, size: tuple[int, int], target: tuple[int, int], pad: bool, kind: str
) -> None:
    source = tmp_path / f"{size}.{kind}"
    if not source.exists():
        quarters(*size).save(source, kind, compress_level=1)

    async def result() -> tuple[int, int]:
        async with aclosing(MediaProcesses()) as media:
            return (await fitted(media, source, *target, pad=pad)).size

    assert asyncio.run(result()) == target


async def test_a_cut_height_keeps_more_of_the_top(media: MediaProcesses, tmp_path: Path) -> None:
    source = tmp_path / "tall.png"
    tall = Image.new("L", (100, 400))
    for row in range(400):
        tall.paste(row * 255 // 399, (0, row, 100, row + 1))
    tall.save(source)
    result = (await fitted(media, source, 100, 100)).convert("L")
    assert result.getpixel((50, 0)) == pytest.approx(100 * 255 / 399, abs=3), "100 of 300 above"
    assert result.getpixel((50, 99)) == pytest.approx(199 * 255 / 399, abs=3), "200 of 300 below"


async def test_a_cut_width_keeps_the_middle(media: MediaProcesses, tmp_path: Path) -> None:
    source = tmp_path / "wide.png"
    wide = Image.new("L", (400, 100))
    for column in range(400):
        wide.paste(column * 255 // 399, (column, 0, column + 1, 100))
    wide.save(source)
    result = (await fitted(media, source, 100, 100)).convert("L")
    assert result.getpixel((0, 50)) == pytest.approx(150 * 255 / 399, abs=3)
    assert result.getpixel((99, 50)) == pytest.approx(249 * 255 / 399, abs=3)


async def test_padding_shows_the_whole_picture_over_a_darker_one(
    media: MediaProcesses, tmp_path: Path
) -> None:
    source = tmp_path / "square.png"
    quarters(100, 100).save(source)
    result = await fitted(media, source, 300, 100, pad=True)
    assert corners(result.crop((100, 0, 200, 100))) == ALL_FOUR
    left, inner = result.getpixel((20, 20)), result.getpixel((120, 20))
    assert isinstance(left, tuple)
    assert isinstance(inner, tuple)
    assert left[0] < inner[0] * 0.75, "the background is dimmed"
    assert left[0] > left[2] * 2, "and it is the picture's own red"


@pytest.mark.parametrize(
    ("size", "choices", "expected"),
    [
        ((4000, 3000), ["16:9", "9:16"], "16:9"),
        ((3000, 4000), ["16:9", "9:16"], "9:16"),
        ((4000, 3000), ["16:9", "4:3", "1:1"], "4:3"),
        ((1000, 1000), ["16:9", "9:16"], "16:9"),
        ((1000, 1000), ["9:16", "16:9"], "9:16"),
        ((1000, 1001), ["16:9", "9:16"], "9:16"),
        ((2520, 1080), ["16:9", "21:9", "1:1"], "21:9"),
        ((100, 5000), ["1:1"], "1:1"),
        ((100, 5000), ["1:1", "9:16", "9:21"], "9:21"),
    ],
)
def test_the_nearest_shape(size: tuple[int, int], choices: list[str], expected: str) -> None:
    assert nearest_aspect(*size, choices) == expected


@given(width=st.integers(1, 9999), height=st.integers(1, 9999))
def test_shapes_are_judged_alike_lying_and_standing(width: int, height: int) -> None:
    lying = ["21:9", "16:9", "4:3", "1:1"]
    standing = ["9:21", "9:16", "3:4", "1:1"]
    found = str(nearest_aspect(width, height, lying))
    assert nearest_aspect(height, width, standing) == standing[lying.index(found)]


def test_a_picture_travels_as_text(tmp_path: Path) -> None:
    path = tmp_path / "fitted.jpg"
    quarters().save(path)
    head, _, body = data_uri(path).partition(",")
    assert head == "data:image/jpeg;base64"
    assert base64.b64decode(body, validate=True) == path.read_bytes()


@pytest.mark.parametrize(
    ("size", "shape", "lost"),
    [((1600, 900), (16, 9), 0.0), ((1200, 900), (16, 9), 0.25), ((900, 900), (9, 16), 7 / 16)],
)
def test_the_share_that_is_cut_away_is_told(
    size: tuple[int, int], shape: tuple[int, int], lost: float
) -> None:
    assert share_lost(size, shape) == pytest.approx(lost)


@pytest.mark.parametrize("turned", [False, True])
async def test_what_is_cut_away_is_dimmed_and_what_is_filmed_is_not(
    media: MediaProcesses, tmp_path: Path, *, turned: bool
) -> None:
    exif = Image.Exif()
    exif[0x112] = 6 if turned else 1

    async def send(file_id: str, target: Path) -> None:
        assert file_id == "a photo"
        size = (1000, 2000) if turned else (2000, 1000)
        Image.new("RGB", size, (200, 100, 50)).save(target, "JPEG", exif=exif)

    shown = await Pictures(media, send, tmp_path).cut("a photo", (1000, 1000), Account.person(1))
    with Image.open(io.BytesIO(shown)) as image:
        assert image.size == (1280, 640), "the whole picture, as it is seen"
        for across in (0.1, 0.2, 0.8, 0.9):
            assert sum(image.getpixel((round(1280 * across), 320))) < 150  # type: ignore[arg-type] # of three
        for across in (0.3, 0.5, 0.7):
            assert sum(image.getpixel((round(1280 * across), 320))) > 330  # type: ignore[arg-type] # of three
    assert files(tmp_path) == [], "what people sent is gone from the disk"
