"""Serves finished files, with the failures set in the generation's `Delivery`."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from starlette.responses import FileResponse, RedirectResponse, Response, StreamingResponse

from sandbox.aimlapi.broken_responses import EndlessResponse, TruncatedResponse

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from sandbox.aimlapi.generations import Generation, Generations
    from sandbox.aimlapi.renders import Delivery

_VIDEO = "video/mp4"
_WRONG_BODIES = {
    "html": (b"<!doctype html><title>Sign in</title><p>Please sign in to see this.", "text/html"),
    "garbage": (bytes(range(256)) * 400, _VIDEO),
    "empty": (b"", _VIDEO),
}


async def serve(generations: Generations, generation: Generation, link: str) -> Response:
    """Return the answer to a request for one of a generation's links."""
    delivery = generation.render.delivery
    generation.fetches += 1
    if generation.fetches <= delivery.dead_fetches:
        generation.dead_links.add(link)
    if link in generation.dead_links:
        return Response("Gone", delivery.dead_status, media_type="text/plain")
    if delivery.redirect:
        return RedirectResponse(delivery.redirect, 302)
    if delivery.body in _WRONG_BODIES:
        content, media_type = _WRONG_BODIES[delivery.body]
        return Response(content, media_type=media_type)
    path = generation.replacement or await generations.make(generation.clip)
    return _file(path, delivery)


def _file(path: Path, delivery: Delivery) -> Response:
    if delivery.endless:
        return EndlessResponse(path.read_bytes()[:65_536], media_type=_VIDEO)
    if delivery.truncated:
        whole = path.read_bytes()
        return TruncatedResponse(whole[: len(whole) // 2], promised=len(whole), media_type=_VIDEO)
    if delivery.bytes_per_second:
        length = {"content-length": str(path.stat().st_size)}
        pieces = _throttled(path, delivery.bytes_per_second)
        return StreamingResponse(pieces, headers=length, media_type=_VIDEO)
    return FileResponse(path, media_type=_VIDEO)


async def _throttled(path: Path, bytes_per_second: int) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(max(1, bytes_per_second // 10)):
            yield piece
            await asyncio.sleep(0.1)
