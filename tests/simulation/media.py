"""A fake of the media processes, with faults."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from generation.media.formats import MediaFailed, MediaRefused, MediaTimeout
from generation.media.pool import MediaProcesses

if TYPE_CHECKING:
    from pathlib import Path

    from tests.simulation.chaos import Chaos


class StandInMedia(MediaProcesses):
    """Answers jobs without running them."""

    def __init__(self, chaos: Chaos) -> None:
        super().__init__()
        self._chaos = chaos

    async def run(self, job: str, **arguments: Any) -> dict[str, Any]:
        await self._chaos.passes(0.01, 0.5)
        if self._chaos.strikes("media broke down", 0.005):
            raise MediaFailed("killed")
        match job:
            case "probe_video":
                if self._chaos.strikes("result is no video", 0.003):
                    raise MediaRefused("unreadable")
                if (target := arguments["target"]) is not None:
                    _write(target)
                return _facts(arguments["source"])
            case "measure_picture":
                if self._chaos.strikes("bad picture", 0.02):
                    raise MediaRefused("broken")
                return {"width": 1200, "height": 800, "format": "JPEG"}
            case "fit_picture":
                if self._chaos.strikes("slow picture", 0.005):
                    raise MediaTimeout("too slow")
                _write(arguments["target"])
            case "encode_video" | "remux_video":
                _write(arguments["target"])
        return {}


def _write(target: Path) -> None:
    target.write_bytes(b"made of what was sent")


def _facts(source: Path) -> dict[str, Any]:
    return {
        "container": "mp4", "brand": "isom", "index_first": True, "video": "h264",
        "pixels": "yuv420p", "sound": "aac", "width": 1280, "height": 720, "seconds": 4.0,
        "size": source.stat().st_size,
    }  # fmt: skip
