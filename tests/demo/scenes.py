"""Conversations that are hard to draw: long captions, tall videos, albums, many buttons."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from sandbox.aimlapi.clips import Clip, make
from sandbox.page import photos

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox.page import ChatPage
    from sandbox.telegram import Chat
    from tests.sandbox.telegram.calls import Caller

LONG = (
    "An old fisherman mends his net on the pier while the first light of the morning climbs over "
    "the masts, gulls circle, and somewhere behind the houses a bell rings for the early service"
)
ROWS = [["Again · 9", "Change", "Share"], ["More …"]]
OFFER = [["Try with Veo · 6 credits"], ["4 seconds · 4", "Other model · 3"]]


def keyboard(rows: list[list[str]]) -> str:
    """Buttons as a call carries them."""
    shown = [[{"text": text, "callback_data": text} for text in row] for row in rows]
    return json.dumps({"inline_keyboard": shown})


async def video(call: Caller, folder: Path, size: tuple[int, int], **params: Any) -> None:
    """Let the bot send a video of this size, in pixels."""
    clip = Clip("A pier", None, size, 4, quick=True)
    path = await asyncio.to_thread(make, clip, folder)
    width, height = map(str, size)
    await call.upload(
        "sendVideo",
        {"video": ("video.mp4", path.read_bytes(), "video/mp4")},
        **(params | {"width": width, "height": height, "duration": "4"}),
    )


async def hang_pictures(chat_page: ChatPage, call: Caller, chat: Chat, folder: Path) -> None:
    """Fill a chat with pictures of all shapes, with and without words and buttons."""
    ann, bob, _ = chat_page.participants.people.values()
    place = {"chat_id": str(chat.id)}
    for size in ((1280, 720), (720, 1280), (1024, 1024)):
        for rows in (ROWS, OFFER):
            await video(call, folder, size, **place, caption=LONG, reply_markup=keyboard(rows))
    await video(call, folder, (720, 1280), **place, reply_markup=keyboard(ROWS))
    text = {"text": "Done?", "reply_markup": keyboard(ROWS)}
    await call.form("sendMessage", **place, **text)
    pictures = [photos.jpeg(name) for name in photos.PHOTOS]
    for by, count in ((ann, 2), (bob, 3), (bob, 5)):
        for number in range(count):
            caption = f"{count} of them: {LONG}" if number == 0 else None
            await chat.send_photo(
                by, pictures[number % 3], caption=caption, album=f"album-{by.id}-{count}"
            )
    await chat.send_photo(bob, pictures[2], caption=LONG)
    await chat.send_photo(ann, pictures[1])
