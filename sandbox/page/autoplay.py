"""The automatic demonstration on the first page opened, during which videos are made faster."""

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
    """The demonstration's inputs: a prompt, a ready photo, and a prompt for that photo."""

    idea: str = "an astronaut dances in space"
    photo: str = "lake"
    change: str = "it begins to snow"


class Autoplay:
    """Whether the demonstration is still to be played, and the provider's speed during it."""

    def __init__(self, provider: AimlApiSandbox, *, is_due: bool) -> None:
        self._provider = provider
        self._script = Script() if is_due else None
        self._normal_seconds: float | None = None
        self._drawing: asyncio.Task[None] | None = None

    def prepare(self) -> None:
        """Start drawing the photo and the first video, so that they are ready in time."""
        if self._script and self._drawing is None:
            self._drawing = asyncio.create_task(self._draw(self._script))

    async def close(self) -> None:
        """Stop drawing."""
        if self._drawing:
            self._drawing.cancel()
            await asyncio.gather(self._drawing, return_exceptions=True)

    async def _draw(self, script: Script) -> None:
        await asyncio.to_thread(photos.jpeg, script.photo)
        clip = Clip(script.idea, None, (1280, 720), 4, self._provider.quick_clips)
        await self._provider.generations.make(clip)

    def as_json(self) -> dict[str, Any] | None:
        """Return the script, or None if it was played."""
        return asdict(self._script) if self._script else None

    def begin(self) -> bool:
        """Start it for a page and make videos faster; False if it was played."""
        if self._script is None:
            return False
        self._script = None
        self._normal_seconds = self._provider.render_seconds
        self._provider.render_seconds = min(self._normal_seconds, _RENDER_SECONDS)
        return True

    def end(self) -> None:
        """Return to the normal speed."""
        if self._normal_seconds is not None:
            self._provider.render_seconds = self._normal_seconds
            self._normal_seconds = None
