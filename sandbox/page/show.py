"""The scene that a page plays by itself when it is the first: its videos are quickly made."""

from __future__ import annotations

import asyncio
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from sandbox.aimlapi.clips import Clip
from sandbox.page import photos

if TYPE_CHECKING:
    from sandbox.aimlapi import AimlApiSandbox

_RENDER_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Script:
    """What is played: an idea in words, a ready photo, and what should happen in it."""

    idea: str = "an astronaut dances in space"
    photo: str = "lake"
    change: str = "it begins to snow"


class Show:
    """Whether it is still to be played, and the provider's pace while it is."""

    def __init__(self, provider: AimlApiSandbox, *, is_due: bool) -> None:
        self._provider = provider
        self._script = Script() if is_due else None
        self._usual: float | None = None
        self._drawing: asyncio.Task[None] | None = None

    def prepare(self) -> None:
        """Begin to draw the photo and the idea, as the usual model will be asked for it."""
        if self._script and self._drawing is None:
            self._drawing = asyncio.create_task(self._draw(self._script))

    async def close(self) -> None:
        """Draw no more."""
        if self._drawing:
            self._drawing.cancel()
            await asyncio.gather(self._drawing, return_exceptions=True)

    async def _draw(self, script: Script) -> None:
        await asyncio.to_thread(photos.jpeg, script.photo)
        clip = Clip(script.idea, None, (1280, 720), 4, self._provider.quick_clips)
        await self._provider.generations.make(clip)

    def as_json(self) -> dict[str, Any] | None:
        """The script, as long as nobody has played it."""
        return asdict(self._script) if self._script else None

    def begin(self) -> bool:
        """Let a page play it; False if one has."""
        if self._script is None:
            return False
        self._script = None
        self._usual = self._provider.render_seconds
        self._provider.render_seconds = min(self._usual, _RENDER_SECONDS)
        return True

    def end(self) -> None:
        """Go on at the usual pace."""
        if self._usual is not None:
            self._provider.render_seconds = self._usual
            self._usual = None
