"""Films made ready to send: their scenes brought back, joined, and kept within a limit.

A scene comes back from Telegram by its file id, and where that gives none, as of one over 20 MB,
from the provider, as long as its link leads there. The work is done in media processes of its own
queue (`generation.media.film_jobs`), so that nobody's video waits for somebody's film.
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

FILMS_AT_ONCE: Final = 2
"""Films whose scenes lie on the disk."""


@dataclass(frozen=True, slots=True)
class VideoFiles:
    """Fetches what people sent; of our own videos, what Telegram does not give back any more.

    That comes from the provider, as long as its link leads there.
    """

    fetch: FetchPicture
    downloads: Downloads
    db: Database

    async def __call__(self, file_id: str, target: Path) -> None:
        """Write the file to `target`.

        Raises:
            PictureGone: Nobody has it any more.
            PictureDelayed: It could not be had this time.
        """
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
    """A scene can no longer be had; `place` is which it is, from 1."""

    def __init__(self, place: int) -> None:
        super().__init__(f"scene {place} is gone")
        self.place = place


async def join(
    media: MediaProcesses, clips: Sequence[Path], film: Path, *, limit: int
) -> Deliverable:
    """Join videos to one that is ready to send within `limit` bytes; all files lie by `film`.

    Raises:
        NotAVideo: One of them is none, or all are too long together.
        MediaTimeout, MediaFailed: The work broke down.
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
    """Makes films of delivered videos in `folder`, where nothing of them stays.

    The next start clears it. `limit` is how many bytes Telegram is believed to take.
    """

    media: MediaProcesses
    fetch: FetchPicture
    folder: Path
    limit: int

    def __post_init__(self) -> None:
        self._making = asyncio.Semaphore(FILMS_AT_ONCE)

    @asynccontextmanager
    async def made(
        self, scenes: Sequence[Generation], limit: int | None = None
    ) -> AsyncIterator[Deliverable]:
        """Give the film of these videos, as long as it is needed.

        Raises:
            SceneGone: One can no longer be had.
            PictureDelayed, MediaError: It cannot be made now.
            NotAVideo: It cannot be made.
        """
        async with self._making:
            with tempfile.TemporaryDirectory(prefix="film-", dir=self.folder) as folder:
                clips = []
                for place, scene in enumerate(scenes, start=1):
                    clips.append(Path(folder) / f"{place}.mp4")
                    await self._bring(scene, place, clips[-1])
                film = Path(folder) / "film.mp4"
                yield await join(self.media, clips, film, limit=limit or self.limit)

    async def _bring(self, scene: Generation, place: int, target: Path) -> None:
        try:
            await self.fetch(scene.file_id or "", target)
        except PictureGone as error:
            raise SceneGone(place) from error
