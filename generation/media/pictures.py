"""The picture of a request: fetched by its file id, made as large as the model asks.

It is a picture somebody sent, or one frame of a video: then the file id is the video's,
behind `frame:first:` or `frame:last:`.
"""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from generation.media import images, videos
from generation.media.failures import MediaTimeout
from generation.media.images import BadPicture, Fit, Reason
from generation.media.videos import NotAVideo

if TYPE_CHECKING:
    from generation.media.pool import MediaProcesses
    from generation.models.offer import Mode
    from storage.generations import Generation


_FRAME = re.compile(r"frame:(first|last):(.+)")


def frame_of(file_id: str, *, last: bool = False) -> str:
    """Name a video's first or last frame as the picture of a request."""
    return f"frame:{'last' if last else 'first'}:{file_id}"


def is_frame(picture: str) -> bool:
    """Whether the picture of a request is a frame of a video."""
    return _FRAME.fullmatch(picture) is not None


class PictureGone(Exception):
    """The picture can no longer be fetched; nobody but its sender can help."""


class PictureDelayed(Exception):
    """The picture could not be fetched now; later it may."""


class FetchPicture(Protocol):
    """Fetches a picture from where people sent it."""

    async def __call__(self, file_id: str, target: Path) -> None:
        """Write the picture to `target`.

        Raises:
            PictureGone: it cannot be had any more.
            PictureDelayed: it could not be had this time.
        """


class Fitted(NamedTuple):
    """A picture as the provider takes it, and the shape it was fitted to."""

    aspect_ratio: str | None
    data_uri: str


class Pictures:
    """Fetches and fits pictures; what people sent is gone from the disk afterwards."""

    def __init__(
        self, media: MediaProcesses, fetch: FetchPicture, folder: Path | None = None
    ) -> None:
        """Make pictures in `folder`, which the next start clears; the system's own by default."""
        self._media = media
        self._fetch = fetch
        self._folder = folder

    async def fitted(self, generation: Generation, mode: Mode) -> Fitted:
        """Return the picture of a request, as large as its model asks.

        Raises:
            PictureGone: it cannot be had any more.
            PictureDelayed: it could not be had this time.
            BadPicture: it is not a picture we can use.
        """
        if generation.picture is None:
            raise PictureGone
        with tempfile.TemporaryDirectory(prefix="picture-", dir=self._folder) as folder:
            target = Path(folder) / "fitted.jpg"
            source = await self._fetched(generation.picture, Path(folder))
            picture = await images.measure(self._media, source)
            size = (picture.width, picture.height)
            aspect_ratio = generation.aspect_ratio
            if aspect_ratio is None and mode.aspect_ratios:
                aspect_ratio = images.nearest_aspect(*size, mode.aspect_ratios)
            width, height = mode.frame(generation.resolution, aspect_ratio, size)
            await images.fit(
                self._media,
                source,
                target,
                width=width,
                height=height,
                how=Fit(generation.fit),
            )
            return Fitted(aspect_ratio, images.data_uri(target))

    async def _fetched(self, picture: str, folder: Path) -> Path:
        """Fetch a picture, or a video and draw the frame that is meant."""
        frame, sent = _FRAME.fullmatch(picture), folder / "sent"
        if frame is None:
            await self._fetch(picture, sent)
            return sent
        await self._fetch(frame[2], sent)
        drawn = folder / "frame.jpg"
        try:
            await videos.first_frame(self._media, sent, drawn, last=frame[1] == "last")
        except NotAVideo as error:
            raise BadPicture(Reason.NOT_A_PICTURE) from error
        except MediaTimeout as error:
            raise BadPicture(Reason.TOO_SLOW) from error
        return drawn
