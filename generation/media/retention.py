"""The files on the disk that wait for their delivery, and when they go."""

from __future__ import annotations

import asyncio
import logging
import shutil
from typing import TYPE_CHECKING

from storage import generations, retention
from storage.generations import State

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from storage.database import Database

WAITING = frozenset({State.READY, State.UNDELIVERABLE})
"""Only these still need their video; one on its way to `ready` is fetched again."""

logger = logging.getLogger(__name__)


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
        numbers = await retention.outdated(connection, now=now)
    files = [file for file in (video_in(folder, one) for one in numbers) if file.exists()]
    for file in files:
        await asyncio.to_thread(file.unlink, missing_ok=True)
    if files:
        logger.info("%d videos that nobody came for are gone", len(files))


def _clear(folder: Path, needed: Collection[str] = ()) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for file in folder.iterdir():
        if file.name not in needed:
            file.unlink()
