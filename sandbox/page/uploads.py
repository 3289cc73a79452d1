"""Attached files, sent as Telegram's own apps send them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from sandbox.telegram.media import probe_mp4

if TYPE_CHECKING:
    from sandbox.telegram import Chat, Message, Person, Topic
    from sandbox.telegram.media import Probe


class Upload(BaseModel):
    """An attached file."""

    name: str
    media_type: str
    content: bytes


async def send_upload(
    chat: Chat,
    person: Person,
    upload: Upload,
    *,
    caption: str | None,
    reply_to: Message | None,
    topic: Topic | None,
    album: str | None,
) -> None:
    """Send a picture as a photo, an mp4 as a video or a GIF if silent, and others as documents."""
    options: dict[str, Any] = {"caption": caption, "reply_to": reply_to, "topic": topic}
    content = upload.content
    if upload.media_type.startswith("image/"):
        try:
            await chat.send_photo(person, content, **options, album=album)
        except ValueError:
            pass  # no photo can be made of it
        else:
            return
    probe = await asyncio.to_thread(_probe, content) if upload.media_type == "video/mp4" else None
    if probe is None:
        about = (upload.name, upload.media_type)
        await chat.send_document(person, content, *about, **options, album=album)
        return
    options |= {
        "width": probe.width,
        "height": probe.height,
        "duration": max(1, round(probe.duration)),
    }
    if probe.audio_codec is None:
        await chat.send_animation(person, content, **options)
    else:
        await chat.send_video(person, content, **options, album=album)


def _probe(content: bytes) -> Probe | None:
    """Return the contents of a video, or None if it is no mp4. Blocks."""
    with TemporaryDirectory(prefix="upload-") as folder:
        path = Path(folder) / "video.mp4"
        path.write_bytes(content)
        return probe_mp4(path)
