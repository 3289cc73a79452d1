"""Generations under way and done: each waits its time, is charged, and is encoded off the loop."""

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
    """One generation: what was asked, how it is meant to go, and how far it is.

    `instead` is a file the CDN serves in place of its clip.
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
    instead: Path | None = None
    charged: Decimal = Decimal(0)
    fetches: int = 0
    dead_links: set[str] = field(default_factory=set)
    links: list[str] = field(default_factory=list)

    @property
    def ended(self) -> bool:
        """Whether nothing more will become of it."""
        return self.status in ("completed", "error")

    def link(self) -> str:
        """The path of its file at the CDN: the latest, or a fresh one if that is dead."""
        if not self.links or self.links[-1] in self.dead_links:
            stamp = round(self.created * 1000) + len(self.links)
            animal = secrets.choice(_ANIMALS)
            self.links.append(f"/cdn/generations/{animal}/{stamp}-{uuid.uuid4()}.mp4")
        return self.links[-1]

    def spoken_status(self) -> str:
        """What this poll is told: pending states in turn, then how it ended."""
        if self.ended:
            return self.status
        statuses = self.render.statuses
        self.polls += 1
        return statuses[min(self.polls, len(statuses)) - 1]


class Generations:
    """Every generation by its id, and the tasks that bring them to their end."""

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
        """Take a generation on; it ends in `seconds`, or a little later if encoding is slow."""
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
        """The clip's file; one that is not there is made now. Blocks."""
        return clips.make(clip, self._folder)

    async def make(self, clip: clips.Clip) -> Path:
        """The clip's file; one that is being made is waited for."""
        if clip.name not in self._made:
            self._made[clip.name] = asyncio.create_task(clips.render(clip, self._folder))
        return await asyncio.shield(self._made[clip.name])

    @property
    def held(self) -> Decimal:
        """What those under way will cost."""
        return sum((one.price for one in self.by_id.values() if not one.ended), Decimal(0))

    def by_link(self, path: str) -> Generation | None:
        """The generation one of whose links this is."""
        return next((one for one in self.by_id.values() if path in one.links), None)

    async def close(self) -> None:
        """Give up what is still under way."""
        tasks = [*self._tasks, *self._made.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.result()  # a clip that cannot be encoded is heard of

    async def _run(self, generation: Generation, seconds: float) -> None:
        if generation.render.ends == "error":
            await asyncio.sleep(seconds)
            generation.status = "error"
            self._events.tell("failed", id=generation.id, message=generation.render.error_message)
            return
        if generation.clip.quick:  # many a test never fetches its file: the first fetch makes it
            await asyncio.sleep(seconds)
        else:
            await asyncio.gather(asyncio.sleep(seconds), self.make(generation.clip))
        generation.charged = generation.price
        self._account.charge(generation.price)
        generation.status = "completed"
        self._events.tell("completed", id=generation.id, usd=str(generation.price))


def state(generation: Generation, origin: str) -> dict[str, Any]:
    """The poll's answer about a generation."""
    render = generation.render
    status = generation.spoken_status()
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
