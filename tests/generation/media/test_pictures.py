"""Pictures of requests: fetched, fitted, and gone from the disk afterwards."""

from __future__ import annotations

import asyncio
import base64
import io
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from generation.media.formats import PictureDelayed, PictureGone
from generation.media.pictures import BadPicture, Pictures
from generation.models.offer import Offer
from tests.generation.models.known import mode_of
from tests.generation.steps import Album
from tests.storage.requests import ask

if TYPE_CHECKING:
    from pathlib import Path

    from generation.media.pool import MediaProcesses
    from storage.database import Database
    from storage.generations import Generation

OFFER = Offer.load()
SORA = mode_of("openai/sora-2-i2v", "i2v")
PRO = mode_of("openai/sora-2-pro-i2v", "i2v")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where pictures lie for a moment."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    return folder


@pytest.fixture
def album() -> Album:
    """One photo, twice as wide as high, red above and blue below."""
    album = Album()
    picture = Image.new("RGB", (800, 400), "red")
    picture.paste("blue", (0, 200, 800, 400))
    file = io.BytesIO()
    picture.save(file, "PNG")
    album.pictures["photo"] = file.getvalue()
    return album


async def asked(db: Database, **changes: Any) -> Generation:
    """A request for a moving picture."""
    values: dict[str, Any] = {"kind": "i2v", "picture": "photo", "aspect_ratio": None}
    return await ask(db, **(values | changes))


def is_empty(folder: Path) -> bool:
    """Whether nothing lies there."""
    return not any(folder.iterdir())


def opened(data_uri: str) -> Image.Image:
    """The picture in a data URI."""
    head, _, content = data_uri.partition(",")
    assert head == "data:image/jpeg;base64"
    return Image.open(io.BytesIO(base64.b64decode(content)))


@pytest.mark.parametrize(
    ("mode", "resolution", "shape", "size"),
    [
        (SORA, "720p", None, (1280, 720)),
        (SORA, "720p", "9:16", (720, 1280)),
        (PRO, "1080p", None, (1792, 1024)),
        (PRO, "1080p", "9:16", (1024, 1792)),
    ],
)
async def test_a_picture_is_made_to_the_models_frame(
    db: Database, media: MediaProcesses, album: Album, folder: Path,
    mode: Any, resolution: str, shape: str | None, size: tuple[int, int],
) -> None:  # fmt: skip
    generation = await asked(db, resolution=resolution, aspect_ratio=shape)
    fitted = await Pictures(media, album, folder).fetch_fitted(generation, mode)
    assert opened(fitted.data_uri).size == size
    assert fitted.aspect_ratio == (shape or "16:9")


@pytest.mark.parametrize(("fit", "keeps_edges"), [("pad", True), ("crop", False)])
async def test_a_picture_of_another_shape_is_cropped_or_kept_whole_as_wished(
    db: Database, media: MediaProcesses, album: Album, folder: Path, fit: str, *, keeps_edges: bool
) -> None:
    generation = await asked(db, fit=fit, aspect_ratio="9:16")
    fitted = await Pictures(media, album, folder).fetch_fitted(generation, SORA)
    top: Any = opened(fitted.data_uri).convert("RGB").getpixel((360, 10))
    is_red = top[0] > 200 and top[2] < 60
    assert is_red is not keeps_edges, "cropped, the photo fills the frame; padded, it does not"


async def test_nothing_stays_on_the_disk(
    db: Database, media: MediaProcesses, album: Album, folder: Path
) -> None:
    await Pictures(media, album, folder).fetch_fitted(await asked(db), SORA)
    assert is_empty(folder)


async def test_nothing_stays_on_the_disk_of_what_cannot_be_used(
    db: Database, media: MediaProcesses, album: Album, folder: Path
) -> None:
    album.pictures["photo"] = b"no picture at all"
    with pytest.raises(BadPicture, match="not_a_picture"):
        await Pictures(media, album, folder).fetch_fitted(await asked(db), SORA)
    assert is_empty(folder)


async def test_nothing_stays_on_the_disk_of_what_was_stopped(
    db: Database, media: MediaProcesses, folder: Path
) -> None:
    fetching = asyncio.Event()

    async def fetch(file_id: str, target: Path) -> None:
        target.write_bytes(f"half of {file_id}".encode())  # noqa: ASYNC240 - small
        fetching.set()
        await asyncio.Event().wait()

    generation = await asked(db)
    task = asyncio.create_task(Pictures(media, fetch, folder).fetch_fitted(generation, SORA))
    await asyncio.wait_for(fetching.wait(), 5)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert is_empty(folder)


async def test_a_picture_that_is_gone_or_late_says_so(
    db: Database, media: MediaProcesses, album: Album, folder: Path
) -> None:
    pictures = Pictures(media, album, folder)
    with pytest.raises(PictureGone):
        await pictures.fetch_fitted(await asked(db, cause="gone", picture="another"), SORA)
    with pytest.raises(PictureGone):
        await pictures.fetch_fitted(await asked(db, cause="dropped", picture=None), SORA)
    album.delayed = True
    with pytest.raises(PictureDelayed):
        await pictures.fetch_fitted(await asked(db, cause="late"), SORA)


async def test_a_sheet_shows_stills_side_by_side_and_leaves_a_place_for_what_cannot_be_had(
    media: MediaProcesses, album: Album, folder: Path
) -> None:
    still = io.BytesIO()
    Image.new("RGB", (320, 180), "red").save(still, "JPEG")
    album.pictures |= {"red": still.getvalue(), "broken": b"\xff\xd8\xff no more"}
    pictures = Pictures(media, album, folder)
    asked_for = ["red", None, "broken", "another", "photo", "red"], [4, 4, 8, 8, 4, 4]
    sheet = await pictures.sheet(*asked_for)
    with Image.open(io.BytesIO(sheet)) as shown:
        small = shown.convert("RGB").resize((3, 2), Image.Resampling.BOX)
    reds = [small.getpixel((place % 3, place // 3))[0] > 150 for place in range(6)]  # type: ignore[index]
    assert reds == [True, False, False, False, False, True]
    assert is_empty(folder)
    album.pictures.clear()
    assert await pictures.sheet(*asked_for) == sheet
    with Image.open(io.BytesIO(sheet)) as shown:
        wide, high = shown.width // 3, shown.height // 2
        tiles = [
            shown.crop((left * wide, top * high + 70, (left + 1) * wide, (top + 1) * high))
            for left, top in ((1, 0), (2, 0), (0, 1))
        ]
    assert [len(tile.convert("L").quantize(4).getcolors() or ()) > 1 for tile in tiles] == [
        True
    ] * 3
    assert tiles[0].tobytes() != tiles[1].tobytes(), "each tells how long it is"
