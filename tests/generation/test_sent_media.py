"""What people send at its worst: it gets little time and memory, and no result waits for it."""

from __future__ import annotations

import asyncio
import io
import struct
import time
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from generation import images, videos
from generation.images import BadPicture, Fit, Reason
from generation.mediaerrors import MediaTimeout
from tests.generation.mediachildren import children, peak_kilobytes
from tests.generation.videos.films import Film

if TYPE_CHECKING:
    from pathlib import Path

    from generation.media import MediaProcesses

SECONDS = 1.5
"""What a job gets in these tests, instead of ten seconds."""


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    assert videos.FRAME_SECONDS <= 10
    assert images.TIMEOUT_SECONDS <= 10
    monkeypatch.setattr(videos, "FRAME_SECONDS", SECONDS)
    monkeypatch.setattr(images, "TIMEOUT_SECONDS", SECONDS)


def repeated(film: bytes, times: int) -> bytes:
    """Rewrite the sample tables of an mp4 of one frame, so that they name it many times."""
    boxes, position = b"", 0
    while position < len(film):
        size, name = struct.unpack_from(">I4s", film, position)
        body = film[position + 8 : position + size]
        position += size
        match name:
            case b"moov" | b"trak" | b"mdia" | b"minf" | b"stbl":
                body = repeated(body, times)
            case b"stts":
                body = struct.pack(">4I", 0, 1, times, 1)
            case b"stsz":
                (one,) = struct.unpack_from(">I", body, 4)
                body = struct.pack(">3I", 0, one, times)
            case b"stco":
                body = struct.pack(">2I", 0, times) + body[8:12] * times
            case b"edts":
                continue
        boxes += struct.pack(">I4s", 8 + len(body), name) + body
    return boxes


async def test_a_video_that_names_one_frame_endlessly_is_refused_while_results_go_on(
    media: MediaProcesses, tmp_path: Path
) -> None:
    film = Film(sound=None, width=3840, height=2160, frames=1, index_first=False).make(tmp_path)
    good = Film("result.mp4", frames=4).make(tmp_path)
    film.write_bytes(repeated(film.read_bytes(), 100_000))
    assert film.stat().st_size < 600_000
    await videos.probe(media, good)  # starts the process that results have
    began = time.monotonic()
    drawing = asyncio.create_task(videos.first_frame(media, film, tmp_path / "last.jpg", last=True))
    waiting = asyncio.create_task(
        videos.first_frame(media, film, tmp_path / "other.jpg", last=True)
    )
    await videos.prepare(media, good, tmp_path, limit=1_000_000)
    assert not drawing.done(), "the result stood behind it"
    for job in (drawing, waiting):
        with pytest.raises(MediaTimeout):
            await job
    assert time.monotonic() - began < 2 * (SECONDS + 1)


async def test_a_jpeg_of_endless_scans_is_refused(media: MediaProcesses, tmp_path: Path) -> None:
    file = io.BytesIO()
    Image.new("L", (7000, 7000), 120).save(file, "JPEG", progressive=True)
    whole = file.getvalue()
    scan = whole[whole.rindex(b"\xff\xda") : -2]
    source = tmp_path / "scans.jpg"
    source.write_bytes(whole[:-2] + scan * 10_000 + b"\xff\xd9")
    assert source.stat().st_size < 1_000_000
    await images.measure(media, source)  # the header is as good as any
    began = time.monotonic()
    with pytest.raises(BadPicture) as caught:
        await images.fit(media, source, tmp_path / "no.jpg", width=64, height=64, how=Fit.CROP)
    assert caught.value.reason == Reason.TOO_SLOW
    assert time.monotonic() - began < SECONDS + 1


def decode_last(source: Path) -> None:
    with Image.open(source) as image:
        image.seek(2)
        image.load()


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
async def test_only_the_first_frame_of_an_animated_picture_is_decoded(
    media: MediaProcesses, tmp_path: Path, kind: str
) -> None:
    source = tmp_path / "animated"
    frames = [Image.effect_noise((200, 200), 90).convert("RGB") for _ in range(3)]
    frames[0].save(source, kind, save_all=True, append_images=frames[1:], lossless=True)
    content = source.read_bytes()
    second = content.index(b"fdAT") if kind == "PNG" else content.rindex(b"ANMF")
    source.write_bytes(content[: second + 60] + b"\xff" * 2000 + content[second + 2060 :])
    with pytest.raises((OSError, EOFError, SyntaxError)):
        decode_last(source)
    await images.fit(media, source, tmp_path / "fit.jpg", width=64, height=64, how=Fit.CROP)


def webp(width: int, height: int) -> bytes:
    """Build the 46 bytes of an animated WebP that claims a size and holds nothing."""
    sides = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    canvas = b"VP8X" + struct.pack("<I", 10) + b"\x02\0\0\0" + sides
    return b"RIFF" + struct.pack("<I", 38) + b"WEBP" + canvas + b"ANIM" + struct.pack("<IQ", 6, 0)


@pytest.mark.parametrize("size", [(16_383, 16_383), (10_000, 5_001)])
async def test_a_webp_that_claims_a_size_takes_no_memory(
    media: MediaProcesses, tmp_path: Path, size: tuple[int, int]
) -> None:
    source = tmp_path / "tiny.webp"
    source.write_bytes(webp(*size)[:46])
    with pytest.raises(BadPicture) as caught:
        await images.measure(media, source)
    assert caught.value.reason == Reason.TOO_MANY_PIXELS
    (child,) = children()
    assert peak_kilobytes(child) < 80_000
