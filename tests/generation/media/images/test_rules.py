"""Pictures of every size made to fit each rule of the offer, byte for byte."""

from __future__ import annotations

import itertools
import random
from functools import cache
from io import BytesIO
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from generation.media import pictures
from generation.models.offer import ANY, Offer
from sandbox.aimlapi import schemas
from sandbox.aimlapi.pictures import read_data_uri

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from generation.media.pool import MediaProcesses
    from generation.models.offer import Frame, Mode, PictureRule

MODES = [family.i2v for family in Offer.load() if family.i2v is not None]
RULES = list(dict.fromkeys(mode.picture for mode in MODES if mode.picture is not None))
EXACT = list(
    dict.fromkeys(
        frame for mode in MODES for shapes in mode.frames.values() for frame in shapes.values()
    )
)


ALIKE: dict[str, list[Mode]] = {}
"""The models that ask the same of a picture."""
for one in MODES:
    ALIKE.setdefault(str(one.picture or one.frames), []).append(one)
SCHEMAS = schemas.models()


def plain(width: int, height: int) -> Image.Image:
    return Image.new("RGB", (width, height), "teal")


def noise(width: int, height: int) -> Image.Image:
    """Return what compresses worst."""
    return Image.frombytes("RGB", (width, height), random.Random(6).randbytes(3 * width * height))


@cache
def jpeg(draw: Callable[[int, int], Image.Image], width: int, height: int) -> bytes:
    """Return what is sent, drawn once: 48 million pixels take a quarter of a second."""
    content = BytesIO()
    draw(width, height).save(content, "JPEG", quality=95)
    return content.getvalue()


SENT = [
    pytest.param(plain, 60, 1200, id="60x1200"),
    pytest.param(plain, 1200, 60, id="1200x60"),
    pytest.param(plain, 320, 320, id="320x320"),
    pytest.param(plain, 640, 480, id="640x480"),
    pytest.param(plain, 8000, 6000, id="8000x6000"),
    pytest.param(noise, 2300, 2300, id="noise"),
]


@pytest.mark.parametrize(("draw", "width", "height"), SENT)
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.shortest}-{rule.longest}")
async def test_a_picture_is_made_to_fit_the_rule(
    media: MediaProcesses,
    tmp_path: Path,
    rule: PictureRule,
    draw: Callable[[int, int], Image.Image],
    width: int,
    height: int,
) -> None:
    sent, fitted = tmp_path / "sent.jpg", tmp_path / "fitted.jpg"
    sent.write_bytes(jpeg(draw, width, height))
    measured = await pictures.measure(media, sent)
    frame = rule.frame((measured.width, measured.height), None)
    await pictures.fit(media, sent, fitted, width=frame.width, height=frame.height, pad=False)
    with Image.open(fitted) as image:
        assert image.size == frame
        assert rule.shortest <= min(image.size) <= max(image.size) <= rule.longest
        assert 0.4 < image.width / image.height < 2.5
    assert fitted.stat().st_size <= rule.most_bytes


@pytest.mark.parametrize("pad", [False, True])
@pytest.mark.parametrize("frame", EXACT, ids=str)
@pytest.mark.parametrize("size", [(60, 1200), (8000, 6000)], ids=str)
async def test_a_picture_is_made_exactly_as_large_as_is_asked(
    media: MediaProcesses,
    tmp_path: Path,
    size: tuple[int, int],
    frame: tuple[int, int],
    pad: bool,
) -> None:
    sent, fitted = tmp_path / "sent.jpg", tmp_path / "fitted.jpg"
    sent.write_bytes(jpeg(plain, *size))
    await pictures.fit(media, sent, fitted, width=frame[0], height=frame[1], pad=pad)
    with Image.open(fitted) as image:
        assert image.size == frame


@pytest.mark.parametrize("size", [(60, 1200), (1200, 60), (8000, 6000), (640, 480)], ids=str)
@pytest.mark.parametrize("modes", ALIKE.values(), ids=lambda modes: modes[0].model)
async def test_every_model_takes_every_picture_once_it_is_fitted(
    media: MediaProcesses, tmp_path: Path, modes: list[Mode], size: tuple[int, int]
) -> None:
    sent = tmp_path / "sent.jpg"
    fitted: dict[Frame, Path] = {}
    sent.write_bytes(jpeg(plain, *size))
    for mode in modes:
        videos = itertools.product(mode.aspect_ratios or (None,), mode.resolutions or (None,))
        for shape, resolution in videos:
            frame = mode.frame(resolution, shape, size)
            if frame not in fitted:
                fitted[frame] = tmp_path / f"{frame.width}x{frame.height}.jpg"
                await pictures.fit(media, sent, fitted[frame], **frame._asdict(), pad=False)
            picture = pictures.data_uri(fitted[frame])
            seconds = next(one for one in mode.seconds if mode.offers(one, resolution))
            body = mode.body(
                "waves", seconds=seconds, aspect_ratio=shape, resolution=resolution, image=picture
            )
            assert SCHEMAS[mode.model].problems(body) == []
            read = read_data_uri(picture)
            assert (read.width, read.height) == frame
            if mode.picture is not None:
                assert mode.picture.shortest <= min(frame) <= max(frame) <= mode.picture.longest
                assert len(read.content) <= mode.picture.most_bytes
            else:
                assert frame == mode.frames[resolution or ANY][shape or ANY]
