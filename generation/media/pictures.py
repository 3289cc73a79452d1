"""The picture of a request: fetched by its file id, made exactly as large as the model asks.

It is a picture somebody sent, or one frame of a video: then the file id is the video's,
behind `frame:first:` or `frame:last:`. The work is done in a media process
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
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from generation.media.formats import (
    STILL_BYTES,
    MediaFailed,
    MediaRefused,
    MediaTimeout,
    PictureFault,
)
from generation.media.videos import NotAVideo, first_frame
from storage import DAY_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from generation.media.pool import MediaProcesses
    from generation.models.offer import Mode
    from storage.generations import Generation
    from storage.ledger import Account

_FRAME = re.compile(r"frame:(first|last):(.+)")


def frame_of(file_id: str, *, last: bool = False) -> str:
    """Name a video's first or last frame as the picture of a request."""
    return f"frame:{'last' if last else 'first'}:{file_id}"


def which_frame(picture: str) -> str | None:
    """Return which frame of a video the picture of a request is, "first" or "last"; else None."""
    found = _FRAME.fullmatch(picture)
    return None if found is None else found[1]


def end_of(picture: str) -> str | None:
    """Return the file id of the video whose last frame the picture of a request is; else None."""
    found = _FRAME.fullmatch(picture)
    return found[2] if found is not None and found[1] == "last" else None


class PictureGone(Exception):
    """The picture can no longer be fetched; nobody but its sender can help."""


class PictureDelayed(Exception):
    """The picture could not be fetched now; later it may.

    `is_refused` where that was the answer, and not that there was none.
    """

    def __init__(
        self, text: str = "", *, is_refused: bool = False, retry_after: float | None = None
    ) -> None:
        super().__init__(text)
        self.is_refused = is_refused
        self.retry_after = retry_after


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


FIRST_COOLDOWN_SECONDS: Final = 60.0
"""How long somebody rests whose picture was too much to open; each time twice as long."""

SHEETS_KEPT: Final = 16
"""Sheets of stills kept in memory, for those who turn pages there and back."""

FORGIVEN_SECONDS: Final = DAY_SECONDS
"""How long after a rest the next one is the first again."""


class MediaCooldowns:
    """Who sent what a media process broke off, and until when nothing of theirs is opened."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._rests: dict[Account, tuple[float, float]] = {}

    @contextmanager
    def kept(self, account: Account) -> Iterator[None]:
        """Do media work for somebody who does not rest; it may send them to rest.

        Raises:
            BadPicture: they rest.
        """
        until, _ = self._rests.get(account, (-math.inf, 0.0))
        if self._clock() < until:
            raise BadPicture(PictureFault.RESTING)
        try:
            yield
        except (BadPicture, MediaFailed) as error:
            if isinstance(error, MediaFailed) or error.reason is PictureFault.TOO_SLOW:
                self._begin(account)
            raise

    def _begin(self, account: Account) -> None:
        now = self._clock()
        self._rests = {
            one: rest for one, rest in self._rests.items() if now < rest[0] + FORGIVEN_SECONDS
        }
        _, before = self._rests.get(account, (now, FIRST_COOLDOWN_SECONDS / 2))
        self._rests[account] = (now + 2 * before, 2 * before)


class Pictures:
    """Fetches and fits pictures; what people sent is gone from the disk afterwards."""

    def __init__(
        self,
        media: MediaProcesses,
        fetch: FetchPicture,
        folder: Path | None = None,
        cooldowns: MediaCooldowns | None = None,
    ) -> None:
        """Make pictures in `folder`, which the next start clears; the system's own by default."""
        self._media = media
        self._fetch = fetch
        self._folder = folder
        self._cooldowns = cooldowns or MediaCooldowns()
        self._sheets: dict[tuple[tuple[str | None, int], ...], bytes] = {}

    async def fitted(self, generation: Generation, mode: Mode) -> Fitted:
        """Return the picture of a request, as large as its model asks.

        Raises:
            PictureGone: it cannot be had any more.
            PictureDelayed: it could not be had this time.
            BadPicture: it is not a picture we can use.
        """
        if generation.picture is None:
            raise PictureGone
        with self._cooldowns.kept(generation.account), self._own_folder() as folder:
            target = Path(folder) / "fitted.jpg"
            source = await self._fetched(generation.picture, Path(folder))
            picture = await measure(self._media, source)
            size = (picture.width, picture.height)
            aspect_ratio = generation.aspect_ratio
            if aspect_ratio is None and mode.aspect_ratios:
                aspect_ratio = nearest_aspect(*size, mode.aspect_ratios)
            width, height = mode.frame(generation.resolution, aspect_ratio, size)
            pad = generation.fit == "pad"
            await fit(self._media, source, target, width=width, height=height, pad=pad)
            return Fitted(aspect_ratio, data_uri(target))

    async def size(self, picture: str, account: Account) -> tuple[int, int]:
        """Return the width and height of a picture in pixels; it fails as `cut` does."""
        with self._cooldowns.kept(account), self._own_folder() as folder:
            found = await measure(self._media, await self._fetched(picture, Path(folder)))
            return found.width, found.height

    async def cut(self, picture: str, frame: tuple[int, int], account: Account) -> bytes:
        """Return a picture as a JPEG that shows what filling a frame of this shape cuts away.

        Raises:
            PictureGone: it cannot be had any more.
            PictureDelayed: it could not be had this time.
            BadPicture: it is not a picture we can use.
            MediaFailed: the work broke down.
        """
        with self._cooldowns.kept(account), self._own_folder() as folder:
            target = Path(folder) / "cut.jpg"
            source = await self._fetched(picture, Path(folder))
            width, height = frame
            await _run(
                self._media, "draw_cut", source=source, target=target, width=width, height=height
            )
            return target.read_bytes()

    async def sheet(self, stills: Sequence[str | None], seconds: Sequence[int]) -> bytes:
        """Return a JPEG of numbered stills, by the ids of their files; some may be missing.

        What is missing is shown by how many `seconds` its video lasts.

        Raises:
            BadPicture: it took too long.
            MediaFailed: the work broke down.
        """
        key = tuple(zip(stills, seconds, strict=True))
        if key not in self._sheets:
            with self._own_folder() as folder:
                files = [Path(folder) / str(place) for place in range(len(stills))]
                pairs = zip(stills, files, strict=True)
                await asyncio.gather(*(self._fetched_still(still, file) for still, file in pairs))
                found = [_still_in(file) for file in files]
                source, target = Path(folder) / "stills", Path(folder) / "sheet.jpg"
                source.write_bytes(b"".join(found))
                sizes = [len(data) for data in found]
                await _run(
                    self._media, "draw_sheet",
                    source=source, target=target, sizes=sizes, seconds=[*seconds],
                )  # fmt: skip
                while len(self._sheets) >= SHEETS_KEPT:
                    self._sheets.pop(next(iter(self._sheets)))
                self._sheets[key] = target.read_bytes()
        return self._sheets[key]

    async def chart(self, chart: Mapping[str, object]) -> bytes:
        """Return a PNG of figures over time, see `picture_jobs.draw_chart`. Raises MediaError."""
        with self._own_folder() as folder:
            target = Path(folder) / "chart.png"
            await self._media.run("draw_chart", target=target, chart=chart)
            return target.read_bytes()

    async def _fetched_still(self, file_id: str | None, target: Path) -> None:
        if file_id is not None:
            with suppress(PictureGone, PictureDelayed):
                await self._fetch(file_id, target)

    def _own_folder(self) -> tempfile.TemporaryDirectory[str]:
        return tempfile.TemporaryDirectory(prefix="picture-", dir=self._folder)

    async def _fetched(self, picture: str, folder: Path) -> Path:
        """Fetch a picture, or a video and draw the frame that is meant."""
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
    """The picture cannot be used, whatever the bot does; `reason` says why."""

    def __init__(self, reason: PictureFault) -> None:
        super().__init__(reason.value)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture's size in pixels, as it is meant to be seen, and its format by Pillow's name."""

    width: int
    height: int
    format: str


async def measure(media: MediaProcesses, source: Path) -> Picture:
    """Tell a picture's size and format.

    Raises:
        BadPicture: It cannot be used.
        MediaFailed: The work broke down; the picture may be good.
    """
    answer = await _run(media, "measure_picture", source=source)
    match answer:
        case {"width": int(width), "height": int(height), "format": str(kind)}:
            return Picture(width, height, kind)
        case _:
            raise MediaFailed("measure_picture: not a picture's measures")


async def fit(
    media: MediaProcesses, source: Path, target: Path, *, width: int, height: int, pad: bool
) -> None:
    """Write the picture to `target` as a JPEG of exactly this size in pixels, without metadata.

    It fills the shape: what goes in width goes from both sides alike, what goes in height goes
    a third from above and two thirds from below, because faces sit high. To `pad` keeps the whole
    picture, over a blurred and darkened copy of itself. Transparency becomes white.

    Raises:
        BadPicture: It cannot be used.
        MediaFailed: The work broke down; the picture may be good.
    """
    await _run(
        media, "fit_picture", source=source, target=target, width=width, height=height, pad=pad
    )


def nearest_aspect(width: int, height: int, choices: Sequence[str]) -> str:
    """Choose the shape ("W:H") a picture loses least in; the first of equally near ones.

    Nearness is that of the ratios' logarithms: twice as wide is as far as twice as tall.
    """

    def distance(choice: str) -> float:
        across, _, down = choice.partition(":")
        return abs(math.log(width / height) - math.log(int(across) / int(down)))

    return min(choices, key=distance)


def share_lost(picture: tuple[int, int], frame: tuple[int, int]) -> float:
    """Return the share of a picture that is cut away when it fills that frame, from 0 to 1."""
    (width, height), (wide, high) = picture, frame
    shape, own = wide / high, width / height
    return 1 - min(shape, own) / max(shape, own)


def _still_in(file: Path) -> bytes:
    """Return a still that was fetched; none where it could not be had, or is none."""
    return file.read_bytes() if file.exists() and file.stat().st_size <= STILL_BYTES else b""


def data_uri(path: Path) -> str:
    """Give a fitted picture as the text in which it travels to the provider."""
    return "data:image/jpeg;base64," + base64.b64encode(path.read_bytes()).decode("ascii")


async def _run(media: MediaProcesses, job: str, **arguments: Any) -> dict[str, Any]:
    """Run a picture job, and translate what the picture is to blame for."""
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
