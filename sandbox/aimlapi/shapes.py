"""The size and duration of the video that a request asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sandbox.aimlapi.schemas import Model

Size = tuple[int, int]

_SHORT_SIDES = {"hd": 720, "fhd": 1080, "2k": 1440, "4k": 2160}
_SORA_SIZES: dict[tuple[str, str], Size] = {
    ("720p", "16:9"): (1280, 720),
    ("720p", "9:16"): (720, 1280),
    ("1080p", "16:9"): (1792, 1024),
    ("1080p", "9:16"): (1024, 1792),
}
_FRAMES_PER_SECOND = 16  # of models with `num_frames` instead of `duration`
_DEFAULT_SECONDS = 5


def size_of(model: Model, body: dict[str, Any], picture: Size | None = None) -> Size:
    """Return width and height in pixels; without an aspect ratio, the picture's is used."""
    resolution = str(model.value(body, "resolution") or "720p")
    shape = model.value(body, "aspect_ratio") or model.value(body, "ratio")
    if model.is_sora:
        return _SORA_SIZES[resolution, str(shape)]
    frame = model.value(body, "frame_size")
    if isinstance(frame, str) and ":" in frame:
        width, height = frame.split(":")
        return int(width), int(height)
    if isinstance(shape, str) and ":" in shape:
        across, down = (int(part) for part in shape.split(":"))
    else:
        across, down = picture or (16, 9)
    return _sized(across, down, _short_side(resolution))


def seconds_of(model: Model, body: dict[str, Any]) -> int:
    """Return the duration in whole seconds, at least one."""
    frames = model.value(body, "num_frames")
    if frames is not None:
        return max(1, round(int(frames) / _FRAMES_PER_SECOND))
    return int(model.value(body, "duration") or _DEFAULT_SECONDS)


def _short_side(resolution: str) -> int:
    name = resolution.lower()
    return _SHORT_SIDES[name] if name in _SHORT_SIDES else int(name.removesuffix("p"))


def _sized(across: int, down: int, short: int) -> Size:
    """Return width and height, both even, as H.264 with 4:2:0 requires."""
    scale = short / min(across, down)
    return 2 * round(across * scale / 2), 2 * round(down * scale / 2)
