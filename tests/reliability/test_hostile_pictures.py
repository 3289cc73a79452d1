"""Pictures that are bombs, lies or wrecks: said plainly, paid back, and nothing falls over."""

from __future__ import annotations

import struct
import zlib
from functools import partial
from typing import TYPE_CHECKING

import pytest

from tests.flows.media_files import photo
from tests.flows.predicates import says, shows_video
from tests.groups.actions import spent
from tests.reliability.hostile_input import answer_to, assert_alive

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot.app import Bot
    from sandbox.aimlapi import AimlApiSandbox
    from sandbox.telegram import Person, PrivateChat
    from tests.harness import Harness


def png(width: int, height: int, *, rows: int) -> bytes:
    """A black-and-white PNG that claims its size and holds only so many rows of it."""
    line = b"\0" + bytes((width + 7) // 8)
    pixels = zlib.compress(line * rows, 9)
    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", head)
        + _chunk(b"IDAT", pixels)
        + _chunk(b"IEND", b"")
    )


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>'
PDF = b"%PDF-1.7\n1 0 obj <</Type /Catalog /OpenAction <</S /JavaScript>>>> endobj\n%%EOF"
GOOD = photo()
PNG = photo(form="PNG")
HOSTILE: dict[str, tuple[bytes | Callable[[], bytes], str, str]] = {
    "a bomb of 900 million pixels": (
        partial(png, 30_000, 30_000, rows=30_000),
        "image/png",
        "too large",
    ),
    "a size that is a lie": (partial(png, 60_000, 60_000, rows=1), "image/png", "too large"),
    "half a PNG": (PNG[: len(PNG) // 2], "image/png", "damaged"),
    "half a JPEG": (GOOD[: len(GOOD) // 2], "image/jpeg", "damaged"),
    "a JPEG's first bytes": (b"\xff\xd8\xff\xe0" + b"\0" * 200, "image/jpeg", "damaged"),
    "text that claims to be a JPEG": (b"not a picture at all\n" * 20, "image/jpeg", "no picture"),
    "SVG as PNG": (SVG, "image/png", "no picture"),
    "PDF as JPEG": (PDF, "image/jpeg", "no picture"),
    "a video as JPEG": (b"\0\0\0\x18ftypisom" + bytes(400), "image/jpeg", "no picture"),
    "nothing": (b"\n", "image/jpeg", "no picture"),
    "three pixels": (partial(png, 3, 1, rows=1), "image/png", "too small"),
}


@pytest.mark.parametrize("caption", [None, "waves roll in"])
@pytest.mark.parametrize("side", [-3, 0, 10**30, 200_000])
async def test_a_size_that_cannot_be_is_none(
    bot: Bot, chat: PrivateChat, ann: Person, side: int, caption: str | None
) -> None:
    """Telegram tells it, and a server that stands in for it may tell anything."""
    sent = await chat.send_photo(ann, GOOD)
    shown = sent.as_json()
    for size in shown["photo"]:
        size["width"] = side
    shown["message_id"] = chat.last_id = chat.last_id + 1
    chat.world.updates.push("message", shown | ({"caption": caption} if caption else {}))
    if caption is None:
        first = await chat.wait(says("What should happen"))
        await chat.wait(lambda one: says("What should happen")(one) and one is not first)
    else:
        await chat.wait(shows_video(caption))


@pytest.mark.parametrize("what", HOSTILE)
async def test_a_hostile_picture_is_named_for_what_it_is_and_costs_nothing(
    bot: Bot, harness: Harness, chat: PrivateChat, ann: Person, provider: AimlApiSandbox, what: str
) -> None:
    content, mime_type, said = HOSTILE[what]
    data = content if isinstance(content, bytes) else content()
    # without a thumbnail, which tells its size, it is looked at before it is taken on
    for thumbnail in (None, photo(320, 180)):
        asked = await chat.send_document(
            ann, data, "holiday.jpg", mime_type, thumbnail=thumbnail,
            caption="/animate the waves roll in",
        )  # fmt: skip
        answer = await answer_to(chat, asked, said)
        assert thumbnail is None or "9 credits are back" in (answer.text or "")
    assert await spent(harness, ann) == 0
    assert provider.submissions == []
    await assert_alive(harness, chat, ann)


@pytest.mark.parametrize("mime_type", ["image/svg+xml", "application/pdf"])
async def test_what_is_openly_no_photo_gets_an_answer_and_no_video(
    bot: Bot,
    harness: Harness,
    chat: PrivateChat,
    ann: Person,
    provider: AimlApiSandbox,
    mime_type: str,
) -> None:
    asked = await chat.send_document(ann, SVG, "drawing", mime_type, caption="/animate it moves")
    await answer_to(chat, asked)
    assert provider.submissions == []
    await assert_alive(harness, chat, ann)
