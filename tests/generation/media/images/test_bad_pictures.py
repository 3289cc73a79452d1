"""Files that are no picture, broken ones, bombs, and what is too large or too small."""

from __future__ import annotations

import asyncio
import random
import struct
import zlib
from contextlib import aclosing
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin
from pillow_heif import from_pillow

from generation.media.formats import PictureFault
from generation.media.pictures import BadPicture, Picture, fit, measure
from generation.media.pool import MediaProcesses
from tests.generation.media.children import measured
from tests.generation.media.images.quarters import corners, fitted, quarters, save_kind

if TYPE_CHECKING:
    from pathlib import Path


async def refusal(media: MediaProcesses, source: Path) -> PictureFault:
    """Have both jobs refuse a picture, for the same reason."""
    with pytest.raises(BadPicture) as measured:
        await measure(media, source)
    with pytest.raises(BadPicture) as fitting:
        await fit(media, source, source.with_name("no.jpg"), width=64, height=64, pad=False)
    assert measured.value.reason == fitting.value.reason
    assert not source.with_name("no.jpg").exists()
    return fitting.value.reason


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff",
        b"GIF89a" + bytes(100),
        b"%PDF-1.7\n" + bytes(100),
        b'<svg xmlns="http://www.w3.org/2000/svg" width="99" height="99"/>',
        b"BM" + bytes(100),
        b"II*\0" + bytes(100),
        b"%!PS-Adobe-3.0 EPSF-3.0\n" + bytes(100),
        b"\0\0\0\x20ftypisom" + bytes(100),
        b"RIFF\0\0\0\0AVI " + bytes(100),
    ],
)
async def test_other_files_are_not_pictures_whatever_their_name(
    media: MediaProcesses, tmp_path: Path, content: bytes
) -> None:
    source = tmp_path / "picture.jpg"
    source.write_bytes(content)
    assert await refusal(media, source) == PictureFault.NOT_A_PICTURE


async def test_a_gif_of_pillows_own_is_refused(media: MediaProcesses, tmp_path: Path) -> None:
    source = tmp_path / "picture.png"
    quarters().save(source, "GIF")
    assert await refusal(media, source) == PictureFault.NOT_A_PICTURE


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "HEIF"])
@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9])
async def test_a_truncated_picture_is_broken(
    media: MediaProcesses, tmp_path: Path, kind: str, kept: float
) -> None:
    whole = tmp_path / "whole"
    noise = Image.frombytes("RGB", (200, 200), random.Random(1).randbytes(120_000))
    if kind == "HEIF":
        from_pillow(noise).save(whole)
    else:
        noise.save(whole, kind)
    source = tmp_path / "half"
    content = whole.read_bytes()
    source.write_bytes(content[: int(len(content) * kept)])
    with pytest.raises(BadPicture) as caught:
        await fit(media, source, tmp_path / "no.jpg", width=64, height=64, pad=False)
    assert caught.value.reason == PictureFault.BROKEN


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(seed=st.integers(0, 2**32), kind=st.sampled_from(["JPEG", "PNG", "WEBP", "HEIF"]))
def test_a_damaged_picture_is_taken_or_refused_and_never_harms(
    tmp_path: Path, seed: int, kind: str
) -> None:
    chance = random.Random(seed)
    source = tmp_path / "damaged"
    save_kind(source, kind)
    content = bytearray(source.read_bytes())
    for _ in range(chance.randint(1, 20)):
        content[chance.randrange(len(content))] = chance.randrange(256)
    source.write_bytes(content)

    async def outcome() -> object:
        async with aclosing(MediaProcesses()) as media:
            try:
                return (await fitted(media, source, 64, 48)).size
            except BadPicture as error:
                return error.reason

    assert asyncio.run(outcome()) in {(64, 48), *PictureFault}


def png_header(width: int, height: int, data: bytes = b"") -> bytes:
    """Build a PNG that claims a size."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        )

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    ends = chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + ends


@pytest.mark.parametrize("size", [(10_000, 5001), (200_000, 200_000), (2**31 - 1, 2**31 - 1)])
async def test_a_bomb_is_refused_by_its_header(
    media: MediaProcesses, tmp_path: Path, size: tuple[int, int]
) -> None:
    source = tmp_path / "bomb.png"
    source.write_bytes(png_header(*size, zlib.compress(bytes(10_000_000))))
    assert await refusal(media, source) == PictureFault.TOO_MANY_PIXELS


def webp(width: int, height: int) -> bytes:
    """Build the 46 bytes of an animated WebP that claims a size and holds nothing."""
    sides = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    canvas = b"VP8X\x0a\0\0\0\2\0\0\0" + sides
    return b"RIFF\x26\0\0\0WEBP" + canvas + b"ANIM\6\0\0\0" + bytes(8)


@pytest.mark.parametrize(
    "content",
    [
        png_header(30_000, 30_000, zlib.compress(bytes(30_000 * 30_000 // 8))),
        webp(16_383, 16_383),
        webp(10_000, 5_001),
    ],
    ids=["900 million pixels", "46 bytes", "just too many"],
)
def test_what_claims_too_many_pixels_takes_no_memory(tmp_path: Path, content: bytes) -> None:
    source = tmp_path / "bomb"
    source.write_bytes(content)
    answer, peak = measured("measure_picture", source=str(source))
    assert answer == {"refused": "too_many_pixels"}
    assert peak < 80_000, f"{peak} kB at its peak; Python with the decoders takes about 45 000"


async def test_a_bomb_in_a_text_chunk_is_refused(media: MediaProcesses, tmp_path: Path) -> None:
    source = tmp_path / "text.png"
    info = PngImagePlugin.PngInfo()
    for number in range(80):
        info.add_text(f"t{number}", "a" * 1_000_000, zip=True)
    quarters().save(source, pnginfo=info)
    assert await refusal(media, source) == PictureFault.BROKEN


async def test_fifty_million_pixels_are_taken(media: MediaProcesses, tmp_path: Path) -> None:
    source = tmp_path / "large.png"
    Image.new("RGBA", (10_000, 5000), (250, 10, 10, 255)).save(source, compress_level=1)
    result = await fitted(media, source, 1280, 720)
    assert result.size == (1280, 720)
    assert corners(result) == ["red"] * 4


async def test_bytes_are_counted_before_anything_else(
    media: MediaProcesses, tmp_path: Path
) -> None:
    source = tmp_path / "heavy.png"
    quarters().save(source)
    with source.open("ab") as file:
        file.truncate(20 * 1024**2)
    assert await measure(media, source) == Picture(160, 120, "PNG")
    with source.open("ab") as file:
        file.truncate(20 * 1024**2 + 1)
    assert await refusal(media, source) == PictureFault.TOO_MANY_BYTES


@pytest.mark.parametrize("size", [(15, 400), (400, 15), (1, 1)])
async def test_a_sliver_is_too_small(
    media: MediaProcesses, tmp_path: Path, size: tuple[int, int]
) -> None:
    source = tmp_path / "small.png"
    Image.new("RGB", size).save(source)
    assert await refusal(media, source) == PictureFault.TOO_SMALL
