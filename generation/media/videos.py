"""Preparation of videos for a chat: unchanged if they already play everywhere.

The work is done in a media process (`generation.media.video_jobs` and `video_copies`); what to
do is decided here, from a probe. An mp4 with H.264, AAC and its index in front is sent byte for
byte. Other H.264 that iPhones and Androids show in a chat is remuxed without loss, with a silent
sound track if it has none, because a chat shows an mp4 without sound as a GIF. Everything else, and
what is over the limit, is encoded again. Videos that nobody fetches expire.

The scenes of a film are downloaded again and joined. These jobs have a queue of their own
(`generation.media.film_jobs`), so that videos do not wait for films.
"""

from __future__ import annotations

import asyncio
import io
import logging
import shutil
import tempfile
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

from pydantic import BaseModel, ConfigDict, ValidationError

from generation.media.formats import (
    PICTURE_DECODERS,
    MediaError,
    MediaFailed,
    MediaRefused,
    MediaTimeout,
    PictureGone,
)
from storage import generations, videos
from storage.generations import State

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Sequence

    from generation.media.formats import FetchFile
    from generation.media.pool import MediaProcesses
    from storage.database import Database
    from storage.generations import Generation

WAITING = frozenset({State.READY, State.UNDELIVERABLE})
"""States in which the file is still needed; before `ready`, it is downloaded again."""

logger = logging.getLogger(__name__)


_PLAYABLE_PIXEL_FORMATS: Final = frozenset({"yuv420p", "yuvj420p"})
_MAX_PLAYABLE_SIDE: Final = 4096
"""Pixels of the longer side that phones can decode."""


class NotAVideo(Exception):
    """The file is no video, or not one frame of it can be decoded."""


@dataclass(frozen=True, slots=True)
class Deliverable:
    """A file ready to send: its size as displayed (rotated, square pixels), and a thumbnail."""

    path: Path
    kind: Literal["video", "document"]
    width: int
    height: int
    seconds: float
    thumbnail: Path | None
    size: int


@dataclass(slots=True, eq=False)
class Upload:
    """The state of an upload; `is_gone` once the whole file was handed to the network.

    Before that, Telegram cannot have the file: it ignores a request that breaks off.
    """

    is_gone: bool = False


class UploadedFile(io.BufferedReader):
    """A file that marks its upload as gone once it was read to the end."""

    def __init__(self, path: Path, upload: Upload) -> None:
        super().__init__(io.FileIO(path))
        self._upload = upload

    def read(self, size: int | None = -1, /) -> bytes:
        """Read; fewer bytes than requested mean the end of the file."""
        piece = super().read(size)
        if size is None or size < 0 or len(piece) < size:
            self._upload.is_gone = True
        return piece


class Facts(BaseModel):
    """The result of probing a video; `seconds` is 0 if the file does not tell."""

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
    """How a video is prepared for sending."""

    AS_IS = auto()
    REMUX = auto()
    ENCODE = auto()
    DOCUMENT = auto()


def plan(facts: Facts, limit: int) -> Plan:
    """Decide how to make a video play everywhere within `limit` bytes."""
    if facts.video not in PICTURE_DECODERS:
        return Plan.DOCUMENT
    shown = (
        facts.video == "h264"
        and facts.pixels in _PLAYABLE_PIXEL_FORMATS
        and max(facts.width, facts.height) <= _MAX_PLAYABLE_SIDE
    )
    if facts.size > limit or not shown:
        return Plan.ENCODE
    ready = (
        facts.container == "mp4"
        and facts.brand != "qt"
        and facts.index_first
        and facts.sound == "aac"
    )
    return Plan.AS_IS if ready else Plan.REMUX


async def prepare(media: MediaProcesses, source: Path, folder: Path, *, limit: int) -> Deliverable:
    """Make a video ready to send within `limit` bytes; `source` itself is never changed.

    New files go to `folder`, named after `source`; a failed attempt leaves none. If the thumbnail
    fails, the video is sent without; if encoding takes too long, as a document. Raises as `probe`.
    """
    drawn = folder / f"{source.stem}.thumbnail.jpg"
    facts, thumbnail = await _probe_with_thumbnail(media, source, drawn)
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


class VideoStore(Protocol):
    """The videos on the disk until they are delivered."""

    def path_of(self, generation: Generation) -> Path:
        """Return the path of a generation's video."""

    async def restore(self, generation: Generation) -> None:
        """Download a video again whose file is gone."""


MAX_TRIES_AS_VIDEO: Final = 5
"""Attempts to prepare a video, about half a minute, before it is sent unchanged."""


@dataclass(frozen=True, slots=True)
class UploadPreparation:
    """Prepares videos for sending, with at most `limit` bytes, and removes files afterwards."""

    downloads: VideoStore
    media: MediaProcesses
    limit: int

    async def prepare(self, generation: Generation, limit: int | None = None) -> Deliverable:
        """Return the file to send, at most `limit` bytes, downloaded again if it is gone.

        After `MAX_TRIES_AS_VIDEO` failures, it is the unchanged file, sent as a document. Raises
        FileGone, NotAVideo, MediaError.
        """
        source = self.downloads.path_of(generation)
        if not source.exists():
            await self.downloads.restore(generation)
        limit = limit or self.limit
        try:
            return await prepare(self.media, source, source.parent, limit=limit)
        except (MediaError, NotAVideo) as error:
            size = source.stat().st_size
            if generation.preparation_setbacks < MAX_TRIES_AS_VIDEO or size > limit:
                raise
            logger.warning("generation %d goes as a document: %s", generation.id, error)
            return Deliverable(source, "document", 0, 0, 0.0, None, size)

    def tidy(self, generation: Generation, *, keep_source: bool) -> None:
        """Delete the files made for sending, and the video itself unless `keep_source`."""
        source = self.downloads.path_of(generation)
        for file in source.parent.glob(f"{source.stem}.*"):
            if file != source or not keep_source:
                file.unlink(missing_ok=True)


async def first_frame(
    media: MediaProcesses, source: Path, target: Path, *, last: bool = False
) -> None:
    """Write a video's first or last frame as a JPEG, as displayed. Raises as `probe` does."""
    await _run(media, "draw_frame", source=source, target=target, last=last)


async def _probe_with_thumbnail(
    media: MediaProcesses, source: Path, target: Path
) -> tuple[Facts, Path | None]:
    """Probe a file and draw its thumbnail, if it can be drawn; raises as `probe` does."""
    try:
        return await probe(media, source, target), _remove_if_empty(target)
    except MediaError:
        # the thumbnail may be what failed
        return await probe(media, source), None


def _remove_if_empty(thumbnail: Path) -> Path | None:
    """Return a thumbnail, or delete it and return None if it is empty."""
    if thumbnail.exists() and thumbnail.stat().st_size:
        return thumbnail
    thumbnail.unlink(missing_ok=True)
    return None


async def probe(media: MediaProcesses, source: Path, target: Path | None = None) -> Facts:
    """Probe a file, and draw a thumbnail to `target`, which stays empty if there is none.

    Raises NotAVideo, and MediaTimeout or MediaFailed if the video may be good.
    """
    answer = await _run(media, "probe_video", source=source, target=target)
    try:
        return Facts.model_validate(answer)
    except ValidationError as error:
        raise MediaFailed("probe_video: not a video's facts") from error


async def _run(media: MediaProcesses, job: str, **arguments: Any) -> dict[str, Any]:
    """Run a video job; raise NotAVideo if it refuses the file."""
    try:
        return await media.run(job, **arguments)
    except MediaRefused as error:
        raise NotAVideo(error.reason) from error


MAX_CONCURRENT_FILMS: Final = 2
"""Films whose scenes are on the disk at the same time."""


class SceneGone(Exception):
    """A scene can no longer be downloaded; `place` is its position, from 1."""

    def __init__(self, place: int) -> None:
        super().__init__(f"scene {place} is gone")
        self.place = place


async def join(
    media: MediaProcesses, clips: Sequence[Path], film: Path, *, limit: int
) -> Deliverable:
    """Join videos to one that is ready to send within `limit` bytes, in the folder of `film`.

    Raises MediaTimeout, MediaFailed, and NotAVideo also if they are too long together.
    """
    try:
        await media.run("join_videos", sources=list(clips), target=film, limit=limit)
        if (await probe(media, film)).size > limit:
            smaller = film.with_name("smaller.mp4")
            await media.run("shrink_film", source=film, target=smaller, limit=limit)
            film = smaller
    except MediaRefused as error:
        raise NotAVideo(error.reason) from error
    return await prepare(media, film, film.parent, limit=limit)


@dataclass(eq=False)
class FilmMaker:
    """Makes films of at most `limit` bytes in temporary folders in `folder`, emptied at start."""

    media: MediaProcesses
    fetch: FetchFile
    folder: Path
    limit: int

    def __post_init__(self) -> None:
        self._making = asyncio.Semaphore(MAX_CONCURRENT_FILMS)

    @asynccontextmanager
    async def make(
        self, scenes: Sequence[Generation], limit: int | None = None
    ) -> AsyncIterator[Deliverable]:
        """Yield the film of these videos; its files are deleted afterwards.

        Raises SceneGone, NotAVideo, and, if it cannot be made now, PictureDelayed, MediaError.
        """
        async with self._making:
            with tempfile.TemporaryDirectory(prefix="film-", dir=self.folder) as folder:
                clips = []
                for place, scene in enumerate(scenes, start=1):
                    clips.append(Path(folder) / f"{place}.mp4")
                    await self._fetch_scene(scene, place, clips[-1])
                film = Path(folder) / "film.mp4"
                yield await join(self.media, clips, film, limit=limit or self.limit)

    async def _fetch_scene(self, scene: Generation, place: int, target: Path) -> None:
        try:
            await self.fetch(scene.file_id or "", target)
        except PictureGone as error:
            raise SceneGone(place) from error


def video_in(folder: Path, generation: int) -> Path:
    """Return the path of a generation's video in a folder."""
    return folder / f"{generation}.mp4"


async def clean_up(db: Database, *, videos: Path, pictures: Path) -> None:
    """Delete what a killed process left: pictures, delivered videos; make the folders."""
    async with db.reading() as connection:
        waiting = await generations.in_states(connection, WAITING)
    shutil.rmtree(pictures, ignore_errors=True)
    _empty_folder(pictures)
    _empty_folder(videos, {video_in(videos, one.id).name for one in waiting})


async def delete_expired(db: Database, folder: Path, *, now: float) -> None:
    """Delete the files of videos that could not be delivered for 30 days."""
    async with db.reading() as connection:
        numbers = await videos.expired(connection, now=now)
    files = [file for file in (video_in(folder, one) for one in numbers) if file.exists()]
    for file in files:
        await asyncio.to_thread(file.unlink, missing_ok=True)
    if files:
        logger.info("%d expired videos are deleted", len(files))


def _empty_folder(folder: Path, needed: Collection[str] = ()) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for file in folder.iterdir():
        # a file system's root has a folder lost+found
        if file.name not in needed and not file.is_dir():
            file.unlink()
