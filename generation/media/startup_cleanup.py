"""What a process that was killed left on the disk: people's pictures, videos already delivered."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from generation.media.retention import video_in
from storage import generations
from storage.generations import State

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from storage.database import Database

KEPT = frozenset({State.READY, State.UNDELIVERABLE})
"""Only these still need their video; one on its way to `ready` is fetched again."""


async def clear(db: Database, *, videos: Path, pictures: Path) -> None:
    """Remove, before any work begins, whatever no generation needs; make folders that miss."""
    async with db.reading() as connection:
        kept = await generations.in_states(connection, KEPT)
    shutil.rmtree(pictures, ignore_errors=True)
    _keep(pictures, frozenset())
    _keep(videos, {video_in(videos, one.id).name for one in kept})


def _keep(folder: Path, names: Collection[str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for file in folder.iterdir():
        if file.name not in names:
            file.unlink()
