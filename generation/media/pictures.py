"""The picture of a request: downloaded by its file id, resized exactly for its model.

It is a picture that was sent, or one frame of a video: then it is the video's file id, after
`frame:first:` or `frame:last:`. The work is done in a media process
(`generation.media.picture_jobs`).
"""

from __future__ import annotations

import asyncio
import base64
import math
import re
import tempfile
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from generation.media.formats import (
    MAX_STILL_BYTES,
    MediaFailed,
    MediaRefused,
    MediaTimeout,
    PictureDelayed,
    PictureFault,
    PictureGone,
)
from generation.media.videos import NotAVideo, first_frame
from storage import DAY_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from generation.media.formats import FetchFile
    from generation.media.pool import MediaProcesses
    from generation.models.offer import Mode
    from storage.generations import Generation
    from storage.ledger import Account

_FRAME = re.compile(r"frame:(first|last):(.+)")


def frame_of(file_id: str, *, last: bool = False) -> str:
    """Return the picture id of a video's first or last frame."""
    return f"frame:{'last' if last else 'first'}:{file_id}"


def which_frame(picture: str) -> str | None:
    """Return "first" or "last" if the picture is a frame of a video, else None."""
    found = _FRAME.fullmatch(picture)
    return None if found is None else found[1]


def last_frame_video(picture: str) -> str | None:
    """Return the file id of the video if the picture is its last frame, else None."""
    found = _FRAME.fullmatch(picture)
    return found[2] if found is not None and found[1] == "last" else None


class Fitted(NamedTuple):
    """A picture as sent to the provider, and the aspect ratio it was fitted to."""

    aspect_ratio: str | None
    data_uri: str


FIRST_COOLDOWN_SECONDS: Final = 60.0
"""Cooldown of a sender whose picture took too long to open; doubled each time."""

MAX_CACHED_SHEETS: Final = 16
"""Sheets of stills in memory, for people who page back and forth."""

COOLDOWN_RESET_SECONDS: Final = DAY_SECONDS
"""Time after a cooldown until the next one is as short as the first."""


class MediaCooldowns:
    """Senders whose pictures took too long, and until when their pictures are refused."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._cooldowns: dict[Account, tuple[float, float]] = {}

    @contextmanager
    def guard(self, account: Account) -> Iterator[None]:
        """Guard media work for an account; a timeout or failure begins its cooldown.

        Raises BadPicture if the account is in a cooldown.
        """
        until, _ = self._cooldowns.get(account, (-math.inf, 0.0))
        if self._clock() < until:
            raise BadPicture(PictureFault.COOLDOWN)
        try:
            yield
        except (BadPicture, MediaFailed) as error:
            if isinstance(error, MediaFailed) or error.reason is PictureFault.TOO_SLOW:
                self._begin(account)
            raise

    def _begin(self, account: Account) -> None:
        now = self._clock()
        self._cooldowns = {
            one: rest
            for one, rest in self._cooldowns.items()
            if now < rest[0] + COOLDOWN_RESET_SECONDS
        }
        _, before = self._cooldowns.get(account, (now, FIRST_COOLDOWN_SECONDS / 2))
        self._cooldowns[account] = (now + 2 * before, 2 * before)


class Pictures:
    """Fetches and fits pictures; the sent files are deleted afterwards."""

    def __init__(
        self,
        media: MediaProcesses,
        fetch: FetchFile,
        folder: Path | None = None,
        cooldowns: MediaCooldowns | None = None,
    ) -> None:
        """Use temporary folders in `folder`, emptied at the start; by default the system's."""
        self._media = media
        self._fetch = fetch
        self._folder = folder
        self._cooldowns = cooldowns or MediaCooldowns()
        self._sheets: dict[tuple[tuple[str | None, int], ...], bytes] = {}

    async def fetch_fitted(self, generation: Generation, mode: Mode) -> Fitted:
        """Download the picture of a request and fit it to its model. Raises as `cut` does."""
        if generation.picture is None:
            raise PictureGone
        with self._cooldowns.guard(generation.account), self._own_folder() as folder:
            target = Path(folder) / "fitted.jpg"
            source = await self._fetch_still(generation.picture, Path(folder))
            picture = await measure(self._media, source)
            size = (picture.width, picture.height)
            aspect_ratio = generation.aspect_ratio or nearest_aspect(*size, mode.aspect_ratios)
            width, height = mode.frame(generation.resolution, aspect_ratio, size)
            pad = generation.fit == "pad"
            await fit(self._media, source, target, width=width, height=height, pad=pad)
            return Fitted(aspect_ratio, data_uri(target))

    async def size(self, picture: str, account: Account) -> tuple[int, int]:
        """Return the width and height of a picture in pixels; raises as `cut` does."""
        with self._cooldowns.guard(account), self._own_folder() as folder:
            found = await measure(self._media, await self._fetch_still(picture, Path(folder)))
            return found.width, found.height

    async def cut(self, picture: str, frame: tuple[int, int], account: Account) -> bytes:
        """Return a picture as a JPEG that shows what filling a frame of this shape cuts away.

        Raises PictureGone, PictureDelayed, BadPicture, MediaFailed.
        """
        with self._cooldowns.guard(account), self._own_folder() as folder:
            target = Path(folder) / "cut.jpg"
            source = await self._fetch_still(picture, Path(folder))
            width, height = frame
            await _run(
                self._media, "draw_cut", source=source, target=target, width=width, height=height
            )
            return target.read_bytes()

    async def sheet(self, stills: Sequence[str | None], seconds: Sequence[int]) -> bytes:
        """Return a JPEG of numbered stills, by their file ids.

        If a still is missing, the length of its video in `seconds` is shown instead. Raises
        BadPicture if it took too long, MediaFailed.
        """
        key = tuple(zip(stills, seconds, strict=True))
        if key not in self._sheets:
            with self._own_folder() as folder:
                files = [Path(folder) / str(place) for place in range(len(stills))]
                found = await asyncio.gather(*map(self._fetch_small, stills, files))
                source, target = Path(folder) / "stills", Path(folder) / "sheet.jpg"
                source.write_bytes(b"".join(found))
                sizes = [len(data) for data in found]
                await _run(
                    self._media, "draw_sheet",
                    source=source, target=target, sizes=sizes, seconds=[*seconds],
                )  # fmt: skip
                while len(self._sheets) >= MAX_CACHED_SHEETS:
                    self._sheets.pop(next(iter(self._sheets)))
                self._sheets[key] = target.read_bytes()
        return self._sheets[key]

    async def chart(self, chart: Mapping[str, object]) -> bytes:
        """Return a PNG of figures over time, see `picture_jobs.draw_chart`. Raises MediaError."""
        with self._own_folder() as folder:
            target = Path(folder) / "chart.png"
            await self._media.run("draw_chart", target=target, chart=chart)
            return target.read_bytes()

    async def _fetch_small(self, file_id: str | None, target: Path) -> bytes:
        if file_id is not None:
            with suppress(PictureGone, PictureDelayed):
                await self._fetch(file_id, target)
        return _still_in(target)

    def _own_folder(self) -> tempfile.TemporaryDirectory[str]:
        return tempfile.TemporaryDirectory(prefix="picture-", dir=self._folder)

    async def _fetch_still(self, picture: str, folder: Path) -> Path:
        """Fetch a picture, or the frame of a video."""
        frame, sent = _FRAME.fullmatch(picture), folder / "sent"
        if frame is None:
            await self._fetch(picture, sent)
            return sent
        await self._fetch(frame[2], sent)
        drawn = folder / "frame.jpg"
        try:
            await first_frame(self._media, sent, drawn, last=frame[1] == "last")
        except NotAVideo as error:
            raise BadPicture(PictureFault.NOT_A_PICTURE) from error
        except MediaTimeout as error:
            raise BadPicture(PictureFault.TOO_SLOW) from error
        return drawn


class BadPicture(Exception):
    """The picture can never be used; `reason` says why."""

    def __init__(self, reason: PictureFault) -> None:
        super().__init__(reason.value)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture's size in pixels, as displayed, and its format as Pillow names it."""

    width: int
    height: int
    format: str


async def measure(media: MediaProcesses, source: Path) -> Picture:
    """Return a picture's size and format. Raises BadPicture, MediaFailed."""
    answer = await _run(media, "measure_picture", source=source)
    match answer:
        case {"width": int(width), "height": int(height), "format": str(kind)}:
            return Picture(width, height, kind)
        case _:
            raise MediaFailed("measure_picture: not a picture's size")


async def fit(
    media: MediaProcesses, source: Path, target: Path, *, width: int, height: int, pad: bool
) -> None:
    """Write the picture to `target` as a JPEG of exactly this size in pixels, without metadata.

    The picture is cropped to the shape: in width equally on both sides, in height a third at the
    top and two thirds at the bottom, because faces are high. With `pad`, the whole picture is kept,
    over a blurred and darkened copy of itself. Transparency becomes white.

    Raises BadPicture, MediaFailed.
    """
    await _run(
        media, "fit_picture", source=source, target=target, width=width, height=height, pad=pad
    )


def nearest_aspect(width: int, height: int, choices: Sequence[str]) -> str | None:
    """Return the aspect ratio ("W:H") nearest to a picture's, the first of equals, or None.

    The distance is that of the ratios' logarithms: twice as wide is as far as twice as tall.
    """

    def distance(choice: str) -> float:
        across, _, down = choice.partition(":")
        return abs(math.log(width / height) - math.log(int(across) / int(down)))

    return min(choices, key=distance, default=None)


def share_lost(picture: tuple[int, int], frame: tuple[int, int]) -> float:
    """Return the share of a picture that is cut away when it fills that frame, from 0 to 1."""
    (width, height), (wide, high) = picture, frame
    shape, own = wide / high, width / height
    return 1 - min(shape, own) / max(shape, own)


def _still_in(file: Path) -> bytes:
    """Return a fetched still, or b"" if it is missing or too large."""
    return file.read_bytes() if file.exists() and file.stat().st_size <= MAX_STILL_BYTES else b""


def data_uri(path: Path) -> str:
    """Return a JPEG as a data URI."""
    return "data:image/jpeg;base64," + base64.b64encode(path.read_bytes()).decode("ascii")


async def _run(media: MediaProcesses, job: str, **arguments: Any) -> dict[str, Any]:
    """Run a picture job; raise BadPicture if it refuses the picture or takes too long."""
    try:
        return await media.run(job, **arguments)
    except MediaTimeout as error:
        raise BadPicture(PictureFault.TOO_SLOW) from error
    except MediaRefused as error:
        try:
            reason = PictureFault(error.reason)
        except ValueError:
            raise MediaFailed(f"{job}: refused without a known reason") from error
        raise BadPicture(reason) from error
