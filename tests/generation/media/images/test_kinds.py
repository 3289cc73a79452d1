"""Every kind of picture people send shows what it showed, and carries nothing else along."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PIL import Image, ImageCms
from pillow_heif import from_pillow

from generation.media.pictures import Picture, fit, measure
from tests.generation.media.images.quarters import ALL_FOUR, corners, fitted, quarters, save_kind

if TYPE_CHECKING:
    from pathlib import Path

    from generation.media.pool import MediaProcesses


@pytest.mark.parametrize(
    ("kind", "format_", "expected"),
    [
        ("JPEG", "JPEG", ALL_FOUR),
        ("progressive", "JPEG", ALL_FOUR),
        ("CMYK", "JPEG", ALL_FOUR),
        ("PNG", "PNG", ALL_FOUR),
        ("palette", "PNG", ALL_FOUR),
        ("16 bit", "PNG", ["white"] * 4),
        ("animated PNG", "PNG", ALL_FOUR),
        ("WEBP", "WEBP", ALL_FOUR),
        ("animated WEBP", "WEBP", ALL_FOUR),
        ("HEIF", "HEIF", ALL_FOUR),
    ],
)
async def test_every_kind_of_picture_is_taken_by_its_bytes_not_its_name(
    media: MediaProcesses, tmp_path: Path, kind: str, format_: str, expected: list[str]
) -> None:
    source = tmp_path / "picture.pdf"
    save_kind(source, kind)
    assert await measure(media, source) == Picture(160, 120, format_)
    assert corners(await fitted(media, source, 80, 60)) == expected


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "L"])
async def test_transparency_becomes_white(media: MediaProcesses, tmp_path: Path, mode: str) -> None:
    source = tmp_path / "clear.png"
    clear = Image.new("RGBA", (100, 100), (250, 10, 10, 0))
    if mode == "L":
        Image.new("L", (100, 100), 7).save(source, transparency=7)
    elif mode == "P":
        Image.new("P", (100, 100), 0).save(source, transparency=0)
    else:
        clear.convert(mode).save(source)
    assert corners(await fitted(media, source, 50, 50)) == ["white"] * 4


@pytest.mark.parametrize("bits", [0, 32768, 65535])
async def test_16_bits_are_scaled_not_cut(media: MediaProcesses, tmp_path: Path, bits: int) -> None:
    source = tmp_path / "deep.png"
    Image.new("I;16", (64, 64), bits).save(source)
    result = (await fitted(media, source, 64, 64)).getpixel((32, 32))
    assert result == pytest.approx((bits / 257,) * 3, abs=2)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "HEIF"])
async def test_the_cameras_turn_is_undone(
    media: MediaProcesses, tmp_path: Path, orientation: int, kind: str
) -> None:
    turns = {
        2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM, 5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90, 7: Image.Transpose.TRANSVERSE, 8: Image.Transpose.ROTATE_270,
    }  # fmt: skip
    upright = quarters()
    stored = upright.transpose(turns[orientation]) if orientation in turns else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    source = tmp_path / "turned"
    if kind == "HEIF":
        from_pillow(stored).save(source, quality=95, exif=exif.tobytes())
    else:
        stored.save(source, kind, quality=95, exif=exif)
    assert await measure(media, source) == Picture(160, 120, kind)
    assert corners(await fitted(media, source, 160, 120)) == ALL_FOUR


async def test_colours_of_a_wide_profile_become_srgb(media: MediaProcesses, tmp_path: Path) -> None:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    for number, profile in enumerate((lab.tobytes(), srgb.tobytes(), b"nonsense")):
        source = tmp_path / f"{number}.png"
        quarters().save(source, icc_profile=profile)
        assert corners(await fitted(media, source, 80, 60)) == ALL_FOUR, (
            "a wrong profile is ignored"
        )


async def test_nothing_but_the_picture_is_passed_on(media: MediaProcesses, tmp_path: Path) -> None:
    source = tmp_path / "telling.jpg"
    exif = Image.Exif()
    exif[0x010E] = "secret description"
    exif[0x8825] = {1: "N", 2: (52.0, 31.0, 12.0)}
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    quarters().save(
        source, exif=exif, comment=b"secret comment", icc_profile=profile, dpi=(300, 300)
    )
    target = tmp_path / "plain.jpg"
    for pad in (False, True):
        await fit(media, source, target, width=64, height=64, pad=pad)
        with Image.open(target) as image:
            assert set(image.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
            assert dict(image.getexif()) == {}
        assert b"secret" not in target.read_bytes()
