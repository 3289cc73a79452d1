"""What lies on the disk until it is delivered, and when it goes."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from storage import retention

if TYPE_CHECKING:
    from pathlib import Path

    from storage.database import Database

logger = logging.getLogger(__name__)


def video_in(folder: Path, generation: int) -> Path:
    """Return where the video of a generation lies."""
    return folder / f"{generation}.mp4"


async def drop_outdated(db: Database, folder: Path, *, now: float) -> None:
    """Delete the videos that nobody came for in 30 days."""
    async with db.reading() as connection:
        numbers = await retention.outdated(connection, now=now)
    files = [file for file in (video_in(folder, one) for one in numbers) if file.exists()]
    for file in files:
        await asyncio.to_thread(file.unlink, missing_ok=True)
    if files:
        logger.info("%d videos that nobody came for are gone", len(files))
