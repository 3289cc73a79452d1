"""Films: their scenes are downloaded again, joined, and made to fit a size limit.

A scene is downloaded from Telegram by its file id, or, if Telegram does not serve it (such as over
20 MB), from the provider while its link works. The jobs have a queue of their own
(`generation.media.film_jobs`), so that videos do not wait for films.
"""

from __future__ import annotations

import asyncio
import tempfile
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from generation.media.fetch import FileGone
from generation.media.formats import MediaError, MediaRefused
from generation.media.pictures import PictureDelayed, PictureGone
from generation.media.videos import NotAVideo, prepare, probe
from storage import films, generations

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from generation.media.fetch import Downloads
    from generation.media.pictures import FetchPicture
    from generation.media.pool import MediaProcesses
    from generation.media.videos import Deliverable
    from storage.database import Database
    from storage.generations import Generation

MAX_CONCURRENT_FILMS: Final = 2
"""Films whose scenes are on the disk at the same time."""


@dataclass(frozen=True, slots=True)
class VideoFiles:
    """Downloads files from Telegram, or what it no longer serves, if it can, from the provider."""

    fetch: FetchPicture
    downloads: Downloads
    db: Database

    async def __call__(self, file_id: str, target: Path) -> None:
        """Write the file to `target`. Raises PictureGone, PictureDelayed."""
        try:
            await self.fetch(file_id, target)
        except PictureGone:
            async with self.db.reading() as connection:
                number = await films.by_file_id(connection, file_id)
                video = await generations.find(connection, number) if number else None
            if video is None:
                raise
            try:
                await self.downloads.restore(video, target)
            except FileGone as error:
                raise PictureGone(str(error)) from error
            except MediaError as error:
                raise PictureDelayed(str(error), is_refused=True) from error


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
    fetch: FetchPicture
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
