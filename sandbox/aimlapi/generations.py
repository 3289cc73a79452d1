"""Generations: each takes its time, is encoded outside the event loop, and is charged."""

from __future__ import annotations

import asyncio
import secrets
import uuid
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sandbox.aimlapi import clips
from sandbox.aimlapi.billing import CREDITS_PER_USD

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sandbox.aimlapi.billing import Account
    from sandbox.aimlapi.events import Events
    from sandbox.aimlapi.renders import Render
    from sandbox.aimlapi.schemas import Model

_ANIMALS = ("hedgehog", "kangaroo", "penguin", "octopus", "giraffe", "lynx")


@dataclass(slots=True)
class Generation:
    """A generation: the request, its planned course, and its progress.

    `replacement` is a file the CDN serves instead of its clip.
    """

    id: str
    model: Model
    clip: clips.Clip
    render: Render
    price: Decimal
    created: float
    client_request_id: str | None
    status: str = "queued"
    polls: int = 0
    replacement: Path | None = None
    charged: Decimal = Decimal(0)
    fetches: int = 0
    dead_links: set[str] = field(default_factory=set)
    links: list[str] = field(default_factory=list)

    @property
    def ended(self) -> bool:
        """Whether it is completed or failed."""
        return self.status in ("completed", "error")

    def link(self) -> str:
        """Return the path of its file at the CDN; a new one if the last has expired."""
        if not self.links or self.links[-1] in self.dead_links:
            stamp = round(self.created * 1000) + len(self.links)
            animal = secrets.choice(_ANIMALS)
            self.links.append(f"/cdn/generations/{animal}/{stamp}-{uuid.uuid4()}.mp4")
        return self.links[-1]

    def next_status(self) -> str:
        """Return the status for one more poll: the pending ones in turn, then the final one."""
        if self.ended:
            return self.status
        statuses = self.render.statuses
        self.polls += 1
        return statuses[min(self.polls, len(statuses)) - 1]


class Generations:
    """Every generation by its id, and the tasks that run them."""

    def __init__(
        self, *, folder: Path, account: Account, events: Events, clock: Callable[[], float]
    ) -> None:
        self.by_id: dict[str, Generation] = {}
        self._folder = folder
        self._account = account
        self._events = events
        self._clock = clock
        self._tasks: set[asyncio.Task[None]] = set()
        self._made: dict[str, asyncio.Task[Path]] = {}

    def begin(
        self,
        *,
        model: Model,
        clip: clips.Clip,
        render: Render,
        seconds: float,
        price: Decimal,
        client_request_id: str | None,
    ) -> Generation:
        """Start a generation that ends in `seconds`, or later if encoding takes longer."""
        identity = f"video_{secrets.token_hex(16)}:{model.id}"
        generation = Generation(
            identity, model, clip, render, price, self._clock(), client_request_id
        )
        self.by_id[identity] = generation
        if render.ends != "never":
            task = asyncio.create_task(self._run(generation, seconds))
            self._tasks.add(task)
            task.add_done_callback(self._finished)
        return generation

    def path(self, clip: clips.Clip) -> Path:
        """Return the clip's file, encoding it if it is missing. Blocks."""
        return clips.make(clip, self._folder)

    async def make(self, clip: clips.Clip) -> Path:
        """Return the clip's file when it is encoded."""
        if clip.name not in self._made:
            self._made[clip.name] = asyncio.create_task(clips.render(clip, self._folder))
        return await asyncio.shield(self._made[clip.name])

    @property
    def held(self) -> Decimal:
        """The price of all pending generations, in US dollars."""
        return sum((one.price for one in self.by_id.values() if not one.ended), Decimal(0))

    def by_link(self, path: str) -> Generation | None:
        """Return the generation that has this link, or None."""
        return next((one for one in self.by_id.values() if path in one.links), None)

    async def close(self) -> None:
        """Cancel the pending generations."""
        tasks = [*self._tasks, *self._made.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.result()  # raises if the clip could not be encoded

    async def _run(self, generation: Generation, seconds: float) -> None:
        if generation.render.ends == "error":
            await asyncio.sleep(seconds)
            generation.status = "error"
            self._events.tell("failed", id=generation.id, message=generation.render.error_message)
            return
        if generation.clip.quick:  # made by the first download, as many tests never download it
            await asyncio.sleep(seconds)
        else:
            await asyncio.gather(asyncio.sleep(seconds), self.make(generation.clip))
        generation.charged = generation.price
        self._account.charge(generation.price)
        generation.status = "completed"
        self._events.tell("completed", id=generation.id, usd=str(generation.price))


def state(generation: Generation, origin: str) -> dict[str, Any]:
    """Return the answer to a poll of a generation."""
    render = generation.render
    status = generation.next_status()
    body: dict[str, Any] = {"id": generation.id, "status": status}
    if status == "completed":
        video: Any = {"url": origin + generation.link()}
        body["video"] = [video] if render.video_as == "array" else video
        if render.usage:
            credits_used = int(generation.charged * CREDITS_PER_USD)
            usage = {"credits_used": credits_used, "usd_spent": float(generation.charged)}
            body["meta"] = {"usage": usage}
    if status == "error":
        error = {"name": render.error_name, "message": render.error_message}
        body["error"] = render.error_message if render.error_as == "string" else error
    return body
