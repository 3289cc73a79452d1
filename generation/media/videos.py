"""Videos made ready for a chat: unchanged where they already play everywhere.

The work is done in a media process (`generation.media.video_jobs` and `video_copies`); what to
do is decided here, from facts. An mp4 with H.264, AAC and its index in front goes out byte for
byte. Other H.264 that iPhones and Androids show in a chat is repacked without loss, with a silent
sound track if it has none, because a chat shows an mp4 without sound as a GIF. Everything else, and
what is over the limit, is encoded again. What waits on the disk is removed once nobody comes for it
any more.
"""

from __future__ import annotations

import asyncio
import io
import logging
import shutil
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

from pydantic import BaseModel, ConfigDict, ValidationError

from generation.media.formats import (
    PICTURE_DECODERS,
    MediaError,
    MediaFailed,
    MediaRefused,
    MediaTimeout,
)
from storage import generations, videos
from storage.generations import State

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from generation.media.pool import MediaProcesses
    from storage.database import Database
    from storage.generations import Generation

WAITING = frozenset({State.READY, State.UNDELIVERABLE})
"""Only these still need their video; one on its way to `ready` is fetched again."""

logger = logging.getLogger(__name__)


_SHOWN_PIXELS: Final = frozenset({"yuv420p", "yuvj420p"})
_LONGEST_SHOWN: Final = 4096
"""Pixels of the longer side that a phone's decoder takes."""


class NotAVideo(Exception):
    """The file is no video: another thing, or not one frame of it can be decoded."""


@dataclass(frozen=True, slots=True)
class Deliverable:
    """A file as it goes to a chat: pixels as seen (turned, square), bytes, and a small JPEG."""

    path: Path
    kind: Literal["video", "document"]
    width: int
    height: int
    seconds: float
    thumbnail: Path | None
    size: int


@dataclass(slots=True, eq=False)
class Upload:
    """A place among the uploads; `is_gone` once the whole file was handed to the network.

    Nobody can have a file before: a request that breaks off is none.
    """

    is_gone: bool = False


class UploadedFile(io.BufferedReader):
    """A file on the disk that tells its upload when it was read to the end."""

    def __init__(self, path: Path, upload: Upload) -> None:
        super().__init__(io.FileIO(path))
        self._upload = upload

    def read(self, size: int | None = -1, /) -> bytes:
        """Read on; fewer bytes than were asked for are the last."""
        piece = super().read(size)
        if size is None or size < 0 or len(piece) < size:
            self._upload.is_gone = True
        return piece


class Facts(BaseModel):
    """What a media process found out about a video; `seconds` is 0 where the file does not say."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    container: Literal["mp4", "matroska"]
    brand: str
    index_first: bool
    video: str
    pixels: str
    sound: str | None
    width: int
    height: int
    seconds: float
    size: int


class Plan(Enum):
    """What has to happen to a video before it can be sent."""

    AS_IT_IS = auto()
    REMUX = auto()
    ENCODE = auto()
    DOCUMENT = auto()


def plan(facts: Facts, limit: int) -> Plan:
    """Decide what has to happen for a video to play everywhere within `limit` bytes."""
    if facts.video not in PICTURE_DECODERS:
        return Plan.DOCUMENT
    shown = (
        facts.video == "h264"
        and facts.pixels in _SHOWN_PIXELS
        and max(facts.width, facts.height) <= _LONGEST_SHOWN
    )
    if facts.size > limit or not shown:
        return Plan.ENCODE
    ready = (
        facts.container == "mp4"
        and facts.brand != "qt"
        and facts.index_first
        and facts.sound == "aac"
    )
    return Plan.AS_IT_IS if ready else Plan.REMUX


async def prepare(media: MediaProcesses, source: Path, folder: Path, *, limit: int) -> Deliverable:
    """Make a video ready to send within `limit` bytes; `source` itself is never changed.

    New files go to `folder`, named after `source`; a failed attempt leaves none. A video that shows
    a frame is not held up by a thumbnail that fails, nor by an encoding that takes too long.

    Raises:
        NotAVideo: There is nothing to show in it.
        MediaTimeout, MediaFailed: The work broke down; the video may be good.
    """
    drawn = folder / f"{source.stem}.thumbnail.jpg"
    facts, thumbnail = await _look_into(media, source, drawn)
    todo = plan(facts, limit)
    path = source
    if todo in {Plan.REMUX, Plan.ENCODE}:
        path = folder / f"{source.stem}.sendable.mp4"
    try:
        if todo is Plan.REMUX:
            await _run(media, "remux_video", source=source, target=path)
            facts = await probe(media, path)
        if todo is Plan.ENCODE or (todo is Plan.REMUX and facts.size > limit):
            try:
                await _run(media, "encode_video", source=source, target=path, limit=limit)
                facts = await probe(media, path)
            except MediaTimeout:
                if facts.size > limit:
                    raise
                todo, path = Plan.DOCUMENT, source
    except BaseException:
        drawn.unlink(missing_ok=True)
        if path != source:
            path.unlink(missing_ok=True)
        raise
    return Deliverable(
        path=path,
        kind="document" if todo is Plan.DOCUMENT else "video",
        width=facts.width,
        height=facts.height,
        seconds=facts.seconds,
        thumbnail=thumbnail,
        size=facts.size,
    )


class Downloaded(Protocol):
    """Where videos lie until they are delivered."""

    def path_of(self, generation: Generation) -> Path:
        """Return where a generation's video lies."""
        ...

    async def restore(self, generation: Generation) -> None:
        """Bring back a video that is gone from there."""
        ...


TRIES_AS_VIDEO: Final = 5
"""How often a video is tried to be made ready before it goes as it is: about half a minute."""


@dataclass(frozen=True, slots=True)
class UploadPreparation:
    """Brings videos on the disk into a form Telegram takes, and tidies up behind that.

    `limit` is how many bytes Telegram is believed to take.
    """

    downloads: Downloaded
    media: MediaProcesses
    limit: int

    async def prepare(self, generation: Generation, limit: int | None = None) -> Deliverable:
        """Return the file to send, at most `limit` bytes, fetched again where it is gone.

        What cannot be made ready however often goes as it is, as a document.

        Raises:
            FileGone: it can no longer be had.
            MediaError: it cannot be made ready now.
            NotAVideo: the file holds none.
        """
        source = self.downloads.path_of(generation)
        if not source.exists():
            await self.downloads.restore(generation)
        limit = limit or self.limit
        try:
            return await prepare(self.media, source, source.parent, limit=limit)
        except (MediaError, NotAVideo) as error:
            size = source.stat().st_size
            if generation.preparation_setbacks < TRIES_AS_VIDEO or size > limit:
                raise
            logger.warning("generation %d goes as a document: %s", generation.id, error)
            return Deliverable(source, "document", 0, 0, 0.0, None, size)

    def tidy(self, generation: Generation, *, keep_source: bool) -> None:
        """Remove what was made for sending, and the video itself once it arrived."""
        source = self.downloads.path_of(generation)
        for file in source.parent.glob(f"{source.stem}.*"):
            if file != source or not keep_source:
                file.unlink(missing_ok=True)


async def first_frame(
    media: MediaProcesses, source: Path, target: Path, *, last: bool = False
) -> None:
    """Write a video's first (or last) frame to `target` as a JPEG, turned as it is shown.

    Raises:
        NotAVideo: There is no frame in it.
        MediaTimeout, MediaFailed: The work broke down.
    """
    await _run(media, "draw_frame", source=source, target=target, last=last)


async def _look_into(
    media: MediaProcesses, source: Path, target: Path
) -> tuple[Facts, Path | None]:
    """Learn the facts of a file, and draw its thumbnail if it can be drawn; raises as `probe`."""
    try:
        return await probe(media, source, target), _if_drawn(target)
    except MediaError:
        # it may be the thumbnail's fault
        return await probe(media, source), None


def _if_drawn(thumbnail: Path) -> Path | None:
    """Return a thumbnail, and leave no empty one."""
    if thumbnail.exists() and thumbnail.stat().st_size:
        return thumbnail
    thumbnail.unlink(missing_ok=True)
    return None


async def probe(media: MediaProcesses, source: Path, target: Path | None = None) -> Facts:
    """Learn the facts of a file, and draw a thumbnail to `target`, which is empty without one.

    Raises:
        NotAVideo: It is none.
        MediaTimeout, MediaFailed: The work broke down.
    """
    answer = await _run(media, "probe_video", source=source, target=target)
    try:
        return Facts.model_validate(answer)
    except ValidationError as error:
        raise MediaFailed("probe_video: not a video's facts") from error


async def _run(media: MediaProcesses, job: str, **arguments: Any) -> dict[str, Any]:
    """Run a video job, and translate what the file is to blame for."""
    try:
        return await media.run(job, **arguments)
    except MediaRefused as error:
        raise NotAVideo(error.reason) from error


def video_in(folder: Path, generation: int) -> Path:
    """Return where the video of a generation lies."""
    return folder / f"{generation}.mp4"


async def clean_up(db: Database, *, videos: Path, pictures: Path) -> None:
    """Remove at a start what a killed process left: sent pictures, videos already delivered.

    Folders that miss are made.
    """
    async with db.reading() as connection:
        waiting = await generations.in_states(connection, WAITING)
    shutil.rmtree(pictures, ignore_errors=True)
    _clear(pictures)
    _clear(videos, {video_in(videos, one.id).name for one in waiting})


async def drop_outdated(db: Database, folder: Path, *, now: float) -> None:
    """Delete the videos that nobody came for in 30 days."""
    async with db.reading() as connection:
        numbers = await videos.expired(connection, now=now)
    files = [file for file in (video_in(folder, one) for one in numbers) if file.exists()]
    for file in files:
        await asyncio.to_thread(file.unlink, missing_ok=True)
    if files:
        logger.info("%d videos that nobody came for are gone", len(files))


def _clear(folder: Path, needed: Collection[str] = ()) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for file in folder.iterdir():
        # a folder is none of ours: a disk of its own has a lost+found
        if file.name not in needed and not file.is_dir():
            file.unlink()
