"""Small real media files."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path

import av
from PIL import Image


def clip(*, sound: bool = True, width: int = 64, height: int = 48, faststart: bool = True) -> bytes:
    """One second of H.264, with a silent AAC track or none."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mp4"
        options = {"movflags": "faststart"} if faststart else {}
        with av.open(str(path), "w", format="mp4", options=options) as container:
            video = container.add_stream("libx264", rate=10)
            video.width, video.height, video.pix_fmt = width, height, "yuv420p"
            audio = container.add_stream("aac", rate=44100, layout="mono") if sound else None
            for _ in range(10):
                container.mux(video.encode(av.VideoFrame(width, height, "yuv420p")))
            container.mux(video.encode())
            if audio is not None:
                frame = av.AudioFrame("fltp", "mono", 1024)
                frame.rate = 44100
                for plane in frame.planes:
                    plane.update(bytes(plane.buffer_size))
                container.mux(audio.encode(frame))
                container.mux(audio.encode())
        return path.read_bytes()


def picture(width: int = 900, height: int = 600, shape: str = "JPEG") -> bytes:
    """A plain picture."""
    out = io.BytesIO()
    Image.new("RGB", (width, height), "teal").save(out, shape)
    return out.getvalue()


def noise(width: int, height: int) -> bytes:
    """A JPEG that does not compress."""
    out = io.BytesIO()
    Image.effect_noise((width, height), 200).save(out, "JPEG", quality=100)
    return out.getvalue()
