"""What a video file holds, and which colour is seen where."""

from __future__ import annotations

from typing import TYPE_CHECKING

import av

if TYPE_CHECKING:
    from pathlib import Path

    from av.container import InputContainer
    from PIL import Image


def packets(path: Path, kind: str = "video") -> list[tuple[object, ...]]:
    """List the packets of a stream: content, the moment it is shown in seconds, key or not."""
    with av.open(str(path)) as container:
        stream = container.streams.best(kind)  # type: ignore[arg-type] # one of its words
        return [
            (bytes(packet), (packet.pts or 0) * base, packet.is_keyframe)
            for packet in container.demux(stream)
            if packet.size and (base := packet.time_base)
        ]


def described(path: Path) -> tuple[str, str, float]:
    """Name the codecs of a file, and its length in seconds."""
    with av.open(str(path)) as container:
        video, sound = container.streams.video[0], container.streams.audio[0]
        return video.codec.canonical_name, sound.codec.canonical_name, seconds(container)


def seconds(container: InputContainer) -> float:
    return (container.duration or 0) / 1_000_000


def files(folder: Path) -> list[Path]:
    return list(folder.iterdir())


def order_of_boxes(path: Path) -> list[str]:
    """List an mp4's outermost boxes."""
    content, position, names = path.read_bytes(), 0, []
    while position < len(content):
        names.append(content[position + 4 : position + 8].decode())
        position += int.from_bytes(content[position : position + 4], "big")
    return names


def colour(image: Image.Image, x: float, y: float) -> str:
    """Name the colour at a place, given as shares of width and height."""
    red, _, blue = image.convert("RGB").getpixel((int(image.width * x), int(image.height * y)))  # type: ignore[misc] # RGB has three
    return "blue" if blue > red else "red" if red > 60 else "black"
