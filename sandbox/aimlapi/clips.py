"""Real mp4 files: H.264 in yuv420p with AAC, made once and kept in a folder."""

from __future__ import annotations

import asyncio
import hashlib
import os
import pickle
import sys
import tempfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import av
from av.video.reformatter import Interpolation

from sandbox.aimlapi import sound
from sandbox.aimlapi.drawing import PhotoScene, Scene, WordScene

if TYPE_CHECKING:
    from sandbox.aimlapi.pictures import Picture
    from sandbox.aimlapi.shapes import Size

# Frames per second, x264's preset and its quality (smaller is finer), the longer side that is drawn
# of a scene, the pieces a photo is moved in, and how sound is packed.
_QUICK = (1, "ultrafast", "38", 320, 1, {"aac_coder": "fast", "b": "32k"})
_FINE = (24, "superfast", "25", 768, 12, {"aac_coder": "twoloop", "b": "128k"})
_BOX_HEADER = 8  # bytes of an mp4 box: its length and its name


@dataclass(frozen=True, slots=True)
class Clip:
    """What is to be seen and heard, in pixels and seconds, and how it is packed.

    `quick` makes a file of few frames in a fraction of a second. `padding` is its least size in
    bytes.
    """

    prompt: str
    picture: Picture | None
    size: Size
    seconds: int
    quick: bool
    with_sound: bool = True
    moov_first: bool = True
    padding: int = 0

    @property
    def name(self) -> str:
        """A file name that two clips share only if they are the same."""
        picture = self.picture.sha256 if self.picture else ""
        parts = (self.prompt, picture, *self.size, self.seconds, self.quick)
        packing = (self.with_sound, self.moov_first, self.padding)
        return hashlib.sha256(repr((*parts, *packing)).encode()).hexdigest()[:32] + ".mp4"


def make(clip: Clip, folder: Path) -> Path:
    """The clip's file in `folder`, encoded now unless it is there already. Blocks."""
    path = folder / clip.name
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        handle, draft = tempfile.mkstemp(suffix=".part", dir=folder)
        os.close(handle)
        try:
            _encode(clip, draft)
            if clip.padding:
                _pad(Path(draft), clip.padding)
            Path(draft).replace(path)
        finally:
            Path(draft).unlink(missing_ok=True)
    return path


async def render(clip: Clip, folder: Path) -> Path:
    """The clip's file in `folder`; a fine one is drawn in a process of its own."""
    if clip.quick or (folder / clip.name).exists():
        return await asyncio.to_thread(make, clip, folder)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", f"from {__name__} import main; main()", str(folder)),
        stdin=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[2],
        start_new_session=True,  # a key that ends the demo is not meant for it
    )
    try:
        await process.communicate(pickle.dumps(clip))
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        raise OSError(f"the clip could not be made: {process.returncode}")
    return folder / clip.name


def _encode(clip: Clip, path: str) -> None:
    frame_rate, preset, quality, drawn, cells, sounding = _QUICK if clip.quick else _FINE
    # a photo is moved in a single piece at its full size: what a test sees is the picture itself
    size = clip.size if clip.picture and cells == 1 else _within(clip.size, drawn)
    scene: Scene = (
        PhotoScene(clip.picture.open(), size, clip.seconds, clip.prompt, cells)
        if clip.picture
        else WordScene(clip.prompt, size)
    )
    options = {"movflags": "+faststart"} if clip.moov_first else {}
    with av.open(path, "w", format="mp4", options=options) as file:
        video = file.add_stream("libx264", rate=frame_rate)
        video.width, video.height = clip.size
        video.pix_fmt = "yuv420p"
        video.options = {"preset": preset, "crf": quality}
        audio = (
            file.add_stream("aac", rate=sound.RATE, layout="stereo") if clip.with_sound else None
        )
        if audio:
            audio.options = dict(sounding)
        seed = zlib.crc32(clip.prompt.encode())
        chord = sound.chord(clip.seconds, seed) if audio else iter(())
        heard = 0.0
        for index in range(clip.seconds * frame_rate):
            now = index / frame_rate
            frame = av.VideoFrame.from_image(scene.frame(now))  # type: ignore[no-untyped-call]  # PyAV has no types for Pillow
            if size != clip.size:
                frame = frame.reformat(*clip.size, "yuv420p", interpolation=Interpolation.BICUBIC)
            frame.pts = index
            file.mux(video.encode(frame))
            while audio and heard <= now and (samples := next(chord, None)) is not None:
                heard += samples.samples / sound.RATE
                file.mux(audio.encode(samples))
        if audio:
            for samples in chord:
                file.mux(audio.encode(samples))
            file.mux(audio.encode(None))
        file.mux(video.encode(None))


def _within(size: Size, longest: int) -> Size:
    """The size scaled down so that no side is longer."""
    share = min(1.0, longest / max(size))
    return round(size[0] * share), round(size[1] * share)


def _pad(path: Path, wanted: int) -> None:
    """Grow a file to `wanted` bytes by an empty box that players skip; the zeros cost no disk."""
    room = wanted - path.stat().st_size
    if room < _BOX_HEADER:
        return
    with path.open("ab") as file:
        file.write(room.to_bytes(4, "big") + b"free")
        file.truncate(wanted)


def main() -> None:
    """Make the pickled clip of the input, in the folder that is named."""
    make(pickle.load(sys.stdin.buffer), Path(sys.argv[1]))  # noqa: S301  # it comes from `render`
