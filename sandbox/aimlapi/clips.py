"""Makes mp4 files, H.264 in yuv420p with AAC, and caches them in a folder."""

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

# Frames per second, x264's preset and CRF, the longer side in pixels at which scenes are drawn, the
# cells per side in which a photo moves, and the audio encoder's options.
_QUICK = (1, "ultrafast", "38", 320, 1, {"aac_coder": "fast", "b": "32k"})
_FINE = (24, "superfast", "25", 768, 12, {"aac_coder": "twoloop", "b": "128k"})
_BOX_HEADER = 8  # bytes of an mp4 box: its length and its name


@dataclass(frozen=True, slots=True)
class Clip:
    """The content and the encoding of a video; size in pixels.

    `quick` makes a file of few frames in a fraction of a second. `padding` is its minimum size in
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
        """A file name derived from all fields, so that only equal clips share it."""
        picture = self.picture.sha256 if self.picture else ""
        content = (self.prompt, picture, *self.size, self.seconds, self.quick)
        encoding = (self.with_sound, self.moov_first, self.padding)
        return hashlib.sha256(repr((*content, *encoding)).encode()).hexdigest()[:32] + ".mp4"


def make(clip: Clip, folder: Path) -> Path:
    """Return the clip's file in `folder`, encoding it if it is missing. Blocks."""
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
    """Return the clip's file in `folder`; a clip that is not quick is made in a subprocess."""
    if clip.quick or (folder / clip.name).exists():
        return await asyncio.to_thread(make, clip, folder)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", f"from {__name__} import main; main()", str(folder)),
        stdin=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[2],
        start_new_session=True,  # Ctrl-C in the demo's terminal must not reach it
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
    frame_rate, preset, quality, longest_drawn, cells, audio_options = (
        _QUICK if clip.quick else _FINE
    )
    # in quick clips a photo keeps its full size, so that tests can recognize it
    size = clip.size if clip.picture and cells == 1 else _scaled_to(clip.size, longest_drawn)
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
            audio.options = dict(audio_options)
        seed = zlib.crc32(clip.prompt.encode())
        chord = sound.chord(clip.seconds, seed) if audio else iter(())
        encoded_seconds = 0.0
        for index in range(clip.seconds * frame_rate):
            now = index / frame_rate
            frame = av.VideoFrame.from_image(scene.frame(now))  # type: ignore[no-untyped-call]  # PyAV has no types for Pillow
            if size != clip.size:
                frame = frame.reformat(*clip.size, "yuv420p", interpolation=Interpolation.BICUBIC)
            frame.pts = index
            file.mux(video.encode(frame))
            while audio and encoded_seconds <= now and (samples := next(chord, None)) is not None:
                encoded_seconds += samples.samples / sound.RATE
                file.mux(audio.encode(samples))
        if audio:
            for samples in chord:
                file.mux(audio.encode(samples))
            file.mux(audio.encode(None))
        file.mux(video.encode(None))


def _scaled_to(size: Size, longest: int) -> Size:
    """Return the size, scaled down if a side is longer."""
    share = min(1.0, longest / max(size))
    return round(size[0] * share), round(size[1] * share)


def _pad(path: Path, wanted: int) -> None:
    """Grow a file to `wanted` bytes by a `free` box, which players skip; it is sparse on disk."""
    missing = wanted - path.stat().st_size
    if missing < _BOX_HEADER:
        return
    with path.open("ab") as file:
        file.write(missing.to_bytes(4, "big") + b"free")
        file.truncate(wanted)


def main() -> None:
    """Make the clip pickled on standard input, in the folder of the first argument."""
    make(pickle.load(sys.stdin.buffer), Path(sys.argv[1]))  # noqa: S301  # written by `render`
