"""What people send at its worst: it gets little time and memory, and no result waits for it."""

from __future__ import annotations

import asyncio
import io
import struct
import time
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from generation.media import pictures, videos
from generation.media.formats import MediaTimeout, PictureFault
from generation.media.pictures import BadPicture
from generation.media.pool import LIMITS
from tests.generation.media.videos.films import Film

if TYPE_CHECKING:
    from pathlib import Path

    from generation.media.pool import MediaProcesses

SECONDS = 1.5
"""What a job gets in these tests, instead of ten seconds."""


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    for job in ("measure_picture", "fit_picture", "draw_frame"):
        assert LIMITS[job].seconds == 10
        monkeypatch.setitem(LIMITS, job, LIMITS[job]._replace(seconds=SECONDS))


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
    await videos.probe(media, good)  # the decoders are loaded
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


@pytest.mark.parametrize("limits", [{}, {"seconds": 60.0, "processor": 1}])
async def test_a_jpeg_of_endless_scans_is_refused(
    media: MediaProcesses, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limits: Any
) -> None:
    monkeypatch.setitem(LIMITS, "fit_picture", LIMITS["fit_picture"]._replace(**limits))
    file = io.BytesIO()
    Image.new("L", (7000, 7000), 120).save(file, "JPEG", progressive=True)
    whole = file.getvalue()
    scan = whole[whole.rindex(b"\xff\xda") : -2]
    source = tmp_path / "scans.jpg"
    source.write_bytes(whole[:-2] + scan * 10_000 + b"\xff\xd9")
    assert source.stat().st_size < 1_000_000
    await pictures.measure(media, source)  # the header is as good as any
    with pytest.raises(BadPicture) as caught:
        await pictures.fit(media, source, tmp_path / "no.jpg", width=64, height=64, pad=False)
    assert caught.value.reason == PictureFault.TOO_SLOW


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
    await pictures.fit(media, source, tmp_path / "fit.jpg", width=64, height=64, pad=False)
