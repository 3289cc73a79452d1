"""Finished videos on their way to the disk: a few at a time, and looked at before they count."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from generation.media import videos
from generation.media.failures import MediaError
from generation.media.fetch import FetchError, fetch_video
from generation.media.retention import video_in
from generation.media.videos import NotAVideo
from generation.provider.client import Completed
from generation.provider.errors import ProviderError

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

    from generation.media.pool import MediaProcesses
    from generation.provider.client import AimlApi
    from storage.generations import Generation

FETCHED_AT_ONCE = 8
"""Videos fetched side by side. That may take minutes, and must hold up no question."""
LARGEST_VIDEO = 500_000_000
"""Bytes: far above what any model makes, far below a full disk."""

logger = logging.getLogger(__name__)


class Downloads:
    """Brings videos from where the provider keeps them to where they lie until delivered."""

    def __init__(
        self,
        *,
        api: AimlApi,
        http: httpx.AsyncClient,
        origin: str,
        folder: Path,
        media: MediaProcesses,
        seconds: float,
    ) -> None:
        self._api = api
        self._http = http
        self._origin = origin
        self._folder = folder
        self._media = media
        self._seconds = seconds
        self._fetching = asyncio.Semaphore(FETCHED_AT_ONCE)

    def path_of(self, generation: Generation) -> Path:
        """Return where a generation's video lies until it is delivered."""
        return video_in(self._folder, generation.id)

    async def fetch(self, generation: Generation, url: str) -> None:
        """Bring a video to the disk; what turns out to be none is not left there.

        Raises:
            FetchError: see `generation.media.fetch`.
            MediaError: nobody can tell now what came.
            NotAVideo: something else came.
        """
        target = self.path_of(generation)
        async with self._fetching:
            await fetch_video(
                self._http, url, target,
                origin=self._origin, max_bytes=LARGEST_VIDEO, seconds=self._seconds,
            )  # fmt: skip
            try:
                await videos.probe(self._media, target)
            except BaseException:
                target.unlink(missing_ok=True)
                raise

    async def restore(self, generation: Generation) -> bool:
        """Fetch a video again whose file is gone from the disk; tell whether it is there."""
        if generation.provider_id is None:
            return False
        try:
            remote = await self._api.poll(generation.provider_id)
            if isinstance(remote.status, Completed):
                await self.fetch(generation, remote.status.url)
                return True
        except (ProviderError, FetchError, MediaError, NotAVideo) as error:
            logger.warning("generation %d cannot be fetched again: %r", generation.id, error)
        return False
