"""Pictures people send, and what a delivered file really holds."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

import av
from PIL import Image, ImageDraw

if TYPE_CHECKING:
    from pathlib import Path


def photo(width: int = 1200, height: int = 700, form: str = "JPEG") -> bytes:
    """Return a picture with something to see in it."""
    image = Image.new("RGB", (width, height), (90, 140, 190))
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, height * 2 // 3, width, height), fill=(60, 110, 60))
    draw.ellipse((width // 3, height // 4, width // 3 + height // 3, height * 7 // 12), fill="gold")
    target = BytesIO()
    image.save(target, form)
    return target.getvalue()


@dataclass(frozen=True)
class Stream:
    """A stream packet for packet: its codec and a digest of every packet in order."""

    codec: str
    packets: int
    digest: str


def streams(path: Path) -> dict[str, Stream]:
    """Return a file's streams by kind."""
    found: dict[str, Stream] = {}
    with av.open(str(path)) as container:
        for stream in container.streams:
            digest, packets = hashlib.sha256(), 0
            container.seek(0)
            for packet in container.demux(stream):
                if packet.size:
                    digest.update(bytes(packet))
                    packets += 1
            name = stream.codec_context.name
            found[stream.type] = Stream(name, packets, digest.hexdigest())
    return found


def index_is_in_front(path: Path) -> bool:
    """Whether a player can begin before it has the whole file."""
    data = path.read_bytes()
    return 0 < data.find(b"moov") < data.find(b"mdat")
